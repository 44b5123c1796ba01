//! Copies from each store to each other one: everything is there afterwards.

use std::any::Any;
use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use identivia::domain::event::EventKind;
use identivia::domain::fingerprint::{DeviceCheck, DeviceStatus};
use identivia::domain::liveness::{Claim, Confirmed, ConfirmedBy};
use identivia::domain::profile::Reach;
use identivia::domain::verification::Evidence;
use identivia::records::audit_event::AuditEvent;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, PasskeyFactor};
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::records::status_record::StatusRecord;
use identivia::records::status_word::StatusWord;
use identivia::records::time::Millis;
use identivia::records::verification_record::VerificationRecord;
use identivia::store::console::UserWrite;
use identivia::store::{Refusal, Store, UploadedFiles, WriteCondition};
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};
use sqlx::{Connection as _, PgConnection};
use tempfile::TempDir;

use crate::reviews;
use crate::services::{self, proxy::Proxy};
use crate::world::{self, Caller, World, file, picture, texts, video};

const NOW: Millis = Millis(1_774_051_200_000);
const VIDEO_BYTES: usize = 3 * 1024 * 1024;

/// A store with its place for files, empty.
struct End {
    /// As the command line names it.
    store: String,
    files: Option<String>,
    /// What makes a server use it.
    flags: Vec<String>,
    folder: TempDir,
    pocketbase: Option<services::pocketbase::PocketBase>,
    /// What a copy needs in its environment to reach the files.
    variables: Vec<(&'static str, String)>,
    _keep: Box<dyn Any>,
}

#[derive(Clone, Copy, PartialEq, Debug)]
enum Of {
    Sqlite,
    Postgres,
    PocketBase,
}

const EVERY: [Of; 3] = [Of::Sqlite, Of::Postgres, Of::PocketBase];

impl End {
    async fn new(of: Of) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data").to_str().unwrap().to_owned();
        let mut flags = vec!["--data-dir".to_owned(), data.clone()];
        let flag = |flags: &mut Vec<String>, name: &str, value: &str| flags.extend([name.to_owned(), value.to_owned()]);
        match of {
            Of::Sqlite => Self {
                store: format!("sqlite:{data}"),
                files: None,
                flags,
                folder,
                pocketbase: None,
                variables: vec![],
                _keep: Box::new(()),
            },
            Of::Postgres => {
                let store = services::postgres::database().await;
                flag(&mut flags, "--database-url", &store);
                let files = Some(format!("file:{data}/files"));
                Self { store, files, flags, folder, pocketbase: None, variables: vec![], _keep: Box::new(()) }
            }
            Of::PocketBase => {
                let (kept, service) = services::pocketbase::ready_made().await;
                flag(&mut flags, "--pocketbase-url", &service.url);
                flag(&mut flags, "--pb-user-email", &service.email);
                flag(&mut flags, "--pb-user-password", &service.password);
                let store = service.url.clone();
                Self {
                    store,
                    files: None,
                    flags,
                    folder,
                    pocketbase: Some(service),
                    variables: vec![],
                    _keep: Box::new(kept),
                }
            }
        }
    }

    /// PostgreSQL with files in a bucket.
    async fn with_bucket() -> Self {
        let bucket = services::s3::bucket().await;
        let mut end = Self::new(Of::Postgres).await;
        let files = format!("s3://{}/files", bucket.name);
        end.variables = vec![
            ("AWS_ENDPOINT_URL_S3", bucket.endpoint.clone()),
            ("AWS_ACCESS_KEY_ID", bucket.access_key.clone()),
            ("AWS_SECRET_ACCESS_KEY", bucket.secret_key.clone()),
        ];
        let flag = |(name, value): &(&str, String)| [world::flag(name), value.clone()];
        end.flags.extend(end.variables.iter().flat_map(flag));
        end.flags.extend(["--files-url".to_owned(), files.clone()]);
        Self { files: Some(files), _keep: Box::new(bucket), ..end }
    }

    /// A server on it.
    async fn world(&self) -> World {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        World::with(&flags, true).await
    }
}

fn copy_command(from: &End, to: &End, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
    command.env_clear().current_dir(from.folder.path()).stdin(Stdio::null());
    for service in [&from.pocketbase, &to.pocketbase].into_iter().flatten() {
        command.env("PB_USER_EMAIL", &service.email).env("PB_USER_PASSWORD", &service.password);
    }
    command.envs([&from.variables, &to.variables].into_iter().flatten().cloned());
    command.args(["copy", "--from", &from.store, "--to", &to.store]);
    for (option, files) in [("--from-files", &from.files), ("--to-files", &to.files)] {
        if let Some(files) = files {
            command.args([option, files]);
        }
    }
    command.args(more);
    command
}

/// Runs a copy off the threads that serve.
async fn run_copy(from: &End, to: &End, more: &[&str]) -> Output {
    let mut command = copy_command(from, to, more);
    tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap()
}

fn output_text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[track_caller]
fn assert_same(output: &Output) -> String {
    let said = output_text(output);
    assert!(output.status.success() && said.contains("Both sides hold the same"), "{said}");
    said
}

