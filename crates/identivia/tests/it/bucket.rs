//! Files in S3: sent whole or in parts, copied, swept; and what is answered and kept while S3 is away.

use std::sync::Arc;
use std::time::{Duration, Instant};

use identivia::clock::Clock;
use identivia::config::{AwsAccess, AwsKeys, BucketLocation};
use identivia::domain::media::Media;
use identivia::files::bucket::{BucketTimeouts, S3Bucket};
use identivia::files::picture::StorableFile;
use identivia::files::upload::Upload;
use identivia::files::{Files, FilesError, StoredPath};
use identivia::jobs::file_sweep::{SweepAtStart, start_file_sweep};
use identivia::records::id::RecordId;
use identivia::store::sqlite::Sqlite;
use identivia::store::{Collection, Store};
use identivia::work::cpu_ledger::CpuLedger;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::Value;
use tempfile::TempDir;

use crate::command::{Running, configured, memory, profile, run, text, token};
use crate::services::proxy::Proxy;
use crate::services::s3::{self, bucket};
use crate::world::{Answer, Caller, GIVEN_UP_WITHIN, World, file, picture, small_picture, texts, video};

/// A server whose files go to that bucket, by way of that endpoint.
async fn world(bucket: &s3::Bucket, endpoint: &str) -> World {
    let url = format!("s3://{}/files", bucket.name);
    let flags = ["--files-url", &url, "--aws-endpoint-url-s3", endpoint, "--aws-region", "us-east-1"];
    let keys = ["--aws-access-key-id", &bucket.access_key, "--aws-secret-access-key", &bucket.secret_key];
    World::with(&[&flags[..], &keys].concat(), false).await
}

async fn send(caller: &Caller<'_>, id: &str, field: &'static str, bytes: Vec<u8>, name: &str) -> Answer {
    let form = Form::new().part(field, file(bytes, name));
    caller.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await
}

fn name(answer: &Value, field: &str) -> String {
    answer["data"][field].as_str().unwrap().to_owned()
}

/// A verification record with a document of its own; the face is to be the profile's.
fn evidence() -> Form {
    texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("document_front", file(small_picture(2), "b.png"))
}

