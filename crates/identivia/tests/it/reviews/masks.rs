//! What of a person's values reviews show, to whom, and that it is audited.

use std::collections::BTreeMap;

use identivia::domain::event::EventKind;
use identivia::records::audit_event::AuditEvent;
use identivia::records::checks::{
    Assurance, Check, CheckKind, DocumentSource, FaceEyes, ImagePoint, Outcome, SourceReading,
};
use identivia::records::console_user::ConsoleRole;
use identivia::records::id::RecordId;
use identivia::records::verification_record::ChecksStatus;
use identivia::store::CompletedChecks;
use serde_json::{Value, json};

use super::{CANARIES, act, claim, list, review_of, submit};
use crate::world::World;

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_no_value_that_identifies_a_person() {
    let world = World::with_liveness().await;
    submit(&world, "one", None).await;
    assert!(world.run_next_checks().await);
    let ann = world.console(ConsoleRole::Reviewer).await;
    for path in ["/api/reviews", "/api/reviews?q=canary", "/api/reviews?q=canary%40example.com", "/api/reviews/counts"]
    {
        let answer = ann.get(path).await.expect(200);
        let text = answer.to_string();
        for canary in CANARIES {
            assert!(!text.contains(canary), "{path} shows {canary}: {text}");
        }
        if path.contains("q=") {
            assert_eq!(answer["data"].as_array().unwrap().len(), 1, "{path}");
        }
    }
    assert_eq!(ann.get("/api/reviews?q=nobody").await.expect(200)["data"], json!([]));
    let row = list(&ann, "open").await.remove(0);
    assert_eq!(
        (&row["initials"], &row["birth_year"], &row["document_number_end"]),
        (&json!("C. O."), &json!(1990), &json!("77Q"))
    );
    let finding = row["findings"][0].as_str().unwrap();
    assert_eq!(
        ann.get(&format!("/api/reviews?finding={finding}")).await.expect(200)["data"].as_array().unwrap().len(),
        1
    );
    assert_eq!(ann.get("/api/reviews?finding=one_face").await.expect(200)["data"], json!([]));
    ann.get("/api/reviews?finding=no_such").await.expect(400);
    let searched: Vec<_> = world.events().await.into_iter().filter(|(kind, ..)| kind == "reviews.searched").collect();
    assert!(!searched.is_empty() && searched.iter().all(|(_, _, detail)| detail == "q"), "{searched:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn case_is_masked_until_it_is_held_and_numbers_until_they_are_revealed() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    assert!(world.run_next_checks().await);
    let (ann, bob) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await);
    let review = review_of(&ann, &id).await;
    let path = format!("/api/reviews/{}", review["id"].as_str().unwrap());
    let text = bob.get(&path).await.expect(200).to_string();
    for canary in CANARIES {
        assert!(!text.contains(canary), "{canary}: {text}");
    }
    let case = claim(&ann, &review).await;
    assert_eq!(
        (&case["record"]["name"], &case["record"]["date_of_birth"]),
        (&json!("Canary Osprey"), &json!("1990-01-15"))
    );
    assert_eq!(case["record"]["document_number"], "•••••77Q");
    let held = case.to_string();
    for canary in ["CANARY77Q", "canary@example.com", "Canary Street 7", "198.51.100.77"] {
        assert!(!held.contains(canary), "{canary}: {held}");
    }
    let images = case["images"].as_array().unwrap();
    assert!(images.iter().any(|image| image["name"] == "document_front"), "{images:?}");
    let url = images[0]["url"].as_str().unwrap().to_owned();
    ann.get(&url).await.expect(200);
    bob.get(&url).await.expect(404);
    let auditor = world.console(ConsoleRole::Auditor).await;
    assert_eq!(auditor.get(&path).await.expect(200)["data"]["images"], json!([]));
    assert_eq!(world.operator().get(&path).await.expect(200)["data"]["record"]["document_number"], "CANARY77Q");
    world.clock.advance(15 * 60);
    ann.get(&url).await.expect(404);
}

#[tokio::test(flavor = "multi_thread")]
async fn reveal_needs_a_claim_and_a_reason_and_is_audited_by_field() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let (ann, admin) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::SuperAdmin).await);
    let review = review_of(&ann, &id).await;
    let fields = json!(["document_number", "email", "address", "ip_address"]);
    let ask = |claim: &Value| json!({"claim_id": claim, "fields": fields, "reason": "suspected_fraud: Canary Osprey has two"});
    act(&ann, &review, "reveal", ask(&json!("x"))).await.expect(409);
    let case = claim(&ann, &review).await;
    act(&admin, &review, "reveal", ask(&case["claim_id"])).await.expect(409);
    act(&ann, &review, "reveal", json!({"claim_id": case["claim_id"], "fields": ["email"]})).await.expect(400);
    act(&ann, &review, "reveal", json!({"claim_id": case["claim_id"], "fields": ["secret"], "reason": "r"}))
        .await
        .expect(400);
    assert!(!world.events().await.iter().any(|(kind, ..)| kind == "review.revealed"), "nothing was shown yet");
    let shown = act(&ann, &case, "reveal", ask(&case["claim_id"])).await.expect(200)["data"]["values"].clone();
    assert_eq!((&shown["document_number"], &shown["email"]), (&json!("CANARY77Q"), &json!("canary@example.com")));
    assert_eq!(shown["address"], "Canary Street 7");
    let audited: Vec<_> = world.events().await.into_iter().filter(|(kind, ..)| kind == "review.revealed").collect();
    assert_eq!(audited.len(), 1);
    assert_eq!(audited[0].2, "document_number, email, address, ip_address; reason: suspected_fraud");
    let trail = format!("{:?}", world.events().await);
    for canary in CANARIES {
        assert!(!trail.contains(canary), "{canary}");
    }
    world.clock.advance(15 * 60);
    act(&ann, &case, "reveal", ask(&case["claim_id"])).await.expect(409);
}

