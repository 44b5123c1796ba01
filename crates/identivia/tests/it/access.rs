//! Access control: which callers every operation of the published document admits, by token, scope and team.

mod every_answer;
mod ownership;

use identivia::domain::scope::{Scope, to_scope_claim};
use identivia::records::id::RecordId;
use reqwest::Method;
use serde_json::{Value, json};

use crate::world::{World, answer};

/// An operation and the callers that it declares.
struct Operation {
    method: Method,
    /// With `{parameters}`.
    template: String,
    /// Empty: public.
    scope: String,
    machine: bool,
    flow: bool,
}

impl Operation {
    /// The path for some values of its parameters.
    fn path(&self, ids: &PathValues) -> String {
        self.template
            .replace("{id}", &ids.profile)
            .replace("{recordId}", &ids.profile)
            .replace("{collection}", "profiles")
            .replace("{filename}", &ids.file)
            .replace("{sessionId}", &ids.session)
            .replace("{secretId}", &ids.profile)
            .replace("{deliveryId}", &ids.profile)
            .replace("{key}", "key")
    }

    /// Says whether the path names a record that belongs to a profile.
    fn names_a_record(&self) -> bool {
        ["{id}", "{recordId}", "{sessionId}"].iter().any(|parameter| self.template.contains(parameter))
    }

    /// Says whether it manages clients, which belong to no profile and are the operators'.
    fn manages_clients(&self) -> bool {
        self.template.starts_with("/api/clients")
    }

    fn is_about_reviews(&self) -> bool {
        self.template.starts_with("/api/reviews") || self.template == "/api/reasons"
    }

    /// Says whether it is about webhooks, which belong to a team.
    fn is_about_webhooks(&self) -> bool {
        self.template.starts_with("/api/webhooks")
    }

    fn is_write(&self) -> bool {
        self.method != Method::GET
    }
}

/// Values for the parameters of paths.
struct PathValues {
    profile: String,
    session: String,
    file: String,
}

impl PathValues {
    fn unknown() -> Self {
        let profile = RecordId::random().to_string();
        Self { profile, session: "session".to_owned(), file: "a_b.jpg".to_owned() }
    }
}

/// Every operation of the published document that requires a token.
fn operations() -> Vec<Operation> {
    let document = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    let mut operations = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let choices =
                operation["security"].as_array().unwrap_or_else(|| panic!("{method} {path} declares nothing"));
            let scope_of = |scheme: &str| choices.iter().find_map(|choice| choice[scheme][0].as_str());
            let (machine, flow) = (scope_of("machine"), scope_of("flow"));
            operations.push(Operation {
                method: method.to_uppercase().parse().unwrap(),
                template: path.clone(),
                scope: machine.or(flow).unwrap_or_default().to_owned(),
                machine: machine.is_some(),
                flow: flow.is_some(),
            });
        }
    }
    operations.retain(|operation| !operation.scope.is_empty());
    assert!(operations.len() > 20);
    operations
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_requires_a_token_with_its_scope() {
    let world = World::new().await;
    for operation in operations() {
        let path = operation.path(&PathValues::unknown());
        let Operation { method, scope, machine, .. } = operation;
        let anonymous = answer(world.bearing(None).request(method.clone(), &path)).await;
        assert_eq!(anonymous.header("www-authenticate"), "Bearer", "{method} {path}");
        assert_eq!(anonymous.expect(401), json!({"error": "Missing bearer token"}), "{method} {path}");

        let forged = answer(world.bearing(Some("eyJ.eyJ.x".to_owned())).request(method.clone(), &path)).await;
        assert_eq!(forged.expect(401), json!({"error": "Invalid or expired token"}), "{method} {path}");

        let others: Vec<_> = Scope::ALL.into_iter().filter(|other| other.name() != scope).collect();
        let refused = answer(world.machine(&to_scope_claim(&others), None).request(method.clone(), &path)).await;
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        assert_eq!(refused.header("www-authenticate"), challenge, "{method} {path}");
        let mut refused = refused.expect(403);
        let advice = refused.as_object_mut().unwrap().remove("message");
        assert_eq!(refused, json!({"error": "Insufficient scope", "required": [scope]}), "{method} {path}");
        assert_eq!(advice.is_some(), !machine, "{method} {path}");
        if !machine {
            assert_eq!(answer(world.machine(&scope, None).request(method, &path)).await.status, 403, "{path}");
            continue;
        }

        let allowed = answer(world.machine(&scope, None).request(method.clone(), &path)).await;
        assert!(![401, 403].contains(&allowed.status), "{method} {path}: {}", allowed.body);
        assert!(allowed.status != 500, "{method} {path}: {}", allowed.body);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn flow_token_reaches_declared_operations_on_its_own_profile_only() {
    let world = World::new().await;
    let (own, browser) = world.person("one").await;
    let (other, _) = world.person("two").await;
    let nobody = RecordId::random().to_string();
    for operation in operations() {
        let path = operation.path(&PathValues::unknown());
        let Operation { method, flow, .. } = operation;
        let refused = answer(browser.request(method.clone(), &path)).await;
        if !flow {
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
async fn another_teams_record_gets_the_answer_of_a_missing_one() {
    let world = World::new().await;
    let made = world.team("red").post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    let nobody = RecordId::random().to_string();
    let blue = world.team("blue");
    let good = json!({"previous_status": "a", "new_status": "b", "notes": "c"});
    let machine_operations = operations().into_iter().filter(|operation| operation.machine);
    let of_profiles = |operation: &Operation| operation.template.contains("/api/") && !operation.manages_clients();
    for operation in machine_operations.filter(of_profiles) {
        let (path, method) = (operation.path(&PathValues::unknown()), operation.method);
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
async fn token_outside_one_authorization_header_is_ignored() {
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
async fn expired_token_is_401() {
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

#[test]
fn the_published_document_is_up_to_date() {
    let path = format!("{}/../../docs/openapi.json", env!("CARGO_MANIFEST_DIR"));
    let published: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let built = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    assert!(published == built, "docs/openapi.json is stale: run `make openapi`");
}

/// The pages' types and generated clients are made of the document: one reference to nothing stops them all.
#[test]
fn every_schema_that_the_document_names_is_in_it() {
    let document = serde_json::to_value(identivia::http::router::openapi_document()).unwrap();
    let text = document.to_string();
    let mut names = text.split("\"#/components/schemas/").skip(1).filter_map(|rest| rest.split('"').next());
    assert!(names.clone().count() > 100);
    assert_eq!(names.find(|name| document["components"]["schemas"].get(*name).is_none()), None);
}
