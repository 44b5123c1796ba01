//! Reviews: the queue, claims, decisions with their undo, four eyes, masks, and what ends a review from outside.

mod decisions;
mod four_eyes;
mod masks;

use futures_util::future::join_all;
use identivia::domain::event::EventKind;
use identivia::records::RecordKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::console_user::ConsoleRole;
use identivia::records::liveness_session::SessionStatus;
use identivia::records::review::{Review, ReviewState};
use identivia::store::{Commit, Refusal};
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{Answer, Caller, World, file, small_picture, texts};

/// Values that no list and no masked view may show.
pub(crate) const CANARIES: [&str; 6] =
    ["Canary", "Osprey", "CANARY77Q", "canary@example.com", "Canary Street 7", "198.51.100.77"];

/// A person who has sent their record with their link. Each has another shade, so that pictures differ.
pub(crate) async fn submit<'w>(world: &'w World, user: &str, team: Option<&str>) -> (String, Caller<'w>) {
    let mut body = json!({"userID": user, "name": "Canary Osprey", "email": "canary@example.com"});
    if let Some(team) = team {
        body["team"] = json!(team);
    }
    let made = world.operator().post("/api/profiles/create", body).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let browser = world.bearing(made["flow_token"].as_str().map(str::to_owned));
    send_record(world, &browser, &id).await.expect(201);
    (id, browser)
}

/// Shows a face and sends a record.
pub(crate) async fn send_record(world: &World, browser: &Caller<'_>, id: &str) -> Answer {
    let session = browser.post("/api/face-liveness/session", json!({})).await.expect(200);
    let session = session["sessionId"].as_str().unwrap().to_owned();
    world.provider.finish(&session, SessionStatus::Succeeded, Some(95.0));
    browser.get(&format!("/api/face-liveness/results/{session}")).await.expect(200);
    let form = texts(&[
        ("liveness_session_id", &session),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("name", "Canary Osprey"),
        ("document_number", "CANARY77Q"),
        ("address", "Canary Street 7"),
        ("date_of_birth", "1990-01-15"),
        ("country", "CHE"),
        ("ip_address", "198.51.100.77"),
    ])
    .part("facial_photo", file(small_picture(30), "photo.png"))
    .part("document_front", file(small_picture(10), "front.png"));
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await
}

/// The reviews in those states.
pub(crate) async fn list(caller: &Caller<'_>, states: &str) -> Vec<Value> {
    let listed = caller.get(&format!("/api/reviews?state={states}")).await.expect(200);
    listed["data"].as_array().unwrap().clone()
}

/// The one review of a profile, as a row.
pub(crate) async fn review_of(caller: &Caller<'_>, profile: &str) -> Value {
    let listed = caller.get("/api/reviews?limit=100").await.expect(200);
    let rows = listed["data"].as_array().unwrap();
    rows.iter().rfind(|row| row["profile"] == profile).unwrap().clone()
}

/// Claims a review and gives its case.
pub(crate) async fn claim(caller: &Caller<'_>, review: &Value) -> Value {
    let answer = act(caller, review, "claim", json!({"version": review["version"]})).await;
    answer.expect(200)["data"].clone()
}

/// Sends a change of a review.
pub(crate) async fn act(caller: &Caller<'_>, review: &Value, verb: &str, body: Value) -> Answer {
    caller.post(&format!("/api/reviews/{}/{verb}", review["id"].as_str().unwrap()), body).await
}

/// Decides a claimed case.
pub(crate) async fn decide(caller: &Caller<'_>, case: &Value, verb: &str, more: Value) -> Answer {
    let mut body = json!({"claim_id": case["claim_id"], "version": case["version"]});
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    act(caller, case, verb, body).await
}

