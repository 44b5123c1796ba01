//! Stored files: recognised by their bytes, stored durably, served with safe headers, removed when no record names them.

use std::os::unix::fs::PermissionsExt as _;

use identivia::files::{FilesError, StoredPath};
use identivia::records::id::RecordId;
use identivia::store::Collection;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::ground::Ground;
use crate::world::{Answer, Caller, World, file, picture, small_picture, texts, video};

async fn send(caller: &Caller<'_>, id: &str, field: &'static str, bytes: Vec<u8>, name: &str) -> Answer {
    let form = Form::new().part(field, file(bytes, name));
    caller.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await
}

#[tokio::test(flavor = "multi_thread")]
async fn stored_file_reads_back_unchanged_as_a_download() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let sent = send(&browser, &id, "document_front", picture("passport.jpg"), "my pass.jpeg").await.expect(200);
    let name = sent["data"]["document_front"].as_str().unwrap();
    assert!(name.starts_with("my_pass_") && name.ends_with(".jpg"), "{name}");
    if matches!(*world.ground, Ground::Sqlite) {
        let stored = world.folder.path().join(format!("data/files/profiles/{id}/{name}"));
        assert_eq!(stored.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
    let path = format!("/api/files/profiles/{id}/{name}");
    let got = browser.get(&path).await;
    assert_eq!(got.bytes, picture("passport.jpg"));
    assert_eq!(got.header("content-type"), "image/jpeg");
    assert_eq!(got.header("content-disposition"), format!("attachment; filename=\"{name}\""));
    assert_eq!(got.header("x-content-type-options"), "nosniff");
    assert!(got.header("content-security-policy").contains("sandbox"));

    world.bearing(None).get(&path).await.expect(401);
    let (_, stranger) = world.person("two").await;
    stranger.get(&path).await.expect(404);
    world.team("red").get(&path).await.expect(404);
    for other in [
        format!("/api/files/profiles/{id}/other_{name}"),
        format!("/api/files/verification_history/{id}/{name}"),
        format!("/api/files/settings/{id}/{name}"),
        format!("/api/files/profiles/{id}/..%2f{name}"),
        format!("/api/files/profiles/{id}/%00.jpg"),
        format!("/api/files/profiles/..%2fprofiles/{name}"),
    ] {
        browser.get(&other).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replaced_file_is_removed() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let first = send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    send(&browser, &id, "facial_photo", small_picture(2), "a.png").await.expect(200);
    world.await_stored_files(1).await;
    let old = first["data"]["facial_photo"].as_str().unwrap();
    browser.get(&format!("/api/files/profiles/{id}/{old}")).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_accepted_by_their_bytes_and_not_by_their_name() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    for bytes in [
        &b"<html><script>alert(1)</script>"[..],
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.7",
        b"PK\x03\x04",
        b"MZ\x90\0",
        b"just text",
        b"GIF89a",
        b"\0\0\0\x18ftypheic",
        b"",
    ] {
        let refused = send(&browser, &id, "document_front", bytes.to_vec(), "photo.jpg").await.expect(400);
        assert_eq!(refused["fields"], json!({"document_front": "must be a JPEG, PNG or WebP picture"}));
    }
    let video = b"\0\0\0\x10ftypisom\0\0\x02\0\0\0\0\x08free".to_vec();
    send(&browser, &id, "document_front", video.clone(), "v.mp4").await.expect(400);
    send(&browser, &id, "facial_video", small_picture(1), "p.png").await.expect(400);
    send(&browser, &id, "facial_video", video, "v.txt").await.expect(200);
    world.await_stored_files(1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn incomplete_picture_is_400() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let whole = picture("portrait.jpg");
    let png = small_picture(1);
    for cut in [20, png.len() / 2, png.len() - 20] {
        send(&browser, &id, "facial_photo", png[..cut].to_vec(), "p.png").await.expect(400);
    }
    // Cut anywhere in the scan: a lenient decoder would paint the rest grey.
    for cut in [200, whole.len() * 3 / 10, whole.len() * 9 / 10] {
        send(&browser, &id, "facial_photo", whole[..cut].to_vec(), "p.jpg").await.expect(400);
    }
    let scan = whole.windows(2).position(|marker| marker == [0xFF, 0xDA]).unwrap();
    let garbage = [&whole[..scan + 14], &b"<script>alert(1)</script>".repeat(50)].concat();
    send(&browser, &id, "facial_photo", garbage, "p.jpg").await.expect(400);
    // A header that promises 60,000 x 60,000 pixels is refused for what it says; nothing is decoded.
    let refused = send(&browser, &id, "facial_photo", huge_png(60_000, 60_000), "p.png").await.expect(400);
    assert!(refused["fields"]["facial_photo"].as_str().unwrap().contains("60000"), "{refused}");
    send(&browser, &id, "facial_photo", huge_png(8_000, 8_000), "p.png").await.expect(400);
    world.await_stored_files(0).await;
}

/// A PNG whose header names that size, and holds nothing else.
fn huge_png(width: u32, height: u32) -> Vec<u8> {
    let mut png = small_picture(0);
    png[16..20].copy_from_slice(&width.to_be_bytes());
    png[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = crc32(&png[12..29]);
    png[29..33].copy_from_slice(&crc.to_be_bytes());
    png
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xEDB8_8320 } else { crc >> 1 };
        }
    }
    !crc
}

#[tokio::test(flavor = "multi_thread")]
async fn file_above_its_limit_is_413() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    // Two real pictures in one form: what is read ahead of one part must not count against the next one's header.
    let form = Form::new()
        .part("document_front", file(picture("passport.jpg"), "a.jpg"))
        .part("facial_photo", file(picture("portrait.jpg"), "b.jpg"));
    browser.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    send(&browser, &id, "facial_video", video(20 * 1024 * 1024), "v.webm").await.expect(200);
    let refused = send(&browser, &id, "facial_video", video(50 * 1024 * 1024 + 1), "v.webm").await.expect(413);
    assert!(refused["message"].as_str().unwrap().contains("50 MiB"), "{refused}");
    let mut image = picture("portrait.jpg");
    image.resize(10 * 1024 * 1024 + 1, 0);
    send(&browser, &id, "facial_photo", image, "p.jpg").await.expect(413);
    world.await_stored_files(3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_file_names_stay_in_the_folder_of_their_record() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let long = "n".repeat(4_096) + ".jpg";
    for name in [
        "../../x.png",
        "..\\..\\x.png",
        "a%0D%0ASet-Cookie: b.png",
        "a\u{0}b.png",
        "/etc/passwd",
        ".htaccess",
        long.as_str(),
        "фото.jpg",
    ] {
        let sent = send(&browser, &id, "facial_photo", small_picture(1), name).await;
        assert_eq!(sent.status, 200, "{name:?}: {}", sent.body);
        let stored = sent.body["data"]["facial_photo"].as_str().unwrap().to_owned();
        assert!(stored.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte)), "{stored}");
        let got = browser.get(&format!("/api/files/profiles/{id}/{stored}")).await;
        assert_eq!(got.bytes, small_picture(1));
    }
    world.await_stored_files(1).await;
    assert!(world.stored_files().await.iter().all(|path| path.contains(&format!("/{id}/"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupted_upload_leaves_no_file() {
    use tokio::io::AsyncWriteExt as _;
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let address = world.url.trim_start_matches("http://");
    let mut socket = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!(
        "PATCH /api/profiles/{id} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {}\r\nContent-Type: multipart/form-data; \
         boundary=b\r\nContent-Length: 9000000\r\n\r\n--b\r\nContent-Disposition: form-data; name=\"facial_video\"; \
         filename=\"v.webm\"\r\n\r\n",
        browser.token.as_ref().unwrap(),
    );
    socket.write_all(head.as_bytes()).await.unwrap();
    socket.write_all(&video(1_000_000)).await.unwrap();
    if matches!(*world.ground, Ground::Sqlite) {
        world.await_stored_files(1).await; // Elsewhere it arrives when it is whole.
    }
    drop(socket);
    world.await_stored_files(0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_verification_record_are_404_for_other_teams_and_persons() {
    let world = World::new().await;
    let red = world.team("red");
    let made = red.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let browser = world.bearing(Some(made["flow_token"].as_str().unwrap().to_owned()));
    let id = made["id"].as_str().unwrap();
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("facial_photo", file(small_picture(1), "a.png"))
    .part("document_front", file(small_picture(2), "b.png"));
    let record = red.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    let (record, name) =
        (record["data"]["id"].as_str().unwrap().to_owned(), record["data"]["facial_photo"].as_str().unwrap());
    let path = format!("/api/files/verification_history/{record}/{name}");
    assert_eq!(browser.get(&path).await.bytes, small_picture(1));
    assert_eq!(red.get(&path).await.bytes, small_picture(1));
    let missing = path.replace(&record, RecordId::random().as_str());
    let (_, stranger) = world.person("two").await;
    for other in [world.team("blue"), stranger] {
        let (theirs, missing) = (other.get(&path).await, other.get(&missing).await);
        assert_eq!((theirs.status, missing.status), (404, 404));
        assert_eq!(theirs.bytes, missing.bytes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_no_record_names_is_404() {
    let world = World::new().await;
    if !matches!(*world.ground, Ground::Sqlite) {
        return; // It looks at the folder of files.
    }
    let (id, browser) = world.person("one").await;
    send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    let operator = world.operator();
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("document_front", file(small_picture(2), "b.png"));
    let made = operator.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    for folder in [format!("profiles/{id}"), format!("verification_history/{}", made["data"]["id"].as_str().unwrap())] {
        // As an upload under way and one that has been replaced are for a moment.
        std::fs::write(world.folder.path().join("data/files").join(&folder).join("a_stray.png"), "x").unwrap();
        operator.get(&format!("/api/files/{folder}/a_stray.png")).await.expect(404);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn file_names_with_paths_cannot_leave_the_folder_of_a_record() {
    let world = World::new().await;
    if !matches!(*world.ground, Ground::Sqlite) {
        return; // It looks at the folder of files.
    }
    let (id, browser) = world.person("one").await;
    send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    let files = world.folder.path().join("data/files");
    for outside in ["x.png", "profiles/x.png"] {
        std::fs::write(files.join(outside), "x").unwrap();
    }
    let id = RecordId::parse(&id).unwrap();
    let absolute = files.join("x.png").to_str().unwrap().to_owned();
    for name in ["../x.png", "../../x.png", absolute.as_str()] {
        let read = world
            .app
            .files
            .open_stored_file(&StoredPath { collection: Collection::Profiles, record: id, name: name.to_owned() })
            .await;
        assert!(matches!(read, Err(FilesError::Gone)), "{name}");
    }
}
