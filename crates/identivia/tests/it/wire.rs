//! Below HTTP: heads that could be read in two ways, callers who stall, a server that stops.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::world::{GIVEN_UP_WITHIN, World};

async fn connect(world: &World) -> TcpStream {
    TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap()
}

/// Sends bytes and reads until the server closes.
pub(crate) async fn exchange(world: &World, bytes: &[u8]) -> String {
    let mut socket = connect(world).await;
    // The server may close before it has read all.
    let _ = socket.write_all(bytes).await;
    let mut answer = Vec::new();
    let reading = tokio::time::timeout(GIVEN_UP_WITHIN, socket.read_to_end(&mut answer)).await;
    assert!(reading.is_ok(), "the connection was not closed: {}", String::from_utf8_lossy(&answer));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_heads_are_400_and_close_the_connection() {
    let world = World::new().await;
    let smuggled = "GET /health HTTP/1.1\r\nHost: smuggled\r\n\r\n";
    for head in [
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 44\r\n\r\n",
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
        "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX-Folded: a\r\n b\r\n\r\n",
        "GET /health HTTP/1.1\nHost: x\n\n",
        "GET /health HTTP/1.1\r\nHost: x\nX: y\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /health HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n",
    ] {
        let answer = exchange(&world, format!("{head}{smuggled}").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chunked_body_closes_the_connection() {
    let world = World::new().await;
    let chunked = "POST /api/auth/token HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
        Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n";
    let answer = exchange(&world, chunked.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("connection: close"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let world = World::new().await;
    let both = "GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /nope HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let answer = exchange(&world, both.as_bytes()).await;
    let first = answer.find("HTTP/1.1 200").unwrap();
    let second = answer.find("HTTP/1.1 404").unwrap();
    assert!(first < second, "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_head_is_cut_off_within_ten_seconds() {
    let world = World::new().await;
    let mut socket = connect(&world).await;
    let started = std::time::Instant::now();
    socket.write_all(b"GET /health HTT").await.unwrap();
    let mut answer = Vec::new();
    let closed = tokio::time::timeout(GIVEN_UP_WITHIN, socket.read_to_end(&mut answer)).await;
    assert!(closed.is_ok(), "still open");
    assert!(started.elapsed() > Duration::from_secs(8) && answer.is_empty(), "{:?} {answer:?}", started.elapsed());
}
