//! Bodies made to hurt: each gets a clear refusal, none a 500, and nothing is kept.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::world::{Answer, World, answer, file, small_picture};

async fn send_raw(world: &World, media_type: &str, body: Vec<u8>) -> Answer {
    let request = world.operator().request(Method::POST, "/api/profiles/create");
    answer(request.header("content-type", media_type).body(body)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_json_is_refused_without_parser_messages() {
    let world = World::new().await;
    let deep = |levels: usize| format!("{{\"userID\":\"u\",\"x\":{}1{}}}", "[".repeat(levels), "]".repeat(levels));
    let bodies: Vec<Vec<u8>> = vec![
        b"".into(),
        b"{".into(),
        b"[]".into(),
        b"\"u\"".into(),
        b"[\"u\"]".into(),
        b"nul".into(),
        b"{\"userID\":1e999}".into(),
        b"{\"userID\":\"\\ud800\"}".into(),
        b"{\"userID\":\"\xff\"}".into(),
        // Fields that the server ignores.
        b"{\"userID\":\"u\",\"x\":1e999}".into(),
        b"{\"userID\":\"u\",\"x\":\"\\ud800\"}".into(),
        b"{\"userID\":\"u\",\"userID\":\"v\"}".into(),
        b"{\"userID\":\"u\"} x".into(),
        b"\xef\xbb\xbf{\"userID\":\"u\"}".into(),
        deep(64).into(),
        deep(100_000).into(),
    ];
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        let refused = send_raw(&world, "application/json", body).await.expect(400);
        let text = refused.to_string();
        for word in ["line", "column", "serde", "expected", "EOF"] {
            assert!(!text.contains(word), "{shown}: {text}");
        }
    }
    send_raw(&world, "application/json", deep(63).into()).await.expect(201);
    let large = format!("{{\"userID\":\"u\",\"x\":\"{}\"}}", "x".repeat(1024 * 1024));
    send_raw(&world, "application/json", large.into()).await.expect(413);
    for media_type in ["text/plain", "application/xml", "application/jsonx", "multipart/form-data"] {
        send_raw(&world, media_type, b"{\"userID\":\"u\"}".into()).await.expect(415);
    }
    send_raw(&world, "application/json; charset=utf-8", b" {\"userID\":\"u2\"}".into()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_forms_are_refused() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    let raw = |media_type: &'static str, body: Vec<u8>| {
        answer(browser.request(Method::PATCH, &path).header("content-type", media_type).body(body))
    };
    let part = |head: &str, body: &str| format!("--b\r\n{head}\r\n\r\n{body}\r\n");
    let form = "multipart/form-data; boundary=b";
    raw("multipart/form-data", b"--b--".to_vec()).await.expect(400);
    raw("text/plain", b"x".to_vec()).await.expect(415);
    raw(form, b"no boundary in sight".to_vec()).await.expect(400);
    raw(form, part("Content-Disposition: form-data; name=\"country\"", "UT").into_bytes()).await.expect(400); // never ends

    let many: String = (0..33).map(|n| part(&format!("Content-Disposition: form-data; name=\"f{n}\""), "x")).collect();
    raw(form, format!("{many}--b--\r\n").into_bytes()).await.expect(413);
    for size in [9_000, 200_000, 5_000_000] {
        let padded = format!("Content-Disposition: form-data; name=\"country\"\r\nX-Pad: {}", "p".repeat(size));
        raw(form, format!("{}--b--\r\n", part(&padded, "UT")).into_bytes()).await.expect(413);
    }
    let long = part("Content-Disposition: form-data; name=\"country\"", &"x".repeat(65 * 1024));
    raw(form, format!("{long}--b--\r\n").into_bytes()).await.expect(413);
    let mut not_text = b"--b\r\nContent-Disposition: form-data; name=\"country\"\r\n\r\n\xff\xfe".to_vec();
    not_text.extend_from_slice(b"\r\n--b--\r\n");
    raw(form, not_text).await.expect(400);
    let twice = part("Content-Disposition: form-data; name=\"country\"", "UT").repeat(2);
    raw(form, format!("{twice}--b--\r\n").into_bytes()).await.expect(400);

    let as_text = Form::new().text("document_front", "not a file");
    browser.form(Method::PATCH, &path, as_text).await.expect(400);
    let two_files = Form::new()
        .part("facial_photo", file(small_picture(1), "a.png"))
        .part("facial_photo", file(small_picture(2), "b.png"));
    browser.form(Method::PATCH, &path, two_files).await.expect(400);
    let ignored =
        Form::new().part("unknown_file", file(vec![0; 100_000], "x.bin")).text("unknown", "y").text("country", "UT");
    browser.form(Method::PATCH, &path, ignored).await.expect(200);
    world.await_stored_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_json_is_limited_in_size_and_depth() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let path = format!("/api/profiles/{id}");
    let result = |value: serde_json::Value| browser.patch(&path, json!({"face_liveness_result": value}));
    let deep = (0..17).fold(json!(1), |inner, _| json!({"a": inner}));
    result(deep).await.expect(400);
    result(json!("x".repeat(64 * 1024 + 1))).await.expect(400);
    result(json!(7)).await.expect(400);
    result(json!("{broken")).await.expect(400);
    result((0..15).fold(json!(1), |inner, _| json!({"a": inner}))).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn too_large_content_length_is_413_before_the_body_is_read() {
    let world = World::new().await;
    let token = world.operator().token.unwrap();
    let (id, _) = world.person("one").await;
    for (operation, media_type, length) in [
        ("POST /api/profiles/create".to_owned(), "application/json", 10_737_418_240_u64),
        (format!("PATCH /api/profiles/{id}"), "multipart/form-data; boundary=b", 80 * 1024 * 1024 + 1),
    ] {
        let head = format!(
            "{operation} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n\
             Content-Type: {media_type}\r\nContent-Length: {length}\r\n\r\n"
        );
        let answer = crate::wire::exchange(&world, head.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 413 "), "{operation}: {answer}");
        assert!(answer.contains("connection: close\r\n"), "{operation}: {answer}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_chunked_body_is_413_at_the_limit() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let world = World::new().await;
    let mut socket = tokio::net::TcpStream::connect(world.url.trim_start_matches("http://")).await.unwrap();
    let head = format!(
        "POST /api/profiles/create HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        world.operator().token.unwrap(),
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    let chunk = format!("10000\r\n{}\r\n", "x".repeat(0x10000));
    for _ in 0..40 {
        if socket.write_all(chunk.as_bytes()).await.is_err() {
            break;
        }
    }
    let mut answer = vec![0; 12];
    socket.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
}
