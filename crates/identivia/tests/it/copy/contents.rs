//! What a test fills a store with before a copy, and everything that a server answers of it.

use identivia::domain::event::EventKind;
use identivia::domain::fingerprint::{DeviceCheck, DeviceStatus};
use identivia::domain::liveness::{Claim, Confirmed, ConfirmedBy};
use identivia::domain::profile::Reach;
use identivia::domain::verification::Evidence;
use identivia::records::audit_event::AuditEvent;
use identivia::records::id::RecordId;
use identivia::records::liveness_session::{LivenessSession, SessionStatus};
use identivia::records::status_record::StatusRecord;
use identivia::records::status_word::StatusWord;
use identivia::records::time::Millis;
use identivia::records::verification_record::VerificationRecord;
use identivia::store::{Refusal, Store, UploadedFiles, WriteCondition};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Caller, World, file, picture, texts, video};

const NOW: Millis = Millis(1_774_051_200_000);

pub(super) const VIDEO_BYTES: usize = 3 * 1024 * 1024;

pub(super) const ODD: [&str; 6] = [
    "O'Brien \"the\" x",
    "back\\slash\\",
    "100%_of\u{202E} it",
    "emoji 🦀 é e\u{301}",
    "{:a} && || // @now",
    "tab\tand\nline",
];

/// The result of a session, which the provider has reported already.
const FINISHED: &str = "/api/face-liveness/results/session-1";

pub(super) async fn fill_store(world: &World) {
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

pub(super) async fn give_files(operator: &Caller<'_>, id: &str) {
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

pub(super) async fn add_sessions(world: &World, profile: RecordId) {
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

pub(super) async fn use_session(store: &dyn Store, profile: RecordId, session: &str) -> Result<(), Refusal> {
    let event = new_event(EventKind::VerificationRecorded, profile);
    let (record, files) = (new_verification(profile, session, NOW), UploadedFiles::default());
    let recording = store.record_verification(record, &Reach::Every, WriteCondition::Always, files, event);
    recording.await.unwrap().map(drop)
}

/// All items of a list, page by page, so that the order shows.
pub(super) async fn read_whole_list(caller: &Caller<'_>, path: &str) -> Vec<Value> {
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
pub(super) async fn read_everything(world: &World) -> Value {
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

/// Names the first answer that differs: the whole would fill the screen.
#[track_caller]
pub(super) fn assert_answers_equal(found: &Value, expected: &Value, what: &str) {
    for (name, expected) in expected.as_object().unwrap() {
        assert_eq!(&found[name], expected, "{what}: {name}");
    }
}

/// A moved store's conditions hold as before: sessions are used or not, users are known, stories go on.
pub(super) async fn assert_goes_on(world: &World, answers: &Value) {
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
