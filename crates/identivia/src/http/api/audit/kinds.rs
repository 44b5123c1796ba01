//! `GET /api/audit_events/kinds`: every kind of event in the audit trail, with what it means.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::event::EventKind;

/// A kind of event in the audit trail.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditKind, example = json!({"kind": "profile.created", "description": "A profile was created"}))]
struct AuditKind {
    kind: &'static str,
    description: &'static str,
}

/// Every kind.
#[derive(Serialize, ToSchema)]
#[schema(as = AuditKindList)]
pub(crate) struct AuditKindList {
    success: bool,
    data: Vec<AuditKind>,
}

/// List the kinds of audit event
///
/// Each with what it says has happened.
#[utoipa::path(get, path = "/api/audit_events/kinds", tag = "Audit", security(("machine" = ["audit:read"]), ("consoleSession" = ["audit:read"])),
    responses((status = 200, description = "Every kind, with what it means", body = AuditKindList)))]
pub(crate) async fn list_audit_kinds() -> Json<AuditKindList> {
    let kind = |kind: &EventKind| AuditKind { kind: kind.word(), description: kind.description() };
    Json(AuditKindList { success: true, data: EventKind::ALL.iter().map(kind).collect() })
}