/// The counts of a kind in the table: source, target, copied, already there, different.
fn read_counts(said: &str, kind: &str) -> Vec<usize> {
    let row = said.lines().find(|line| line.starts_with(&format!("{kind} ")) && !line.contains(':')).unwrap();
    row.split_whitespace().skip(1).map(|count| count.parse().unwrap()).collect()
}

const ODD: [&str; 6] = [
    "O'Brien \"the\" x",
    "back\\slash\\",
    "100%_of\u{202E} it",
    "emoji 🦀 é e\u{301}",
    "{:a} && || // @now",
    "tab\tand\nline",
];

/// What has come of a session whose result the provider need not be asked for any more.
const FINISHED: &str = "/api/face-liveness/results/session-1";

async fn fill_store(world: &World) {
    let mut profiles = Vec::new();
    for (n, odd) in ODD.into_iter().enumerate() {
        let caller = world.team(if n % 2 == 0 { "red" } else { "blue" });
        let new = json!({"userID": odd, "name": odd, "documentNumber": odd, "phoneNumber": odd, "country": "UT"});
        let made = caller.post("/api/profiles/create", new).await.expect(201);
        profiles.push(made["id"].as_str().unwrap().to_owned());
    }
    for id in &profiles[..2] {
        give_files(&world.operator(), id).await;
    }
    claim_liveness(world).await;
    add_histories(world, RecordId::parse(&profiles[2]).unwrap()).await;
    add_sessions(world, RecordId::parse(&profiles[3]).unwrap()).await;
    let decided = json!({"verification_status": "verified", "document_name": ODD[1]});
    world.operator().patch(&format!("/api/profiles/{}", profiles[4]), decided).await.expect(200);
    let values = [json!("5"), json!("null"), json!("{}"), json!(""), json!(" a"), json!(5), json!(-0.25), json!(true)];
    let more = [json!([]), json!({"a": [1, null, {"b": ODD}]}), json!(9_007_199_254_740_993_u64), json!("[1]")];
    for (n, value) in values.into_iter().chain(more).enumerate() {
        let body = json!({"value": value, "public": n % 2 == 0});
        world.operator().put(&format!("/api/settings/key.{n}"), body).await.expect(200);
    }
}

async fn give_files(operator: &Caller<'_>, id: &str) {
    let form = texts(&[("document_type", "passport"), ("face_liveness_result", ODD[0])])
        .part("document_front", file(picture("passport.jpg"), "My Passport.JPG"))
        .part("facial_photo", file(picture("portrait.jpg"), "фото.jpg"))
        .part("facial_video", file(video(VIDEO_BYTES), "me.webm"));
    operator.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    for confidence in ["97.123456789", "0"] {
        let form = texts(&[
            ("liveness_session_id", "not ours"),
            ("liveness_confidence", confidence),
            ("liveness_status", "live"),
            ("document_type", "passport"),
            ("date_of_birth", "1990-01-15"),
            ("address", ODD[5]),
            ("fingerprint", "{\"visitorId\": \"v\", \"a\":[1]}"),
        ]);
        operator.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    }
}

/// A browser's unconfirmed claims, and a session that its provider has.
async fn claim_liveness(world: &World) {
    let (id, browser) = world.person("a browser").await;
    browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    world.provider.finish("session-1", SessionStatus::Succeeded, Some(95.5));
    browser.get(FINISHED).await.expect(200);
    let claim = json!({"verification_status": "pending", "face_liveness_session_id": "s", "face_liveness_confidence": 99.5,
        "face_liveness_status": "live", "face_liveness_result": {"a": 1, "b": ODD[3]}});
    let path = format!("/api/profiles/{id}");
    browser.patch(&path, claim).await.expect(200);
    browser.post(&format!("/api/flow/{id}/consent"), json!({"version": "1", "language": "es"})).await.expect(200);
    browser.put(&format!("/api/flow/{id}/details"), json!({"name": ODD[0], "address": ODD[5]})).await.expect(200);
    browser.post(&format!("/api/flow/{id}/handoff"), json!({})).await.expect(201);
}

fn new_event(kind: EventKind, profile: RecordId) -> AuditEvent {
    let event = AuditEvent::new(kind, NOW, "tester").about(Some(profile)).with_detail("detail");
    AuditEvent { request_id: "r".to_owned(), ..event }
}

fn new_verification(profile: RecordId, session: &str, created: Millis) -> VerificationRecord {
    let evidence = Evidence {
        document_type: "passport".to_owned(),
        document_number: Some(ODD[2].to_owned()),
        country: None,
        name: None,
        address: None,
        gender: None,
        date_of_birth: None,
        place_of_birth: None,
        fingerprint: None,
        device: DeviceCheck { status: Some(DeviceStatus::Confirmed), event: "{\"event_id\":\"e\"}".to_owned() },
        ip_address: None,
        observed_ip: None,
        claim: Claim { session_id: session.to_owned(), confidence: Some(12.5), status: "live".to_owned() },
        confirmed: Confirmed { confidence: None, status: "not_live".to_owned(), by: ConfirmedBy::Provider },
    };
    evidence.into_record(RecordId::random(), profile, "tester", created)
}

