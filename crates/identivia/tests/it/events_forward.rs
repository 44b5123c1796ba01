//! `identivia events forward`: signed events in their order, retries, new connections, new tokens, and clear errors.

use std::io::{BufRead as _, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use identivia::clock::Clock;
use identivia::domain::webhook_signature::{WebhookSecret, sign_v1};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::command::{clear_environment, run, text};
use crate::services::proxy::Proxy;
use crate::world::{GIVEN_UP_WITHIN, World};

/// Waits, boundedly, until something is there.
async fn wait_for<T>(what: &str, mut find: impl FnMut() -> Option<T>) -> T {
    for _ in 0..GIVEN_UP_WITHIN.as_millis() / 20 {
        if let Some(found) = find() {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("there is no {what}");
}

/// A request that a small HTTP server got.
#[derive(Clone)]
struct Received {
    path: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Received {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn event(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A small HTTP server that answers as a test says, and notes what it gets.
struct SmallServer {
    url: String,
    received: Arc<Mutex<Vec<Received>>>,
}

impl SmallServer {
    /// Answers by the request and the number of those before it.
    async fn start(answer: impl Fn(&Received, usize) -> Response + Clone + Send + Sync + 'static) -> Self {
        let received = Arc::new(Mutex::new(Vec::new()));
        let noted = received.clone();
        let router = Router::new().fallback(move |uri: Uri, headers: HeaderMap, body: Bytes| {
            let request = Received { path: uri.path().to_owned(), headers, body };
            let mut noted = noted.lock().unwrap();
            let response = answer(&request, noted.len());
            noted.push(request);
            std::future::ready(response)
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, received }
    }

    fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }

    async fn wait_for_requests(&self, count: usize) -> Vec<Received> {
        wait_for(&format!("request {count}"), || Some(self.received()).filter(|all| all.len() >= count)).await
    }
}

fn status(code: u16) -> Response {
    Response::builder().status(code).header("location", "/elsewhere").body(Body::empty()).unwrap()
}

/// The command, while it runs.
struct Forward {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    _folder: TempDir,
}

impl Drop for Forward {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Forward {
    fn start(server: &str, to: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
        clear_environment(&mut command, folder.path());
        command.args(["events", "forward", "--server", server, "--to", to]).args(arguments);
        command.env("IDENTIVIA_CLIENT_ID", "tester").env("IDENTIVIA_CLIENT_SECRET", "tester-secret");
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = Arc::new(Mutex::new(Vec::new()));
        let (out, err): (Box<dyn Read + Send>, Box<dyn Read + Send>) =
            (Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap()));
        for pipe in [out, err] {
            let lines = lines.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    lines.lock().unwrap().push(line);
                }
            });
        }
        Self { child, lines, _folder: folder }
    }

    fn output(&self) -> String {
        self.lines.lock().unwrap().join("\n")
    }

    /// The first line that contains that text.
    async fn wait_for_line(&self, part: &str) -> String {
        let find = || self.lines.lock().unwrap().iter().find(|line| line.contains(part)).cloned();
        wait_for(&format!("line with {part:?}"), find).await
    }

    /// Stops the command as Ctrl-C does. Returns its exit code and output.
    async fn interrupt(mut self) -> (Option<i32>, String) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        let ended = wait_for("end of the command", || self.child.try_wait().unwrap()).await;
        if ended.success() {
            self.wait_for_line("Stopped").await;
        }
        (ended.code(), self.output())
    }
}

/// Asserts that a request has the headers of Standard Webhooks, and a signature with that secret.
fn assert_signed(request: &Received, secret: &WebhookSecret) {
    let (id, timestamp) = (request.header("webhook-id"), request.header("webhook-timestamp"));
    let seconds: i64 = timestamp.parse().unwrap();
    assert!((Clock::default().now().0 / 1_000 - seconds).abs() <= 60, "{timestamp}");
    assert_eq!(request.header("webhook-signature"), sign_v1(secret, id, seconds, &request.body));
    assert_eq!(request.header("content-type"), "application/json");
    assert_eq!(request.event()["id"], id);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_events_are_posted_in_order_with_signatures() {
    let world = World::new().await;
    world.person("before").await;
    let receiver = SmallServer::start(|_, _| status(204)).await;
    let forward = Forward::start(&world.url, &format!("{}/hook?token=CANARY", receiver.url), &[]);
    let shown = forward.wait_for_line("whsec_").await;
    let secret = WebhookSecret::parse(shown.rsplit(' ').next().unwrap()).unwrap();
    forward.wait_for_line("Connected").await;
    for user in ["one 🪪", "two", "three"] {
        world.person(user).await;
    }
    let requests = receiver.wait_for_requests(3).await;
    for (request, user) in requests.iter().zip(["one 🪪", "two", "three"]) {
        assert_signed(request, &secret);
        assert_eq!((&*request.path, &request.event()["data"]["user_id"]), ("/hook", &json!(user)));
        let line = forward.wait_for_line(request.header("webhook-id")).await;
        assert!(line.contains("profile.created") && line.contains(" 204 ") && line.ends_with(" ms"), "{line}");
    }
    let last = requests[2].header("webhook-id");
    let (code, output) = forward.interrupt().await;
    assert_eq!(code, Some(0));
    assert!(output.contains(&format!("--after {last}")), "{output}");
    for secret in ["tester-secret", "CANARY", "eyJ"] {
        assert!(!output.contains(secret), "{output}");
    }
    assert_eq!(output.matches("whsec_").count(), 1, "{output}");
    assert_eq!(receiver.received().len(), 3, "what happened before is not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn types_start_and_secret_are_as_asked() {
    let world = World::new().await;
    let (id, _) = world.person("user-1").await;
    let decision = json!({"verification_status": "rejected"});
    world.operator().patch(&format!("/api/profiles/{id}"), decision).await.expect(200);
    let receiver = SmallServer::start(|_, _| status(200)).await;
    let secret = WebhookSecret::random();
    let secret_text = secret.to_text();
    let arguments = ["--types", "profile.rejected", "--after", "oldest", "--secret", &secret_text];
    let forward = Forward::start(&world.url, &receiver.url, &arguments);
    let requests = receiver.wait_for_requests(1).await;
    assert_signed(&requests[0], &secret);
    assert_eq!(requests[0].event()["type"], "profile.rejected");
    let (_, output) = forward.interrupt().await;
    assert!(!output.contains("whsec_"), "{output}");
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_receiver_is_tried_again_and_an_event_skipped_after_four_tries() {
    let world = World::new().await;
    // The first event is accepted at the third try, the second never, the third at once. A redirect is a failure.
    let answers = [500, 302, 200, 404, 410, 302, 500];
    let receiver = SmallServer::start(move |_, before| status(answers.get(before).copied().unwrap_or(200))).await;
    let secret = WebhookSecret::random();
    let secret_text = secret.to_text();
    let forward = Forward::start(&world.url, &receiver.url, &["--after", "oldest", "--secret", &secret_text]);
    for user in ["one", "two", "three"] {
        world.person(user).await;
    }
    let requests = receiver.wait_for_requests(8).await;
    requests.iter().for_each(|request| assert_signed(request, &secret));
    let users: Vec<_> = requests.iter().map(|request| request.event()["data"]["user_id"].clone()).collect();
    assert_eq!(users, ["one", "one", "one", "two", "two", "two", "two", "three"]);
    forward.wait_for_line("failed, next try in 1 s").await;
    let skipped = forward.wait_for_line("failed 4 times, skipped").await;
    assert!(skipped.contains(requests[3].header("webhook-id")) && skipped.contains(" 500 "), "{skipped}");
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_receiver_is_named() {
    let world = World::new().await;
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let forward = Forward::start(&world.url, &format!("http://{closed}"), &["--after", "oldest"]);
    world.person("user-1").await;
    forward.wait_for_line("receiver not reachable").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cut_stream_goes_on_behind_the_last_event() {
    let world = World::new().await;
    world.person("before").await;
    let mut proxy = Proxy::before(&world.url).await;
    let receiver = SmallServer::start(|_, _| status(200)).await;
    let forward = Forward::start(&proxy.url(&world.url), &receiver.url, &[]);
    forward.wait_for_line("Connected").await;
    // No event has come yet: "latest" must not mean the time of the new connection.
    proxy.refuse().await;
    forward.wait_for_line("the connection to the server broke off").await;
    forward.wait_for_line("the server cannot be reached").await;
    world.person("during").await;
    proxy.pass().await;
    receiver.wait_for_requests(1).await;
    proxy.cut().await;
    world.person("later").await;
    let requests = receiver.wait_for_requests(2).await;
    let users: Vec<_> = requests.iter().map(|request| request.event()["data"]["user_id"].clone()).collect();
    assert_eq!(users, ["during", "later"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_renewed_before_it_ends() {
    let server = SmallServer::start(|request, before| {
        if request.path == "/api/auth/token" {
            let answer = json!({"access_token": format!("token-{before}"), "expires_in": 2});
            return Response::new(Body::from(answer.to_string()));
        }
        // A stream that does not end by itself.
        let event = Bytes::from_static(b"id: evt_aaaaaaaaaaaaaaaaaaaaaaaaaa\nevent: a.b\ndata: {}\n\n");
        let first = futures_util::stream::iter([Ok::<_, std::convert::Infallible>(event)]);
        Response::new(Body::from_stream(futures_util::StreamExt::chain(first, futures_util::stream::pending())))
    })
    .await;
    let receiver = SmallServer::start(|_, _| status(200)).await;
    let _forward = Forward::start(&server.url, &receiver.url, &["--after", "oldest"]);
    let requests = server.wait_for_requests(4).await;
    let paths: Vec<&str> = requests.iter().map(|request| request.path.as_str()).collect();
    assert_eq!(paths, ["/api/auth/token", "/api/events", "/api/auth/token", "/api/events"]);
    let asked: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(asked, json!({"client_id": "tester", "client_secret": "tester-secret", "scope": "events:read"}));
    assert_eq!((requests[1].header("authorization"), requests[1].header("last-event-id")), ("Bearer token-0", ""));
    let again = &requests[3];
    assert_eq!(again.header("authorization"), "Bearer token-2");
    assert_eq!(again.header("last-event-id"), "evt_aaaaaaaaaaaaaaaaaaaaaaaaaa");
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_use_is_one_line_that_says_what_to_do() {
    let world = World::new().await;
    let foreign = SmallServer::start(|_, _| status(404)).await;
    let (server, foreign) = (world.url.as_str(), foreign.url.as_str());
    let gone = "evt_aaaaaaaaaaaaaaaaaaaaaaaaaa";
    let cases: [(&str, &[&str]); 14] = [
        ("does not accept the client tester", &["--server", server, "--client-secret", "CANARY"]),
        (
            "the client reader lacks the scope events:read",
            &["--server", server, "--client-id", "reader", "--client-secret", "reader-secret"],
        ),
        ("must name known types", &["--server", server, "--types", "profile.eaten"]),
        ("no longer kept", &["--server", server, "--after", gone]),
        ("is no Identivia server", &["--server", foreign]),
        ("--after: must be", &["--server", server, "--after", "CANARY"]),
        ("--secret: must be", &["--server", server, "--secret", "CANARY"]),
        ("--secret: must be", &["--server", server, "--secret", "whsec_CANARY=="]),
        ("IDENTIVIA_CLIENT_SECRET: must be set", &["--server", server, "--client-secret", ""]),
        ("--server: must be", &["--server", "http://user:CANARY@127.0.0.1"]),
        ("--server: must be https", &["--server", "http://192.0.2.1"]),
        ("--to: must be", &["--server", server, "--to", "http://user:CANARY@127.0.0.1"]),
        ("--to: must be", &["--server", server, "--to", "ftp://127.0.0.1"]),
        ("--to: must be https", &["--server", server, "--to", "http://192.0.2.1/CANARY"]),
    ];
    let folder = tempfile::tempdir().unwrap();
    for (problem, arguments) in cases {
        let to: &[&str] = if arguments.contains(&"--to") { &[] } else { &["--to", "http://127.0.0.1:9"] };
        let arguments: Vec<String> = arguments.iter().chain(to).map(|text| (*text).to_owned()).collect();
        let path = folder.path().to_owned();
        let output = tokio::task::spawn_blocking(move || {
            run(&path, |command| {
                command.env("IDENTIVIA_CLIENT_ID", "tester").env("IDENTIVIA_CLIENT_SECRET", "tester-secret");
                command.args(["events", "forward"]).args(&arguments);
            })
        })
        .await
        .unwrap();
        let (out, error) = (text(&output.stdout), text(&output.stderr));
        assert_eq!(output.status.code(), Some(1), "{problem}: {error}");
        assert!(error.contains(problem) && error.lines().count() == 1, "{problem}: {error}");
        assert!(!error.contains("CANARY") && !out.contains("CANARY"), "{problem}: {error} {out}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unreachable_server_is_named_and_awaited() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let forward = Forward::start(&format!("http://{closed}"), "http://127.0.0.1:9", &[]);
    forward.wait_for_line("the server cannot be reached (is it running, and is --server right?); trying again").await;
    assert_eq!(forward.interrupt().await.0, Some(0));
}
