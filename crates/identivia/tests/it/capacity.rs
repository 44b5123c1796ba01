//! Capacity: what one caller, a stranger or a link, can take from all others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use identivia::clock::Clock;
use identivia::providers::local_engines::LocalEngines;
use identivia::server::StartOptions;
use identivia::work::cpu_ledger::CpuLedger;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{Answer, Caller, GIVEN_UP_WITHIN, World, file, picture, small_picture};

/// Connections of the servers of these tests.
const CONNECTIONS: &str = "40";

async fn start_small_server() -> World {
    World::with(&["--max-connections", CONNECTIONS], false).await
}

/// Opens connections and sends each of them the same bytes.
async fn open_sockets(world: &World, count: usize, bytes: &str) -> Vec<TcpStream> {
    let mut sockets = Vec::new();
    for _ in 0..count {
        let mut socket = TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
        socket.write_all(bytes.as_bytes()).await.unwrap();
        sockets.push(socket);
    }
    sockets
}

/// The head of a form that is never finished, and the first bytes of its body.
fn unfinished_form(path: &str, token: &str) -> String {
    format!(
        "PATCH {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nContent-Length: 100000\r\n\
         Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nslow"
    )
}

const UNFINISHED_LOGIN: &str = "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
    Content-Length: 1000\r\n\r\n{\"client_id\": \"";

/// The status of a connection that was closed for another one, before its request was read.
const CLOSED: u16 = 0;

/// The statuses of the sockets that are answered or closed: that many are expected, and no further one.
async fn read_statuses(sockets: &mut [TcpStream], expected: usize) -> Vec<u16> {
    let read_status = async |socket: &mut TcpStream| {
        let mut head = [0; 12];
        match socket.read_exact(&mut head).await {
            Ok(_) => String::from_utf8_lossy(&head[9..]).parse().unwrap(),
            Err(_) => CLOSED,
        }
    };
    let mut answers: FuturesUnordered<_> = sockets.iter_mut().map(read_status).collect();
    let mut statuses = Vec::new();
    while statuses.len() < expected
        && let Ok(Some(status)) = tokio::time::timeout(GIVEN_UP_WITHIN, answers.next()).await
    {
        statuses.push(status);
    }
    if let Ok(Some(further)) = tokio::time::timeout(Duration::from_millis(300), answers.next()).await {
        statuses.push(further);
    }
    statuses
}

/// Asks on a connection of its own: one that a client keeps could be closed for others.
async fn ask_anew(world: &World, path: &str, token: Option<&str>) -> u16 {
    let bearer = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!("GET {path} HTTP/1.1\r\nHost: x\r\n{bearer}Connection: close\r\n\r\n");
    let mut sockets = open_sockets(world, 1, &head).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(GIVEN_UP_WITHIN, sockets[0].read_to_end(&mut answer)).await;
    assert!(reading.is_ok(), "{path} was not answered");
    String::from_utf8_lossy(&answer).get(9..12).and_then(|status| status.parse().ok()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_other_callers_are_served_beside_idle_sockets() {
    let world = start_small_server().await;
    let (id, browser) = world.person("u").await;
    let _idle = open_sockets(&world, 60, "").await;
    let _begun = open_sockets(&world, 60, "GET /hea").await;
    for _ in 0..5 {
        assert_eq!(ask_anew(&world, "/livez", None).await, 200);
        assert_eq!(ask_anew(&world, &format!("/api/profiles/{id}"), browser.token.as_deref()).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_other_callers_are_served_beside_slow_bodies_of_one_link() {
    let world = start_small_server().await;
    let (id, browser) = world.person("slow").await;
    let (other, other_browser) = world.person("other").await;
    let token = browser.token.clone().unwrap();
    let mut slow = open_sockets(&world, 40, &unfinished_form(&format!("/api/profiles/{id}"), &token)).await;
    assert_eq!(read_statuses(&mut slow, 36).await, [429; 36]);
    assert_eq!(ask_anew(&world, "/livez", None).await, 200);
    assert_eq!(ask_anew(&world, &format!("/api/profiles/{other}"), other_browser.token.as_deref()).await, 200);
    let form = Form::new().part("facial_photo", file(small_picture(1), "p.png"));
    other_browser.form(Method::PATCH, &format!("/api/profiles/{other}"), form).await.expect(200);
    drop(slow);
    for _ in 0..100 {
        if browser.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await.status == 200 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("the link's bodies are given back when its connections end");
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_slow_bodies_of_many_callers_leave_probes_and_reads() {
    let world = start_small_server().await;
    let operator = world.operator().token.unwrap();
    let mut people = Vec::new();
    for n in 0..10 {
        people.push(world.person(&format!("u{n}")).await);
    }
    let mut strangers = open_sockets(&world, 40, UNFINISHED_LOGIN).await;
    assert_eq!(read_statuses(&mut strangers, 30).await, [503; 30], "a quarter for strangers");
    let mut links = Vec::new();
    for (id, browser) in &people {
        let form = unfinished_form(&format!("/api/profiles/{id}"), browser.token.as_deref().unwrap());
        links.extend(open_sockets(&world, 4, &form).await);
    }
    let refused = read_statuses(&mut links, 20).await;
    assert_eq!(refused.len(), 20, "three quarters for all bodies: {refused:?}");
    assert!(refused.iter().all(|status| matches!(*status, 503 | CLOSED)), "{refused:?}");
    for _ in 0..5 {
        assert_eq!(ask_anew(&world, "/livez", None).await, 200);
        assert_eq!(ask_anew(&world, "/api/profiles", Some(&operator)).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_probes_are_answered_when_no_connection_is_left_for_bodies() {
    let world = World::with(&["--max-connections", "3"], false).await;
    let (id, browser) = world.person("u").await;
    // Three connections allow two bodies, which take two of them until the end.
    let form = unfinished_form(&format!("/api/profiles/{id}"), browser.token.as_deref().unwrap());
    let mut busy = open_sockets(&world, 3, &form).await;
    assert_eq!(read_statuses(&mut busy, 1).await, [503]);
    for path in ["/livez", "/readyz", "/health"] {
        assert_eq!(ask_anew(&world, path, None).await, 200, "{path}");
    }
}

/// Starts a server whose engines cost what a test says, with a link.
async fn start_costly_server(measure: fn() -> Duration, clock: &Clock) -> World {
    let engines = LocalEngines::load(None, 2, CpuLedger::with_measure(clock.clone(), 2, measure)).unwrap();
    let options = StartOptions { clock: clock.clone(), engines: Some(engines), ..StartOptions::default() };
    World::with_options(options).await
}

async fn read_document(caller: &Caller<'_>, document: Vec<u8>) -> Answer {
    let form = Form::new().part("document_front", file(document, "passport.jpg"));
    caller.form(Method::POST, "/api/ollama/document-analysis", form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_link_that_has_spent_its_processor_time_waits_and_others_do_not() {
    static USED: AtomicU64 = AtomicU64::new(0);
    let clock = Clock::default();
    // Every look at the clock finds that 20 more seconds were used.
    let world = start_costly_server(|| Duration::from_secs(USED.fetch_add(20, Ordering::Relaxed)), &clock).await;
    let (_, dear) = world.person("dear").await;
    let (_, other) = world.person("other").await;
    let mut served = 0;
    let refused = loop {
        let answer = read_document(&dear, small_picture(1)).await;
        if answer.status != 200 {
            break answer;
        }
        served += 1;
        assert!(served < 8, "120 seconds in 10 minutes");
    };
    assert_eq!(refused.status, 429, "{}", refused.body);
    let wait: i64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=600).contains(&wait), "{wait}");
    read_document(&other, small_picture(1)).await.expect(200);
    clock.advance(wait);
    read_document(&dear, small_picture(1)).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_requests_that_fail_count() {
    let world = World::new().await;
    let (_, browser) = world.person("u").await;
    for _ in 0..30 {
        let answer = read_document(&browser, b"no picture".to_vec()).await;
        assert_eq!(answer.status, 400, "{}", answer.body);
    }
    let refused = read_document(&browser, picture("passport.jpg")).await;
    assert_eq!(refused.status, 429, "{}", refused.body);
    let (_, other) = world.person("other").await;
    assert_eq!(read_document(&other, b"no picture".to_vec()).await.status, 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn s73_frames_that_do_not_decode_count() {
    let world = World::new().await;
    let (_, browser) = world.person("u").await;
    let session = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    let path = format!("/api/face-liveness/session/{}/frames", session["sessionId"].as_str().unwrap());
    let mut statuses = Vec::new();
    for _ in 0..31 {
        let form = Form::new().text("nonce", "x").text("frames", "[]");
        statuses.push(browser.form(Method::POST, &path, form).await.status);
    }
    assert!(statuses[..30].iter().all(|status| *status == 400) && statuses[30] == 429, "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn s70_refusals_say_when_to_try_again() {
    let world = start_small_server().await;
    let (id, browser) = world.person("u").await;
    let form = unfinished_form(&format!("/api/profiles/{id}"), browser.token.as_deref().unwrap());
    let mut slow = open_sockets(&world, 8, &form).await;
    assert_eq!(read_statuses(&mut slow, 4).await, [429; 4]);
    let answer = browser.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await;
    assert_eq!((answer.status, answer.header("retry-after")), (429, "1"));
    assert_eq!(answer.body["error"], "Too many requests");
}
