//! Access control: every operation of the published document, for each kind of caller and for its own and other records.

use std::time::Duration;

use identivia::domain::scope::{Scope, to_scope_claim};
use identivia::records::id::RecordId;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use crate::ground::StoreKind;
use crate::world::{Caller, World, answer, file, small_picture};

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

/// A profile of team red with a file and a liveness session, and callers of every kind with and without a claim to it.
struct Ownership<'a> {
    world: &'a World,
    ids: PathValues,
    own_link: Caller<'a>,
    other_link: Caller<'a>,
    /// A review of team red, once one was made.
    review: tokio::sync::OnceCell<String>,
}

impl<'a> Ownership<'a> {
    async fn new(world: &'a World) -> Self {
        let (red, blue) = (world.team("red"), world.team("blue"));
        let made = red.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
        let profile = made["id"].as_str().unwrap().to_owned();
        let form = Form::new().part("document_front", file(small_picture(1), "front.png"));
        let changed = red.form(Method::PATCH, &format!("/api/profiles/{profile}"), form).await.expect(200);
        let own_link = world.bearing(made["flow_token"].as_str().map(str::to_owned));
        let session = own_link.post("/api/face-liveness/session", json!({})).await.expect(200);
        let other = blue.post("/api/profiles/create", json!({"userID": "u"})).await.expect(201);
        let other_link = world.bearing(other["flow_token"].as_str().map(str::to_owned));
        let operator = world.operator();
        operator.put("/api/settings/public", json!({"value": 1, "public": true})).await.expect(200);
        operator.put("/api/settings/internal", json!({"value": 1})).await.expect(200);
        let ids = PathValues {
            profile,
            session: session["sessionId"].as_str().unwrap().to_owned(),
            file: changed["data"]["document_front"].as_str().unwrap().to_owned(),
        };
        Self { world, ids, own_link, other_link, review: tokio::sync::OnceCell::new() }
    }

    /// Each kind of caller: its name, whether it holds a flow token, and whether the profile is its own.
    fn callers(&self) -> [(&'static str, Caller<'a>, bool, bool); 5] {
        let link = |caller: &Caller<'_>| self.world.bearing(caller.token.clone());
        [
            ("own team", self.world.team("red"), false, true),
            ("another team", self.world.team("blue"), false, false),
            ("operator", self.world.operator(), false, true),
            ("own link", link(&self.own_link), true, true),
            ("another link", link(&self.other_link), true, false),
        ]
    }