/// Adds records of the same millisecond, whose order is that of their making.
async fn add_histories(world: &World, profile: RecordId) {
    let store = &world.app.store;
    for n in 0..8 {
        let created = Millis(NOW.0 + n / 5);
        let record = StatusRecord {
            id: RecordId::random(),
            profile,
            updated_by: ODD[4].to_owned(),
            previous_status: StatusWord::from("pending".to_owned()),
            new_status: StatusWord::from(format!("step_{n}")),
            notes: Some(ODD[5].to_owned()),
            verification: None,
            reasons: Vec::new(),
            steps: Vec::new(),
            message: None,
            created,
            follows: None,
        };
        let event = || new_event(EventKind::StatusRecorded, profile);
        let recording = store.record_status(record, &Reach::Every, WriteCondition::Always, event());
        recording.await.unwrap().unwrap();
        let (record, files) = (new_verification(profile, "", created), UploadedFiles::default());
        let recording = store.record_verification(record, &Reach::Every, WriteCondition::Always, files, event());
        recording.await.unwrap().unwrap();
    }
}

async fn add_sessions(world: &World, profile: RecordId) {
    let store = &world.app.store;
    for (id, status, confidence) in [
        ("used", SessionStatus::Succeeded, Some(91.25)),
        ("unused", SessionStatus::Created, None),
        ("unused too", SessionStatus::Failed, Some(0.0)),
    ] {
        let session = LivenessSession { status, confidence, ..LivenessSession::new(id.to_owned(), Some(profile), NOW) };
        let event = new_event(EventKind::SessionCreated, profile);
        store.add_session(&session, event).await.unwrap().unwrap();
    }
    assert!(use_session(&**store, profile, "used").await.is_ok());
}

async fn use_session(store: &dyn Store, profile: RecordId, session: &str) -> Result<(), Refusal> {
    let event = new_event(EventKind::VerificationRecorded, profile);
    let (record, files) = (new_verification(profile, session, NOW), UploadedFiles::default());
    let recording = store.record_verification(record, &Reach::Every, WriteCondition::Always, files, event);
    recording.await.unwrap().map(drop)
}

/// All items of a list, page by page, so that the order shows.
async fn read_whole_list(caller: &Caller<'_>, path: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut cursor = String::new();
    loop {
        let more = if cursor.is_empty() { String::new() } else { format!("&cursor={cursor}") };
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = caller.get(&format!("{path}{separator}limit=3{more}")).await.expect(200);
        items.extend(page["data"].as_array().unwrap().clone());
        match page["next_cursor"].as_str() {
            Some(next) => cursor = next.to_owned(),
            None => return items,
        }
    }
}

/// Everything that a server answers, with files in the place of their names.
async fn read_everything(world: &World) -> Value {
    let operator = world.operator();
    let mut all = json!({"settings": operator.get("/api/settings").await.expect(200)["data"]});
    all["session"] = operator.get(FINISHED).await.expect(200);
    assert!(all["session"]["data"]["referenceImage"]["bytes"].is_string());
    let files = all["session"]["data"]["imageFiles"].as_array().unwrap().len();
    all["session"]["data"]["imageFiles"] = files.into();
    for query in ["", "?status=step_7", "?q=%25_OF", "?q=back%5C", "?country=UT"] {
        all[format!("profiles{query}")] = read_whole_list(&operator, &format!("/api/profiles{query}")).await.into();
    }
    all["red"] = read_whole_list(&world.team("red"), "/api/profiles").await.into();
    for profile in all["profiles"].as_array().unwrap().clone() {
        let id = profile["id"].as_str().unwrap();
        let mut shown = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
        shown["statuses"] = read_whole_list(&operator, &format!("/api/status_history/{id}")).await.into();
        shown["records"] = read_records(&operator, id).await;
        all[id] = shown;
    }
    all
}

async fn read_records(operator: &Caller<'_>, id: &str) -> Value {
    let mut records = read_whole_list(operator, &format!("/api/verification_history/{id}")).await;
    for record in &mut records {
        let owner = record["id"].as_str().unwrap().to_owned();
        for field in ["facial_photo", "document_front", "document_back"] {
            let name = record[field].as_str().unwrap_or_default().to_owned();
            if !name.is_empty() {
                let file = operator.get(&format!("/api/files/verification_history/{owner}/{name}")).await;
                assert_eq!(file.status, 200, "{field}");
                record[field] = json!([file.bytes.len(), file.header("content-type")]);
            }
        }
    }
    records.into()
}

/// Copies from one kind of store to every kind, and compares what servers on both sides answer.
async fn assert_moves_from(of: Of) {
    let source = End::new(of).await;
    let world = source.world().await;
    fill_store(&world).await;
    let answers = read_everything(&world).await;
    for to in EVERY {
        let target = End::new(to).await;
        let said = assert_same(&run_copy(&source, &target, &[]).await);
        let [there, _, copied, before, different] = read_counts(&said, "status_history")[..] else { panic!("{said}") };
        assert_eq!((there, copied, before, different), (9, 9, 0, 0), "{of:?} {to:?}");
        assert!(said.contains("files: 15 with the same SHA-256"), "{said}");
        for odd in ODD {
            assert!(!said.contains(odd), "{said}");
        }
        let again = assert_same(&run_copy(&source, &target, &[]).await);
        assert_eq!(read_counts(&again, "status_history"), [9, 9, 0, 9, 0], "{again}");
        assert_same(&run_copy(&source, &target, &["--check"]).await);

        let moved = target.world().await;
        assert_answers_equal(&read_everything(&moved).await, &answers, &format!("{of:?} to {to:?}"));
        assert_goes_on(&moved, &answers).await;
    }
    assert_answers_equal(&read_everything(&world).await, &answers, "the source");
}

