//! The binary itself: start, bad settings, shutdown, and what no log may contain.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use identivia::telemetry::LogFormat;
use serde_json::json;

use crate::ground::Ground;
use crate::world::{SECRET, picture, small_picture, texts, video};

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

#[test]
fn system_key_is_where_the_setting_says_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt as _;
    let (folder, keys) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let key = keys.path().join("shared.key");
    let (code, _, log) = Running::start(folder.path(), |command| {
        command.env("SYSTEM_KEY_FILE", &key);
    })
    .stop();
    let made = std::fs::read_to_string(&key).unwrap();
    assert_eq!(code, Some(0));
    assert!(!log.contains(made.trim()) && !folder.path().join("data/system.key").exists(), "{log}");
    let start = |mode: u32, content: &str| {
        std::fs::write(&key, content).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(mode)).unwrap();
        let output = run(folder.path(), |command| {
            command.arg("serve").env("SYSTEM_KEY_FILE", &key);
        });
        assert_eq!(output.status.code(), Some(1));
        text(&output.stderr)
    };
    let (readable, damaged) = (start(0o644, &made), start(0o600, "CANARY"));
    assert!(readable.contains("SYSTEM_KEY_FILE: ") && readable.contains("chmod 600"), "{readable}");
    assert!(damaged.contains("SYSTEM_KEY_FILE: ") && damaged.contains("are lost"), "{damaged}");
    assert!(!readable.contains(made.trim()) && !damaged.contains("CANARY"));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_start_shows_its_client_once_and_its_example_request_works() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |_| ());
    let kept = folder.path().join("data/first-run.json");
    for secret in ["first-run.json", "system.key", "identivia.db", "identivia.db-wal"] {
        let mode = folder.path().join("data").join(secret).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{secret}");
    }
    assert_eq!(folder.path().join("data").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let made: serde_json::Value = serde_json::from_slice(&std::fs::read(&kept).unwrap()).unwrap();
    let body = json!({"client_id": made["client_id"], "client_secret": made["client_secret"]});
    let url = format!("{}/api/auth/token", server.url);
    let answer = reqwest::Client::new().post(&url).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let (code, out, log) = server.stop();
    let secret = made["client_secret"].as_str().unwrap();
    assert_eq!(code, Some(0));
    assert!(out.contains(secret) && out.contains("curl -s http://127.0.0.1:"), "{out}");
    assert!(!log.contains(secret) && !log.contains(made["jwt_secret"].as_str().unwrap()), "{log}");

    let again = Running::start(folder.path(), |_| ());
    let (_, out, log) = again.stop();
    assert!(!out.contains(secret) && !log.contains(secret), "{out}{log}");

    std::fs::set_permissions(&kept, std::fs::Permissions::from_mode(0o644)).unwrap();
    let refused = run(folder.path(), |_| ());
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("chmod 600"), "{}", text(&refused.stderr));
}

#[test]
fn bad_start_is_one_line_that_names_the_setting() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    std::fs::write(folder.path().join("a-file"), "x").unwrap();
    let cases: [(&str, &str, &str); 9] = [
        ("PORT", &port, "PORT: 127.0.0.1:"),
        ("JWT_SECRET", "CANARY-short", "JWT_SECRET: "),
        ("JWT_CLIENTS_JSON", "{\"CANARY\":1}", "JWT_CLIENTS_JSON: "),
        ("DATA_DIR", "a-file", "DATA_DIR: "),
        ("DATA_DIR", "/proc/nowhere", "DATA_DIR: "),
        ("DATABASE_URL", "postgres://CANARY@x/y", "DATABASE_URL: "),
        ("TRUSTED_PROXIES", "everyone", "TRUSTED_PROXIES: "),
        ("MODELS_DIR", "nowhere", "MODELS_DIR: cannot read "),
        ("FACE_LIVENESS_THRESHOLD", "10", "FACE_LIVENESS_THRESHOLD: must be a number from 30"),
    ];
    for (name, value, start) in cases {
        let output = run(folder.path(), |command| {
            command.env(name, value);
        });
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}: {line}");
        assert!(line.starts_with(&format!("identivia: {start}")), "{name}: {line}");
        assert_eq!(line.trim_end().lines().count(), 1, "{name}: {line}");
        assert!(!line.contains("CANARY"), "{name}: {line}");
    }
    std::fs::write(folder.path().join(".env"), "JWT_SECRET='CANARY\n").unwrap();
    let output = run(folder.path(), |_| ());
    assert!(text(&output.stderr).starts_with("identivia: .env: ") && !text(&output.stderr).contains("CANARY"));
}