    /// Says whether the caller's events name the profile. PostgreSQL shows an event when every transaction that began before it has
    /// ended, also those of other tests: what is expected is waited for.
    async fn wait_for_event(&self, caller: &Caller<'_>, is_expected: bool) -> bool {
        for _ in 0..100 {
            let events = caller.get("/api/events?limit=100").await.expect(200);
            let names_profile = |event: &Value| event["data"]["id"] == *self.ids.profile;
            let has_profile = events["data"].as_array().unwrap().iter().any(names_profile);
            if has_profile || !is_expected {
                return has_profile;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        false
    }

    /// Checks an operation whose path names no record: what ownership means is stated here for each.
    async fn check_without_record(&self, operation: &Operation, caller: &Caller<'_>, is_flow: bool, is_own: bool) {
        let profile = &self.ids.profile;
        match (operation.method.as_str(), operation.template.as_str()) {
            ("GET", "/") => drop(caller.get("/").await.expect(200)),
            ("GET", "/api/profiles") => {
                let list = caller.get("/api/profiles").await.expect(200);
                let has_profile = list["data"].as_array().unwrap().iter().any(|entry| entry["id"] == **profile);
                assert_eq!(has_profile, is_own);
            }
            ("GET", "/api/events") => {
                assert_eq!(self.wait_for_event(caller, is_own).await, is_own);
            }
            (_, template) if template.starts_with("/api/audit_events") || template.starts_with("/api/analytics") => {
                self.check_trail_and_totals(template, caller, is_own).await;
            }
            ("POST", "/api/profiles/create") => {
                let made = caller.post("/api/profiles/create", json!({"userID": "u", "team": "red"})).await;
                if is_own {
                    assert_eq!(made.expect(200)["id"], **profile);
                } else {
                    assert_eq!(made.expect(403)["error"], "Not your team");
                }
            }
            ("POST", "/api/face-liveness/session") => {
                let made = caller.post("/api/face-liveness/session", json!({"profile": profile})).await;
                if !is_flow && !is_own {
                    made.expect(404);
                    return;
                }
                // A link's session is its own profile's, even when the body names another one.
                let session = made.expect(200)["sessionId"].as_str().unwrap().to_owned();
                let results = self.own_link.get(&format!("/api/face-liveness/results/{session}")).await;
                assert_eq!(results.status, if is_own { 200 } else { 404 });
            }
            // No record is involved: every admitted caller gets the same refusal of an empty request.
            ("POST", "/api/ollama/document-analysis") => {
                drop(caller.post("/api/ollama/document-analysis", json!({})).await.expect(415));
            }
            // Providers are the server's: who may test them may test all. The second caller within ten seconds waits.
            ("POST", "/api/health/providers/{name}/test") => {
                let tested = caller.post("/api/health/providers/mail/test", json!({})).await;
                assert!(matches!(tested.status, 200 | 429), "{}", tested.body);
            }
            ("GET", "/api/aws/credentials") => drop(caller.get("/api/aws/credentials").await.expect(501)),
            (_, template) if template.starts_with("/api/settings") => {
                self.check_settings(operation, caller, is_flow).await;
            }
            (method, template) => panic!("{method} {template}: state here what ownership means for it"),
        }
    }

    /// The audit trail and the totals of team red, which that team and operators read.
    async fn check_trail_and_totals(&self, template: &str, caller: &Caller<'_>, is_own: bool) {
        let profile = &self.ids.profile;
        match template {
            // The same list for every admitted caller.
            "/api/audit_events/kinds" => drop(caller.get(template).await.expect(200)),
            "/api/audit_events" | "/api/audit_events/export" => {
                let about = caller.get(&format!("{template}?profile={profile}")).await;
                let has_profile = about.status == 200 && String::from_utf8_lossy(&about.bytes).contains(profile);
                assert_eq!(has_profile, is_own, "{}", about.body);
            }
            _ => {
                let counted = caller.get(&format!("{}?team=red", template.replace("{report}", "funnel"))).await;
                assert_eq!(counted.status, if is_own { 200 } else { 403 }, "{}", counted.body);
            }
        }
    }

    /// Only operators manage clients: a team's token is refused for every client.
    async fn check_clients(&self, operation: &Operation, caller: &Caller<'_>, is_operator: bool) {
        let (method, path) = (&operation.method, operation.path(&self.ids));
        let body = json!({"name": "n", "scopes": ["health:read"]});
        let asked = caller.request(method.clone(), &path);
        let answer = answer(if operation.is_write() { asked.json(&body) } else { asked }).await;
        let expected = match (method.as_str(), operation.template.as_str()) {
            _ if !is_operator => 403,
            ("GET", "/api/clients") => 200,
            ("POST", "/api/clients") => 201,
            // No client has a profile's id.
            _ => 404,
        };
        assert_eq!(answer.status, expected, "{method} {path}: {}", answer.body);
        if !is_operator {
            assert_eq!(answer.body["error"], "For operators only", "{method} {path}");
        }
    }

    /// A webhook of team red, which that team and operators reach, and its deliveries.
    async fn check_webhooks(&self, operation: &Operation, caller: &Caller<'_>, is_own: bool) {
        let (red, method) = (self.world.team("red"), &operation.method);
        // Its name leads to this machine, so that nothing is sent.
        let made = red.post("/api/webhooks", json!({"url": "https://localhost:8443/"})).await.expect(201);
        let webhook = made["data"]["id"].as_str().unwrap().to_owned();
        let tested = red.post(&format!("/api/webhooks/{webhook}/test"), json!({})).await.expect(200);
        let delivery = tested["data"]["id"].as_str().unwrap();
        let path = operation.template.replace("{id}", &webhook).replace("{deliveryId}", delivery);
        let asked = caller.request(method.clone(), &path);
        let answer = answer(if operation.is_write() { asked.json(&json!({})) } else { asked }).await;
        if operation.template == "/api/webhooks" {
            assert_eq!(answer.status, if operation.is_write() { 400 } else { 200 }, "{}", answer.body);
            let shows = answer.body.to_string().contains(&webhook);
            assert_eq!(shows, is_own && !operation.is_write());
        } else if is_own {
            assert!(![401, 403, 404, 500].contains(&answer.status), "{method} {path}: {}", answer.body);
        } else {
            assert_eq!(answer.expect(404)["error"], "Webhook not found", "{method} {path}");
        }
        red.delete(&format!("/api/webhooks/{webhook}")).await;
    }

    /// A review of team red.
    async fn make_review(&self) -> String {
        let red = self.world.team("red");
        let made = red.post("/api/profiles/create", json!({"userID": "reviewed"})).await.expect(201);
        let form = Form::new()
            .text("liveness_session_id", "s")
            .text("liveness_confidence", "95")
            .text("liveness_status", "live")
            .text("document_type", "passport")
            .part("document_front", file(small_picture(1), "front.png"))
            .part("facial_photo", file(small_picture(2), "photo.png"));
        let path = format!("/api/verification_history/{}", made["id"].as_str().unwrap());
        let record = red.form(Method::POST, &path, form).await.expect(201);
        let review = red.post("/api/reviews", json!({"verification": record["data"]["id"]})).await.expect(201);
        review["data"]["id"].as_str().unwrap().to_owned()
    }

    /// A review is its team's. Where the store has none, every operation says so.
    async fn check_reviews(&self, operation: &Operation, caller: &Caller<'_>, is_own: bool) {
        let (method, template) = (&operation.method, operation.template.as_str());
        if template == "/api/reasons" {
            caller.get(template).await.expect(200);
            return;
        }
        let has_reviews = self.world.app.store.keeps_reviews();
        let review = if has_reviews { self.review.get_or_init(|| self.make_review()).await } else { "abc123def456ghi" };
        let asked = caller.request(method.clone(), &template.replace("{id}", review));
        let answer = answer(if operation.is_write() { asked.json(&json!({})) } else { asked }).await;
        let status = answer.status;
        match (method.as_str(), template) {
            _ if !has_reviews => assert_eq!(status, 501, "{method} {template}"),
            ("GET", "/api/reviews") => {
                assert_eq!(answer.expect(200).to_string().contains(review), is_own, "{method} {template}");
            }
            ("GET", "/api/reviews/counts") => assert_eq!(status, 200),
            ("POST", "/api/reviews") => assert_eq!(status, 400, "{}", answer.body),
            ("POST", "/api/reviews/next") => {
                assert!(matches!(status, 200 | 404) && (is_own || status == 404), "{}", answer.body);
            }
            _ if is_own => assert!(matches!(status, 200 | 400), "{method} {template}: {}", answer.body),
            _ => assert_eq!(answer.expect(404)["error"], "Review not found", "{method} {template}"),
        }
    }

    /// Settings belong to a team: only the operator sees and changes the operator's private ones, and a link sees what is public.
    async fn check_settings(&self, operation: &Operation, caller: &Caller<'_>, is_flow: bool) {
        let operator = self.world.operator();
        let is_operator = !is_flow && caller.get("/api/settings?team=any").await.status == 200;
        match operation.method.as_str() {
            "GET" => {
                let settings = caller.get("/api/settings").await.expect(200);
                let expected = if is_operator { json!({"internal": 1, "public": 1}) } else { json!({"public": 1}) };
                assert_eq!(settings["data"], expected);
            }
            "PUT" => {
                let before = operator.get("/api/settings").await.expect(200);
                caller.put("/api/settings/key", json!({"value": 1})).await.expect(200);
                assert_eq!(operator.get("/api/settings").await.expect(200) != before, is_operator);
                caller.delete("/api/settings/key").await.expect(200);
            }
            _ => {
                operator.put("/api/settings/key", json!({"value": 1, "public": true})).await.expect(200);
                caller.delete("/api/settings/key").await.expect(if is_operator { 200 } else { 404 });
                let left = operator.delete("/api/settings/key").await.status;
                assert_eq!(left, if is_operator { 404 } else { 200 });
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_admits_declared_callers_to_their_own_records_only() {
    let world = World::new().await;
    let ownership = Ownership::new(&world).await;
    let mut operations = operations();
    // Ends the links of the others, so it comes last, and its links come first.
    operations.sort_by_key(|operation| operation.template.ends_with("/revoke_links"));
    for operation in operations {
        let (method, path) = (&operation.method, operation.path(&ownership.ids));
        for (name, caller, is_flow, is_own) in ownership.callers().into_iter().rev() {
            let case = format!("{method} {path} by {name}");
            if !(if is_flow { operation.flow } else { operation.machine }) {
                let refused = answer(caller.request(method.clone(), &path)).await;
                assert_eq!(refused.expect(403)["error"], "Insufficient scope", "{case}");
            } else if operation.manages_clients() {
                ownership.check_clients(&operation, &caller, name == "operator").await;
            } else if operation.is_about_webhooks() {
                ownership.check_webhooks(&operation, &caller, is_own).await;
            } else if operation.is_about_reviews() {
                ownership.check_reviews(&operation, &caller, is_own).await;
            } else if operation.names_a_record() {
                let good = json!({"previous_status": "a", "new_status": "b", "notes": "c"});
                let request = caller.request(method.clone(), &path);
                let answer = answer(if operation.is_write() { request.json(&good) } else { request }).await;
                if is_own {
                    assert!(![401, 404, 500].contains(&answer.status), "{case}: {}", answer.body);
                    // The body asks for a status that a link may not set.
                    let is_trust_refused = answer.body["error"] == "Not allowed with a flow token";
                    assert!(answer.status != 403 || (is_flow && is_trust_refused), "{case}: {}", answer.body);
                } else {
                    assert_eq!(answer.status, 404, "{case}: {}", answer.body);
                }
            } else {
                ownership.check_without_record(&operation, &caller, is_flow, is_own).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn late_write_of_a_link_is_refused_and_audited_by_every_operation() {
    let world = World::new().await;
    let ownership = Ownership::new(&world).await;
    let profile = &ownership.ids.profile;
    let decided = json!({"verification_status": "verified"});
    world.team("red").patch(&format!("/api/profiles/{profile}"), decided).await.expect(200);
    let good = json!({"previous_status": "verified", "new_status": "pending", "notes": "n"});
    // A person may withdraw their consent at any time.
    let is_withdrawal =
        |operation: &Operation| operation.method == Method::DELETE && operation.template.ends_with("/consent");
    let late = |operation: &Operation| {
        (operation.is_write() && !is_withdrawal(operation)) || operation.template == "/api/aws/credentials"
    };
    let operations: Vec<_> = operations().into_iter().filter(|operation| operation.flow && late(operation)).collect();
    assert!(operations.len() >= 9);
    for (refusals, operation) in (1..).zip(operations) {
        let (method, path) = (&operation.method, operation.path(&ownership.ids));
        let refused = answer(ownership.own_link.request(method.clone(), &path).json(&good)).await;
        assert_eq!(refused.expect(403)["error"], "Not allowed with a flow token", "{method} {path}");
        // Repeated refusals are audited by their count: the first and the tenth.
        let audited = if refusals < 10 { 1 } else { 2 };
        assert_eq!(refused_trust(&world).await, audited, "{method} {path} is not counted");
        if operation.machine {
            let allowed = answer(world.team("red").request(method.clone(), &path).json(&good)).await;
            assert_ne!(allowed.status, 403, "{method} {path}");
        }
    }
}

/// How many refused claims the audit trail holds.
async fn refused_trust(world: &World) -> usize {
    let events = world.events().await;
    events.iter().filter(|(kind, ..)| kind == "trust.refused").count()
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
        // With PocketBase there are no reviews at all.
        let has_none = StoreKind::wanted() == StoreKind::PocketBase && path.starts_with("/api/reviews");
        let expected = if has_none { 501 } else { 404 };
        assert_eq!((theirs.status, missing.status), (expected, expected), "{method} {path}");
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

#[tokio::test(flavor = "multi_thread")]
async fn unknown_path_or_method_gets_a_json_error() {
    let world = World::new().await;
    let operator = world.operator();
    for path in ["/nope", "/api", "/api/profiles//", "/api//profiles", "/docs/../x"] {
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
async fn every_answer_has_security_headers_and_cors_for_the_client_origin_only() {
    let world = World::new().await;
    let ask = |method: Method, path: &str, origin: &str| {
        answer(world.bearing(None).request(method, path).header("origin", origin).header("x-request-id", "mine-1"))
    };
    for path in ["/health", "/nope", "/api/settings", "/docs"] {
        let allowed = ask(Method::GET, path, "https://app.example.com").await;
        assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com", "{path}");
        assert!(allowed.header("vary").split(", ").any(|name| name == "Origin"), "{path}");
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
async fn https_public_url_sends_strict_transport_security() {
    for (public_url, held) in
        [("https://id.example.com", "max-age=31536000; includeSubDomains"), ("http://id.example.com", "")]
    {
        let world = World::with(&["--public-url", public_url], false).await;
        let health = world.bearing(None).get("/health").await;
        assert_eq!(health.header("strict-transport-security"), held, "{public_url}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn probes_need_no_token_and_reveal_nothing() {
    let world = World::new().await;
    for path in ["/health", "/livez", "/readyz"] {
        assert_eq!(world.bearing(None).get(path).await.expect(200), json!({"status": "OK"}), "{path}");
    }
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().unwrap();
    let sent = answer(browser.get(format!("{}/", world.url)).header("accept", "text/html,*/*")).await;
    assert_eq!((sent.status, sent.header("location")), (307, "/console/"));
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
