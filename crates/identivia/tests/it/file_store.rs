//! The file store and its marker: a store that is missing or belongs to other records stops the start and all work on files,
//! and a missing file is never taken for one that was not sent.

use std::path::{Path, PathBuf};
use std::process::Command;

use identivia::jobs::queue::JobError;
use identivia::store::FileStoreChange;
use reqwest::Method;
use serde_json::{Value, json};

use crate::command::{Running, run, text};
use crate::forms::{passport_record_form, photo_form};
use crate::ground::Ground;
use crate::services::s3::Bucket;
use crate::world::{Answer, Caller, World, file, picture};

const MARKER: &str = "store-marker";
/// Longer than the result of a check is valid, in seconds.
const NEXT_CHECK: i64 = 3;

/// The store of files of a test, reached behind the server's back.
enum Place<'a> {
    Folder(PathBuf),
    Bucket(&'a Bucket),
}

impl<'a> Place<'a> {
    /// `None`: PocketBase stores files within its records.
    fn of(ground: &'a Ground, data_dir: &Path) -> Option<Self> {
        match ground {
            Ground::Sqlite => Some(Self::Folder(data_dir.join("files"))),
            Ground::Postgres { bucket, .. } => Some(Self::Bucket(bucket)),
            Ground::PocketBase(_) => None,
        }
    }

    async fn read(&self, path: &str) -> Option<Vec<u8>> {
        match self {
            Self::Folder(root) => std::fs::read(root.join(path)).ok(),
            Self::Bucket(bucket) => {
                let get = bucket.client.get_object().bucket(&bucket.name).key(format!("files/{path}"));
                Some(get.send().await.ok()?.body.collect().await.unwrap().to_vec())
            }
        }
    }

    async fn write(&self, path: &str, bytes: &[u8]) {
        match self {
            Self::Folder(root) => std::fs::write(root.join(path), bytes).unwrap(),
            Self::Bucket(bucket) => {
                let put = bucket.client.put_object().bucket(&bucket.name).key(format!("files/{path}"));
                put.body(bytes.to_vec().into()).send().await.unwrap();
            }
        }
    }

    async fn remove(&self, path: &str) {
        match self {
            Self::Folder(root) => std::fs::remove_file(root.join(path)).unwrap(),
            Self::Bucket(bucket) => {
                let delete = bucket.client.delete_object().bucket(&bucket.name).key(format!("files/{path}"));
                delete.send().await.unwrap();
            }
        }
    }
}

fn place(world: &World) -> Option<Place<'_>> {
    Place::of(&world.ground, &world.folder.path().join("data"))
}

async fn send_photo(caller: &Caller<'_>, id: &str, shade: u8) -> Answer {
    caller.form(Method::PATCH, &format!("/api/profiles/{id}"), photo_form(shade)).await
}

async fn record_verification(world: &World, id: &str) -> Value {
    let form = passport_record_form().part("facial_photo", file(picture("portrait.jpg"), "photo.jpg"));
    world.operator().form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201)["data"]
        .take()
}

async fn read_record(world: &World, id: &str) -> Value {
    let list = world.operator().get(&format!("/api/verification_history/{id}")).await.expect(200);
    list["data"][0].clone()
}

/// What a start says that is refused; it must be one line.
fn read_refusal(folder: &Path, change: impl FnOnce(&mut Command)) -> String {
    let output = run(folder, change);
    let said = text(&output.stderr);
    assert_eq!((output.status.code(), said.lines().count()), (Some(1), 1), "{said}");
    said
}

