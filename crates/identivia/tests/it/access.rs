//! Who may call what: walked from the published document, so that a new operation is covered the moment it exists.

use identivia::domain::scope::{Scope, claim};
use identivia::records::id::RecordId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, answer};

/// What an operation says of its callers.
struct Takes {
    /// Empty: public.
    scope: String,
    machine: bool,
    flow: bool,
}

/// Every operation of the document: method, path with its parameters filled, and who may call it.
fn operations() -> Vec<(Method, String, Takes)> {
    let document = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let choices =
                operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} declares nothing"));
            let scope_of = |scheme: &str| choices.iter().find_map(|choice| choice[scheme][0].as_str());
            let (machine, flow) = (scope_of("machine"), scope_of("flow"));
            let takes = Takes {
                scope: machine.or(flow).unwrap_or_default().to_owned(),
                machine: machine.is_some(),
                flow: flow.is_some(),
            };
            let path = path
                .replace("{id}", RecordId::random().as_str())
                .replace("{recordId}", RecordId::random().as_str())
                .replace("{collection}", "profiles")
                .replace("{filename}", "a_b.jpg")
                .replace("{sessionId}", "session")
                .replace("{key}", "key");
            operations.push((method.to_uppercase().parse().unwrap(), path, takes));
        }
    }
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_asks_for_a_token_and_its_scope() {
    let world = World::new().await;
    for (method, path, takes) in operations().into_iter().filter(|(_, _, takes)| !takes.scope.is_empty()) {
        let scope = takes.scope;
        let anonymous = answer(world.bearing(None).request(method.clone(), &path)).await;
        assert_eq!(anonymous.header("www-authenticate"), "Bearer", "{method} {path}");
        assert_eq!(anonymous.expect(401), json!({"error": "Missing bearer token"}), "{method} {path}");

        let forged = answer(world.bearing(Some("eyJ.eyJ.x".to_owned())).request(method.clone(), &path)).await;
        assert_eq!(forged.expect(401), json!({"error": "Invalid or expired token"}), "{method} {path}");

        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| other.name() != scope).collect();
        let refused = answer(world.machine(&claim(&others), None).request(method.clone(), &path)).await;
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!(refused.header("www-authenticate"), challenge, "{method} {path}");
        let mut refused = refused.expect(403);
        let advice = refused.as_object_mut().unwrap().remove("message");
        assert_eq!(refused, json!({"error": "Insufficient scope", "required": [scope]}), "{method} {path}");
        assert_eq!(advice.is_some(), !takes.machine, "{method} {path}");
        if !takes.machine {
            assert_eq!(answer(world.machine(&scope, None).request(method, &path)).await.status, 403, "{path}");
            continue;
        }

        let allowed = answer(world.machine(&scope, None).request(method.clone(), &path)).await;
        assert!(![401, 403].contains(&allowed.status), "{method} {path}: {}", allowed.body);
        assert!(allowed.status != 500, "{method} {path}: {}", allowed.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_tokens_reach_what_the_document_says_and_nothing_else() {
    let world = World::new().await;
    let (own, browser) = world.person("one").await;
    let (other, _) = world.person("two").await;
    let nobody = RecordId::random().to_string();
    for (method, path, takes) in operations().into_iter().filter(|(_, _, takes)| !takes.scope.is_empty()) {
        let refused = answer(browser.request(method.clone(), &path)).await;
        if !takes.flow {
            assert_eq!(refused.expect(403)["error"], "Insufficient scope", "{method} {path}");
            continue;
        }
        assert!(refused.status != 403, "{method} {path}: {}", refused.body);
        let Some(id) = path.split('/').find(|part| RecordId::parse(part).is_some()) else { continue };
        let existing = answer(browser.request(method.clone(), &path.replace(id, &other))).await;
        let missing = answer(browser.request(method.clone(), &path.replace(id, &nobody))).await;
        assert_eq!((existing.status, missing.status), (404, 404), "{method} {path}");
        assert_eq!(existing.bytes, missing.bytes, "{method} {path}");
    }
    browser.get(&format!("/api/profiles/{own}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_teams_records_are_as_if_they_were_not_there() {
    let world = World::new().await;
    let made = world.team("red").post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let nobody = RecordId::random().to_string();
    let blue = world.team("blue");
    let good = json!({"previous_status": "a", "new_status": "b", "notes": "c"});
    let of_machines = operations().into_iter().filter(|(_, path, takes)| path.contains("/api/") && takes.machine);
    for (method, path, _) in of_machines {
        let Some(part) = path.split('/').find(|part| RecordId::parse(part).is_some()) else { continue };
        let ask = |id: &str| answer(blue.request(method.clone(), &path.replace(part, id)).json(&good));
        let (theirs, missing) = (ask(&id).await, ask(&nobody).await);
        assert_eq!((theirs.status, missing.status), (404, 404), "{method} {path}");
        assert_eq!(theirs.bytes, missing.bytes, "{method} {path}");
    }
    world.team("red").get(&format!("/api/profiles/{id}")).await.expect(200);
    world.operator().get(&format!("/api/profiles/{id}")).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_count_in_one_authorization_header_and_nowhere_else() {
    let world = World::new().await;
    let token = world.operator().token.unwrap();
    let nobody = world.bearing(None);
    for path in [format!("/api/settings?token={token}"), format!("/api/settings?access_token={token}")] {
        nobody.get(&path).await.expect(401);
    }
    let get = || nobody.request(Method::GET, "/api/settings");
    answer(get().header("cookie", format!("token={token}; access_token={token}"))).await.expect(401);
    answer(get().header("authorization", format!("Basic {token}"))).await.expect(401);
    answer(get().header("authorization", "Bearer ")).await.expect(401);
    answer(get().header("authorization", format!("bearer {token}"))).await.expect(200);
    let twice = get().header("authorization", format!("Bearer {token}")).header("authorization", "Bearer x");
    answer(twice).await.expect(400);
    answer(get().header("authorization", format!("Bearer {}", "x".repeat(9_000)))).await.expect(431);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_ends_with_its_time() {
    let world = World::new().await;
    let (id, browser) = world.person("one").await;
    let operator = world.operator();
    world.clock.advance(1_829);
    browser.get(&format!("/api/profiles/{id}")).await.expect(200);
    world.clock.advance(2);
    browser.get(&format!("/api/profiles/{id}")).await.expect(401);
    operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    world.clock.advance(3_600);
    operator.get(&format!("/api/profiles/{id}")).await.expect(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_paths_and_methods_are_json() {
    let world = World::new().await;
    let operator = world.operator();
    for path in ["/nope", "/api", "/api/profiles/", "/api//profiles", "/docs/../x"] {
        assert_eq!(operator.get(path).await.expect(404)["error"], "Not found", "{path}");
    }
    let wrong = answer(operator.request(Method::PUT, "/api/profiles/create")).await;
    assert_eq!(wrong.header("allow"), "POST");
    assert_eq!(wrong.expect(405)["error"], "Method not allowed");
    answer(operator.request(Method::TRACE, "/api/settings")).await.expect(405);
    answer(operator.request(Method::GET, "/api/auth/token")).await.expect(405);
    let page = answer(world.bearing(None).request(Method::PUT, "/docs")).await;
    assert_eq!(page.expect(405)["error"], "Method not allowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_carries_its_headers_and_only_the_client_origin_is_let_in() {
    let world = World::new().await;
    let ask = |method: Method, path: &str, origin: &str| {
        answer(world.bearing(None).request(method, path).header("origin", origin).header("x-request-id", "mine-1"))
    };
    for path in ["/health", "/nope", "/api/settings", "/docs"] {
        let allowed = ask(Method::GET, path, "https://app.example.com").await;
        assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com", "{path}");
        assert_eq!(allowed.header("vary"), "Origin", "{path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("x-request-id", "mine-1"),
        ] {
            assert_eq!(allowed.header(name), value, "{path} {name}");
        }
        assert!(allowed.header("content-security-policy").contains("default-src 'none'"), "{path}");
        for origin in ["null", "https://app.example.com.evil.example", "http://app.example.com", "https://evil.example"]
        {
            assert_eq!(
                ask(Method::GET, path, origin).await.header("access-control-allow-origin"),
                "",
                "{path} {origin}"
            );
        }
    }
    let preflight = world.bearing(None).request(Method::OPTIONS, "/api/settings");
    let preflight =
        preflight.header("origin", "https://app.example.com").header("access-control-request-method", "PATCH");
    let preflight = answer(preflight).await;
    assert_eq!(preflight.status, 204);
    assert!(preflight.header("access-control-allow-methods").contains("PATCH"));
    assert_eq!(preflight.header("access-control-allow-credentials"), "");

    let unsafe_id = world.bearing(None).request(Method::GET, "/health").header("x-request-id", "a b\"c");
    let made = answer(unsafe_id).await;
    assert_eq!(made.header("x-request-id").len(), 20);
    for (length, answered) in [(128, 128), (129, 20)] {
        let sent = world.bearing(None).request(Method::GET, "/health").header("x-request-id", "i".repeat(length));
        assert_eq!(answer(sent).await.header("x-request-id").len(), answered);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_are_held_to_https_where_that_is_how_it_is_reached() {
    for (public_url, held) in
        [("https://id.example.com", "max-age=31536000; includeSubDomains"), ("http://id.example.com", "")]
    {
        let world = World::with(&["--public-url", public_url], false).await;
        let health = world.bearing(None).get("/health").await;
        assert_eq!(health.header("strict-transport-security"), held, "{public_url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_token_and_tell_nothing() {
    let world = World::new().await;
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(world.bearing(None).get(path).await.expect(200), json!({"status": "OK"}), "{path}");
    }
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = answer(browser.get(format!("{}/", world.url)).header("accept", "text/html,*/*")).await;
    assert_eq!((sent.status, sent.header("location")), (307, "/docs"));
}

#[test]
fn the_published_document_is_up_to_date() {
    let path = format!("{}/../../docs/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let published: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let built = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    assert!(published == built, "docs/openapi.json is stale: run `make openapi`");
}
