//! Decisions of reviews: what they set, when they take effect, and what prevents them.

use identivia::records::console_user::ConsoleRole;
use serde_json::{Value, json};

use super::{act, claim, decide, list, review_of, run_decisions, send_record, submit};
use crate::world::{Caller, World};

async fn shown_status(world: &World, profile: &str) -> Value {
    world.operator().get(&format!("/api/profiles/{profile}")).await.expect(200)["data"]["status"].clone()
}

async fn claimed(person: &Caller<'_>, profile: &str) -> Value {
    claim(person, &review_of(person, profile).await).await
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_takes_effect_after_its_seconds_and_sets_everything_at_once() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let case = claimed(&ann, &id).await;
    let decided = decide(&ann, &case, "approve", json!({"internal_note": "Fine"})).await.expect(200)["data"].clone();
    assert_eq!((&decided["state"], &decided["may"]), (&json!("deciding"), &json!(["undo"])));
    run_decisions(&world).await;
    assert_eq!(shown_status(&world, &id).await, "unverified", "nothing was sent");
    world.clock.advance(10);
    run_decisions(&world).await;
    assert_eq!(shown_status(&world, &id).await, "verified");
    let row = review_of(&ann, &id).await;
    assert_eq!((&row["state"], &row["outcome"]), (&json!("decided"), &json!("approve")));
    let operator = world.operator();
    let statuses = operator.get(&format!("/api/status_history/{id}")).await.expect(200);
    assert_eq!(statuses["data"][0]["new_status"], "verified");
    assert_eq!(statuses["data"][0]["verification"], row["verification"]);
    let records = operator.get(&format!("/api/verification_history/{id}")).await.expect(200);
    assert_eq!(records["data"][0]["status"], "verified");
    world.await_event("profile.verified").await;
    let changed = world.await_event("profile.status_changed").await;
    assert_eq!(changed["data"]["decided_by"], "reviewer");
    let events = operator.get("/api/events?limit=100").await.expect(200);
    assert!(!events.to_string().contains("Fine"), "a note never leaves the console");
    assert_eq!(world.events().await.iter().filter(|(kind, ..)| kind == "review.decided").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn undone_decision_never_takes_effect() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let (ann, bob) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await);
    let case = claimed(&ann, &id).await;
    let decided =
        decide(&ann, &case, "reject", json!({"reasons": ["document_expired"]})).await.expect(200)["data"].clone();
    act(&bob, &decided, "undo", json!({"version": decided["version"]})).await.expect(409);
    world.clock.advance(9);
    let undone = act(&ann, &decided, "undo", json!({"version": decided["version"]})).await.expect(200)["data"].clone();
    assert_eq!(
        (&undone["state"], &undone["mine"], &undone["claim_id"]),
        (&json!("claimed"), &json!(true), &case["claim_id"])
    );
    world.clock.advance(60);
    run_decisions(&world).await;
    assert_eq!(shown_status(&world, &id).await, "unverified");
    let again = decide(&ann, &undone, "approve", json!({})).await.expect(200)["data"].clone();
    world.clock.advance(10);
    let late = act(&ann, &again, "undo", json!({"version": again["version"]})).await.expect(409);
    assert_eq!(late["code"], "wrong_state");
}

