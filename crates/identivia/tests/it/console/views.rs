//! What people at the console see: masks, their teams' records only, and files only where they may.

use identivia::records::console_user::ConsoleRole;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::world::{World, file, small_picture};

/// What a person has sent that no masked view may show.
const PRIVATE: [&str; 8] =
    ["A12345678", "Osei", "ama@example.com", "12 High Street", "1990-01-15", "Kumasi", "203.0.113.7", "+49151"];

/// A profile of a team with a verification record, and the name of its document's picture.
async fn make_profile(world: &World, team: &str) -> (String, String) {
    let red = world.team(team);
    let body = json!({
        "userID": "company-id-77", "name": "Ama Osei", "document_number": "A12345678", "email": "ama@example.com",
        "phone_number": "+4915112345678", "ip_address": "203.0.113.7", "gender": "female",
    });
    let made = red.post("/api/profiles/create", body).await.expect(201);
    let profile = made["id"].as_str().unwrap().to_owned();
    let form = Form::new()
        .text("liveness_session_id", "outside")
        .text("liveness_confidence", "95")
        .text("liveness_status", "live")
        .text("document_type", "passport")
        .text("document_number", "A12345678")
        .text("country", "GH")
        .text("name", "Ama Osei")
        .text("address", "12 High Street")
        .text("gender", "female")
        .text("date_of_birth", "1990-01-15")
        .text("place_of_birth", "Kumasi")
        .text("ip_address", "203.0.113.7")
        .part("document_front", file(small_picture(1), "front.png"))
        .part("document_back", file(small_picture(2), "back.png"))
        .part("facial_photo", file(small_picture(3), "face.png"));
    let record = red.form(Method::POST, &format!("/api/verification_history/{profile}"), form).await.expect(201);
    let record = record["data"].clone();
    let name = record["document_front"].as_str().unwrap();
    (profile, format!("/api/files/verification_history/{}/{name}", record["id"].as_str().unwrap()))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_role_sees_records_with_masks() {
    let world = World::new().await;
    let (profile, _) = make_profile(&world, "red").await;
    for role in ConsoleRole::ALL {
        let browser = world.console(role).await;
        let list = browser.get("/api/profiles").await;
        assert_eq!(list.header("cache-control"), "no-store");
        let list = list.expect(200);
        assert_eq!(list["data"][0]["name"], "A. O.");
        assert_eq!(list["data"][0]["userID"], "•••");
        let view = browser.get(&format!("/api/profiles/{profile}")).await.expect(200);
        let records = browser.get(&format!("/api/verification_history/{profile}")).await.expect(200);
        assert_eq!(records["data"][0]["date_of_birth"], "1990");
        assert_eq!(records["data"][0]["document_number"], "•••••678");
        assert_eq!(records["data"][0]["country"], "GH");
        let statuses = browser.get(&format!("/api/status_history/{profile}")).await.expect(200);
        for shown in [&list, &view, &records, &statuses] {
            let private: Vec<_> = PRIVATE.into_iter().filter(|value| shown.to_string().contains(value)).collect();
            assert!(private.is_empty(), "{role:?} sees {private:?}: {shown}");
        }
    }
    let operator = world.operator().get(&format!("/api/verification_history/{profile}")).await.expect(200);
    assert!(operator.to_string().contains("Osei"), "a machine token sees everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn person_reaches_their_teams_only() {
    let world = World::new().await;
    let (red, _) = make_profile(&world, "red").await;
    let (blue, _) = make_profile(&world, "blue").await;
    let (green, _) = make_profile(&world, "green").await;
    for (teams, reached) in [(&["red", "blue"][..], vec![&red, &blue]), (&["green"], vec![&green]), (&[], vec![])] {
        let browser = world.sign_in(ConsoleRole::Reviewer, Some(teams)).await.browser;
        let list = browser.get("/api/profiles").await.expect(200);
        assert_eq!(list["data"].as_array().unwrap().len(), reached.len(), "{teams:?}");
        for profile in [&red, &blue, &green] {
            let expected = if reached.contains(&profile) { 200 } else { 404 };
            for path in ["profiles", "verification_history", "status_history"] {
                let answer = browser.get(&format!("/api/{path}/{profile}")).await;
                assert_eq!(answer.status, expected, "{teams:?} {path}: {}", answer.body);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_several_teams_are_named() {
    let world = World::new().await;
    let admin = world.sign_in(ConsoleRole::Admin, Some(&["red", "blue"])).await.browser;
    admin.put("/api/settings/k?team=red", json!({"value": 1})).await.expect(200);
    assert_eq!(admin.get("/api/settings?team=red").await.expect(200)["data"], json!({"k": 1}));
    for path in ["/api/settings/k", "/api/settings/k?team=green"] {
        assert_eq!(admin.put(path, json!({"value": 1})).await.expect(403)["error"], "Not your team", "{path}");
    }
    let none = world.sign_in(ConsoleRole::Admin, Some(&[])).await.browser;
    none.put("/api/settings/k", json!({"value": 1})).await.expect(403);
    let one = world.sign_in(ConsoleRole::Admin, Some(&["red"])).await.browser;
    assert_eq!(one.get("/api/settings").await.expect(200)["data"], json!({"k": 1}));
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_for_admins_and_each_view_is_audited() {
    let world = World::new().await;
    let (profile, path) = make_profile(&world, "red").await;
    for (role, teams, status) in [
        (ConsoleRole::SuperAdmin, None, 200),
        (ConsoleRole::Admin, Some(&["red"][..]), 200),
        (ConsoleRole::Admin, Some(&["blue"][..]), 404),
        (ConsoleRole::Reviewer, None, 404),
        (ConsoleRole::Auditor, None, 403),
    ] {
        let person = world.sign_in(role, teams).await;
        let answer = person.browser.get(&path).await;
        assert_eq!(answer.status, status, "{role:?}: {}", answer.body);
        let viewed = (String::from("file.viewed"), person.user.id.to_string(), String::from("document_front"));
        assert_eq!(world.events().await.contains(&viewed), status == 200, "{role:?}");
    }
    let admin = world.sign_in(ConsoleRole::Admin, None).await;
    admin.browser.get(&format!("/api/profiles/{profile}")).await.expect(200);
    admin.browser.get("/api/profiles?q=Osei&country=GH").await.expect(200);
    let events = world.events().await;
    let by_admin: Vec<&str> = events
        .iter()
        .filter(|(_, actor, _)| *actor == admin.user.id.to_string())
        .map(|(kind, ..)| kind.as_str())
        .collect();
    assert_eq!(by_admin, ["profile.opened", "profiles.searched"]);
    let details: Vec<Value> = events.iter().map(|(_, _, detail)| json!(detail)).collect();
    assert!(json!(details).to_string().contains("country") && !json!(details).to_string().contains("Osei"));
}