/// Names the first answer that differs: the whole would fill the screen.
#[track_caller]
fn assert_answers_equal(found: &Value, expected: &Value, what: &str) {
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(&found[name], expected, "{what}: {name}");
    }
}

/// A moved store's conditions hold as before: sessions are used or not, users are known, stories go on.
async fn assert_goes_on(world: &World, answers: &Value) {
    let profiles = answers["profiles"].as_array().unwrap();
    let of = |user: &str| {
        let found = profiles.iter().find(|profile| profile["userID"] == user).unwrap();
        found["id"].as_str().unwrap().to_owned()
    };
    let profile = RecordId::parse(&of(ODD[3])).unwrap();
    let store = &*world.app.store;
    assert_eq!(use_session(store, profile, "used").await, Err(Refusal::SessionUsed));
    assert_eq!(use_session(store, profile, "unused").await, Ok(()));
    let known = world.team("red").post("/api/profiles/create", json!({"userID": ODD[2]})).await;
    assert_eq!(known.body["id"], of(ODD[2]));
    let path = format!("/api/status_history/{}", of(ODD[2]));
    let asked = json!({"previous_status": "step_7", "new_status": "resubmission_requested", "notes": "n"});
    world.team("red").post(&path, asked).await.expect(201);
    let step = json!({"previous_status": "resubmission_requested", "new_status": "pending", "notes": "n"});
    let token = known.body["flow_token"].as_str().unwrap().to_owned();
    let browser = world.bearing(Some(token));
    browser.post(&path, step).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_copies_to_every_store() {
    assert_moves_from(Of::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_copy_to_s3_and_back() {
    let source = End::new(Of::Sqlite).await;
    let world = source.world().await;
    fill_store(&world).await;
    let answers = read_everything(&world).await;
    let bucket = End::with_bucket().await;
    let said = assert_same(&run_copy(&source, &bucket, &[]).await);
    assert!(said.contains("files: 15 with the same SHA-256"), "{said}");
    assert_same(&run_copy(&source, &bucket, &[]).await);
    let moved = bucket.world().await;
    assert_answers_equal(&read_everything(&moved).await, &answers, "in S3");
    let back = End::new(Of::Sqlite).await;
    assert_same(&run_copy(&bucket, &back, &[]).await);
    assert_answers_equal(&read_everything(&back.world().await).await, &answers, "and back");
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_copies_to_every_store() {
    assert_moves_from(Of::Postgres).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pocketbase_copies_to_every_store() {
    assert_moves_from(Of::PocketBase).await;
}

/// The console's users, and every review with its notes, as a new super admin sees them.
async fn read_console(world: &World, user: RecordId) -> Value {
    let admin = world.console(ConsoleRole::SuperAdmin).await;
    let users = read_whole_list(&admin, "/api/console/users").await;
    let mut all = json!({"user": users.into_iter().find(|other| other["id"] == user.as_str())});
    for state in ["claimed", "decided"] {
        for row in reviews::list(&admin, state).await {
            let id = row["id"].as_str().unwrap();
            let mut review = admin.get(&format!("/api/reviews/{id}")).await.expect(200);
            // Each file is compared by the copy itself, and this read is in the timeline.
            for part in ["images", "timeline"] {
                review["data"][part] = Value::Null;
            }
            all[state] = review;
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn users_and_reviews_copy_between_sql_stores() {
    let source = End::new(Of::Sqlite).await;
    let world = source.world().await;
    let reviewer = world.sign_in(ConsoleRole::Reviewer, None).await;
    let passkey = PasskeyFactor {
        id: RecordId::random(),
        name: "Key".to_owned(),
        credential_id: "AAAA".to_owned(),
        public_key: "AAAA".to_owned(),
        sign_count: 0,
        created: world.clock.now(),
        last_used: None,
    };
    let with_passkey = ConsoleUser { passkeys: vec![passkey], ..reviewer.user.clone() };
    let (console, now) = (&world.app.console, world.clock.now());
    console.replace_user(&reviewer.user, with_passkey, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
    for user in ["one", "two"] {
        reviews::submit(&world, user, None).await;
    }
    for (number, review) in reviews::list(&reviewer.browser, "open").await.iter().enumerate() {
        let case = reviews::claim(&reviewer.browser, review).await;
        let note = json!({"text": "The hologram is missing"});
        reviews::act(&reviewer.browser, review, "notes", note).await.expect(201);
        if number == 0 {
            reviews::decide(&reviewer.browser, &case, "reject", json!({"reasons": ["document_expired"]}))
                .await
                .expect(200);
        }
    }
    world.clock.advance(60);
    reviews::run_decisions(&world).await;
    let before = read_console(&world, reviewer.user.id).await;
    assert_eq!(before["user"]["factors"], json!(["passkey"]));
    assert!(before["user"].is_object() && before["claimed"].is_object() && before["decided"].is_object(), "{before}");

    let target = End::new(Of::Postgres).await;
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    for (kind, count) in [("reviews", 2), ("review_notes", 2), ("console_credentials", 1)] {
        assert_eq!(read_counts(&said, kind), [count, count, count, 0, 0], "{said}");
    }
    let moved = target.world().await;
    assert_answers_equal(&read_console(&moved, reviewer.user.id).await, &before, "in PostgreSQL");

    let pocketbase = End::new(Of::PocketBase).await;
    let said = assert_same(&run_copy(&source, &pocketbase, &[]).await);
    assert!(said.contains("note: reviews: 2 stay on the source, because PocketBase keeps none\n"), "{said}");
}

/// Every file below a folder, by its bytes.
fn read_contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            // The index of the log, which every reader notes itself in.
            } else if !path.to_str().unwrap().ends_with("-shm") {
                found.push((path.to_str().unwrap().to_owned(), std::fs::read(path).unwrap()));
            }
        }
    }
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn copy_only_reads_its_source() {
    let [sqlite, postgres, mut pocketbase] =
        [End::new(Of::Sqlite).await, End::new(Of::Postgres).await, End::new(Of::PocketBase).await];
    let world = sqlite.world().await;
    fill_store(&world).await;
    let before = read_contents(sqlite.folder.path());
    assert_same(&run_copy(&sqlite, &postgres, &[]).await);
    assert!(before == read_contents(sqlite.folder.path()), "SQLite");

    // From here on every sign-in can only read.
    let mut session = PgConnection::connect(&postgres.store).await.unwrap();
    let database = postgres.store.rsplit_once('/').unwrap().1;
    let closed = format!("alter database \"{database}\" set default_transaction_read_only = on");
    sqlx::query(sqlx::AssertSqlSafe(closed)).execute(&mut session).await.unwrap();
    let before = read_contents(postgres.folder.path());
    assert_same(&run_copy(&postgres, &pocketbase, &[]).await);
    assert!(before == read_contents(postgres.folder.path()), "PostgreSQL");

    let proxy = Proxy::before(&pocketbase.store).await;
    pocketbase.store = proxy.url(&pocketbase.store);
    let target = End::new(Of::Sqlite).await;
    assert_same(&run_copy(&pocketbase, &target, &[]).await);
    let asked: BTreeSet<String> = proxy.requests().into_iter().filter(|request| !request.starts_with("GET ")).collect();
    // Signing in, proving that the token is alive, and the token for files: none of them changes anything.
    let harmless = ["_superusers/auth-refresh", "_superusers/auth-with-password", "/files/token"];
    assert!(asked.iter().all(|request| harmless.iter().any(|end| request.ends_with(end))), "{asked:?}");
    assert_eq!(asked.len(), harmless.len());
}

/// The names of files that records name, and of those that are stored.
async fn read_named_and_stored(url: &str, folder: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut session = PgConnection::connect(url).await.unwrap();
    let fields = "select value from (select body from profiles union all select body from verification_history \
        union all select body from liveness_sessions) records, json_each_text(body::json) \
        where key in ('document_front', 'document_back', 'facial_photo', 'facial_video', 'reference_image')";
    let named: Vec<String> = sqlx::query_scalar(fields).fetch_all(&mut session).await.unwrap();
    let stored = read_contents(folder).into_iter().map(|(path, _)| path.rsplit_once('/').unwrap().1.to_owned());
    let stored = stored.filter(|name| name != "store-marker");
    (named.into_iter().filter(|name| !name.is_empty()).collect(), stored.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_copy_continues_where_it_stopped() {
    let source = End::new(Of::Sqlite).await;
    let world = source.world().await;
    fill_store(&world).await;
    for n in 0..12 {
        let (id, _) = world.person(&format!("more {n}")).await;
        let form = Form::new().part("facial_video", file(video(VIDEO_BYTES), "me.webm"));
        world.operator().form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    }
    // A running server would poll its sessions meanwhile, which changes them.
    let answers = read_everything(&world).await;
    close_server(world, &source).await;
    for of in [Of::Postgres, Of::PocketBase, Of::Sqlite] {
        let target = End::new(of).await;
        let mut kills = 0;
        // Each attempt gets a third more time than the last: many early kills, few late ones.
        let mut time_to_live = Duration::from_millis(20);
        loop {
            let mut child =
                copy_command(&source, &target, &[]).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            tokio::time::sleep(time_to_live).await;
            time_to_live = time_to_live * 4 / 3;
            if let Some(status) = child.try_wait().unwrap() {
                let said = output_text(&child.wait_with_output().unwrap());
                assert!(status.success(), "{of:?} after {kills} kills: {said}");
                break;
            }
            child.kill().unwrap();
            child.wait().unwrap();
            kills += 1;
        }
        assert!(kills > 2, "{kills}");
        let said = assert_same(&run_copy(&source, &target, &[]).await);
        assert_eq!(read_counts(&said, "profiles"), [19, 19, 0, 19, 0], "{said}");
        if of == Of::Postgres {
            let (named, stored) = read_named_and_stored(&target.store, &target.folder.path().join("data/files")).await;
            assert_eq!(named, stored);
        }
        assert_answers_equal(&read_everything(&target.world().await).await, &answers, &format!("{of:?}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn differences_are_reported_and_nothing_is_overwritten() {
    for of in EVERY {
        let (source, target) = (End::new(Of::Sqlite).await, End::new(of).await);
        let world = source.world().await;
        let (id, _) = world.person("one").await;
        world.operator().put("/api/settings/k", json!({"value": 1})).await.expect(200);
        assert_same(&run_copy(&source, &target, &[]).await);
        world.operator().patch(&format!("/api/profiles/{id}"), json!({"country": "CANARY"})).await.expect(200);
        let (other, _) = world.person("two").await;
        // The same user as the target's own server makes it.
        let moved = target.world().await;
        let (own, _) = moved.person("two").await;
        assert_ne!(own, other);
        close_server(moved, &target).await;
        let run = run_copy(&source, &target, &[]).await;
        let said = output_text(&run);
        assert_eq!(run.status.code(), Some(1), "{said}");
        for line in [
            format!("profiles {id}: different: country, updated\n"),
            format!("profiles {other}: not copied: another profile has its team and userID\n"),
            "profiles: 1 on the target alone\n".to_owned(),
            "identivia: the two sides are not the same: 2 records and 0 files are missing or different".to_owned(),
        ] {
            assert!(said.contains(&line), "{line} in {said}");
        }
        assert!(!said.contains("CANARY"), "{said}");
        let moved = target.world().await;
        let kept = moved.operator().get(&format!("/api/profiles/{id}")).await.expect(200);
        assert_eq!(kept["data"]["country"], Value::Null);
    }
}

/// Stops a server and waits until it has let its folder go.
async fn close_server(world: World, end: &End) {
    drop(world);
    let lock = std::fs::File::open(end.folder.path().join("data/lock")).unwrap();
    tokio::task::spawn_blocking(move || lock.lock().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn comparison_finds_every_change_and_changes_nothing() {
    let (source, target) = (End::new(Of::Postgres).await, End::new(Of::Sqlite).await);
    let world = source.world().await;
    fill_store(&world).await;
    assert_same(&run_copy(&source, &target, &[]).await);
    let data = target.folder.path().join("data");
    let database = rusqlite::Connection::open(data.join("identivia.db")).unwrap();
    let id = |statement: &str| database.query_row(statement, [], |row| row.get::<_, String>(0)).unwrap();
    let (event, status) = (id("select id from audit_events limit 1"), id("select id from status_history limit 1"));
    let (front, video) = (
        id("select 'profiles/' || id || '/' || (body ->> 'document_front') from profiles \
            where body ->> 'document_front' != '' limit 1"),
        id("select 'profiles/' || id || '/' || (body ->> 'facial_video') from profiles \
            where body ->> 'document_front' != '' limit 1"),
    );
    let tampering = "update audit_events set at = at + 1 where id = (select id from audit_events limit 1); \
        delete from status_history where id = (select id from status_history limit 1); \
        update profiles set recorded_status = 'x' where recorded_status = 'step_7'; \
        update settings set body = json_set(body, '$.public', json('false')) where key = 'key.0'; \
        update liveness_sessions set body = json_remove(body, '$.confidence') where id = 'unused too'; \
        update verification_history set body = json_set(body, '$.claimed_liveness_confidence', 12.6) \
            where body ->> 'liveness_session_id' = 'used'";
    database.execute_batch(tampering).unwrap();
    let mut bytes = std::fs::read(data.join("files").join(&video)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(data.join("files").join(&video), bytes).unwrap();
    std::fs::remove_file(data.join("files").join(&front)).unwrap();

    let before = read_contents(target.folder.path());
    let run = run_copy(&source, &target, &["--check"]).await;
    let said = output_text(&run);
    assert!(before == read_contents(target.folder.path()), "a comparison changes nothing");
    assert_eq!(run.status.code(), Some(1), "{said}");
    let owner = video.split('/').nth(1).unwrap();
    for line in [
        format!("profiles {owner}: different: document_front, facial_video\n"),
        ": different: recorded_status\n".to_owned(),
        format!("audit_events {event}: different: at\n"),
        format!("status_history {status}: not on the target\n"),
        "settings key.0: different: public\n".to_owned(),
        "liveness_sessions unused too: different: confidence\n".to_owned(),
        ": different: claimed_liveness_confidence\n".to_owned(),
        "7 records and 2 files are missing or different, 0 records are on the target alone".to_owned(),
    ] {
        assert!(said.contains(&line), "{line} in {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_copy_without_their_files_when_both_stores_share_them() {
    let (source, mut target) = (End::new(Of::Sqlite).await, End::new(Of::Postgres).await);
    let world = source.world().await;
    fill_store(&world).await;
    let files = source.folder.path().join("data/files");
    let before = read_contents(&files);
    target.files = Some(format!("file:{}", files.display()));
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    assert!(said.contains("15 files") && before == read_contents(&files), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn existing_unnamed_file_is_neither_replaced_nor_removed() {
    let (source, target) = (End::new(Of::Sqlite).await, End::new(Of::Postgres).await);
    let world = source.world().await;
    let (id, _) = world.person("one").await;
    give_files(&world.operator(), &id).await;
    let (from, to) =
        (source.folder.path().join("data/files/profiles"), target.folder.path().join("data/files/profiles"));
    std::fs::create_dir_all(to.join(&id)).unwrap();
    let (last, _) = read_contents(&from).pop().unwrap();
    let name = last.rsplit_once('/').unwrap().1;
    std::fs::write(to.join(&id).join(name), "somebody's").unwrap();
    let run = run_copy(&source, &target, &[]).await;
    assert_eq!(run.status.code(), Some(1));
    assert!(
        output_text(&run).contains("a file with this name exists, and no record names it"),
        "{}",
        output_text(&run)
    );
    let kept = read_contents(&to);
    assert_eq!((kept.len(), kept[0].1.as_slice()), (1, b"somebody's".as_slice()));
    std::fs::remove_dir_all(to.join(&id)).unwrap();
    assert_same(&run_copy(&source, &target, &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_copy_to_one_database_is_refused() {
    let (source, target) = (End::new(Of::Sqlite).await, End::new(Of::Postgres).await);
    let world = source.world().await;
    world.person("one").await;
    let (_records, lock) = identivia::store::postgres::Postgres::open_for_copy(&target.store, 2).await.unwrap();
    let run = run_copy(&source, &target, &[]).await;
    assert!(output_text(&run).contains("--to: another copy to this database is under way"), "{}", output_text(&run));
    drop((_records, lock));
    assert_same(&run_copy(&source, &target, &[]).await);
}

/// A PocketBase with collections of its owner's making, whose times it sets itself, and without the batch API.
async fn start_older_pocketbase() -> End {
    let service = services::pocketbase::PocketBase::start().await;
    let autodate =
        |name: &str| json!({"name": name, "type": "autodate", "onCreate": true, "onUpdate": name == "updated"});
    let text = |name: &str| json!({"name": name, "type": "text"});
    let file = json!({"name": "document_front", "type": "file", "maxSelect": 1, "protected": true});
    let fields = json!([text("userID"), text("name"), file, autodate("created"), autodate("updated")]);
    let profiles = json!({"name": "profiles", "type": "base", "fields": fields});
    service.api(Method::POST, "/api/collections", profiles).await.expect(200);
    let store = service.store();
    store.init_schema(None).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = service.url.clone();
    End {
        store: url,
        files: None,
        flags: Vec::new(),
        folder,
        pocketbase: Some(service),
        variables: vec![],
        _keep: Box::new(store),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn times_survive_in_a_pocketbase_that_sets_its_own() {
    let (source, target) = (End::new(Of::Sqlite).await, start_older_pocketbase().await);
    let world = source.world().await;
    fill_store(&world).await;
    let said = assert_same(&run_copy(&source, &target, &[]).await);
    assert!(!said.contains("by itself"), "{said}");
    let service = target.pocketbase.as_ref().unwrap();
    let profiles = service.api(Method::GET, "/api/collections/profiles/records", Value::Null).await.expect(200);
    for profile in profiles["items"].as_array().unwrap() {
        assert_ne!(profile["api_created"], profile["created"], "PocketBase's own time is that of the copy");
    }
    let again = assert_same(&run_copy(&source, &target, &[]).await);
    assert_eq!(read_counts(&again, "audit_events")[2], 0, "{again}");
    let back = End::new(Of::Postgres).await;
    assert_same(&run_copy(&target, &back, &[]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn unfit_record_is_reported_and_the_rest_is_copied() {
    let (source, target) = (start_older_pocketbase().await, End::new(Of::Sqlite).await);
    let service = source.pocketbase.as_ref().unwrap();
    let token = service.superuser_token().await;
    let pdf = reqwest::multipart::Part::bytes(b"%PDF-1.7".to_vec()).file_name("secret name.pdf");
    let records = format!("{}/api/collections/profiles/records", service.url);
    let form = Form::new().text("id", "withapdf0000000").text("userID", "u").part("document_front", pdf);
    let made = reqwest::Client::new().post(&records).header("authorization", &token).multipart(form).send().await;
    assert_eq!(made.unwrap().status(), 200);
    let other = json!({"id": "without00000000", "userID": "v", "name": "A"});
    service.api(Method::POST, "/api/collections/profiles/records", other).await.expect(200);
    let run = run_copy(&source, &target, &[]).await;
    let said = output_text(&run);
    assert_eq!((run.status.code(), read_counts(&said, "profiles")), (Some(1), vec![2, 1, 1, 0, 1]), "{said}");
    assert!(said.contains("profiles withapdf0000000: not copied: the name of its document_front"), "{said}");
    assert!(!said.contains("secret"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn impossible_copy_is_one_line_that_says_what_to_do() {
    let empty = services::pocketbase::PocketBase::start().await;
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
        command.env_clear().current_dir(folder.path()).stdin(Stdio::null()).arg("copy").args(arguments);
        command.env("PB_USER_EMAIL", &empty.email).env("PB_USER_PASSWORD", &empty.password);
        command
    };
    identivia::store::sqlite::Sqlite::open(folder.path()).unwrap();
    let newer = tempfile::tempdir().unwrap();
    identivia::store::sqlite::Sqlite::open(newer.path()).unwrap();
    let database = rusqlite::Connection::open(newer.path().join("identivia.db")).unwrap();
    database.execute("insert into migrations values ('9999_later')", []).unwrap();
    let newer = format!("sqlite:{}", newer.path().display());
    let postgres = services::postgres::database().await;
    let url = &empty.url;
    // What a field that is not there would hold, PocketBase drops without a word.
    let (_, older) = services::pocketbase::ready_made().await;
    let profiles = older.api(Method::GET, "/api/collections/profiles", Value::Null).await.expect(200);
    let fields = profiles["fields"].as_array().unwrap().iter().filter(|field| field["name"] != "document_name");
    let fields = json!({"fields": fields.collect::<Vec<_>>()});
    older.api(Method::PATCH, "/api/collections/profiles", fields).await.expect(200);
    for (arguments, line) in [
        (vec!["--from", "sqlite:.", "--to", "sqlite:./"], "--from and --to name the same store"),
        (vec!["--from", "sqlite:nowhere", "--to", "sqlite:b"], "--from: there is no identivia.db in nowhere"),
        (vec!["--from", &newer, "--to", "sqlite:b"], "newer version of this program (it has the migration 9999_later)"),
        (vec!["--from", "mysql://CANARY", "--to", "sqlite:b"], "--from: must be sqlite:FOLDER, postgres"),
        (vec!["--from", "sqlite:.", "--to", "postgres"], "--to: DATABASE_URL is not set"),
        (vec!["--from", "sqlite:.", "--to", "pocketbase"], "--to: POCKETBASE_URL is not set"),
        (vec!["--from", "sqlite:.", "--to", &postgres], "--to: PostgreSQL holds no files; say where they are"),
        (vec!["--from", "sqlite:.", "--to", url, "--to-files", "file:a"], "--to: PocketBase holds its files itself"),
        (vec!["--from", "sqlite:.", "--to", &postgres, "--to-files", "s3://a/b"], "--to: FILES_URL: must be file:"),
        (vec!["--from", "sqlite:.", "--to", url], "--to: missing are the collection profiles, "),
        (
            vec!["--from", "sqlite:.", "--to", &older.url],
            "--to: missing are the field profiles.document_name; make them",
        ),
        (vec!["--from", url, "--to", "sqlite:b"], "identivia pocketbase init"),
        (vec!["--from", &postgres, "--from-files", "file:a", "--to", "sqlite:b"], "holds no records of this program"),
        (vec!["--from", "sqlite:.", "--to", "http://example.com:1"], "POCKETBASE_URL: must be https://"),
    ] {
        let mut command = run(&arguments);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        let said = output_text(&output);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {said}");
        assert!(said.contains(line) && said.trim().lines().count() == 1, "{arguments:?}: {said}");
        assert!(!said.contains("CANARY") && !said.contains("secret"), "{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn session_used_only_by_its_record_stays_used_after_a_copy() {
    let (source, target) = (End::new(Of::PocketBase).await, End::new(Of::Sqlite).await);
    let world = source.world().await;
    let (id, _) = world.person("one").await;
    let profile = RecordId::parse(&id).unwrap();
    add_sessions(&world, profile).await;
    let service = source.pocketbase.as_ref().unwrap();
    let listed = service.api(Method::GET, "/api/collections/liveness_sessions/records", Value::Null).await.expect(200);
    for session in listed["items"].as_array().unwrap() {
        let path = format!("/api/collections/liveness_sessions/records/{}", session["id"].as_str().unwrap());
        service.api(Method::PATCH, &path, json!({"used_by": ""})).await.expect(200);
    }
    assert_same(&run_copy(&source, &target, &[]).await);
    let moved = target.world().await;
    assert_eq!(use_session(&*moved.app.store, profile, "used").await, Err(Refusal::SessionUsed));
    assert_eq!(use_session(&*moved.app.store, profile, "unused").await, Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn service_user_copies_in_both_directions() {
    let mut service = services::pocketbase::PocketBase::start().await;
    let user =
        json!({"email": "service@example.com", "password": "another password", "passwordConfirm": "another password"});
    service.api(Method::POST, "/api/collections/users/records", user).await.expect(200);
    let store = service.store();
    assert!(store.init_schema(Some("service@example.com")).await.unwrap().complete);
    (service.email, service.password) = ("service@example.com".to_owned(), "another password".to_owned());
    let folder = tempfile::tempdir().unwrap();
    let url = service.url.clone();
    let middle = End {
        store: url,
        files: None,
        flags: Vec::new(),
        folder,
        pocketbase: Some(service),
        variables: vec![],
        _keep: Box::new(store),
    };
    let (source, target) = (End::new(Of::Sqlite).await, End::new(Of::Sqlite).await);
    let world = source.world().await;
    fill_store(&world).await;
    assert_same(&run_copy(&source, &middle, &[]).await);
    assert_same(&run_copy(&middle, &target, &[]).await);
}