/// Has decisions take effect whose undo has ended.
pub(crate) async fn run_decisions(world: &World) {
    while world.app.review_decisions.run_next().await.unwrap() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn record_that_a_person_sends_has_a_review_and_a_servers_record_gets_one_on_request() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    let (id, _) = submit(&world, "one", Some("red")).await;
    let rows = list(&operator, "open").await;
    assert_eq!((rows.len(), &rows[0]["profile"], &rows[0]["team"]), (1, &json!(id), &json!("red")));
    assert_eq!((&rows[0]["tries"], &rows[0]["version"], &rows[0]["country"]), (&json!(1), &json!(1), &json!("CHE")));
    assert_eq!(list(&world.team("red"), "open").await.len(), 1);
    assert_eq!(list(&world.team("blue"), "open").await.len(), 0, "another team's");
    let path = format!("/api/reviews/{}", rows[0]["id"].as_str().unwrap());
    world.team("blue").get(&path).await.expect(404);

    let made = operator.post("/api/profiles/create", json!({"userID": "two"})).await.expect(201);
    let other = made["id"].as_str().unwrap();
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
    ])
    .part("facial_photo", file(small_picture(1), "photo.png"))
    .part("document_front", file(small_picture(2), "front.png"));
    let record = operator.form(Method::POST, &format!("/api/verification_history/{other}"), form).await.expect(201);
    assert_eq!(list(&operator, "open").await.len(), 1, "a server's record has none by itself");
    let named = json!({"verification": record["data"]["id"]});
    operator.post("/api/reviews", named.clone()).await.expect(201);
    assert_eq!(operator.post("/api/reviews", named.clone()).await.expect(409)["error"], "Review exists");
    world.team("blue").post("/api/reviews", named).await.expect(400);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_all_who_claim_a_review_at_once_one_gets_it() {
    let world = World::with_liveness().await;
    submit(&world, "one", None).await;
    let mut people = Vec::new();
    for _ in 0..8 {
        people.push(world.console(ConsoleRole::Reviewer).await);
    }
    let review = list(&people[0], "open").await.remove(0);
    let claims = people.iter().map(|person| act(person, &review, "claim", json!({"version": 1})));
    let answers = join_all(claims).await;
    let won = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(won, 1, "{:?}", answers.iter().map(|answer| answer.status).collect::<Vec<_>>());
    for lost in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((lost.status, &lost.body["code"]), (409, &json!("review_claimed")), "{}", lost.body);
        assert!(lost.body["holder"].as_str().unwrap().starts_with("Person "));
    }
}

