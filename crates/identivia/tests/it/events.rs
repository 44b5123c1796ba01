//! Events: what is reported of a profile, in which order, to whom, and how a reader learns of it.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use identivia::clock::Clock;
use identivia::jobs::event_retention::remove_old_events;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, PgConnection};

use crate::ground::Ground;
use crate::world::redaction::redact;
use crate::world::{Caller, GIVEN_UP_WITHIN, World, file, small_picture, texts};

async fn read_events(caller: &Caller<'_>, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/api/events?limit=100&{query}")).await.expect(200);
    page["data"].as_array().unwrap().clone()
}

fn types_of(events: &[Value]) -> Vec<&str> {
    events.iter().map(|event| event["type"].as_str().unwrap()).collect()
}

fn id_of(event: &Value) -> &str {
    event["id"].as_str().unwrap()
}

async fn record_status(caller: &Caller<'_>, profile: &str, new_status: &str) {
    let step = json!({"previous_status": "unverified", "new_status": new_status, "notes": "n"});
    caller.post(&format!("/api/status_history/{profile}"), step).await.expect(201);
}

async fn record_verification(caller: &Caller<'_>, profile: &str) -> String {
    let form = texts(&[
        ("liveness_session_id", "a session of another system"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("document_number", "A12345678"),
        ("name", "John Doe"),
        ("date_of_birth", "1990-01-15"),
    ]);
    let form = form.part("facial_photo", file(small_picture(1), "a.png"));
    let form = form.part("document_front", file(small_picture(2), "b.png"));
    let made = caller.form(Method::POST, &format!("/api/verification_history/{profile}"), form).await.expect(201);
    made["data"]["id"].as_str().unwrap().to_owned()
}

/// Reads until there are that many. PostgreSQL holds events back while another test's transaction is open, and PocketBase for a
/// millisecond.
async fn read_some(caller: &Caller<'_>, query: &str, count: usize) -> Vec<Value> {
    for _ in 0..300 {
        let events = read_events(caller, query).await;
        if events.len() >= count {
            return events;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{count} events were expected: {:?}", read_events(caller, query).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn verification_reports_each_of_its_steps_with_a_rising_version() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    let (id, browser) = world.person("user-1").await;
    for _ in 0..2 {
        browser.get(&format!("/api/flow/{id}")).await.expect(200);
    }
    let record = record_verification(&operator, &id).await;
    while world.run_next_checks().await {}
    record_status(&operator, &id, "in_review").await;
    let decision = json!({"verification_status": "verified", "verification": record});
    operator.patch(&format!("/api/profiles/{id}"), decision).await.expect(200);

    let events = read_some(&operator, &format!("profile={id}"), 7).await;
    let versions: Vec<u64> = events.iter().map(|event| event["data"]["version"].as_u64().unwrap()).collect();
    assert_eq!(versions, [1, 2, 3, 4, 5, 6, 7]);
    insta::assert_json_snapshot!("events_of_a_verification", redacted_events(&events));
    let whole = Value::from(events).to_string();
    for personal in ["John", "A12345678", "1990", "192.0.2"] {
        assert!(!whole.contains(personal), "{personal}");
    }
}

fn redacted_events(events: &[Value]) -> Value {
    let events = events.iter().map(|event| {
        let mut event = redact(event);
        event["id"] = json!("[event]");
        event
    });
    events.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_report_nothing_make_no_event() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("user-1").await;
    operator.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await.expect(200);
    operator.patch(&format!("/api/profiles/{id}"), json!({"verification_status": "pending"})).await.expect(200);
    operator.post("/api/profiles/create", json!({"userID": "user-1"})).await.expect(200);
    operator.put("/api/settings/a", json!({"value": 1})).await.expect(200);
    record_status(&operator, &id, "on_hold").await;
    let events = read_some(&operator, "", 2).await;
    assert_eq!(types_of(&events), ["profile.created", "profile.status_changed"]);
    assert_eq!((&events[1]["data"]["version"], &events[1]["data"]["previous_status"]), (&json!(2), &json!("pending")));
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_the_cursor_and_filters_narrow() {
    let world = World::new().await;
    let operator = world.operator();
    let (first, _) = world.person("a").await;
    let (second, _) = world.person("b").await;
    record_status(&operator, &first, "rejected").await;
    record_status(&operator, &second, "resubmission_requested").await;
    let all = read_some(&operator, "", 6).await;

    let mut read = Vec::new();
    let mut path = "/api/events?limit=2".to_owned();
    loop {
        let page = operator.get(&path).await.expect(200);
        read.extend(page["data"].as_array().unwrap().clone());
        if page["has_more"] == false {
            let next = page["next_cursor"].as_str().unwrap();
            assert_eq!(next, id_of(read.last().unwrap()), "the last page also says where to go on");
            let end = operator.get(&format!("/api/events?after={next}")).await.expect(200);
            assert_eq!((&end["data"], &end["next_cursor"]), (&json!([]), &json!(next)));
            break;
        }
        path = format!("/api/events?limit=2&cursor={}", page["next_cursor"].as_str().unwrap());
    }
    assert_eq!(read, all);

    assert_eq!(types_of(&read_events(&operator, "types=profile.rejected").await), ["profile.rejected"]);
    assert_eq!(read_events(&operator, "types=profile.*,verification.checked").await.len(), 6);
    assert_eq!(read_events(&operator, &format!("profile={second}")).await.len(), 3);
    assert_eq!(read_events(&operator, "after=latest").await, [Value::Null; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_queries_are_refused_by_name() {
    let world = World::new().await;
    let operator = world.operator();
    for (query, field) in [
        ("after=evt_1", "after"),
        ("after=", "after"),
        ("types=profile.gone", "types"),
        ("types=,", "types"),
        ("profile=x", "profile"),
        ("wait=26", "wait"),
        ("wait=-1", "wait"),
        ("wait=1.5", "wait"),
        ("limit=0", "limit"),
    ] {
        let refused = operator.get(&format!("/api/events?{query}")).await.expect(400);
        assert!(refused["fields"][field].is_string(), "{query}: {refused}");
    }
    operator.get("/api/events?since=1").await.expect(400);
    let unknown = format!("/api/events?after=evt_{}", "a".repeat(26));
    let gone = operator.get(&unknown).await.expect(410);
    assert_eq!((&gone["error"], gone.get("oldest")), (&json!("Cursor expired"), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn team_reads_its_own_events_only() {
    let world = World::new().await;
    let (red, blue, operator) = (world.team("red"), world.team("blue"), world.operator());
    red.post("/api/profiles/create", json!({"userID": "r"})).await.expect(201);
    blue.post("/api/profiles/create", json!({"userID": "b"})).await.expect(201);
    let all = read_some(&operator, "", 2).await;
    assert_eq!((&all[0]["data"]["team"], &all[1]["data"]["team"]), (&json!("red"), &json!("blue")));
    let of_red = read_some(&red, "", 1).await;
    assert_eq!(of_red, [all[0].clone()]);
    // Another team's event is no place to start from: it would tell that it exists.
    red.get(&format!("/api/events?after={}", id_of(&all[1]))).await.expect(410);
    assert!(read_events(&red, &format!("profile={}", all[1]["data"]["id"].as_str().unwrap())).await.is_empty());
    let (_, browser) = world.person("p").await;
    browser.get("/api/events").await.expect(403);
    world.machine("profiles:read", None).get("/api/events").await.expect(403);
    world.bearing(None).get("/api/events").await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn waiting_reader_gets_the_next_event() {
    let world = World::new().await;
    let operator = world.operator();
    world.person("before").await;
    let start = read_some(&operator, "", 1).await;
    let path = format!("/api/events?wait=25&after={}", id_of(&start[0]));
    let create = async {
        tokio::time::sleep(Duration::from_millis(300)).await;
        world.person("after").await
    };
    let (page, (id, _)) = tokio::join!(operator.get(&path), create);
    let page = page.expect(200);
    assert_eq!((page["data"].as_array().unwrap().len(), &page["data"][0]["data"]["id"]), (1, &json!(id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn stream_continues_where_it_was_cut() {
    let world = World::new().await;
    let operator = world.operator();
    world.person("one").await;
    let request = |last: Option<&str>| {
        let request = operator.request(Method::GET, "/api/events").header("accept", "text/event-stream");
        last.iter().fold(request, |request, last| request.header("last-event-id", *last))
    };
    let answer = request(None).send().await.unwrap();
    let header = |name: &str| answer.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(answer.status(), 200);
    assert_eq!((header("content-type"), header("cache-control")), ("text/event-stream".into(), "no-store".into()));
    assert_eq!(header("x-accel-buffering"), "no");
    let text = read_until(answer, "profile.created").await;
    assert!(text.starts_with("retry: 5000\n\nid: evt_"), "{text}");
    let id = text.split("id: ").nth(1).unwrap().split('\n').next().unwrap().to_owned();
    world.person("two").await;
    let text = read_until(request(Some(&id)).send().await.unwrap(), "\"user_id\":\"two\"").await;
    assert!(!text.contains("\"user_id\":\"one\""), "{text}");
    assert_eq!(request(Some("evt_aaaaaaaaaaaaaaaaaaaaaaaaaa")).send().await.unwrap().status(), 410);
}

/// Reads an answer until it holds that text and the end of its message.
async fn read_until(answer: reqwest::Response, wanted: &str) -> String {
    let mut chunks = answer.bytes_stream();
    let mut text = String::new();
    let read = async {
        while !(text.contains(wanted) && text.ends_with("\n\n")) {
            text.push_str(&String::from_utf8_lossy(&chunks.next().await.unwrap().unwrap()));
        }
    };
    tokio::time::timeout(GIVEN_UP_WITHIN, read).await.unwrap();
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn team_has_twenty_waiting_readers_at_most() {
    let world = World::new().await;
    let (red, blue) = (world.team("red"), world.team("blue"));
    let stream =
        |caller: &Caller<'_>| caller.request(Method::GET, "/api/events").header("accept", "text/event-stream").send();
    let open: Vec<_> = join_all((0..20).map(|_| stream(&red))).await;
    assert!(open.iter().all(|answer| answer.as_ref().unwrap().status() == 200));
    let refused = red.get("/api/events?wait=1").await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "5"));
    assert_eq!(red.get("/api/events").await.status, 200, "a reader that does not wait needs no place");
    assert_eq!(stream(&blue).await.unwrap().status(), 200);
    drop(open);
    for _ in 0..500 {
        if red.get("/api/events?wait=1").await.status == 200 {
            return;
        }
    }
    panic!("the places of closed streams stay taken");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_are_removed_and_their_cursor_is_gone() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("old").await;
    // More than one commit removes.
    for number in 0..60 {
        record_status(&operator, &id, &format!("step_{number}")).await;
    }
    let old = read_some(&operator, "", 61).await;
    world.clock.advance(29 * 86_400);
    assert_eq!(remove_old_events(&world.app.store, &world.clock, 30).await.unwrap(), 0);
    world.person("new").await;
    world.clock.advance(2 * 86_400);
    assert_eq!(remove_old_events(&world.app.store, &world.clock, 30).await.unwrap(), 61);
    let operator = world.operator();
    let left = read_some(&operator, "", 1).await;
    let gone = operator.get(&format!("/api/events?after={}", id_of(&old[0]))).await.expect(410);
    assert_eq!(gone["oldest"], left[0]["id"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn reader_misses_no_event_while_a_transaction_is_open() {
    let ground = Arc::new(Ground::postgres().await);
    let world = World::on(ground.clone(), &[], Clock::default()).await;
    let operator = world.operator();
    let Ground::Postgres { url, .. } = &*ground else { panic!("this test is PostgreSQL's") };
    let mut slow = PgConnection::connect(url).await.unwrap();
    slow.execute("begin").await.unwrap();
    slow.execute(
        "insert into outbox_events (id, event_type, profile, created, body) values ('aaaaaaaaaaaaaaa', 'profile.created', \
         'bbbbbbbbbbbbbbb', 1, '{\"event_id\":\"evt_aaaaaaaaaaaaaaabbbbbbbbbbb\",\"data\":{\"version\":1}}')",
    )
    .await
    .unwrap();
    let mut read = Vec::new();
    let mut after = String::new();
    for number in 0..20 {
        world.person(&format!("u{number}")).await;
        let events = read_events(&operator, &after).await;
        after = events.last().map_or(after, |last| format!("after={}", id_of(last)));
        read.extend(events);
    }
    assert!(read.is_empty(), "what is committed later may come before: {}", read.len());
    slow.execute("commit").await.unwrap();
    let read = read_some(&operator, &after, 21).await;
    assert_eq!(id_of(&read[0]), "evt_aaaaaaaaaaaaaaabbbbbbbbbbb");
    assert_eq!(read.len(), 21);
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_writes_of_one_profile_have_versions_without_gaps() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, _) = world.person("u").await;
    let path = format!("/api/status_history/{id}");
    let write = async |number: usize| {
        let step = json!({"previous_status": "pending", "new_status": format!("step_{number}"), "notes": "n"});
        operator.post(&path, step).await.status == 201
    };
    let written = join_all((0..24).map(write)).await.into_iter().filter(|is_written| *is_written).count();
    assert!(written > 0);
    let events = read_some(&operator, "", written + 1).await;
    let versions: Vec<u64> = events.iter().map(|event| event["data"]["version"].as_u64().unwrap()).collect();
    let expected: Vec<u64> = (1..=written as u64 + 1).collect();
    assert_eq!(versions, expected);
    // Each names the status that was there before it.
    let changes = events.iter().skip(1).map(|event| (&event["data"]["previous_status"], &event["data"]["new_status"]));
    let changes: Vec<_> = changes.collect();
    assert!(changes.windows(2).all(|pair| pair[0].1 == pair[1].0), "{changes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_can_be_withdrawn_at_any_time_and_is_reported_once() {
    let world = World::new().await;
    let operator = world.operator();
    let (id, browser) = world.person("u").await;
    let path = format!("/api/flow/{id}/consent");
    let agreed = browser.post(&path, json!({"version": "1", "language": "en"})).await.expect(200);
    operator.patch(&format!("/api/profiles/{id}"), json!({"verification_status": "verified"})).await.expect(200);
    // Of several at once one is reported.
    for answer in join_all((0..8).map(|_| browser.delete(&path))).await {
        assert!([204, 503].contains(&answer.status), "{}", answer.body);
    }
    assert_eq!(browser.delete(&path).await.status, 204);
    let events = read_some(&operator, "types=consent.*", 1).await;
    assert_eq!((events.len(), &events[0]["data"]["consent_id"]), (1, &agreed["data"]["id"]));
    let flow = browser.get(&format!("/api/flow/{id}")).await.expect(200);
    assert_eq!(flow["data"]["consent"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn profile_is_updated_by_every_record_and_by_its_checks() {
    let world = World::new().await;
    let (id, _) = world.person("u").await;
    world.person("another").await;
    let mut last = String::new();
    for step in 0..3 {
        world.clock.advance(60);
        let operator = world.operator();
        match step {
            0 => drop(record_verification(&operator, &id).await),
            1 => assert!(world.run_next_checks().await),
            _ => record_status(&operator, &id, "in_review").await,
        }
        let listed = operator.get("/api/profiles?userID=u").await.expect(200);
        let updated = listed["data"][0]["updated"].as_str().unwrap().to_owned();
        assert!(updated > last, "step {step}: {updated} after {last}");
        if step > 0 {
            let changed = operator.get(&format!("/api/profiles?updated_after={}", last.replace(' ', "T"))).await;
            let changed = changed.expect(200);
            let users: Vec<_> = changed["data"].as_array().unwrap().iter().map(|entry| &entry["userID"]).collect();
            assert_eq!(users, ["u"], "step {step}");
        }
        last = updated;
    }
}
