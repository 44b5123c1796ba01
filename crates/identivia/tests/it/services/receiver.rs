//! A receiver of webhooks on this machine: it keeps what it gets, and answers as a test says.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// The longest wait for deliveries, in tenths of a second.
const LONGEST_WAIT: usize = 300;

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn event_type(&self) -> String {
        self.json()["type"].as_str().unwrap().to_owned()
    }

    pub(crate) fn id(&self) -> String {
        self.header("webhook-id").to_owned()
    }
}

/// What a receiver answers: a status, a text and headers; or it never answers.
#[derive(Clone, Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) text: &'static str,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) hangs: bool,
}

impl Reply {
    pub(crate) fn of(status: u16) -> Self {
        Self { status, text: "", headers: Vec::new(), hangs: false }
    }
}

struct Script {
    received: Mutex<Vec<Received>>,
    reply: Mutex<Reply>,
}

/// A receiver. It stops when it is dropped.
pub(crate) struct Receiver {
    pub(crate) url: String,
    script: Arc<Script>,
    _stop: oneshot::Sender<()>,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let script = Arc::new(Script { received: Mutex::default(), reply: Mutex::new(Reply::of(204)) });
        let router = Router::new().fallback(answer_request).with_state(script.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served.unwrap(),
                _ = stopped => {}
            }
        });
        Self { url, script, _stop: stop }
    }

    /// Sets what it answers from now on.
    pub(crate) fn reply(&self, reply: Reply) {
        *self.script.reply.lock().unwrap() = reply;
    }

    /// What it has got so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        self.script.received.lock().unwrap().clone()
    }

    /// Waits, boundedly, until it has got that many.
    #[track_caller]
    pub(crate) fn wait_for(&self, count: usize) -> impl Future<Output = Vec<Received>> + '_ {
        let caller = std::panic::Location::caller();
        async move {
            for _ in 0..LONGEST_WAIT {
                if self.received().len() >= count {
                    return self.received();
                }
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            let types: Vec<_> = self.received().iter().map(Received::event_type).collect();
            panic!("{caller}: {count} deliveries were expected, not {types:?}");
        }
    }
}

async fn answer_request(State(script): State<Arc<Script>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    script.received.lock().unwrap().push(Received { path: uri.to_string(), headers, body });
    let reply = script.reply.lock().unwrap().clone();
    if reply.hangs {
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    }
    let mut response = (StatusCode::from_u16(reply.status).unwrap(), reply.text).into_response();
    for (name, value) in reply.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    response
}
