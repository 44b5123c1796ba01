//! Access control by ownership: every operation, for callers of every kind with and without a claim to the record.

use std::time::Duration;

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::{Operation, PathValues, operations};
use crate::world::{Caller, World, answer, file, small_picture};

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

    /// A review is its team's.
    async fn check_reviews(&self, operation: &Operation, caller: &Caller<'_>, is_own: bool) {
        let (method, template) = (&operation.method, operation.template.as_str());
        if template == "/api/reasons" {
            caller.get(template).await.expect(200);
            return;
        }
        let review = self.review.get_or_init(|| self.make_review()).await;
        let asked = caller.request(method.clone(), &template.replace("{id}", review));
        let answer = answer(if operation.is_write() { asked.json(&json!({})) } else { asked }).await;
        let status = answer.status;
        match (method.as_str(), template) {
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
