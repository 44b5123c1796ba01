//! A server of its own for each test, in this process, and the callers that talk to it.

pub(crate) mod redaction;
pub(crate) mod scripted;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use clap::Parser;
use identivia::app::App;
use identivia::clock::Clock;
use identivia::config::{Config, Settings};
use identivia::domain::scope::{Scope, to_scope_claim};
use identivia::providers::liveness::LivenessProvider;
use identivia::providers::local_engines::LocalEngines;
use identivia::server::{Server, StartOptions};
use identivia::work::cpu_ledger::CpuLedger;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::watch;

use self::scripted::{ScriptedLiveness, ScriptedReader};
use crate::ground::{Ground, Told};
use crate::services::providers::Providers;

/// The secret that tests sign their own tokens with.
pub(crate) const SECRET: &str = "0123456789abcdef0123456789abcdef-test";

/// An answer within this time shows that a limit ended the wait: what is waited for would never come. It is far more than
/// a busy machine needs, so that no test measures speed.
pub(crate) const GIVEN_UP_WITHIN: Duration = Duration::from_secs(30);

#[derive(Parser)]
#[command(args_override_self = true)]
struct Only {
    #[command(flatten)]
    settings: Settings,
}

/// A running server.
pub(crate) struct World {
    pub(crate) url: String,
    pub(crate) app: Arc<App>,
    pub(crate) clock: Clock,
    pub(crate) provider: Arc<ScriptedLiveness>,
    pub(crate) folder: TempDir,
    pub(crate) ground: Arc<Ground>,
    http: reqwest::Client,
    _stop: watch::Sender<bool>,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: Value,
    pub(crate) bytes: Vec<u8>,
}

impl Answer {
    /// Asserts the status and gives the body.
    #[track_caller]
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.body);
        self.body
    }

    /// A header's text; empty when it is not there.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }
}

impl World {
    /// Starts a server without outside providers: the embedded default.
    pub(crate) async fn new() -> Self {
        Self::with(&[], false).await
    }

    /// Starts a server with a scripted liveness provider.
    pub(crate) async fn with_liveness() -> Self {
        Self::with(&[], true).await
    }

    /// Starts a server with a scripted document reader.
    pub(crate) async fn with_reader() -> Self {
        let options = StartOptions { reader: Some(Arc::new(ScriptedReader)), ..StartOptions::default() };
        Self::start(&[], options, Arc::default()).await
    }

    /// Starts a server whose page has that HTML, or that was built without one.
    pub(crate) async fn with_page(flags: &[&str], html: Option<&'static str>) -> Self {
        Self::start(flags, StartOptions { page: Some(html), ..StartOptions::default() }, Arc::default()).await
    }

    /// Starts a server with more flags.
    pub(crate) async fn with(flags: &[&str], liveness: bool) -> Self {
        let provider = Arc::new(ScriptedLiveness::default());
        let liveness = liveness.then(|| provider.clone() as Arc<dyn LivenessProvider>);
        Self::start(flags, StartOptions { liveness, ..StartOptions::default() }, provider).await
    }

    /// Starts a server with a scripted liveness provider on that ground.
    pub(crate) async fn on(ground: Arc<Ground>, flags: &[&str], clock: Clock) -> Self {
        let provider = Arc::new(ScriptedLiveness::default());
        let options = StartOptions { clock, liveness: Some(provider.clone()), ..StartOptions::default() };
        Self::start_on(ground, flags, options, provider).await
    }

    /// Starts a server on that ground with these providers, and more flags. Unfinished sessions are polled
    /// that long before their end.
    pub(crate) async fn with_providers(
        ground: Arc<Ground>,
        providers: &Providers,
        flags: &[&str],
        poll_at: &'static [i64],
    ) -> Self {
        let named = providers.variables();
        let named: Vec<String> = named.iter().flat_map(|(name, value)| [flag(name), value.clone()]).collect();
        // The ground's own keys for AWS come first, so that these take their place.
        let flags: Vec<&str> = named.iter().map(String::as_str).chain(flags.iter().copied()).collect();
        let options = StartOptions { poll_at: Some(poll_at), ..StartOptions::default() };
        Self::start_on(ground, &flags, options, Arc::default()).await
    }

