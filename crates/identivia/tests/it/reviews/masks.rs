//! What of a person's values reviews show, to whom, and that it is audited.

use identivia::records::console_user::ConsoleRole;
use serde_json::{Value, json};

use super::{CANARIES, act, claim, list, review_of, submit, world_with_reviews};

#[tokio::test(flavor = "multi_thread")]
async fn lists_show_no_value_that_identifies_a_person() {
    let Some(world) = world_with_reviews().await else { return };
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
    let Some(world) = world_with_reviews().await else { return };
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
    let Some(world) = world_with_reviews().await else { return };
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
