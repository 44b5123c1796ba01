//! Every operation of the published document for each role: the permission that it declares decides, and nothing else.

use identivia::domain::scope::Scope;
use identivia::records::console_user::ConsoleRole;
use identivia::records::id::RecordId;
use reqwest::Method;
use serde_json::json;

use crate::world::{World, answer};

/// Who has a permission, as the documentation of the console says: super admin, admin, reviewer, auditor.
const TABLE: [(&str, [bool; 4]); 22] = [
    ("profiles:read", [true, true, true, true]),
    ("status_history:read", [true, true, true, true]),
    ("verification_history:read", [true, true, true, true]),
    ("reviews:read", [true, true, true, true]),
    ("audit:read", [true, true, true, true]),
    ("analytics:read", [true, true, true, true]),
    ("console:self", [true, true, true, true]),
    ("console:sign_in", [true, true, true, true]),
    ("files:read", [true, true, true, false]),
    ("reviews:decide", [true, true, true, false]),
    ("pii:reveal", [true, true, true, false]),
    ("reviews:second", [true, true, false, false]),
    ("reviews:override", [true, true, false, false]),
    ("files:download", [true, true, false, false]),
    ("users:manage", [true, true, false, false]),
    ("settings:read", [true, true, false, false]),
    ("settings:write", [true, true, false, false]),
    ("webhooks:read", [true, true, false, false]),
    ("webhooks:write", [true, true, false, false]),
    ("events:read", [true, true, true, true]),
    ("health:read", [true, true, false, true]),
    ("clients:manage", [true, false, false, false]),
];

/// An operation, and the permission that it requires of people at the console.
struct Operation {
    method: Method,
    path: String,
    permission: Option<String>,
}

/// Every operation that is not public. Records that its path names do not exist.
fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    let mut operations = Vec::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let choices = operation["security"].as_array().unwrap();
            if choices.iter().any(|choice| choice.as_object().unwrap().is_empty()) {
                continue;
            }
            let permission = choices.iter().find_map(|choice| choice["consoleSession"][0].as_str());
            let mut path = template.replace("{collection}", "profiles").replace("{filename}", "a_b.jpg");
            while let Some((before, rest)) = path.split_once('{') {
                let (_, after) = rest.split_once('}').unwrap();
                path = format!("{before}{}{after}", RecordId::random());
            }
            let method = method.to_uppercase().parse().unwrap();
            operations.push(Operation { method, path, permission: permission.map(str::to_owned) });
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_admits_the_roles_of_the_table() {
    let world = World::new().await;
    let operations = operations();
    assert!(operations.iter().filter(|operation| operation.permission.is_some()).count() > 40);
    for (number, role) in ConsoleRole::ALL.into_iter().enumerate() {
        for Operation { method, path, permission } in &operations {
            // Signing out ends the session, so each operation has one of its own.
            let person = world.sign_in(role, None).await;
            let request = person.browser.request(method.clone(), path);
            let is_read = *method == Method::GET;
            let answered = answer(if is_read { request } else { request.json(&json!({})) }).await;
            let case = format!("{method} {path} by {role:?}: {}", answered.body);
            let Some(permission) = permission else {
                assert_eq!((answered.status, &answered.body["error"]), (403, &json!("Insufficient scope")), "{case}");
                continue;
            };
            let (_, roles) =
                TABLE.iter().find(|(name, _)| name == permission).unwrap_or_else(|| panic!("{permission}"));
            if roles[number] {
                assert_ne!(answered.body["error"], "Not permitted", "{case}");
                assert!(![401, 500].contains(&answered.status), "{case}");
            } else {
                assert_eq!((answered.status, &answered.body["error"]), (403, &json!("Not permitted")), "{case}");
                assert_eq!(answered.body["required"], json!([permission]), "{case}");
            }
            assert_eq!(answered.header("cache-control"), "no-store", "{case}");
        }
    }
}

#[test]
fn table_names_every_permission_that_a_person_can_have() {
    for role in ConsoleRole::ALL {
        for scope in role.permissions(true).iter() {
            assert!(TABLE.iter().any(|(name, _)| *name == scope.name()), "{}", scope.name());
        }
    }
    let of_machines: Vec<&str> = Scope::MACHINE.into_iter().map(Scope::name).collect();
    for of_people in
        ["console:self", "console:sign_in", "users:manage", "pii:reveal", "reviews:second", "reviews:override"]
    {
        assert!(!of_machines.contains(&of_people), "no machine client gets {of_people}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn machine_token_with_the_names_of_permissions_gets_nothing_at_the_console() {
    let world = World::new().await;
    for Operation { method, path, permission } in operations() {
        if !path.starts_with("/api/console/") {
            continue;
        }
        let permission = permission.unwrap();
        let forged = world.machine(&permission, None).request(method.clone(), &path);
        let headers = forged.header("sec-fetch-site", "same-origin").header("x-identivia-console", "1");
        assert_eq!(
            answer(headers.json(&json!({}))).await.expect(403)["error"],
            "Insufficient scope",
            "{method} {path}"
        );
        let nobody = answer(world.bearing(None).request(method.clone(), &path)).await;
        assert_eq!(nobody.expect(401)["error"], "Not signed in", "{method} {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_teams_records_get_the_answer_of_missing_ones() {
    let world = World::new().await;
    let made = world.team("red").post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let profile = made["id"].as_str().unwrap();
    let nobody = RecordId::random().to_string();
    for role in [ConsoleRole::Admin, ConsoleRole::Reviewer, ConsoleRole::Auditor] {
        let blue = world.sign_in(role, Some(&["blue"])).await.browser;
        let red = world.sign_in(role, Some(&["red"])).await.browser;
        for kind in ["profiles", "status_history", "verification_history"] {
            let (theirs, missing) =
                (blue.get(&format!("/api/{kind}/{profile}")).await, blue.get(&format!("/api/{kind}/{nobody}")).await);
            assert_eq!((theirs.status, missing.status), (404, 404), "{role:?} {kind}");
            assert_eq!(theirs.bytes, missing.bytes, "{role:?} {kind}");
            red.get(&format!("/api/{kind}/{profile}")).await.expect(200);
        }
    }
}
