//! Overload: thousands of slow callers, ten times the callers that fit, and the memory that they take.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::bodies::send_unfinished;
use crate::command::{Running, configured, memory, profile, token};
use crate::world::GIVEN_UP_WITHIN;

/// Says whether this process may open so many sockets. Otherwise a test cannot run, and says so.
fn can_open_sockets(test: &str, count: u64) -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let is_enough = limit.is_none_or(|limit| limit > count);
    if !is_enough {
        eprintln!("SKIPPED {test}: it needs {count} open files (ulimit -n)");
    }
    is_enough
}

fn address_of(server: &Running) -> String {
    server.url.trim_start_matches("http://").to_owned()
}

/// Asks on a connection of its own and returns the status.
async fn ask_anew(server: &Running, path: &str, token: &str) -> u16 {
    let http = reqwest::Client::builder().timeout(GIVEN_UP_WITHIN).build().unwrap();
    let answer = http.get(format!("{}{path}", server.url)).bearer_auth(token).send().await;
    answer.unwrap_or_else(|error| panic!("{path}: {error:?}")).status().as_u16()
}

/// Connections of callers who send a byte every two seconds: half of them in the head, half in the body.
const SLOW_CONNECTIONS: usize = 5_000;

/// Sends a byte every two seconds until the server closes. Returns the answer, which may be empty.
async fn send_slowly(mut socket: TcpStream) -> String {
    let mut answer = Vec::new();
    loop {
        match tokio::time::timeout(Duration::from_secs(2), socket.read_buf(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => break,
            Ok(Ok(_)) => {}
            Err(_) if socket.write_all(b"x").await.is_err() => break,
            Err(_) => {}
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn s56_other_callers_are_served_beside_5000_slow_connections() {
    if !can_open_sockets("s56_other_callers_are_served_beside_5000_slow_connections", 6_000) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), configured);
    let token = token(&reqwest::Client::new(), &server).await;
    let id = profile(&reqwest::Client::new(), &server, &token, "u").await;
    let mut slow = JoinSet::new();
    for number in 0..SLOW_CONNECTIONS {
        let mut socket = TcpStream::connect(address_of(&server)).await.unwrap();
        let start = if number < SLOW_CONNECTIONS / 2 {
            "GET /hea"
        } else {
            "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{"
        };
        let _ = socket.write_all(start.as_bytes()).await;
        slow.spawn(async move { (number, send_slowly(socket).await) });
    }
    let (mut ends, begun) = (Vec::new(), Instant::now());
    while !slow.is_empty() {
        assert!(begun.elapsed() < 3 * GIVEN_UP_WITHIN, "{} slow connections are still open", slow.len());
        assert_eq!(ask_anew(&server, "/livez", &token).await, 200);
        assert_eq!(ask_anew(&server, &format!("/api/profiles/{id}"), &token).await, 200);
        while let Some(end) = slow.try_join_next() {
            ends.push(end.unwrap());
        }
    }
    let count = |in_body: bool, status: &str| {
        let is_counted = |(number, answer): &&(usize, String)| {
            (*number >= SLOW_CONNECTIONS / 2) == in_body && answer.get(9..12).unwrap_or_default() == status
        };
        ends.iter().filter(is_counted).count()
    };
    assert_eq!(count(false, ""), SLOW_CONNECTIONS / 2, "a slow head is closed without an answer");
    let (late, refused, closed) = (count(true, "408"), count(true, "503"), count(true, ""));
    assert_eq!(late + refused + closed, SLOW_CONNECTIONS / 2, "{late} late, {refused} refused, {closed} closed");
    assert!(late > 100 && refused > 100, "{late} late, {refused} refused, {closed} closed");
    server.stop();
}

/// The most memory that unfinished bodies without a token may take, in MiB.
const STRANGERS_MEMORY: u64 = 64;

/// Sends the head of a large token request and its body but the last byte. Returns the status of the answer.
async fn send_large_body(address: String) -> String {
    const BYTES: usize = 1024 * 1024;
    let mut socket = TcpStream::connect(address).await.unwrap();
    let head = format!(
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {BYTES}\r\n\r\n"
    );
    let _ = socket.write_all(head.as_bytes()).await;
    // The server may close before it has read all.
    let _ = socket.write_all(&vec![b' '; BYTES - 1]).await;
    let mut status = [0; 12];
    let answered = tokio::time::timeout(GIVEN_UP_WITHIN, socket.read_exact(&mut status)).await.expect("no answer");
    answered.map_or_else(|_| "closed".to_owned(), |_| String::from_utf8_lossy(&status[9..]).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_large_unfinished_bodies_of_strangers_take_less_than_64_megabytes() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), configured);
    let before = memory(&server, "VmRSS");
    let large = (0..300).map(|_| send_large_body(address_of(&server)));
    let statuses = futures_util::future::join_all(large).await;
    assert!(statuses.iter().all(|status| matches!(status.as_str(), "413" | "503" | "closed")), "{statuses:?}");
    assert!(statuses.iter().any(|status| status == "413"), "{statuses:?}");
    let after = memory(&server, "VmHWM");
    assert!(after < before + STRANGERS_MEMORY, "{before} MiB became {after} MiB");
    server.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn s71_4096_unfinished_bodies_of_strangers_take_less_than_64_megabytes() {
    if !can_open_sockets("s71_4096_unfinished_bodies_of_strangers_take_less_than_64_megabytes", 5_000) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), configured);
    let token = token(&reqwest::Client::new(), &server).await;
    // Without the program's own pages, which the first requests read from disk.
    let before = memory(&server, "RssAnon");
    let mut small = Vec::new();
    for _ in 0..4_096 {
        small.push(send_unfinished(&server.url).await);
    }
    assert_eq!(ask_anew(&server, "/api/profiles", &token).await, 200);
    let after = memory(&server, "RssAnon");
    assert!(after < before + STRANGERS_MEMORY, "{before} MiB became {after} MiB");
    drop(small);
    server.stop();
}