#[tokio::test(flavor = "multi_thread")]
async fn rejection_needs_a_reason_and_a_change_the_version_that_was_read() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let case = claimed(&ann, &id).await;
    assert_eq!(decide(&ann, &case, "reject", json!({})).await.expect(400)["required"], json!(["reasons"]));
    decide(&ann, &case, "reject", json!({"reasons": ["no_such_reason"]})).await.expect(400);
    decide(&ann, &case, "approve", json!({"reasons": ["document_expired"]})).await.expect(400);
    let steps = json!({"reasons": ["glare_on_photo"]});
    assert_eq!(decide(&ann, &case, "request_resubmission", steps).await.expect(400)["required"], json!(["steps"]));
    let stale = decide(&ann, &case, "approve", json!({"version": 1})).await.expect(409);
    assert_eq!((&stale["code"], &stale["version"]), (&json!("review_changed"), &case["version"]));
    let other = decide(&ann, &case, "approve", json!({"claim_id": "x"})).await.expect(409);
    assert_eq!(other["code"], "claim_ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_record_refuses_a_decision_about_the_older_one() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let case = claimed(&ann, &id).await;
    let newer = send_record(&world, &world.operator(), &id).await;
    assert_eq!(newer.status, 201, "{}", newer.body);
    let refused = decide(&ann, &case, "approve", json!({})).await.expect(409);
    assert_eq!(
        (&refused["error"], &refused["verification"]),
        (&json!("Evidence has changed"), &newer.body["data"]["id"])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn newer_record_within_the_undo_gives_the_review_back() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let case = claimed(&ann, &id).await;
    decide(&ann, &case, "approve", json!({})).await.expect(200);
    assert_eq!(send_record(&world, &world.operator(), &id).await.status, 201);
    world.clock.advance(10);
    run_decisions(&world).await;
    assert_eq!(shown_status(&world, &id).await, "unverified", "nobody has looked at the newer one");
    assert_eq!(list(&ann, "open").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_through_the_api_withdraws_the_review() {
    let world = World::with_liveness().await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    for by_record in [true, false] {
        let (id, _) = submit(&world, &format!("user-{by_record}"), None).await;
        let case = claimed(&ann, &id).await;
        if by_record {
            let step = json!({"previous_status": "unverified", "new_status": "rejected", "notes": "n"});
            world.operator().post(&format!("/api/status_history/{id}"), step).await.expect(201);
        } else {
            let change = json!({"verification_status": "verified"});
            world.operator().patch(&format!("/api/profiles/{id}"), change).await.expect(200);
        }
        assert_eq!(review_of(&ann, &id).await["state"], "withdrawn");
        decide(&ann, &case, "approve", json!({})).await.expect(409);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn decision_through_the_api_comes_before_one_that_can_still_be_undone() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    decide(&ann, &claimed(&ann, &id).await, "approve", json!({})).await.expect(200);
    let step = json!({"previous_status": "unverified", "new_status": "rejected", "notes": "n"});
    world.operator().post(&format!("/api/status_history/{id}"), step).await.expect(201);
    world.clock.advance(10);
    run_decisions(&world).await;
    assert_eq!(
        (shown_status(&world, &id).await, &review_of(&ann, &id).await["state"]),
        (json!("rejected"), &json!("withdrawn"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn request_for_another_try_opens_the_link_and_the_new_record_has_its_own_review() {
    let world = World::with_liveness().await;
    let (id, browser) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let case = claimed(&ann, &id).await;
    world.clock.advance(1);
    let more = json!({"reasons": ["glare_on_photo"], "steps": ["document_front"], "message": "Once more, please"});
    let asked = decide(&ann, &case, "request_resubmission", more).await.expect(200)["data"].clone();
    assert_eq!((&asked["state"], &asked["outcome"]), (&json!("waiting"), &json!("request_resubmission")));
    let flow = browser.get(&format!("/api/flow/{id}")).await.expect(200)["data"].clone();
    assert_eq!(
        (&flow["resubmission"]["message"], &flow["resubmission"]["steps"]),
        (&json!("Once more, please"), &json!(["document_front"]))
    );
    world.clock.advance(1);
    assert_eq!(send_record(&world, &browser, &id).await.status, 201);
    let states: Vec<Value> =
        list(&ann, "open,withdrawn,waiting").await.iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["withdrawn", "open"]);
    let mine = ann.get("/api/reviews?state=open&assignee=me").await.expect(200);
    assert_eq!(mine["data"][0]["tries"], 2, "it is offered to the one who asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn reviewers_ask_for_another_try_only_so_often() {
    let world = World::with_liveness().await;
    world.operator().put("/api/settings/max_resubmissions", json!({"value": 1})).await.expect(200);
    let (id, browser) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let more = json!({"reasons": ["glare_on_photo"], "steps": ["document_front"]});
    world.clock.advance(1);
    decide(&ann, &claimed(&ann, &id).await, "request_resubmission", more.clone()).await.expect(200);
    world.clock.advance(1);
    assert_eq!(send_record(&world, &browser, &id).await.status, 201);
    let case = claim(&ann, &list(&ann, "open").await[0]).await;
    let refused = decide(&ann, &case, "request_resubmission", more).await.expect(409);
    assert_eq!(refused["error"], "Too many resubmissions");
    assert_eq!(review_of(&ann, &id).await["state"], "claimed", "it stays for a decision");
}

#[tokio::test(flavor = "multi_thread")]
async fn reopened_decision_leaves_the_old_records_and_can_be_made_again() {
    let world = World::with_liveness().await;
    world.operator().put("/api/settings/review_undo_seconds", json!({"value": 0})).await.expect(200);
    let (id, browser) = submit(&world, "one", None).await;
    let (ann, admin) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Admin).await);
    let case = claimed(&ann, &id).await;
    let decided =
        decide(&ann, &case, "reject", json!({"reasons": ["document_expired"]})).await.expect(200)["data"].clone();
    assert_eq!((&decided["state"], shown_status(&world, &id).await), (&json!("decided"), json!("rejected")));
    let body = json!({"version": decided["version"], "reason": "Wrong person"});
    act(&ann, &decided, "reopen", body.clone()).await.expect(403);
    let opened = act(&admin, &decided, "reopen", body).await.expect(200)["data"].clone();
    assert_eq!((&opened["state"], shown_status(&world, &id).await), (&json!("open"), json!("pending")));
    browser.patch(&format!("/api/profiles/{id}"), json!({"country": "XX"})).await.expect(409);
    let case = claim(&ann, &opened).await;
    decide(&ann, &case, "approve", json!({})).await.expect(200);
    let statuses = world.operator().get(&format!("/api/status_history/{id}")).await.expect(200);
    let words: Vec<_> =
        statuses["data"].as_array().unwrap().iter().map(|status| status["new_status"].clone()).collect();
    assert_eq!(words, ["verified", "pending", "rejected"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn client_decides_by_its_own_word() {
    let world = World::with_liveness().await;
    world.operator().put("/api/settings/review_undo_seconds", json!({"value": 0})).await.expect(200);
    let (id, _) = submit(&world, "one", None).await;
    let machine = world.operator();
    let case = claimed(&machine, &id).await;
    decide(&machine, &case, "approve", json!({})).await.expect(200);
    let changed = world.await_event("profile.status_changed").await;
    assert_eq!(changed["data"]["decided_by"], "client");
}