/// The newest review, as the store has it.
async fn newest_review(world: &World) -> Review {
    world.app.store.newest_review_changes(1).await.unwrap().remove(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_changes_that_start_from_one_version_one_is_made() {
    let world = World::with_liveness().await;
    submit(&world, "one", None).await;
    for round in 0..10 {
        let read = newest_review(&world).await;
        let changes = (0..6).map(async |number: i32| {
            let after = Review { assignee: Some(format!("{round}-{number}")), ..read.clone() };
            let event = AuditEvent::new(EventKind::ReviewReleased, world.clock.now(), "test");
            world.app.store.change_review(&read, after, &event, None).await.unwrap()
        });
        let made = join_all(changes).await;
        let made: Vec<&Review> = made.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
        assert_eq!(made.len(), 1, "round {round}");
        let stored = newest_review(&world).await;
        assert_eq!((&stored.assignee, stored.version), (&made[0].assignee, read.version + 1));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_that_is_released_while_it_is_renewed_stays_released() {
    let world = World::with_liveness().await;
    submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    for round in 0..10 {
        claim(&ann, &list(&ann, "open").await[0]).await;
        let read = newest_review(&world).await;
        let mut after = read.clone();
        after.release();
        let event = AuditEvent::new(EventKind::ReviewReleased, world.clock.now(), "test");
        let until = Some(world.clock.now().plus_seconds(900));
        let renew = || world.app.store.renew_review_claim(&read, until);
        let (released, ..) = tokio::join!(world.app.store.change_review(&read, after, &event, None), renew(), renew());
        released.unwrap().unwrap();
        let stored = newest_review(&world).await;
        assert_eq!((stored.state, stored.claim_until), (ReviewState::Open, None), "round {round}");
        let late = world.app.store.renew_review_claim(&read, until).await.unwrap();
        assert_eq!(late.unwrap_err(), Refusal::Changed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_are_found_by_a_whole_finding() {
    let world = World::with_liveness().await;
    for (user, words) in [("one", "glare light unread"), ("two", "highlightingdetected"), ("three", "expired")] {
        submit(&world, user, None).await;
        let review = newest_review(&world).await;
        let mut commit = Commit::default();
        let fields = [("finding_words".to_owned(), json!(words))].into_iter().collect();
        commit.update(RecordKind::Reviews, review.id.as_str(), Vec::new(), fields);
        world.app.store.commit(commit).await.unwrap();
        world.clock.advance(1);
    }
    let person = world.console(ConsoleRole::Reviewer).await;
    let found = async |finding: &str| {
        let listed = person.get(&format!("/api/reviews?finding={finding}")).await.expect(200);
        listed["data"].as_array().unwrap().len()
    };
    for (finding, count) in
        [("glare", 1), ("light", 1), ("unread", 1), ("high_lighting_detected", 1), ("expired", 1), ("edited", 0)]
    {
        assert_eq!(found(finding).await, count, "{finding}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn next_gives_each_another_review_in_the_order_of_their_time() {
    let world = World::with_liveness().await;
    let (first, _) = submit(&world, "one", None).await;
    world.clock.advance(60);
    let (second, _) = submit(&world, "two", None).await;
    let people = [world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await];
    for (person, profile) in people.iter().zip([&first, &second]) {
        let case = person.post("/api/reviews/next", json!({})).await.expect(200);
        assert_eq!((&case["data"]["profile"], &case["data"]["mine"]), (&json!(profile), &json!(true)));
    }
    let nothing = people[0].post("/api/reviews/next", json!({})).await.expect(404);
    assert_eq!(nothing["error"], "Nothing to review");
    let counts = people[0].get("/api/reviews/counts").await.expect(200)["data"].clone();
    assert_eq!((&counts["open"], &counts["mine"], &counts["more"]), (&json!(0), &json!(1), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn claim_ends_by_its_time_and_is_renewed_released_and_taken_over() {
    let world = World::with_liveness().await;
    submit(&world, "one", None).await;
    let (ann, bob) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await);
    let case = claim(&ann, &list(&ann, "open").await[0]).await;
    assert!(
        bob.get(&format!("/api/reviews/{}", case["id"].as_str().unwrap())).await.expect(200)["data"]["claim_id"]
            .is_null()
    );
    world.clock.advance(14 * 60);
    let own = json!({"claim_id": case["claim_id"]});
    act(&ann, &case, "renew", own.clone()).await.expect(200);
    act(&bob, &case, "renew", own.clone()).await.expect(409);
    world.clock.advance(14 * 60);
    assert_eq!(list(&bob, "claimed").await.len(), 1, "it was renewed");
    world.clock.advance(60);
    let open = list(&bob, "open").await;
    assert_eq!((open.len(), &open[0]["holder"]), (1, &Value::Null));
    assert_eq!(list(&bob, "claimed").await.len(), 0);
    let late = decide(&ann, &case, "approve", json!({})).await.expect(409);
    assert_eq!(late["code"], "claim_ended");

    let taken = claim(&bob, &open[0]).await;
    assert_eq!(decide(&ann, &case, "approve", json!({})).await.expect(409)["code"], "review_claimed");
    let admin = world.console(ConsoleRole::Admin).await;
    let force = json!({"version": taken["version"], "force": true, "reason": "Off sick"});
    act(&ann, &case, "claim", force.clone()).await.expect(403);
    act(&admin, &case, "claim", json!({"version": taken["version"], "force": true})).await.expect(400);
    let over = act(&admin, &case, "claim", force).await.expect(200)["data"].clone();
    assert_eq!(decide(&bob, &taken, "approve", json!({})).await.expect(409)["code"], "review_claimed");
    act(&admin, &over, "release", json!({"claim_id": over["claim_id"]})).await.expect(200);
    assert_eq!(list(&bob, "open").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_reviewer_holds_five_at_most() {
    let world = World::with_liveness().await;
    for number in 0..6 {
        submit(&world, &format!("user-{number}"), None).await;
    }
    let ann = world.console(ConsoleRole::Reviewer).await;
    for _ in 0..5 {
        ann.post("/api/reviews/next", json!({})).await.expect(200);
    }
    assert_eq!(ann.post("/api/reviews/next", json!({})).await.expect(409)["code"], "too_many_claims");
    world.clock.advance(15 * 60);
    ann.post("/api/reviews/next", json!({})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_claims_of_one_holder_at_once_five_are_made() {
    let world = World::with_liveness().await;
    for number in 0..12 {
        submit(&world, &format!("user-{number}"), None).await;
    }
    // A machine client, because a person sends a few requests at once at most.
    let ann = world.operator();
    let reviews = list(&ann, "open").await;
    assert_eq!(reviews.len(), 12);
    let claims = reviews.iter().map(|review| act(&ann, review, "claim", json!({"version": 1})));
    let answers = join_all(claims).await;
    let statuses: Vec<u16> = answers.iter().map(|answer| answer.status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_eq!((refused.status, &refused.body["code"]), (409, &json!("too_many_claims")), "{}", refused.body);
    }
    assert_eq!(list(&ann, "claimed").await.len(), 5);
    // The one that is held can be claimed again, because its answer may have been lost.
    let held = list(&ann, "claimed").await.remove(0);
    act(&ann, &held, "claim", json!({"version": held["version"]})).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn permissions_decide_who_may_claim_and_see() {
    let world = World::with_liveness().await;
    submit(&world, "one", Some("red")).await;
    let auditor = world.console(ConsoleRole::Auditor).await;
    let review = list(&auditor, "open").await.remove(0);
    act(&auditor, &review, "claim", json!({"version": 1})).await.expect(403);
    let other = world.sign_in(ConsoleRole::Reviewer, Some(&["blue"])).await.browser;
    assert_eq!(list(&other, "open").await.len(), 0);
    act(&other, &review, "claim", json!({"version": 1})).await.expect(404);
    let reader = world.machine("reviews:read", None);
    act(&reader, &review, "claim", json!({"version": 1})).await.expect(403);
    for verb in ["second", "reopen", "reveal"] {
        act(&world.operator(), &review, verb, json!({"version": 1})).await.expect(403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn those_due_first_come_first_and_of_decided_ones_the_newest() {
    let world = World::with_liveness().await;
    let operator = world.operator();
    let mut profiles = Vec::new();
    for user in ["one", "two", "three"] {
        profiles.push(submit(&world, user, None).await.0);
        world.clock.advance(60);
    }
    let in_order =
        |rows: &[Value]| rows.iter().map(|row| row["profile"].as_str().unwrap().to_owned()).collect::<Vec<_>>();
    let open = list(&operator, "open").await;
    assert_eq!(in_order(&open), profiles);
    for review in &open {
        let case = claim(&operator, review).await;
        decide(&operator, &case, "approve", json!({})).await.expect(200);
    }
    world.clock.advance(60);
    run_decisions(&world).await;
    let newest: Vec<String> = profiles.into_iter().rev().collect();
    assert_eq!(in_order(&list(&operator, "decided,withdrawn").await), newest);
    let first = operator.get("/api/reviews?state=decided&limit=2").await.expect(200);
    assert_eq!(in_order(first["data"].as_array().unwrap()), newest[..2]);
    let cursor = first["next_cursor"].as_str().unwrap();
    let rest = operator.get(&format!("/api/reviews?state=decided&limit=2&cursor={cursor}")).await.expect(200);
    assert_eq!(in_order(rest["data"].as_array().unwrap()), newest[2..]);
}