    /// Starts a server with these options.
    pub(crate) async fn with_options(options: StartOptions) -> Self {
        Self::start(&[], options, Arc::default()).await
    }

    /// Starts a server with more flags and these options.
    pub(crate) async fn with_flags_and_options(flags: &[&str], options: StartOptions) -> Self {
        Self::start(flags, options, Arc::default()).await
    }

    async fn start(flags: &[&str], options: StartOptions, provider: Arc<ScriptedLiveness>) -> Self {
        Self::start_on(Arc::new(Ground::wanted().await), flags, options, provider).await
    }

    /// Record checks wait until a test runs them: otherwise a result would depend on when they run.
    async fn start_on(
        ground: Arc<Ground>,
        flags: &[&str],
        options: StartOptions,
        provider: Arc<ScriptedLiveness>,
    ) -> Self {
        let engines = options.engines.clone().or_else(|| Some(engines()));
        let options = StartOptions { engines, holds_checks: true, ..options };
        let folder = tempfile::tempdir().unwrap();
        let data_dir = folder.path().join("data");
        let of_team: Vec<_> =
            Scope::ALL.into_iter().filter(|scope| *scope != Scope::ClientsManage).map(Scope::name).collect();
        let clients = json!([
            {"client_id": "operator", "client_secret": "operator-secret", "scopes": Scope::ALL.map(Scope::name)},
            {"client_id": "red", "client_secret": "red-secret", "scopes": of_team, "team": "red"},
            {"client_id": "tester", "client_secret": "tester-secret", "scopes": Scope::ALL.map(Scope::name)},
            {"client_id": "reader", "client_secret": "reader-secret", "scopes": ["profiles:read", "health:read"]},
        ])
        .to_string();
        let mut line = vec![
            "identivia",
            "--data-dir",
            data_dir.to_str().unwrap(),
            "--port",
            "0",
            "--jwt-secret",
            SECRET,
            "--jwt-clients-json",
            &clients,
            "--client-url",
            "https://app.example.com",
        ];
        let kept_there = ground.flags();
        line.extend(kept_there.iter().map(String::as_str));
        line.extend_from_slice(flags);
        let config = Config::new(&Only::parse_from(line).settings).unwrap();
        let clock = options.clock.clone();
        let server = Server::start(config, options).await.unwrap();
        let (stop, stopped) = watch::channel(false);
        let url = format!("http://{}", server.address);
        let app = server.app.clone();
        tokio::spawn(server.run(stopped));
        Self { url, app, clock, provider, folder, ground, http: reqwest::Client::new(), _stop: stop }
    }

