//! The audit trail: what it names, what it never holds, who reads how much of it, and its exports.

use std::net::IpAddr;

use identivia::domain::event::EventKind;
use identivia::records::audit_event::{ActorKind, AuditEvent};
use identivia::records::console_user::ConsoleRole;
use identivia::records::id::RecordId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::ground::StoreKind;
use crate::world::{Caller, World, file, small_picture, texts};

async fn list(caller: &Caller<'_>, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/api/audit_events?limit=100&{query}")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

fn kinds_of(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["kind"].as_str().unwrap()).collect()
}

async fn create_profile(caller: &Caller<'_>, body: Value) -> String {
    let made = caller.post("/api/profiles/create", body).await.expect(201);
    made["id"].as_str().unwrap().to_owned()
}

async fn record_status(caller: &Caller<'_>, profile: &str, new_status: &str) {
    let step = json!({"previous_status": "unverified", "new_status": new_status, "notes": "n"});
    caller.post(&format!("/api/status_history/{profile}"), step).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn event_names_actor_object_and_observed_address() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, browser) = world.person("one").await;
    browser.get(&format!("/api/flow/{id}")).await.expect(200);
    record_status(&operator, &id, "in_review").await;
    operator.put("/api/settings/color", json!({"value": "red"})).await.expect(200);
    let events = list(&operator, "").await;
    assert_eq!(kinds_of(&events), ["setting.changed", "status.recorded", "profile.started", "profile.created"]);
    let actors: Vec<_> = events.iter().map(|event| &event["actor"]).collect();
    let (client, link) = (json!({"kind": "client", "id": "tester"}), json!({"kind": "link", "id": id}));
    assert_eq!(actors, [&client, &client, &link, &client]);
    assert_eq!(events[0]["object"], json!({"kind": "settings", "id": "color"}));
    let statuses = operator.get(&format!("/api/status_history/{id}")).await.expect(200);
    assert_eq!(events[1]["object"], json!({"kind": "status_history", "id": statuses["data"][0]["id"]}));
    assert_eq!((&events[1]["profile"], &events[1]["detail"]), (&json!(id), &json!("in_review")));
    for event in &events {
        assert_eq!(event["address"], "127.0.0.1");
        assert!(!event["request_id"].as_str().unwrap().is_empty() && event["at"].as_str().unwrap().ends_with('Z'));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_narrow_and_pages_are_stable() {
    let world = World::new().await;
    let operator = world.operator();
    let mut ids = Vec::new();
    for number in 0..3 {
        let (id, browser) = world.person(&format!("u{number}")).await;
        browser.get(&format!("/api/flow/{id}")).await.expect(200);
        ids.push(id);
    }
    let middle = world.clock.now().plus_seconds(30);
    world.clock.advance(60);
    let operator_later = world.operator();
    for id in &ids {
        record_status(&operator_later, id, "in_review").await;
    }
    operator_later.put("/api/settings/color", json!({"value": "red"})).await.expect(200);
    let middle = middle.rfc3339();
    for (query, count) in [
        (String::new(), 10),
        ("actor=tester".to_owned(), 7),
        (format!("actor={}", ids[0]), 1),
        ("kind=profile.created".to_owned(), 3),
        ("kind=profile.*".to_owned(), 6),
        ("kind=status.recorded,setting.*".to_owned(), 4),
        (format!("profile={}", ids[1]), 3),
        (format!("profile={}&kind=status.recorded&actor=tester", ids[1]), 1),
        ("object=color".to_owned(), 1),
        ("address=127.0.0.1".to_owned(), 10),
        ("address=::1".to_owned(), 0),
        (format!("from={middle}"), 4),
        (format!("to={middle}"), 6),
        (format!("from={middle}&kind=profile.*"), 0),
        ("actor=nobody".to_owned(), 0),
    ] {
        assert_eq!(list(&operator, &query).await.len(), count, "{query}");
    }
    let all = list(&operator, "").await;
    let mut read = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = operator.get(&format!("/api/audit_events?limit=3{cursor}")).await.expect(200);
        read.extend(page["data"].as_array().unwrap().clone());
        let Some(next) = page["next_cursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // What is added later is before the first page.
        operator.put("/api/settings/color", json!({"value": read.len()})).await.expect(200);
    }
    assert_eq!(read, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn caller_who_has_an_export_may_ask_for_the_next_at_once() {
    let world = World::new().await;
    let operator = world.operator();
    for _ in 0..40 {
        let exported = operator.get("/api/audit_events/export").await;
        assert_eq!(exported.status, 200, "more than two seem to run");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_refused_by_name() {
    let world = World::new().await;
    let operator = world.operator();
    for (query, field) in [
        ("kind=profile.gone", "kind"),
        ("kind=profile", "kind"),
        ("kind=,", "kind"),
        ("profile=x", "profile"),
        ("address=here", "address"),
        ("from=yesterday", "from"),
        ("from=2026-03-21&to=2026-03-21", "to"),
        ("limit=0", "limit"),
        ("actor=", "actor"),
    ] {
        let refused = operator.get(&format!("/api/audit_events?{query}")).await.expect(400);
        assert!(refused["fields"][field].is_string(), "{query}: {refused}");
    }
    for query in ["cursor=x", "cursor=1", "cursor=1.0", "cursor=1.-2", "what=1"] {
        operator.get(&format!("/api/audit_events?{query}")).await.expect(400);
    }
    operator.get("/api/audit_events/export?format=xml").await.expect(400);
    operator.get("/api/audit_events/export?limit=5").await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_machine_with_the_scope_reads() {
    let world = World::new().await;
    let (_, browser) = world.person("one").await;
    for path in ["/api/audit_events", "/api/audit_events/export", "/api/audit_events/kinds"] {
        browser.get(path).await.expect(403);
        world.machine("profiles:read", None).get(path).await.expect(403);
        world.bearing(None).get(path).await.expect(401);
        assert_eq!(world.machine("audit:read", None).get(path).await.status, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn team_reads_the_events_of_its_own_profiles() {
    let world = World::new().await;
    let (red, blue, operator) = (world.team("red"), world.team("blue"), world.operator());
    let of_red = create_profile(&red, json!({"userID": "r"})).await;
    let made_for_red = create_profile(&operator, json!({"userID": "o", "team": "red"})).await;
    let of_blue = create_profile(&blue, json!({"userID": "b"})).await;
    let of_none = create_profile(&operator, json!({"userID": "n"})).await;
    // An operator's token says no team: it follows from the profile.
    record_status(&operator, &of_red, "in_review").await;
    record_status(&operator, &of_blue, "in_review").await;
    operator.put("/api/settings/color", json!({"value": "red"})).await.expect(200);
    if StoreKind::wanted() == StoreKind::PocketBase {
        let refused = red.get("/api/audit_events").await.expect(400);
        assert!(refused["fields"]["profile"].is_string(), "{refused}");
        red.get("/api/audit_events/export").await.expect(400);
    } else {
        let events = list(&red, "").await;
        let about: Vec<_> = events.iter().map(|event| event["profile"].as_str().unwrap()).collect();
        assert_eq!(about, [&*of_red, &*made_for_red, &*of_red]);
        assert!(list(&red, &format!("profile={of_blue}")).await.is_empty());
        let exported = red.get("/api/audit_events/export").await;
        let exported = String::from_utf8(exported.bytes).unwrap();
        assert!(exported.contains(&of_red) && !exported.contains(&of_blue) && !exported.contains(&of_none));
    }
    assert_eq!(kinds_of(&list(&red, &format!("profile={of_red}")).await), ["status.recorded", "profile.created"]);
    let seen = red.get(&format!("/api/audit_events?profile={of_blue}")).await;
    assert!(seen.status == 404 || seen.body["data"] == json!([]), "{}", seen.body);
    assert!(list(&operator, "").await.len() >= 7);
}

/// Every value that a person or a company sends of a person, and every secret, is one of these.
const CANARIES: [&str; 10] = [
    "CANARYname",
    "CANARYnumber",
    "canary@example.com",
    "CANARYphone",
    "CANARYstreet",
    "1987-06-05",
    "203.0.113.77",
    "CANARYuser",
    "CANARYvalue",
    "CANARYnotes",
];

#[tokio::test(flavor = "multi_thread")]
async fn s_no_value_of_a_person_is_in_the_trail() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    let [name, number, email, phone, street, born, address, user, value, notes] = CANARIES;
    let body = json!({"userID": user, "name": name, "documentNumber": number, "email": email, "phoneNumber": phone,
        "ipAddress": address, "country": "UTO"});
    let made = operator.post("/api/profiles/create", body).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let browser = world.bearing(Some(made["flow_token"].as_str().unwrap().to_owned()));
    browser.get(&format!("/api/flow/{id}")).await.expect(200);
    browser.post(&format!("/api/flow/{id}/consent"), json!({"version": "1", "language": "en"})).await.expect(200);
    let details = json!({"document_number": number, "document_name": name});
    operator.patch(&format!("/api/profiles/{id}"), details).await.expect(200);
    let form = texts(&[
        ("liveness_session_id", "a session of another system"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("document_number", number),
        ("name", name),
        ("address", street),
        ("ip_address", address),
        ("date_of_birth", born),
    ]);
    let form = form.part("facial_photo", file(small_picture(1), "CANARYname.png"));
    let form = form.part("document_front", file(small_picture(2), "CANARYname.png"));
    operator.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    while world.run_next_checks().await {}
    let step = json!({"previous_status": "unverified", "new_status": "in_review", "notes": notes});
    operator.post(&format!("/api/status_history/{id}"), step).await.expect(201);
    operator.put("/api/settings/color", json!({"value": value})).await.expect(200);
    operator.get(&format!("/api/profiles?q={name}&userID={user}")).await.expect(200);
    operator.get(&format!("/api/audit_events/export?actor={name}&object={number}")).await;
    let listed = list(&operator, "").await;
    assert!(listed.len() >= 8, "{listed:?}");
    let csv = operator.get("/api/audit_events/export?format=csv").await;
    let whole = format!("{}{}{:?}", Value::from(listed), String::from_utf8(csv.bytes).unwrap(), world.events().await);
    assert!(whole.contains(&id));
    for canary in CANARIES {
        assert!(!whole.contains(canary), "{canary} is in the audit trail");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_hold_all_pages_and_are_audited() {
    let world = World::new().await;
    let operator = world.operator();
    let address: IpAddr = "2001:db8::1".parse().unwrap();
    for number in 0..601 {
        let event = AuditEvent::new(EventKind::SettingChanged, world.clock.now().plus_seconds(-60), "=cmd()");
        let event = event.by(ActorKind::Client).from_address(Some(address)).about(Some(RecordId::random()));
        world.app.store.record_event(&event.with_detail(format!("-{number}, \"quoted\""))).await.unwrap();
    }
    let answer = operator.get("/api/audit_events/export?kind=setting.changed").await;
    assert_eq!((answer.status, answer.header("content-type")), (200, "application/x-ndjson"));
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"audit-events.jsonl\"");
    let text = String::from_utf8(answer.bytes).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 601);
    assert_eq!((&lines[0]["actor"]["id"], &lines[0]["address"]), (&json!("=cmd()"), &json!("2001:db8::1")));
    let listed = operator.get("/api/audit_events?kind=setting.changed&limit=1").await.expect(200);
    assert_eq!(lines[0], listed["data"][0], "a line is what the list shows");

    let answer = operator.get("/api/audit_events/export?format=csv&kind=setting.changed").await;
    assert!(answer.header("content-type").starts_with("text/csv"));
    let text = String::from_utf8(answer.bytes).unwrap();
    let rows: Vec<&str> = text.trim_end().split("\r\n").collect();
    assert_eq!(rows.len(), 602);
    assert!(rows[0].starts_with("at,kind,actor_kind,actor,"), "{}", rows[0]);
    assert!(rows[1].contains(",client,'=cmd(),") && rows[1].contains(", \"\"quoted\"\"\","), "{}", rows[1]);
    assert!(rows[1..].iter().all(|row| row.contains(",\"'-")), "a cell that begins with a sign is a text");

    let exports = list(&operator, "kind=audit.exported").await;
    let details: Vec<_> = exports.iter().map(|event| event["detail"].as_str().unwrap()).collect();
    assert_eq!(details, ["csv kind", "jsonl kind"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_is_described() {
    let world = World::new().await;
    let kinds = world.operator().get("/api/audit_events/kinds").await.expect(200);
    let kinds = kinds["data"].as_array().unwrap();
    assert_eq!(kinds.len(), EventKind::ALL.len());
    assert!(kinds.contains(&json!({"kind": "profile.created", "description": "A profile was created"})));
}

/// A company's server reads all day: only users of the console are audited for it.
#[tokio::test(flavor = "multi_thread")]
async fn reads_of_machines_and_links_are_not_events() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, browser) = world.person("one").await;
    let before = world.events().await.len();
    for caller in [&operator, &browser] {
        caller.get(&format!("/api/profiles/{id}")).await.expect(200);
    }
    operator.get("/api/profiles?q=one").await.expect(200);
    assert_eq!(world.events().await.len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_at_the_console_are_events_once_a_minute() {
    let world = World::new().await;
    let operator = world.operator();
    let id = create_profile(&operator, json!({"userID": "CANARYuser", "name": "CANARYname Osei"})).await;
    let form = reqwest::multipart::Form::new().part("document_front", file(small_picture(1), "front.png"));
    let changed = operator.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200);
    let path = format!("profiles/{id}/{}", changed["data"]["document_front"].as_str().unwrap());
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    let before = list(&operator, "").await.len();
    for seconds in [0, 30, 31] {
        world.clock.advance(seconds);
        admin.browser.get(&format!("/api/profiles/{id}")).await.expect(200);
        admin.browser.get("/api/profiles?q=CANARYname&country=UT").await.expect(200);
        assert_eq!(admin.browser.get(&format!("/api/files/{path}")).await.status, 200);
    }
    let events = list(&world.operator(), "").await;
    let read = &events[..events.len() - before];
    let once = ["profile.opened", "profiles.searched", "file.viewed"];
    assert!(once.iter().all(|kind| kinds_of(read).iter().filter(|read| *read == kind).count() == 2), "{read:?}");
    let actor = json!({"kind": "user", "id": admin.user.id});
    assert!(read.iter().all(|event| event["actor"] == actor), "{read:?}");
    let of_kind = |kind: &str| read.iter().find(|event| event["kind"] == kind).unwrap();
    assert_eq!(of_kind("profile.opened")["profile"], json!(id));
    assert_eq!(of_kind("profiles.searched")["detail"], "country q");
    assert_eq!(of_kind("file.viewed")["object"], json!({"kind": "files", "id": path}));
    assert!(!Value::from(read.to_vec()).to_string().contains("CANARY"), "{read:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewer_sees_own_actions_only_and_auditors_their_teams() {
    let world = World::new().await;
    let of_red = create_profile(&world.team("red"), json!({"userID": "r"})).await;
    let of_blue = create_profile(&world.team("blue"), json!({"userID": "b"})).await;
    let reviewer = world.sign_in(ConsoleRole::Reviewer, None).await;
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    for browser in [&reviewer.browser, &admin.browser] {
        browser.get(&format!("/api/profiles/{of_red}")).await.expect(200);
    }
    let own = list(&reviewer.browser, "").await;
    assert_eq!(kinds_of(&own), ["profile.opened"]);
    assert_eq!(
        (&own[0]["actor"]["id"], &own[0]["actor"]["name"]),
        (&json!(reviewer.user.id), &json!(reviewer.user.name))
    );
    assert!(list(&reviewer.browser, &format!("profile={of_blue}")).await.is_empty());
    let path = format!("/api/audit_events?actor={}", admin.user.id);
    assert!(reviewer.browser.get(&path).await.expect(400)["fields"]["actor"].is_string());
    let exported = String::from_utf8(reviewer.browser.get("/api/audit_events/export").await.bytes).unwrap();
    assert!(exported.lines().all(|line| line.contains(reviewer.user.id.as_str())), "{exported}");

    let auditor = world.sign_in(ConsoleRole::Auditor, None).await;
    assert!(list(&auditor.browser, "").await.len() >= 4);
    let named = list(&auditor.browser, &format!("actor={}", admin.user.id)).await;
    assert_eq!(named[0]["actor"]["name"], json!(admin.user.name));
    let as_client = list(&world.operator(), &format!("actor={}", admin.user.id)).await;
    assert!(as_client[0]["actor"].get("name").is_none(), "a company's server gets no names of the console's users");
    if StoreKind::wanted() != StoreKind::PocketBase {
        let of_two = world.sign_in(ConsoleRole::Auditor, Some(&["red", "green"])).await;
        let seen = list(&of_two.browser, "").await;
        assert!(!seen.is_empty() && seen.iter().all(|event| event["profile"] == json!(of_red)), "{seen:?}");
    }
}