/// Stores what the checks of a record have found, as the queue does.
async fn complete_checks(world: &World, review: &Value, checks: Vec<Check>) {
    let id = |field: &str| RecordId::parse(review[field].as_str().unwrap()).unwrap();
    let completed = CompletedChecks { status: ChecksStatus::Done, checks, face_templates: None };
    let event = AuditEvent::new(EventKind::ChecksEnded, world.clock.now(), "test");
    let store = &world.app.store;
    assert!(store.complete_checks(id("profile"), id("verification"), &completed, event).await.unwrap());
}

fn check(check: CheckKind, readings: Vec<SourceReading>, eyes: Vec<FaceEyes>) -> Check {
    Check {
        check,
        outcome: Outcome::Pass,
        score: None,
        threshold: None,
        engine: "test".to_owned(),
        weights: Vec::new(),
        assurance: Assurance::Model,
        message: String::new(),
        findings: Vec::new(),
        readings,
        eyes,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_the_document_is_masked_and_eyes_are_for_those_who_see_the_pictures() {
    let world = World::with_liveness().await;
    let (id, person) = submit(&world, "one", None).await;
    let (ann, bob) = (world.console(ConsoleRole::Reviewer).await, world.console(ConsoleRole::Reviewer).await);
    let review = review_of(&ann, &id).await;
    let reading = |source, number: &str| SourceReading {
        source,
        fields: [
            ("name", "Canary Osprey"),
            ("document_number", number),
            ("expiry_date", "2031-02-28"),
            ("odd", "CANARY77Q"),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect::<BTreeMap<_, _>>(),
    };
    let readings = vec![reading(DocumentSource::Mrz, "CANARY77Q"), reading(DocumentSource::Print, "CANARY770")];
    let point = |x, y| ImagePoint { x, y };
    let eyes = vec![FaceEyes { image: "facial_photo".to_owned(), right: point(0.375, 0.5), left: point(0.625, 0.5) }];
    let checks = vec![check(CheckKind::Document, readings, Vec::new()), check(CheckKind::FaceMatch, Vec::new(), eyes)];
    complete_checks(&world, &review, checks).await;

    let path = format!("/api/reviews/{}", review["id"].as_str().unwrap());
    let masked = bob.get(&path).await.expect(200)["data"].clone();
    for canary in CANARIES {
        assert!(!masked.to_string().contains(canary), "{canary}: {masked}");
    }
    assert_eq!(masked["read"][0]["fields"]["expiry_date"], "2031");
    assert!(!masked.to_string().contains("0.375") && masked["images"] == json!([]), "{masked}");
    let case = claim(&ann, &review).await;
    let numbers = json!(["•••••77Q", "•••••770"]);
    let read = |index: usize| case["read"][index]["fields"].clone();
    assert_eq!(json!([read(0)["document_number"], read(1)["document_number"]]), numbers);
    assert_eq!((&case["read"][0]["source"], &case["read"][1]["source"]), (&json!("mrz"), &json!("print")));
    assert_eq!((&read(0)["name"], &read(0)["expiry_date"]), (&json!("Canary Osprey"), &json!("2031-02-28")));
    assert!(read(0).get("odd").is_none() && !case.to_string().contains("CANARY77Q"), "{case}");
    let images = case["images"].as_array().unwrap();
    let eyes_of = |name: &str| images.iter().find(|image| image["name"] == name).unwrap()["eyes"].clone();
    assert_eq!(eyes_of("facial_photo"), json!({"right": {"x": 0.375, "y": 0.5}, "left": {"x": 0.625, "y": 0.5}}));
    assert_eq!(eyes_of("document_front"), Value::Null);

    // The record: whole for a company's server, without both for people at the console, without checks for a link.
    let records = format!("/api/verification_history/{id}");
    let whole = world.operator().get(&records).await.expect(200)["data"][0]["checks"].clone();
    assert_eq!(whole[0]["readings"][1]["fields"]["document_number"], "CANARY770");
    assert_eq!(whole[1]["eyes"][0]["left"]["x"], 0.625);
    let admin = world.console(ConsoleRole::SuperAdmin).await;
    let seen = admin.get(&records).await.expect(200)["data"][0]["checks"].to_string();
    assert!(!seen.contains("readings") && !seen.contains("eyes") && !seen.contains("CANARY"), "{seen}");
    let own = person.get(&format!("/api/profiles/{id}")).await.expect(200).to_string();
    assert!(!own.contains("readings") && !own.contains("0.375"), "{own}");
}

/// A record that was checked before: without readings and eyes.
#[tokio::test(flavor = "multi_thread")]
async fn record_that_was_checked_before_has_one_reading_and_no_eyes() {
    let world = World::with_liveness().await;
    let (id, _) = submit(&world, "one", None).await;
    let ann = world.console(ConsoleRole::Reviewer).await;
    let review = review_of(&ann, &id).await;
    let mut agreement = check(CheckKind::DataAgreement, Vec::new(), Vec::new());
    let evidence = [("said", json!("Canary Osprey")), ("read", json!("Canary Osprey"))];
    agreement.findings =
        vec![identivia::records::checks::Finding::new("name", Outcome::Pass, "The name agrees", evidence)];
    complete_checks(&world, &review, vec![agreement]).await;
    let case = claim(&ann, &review).await;
    assert_eq!(case["read"], json!([{"source": "print", "fields": {"name": "Canary Osprey"}}]));
    assert!(case["images"].as_array().unwrap().iter().all(|image| image["eyes"].is_null()), "{case}");
}