#[test]
fn s24_start_is_refused_with_a_guessable_secret_or_a_readable_env_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    for secret in ["CANARY-short", "changeme-CANARY-0123456789abcdef0123", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"] {
        let output = run(folder.path(), |command| {
            command.env("JWT_SECRET", secret);
        });
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{line}");
        assert!(line.starts_with("identivia: JWT_SECRET: ") && !line.contains("CANARY"), "{line}");
    }
    let file = folder.path().join(".env");
    std::fs::write(&file, "JWT_SECRET=CANARY-0123456789abcdef0123456789abcdef\n").unwrap();
    let check_with_mode = |mode: u32| {
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        run(folder.path(), |command| {
            command.arg("check");
        })
    };
    for mode in [0o644, 0o604, 0o602, 0o666] {
        let output = check_with_mode(mode);
        let line = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{mode:o}: {line}");
        assert!(line.contains("chmod o-rwx .env") && !line.contains("CANARY"), "{mode:o}: {line}");
    }
    for mode in [0o640, 0o600, 0o400] {
        assert_eq!(check_with_mode(mode).status.code(), Some(0), "{mode:o}");
    }
}

#[test]
fn s77_unverified_database_stops_serve_check_and_copy() {
    let folder = tempfile::tempdir().unwrap();
    let url = "postgres://identivia:CANARY@db.example.invalid/identivia?sslmode=require";
    let commands: [&[&str]; 4] = [
        &["serve"],
        &["check"],
        &["copy", "--from", "sqlite:data", "--to", "postgres", "--to-files", "file:files"],
        &["copy", "--from", url, "--from-files", "file:files", "--to", "sqlite:data"],
    ];
    for arguments in commands {
        let output = run(folder.path(), |command| {
            command.args(arguments).env("DATABASE_URL", url);
        });
        let line = text(&output.stderr);
        assert_eq!((output.status.code(), line.trim_end().lines().count()), (Some(1), 1), "{arguments:?}: {line}");
        assert!(line.contains("DATABASE_URL: ") && !line.contains("CANARY"), "{line}");
        for remedy in ["sslmode=verify-full", "sslrootcert=", "DATABASE_ALLOW_UNVERIFIED_TLS=true"] {
            assert!(line.contains(remedy), "{line}");
        }
    }
    let allowed = run(folder.path(), |command| {
        command.arg("check").env("DATABASE_URL", url).env("DATABASE_ALLOW_UNVERIFIED_TLS", "true");
    });
    let (said, line) = (text(&allowed.stdout), text(&allowed.stderr));
    assert!(said.contains("note           DATABASE_ALLOW_UNVERIFIED_TLS is on"), "{said}");
    assert!(line.starts_with("identivia: DATABASE_URL: ") && !line.contains("CANARY"), "no such host: {line}");
}

#[test]
fn second_server_on_one_data_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = Running::start(folder.path(), |_| ());
    let second = run(folder.path(), |_| ());
    assert!(text(&second.stderr).contains("in use by another identivia"), "{}", text(&second.stderr));
    first.stop();
}

