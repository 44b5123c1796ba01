//! Signs in to a server and opens its stream of events. Says for each failure what is wrong and whether to try again.

use std::time::Duration;

use reqwest::{Client, RequestBuilder, Response, StatusCode, header, redirect};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout, timeout_at};

use super::event_messages::{EventMessage, MessageReader};
use crate::domain::scope::Scope;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// For an answer, or the head of the stream.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(20);
/// The server writes a comment every 15 seconds: a stream that is silent for longer than this is dead.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(45);
/// A token is renewed when this part of its life has passed.
const RENEWED_AT: f64 = 0.8;
/// The most of an answer's text that is shown, in characters.
const SHOWN_CHARACTERS: usize = 200;

/// Why there is no stream.
#[derive(Debug)]
pub(super) enum StreamError {
    /// Another attempt gives the same: stop.
    Final(String),
    /// Try again later.
    Retryable(String),
}

/// How to reach a server. Holds a secret, so it has no `Debug`.
pub(super) struct ServerAccess {
    /// Without a slash at the end.
    pub(super) url: String,
    pub(super) client_id: String,
    pub(super) client_secret: String,
    /// The types of events, with a comma between; `None`: all.
    pub(super) types: Option<String>,
}

/// A server and a token for it.
pub(super) struct EventServer {
    http: Client,
    access: ServerAccess,
    token: Option<Token>,
}

struct Token {
    text: String,
    renew_at: Instant,
}

/// An open stream of events.
pub(super) struct ServerStream {
    response: Response,
    reader: MessageReader,
    /// When its token is to be renewed.
    ends: Instant,
}

#[derive(Deserialize)]
struct MachineTokenAnswer {
    access_token: String,
    expires_in: u64,
}

impl EventServer {
    pub(super) fn new(access: ServerAccess) -> anyhow::Result<Self> {
        let http = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(redirect::Policy::none())
            .no_proxy()
            .user_agent("identivia")
            .build()?;
        Ok(Self { http, access, token: None })
    }

    /// The id of the newest event; `None` when there is no event yet.
    pub(super) async fn find_newest(&mut self) -> Result<Option<String>, StreamError> {
        let request = self.http.get(self.url("/api/events")).query(&[("after", "latest"), ("limit", "1")]);
        let token = self.fetch_token().await?;
        let response = self.check_answer(send(request.bearer_auth(token)).await?).await?;
        let page = response.json::<Value>().await.map_err(|_| StreamError::Retryable(self.foreign_answer()))?;
        Ok(page["next_cursor"].as_str().map(str::to_owned))
    }

    /// Opens the stream of what follows that event; `None`: from the oldest.
    pub(super) async fn open_stream(&mut self, after: Option<&str>) -> Result<ServerStream, StreamError> {
        let mut request = self.http.get(self.url("/api/events")).header(header::ACCEPT, "text/event-stream");
        if let Some(types) = &self.access.types {
            request = request.query(&[("types", types)]);
        }
        if let Some(id) = after {
            request = request.header("last-event-id", id);
        }
        let token = self.fetch_token().await?;
        let response = self.check_answer(send(request.bearer_auth(token)).await?).await?;
        let ends = self.token.as_ref().map_or_else(Instant::now, |token| token.renew_at);
        Ok(ServerStream { response, reader: MessageReader::default(), ends })
    }