/// Waits, boundedly, until exactly that many files and no unfinished uploads are in the bucket.
async fn await_keys(bucket: &s3::Bucket, count: usize) -> Vec<String> {
    let (mut keys, mut uploads) = (Vec::new(), Vec::new());
    for _ in 0..300 {
        (keys, uploads) = (bucket.keys().await, bucket.uploads().await);
        if keys.len() == count && uploads.is_empty() {
            return keys;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{count} files were expected: {keys:?}, unfinished: {uploads:?}");
}

/// Waits, boundedly, until `/readyz` answers that.
async fn await_ready(world: &World, status: u16) {
    for _ in 0..200 {
        if world.bearing(None).get("/readyz").await.status == status {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("/readyz never answered {status}");
}

#[tokio::test(flavor = "multi_thread")]
async fn files_sent_whole_or_in_parts_read_back_unchanged() {
    let bucket = bucket().await;
    let world = world(&bucket, &bucket.endpoint).await;
    let (id, browser) = world.person("one").await;
    // Exactly one part, three parts of which the last is short, and no part at all.
    for (field, bytes, kind) in [
        ("document_front", picture("passport.jpg"), "image/jpeg"),
        ("facial_photo", picture("portrait.jpg"), "image/jpeg"),
        ("facial_video", video(8 * 1024 * 1024), "video/webm"),
        ("facial_video", video(18 * 1024 * 1024 + 5), "video/webm"),
    ] {
        let sent = send(&browser, &id, field, bytes.clone(), "a b.bin").await.expect(200);
        let path = format!("profiles/{id}/{}", name(&sent, field));
        let got = browser.get(&format!("/api/files/{path}")).await;
        assert!(got.status == 200 && got.bytes == bytes, "{field}: {} of {} bytes", got.bytes.len(), bytes.len());
        assert_eq!((got.header("content-type"), got.header("content-length")), (kind, &*bytes.len().to_string()));
        let head = bucket.client.head_object().bucket(&bucket.name).key(format!("files/{path}"));
        assert_eq!(head.send().await.unwrap().content_type(), Some(kind));
    }
    let keys = await_keys(&bucket, 3).await;
    assert!(keys.iter().all(|key| key.starts_with(&format!("files/profiles/{id}/"))), "{keys:?}");
    assert!(!world.folder.path().join("data/files").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn record_keeps_its_copy_and_the_replaced_profile_file_is_removed() {
    let bucket = bucket().await;
    let world = world(&bucket, &bucket.endpoint).await;
    let (id, browser) = world.person("one").await;
    let first = send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    let operator = world.operator();
    let record = operator.form(Method::POST, &format!("/api/verification_history/{id}"), evidence()).await.expect(201);
    await_keys(&bucket, 3).await;
    send(&browser, &id, "facial_photo", small_picture(3), "a.png").await.expect(200);
    await_keys(&bucket, 3).await;
    operator.get(&format!("/api/files/profiles/{id}/{}", name(&first, "facial_photo"))).await.expect(404);
    let record_id = record["data"]["id"].as_str().unwrap();
    for (field, shade) in [("facial_photo", 1), ("document_front", 2)] {
        let path = format!("/api/files/verification_history/{record_id}/{}", name(&record, field));
        assert_eq!(operator.get(&path).await.bytes, small_picture(shade), "{field}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_request_leaves_nothing_in_the_bucket() {
    let bucket = bucket().await;
    let world = world(&bucket, &bucket.endpoint).await;
    let (id, browser) = world.person("one").await;
    let form = Form::new()
        .part("facial_video", file(video(12 * 1024 * 1024), "v.webm"))
        .part("document_front", file(small_picture(1), "a.png"))
        .part("facial_photo", file(b"no picture".to_vec(), "b.png"));
    browser.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(400);
    await_keys(&bucket, 0).await;

    // The profile's own file is gone behind our back: it must be sent again, and what came with it goes as well.
    let sent = send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    let path = format!("profiles/{id}/{}", name(&sent, "facial_photo"));
    bucket.client.delete_object().bucket(&bucket.name).key(format!("files/{path}")).send().await.unwrap();
    browser.get(&format!("/api/files/{path}")).await.expect(404);
    let refused = world.operator().form(Method::POST, &format!("/api/verification_history/{id}"), evidence()).await;
    refused.expect(400);
    await_keys(&bucket, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unavailable_s3_is_503_until_it_is_back() {
    let bucket = bucket().await;
    let mut proxy = Proxy::before(&bucket.endpoint).await;
    let world = world(&bucket, &proxy.url(&bucket.endpoint)).await;
    let (id, browser) = world.person("one").await;
    let sent = send(&browser, &id, "facial_photo", small_picture(1), "a.png").await.expect(200);
    let path = format!("/api/files/profiles/{id}/{}", name(&sent, "facial_photo"));
    await_ready(&world, 200).await;

    proxy.refuse().await;
    let began = Instant::now();
    let refused = [
        browser.get(&path).await,
        send(&browser, &id, "facial_photo", small_picture(2), "a.png").await,
        send(&browser, &id, "facial_video", video(9 * 1024 * 1024), "v.webm").await,
    ];
    for answer in &refused {
        assert_eq!((answer.status, answer.header("retry-after")), (503, "5"), "{}", answer.body);
        assert!(!answer.body.to_string().contains("S3"), "{}", answer.body);
    }
    await_ready(&world, 503).await;
    assert!(began.elapsed() < GIVEN_UP_WITHIN, "{:?}", began.elapsed());

    // Requests that hang are told apart by the look before the first file, not by the time-out of each.
    proxy.hang().await;
    await_ready(&world, 503).await;
    let began = Instant::now();
    assert_eq!(send(&browser, &id, "facial_photo", small_picture(2), "a.png").await.status, 503);
    assert!(began.elapsed() < GIVEN_UP_WITHIN, "{:?}", began.elapsed());

    proxy.pass().await;
    await_ready(&world, 200).await;
    assert_eq!(browser.get(&path).await.bytes, small_picture(1));
    send(&browser, &id, "facial_video", video(9 * 1024 * 1024), "v.webm").await.expect(200);
    await_keys(&bucket, 2).await;
}

/// Files in that bucket, as a process has them, with notes that outlive it.
struct Process {
    files: Arc<Files>,
}

impl Process {
    async fn start_sweep(&self) {
        start_file_sweep(&self.files, SweepAtStart::Old).await;
    }
}

async fn process(bucket: &s3::Bucket, endpoint: &str, folder: &TempDir, clock: &Clock) -> Process {
    let at = BucketLocation {
        bucket: bucket.name.clone(),
        prefix: String::new(),
        access: AwsAccess {
            region: None,
            keys: Some(AwsKeys { id: bucket.access_key.clone(), secret: bucket.secret_key.clone(), session: None }),
        },
        endpoint: Some(endpoint.to_owned()),
    };
    let timeouts = BucketTimeouts { operation: Duration::from_secs(2), ..BucketTimeouts::default() };
    let backend = S3Bucket::open(&at, folder.path(), timeouts).await.unwrap();
    let intents: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
    let files =
        Files::new(Arc::new(backend), Some(intents), folder.path(), clock.clone(), CpuLedger::new(clock.clone(), 1));
    Process { files }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_of_a_killed_process_are_removed_after_the_longest_upload() {
    let (bucket, folder, clock) = (bucket().await, tempfile::tempdir().unwrap(), Clock::default());
    let killed = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    let record = RecordId::random();
    let mut upload = Upload::new(killed.files.clone(), Collection::Profiles, record);
    let (writing, name) = upload.create_file("a.png", Media::Png).await.unwrap();
    upload.store_file(&name, StorableFile::from_other_store(writing.finish_file().await.unwrap())).await.unwrap();
    let (_, cut_off) = upload.create_file("v.webm", Media::WebM).await.unwrap();
    let key =
        |name: &str| StoredPath { collection: Collection::Profiles, record, name: name.to_owned() }.relative_path();
    let client = &bucket.client;
    for name in [&*cut_off, "v_another1.webm"] {
        client.create_multipart_upload().bucket(&bucket.name).key(key(name)).send().await.unwrap();
    }
    client.put_object().bucket(&bucket.name).key(key("a_another1.png")).send().await.unwrap();
    std::mem::forget(upload);
    drop(killed);
    assert_eq!((bucket.keys().await.len(), bucket.uploads().await.len()), (2, 2));

    let early = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    early.start_sweep().await;
    assert_eq!((bucket.keys().await.len(), bucket.uploads().await.len()), (2, 2), "another server may be at it");
    clock.advance(3_601);
    let late = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    late.start_sweep().await;
    assert_eq!(bucket.keys().await, [key("a_another1.png")]);
    assert_eq!(bucket.uploads().await, [key("v_another1.webm")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_upload_times_out_and_is_removed_when_it_arrives() {
    let (bucket, folder, clock) = (bucket().await, tempfile::tempdir().unwrap(), Clock::default());
    let mut proxy = Proxy::before(&bucket.endpoint).await;
    let Process { files } = process(&bucket, &proxy.url(&bucket.endpoint), &folder, &clock).await;
    start_file_sweep(&files, SweepAtStart::Old).await;
    let mut upload = Upload::new(files.clone(), Collection::Profiles, RecordId::random());
    let (writing, name) = upload.create_file("a.png", Media::Png).await.unwrap();
    proxy.hang().await;
    let began = Instant::now();
    let given_up = upload.store_file(&name, StorableFile::from_other_store(writing.finish_file().await.unwrap())).await;
    assert!(matches!(given_up, Err(FilesError::Unavailable(_))), "{given_up:?}");
    assert!(began.elapsed() < GIVEN_UP_WITHIN, "{:?}", began.elapsed());
    drop(upload);
    // What was on its way arrives now; the sweeper may be there before or after it.
    proxy.pass().await;
    clock.advance(3_601);
    let later = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    later.start_sweep().await;
    await_keys(&bucket, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn file_that_arrives_after_its_removal_is_removed_again() {
    let (bucket, folder, clock) = (bucket().await, tempfile::tempdir().unwrap(), Clock::default());
    let Process { files } = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    start_file_sweep(&files, SweepAtStart::Old).await;
    let mut upload = Upload::new(files.clone(), Collection::Profiles, RecordId::random());
    let (writing, name) = upload.create_file("a.png", Media::Png).await.unwrap();
    upload.store_file(&name, StorableFile::from_other_store(writing.finish_file().await.unwrap())).await.unwrap();
    let stored = await_keys(&bucket, 1).await;
    drop(upload);
    await_keys(&bucket, 0).await;
    // As a first attempt that had no answer and was carried out in the end.
    bucket.client.put_object().bucket(&bucket.name).key(&stored[0]).send().await.unwrap();

    clock.advance(3_601);
    let later = process(&bucket, &bucket.endpoint, &folder, &clock).await;
    later.start_sweep().await;
    await_keys(&bucket, 0).await;
}

fn settings(command: &mut std::process::Command, bucket: &s3::Bucket) {
    configured(command);
    command
        .env("FILES_URL", format!("s3://{}/files", bucket.name))
        .env("AWS_ENDPOINT_URL_S3", &bucket.endpoint)
        .env("AWS_ACCESS_KEY_ID", &bucket.access_key)
        .env("AWS_SECRET_ACCESS_KEY", "CANARY-secret");
}

#[tokio::test(flavor = "multi_thread")]
async fn unusable_bucket_stops_the_start_with_one_line() {
    let bucket = bucket().await;
    let folder = tempfile::tempdir().unwrap();
    let line = |name: &'static str, value: &'static str| {
        let output = run(folder.path(), |command| {
            settings(command, &bucket);
            command.env(name, value).env("HOME", folder.path()).env("AWS_EC2_METADATA_DISABLED", "true");
        });
        let line = text(&output.stderr);
        assert!(output.status.code() == Some(1) && line.trim_end().lines().count() == 1, "{line}");
        assert!(!line.contains("CANARY"), "{line}");
        line
    };
    let missing = line("FILES_URL", "s3://there-is-no-such-bucket/files");
    assert!(missing.contains("FILES_URL") && missing.contains("404, NoSuchBucket"), "{missing}");
    let unreachable = line("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:1");
    assert!(unreachable.contains("FILES_URL") && unreachable.contains("S3 cannot be reached"), "{unreachable}");

    let checked = run(folder.path(), |command| {
        settings(command, &bucket);
        command.arg("check");
    });
    let checked = text(&checked.stdout);
    assert!(checked.contains(&format!("s3://{}/files/ at {}", bucket.name, bucket.endpoint)), "{checked}");
    assert!(!checked.contains("does nothing") && !checked.contains("CANARY"), "{checked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_large_uploads_use_little_memory() {
    let bucket = bucket().await;
    let folder = tempfile::tempdir().unwrap();
    let server = Running::start(folder.path(), |command| settings(command, &bucket));
    let http = reqwest::Client::new();
    let token = token(&http, &server).await;
    let video = bytes::Bytes::from(video(12 * 1024 * 1024));
    let uploads = (0..32).map(async |user| {
        let id = profile(&http, &server, &token, &format!("u{user}")).await;
        let part = Part::stream_with_length(video.clone(), video.len() as u64).file_name("v.webm");
        let patch = http.patch(format!("{}/api/profiles/{id}", server.url)).bearer_auth(&token);
        patch.multipart(Form::new().part("facial_video", part)).send().await.unwrap().status().as_u16()
    });
    assert_eq!(futures_util::future::join_all(uploads).await, [200; 32]);
    let peak = memory(&server, "VmHWM");
    assert!(peak < 140, "{peak} MiB");
    await_keys(&bucket, 32).await;
    server.stop();
}
