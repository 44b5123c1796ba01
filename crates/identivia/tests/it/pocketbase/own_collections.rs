//! Collections that operators have built in their own ways: what this program needs of PocketBase works with each.

use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::{Value, json};

use super::built_collections::{BuiltAs, fields, start_built};
use super::signing_in::create_service_user;
use crate::command;
use crate::services::pocketbase::{PocketBase, ready_made};
use crate::world::{World, file, small_picture, texts};

async fn start_server(service: &PocketBase) -> World {
    let flags =
        ["--pocketbase-url", &service.url, "--pb-user-email", &service.email, "--pb-user-password", &service.password];
    World::with(&flags, false).await
}

#[track_caller]
fn assert_is_today(time: &Value) {
    assert!(time.as_str().unwrap() > "2020", "{time}");
}

async fn assert_profiles_work(world: &World, id: &str) {
    let operator = world.operator();
    let read = operator.get(&format!("/api/profiles/{id}")).await.expect(200)["data"].clone();
    assert_eq!((&read["name"], &read["document_number"]), (&json!("John <b>& Doe"), &json!("0012")), "{read}");
    assert_eq!((&read["country"], &read["verification_status"]), (&json!("UT"), &json!("unverified")), "{read}");
    assert_is_today(&read["createdAt"]);
    let form = texts(&[("country", "FR"), ("face_liveness_confidence", "95.5")])
        .part("document_front", file(small_picture(1), "f.png"))
        .part("facial_photo", file(small_picture(3), "p.png"));
    let changed = operator.form(Method::PATCH, &format!("/api/profiles/{id}"), form).await.expect(200)["data"].clone();
    assert_eq!(changed["country"], "FR");
    let path = format!("/api/files/profiles/{id}/{}", changed["document_front"].as_str().unwrap());
    assert_eq!(operator.get(&path).await.status, 200, "{changed}");
    let replaced = Form::new().part("document_front", file(small_picture(2), "g.png"));
    let again = operator.form(Method::PATCH, &format!("/api/profiles/{id}"), replaced).await.expect(200);
    assert_ne!(again["data"]["document_front"], changed["document_front"]);
}