    /// The token, a new one if the old one ends soon. It may do nothing but read events.
    async fn fetch_token(&mut self) -> Result<String, StreamError> {
        if let Some(token) = self.token.as_ref().filter(|token| Instant::now() < token.renew_at) {
            return Ok(token.text.clone());
        }
        let ServerAccess { client_id, client_secret, .. } = &self.access;
        let body = json!({"client_id": client_id, "client_secret": client_secret, "scope": Scope::EventsRead.name()});
        let asked_at = Instant::now();
        let response = send(self.http.post(self.url("/api/auth/token")).json(&body)).await?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(self.explain_token_refusal(status, &read_error(response).await));
        }
        let answer = response.json::<MachineTokenAnswer>().await;
        let answer = answer.map_err(|_| StreamError::Final(self.foreign_answer()))?;
        let renew_at = asked_at + Duration::from_secs(answer.expires_in).mul_f64(RENEWED_AT);
        self.token = Some(Token { text: answer.access_token.clone(), renew_at });
        Ok(answer.access_token)
    }

    fn explain_token_refusal(&self, status: StatusCode, error: &Value) -> StreamError {
        let client = &self.access.client_id;
        match (status.as_u16(), error["error"].as_str().unwrap_or_default()) {
            (400, "invalid_scope") => StreamError::Final(missing_scope(client)),
            (401, _) => StreamError::Final(format!(
                "the server does not accept the client {client} with this secret; check IDENTIVIA_CLIENT_ID and \
                 IDENTIVIA_CLIENT_SECRET"
            )),
            (403, _) => StreamError::Final(format!("the client {client} may not be used from this address")),
            (404 | 405, _) => StreamError::Final(self.foreign_answer()),
            _ => explain_status(status, error),
        }
    }

    /// Turns the refusal of a request for events into an error.
    async fn check_answer(&mut self, response: Response) -> Result<Response, StreamError> {
        let status = response.status();
        if status == StatusCode::OK {
            return Ok(response);
        }
        let error = read_error(response).await;
        Err(match status {
            StatusCode::UNAUTHORIZED => {
                self.token = None;
                StreamError::Retryable("the server no longer accepts the token".to_owned())
            }
            StatusCode::FORBIDDEN => StreamError::Final(missing_scope(&self.access.client_id)),
            StatusCode::GONE => StreamError::Final(
                "events behind this one are no longer kept, so some may be missing; read the profiles again, then start \
                 with --after latest or --after oldest"
                    .to_owned(),
            ),
            StatusCode::NOT_FOUND => StreamError::Final(self.foreign_answer()),
            _ => explain_status(status, &error),
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.access.url)
    }

    fn foreign_answer(&self) -> String {
        format!("what answers at {} is no Identivia server with events; check --server", self.access.url)
    }
}

impl ServerStream {
    /// The next event. `None` when the stream has ended, or its token is to be renewed.
    pub(super) async fn next_event(&mut self) -> Result<Option<EventMessage>, StreamError> {
        let broken = || StreamError::Retryable("the connection to the server broke off".to_owned());
        loop {
            if let Some(message) = self.reader.next_message().map_err(|_| broken())? {
                return Ok(Some(message));
            }
            let Ok(chunk) = timeout_at(self.ends, timeout(SILENCE_TIMEOUT, self.response.chunk())).await else {
                return Ok(None);
            };
            match chunk {
                Ok(Ok(Some(bytes))) => self.reader.add_bytes(&bytes),
                Ok(Ok(None)) => return Ok(None),
                Ok(Err(_)) | Err(_) => return Err(broken()),
            }
        }
    }
}

async fn send(request: RequestBuilder) -> Result<Response, StreamError> {
    let problem = match timeout(ANSWER_TIMEOUT, request.send()).await {
        Ok(Ok(response)) => return Ok(response),
        Ok(Err(error)) if error.is_connect() => "the server cannot be reached (is it running, and is --server right?)",
        // The library's own text holds the URL.
        Ok(Err(_)) => "the connection to the server broke off",
        Err(_) => "the server does not answer in time",
    };
    Err(StreamError::Retryable(problem.to_owned()))
}

fn missing_scope(client: &str) -> String {
    format!("the client {client} lacks the scope {}; add it to the client", Scope::EventsRead.name())
}

/// The body of a refusal; null when it is no JSON.
async fn read_error(response: Response) -> Value {
    timeout(ANSWER_TIMEOUT, response.json()).await.ok().and_then(Result::ok).unwrap_or_default()
}

fn explain_status(status: StatusCode, error: &Value) -> StreamError {
    let can_pass = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    let texts = [&error["error"], &error["message"]].into_iter().filter_map(Value::as_str);
    let fields = error["fields"].as_object().into_iter().flatten();
    let fields = fields.map(|(name, problem)| format!("{name} {}", problem.as_str().unwrap_or_default()));
    let texts = texts.map(str::to_owned).chain(fields).collect::<Vec<_>>().join("; ");
    let shown: String = texts.chars().filter(|letter| !letter.is_control()).take(SHOWN_CHARACTERS).collect();
    let problem = format!("the server answers {}: {shown}", status.as_u16());
    if can_pass { StreamError::Retryable(problem) } else { StreamError::Final(problem) }
}
