//! An entry of the audit trail as answers and exports show it.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::csv_text::csv_row;
use crate::http::body::list_query::ListEntry;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The columns of an export as CSV.
const COLUMNS: [&str; 11] =
    ["at", "kind", "actor_kind", "actor", "profile", "object_kind", "object", "address", "request_id", "detail", "id"];

/// Who did it.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditActor)]
struct AuditActor {
    kind: ActorKind,
    /// A client's id, a profile's for its link, a console user's, or a part of this server.
    id: String,
    /// The name of a console user, for those who are signed in to the console.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    name: Option<String>,
}

/// What it was done to, where it is not the profile alone.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditObject)]
struct AuditObject {
    /// The kind of record, or `files`.
    kind: String,
    id: String,
}

/// An action.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditEvent, example = json!({
    "id": "aud3def456ghi78", "at": "2026-03-21 00:00:00.000Z", "kind": "status.recorded",
    "actor": {"kind": "client", "id": "acme"}, "profile": "abc123def456ghi",
    "object": {"kind": "status_history", "id": "sh23def456ghi78"}, "address": "192.0.2.7",
    "request_id": "k3m9x2q7w1z8v5n4b6c0", "detail": "in_review",
}))]
pub(crate) struct AuditEntry {
    id: RecordId,
    #[schema(value_type = String, example = "2026-03-21 00:00:00.000Z")]
    at: Millis,
    /// Such as `profile.created`.
    kind: String,
    actor: AuditActor,
    #[schema(required = true)]
    profile: Option<RecordId>,
    #[schema(required = true)]
    object: Option<AuditObject>,
    /// Where the request came from, as the server saw it; empty for its own work.
    address: String,
    request_id: String,
    /// Names of fields, keys or statuses: never what a person sent.
    detail: String,
}

impl ListEntry for AuditEntry {
    const LIST_NAME: &'static str = "AuditEventList";
}

impl From<AuditEvent> for AuditEntry {
    fn from(event: AuditEvent) -> Self {
        let object = AuditObject { kind: event.object_kind, id: event.object_id };
        Self {
            id: event.id,
            at: event.at,
            kind: event.kind,
            actor: AuditActor { kind: event.actor_kind, id: event.actor, name: None },
            profile: event.profile,
            object: Some(object).filter(|object| !object.kind.is_empty()),
            address: event.address,
            request_id: event.request_id,
            detail: event.detail,
        }
    }
}

impl AuditEntry {
    /// Adds the name of the console user who did it, if one did.
    pub(super) fn with_name_of(mut self, users: &HashMap<String, String>) -> Self {
        self.actor.name = users.get(&self.actor.id).filter(|_| self.actor.kind == ActorKind::User).cloned();
        self
    }

    /// The head of an export as CSV.
    pub(super) fn csv_head() -> String {
        csv_row(COLUMNS)
    }

    /// The entry as a row of CSV.
    pub(super) fn to_csv_row(&self) -> String {
        let (at, profile) = (self.at.to_string(), self.profile.map(|id| id.to_string()).unwrap_or_default());
        let object = self.object.as_ref();
        csv_row([
            at.as_str(),
            &self.kind,
            self.actor.kind.word(),
            &self.actor.id,
            &profile,
            object.map_or("", |object| &object.kind),
            object.map_or("", |object| &object.id),
            &self.address,
            &self.request_id,
            &self.detail,
            self.id.as_str(),
        ])
    }
}