async fn assert_histories_work(world: &World, id: &str) {
    let operator = world.operator();
    let path = format!("/api/status_history/{id}");
    let body = json!({"previous_status": "unverified", "new_status": "pending", "notes": "a < b & c"});
    let made = operator.post(&path, body).await.expect(201)["data"].clone();
    assert_eq!((&made["updated_by"], &made["notes"]), (&json!("tester"), &json!("a < b & c")), "{made}");
    assert_is_today(&made["created"]);
    let listed = operator.get(&path).await.expect(200)["data"][0].clone();
    assert_eq!((&listed["id"], &listed["updated_by"]), (&made["id"], &json!("tester")), "{listed}");
    let form = texts(&[
        ("liveness_session_id", "s"),
        ("liveness_confidence", "95.5"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("date_of_birth", "1990-01-15"),
        ("fingerprint", "{\"visitor\": [1]}"),
    ]);
    let made = operator.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    let read = operator.get(&format!("/api/profiles/{id}")).await.expect(200)["data"].clone();
    assert_eq!((&read["status"], &read["verification_history"]["id"]), (&json!("pending"), &made["data"]["id"]));
    assert_eq!(read["verification_history"]["liveness_confidence"], json!(95.5), "{read}");
    let listed = operator.get(&format!("/api/verification_history/{id}")).await.expect(200);
    let shown = &listed["data"][0];
    assert_eq!((&shown["id"], &shown["date_of_birth"]), (&made["data"]["id"], &json!("1990-01-15")), "{shown}");
    assert_is_today(&shown["created"]);
}

async fn assert_lists_work(world: &World, id: &str) {
    let operator = world.operator();
    for (query, is_found) in [
        ("status=pending", true),
        ("status=rejected", false),
        ("verification_status=unverified", true),
        ("country=FR", true),
        ("country=UT", false),
        ("userID=one", true),
        ("q=john", true),
        ("q=0012", true),
        ("q=jane", false),
        ("created_after=2020-01-01", true),
        ("created_before=2020-01-01", false),
    ] {
        let listed = operator.get(&format!("/api/profiles?{query}")).await.expect(200);
        let found = listed["data"].as_array().unwrap().iter().any(|profile| profile["id"] == id);
        assert_eq!(found, is_found, "{query}: {listed}");
    }
}

async fn assert_settings_work(world: &World) {
    let (_, browser) = world.person("a reader of settings").await;
    let operator = world.operator();
    let values = [
        ("theme", json!({"dark": [true, "a < b"]})),
        ("digits", json!("12")),
        ("number", json!(12)),
        ("word", json!("x y")),
    ];
    for (key, value) in &values {
        let public = *key != "word";
        operator.put(&format!("/api/settings/{key}"), json!({"value": value, "public": public})).await.expect(200);
    }
    let read = operator.get("/api/settings").await.expect(200)["data"].clone();
    let shown = browser.get("/api/settings").await.expect(200)["data"].clone();
    for (key, value) in &values {
        assert_eq!(&read[key], value, "{key}");
        assert_eq!(shown.get(key).is_some(), *key != "word", "{key}: {shown}");
    }
}

/// What other programs and people write to the same collections.
async fn assert_others_records_count(world: &World, service: &PocketBase, built: BuiltAs, team: &str, id: &str) {
    let operator = world.operator();
    let older = json!({"userID": "older", "team": built.team_value(team)});
    let older = service.api(Method::POST, "/api/collections/profiles/records", older).await.expect(200);
    let found = operator.post("/api/profiles/create", json!({"userID": "older"})).await.expect(200);
    assert_eq!(found["id"], older["id"]);
    world.team(team).get(&format!("/api/profiles/{}", older["id"].as_str().unwrap())).await.expect(200);

    let new_status = match built {
        BuiltAs::Several => json!(["rejected"]),
        BuiltAs::Texts => json!("<p>rejected</p>"),
        _ => json!("rejected"),
    };
    let by_hand = json!({"profile": id, "new_status": new_status});
    let by_hand = service.api(Method::POST, "/api/collections/status_history/records", by_hand).await.expect(200);
    let read = operator.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_eq!(read["data"]["status"], "rejected", "{by_hand}");
    let listed = operator.get(&format!("/api/status_history/{id}")).await.expect(200);
    let listed =
        listed["data"].as_array().unwrap().iter().find(|record| record["id"] == by_hand["id"]).unwrap().clone();
    assert_is_today(&listed["created"]);
}

async fn assert_teams_work(world: &World, team: &str) {
    for team in ["a name", "a second name", team] {
        let (own, other) = (world.team(team), world.team("another"));
        let made = own.post("/api/profiles/create", json!({"userID": "of a team"})).await.expect(201);
        let path = format!("/api/profiles/{}", made["id"].as_str().unwrap());
        own.get(&path).await.expect(200);
        other.get(&path).await.expect(404);
        assert_eq!(
            own.post("/api/profiles/create", json!({"userID": "of a team"})).await.expect(200)["id"],
            made["id"]
        );
        let listed = own.get("/api/profiles").await.expect(200);
        assert_eq!(listed["data"].as_array().unwrap().len(), 1, "{listed}");
    }
}

async fn assert_everything_works(built: BuiltAs) {
    let (service, team) = start_built(built).await;
    let world = start_server(&service).await;
    let body = json!({"userID": "one", "name": "John <b>& Doe", "documentNumber": "0012", "country": "UT",
        "email": "john@example.com", "documentType": "passport"});
    let made = world.operator().post("/api/profiles/create", body.clone()).await.expect(201);
    let id = made["id"].as_str().unwrap().to_owned();
    assert_eq!(world.operator().post("/api/profiles/create", body).await.expect(200)["id"], id);
    let browser = world.bearing(Some(made["flow_token"].as_str().unwrap().to_owned()));
    browser.get(&format!("/api/profiles/{id}")).await.expect(200);
    assert_profiles_work(&world, &id).await;
    assert_histories_work(&world, &id).await;
    assert_lists_work(&world, &id).await;
    assert_settings_work(&world).await;
    assert_teams_work(&world, &team).await;
    assert_others_records_count(&world, &service, built, &team, &id).await;
    browser.patch(&format!("/api/profiles/{id}"), json!({"country": "UT"})).await.expect(403);
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_made_by_init_hold_everything() {
    assert_everything_works(BuiltAs::Init).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_with_relations_and_selects_hold_everything() {
    assert_everything_works(BuiltAs::Reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_of_texts_markup_and_json_hold_everything() {
    assert_everything_works(BuiltAs::Texts).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn collections_with_dates_and_several_values_hold_everything() {
    assert_everything_works(BuiltAs::Several).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_value_names_its_field_and_the_remedy() {
    let (service, _) = start_built(BuiltAs::Reference).await;
    let world = start_server(&service).await;
    let (id, _) = world.person("one").await;
    let refused = |answer: Value, field: &str| {
        let message = answer["message"].as_str().unwrap().to_owned();
        assert!(message.contains(field) && message.contains("add the value to the options"), "{message}");
    };
    let body = json!({"previous_status": "pending", "new_status": "resubmission_requested", "notes": "n"});
    let answer = world.operator().post(&format!("/api/status_history/{id}"), body).await.expect(400);
    refused(answer, "status_history.new_status");
    for (key, value, field) in [
        ("documentType", "residence_permit", "profiles.document_type"),
        ("securityLevel", "very high", "profiles.security_level"),
    ] {
        let answer = world.operator().post("/api/profiles/create", json!({"userID": "two", key: value})).await;
        refused(answer.expect(400), field);
    }
    let report = service.store().init_schema(None).await.unwrap().lines.join("\n");
    for line in [
        "change: status_history.new_status (select) lacks options that this program writes; add resubmission_requested",
        "note: profiles.security_level (select) takes its options only (low, high)",
        "note: status_history.updated_by (relation) stays empty",
        "note: profiles.team (relation) holds ids of records only",
    ] {
        assert!(report.contains(line), "{line}: {report}");
    }
}

/// PocketBase turns such a value into 0, and says nothing.
#[tokio::test(flavor = "multi_thread")]
async fn value_that_a_type_cannot_hold_is_refused_not_lost() {
    let service = PocketBase::start().await;
    let own =
        [fields("text", &["userID"]), fields("number", &["document_number"]), fields("date", &["country"])].concat();
    let profiles = json!({"name": "profiles", "type": "base", "fields": own});
    service.api(Method::POST, "/api/collections", profiles).await.expect(200);
    let report = service.store().init_schema(None).await.unwrap().lines.join("\n");
    assert!(
        report.contains("change: profiles.document_number (number) holds numbers only; make it a field of type text")
    );
    let world = start_server(&service).await;
    let create = async |body: Value| world.operator().post("/api/profiles/create", body).await;
    create(json!({"userID": "a", "documentNumber": "12345"})).await.expect(201);
    for body in [json!({"userID": "b", "documentNumber": "A1 CANARY"}), json!({"userID": "b", "country": "UT"})] {
        let refused = create(body).await.expect(400).to_string();
        assert!(refused.contains("profiles.") && refused.contains("make it a field of type text"), "{refused}");
        assert!(!refused.contains("CANARY"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn service_user_is_the_author_of_status_records() {
    let (mut service, _) = start_built(BuiltAs::Reference).await;
    let superuser = (service.email.clone(), service.password.clone());
    let (email, password) = create_service_user(&service).await;
    let users = service.api(Method::GET, "/api/collections/users/records", Value::Null).await.expect(200);
    let user = users["items"][0]["id"].clone();
    let rule = format!("@request.auth.id = {user}");
    let rules = json!({"listRule": rule, "viewRule": rule, "createRule": rule, "updateRule": rule, "deleteRule": rule});
    for collection in [
        "profiles",
        "status_history",
        "verification_history",
        "settings",
        "liveness_sessions",
        "liveness_frames",
        "audit_events",
        "outbox_events",
        "clients",
        "revoked_tokens",
    ] {
        service.api(Method::PATCH, &format!("/api/collections/{collection}"), rules.clone()).await.expect(200);
    }
    (service.email, service.password) = (email, password);
    let world = start_server(&service).await;
    (service.email, service.password) = superuser;
    // The user's team is a text here, which is no record that the relation could hold.
    let (id, _) = world.person("one").await;
    let body = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
    let made = world.operator().post(&format!("/api/status_history/{id}"), body).await.expect(201)["data"].clone();
    assert_eq!(made["updated_by"], "tester");
    let path = format!("/api/collections/status_history/records/{}", made["id"].as_str().unwrap());
    let stored = service.api(Method::GET, &path, Value::Null).await.expect(200);
    assert_eq!((&stored["updated_by"], &stored["updated_by_client"]), (&user, &json!("tester")));
    assert_settings_work(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn required_author_that_a_superuser_cannot_be_stops_the_start() {
    let (service, _) = start_built(BuiltAs::Reference).await;
    let path = "/api/collections/status_history";
    let mut fields = service.api(Method::GET, path, Value::Null).await.expect(200)["fields"].clone();
    for field in fields.as_array_mut().unwrap().iter_mut().filter(|field| field["name"] == "updated_by") {
        field["required"] = json!(true);
    }
    service.api(Method::PATCH, path, json!({"fields": fields})).await.expect(200);
    let folder = tempfile::tempdir().unwrap();
    let variables = [
        ("POCKETBASE_URL", service.url.clone()),
        ("PB_USER_EMAIL", service.email.clone()),
        ("PB_USER_PASSWORD", service.password.clone()),
    ];
    let run = tokio::task::spawn_blocking(move || {
        command::run(folder.path(), |command| {
            command.arg("serve").envs(variables);
        })
    });
    let output = run.await.unwrap();
    let said = command::text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    let line =
        "status_history.updated_by (relation) is required, and a superuser is no record that it could hold; sign in";
    assert!(said.contains(line) && said.contains("untick Nonempty"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_fields_that_weaken_guarantees_are_reported_at_start() {
    let (_, service) = ready_made().await;
    for (collection, name) in [("profiles", "version"), ("settings", "public")] {
        let path = format!("/api/collections/{collection}");
        let mut fields = service.api(Method::GET, &path, Value::Null).await.expect(200)["fields"].clone();
        fields.as_array_mut().unwrap().retain(|field| field["name"] != name);
        service.api(Method::PATCH, &path, json!({"fields": fields})).await.expect(200);
    }
    let findings = service.store().describe_problems().await.unwrap();
    let said = findings.iter().map(|finding| finding.text.as_str()).collect::<Vec<_>>().join("\n");
    assert!(said.contains("profiles has no field version (json)"), "{said}");
    assert!(said.contains("settings has no field public (bool)"), "{said}");

    // What the person's page shows anyway stays visible to links, and nothing else.
    let world = start_server(&service).await;
    let (_, browser) = world.person("one").await;
    for key in ["branding", "secret"] {
        world.operator().put(&format!("/api/settings/{key}"), json!({"value": {"name": "n"}})).await.expect(200);
    }
    let shown = browser.get("/api/settings").await.expect(200)["data"].clone();
    assert_eq!(shown, json!({"branding": {"name": "n"}}));
}