    /// A caller with every scope and no team.
    pub(crate) fn operator(&self) -> Caller<'_> {
        self.machine(&to_scope_claim(&Scope::ALL), None)
    }

    /// A caller with every scope in a team.
    pub(crate) fn team(&self, team: &str) -> Caller<'_> {
        self.machine(&to_scope_claim(&Scope::ALL), Some(team))
    }

    /// A machine caller with these scopes.
    pub(crate) fn machine(&self, scope: &str, team: Option<&str>) -> Caller<'_> {
        let token = self.app.tokens.issue_machine_token("tester", scope, team, None, self.clock.now()).unwrap();
        Caller { world: self, token: Some(token), cookie: None }
    }

    /// A caller with a token of its own making, or none.
    pub(crate) fn bearing(&self, token: Option<String>) -> Caller<'_> {
        Caller { world: self, token, cookie: None }
    }

    /// A browser that has that cookie, as `name=value`.
    pub(crate) fn with_cookie(&self, cookie: &str) -> Caller<'_> {
        Caller { world: self, token: None, cookie: Some(cookie.to_owned()) }
    }

    /// A new profile without a team, and the browser that holds its link.
    pub(crate) async fn person(&self, user: &str) -> (String, Caller<'_>) {
        let body = self.operator().post("/api/profiles/create", json!({"userID": user})).await.expect(201);
        let token = body["flow_token"].as_str().unwrap().to_owned();
        (body["id"].as_str().unwrap().to_owned(), self.bearing(Some(token)))
    }

    /// Runs the checks that are due next; says whether there were any. Other tests use the engines too: while none is free the
    /// checks are postponed.
    pub(crate) async fn run_next_checks(&self) -> bool {
        for _ in 0..30 {
            match self.app.record_checks.run_next().await {
                Ok(has_run) => return has_run,
                Err(_) => self.clock.advance(11),
            }
        }
        panic!("no engine became free");
    }

    /// Every stored file.
    pub(crate) async fn stored_files(&self) -> Vec<String> {
        self.ground.stored_files(&self.folder.path().join("data")).await
    }

    /// Waits, boundedly, until exactly that many files are stored: sweeping happens behind the answer.
    pub(crate) async fn await_stored_files(&self, count: usize) {
        for _ in 0..250 {
            if self.stored_files().await.len() == count {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("{count} files were expected: {:?}", self.stored_files().await);
    }

    /// Waits, boundedly, for the first event of that type: PostgreSQL shows events once no older transaction is open, and other
    /// tests have theirs.
    pub(crate) async fn await_event(&self, kind: &str) -> Value {
        for _ in 0..250 {
            let events = self.operator().get("/api/events?limit=100").await.expect(200);
            let found = events["data"].as_array().unwrap().iter().find(|event| event["type"] == kind).cloned();
            if let Some(event) = found {
                return event;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("there is no event {kind}");
    }

    /// What the audit trail holds, oldest first.
    pub(crate) async fn events(&self) -> Vec<Told> {
        self.ground.events(&self.folder.path().join("data")).await
    }
}

/// A ledger for which all work is free: processor time is the process's, and other tests use it too.
pub(crate) fn free_ledger() -> Arc<CpuLedger> {
    CpuLedger::with_measure(Clock::default(), 2, || Duration::ZERO)
}

/// The local engines, loaded once for all servers of this process.
pub(crate) fn engines() -> Arc<LocalEngines> {
    static ENGINES: OnceLock<Arc<LocalEngines>> = OnceLock::new();
    ENGINES.get_or_init(|| LocalEngines::load(None, 2, free_ledger()).unwrap()).clone()
}

/// A variable's name as a flag.
pub(crate) fn flag(variable: &str) -> String {
    format!("--{}", variable.to_lowercase().replace('_', "-"))
}

/// A caller of the server.
pub(crate) struct Caller<'a> {
    world: &'a World,
    pub(crate) token: Option<String>,
    /// The console's cookie, as `name=value`.
    pub(crate) cookie: Option<String>,
}

impl Caller<'_> {
    /// A request to be completed.
    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.world.http.request(method, format!("{}{path}", self.world.url));
        if let Some(cookie) = &self.cookie {
            let headers =
                [("cookie", cookie.as_str()), ("sec-fetch-site", "same-origin"), ("x-identivia-console", "1")];
            request = headers.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        }
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        answer(self.request(Method::GET, path)).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::POST, path).json(&body)).await
    }

    pub(crate) async fn patch(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PATCH, path).json(&body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        answer(self.request(Method::PUT, path).json(&body)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        answer(self.request(Method::DELETE, path)).await
    }

    pub(crate) async fn form(&self, method: Method, path: &str, form: Form) -> Answer {
        answer(self.request(method, path).multipart(form)).await
    }
}

/// Sends a request and reads the answer.
pub(crate) async fn answer(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let headers = response.headers().clone();
    let bytes = response.bytes().await.unwrap().to_vec();
    let body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
    Answer { status, headers, body, bytes }
}

/// A form of texts.
pub(crate) fn texts(fields: &[(&'static str, &str)]) -> Form {
    fields.iter().fold(Form::new(), |form, (name, value)| form.text(*name, (*value).to_owned()))
}

/// A file part.
pub(crate) fn file(bytes: Vec<u8>, name: &str) -> Part {
    Part::bytes(bytes).file_name(name.to_owned())
}

/// A picture from the test data.
pub(crate) fn picture(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/../../tests/data/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// A small picture of one colour.
pub(crate) fn small_picture(shade: u8) -> Vec<u8> {
    let image = image::RgbImage::from_pixel(16, 16, image::Rgb([shade, 0, 0]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    image.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

/// The beginning of a WebM video, as a browser records it, and some bytes that stand for the rest.
pub(crate) fn video(bytes: usize) -> Vec<u8> {
    let mut video = b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm\x18\x53\x80\x67\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF".to_vec();
    video.resize(bytes.max(video.len()), 7);
    video
}