#[tokio::test(flavor = "multi_thread")]
async fn store_without_the_known_marker_stops_the_start() {
    let (ground, folder) = (Ground::wanted().await, tempfile::tempdir().unwrap());
    let data_dir = folder.path().join("data");
    let Some(store) = Place::of(&ground, &data_dir) else { return };
    let variables = ground.variables();
    let on_ground = |command: &mut Command| {
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
    };
    Running::start(folder.path(), on_ground).stop();
    let marker = store.read(MARKER).await.expect("the first start writes it");
    assert!(marker.len() >= 32);
    Running::start(folder.path(), on_ground).stop();
    assert_eq!(store.read(MARKER).await.as_ref(), Some(&marker), "a later start leaves it");

    store.remove(MARKER).await;
    if matches!(ground, Ground::Sqlite) {
        std::fs::remove_dir_all(data_dir.join("files")).unwrap();
    }
    let said = read_refusal(folder.path(), on_ground);
    assert!(said.contains("lacks the marker") && said.contains("--accept-new-files-folder true"), "{said}");
    assert!(said.contains(if matches!(ground, Ground::Sqlite) { "DATA_DIR: " } else { "FILES_URL: " }), "{said}");
    assert!(!data_dir.join("files").exists(), "nothing is created at the place of a missing mount");
    let checked = run(folder.path(), |command| {
        on_ground(command);
        command.arg("check");
    });
    assert_eq!(checked.status.code(), Some(1));
    assert!(text(&checked.stderr).contains("lacks the marker"), "{}", text(&checked.stderr));

    let accept = |command: &mut Command| {
        on_ground(command);
        command.env("ACCEPT_NEW_FILES_FOLDER", "true");
    };
    let (_, _, log) = Running::start(folder.path(), accept).stop();
    assert!(log.contains("lacks the marker that the database knows: accepted"), "{log}");
    assert_eq!(store.read(MARKER).await.as_ref(), Some(&marker));
    Running::start(folder.path(), on_ground).stop();

    store.remove(MARKER).await;
    store.write(MARKER, b"the marker of another database").await;
    let said = read_refusal(folder.path(), on_ground);
    assert!(said.contains("another marker"), "{said}");
    Running::start(folder.path(), accept).stop();
    Running::start(folder.path(), on_ground).stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn new_database_refuses_the_store_of_another_one() {
    let (ground, other) = (Ground::wanted().await, Ground::wanted().await);
    let folder = tempfile::tempdir().unwrap();
    let Some(store) = Place::of(&ground, &folder.path().join("data")) else { return };
    if matches!(ground, Ground::Sqlite) {
        std::fs::create_dir_all(folder.path().join("data/files")).unwrap();
    }
    store.write(MARKER, b"the marker of another database").await;
    let mut variables = ground.variables();
    // The records are in a new database; the files are still where they were.
    for (name, value) in other.variables().into_iter().filter(|(name, _)| *name == "DATABASE_URL") {
        variables.retain(|(known, _)| *known != name);
        variables.push((name, value));
    }
    let said = read_refusal(folder.path(), |command| {
        command.envs(variables.iter().map(|(name, value)| (*name, value)));
    });
    assert!(said.contains("belongs to another database, and this one is new"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn database_from_before_markers_needs_files_of_its_newest_records() {
    let folder = tempfile::tempdir().unwrap();
    let data_dir = folder.path().join("data");
    {
        let world = World::new().await;
        if !matches!(*world.ground, Ground::Sqlite) {
            return;
        }
        let (id, browser) = world.person("one").await;
        send_photo(&browser, &id, 1).await.expect(200);
        std::fs::create_dir_all(data_dir.join("files")).unwrap();
        let source = rusqlite::Connection::open(world.folder.path().join("data/identivia.db")).unwrap();
        source.execute("vacuum into $1", [data_dir.join("identivia.db").to_str().unwrap()]).unwrap();
        let from = world.folder.path().join("data/files/profiles");
        assert!(Command::new("cp").arg("-r").arg(from).arg(folder.path()).status().unwrap().success());
    }
    let forget = || {
        let database = rusqlite::Connection::open(data_dir.join("identivia.db")).unwrap();
        database.execute("delete from file_store", []).unwrap();
    };
    forget();
    let said = read_refusal(folder.path(), |_| ());
    assert!(said.contains("lacks the marker"), "{said}");
    std::fs::rename(folder.path().join("profiles"), data_dir.join("files/profiles")).unwrap();
    Running::start(folder.path(), |_| ()).stop();
    assert!(data_dir.join("files").join(MARKER).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn store_that_disappears_while_running_is_unready_and_takes_no_upload() {
    let world = World::new().await;
    let Some(store) = place(&world) else { return };
    let (id, browser) = world.person("one").await;
    let sent = send_photo(&browser, &id, 1).await.expect(200);
    let name = sent["data"]["facial_photo"].as_str().unwrap().to_owned();
    let marker = store.read(MARKER).await.unwrap();
    world.bearing(None).get("/readyz").await.expect(200);

    for wrong in [None, Some(b"of another database".as_slice())] {
        match wrong {
            Some(other) => store.write(MARKER, other).await,
            None => store.remove(MARKER).await,
        }
        world.clock.advance(NEXT_CHECK);
        world.bearing(None).get("/readyz").await.expect(503);
        send_photo(&browser, &id, 2).await.expect(503);
    }
    // Neither is there, as where the mount is gone: that is no 404.
    let path = format!("profiles/{id}/{name}");
    let bytes = store.read(&path).await.unwrap();
    store.remove(&path).await;
    browser.get(&format!("/api/files/{path}")).await.expect(503);

    store.write(MARKER, &marker).await;
    store.write(&path, &bytes).await;
    world.clock.advance(NEXT_CHECK);
    world.bearing(None).get("/readyz").await.expect(200);
    assert_eq!(browser.get(&format!("/api/files/{path}")).await.bytes, bytes);
    send_photo(&browser, &id, 2).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_file_of_a_record_has_an_error_of_its_own() {
    let world = World::new().await;
    let Some(store) = place(&world) else { return };
    let (id, browser) = world.person("one").await;
    let sent = send_photo(&browser, &id, 1).await.expect(200);
    let path = format!("profiles/{id}/{}", sent["data"]["facial_photo"].as_str().unwrap());
    store.remove(&path).await;
    let said = browser.get(&format!("/api/files/{path}")).await.expect(404);
    assert_eq!(said["error"], "File is missing", "{said}");
    let unnamed = browser.get(&format!("/api/files/profiles/{id}/other_abcdefghij1.png")).await.expect(404);
    assert_eq!(unnamed["error"], "File not found", "{unnamed}");

    // A record that would copy it says which file to send again.
    let path = format!("/api/verification_history/{id}");
    let said = world.operator().form(Method::POST, &path, passport_record_form()).await.expect(400);
    assert!(said["fields"]["facial_photo"].as_str().unwrap().contains("send it again"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn checks_of_a_missing_picture_are_postponed_and_fail_in_the_end() {
    let world = World::new().await;
    let Some(store) = place(&world) else { return };
    let (id, _) = world.person("one").await;
    let record = record_verification(&world, &id).await;
    let path = format!(
        "verification_history/{}/{}",
        record["id"].as_str().unwrap(),
        record["document_front"].as_str().unwrap()
    );
    let bytes = store.read(&path).await.unwrap();
    store.remove(&path).await;
    let marker = store.read(MARKER).await.unwrap();

    // Without the whole store no attempt counts, however many there are.
    store.remove(MARKER).await;
    for _ in 0..8 {
        world.clock.advance(120);
        assert!(matches!(world.app.record_checks.run_next().await, Err(JobError::Unavailable { .. })));
    }
    store.write(MARKER, &marker).await;
    for attempt in 1..=5 {
        world.clock.advance(3_700);
        let outcome = world.app.record_checks.run_next().await;
        assert!(matches!(outcome, Err(JobError::FailedUntil { .. })), "{attempt}: {outcome:?}");
        assert_eq!(read_record(&world, &id).await["checks_status"], "pending");
        assert!(!world.run_next_checks().await, "it is not due again at once");
    }
    world.clock.advance(3_700);
    assert!(world.app.record_checks.run_next().await.unwrap());
    let failed = read_record(&world, &id).await;
    assert_eq!((&failed["checks_status"], &failed["checks"]), (&json!("failed"), &json!([])), "{failed}");

    // A picture that is restored in time is checked.
    let (id, _) = world.person("two").await;
    let record = record_verification(&world, &id).await;
    let path = format!(
        "verification_history/{}/{}",
        record["id"].as_str().unwrap(),
        record["document_front"].as_str().unwrap()
    );
    store.remove(&path).await;
    assert!(world.app.record_checks.run_next().await.is_err());
    store.write(&path, &bytes).await;
    world.clock.advance(3_700);
    assert!(world.run_next_checks().await);
    assert_eq!(read_record(&world, &id).await["checks_status"], "done");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_swept_from_a_wrong_store_or_during_a_backup() {
    let world = World::new().await;
    let Some(store) = place(&world) else { return };
    let (id, browser) = world.person("one").await;
    send_photo(&browser, &id, 1).await.expect(200);
    let hold_until = world.clock.now().plus_seconds(60);
    world.app.store.change_file_store(FileStoreChange::HoldUntil(hold_until)).await.unwrap();
    send_photo(&browser, &id, 2).await.expect(200);
    // The sweep has woken by now, and has put the removal off.
    let intents = || async {
        let query = identivia::store::Query::of_kind(identivia::records::RecordKind::FileIntents);
        world.app.store.read(query).await.unwrap()
    };
    for _ in 0..250 {
        if intents().await.iter().any(|intent| intent.json.contains(&json!(hold_until).to_string())) {
            break;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    assert!(intents().await[0].json.contains(&json!(hold_until).to_string()), "{:?}", intents().await[0].json);
    assert_eq!(world.stored_files().await.len(), 2);

    let marker = store.read(MARKER).await.unwrap();
    store.remove(MARKER).await;
    world.clock.advance(120);
    world.app.files.sweep_soon();
    assert!(world.app.files.check_marker().await.is_err());
    assert_eq!(world.stored_files().await.len(), 2);
    store.write(MARKER, &marker).await;
    world.clock.advance(120);
    world.app.files.sweep_soon();
    world.await_stored_files(1).await;
}
