//! Four eyes: two people agree, and no path lets one of them count twice.

use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::records::setting::Setting;
use identivia::store::Refusal;
use identivia::store::console::UserWrite;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::{act, claim, decide, list, review_of, submit};
use crate::ground::StoreKind;
use crate::world::{Caller, World};

/// Turns four eyes on, and gives two people who may decide together.
async fn two_people(world: &World) -> (Caller<'_>, Caller<'_>) {
    let ann = world.console(ConsoleRole::Reviewer).await;
    let operator = world.operator();
    let refused = operator.put("/api/settings/four_eyes", json!({"value": true})).await.expect(400);
    assert!(refused["fields"]["value"].as_str().unwrap().contains("two people"), "{refused}");
    let bob = world.console(ConsoleRole::Admin).await;
    operator.put("/api/settings/four_eyes", json!({"value": true})).await.expect(200);
    (ann, bob)
}

/// A user like that one, in some way.
async fn like<'w>(world: &'w World, change: impl FnOnce(&mut ConsoleUser)) -> Caller<'w> {
    let mut user = world.new_console_user(ConsoleRole::Admin, None);
    change(&mut user);
    world.sign_in_user(user).await.browser
}

async fn proposed(world: &World, person: &Caller<'_>, user: &str) -> Value {
    let (id, _) = submit(world, user, None).await;
    let case = claim(person, &review_of(person, &id).await).await;
    let proposed =
        decide(person, &case, "approve", json!({"internal_note": "First says yes"})).await.expect(200)["data"].clone();
    assert_eq!(proposed["state"], "second_look");
    proposed
}

#[tokio::test(flavor = "multi_thread")]
async fn second_person_puts_the_decision_into_effect_and_sees_nothing_of_it_before() {
    let world = World::with_liveness().await;
    let (ann, bob) = two_people(&world).await;
    let review = proposed(&world, &ann, "one").await;
    let path = format!("/api/reviews/{}", review["id"].as_str().unwrap());
    let seen = bob.get(&path).await.expect(200)["data"].clone();
    assert_eq!((&seen["proposal"], &seen["may"]), (&Value::Null, &json!(["second"])), "blind");
    assert!(
        !seen.to_string().contains("First says yes") && !seen["timeline"].to_string().contains("approve"),
        "{seen}"
    );
    assert_eq!(ann.get(&path).await.expect(200)["data"]["proposal"]["outcome"], "approve");
    // Neither by the audit trail, its export or the figures of the first one's work.
    let trail = bob.get("/api/audit_events?limit=100").await.expect(200)["data"].clone();
    let proposed = trail.as_array().unwrap().iter().find(|event| event["kind"] == "review.proposed").unwrap();
    assert_eq!((&proposed["object"]["id"], &proposed["detail"]), (&review["id"], &json!("")), "{proposed}");
    assert!(!trail.to_string().contains("approve"), "{trail}");
    let agreed = act(&bob, &review, "second", json!({"version": review["version"], "agree": true})).await.expect(200);
    assert_eq!(agreed["data"]["state"], "decided");
    assert!(agreed["data"]["notes"].to_string().contains("First says yes"), "both are known once it is decided");
    let profile =
        world.operator().get(&format!("/api/profiles/{}", review["profile"].as_str().unwrap())).await.expect(200);
    assert_eq!(profile["data"]["status"], "verified");
    let trail = bob.get("/api/audit_events?limit=100&kind=review.decided").await.expect(200)["data"].clone();
    assert_eq!(trail[0]["detail"], "approve", "the row of the decision names it");
}