#[test]
fn help_check_openapi_and_hash_secret_answer() {
    let folder = tempfile::tempdir().unwrap();
    let ask = |argument: &str| {
        let output = run(folder.path(), |command| {
            command.arg(argument).env("JWT_SECRET", SECRET).env("FINGERPRINT_BASE_URL", "https://eu.api.fpjs.io");
            command
                .env("AWS_ACCESS_KEY_ID", "AKIACANARY")
                .env("AWS_SECRET_ACCESS_KEY", "CANARY")
                .env("AWS_REGION", "eu-x-1");
        });
        assert!(output.status.success(), "{argument}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let help = ask("--help");
    for name in ["JWT_SECRET", "FACE_LIVENESS_THRESHOLD", "METRICS_ADDR", "Exit status", "Examples"] {
        assert!(help.contains(name), "{name} is not in the help");
    }
    let check = ask("check");
    assert!(check.contains("FINGERPRINT_BASE_URL is set but does nothing"), "{check}");
    assert!(check.contains("AWS Rekognition in eu-x-1"), "{check}");
    for secret in ["CANARY", SECRET] {
        assert!(!help.contains(secret) && !check.contains(secret));
    }
    assert!(!folder.path().join("data").exists(), "check only reads");
    serde_json::from_str::<serde_json::Value>(&ask("openapi")).unwrap();

    let mut child = identivia_command(folder.path());
    let mut child = child.arg("hash-secret").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"a secret\n").unwrap();
    let hash = text(&child.wait_with_output().unwrap().stdout);
    assert!(identivia::domain::client::is_argon2id(hash.trim()), "{hash}");
}

/// Opens a person's page and hands off to another device. Returns the secrets that were shown on the way.
async fn open_page_and_hand_off(server: &str, token: &str, made: &serde_json::Value) -> Vec<String> {
    let http = reqwest::Client::new();
    let (id, flow_token) = (made["id"].as_str().unwrap(), made["flow_token"].as_str().unwrap());
    let branding = json!({"value": {"name": "CANARY-brand", "color": "CANARY-color"}});
    http.put(format!("{server}/api/settings/branding")).bearer_auth(token).json(&branding).send().await.unwrap();
    http.get(format!("{server}/{id}?token={flow_token}")).send().await.unwrap();
    let redeem = async |code: &str| {
        let sent = http.post(format!("{server}/api/flow/redeem")).json(&json!({"code": code})).send().await;
        sent.unwrap().json::<serde_json::Value>().await.unwrap()
    };
    redeem("CANARY22").await;
    let offered = http.post(format!("{server}/api/flow/{id}/handoff")).bearer_auth(flow_token).send().await.unwrap();
    let offered: serde_json::Value = offered.json().await.unwrap();
    let code = offered["data"]["code"].as_str().unwrap().to_owned();
    let taken = redeem(&code).await["data"]["flow_token"].as_str().unwrap().to_owned();
    let details = json!({"name": "CANARY-draft", "address": "CANARY-address"});
    let put = http.put(format!("{server}/api/flow/{id}/details")).bearer_auth(&taken).json(&details);
    assert_eq!(put.send().await.unwrap().status(), 200);
    vec![taken, code.replace('-', ""), code]
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_a_person_sends_is_in_the_log_at_any_level() {
    let (folder, ground) = (tempfile::tempdir().unwrap(), Ground::wanted().await);
    let clients = json!([{"client_id": "tester", "client_secret": "CANARY-client-secret", "scopes":
        ["profiles:write", "profiles:read", "status_history:write", "verification_history:write", "settings:write",
        "documents:analyze"]}]);
    let server = Running::start(folder.path(), |command| {
        command.envs(ground.variables());
        command.env("RUST_LOG", "trace").env("JWT_SECRET", "CANARY-jwt-secret-CANARY-jwt-secret");
        command.env("JWT_CLIENTS_JSON", clients.to_string());
    });
    let http = reqwest::Client::new();
    let url = |path: &str| format!("{}{path}", server.url);
    let body = json!({"client_id": "tester", "client_secret": "CANARY-client-secret"});
    let answer = http.post(url("/api/auth/token")).json(&body).send().await.unwrap();
    let token = answer.json::<serde_json::Value>().await.unwrap()["access_token"].as_str().unwrap().to_owned();
    let wrong = json!({"client_id": "CANARY-client", "client_secret": "CANARY-wrong"});
    http.post(url("/api/auth/token?client_secret=CANARY-query")).json(&wrong).send().await.unwrap();

    let body = json!({"userID": "CANARY-user\r\nERROR forged line\u{1b}[31m", "name": "CANARY-name", "email": "CANARY@example.com",
        "documentNumber": "CANARY-number", "phoneNumber": "CANARY-phone"});
    let made = http.post(url("/api/profiles/create")).bearer_auth(&token).json(&body).send().await.unwrap();
    let made: serde_json::Value = made.json().await.unwrap();
    let id = made["id"].as_str().unwrap();
    let form = texts(&[("document_name", "CANARY-form"), ("face_liveness_result", "{\"CANARY\":1}")])
        .part("facial_photo", crate::world::file(picture("portrait.jpg"), "CANARY-file.jpg"));
    http.patch(url(&format!("/api/profiles/{id}"))).bearer_auth(&token).multipart(form).send().await.unwrap();
    let step = json!({"previous_status": "canary_status", "new_status": "pending", "notes": "CANARY-notes"});
    http.post(url(&format!("/api/status_history/{id}"))).bearer_auth(&token).json(&step).send().await.unwrap();
    http.get(url("/CANARY-path?token=CANARY-token")).header("x-canary", "CANARY-header").send().await.unwrap();
    let made_up = reqwest::Method::from_bytes(b"CANARY").unwrap();
    http.request(made_up, url("/api/settings")).send().await.unwrap();
    http.get(url("/api/profiles/CANARY-id")).bearer_auth("CANARY-bearer").send().await.unwrap();
    http.post(url("/api/profiles/create")).bearer_auth(&token).body("{\"userID\": CANARY").send().await.unwrap();
    let passport = crate::world::file(picture("passport.jpg"), "CANARY-passport.jpg");
    let passport = reqwest::multipart::Form::new().part("document_front", passport);
    let analyse = http.post(url("/api/ollama/document-analysis")).bearer_auth(&token).multipart(passport);
    assert!(analyse.send().await.unwrap().text().await.unwrap().contains("A12345678"), "it was read");
    let put = url("/api/settings/k");
    http.put(put).bearer_auth(&token).json(&json!({"value": "CANARY-setting"})).send().await.unwrap();
    let shown_once = open_page_and_hand_off(&server.url, &token, &made).await;
    // Once more while the store is away: what fails is logged with its cause.
    for away in [false, true] {
        if away && !ground.stop() {
            break;
        }
        let list = url("/api/profiles?q=CANARY-search&userID=CANARY-user");
        let listed = http.get(list).bearer_auth(&token).send().await.unwrap();
        assert_eq!(listed.status(), if away { 503 } else { 200 });
        http.post(url("/api/profiles/create")).bearer_auth(&token).json(&body).send().await.unwrap();
    }
    let (_, out, log) = server.stop();
    assert!(log.contains("/api/profiles/{id}") && log.lines().count() > 9, "the log is there: {log}");
    let flow_token = made["flow_token"].as_str().unwrap().to_owned();
    let hidden = ["CANARY", "canary", "forged line", "A12345678", "SPECIMEN"]
        .map(str::to_owned)
        .into_iter()
        .chain([token, flow_token])
        .chain(shown_once);
    for hidden in hidden.chain(ground.secrets()) {
        assert!(!log.contains(&hidden) && !out.contains(&hidden), "{hidden} is in the log: {log}{out}");
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

/// Not a test by itself: the next test runs it in a separate process, since a process has one log.
#[test]
#[ignore = "run by debug_lines_of_other_crates_and_panic_messages_are_not_logged"]
fn logging_process() {
    let guard = identivia::telemetry::start_logs("trace".parse().unwrap(), LogFormat::Json);
    log_lines_of_other_crates();
    tracing::info!(target: "hyper::proto", "coarser");
    tracing::trace!(target: "identivia::http", "our own");
    let outcome = std::panic::catch_unwind(|| panic!("CANARY {}", std::process::id()));
    assert!(outcome.is_err());
    drop(guard);
}

fn log_lines_of_other_crates() {
    tracing::debug!(target: "hyper::proto", header = "CANARY", "finer");
    tracing::trace!(target: "rusqlite", "CANARY");
    tracing::warn!(target: "aws_config::imds::region", "CANARY in a whole answer");
}

#[test]
fn debug_lines_of_other_crates_and_panic_messages_are_not_logged() {
    let this = std::env::current_exe().unwrap();
    let arguments = ["--exact", "command::logging_process", "--ignored", "--nocapture"];
    let output = Command::new(this).args(arguments).output().unwrap();
    let log = text(&output.stderr);
    assert!(output.status.success(), "{log}");
    for line in ["coarser", "our own", "a panic: please report it"] {
        assert!(log.contains(line), "{line} is not in the log: {log}");
    }
    assert!(!log.contains("CANARY"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_records_warn_of_single_server_settings() {
    let url = crate::services::postgres::database().await;
    let folder = tempfile::tempdir().unwrap();
    let warnings = ["JWT_SECRET is not set", "JWT_CLIENTS_JSON is not set"];
    let (_, _, alone) = Running::start(folder.path(), |_| ()).stop();
    // The files of one database are not another's.
    let beside = tempfile::tempdir().unwrap();
    let (_, _, shared) = Running::start(beside.path(), |command| {
        command.env("DATABASE_URL", &url);
    })
    .stop();
    assert!(warnings.iter().all(|warning| shared.contains(warning) && !alone.contains(warning)), "{alone}{shared}");
    let checked = |url: &str, secret: &str| {
        let output = run(folder.path(), |command| {
            command.arg("check").env("DATABASE_URL", url).env("JWT_SECRET", secret);
        });
        text(&output.stdout)
    };
    let shared = checked(&url, SECRET);
    assert!(
        shared.contains("PostgreSQL at DATABASE_URL, 16 connections at most")
            && !shared.contains(crate::services::postgres::PASSWORD)
    );
    assert!(!shared.contains("note           JWT_SECRET") && shared.contains("note           JWT_CLIENTS"), "{shared}");
    assert!(!checked("", "").contains("a second server"));
}
