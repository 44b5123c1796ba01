//! Collections as operators build them: four sets, each completed by `init`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::services::pocketbase::{PocketBase, ready_made};

/// How a set of collections is built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BuiltAs {
    /// By `init`.
    Init,
    /// As the reference describes them: relations and selects.
    Reference,
    /// Fields for text, markup and JSON wherever they can be.
    Texts,
    /// Dates, numbers as text, and fields that take several values.
    Several,
}

fn field(name: &str, form: &str) -> Value {
    json!({"name": name, "type": form})
}

pub(super) fn fields(form: &str, names: &[&str]) -> Vec<Value> {
    names.iter().map(|name| field(name, form)).collect()
}

fn select(name: &str, most: u64, values: &[&str]) -> Value {
    json!({"name": name, "type": "select", "maxSelect": most, "values": values})
}

fn relation(name: &str, most: u64, target: &str) -> Value {
    json!({"name": name, "type": "relation", "maxSelect": most, "collectionId": target})
}

fn files(most: u64) -> Vec<Value> {
    let file = |name| json!({"name": name, "type": "file", "maxSelect": most, "protected": true});
    ["document_front", "document_back", "facial_photo"].map(file).to_vec()
}

fn automatic_times() -> Vec<Value> {
    let time = |name: &str| json!({"name": name, "type": "autodate", "onCreate": true, "onUpdate": name == "updated"});
    ["created", "updated"].map(time).to_vec()
}

const STATUSES: [&str; 4] = ["unverified", "pending", "verified", "rejected"];

impl BuiltAs {
    fn profile_fields(self, teams: &str) -> Vec<Value> {
        match self {
            Self::Init => Vec::new(),
            Self::Reference => [
                fields("text", &["userID", "name", "document_number"]),
                vec![relation("team", 1, teams), select("status", 1, &STATUSES), field("email", "email")],
                vec![
                    select("document_type", 1, &["passport", "national_id"]),
                    select("security_level", 1, &["low", "high"]),
                ],
                files(1),
                automatic_times(),
            ]
            .concat(),
            Self::Texts => [
                fields("text", &["userID", "team", "status", "created", "document_number"]),
                fields("editor", &["name", "updated", "document_type", "recorded_status"]),
                fields("json", &["country", "email", "language"]),
                files(1),
            ]
            .concat(),
            Self::Several => [
                fields("text", &["userID", "name", "document_number", "face_liveness_confidence"]),
                vec![relation("team", 5, teams), select("status", 2, &STATUSES), select("country", 2, &["UT", "FR"])],
                files(4),
                fields("date", &["created", "updated"]),
            ]
            .concat(),
        }
    }

    fn status_fields(self, profiles: &str) -> Vec<Value> {
        match self {
            Self::Init => Vec::new(),
            Self::Reference => [
                vec![relation("profile", 1, profiles), relation("updated_by", 1, "_pb_users_auth_")],
                vec![
                    select("previous_status", 1, &STATUSES),
                    select("new_status", 1, &STATUSES),
                    field("notes", "editor"),
                ],
                automatic_times(),
            ]
            .concat(),
            Self::Texts => [
                fields("text", &["profile", "updated_by", "created"]),
                fields("editor", &["new_status", "notes"]),
                fields("json", &["previous_status"]),
            ]
            .concat(),
            Self::Several => [
                vec![relation("profile", 3, profiles), relation("updated_by", 3, "_pb_users_auth_")],
                vec![select("previous_status", 2, &STATUSES), select("new_status", 2, &STATUSES)],
                fields("date", &["created"]),
            ]
            .concat(),
        }
    }

    fn verification_fields(self, profiles: &str) -> Vec<Value> {
        match self {
            Self::Init => Vec::new(),
            Self::Reference => [
                vec![
                    relation("profile", 1, profiles),
                    field("liveness_confidence", "number"),
                    select("status", 1, &STATUSES),
                ],
                vec![field("date_of_birth", "date"), field("fingerprint", "json")],
                files(1),
                automatic_times(),
            ]
            .concat(),
            Self::Texts => [
                fields("text", &["profile", "liveness_confidence", "created", "date_of_birth", "fingerprint"]),
                fields("editor", &["name", "address"]),
                files(1),
            ]
            .concat(),
            Self::Several => [
                vec![
                    relation("profile", 3, profiles),
                    field("liveness_confidence", "text"),
                    select("status", 2, &STATUSES),
                ],
                fields("date", &["date_of_birth", "created", "updated"]),
                files(4),
            ]
            .concat(),
        }
    }

    fn setting_fields(self) -> Vec<Value> {
        match self {
            Self::Init => Vec::new(),
            Self::Reference => fields("text", &["key", "value"]),
            Self::Texts => vec![field("key", "text"), field("value", "editor"), field("public", "text")],
            Self::Several => vec![field("key", "text"), field("value", "json"), field("updated", "date")],
        }
    }

    /// A team as a record of this set names it.
    pub(super) fn team_value(self, team: &str) -> Value {
        if self == Self::Several { json!([team]) } else { json!(team) }
    }
}

/// An instance with such collections, completed by `init`, and the id of a record of `teams`.
pub(super) async fn start_built(built: BuiltAs) -> (PocketBase, String) {
    if built == BuiltAs::Init {
        return (ready_made().await.1, "a team of its own".to_owned());
    }
    let service = PocketBase::start().await;
    service.api(Method::PATCH, "/api/settings", json!({"batch": {"enabled": true}})).await.expect(200);
    let create = async |name: &str, fields: Vec<Value>| {
        let collection = json!({"name": name, "type": "base", "fields": fields});
        let made = service.api(Method::POST, "/api/collections", collection).await.expect(200);
        made["id"].as_str().unwrap().to_owned()
    };
    let teams = create("teams", fields("text", &["name"])).await;
    let team = service.api(Method::POST, "/api/collections/teams/records", json!({"name": "red"})).await.expect(200);
    let profiles = create("profiles", built.profile_fields(&teams)).await;
    create("status_history", built.status_fields(&profiles)).await;
    create("verification_history", built.verification_fields(&profiles)).await;
    create("settings", built.setting_fields()).await;
    let report = service.store().init_schema(None).await.unwrap();
    assert!(report.complete, "{:?}", report.lines);
    (service, team["id"].as_str().unwrap().to_owned())
}