#[tokio::test(flavor = "multi_thread")]
async fn first_decision_is_in_the_audit_trail_once_a_second_person_disagrees() {
    let world = World::with_liveness().await;
    let (ann, bob) = two_people(&world).await;
    let review = proposed(&world, &ann, "one").await;
    act(&bob, &review, "second", json!({"version": review["version"], "agree": false})).await.expect(200);
    let trail = bob.get("/api/audit_events?limit=100&kind=review.escalated").await.expect(200)["data"].clone();
    assert_eq!(trail[0]["detail"], "approve", "{trail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn same_person_is_refused_by_account_email_and_subject_on_every_path() {
    let world = World::with_liveness().await;
    let (_, bob) = two_people(&world).await;
    let mut first = world.new_console_user(ConsoleRole::Admin, None);
    first.oidc_subject = Some("subject-1".to_owned());
    let first_email = first.email.clone();
    let ann = world.sign_in_user(first).await.browser;
    let review = proposed(&world, &ann, "one").await;
    // The address is unique among stored users; another spelling of it is another account of the same person.
    let same_email = like(&world, |user| user.email = format!(" {}", first_email.to_uppercase())).await;
    let same_subject = like(&world, |user| user.oidc_subject = Some("subject-1".to_owned())).await;
    for agree in [true, false] {
        let body = json!({"version": review["version"], "agree": agree});
        for person in [&ann, &same_email, &same_subject] {
            let refused = act(person, &review, "second", body.clone()).await.expect(403);
            assert_eq!(refused["code"], "same_reviewer", "agree {agree}");
        }
    }
    let body = json!({"version": review["version"], "agree": false});
    let escalated = act(&bob, &review, "second", body).await.expect(200)["data"].clone();
    assert_eq!(escalated["state"], "escalated");
    for agree in [true, false] {
        let body = json!({"version": escalated["version"], "agree": agree});
        for person in [&ann, &bob, &same_email, &same_subject] {
            let refused = act(person, &escalated, "second", body.clone()).await.expect(403);
            assert_eq!(refused["code"], "same_reviewer");
        }
    }
    // Neither may they claim it and decide again.
    act(&ann, &escalated, "claim", json!({"version": escalated["version"]})).await.expect(409);
    let eve = world.console(ConsoleRole::Admin).await;
    let body = json!({"version": escalated["version"], "agree": false, "reasons": ["document_expired"]});
    let decided = act(&eve, &escalated, "second", body).await.expect(200)["data"].clone();
    assert_eq!(
        (&decided["state"], &decided["outcome"], &decided["reasons"]),
        (&json!("decided"), &json!("reject"), &json!(["document_expired"]))
    );
}

/// A person disconnects the provider, and connects it to another account: the subject of the first decision still counts. Two
/// providers may give one subject to two people.
#[tokio::test(flavor = "multi_thread")]
async fn person_at_a_provider_is_one_person_whatever_the_account() {
    let world = World::with_liveness().await;
    two_people(&world).await;
    let connected =
        async |issuer: &str| like(&world, |user| *user = user.clone().connected_to(issuer, "subject-1")).await;
    let ann = connected("https://a.example").await;
    let review = proposed(&world, &ann, "one").await;
    let body = json!({"version": review["version"], "agree": true});
    let refused = act(&connected("https://a.example").await, &review, "second", body.clone()).await.expect(403);
    assert_eq!(refused["code"], "same_reviewer");
    let agreed = act(&connected("https://b.example").await, &review, "second", body).await.expect(200);
    assert_eq!(agreed["data"]["state"], "decided");
}

#[tokio::test(flavor = "multi_thread")]
async fn client_is_none_of_four_eyes() {
    let world = World::with_liveness().await;
    let (ann, _) = two_people(&world).await;
    let (id, _) = submit(&world, "one", None).await;
    let machine = world.operator();
    let case = claim(&machine, &review_of(&machine, &id).await).await;
    for (verb, more) in [("approve", json!({})), ("reject", json!({"reasons": ["document_expired"]}))] {
        assert_eq!(decide(&machine, &case, verb, more).await.expect(403)["code"], "same_reviewer");
    }
    let review = proposed(&world, &ann, "two").await;
    act(&machine, &review, "second", json!({"version": review["version"], "agree": true})).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_look_needs_its_permission_and_the_version() {
    let world = World::with_liveness().await;
    let (ann, bob) = two_people(&world).await;
    let review = proposed(&world, &ann, "one").await;
    let junior = world.console(ConsoleRole::Reviewer).await;
    act(&junior, &review, "second", json!({"version": review["version"], "agree": true})).await.expect(403);
    let stale = act(&bob, &review, "second", json!({"version": 1, "agree": true})).await.expect(409);
    assert_eq!(stale["code"], "review_changed");
    assert_eq!(list(&bob, "second_look").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn change_of_a_user_that_leaves_one_person_for_four_eyes_is_409() {
    let world = World::with_liveness().await;
    let root = world.console(ConsoleRole::SuperAdmin).await;
    let reviewer = || world.sign_in(ConsoleRole::Reviewer, Some(&["red"]));
    let ann = reviewer().await;
    let path = |user: &ConsoleUser| format!("/api/console/users/{}", user.id);
    let operator = world.operator();
    operator.put("/api/settings/four_eyes?team=red", json!({"value": true})).await.expect(200);
    for change in [json!({"disabled": true}), json!({"role": "auditor"}), json!({"teams": ["blue"]})] {
        let refused = root.patch(&path(&ann.user), change.clone()).await.expect(409);
        assert_eq!(refused["error"], "Four eyes need two people", "{change}");
    }
    root.delete(&path(&ann.user)).await.expect(409);
    root.patch(&path(&ann.user), json!({"name": "Ann", "teams": ["red", "blue"]})).await.expect(200);
    // Another one takes the place, or the setting is turned off.
    let eve = reviewer().await;
    root.patch(&path(&ann.user), json!({"disabled": true})).await.expect(200);
    root.delete(&path(&eve.user)).await.expect(409);
    operator.put("/api/settings/four_eyes?team=red", json!({"value": false})).await.expect(200);
    root.delete(&path(&eve.user)).await.expect(200);
}

/// Two of three people are changed at the same moment. Each change alone leaves two, both together would leave one.
#[tokio::test(flavor = "multi_thread")]
async fn changes_of_two_users_at_once_leave_two_people_for_four_eyes() {
    let world = World::with_liveness().await;
    let root = world.console(ConsoleRole::SuperAdmin).await;
    let path = |user: &ConsoleUser| format!("/api/console/users/{}", user.id);
    for round in 0..8 {
        let team = format!("team-{round}");
        let ann = world.sign_in(ConsoleRole::Reviewer, Some(&[&team])).await.user;
        let bob = world.sign_in(ConsoleRole::Reviewer, Some(&[&team])).await.user;
        let setting = format!("/api/settings/four_eyes?team={team}");
        world.operator().put(&setting, json!({"value": true})).await.expect(200);
        let (paths, body) = ((path(&ann), path(&bob)), json!({"disabled": true}));
        let (one, two) = tokio::join!(root.patch(&paths.0, body.clone()), root.patch(&paths.1, body));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "{} {}", one.body, two.body);
        let refused = if one.status == 409 { one.body } else { two.body };
        assert_eq!(refused["error"], "Four eyes need two people");
        world.operator().put(&setting, json!({"value": false})).await.expect(200);
    }
}

/// The same with a fixed order: both have counted the people before either writes.
#[tokio::test(flavor = "multi_thread")]
async fn change_that_relies_on_a_person_who_has_changed_is_refused() {
    let world = World::with_liveness().await;
    let (console, now) = (&world.app.console, world.clock.now());
    let mut people = Vec::new();
    for _ in 0..3 {
        people.push(world.sign_in(ConsoleRole::Admin, None).await.user);
    }
    let [ann, bob, eve] = people.try_into().unwrap();
    let disabled = |user: &ConsoleUser| ConsoleUser { status: ConsoleUserStatus::Disabled, ..user.clone() };
    let (of_ann, of_bob) = ([bob.clone(), eve.clone()], [ann.clone(), eve.clone()]);
    let with = |while_deciders| UserWrite { while_deciders, ..UserWrite::default() };
    console.replace_user(&ann, disabled(&ann), &with(&of_ann), now, &[]).await.unwrap().unwrap();
    let second = console.replace_user(&bob, disabled(&bob), &with(&of_bob), now, &[]).await.unwrap();
    assert_eq!(second.unwrap_err(), Refusal::DecidersChanged);
    let second = console.delete_user(&bob, &with(&of_bob), &[]).await.unwrap();
    assert_eq!(second.unwrap_err(), Refusal::DecidersChanged);
    assert!(console.user(bob.id).await.unwrap().unwrap().status == ConsoleUserStatus::Active);
}

/// Four eyes are turned on at the moment in which one of the two people is disabled: one of the two is refused.
#[tokio::test(flavor = "multi_thread")]
async fn four_eyes_are_not_turned_on_while_one_of_the_two_people_leaves() {
    if StoreKind::wanted() == StoreKind::PocketBase {
        // Users are in another database there: docs/reviews.md names the limit.
        return;
    }
    let world = World::with_liveness().await;
    let (console, now) = (&world.app.console, world.clock.now());
    let ann = world.sign_in(ConsoleRole::Admin, None).await.user;
    let bob = world.sign_in(ConsoleRole::Admin, None).await.user;
    let setting = || Setting {
        key: "four_eyes".to_owned(),
        value: RawValue::from_string("true".to_owned()).unwrap(),
        public: false,
        updated: now,
    };
    let event = || AuditEvent::new(EventKind::SettingChanged, now, "test");
    let both = [ann.clone(), bob.clone()];
    let disabled = ConsoleUser { status: ConsoleUserStatus::Disabled, ..bob.clone() };
    // The setting comes first: the change of the user, which was read before it, is refused.
    world.app.store.put_setting(&setting(), &both, event()).await.unwrap().unwrap();
    let late = console.replace_user(&bob, disabled.clone(), &UserWrite::default(), now, &[]).await.unwrap();
    assert_eq!(late.unwrap_err(), Refusal::Changed);
    // The change of the user comes first: the setting is refused.
    world.app.store.delete_setting("four_eyes", event()).await.unwrap();
    let both = [console.user(ann.id).await.unwrap().unwrap(), console.user(bob.id).await.unwrap().unwrap()];
    console.replace_user(&both[1], disabled, &UserWrite::default(), now, &[]).await.unwrap().unwrap();
    let late = world.app.store.put_setting(&setting(), &both, event()).await.unwrap();
    assert_eq!(late.unwrap_err(), Refusal::DecidersChanged);
    assert!(world.app.store.setting("four_eyes").await.unwrap().is_none());
}
