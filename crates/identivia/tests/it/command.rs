//! The binary itself: how a test runs it and talks to it, and how it shuts down.

mod log_contents;
mod starting;

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::json;

use crate::world::{small_picture, video};

/// The most time for a command that should end by itself.
const COMMAND_TIMEOUT: Duration = Duration::from_secs(60);

fn identivia_command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
    clear_environment(&mut command, folder);
    command
}

/// Keeps the tester's own settings away from the command.
pub(crate) fn clear_environment(command: &mut Command, folder: &Path) {
    command.env_clear().current_dir(folder).env("PORT", "0").env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
}

pub(crate) fn run(folder: &Path, change: impl FnOnce(&mut Command)) -> Output {
    let mut command = identivia_command(folder);
    change(&mut command);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A start that should have been refused would serve for ever. The timeout kills it; then it has no exit code.
    let id = child.id().to_string();
    let (ended, waiting) = mpsc::channel::<()>();
    std::thread::spawn(move || {
        if waiting.recv_timeout(COMMAND_TIMEOUT) == Err(mpsc::RecvTimeoutError::Timeout) {
            let _ = Command::new("kill").args(["-KILL", &id]).status();
        }
    });
    let output = child.wait_with_output().unwrap();
    drop(ended);
    output
}

pub(crate) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The server's URL, from the log line that says that it serves.
pub(crate) fn find_served_url(line: &str) -> Option<String> {
    let (_, address) = line.split_once("serving")?;
    let address = &address[address.find("127.0.0.1:")?..];
    let end = address.find(|letter: char| !(letter.is_ascii_digit() || letter == '.' || letter == ':'));
    Some(format!("http://{}", &address[..end.unwrap_or(address.len())]))
}

/// A server of its own process, killed when dropped.
pub(crate) struct Running {
    child: Child,
    pub(crate) url: String,
    log: Option<std::thread::JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    pub(crate) fn start(folder: &Path, change: impl FnOnce(&mut Command)) -> Self {
        Self::start_command(Command::new(env!("CARGO_BIN_EXE_identivia")), folder, change)
    }