/// Connections of the overloaded server, and bodies that one client may have under way on it.
const CONNECTIONS: usize = 40;
const ADMITTED: usize = CONNECTIONS / 2;
/// Ten times the load.
const CALLERS: usize = CONNECTIONS * 10;

/// Begins to create a profile, and finishes when told, unless the server answers or closes before. Returns the answer.
async fn create_when_told(
    address: String,
    token: String,
    user: String,
    mut told: watch::Receiver<bool>,
    refused: Arc<AtomicUsize>,
) -> String {
    let body = json!({"userID": user}).to_string();
    let (start, rest) = body.split_at(5);
    let head = format!(
        "POST /api/profiles/create HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{start}",
        body.len()
    );
    let mut answer = Vec::new();
    let Ok(mut socket) = TcpStream::connect(address).await else { return String::new() };
    let (mut reader, mut writer) = socket.split();
    let _ = writer.write_all(head.as_bytes()).await;
    {
        let mut reading = std::pin::pin!(reader.read_to_end(&mut answer));
        tokio::select! {
            _ = &mut reading => drop(refused.fetch_add(1, Ordering::SeqCst)),
            _ = told.changed() => {
                let _ = writer.write_all(rest.as_bytes()).await;
                let _ = reading.await;
            }
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn is_refusal(answer: &str) -> bool {
    let retries = answer.split_once("retry-after: ").and_then(|(_, rest)| rest.split("\r\n").next()?.parse().ok());
    let says_when = retries.is_some_and(|seconds: u64| seconds >= 1);
    answer.is_empty() || (matches!(answer.get(9..12), Some("429" | "503")) && says_when)
}

/// Ten times the callers that fit: those who do not are refused while the others are still under way. Returns the ids of the
/// profiles that were made.
async fn create_in_a_wave(server: &Running, token: &str, wave: usize) -> Vec<String> {
    let (tell, told) = watch::channel(false);
    let refused = Arc::new(AtomicUsize::new(0));
    let mut callers = JoinSet::new();
    for number in 0..CALLERS {
        let (token, user) = (token.to_owned(), format!("{wave}-{number}"));
        callers.spawn(create_when_told(address_of(server), token, user, told.clone(), refused.clone()));
    }
    let begun = Instant::now();
    while refused.load(Ordering::SeqCst) < CALLERS - ADMITTED {
        let count = refused.load(Ordering::SeqCst);
        assert!(begun.elapsed() < GIVEN_UP_WITHIN, "only {count} callers were refused at once");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(ask_anew(server, "/livez", token).await, 200);
    assert_eq!(ask_anew(server, "/api/profiles", token).await, 200);
    tell.send(true).unwrap();
    let answers = callers.join_all().await;
    let (made, others): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.get(9..12) == Some("201"));
    assert_eq!(made.len(), ADMITTED, "all who were let in are served");
    assert!(others.iter().all(|answer| is_refusal(answer)), "{others:?}");
    assert!(others.iter().any(|answer| !answer.is_empty()), "none was told why");
    let id = |answer: &&String| {
        let (_, body) = answer.split_once("\r\n\r\n").unwrap();
        serde_json::from_str::<Value>(body).unwrap()["id"].as_str().unwrap().to_owned()
    };
    made.iter().map(id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_ten_times_the_load_is_refused_at_once_and_the_admitted_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |command| {
        configured(command);
        command.env("MAX_CONNECTIONS", CONNECTIONS.to_string());
    });
    let token = token(&reqwest::Client::new(), &server).await;
    let (mut made, mut memory_before) = (Vec::new(), 0);
    for wave in 0..5 {
        made.extend(create_in_a_wave(&server, &token, wave).await);
        if wave == 1 {
            memory_before = memory(&server, "VmRSS");
        }
    }
    let memory_after = memory(&server, "VmRSS");
    assert!(memory_after < memory_before + 8, "{memory_before} MiB became {memory_after} MiB");
    let url = format!("{}/api/profiles?limit=100", server.url);
    let listed = reqwest::Client::new().get(url).bearer_auth(&token).send().await.unwrap();
    let listed: Value = listed.json().await.unwrap();
    let mut stored: Vec<_> =
        listed["data"].as_array().unwrap().iter().map(|profile| profile["id"].as_str().unwrap().to_owned()).collect();
    stored.sort();
    made.sort();
    assert_eq!(stored, made, "every answered profile is there, and no refused one");
    server.stop();
}
