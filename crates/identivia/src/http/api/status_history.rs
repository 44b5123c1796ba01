//! Status records: appended, never changed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::profile::VerificationStatus;
use crate::domain::status::{self, StatusRecord};
use crate::domain::{LINE, PARAGRAPH};
use crate::http::body::json::{self, Checks, Raw};
use crate::http::body::list_query::{PageResponse, Query};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, ProfilePath, Whole};
use crate::records::id::RecordId;

/// A change of status to record. Statuses are words: 1 to 64 of `a-z`, `0-9` and `_`.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted"}))]
pub(crate) struct CreateStatus {
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^[a-z0-9_]{1,64}$")]
    previous_status: Raw,
    /// With a flow token `pending` only.
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^[a-z0-9_]{1,64}$")]
    new_status: Raw,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2000, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    notes: Raw,
    /// The verification record it is about.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]{15}$")]
    verification: Raw,
}

/// A recorded change of status.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Status history record created", "data": {
    "id": "sh_record_id", "profile": "abc123def456", "updated_by": "user_record_id", "previous_status": "unverified",
    "new_status": "pending", "notes": "Verification submitted", "created": "2026-03-21 00:00:00.000Z",
}}))]
pub(crate) struct StatusResponse {
    success: bool,
    message: &'static str,
    data: StatusRecord,
}

/// Record a status change
#[utoipa::path(post, path = "/api/status_history/{id}", tag = "Status history",
    security(("machine" = ["status_history:write"]), ("flow" = ["status_history:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = CreateStatus,
    responses(
        (status = 201, description = "Recorded", body = StatusResponse),
        (status = 409, description = "A flow token's `previous_status` is not the current one", body = ErrorBody),
    ))]
pub(crate) async fn create_status_record(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
    request: Whole,
) -> Result<(StatusCode, Json<StatusResponse>), ApiError> {
    let record = status_record(json::json(request).await?, &app, &by, id)?;
    by.writable(&app, id).await?;
    if by.caller.is_flow() && record.new_status != VerificationStatus::Pending.word() {
        return Err(by.refuse(&app, id, &format!("new_status {}", record.new_status)).await);
    }
    let event = by.event(&app, EventKind::StatusRecorded, Some(id), record.new_status.clone());
    let written = app.store.record_status(record, &by.caller.reach(), by.only_if(), event).await?;
    let record = by.outcome(&app, id, written).await?;
    let response = StatusResponse { success: true, message: "Status history record created", data: record };
    Ok((StatusCode::CREATED, Json(response)))
}

fn status_record(body: CreateStatus, app: &App, by: &By, profile: RecordId) -> Result<StatusRecord, ApiError> {
    let mut checks = Checks::default();
    let mut word = |name, raw| {
        let text = checks.required_text(name, raw, LINE);
        if !text.is_empty() && !status::is_word(&text) {
            checks.wrong(name, "must be a status word: 1 to 64 of a-z, 0-9 and _");
        }
        text
    };
    let previous_status = word("previous_status", body.previous_status);
    let new_status = word("new_status", body.new_status);
    let notes = checks.required_text("notes", body.notes, PARAGRAPH);
    let verification = checks.line("verification", body.verification);
    checks.finish()?;
    Ok(StatusRecord {
        id: RecordId::random(),
        profile,
        updated_by: by.caller.subject.clone(),
        previous_status,
        new_status,
        notes,
        verification,
        created: app.clock.now(),
    })
}

/// List a profile's status records
///
/// Newest first.
#[utoipa::path(get, path = "/api/status_history/{id}", tag = "Status history",
    security(("machine" = ["status_history:read"])),
    params(
        ("id" = RecordId, Path, description = "The profile's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of records", body = PageResponse<StatusRecord>)))]
pub(crate) async fn list_status_records(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    ProfilePath(id): ProfilePath,
    RawQuery(query): RawQuery,
) -> Result<Json<PageResponse<StatusRecord>>, ApiError> {
    let page = Query::only_page(query.as_deref())?;
    app.store.profile(id, &caller.reach()).await?.ok_or_else(ApiError::no_profile)?;
    Ok(Json(app.store.status_records(id, page).await?.into()))
}