    pub(crate) fn start_command(mut command: Command, folder: &Path, change: impl FnOnce(&mut Command)) -> Self {
        clear_environment(&mut command, folder);
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        change(&mut command);
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap());
        let mut seen = String::new();
        let url = loop {
            let mut line = String::new();
            assert!(lines.read_line(&mut line).unwrap() > 0, "the server stopped: {seen}");
            seen.push_str(&line);
            if let Some(url) = find_served_url(&line) {
                break url;
            }
        };
        let log = std::thread::spawn(move || {
            let _ = lines.read_to_string(&mut seen);
            seen
        });
        Self { child, url, log: Some(log) }
    }

    /// The server's process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        assert!(Command::new("kill").args([name, &self.child.id().to_string()]).status().unwrap().success());
    }

    /// Stops the server, unless it has stopped. Returns its exit code, standard output and log.
    pub(crate) fn stop(mut self) -> (Option<i32>, String, String) {
        if self.child.try_wait().unwrap().is_none() {
            self.signal("-TERM");
        }
        let mut out = String::new();
        self.child.stdout.take().unwrap().read_to_string(&mut out).unwrap();
        let code = self.child.wait().unwrap().code();
        (code, out, self.log.take().unwrap().join().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_served_only_on_their_own_address() {
    let folder = tempfile::tempdir().unwrap();
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let server = Running::start(folder.path(), |command| {
        command.env("METRICS_ADDR", free.to_string());
    });
    let get = async |url: String| reqwest::get(url).await.unwrap();
    assert_eq!(get(format!("{}/health", server.url)).await.status(), 200);
    assert_eq!(get(format!("{}/metrics", server.url)).await.status(), 404);
    let page = get(format!("http://{free}/metrics")).await.text().await.unwrap();
    for counted in [r#"route="/health",status="200"} 1"#, r#"route="/{id}",status="404"} 1"#] {
        assert!(page.contains(&format!(r#"http_requests_total{{method="GET",{counted}"#)), "{counted}: {page}");
    }
    assert_eq!(get(format!("http://{free}/api/settings")).await.status(), 404);
    server.stop();
}

/// A figure of the server's process from `/proc`, in MiB.
pub(crate) fn memory(server: &Running, field: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.child.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(field)).unwrap();
    line.trim_matches([':', ' ', '\t']).trim_end_matches(" kB").parse::<u64>().unwrap() / 1024
}

pub(crate) fn configured(command: &mut Command) {
    let clients = json!([{"client_id": "tester", "client_secret": "secret", "scopes":
        ["profiles:write", "profiles:read", "files:read"]}]);
    command.env("JWT_CLIENTS_JSON", clients.to_string()).env("RUST_LOG", "warn,identivia::server=info");
}

pub(crate) async fn token(http: &reqwest::Client, server: &Running) -> String {
    let body = json!({"client_id": "tester", "client_secret": "secret"});
    let answer = http.post(format!("{}/api/auth/token", server.url)).json(&body).send().await.unwrap();
    answer.json::<serde_json::Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned()
}

pub(crate) async fn profile(http: &reqwest::Client, server: &Running, token: &str, user: &str) -> String {
    let create = http.post(format!("{}/api/profiles/create", server.url)).bearer_auth(token);
    let made = create.json(&json!({"userID": user})).send().await.unwrap();
    made.json::<serde_json::Value>().await.unwrap()["id"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_concurrent_large_uploads_use_little_memory() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), configured);
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    let video = bytes::Bytes::from(video(20 * 1024 * 1024));
    let uploads = (0..64).map(async |n| {
        let id = profile(&http, &server, &token, &format!("u{n}")).await;
        let length = video.len() as u64;
        let part = reqwest::multipart::Part::stream_with_length(video.clone(), length).file_name("v.webm");
        let form = reqwest::multipart::Form::new().part("facial_video", part);
        let patch = http.patch(format!("{}/api/profiles/{id}", server.url)).bearer_auth(&token);
        patch.multipart(form).send().await.unwrap().status().as_u16()
    });
    let statuses = futures_util::future::join_all(uploads).await;
    assert!(statuses.iter().all(|status| *status == 200), "{statuses:?}");
    let peak = memory(&server, "VmHWM");
    assert!(peak < 200, "{peak} MiB");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn exhausted_file_handles_recover_after_the_load() {
    let folder = tempfile::tempdir().unwrap();
    // The shell limits the server's handles. It replaces itself with the server, so signals reach the server.
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -n 40; exec \"$0\" serve", env!("CARGO_BIN_EXE_identivia")]);
    let server = Running::start_command(shell, folder.path(), configured);
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    let id = profile(&http, &server, &token, "u").await;
    let address = server.url.trim_start_matches("http://").to_owned();
    let mut idle = Vec::new();
    for _ in 0..60 {
        idle.push(tokio::net::TcpStream::connect(&address).await.unwrap());
    }
    let upload = async || {
        let form = reqwest::multipart::Form::new().part("facial_photo", crate::world::file(small_picture(1), "p.png"));
        let patch = http.patch(format!("{}/api/profiles/{id}", server.url)).bearer_auth(&token);
        patch
            .multipart(form)
            .timeout(std::time::Duration::from_secs(30))
            .send()
            .await
            .map(|answer| answer.status().as_u16())
    };
    for _ in 0..10 {
        // A refusal or a dropped connection is expected; an internal error is not.
        assert!(!matches!(upload().await, Ok(500..=502)), "a shortage is no fault");
    }
    drop(idle);
    assert_eq!(upload().await.unwrap(), 200);
    assert_eq!(reqwest::get(format!("{}/readyz", server.url)).await.unwrap().status(), 200);
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn open_request_finishes_before_shutdown() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), configured);
    let body = r#"{"client_id":"tester","client_secret":"secret"}"#;
    let mut socket = tokio::net::TcpStream::connect(server.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len(),
    );
    // The answer to `Expect` shows that the server has accepted the request.
    let head = head.replace("Host: x", "Host: x\r\nExpect: 100-continue");
    socket.write_all(head.as_bytes()).await.unwrap();
    let mut taken_up = [0; 25];
    socket.read_exact(&mut taken_up).await.unwrap();
    server.signal("-TERM");
    socket.write_all(body.as_bytes()).await.unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("access_token"), "{answer}");
    let (code, _, _) = server.stop();
    assert_eq!(code, Some(0));
}
