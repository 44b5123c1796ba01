//! Status records: appended, never changed.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::reason::ReasonCode;
use crate::domain::resubmission::{ResubmissionStep, is_resubmission};
use crate::domain::{LINE, PARAGRAPH};
use crate::http::body::decision_fields::{read_reasons, read_steps};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::body::list_query::{ListEntry, ListQuery, PageResponse};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::authority::{Shown, StatementKind};
use crate::http::guard::profile_access::{ProfilePath, UndecidedProfile, load_profile};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::records::status_word::{StatusWord, VerificationStatus};

/// A change of status to record. Statuses are words: 1 to 64 of `a-z`, `0-9` and `_`.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted"}))]
pub(crate) struct CreateStatus {
    #[serde(default)]
    #[schema(value_type = StatusWord, required = true)]
    previous_status: RawField,
    /// With a flow token `pending` only.
    #[serde(default)]
    #[schema(value_type = StatusWord, required = true)]
    new_status: RawField,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2000, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    notes: RawField,
    /// The verification record it is about.
    #[serde(default)]
    #[schema(value_type = Option<RecordId>)]
    verification: RawField,
    /// With `rejected` and `resubmission_requested`: codes of `GET /api/reasons`, at most 10.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ReasonCode>>, max_items = 10)]
    reasons: RawField,
    /// With `resubmission_requested`: the steps to do again. The face check is repeated in any case; what is not named stays.
    #[serde(default)]
    #[schema(value_type = Option<Vec<ResubmissionStep>>, max_items = 4)]
    steps: RawField,
    /// With `rejected` and `resubmission_requested`: a text for the person, beside the reasons.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    message: RawField,
}

/// A recorded change of status.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Status history record created", "data": {
    "id": "sh23def456ghi78", "profile": "abc123def456ghi", "updated_by": "user_record_id", "previous_status": "unverified",
    "new_status": "pending", "notes": "Verification submitted", "created": "2026-03-21 00:00:00.000Z",
}}))]
pub(crate) struct StatusResponse {
    success: bool,
    message: &'static str,
    #[schema(value_type = StatusRecord)]
    data: Shown<StatusRecord>,
}

/// Record a status change
///
/// `verified` and `rejected` decide: they also set the profile's own status and that of the verification record that the
/// decision is about. `resubmission_requested` opens the link again, at most `max_resubmissions` times.
#[utoipa::path(post, path = "/api/status_history/{id}", tag = "Status history",
    security(("machine" = ["status_history:write"]), ("flow" = ["status_history:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = CreateStatus,
    responses(
        (status = 201, description = "Recorded", body = StatusResponse),
        (status = 200, description = "With a flow token: the newest record says so already", body = StatusResponse),
        (status = 409, description = "A flow token's `previous_status` is not the current one, the verification record of a decision is not the newest, or the person has been asked for another try too often",
            body = ErrorBody),
    ))]
pub(crate) async fn create_status_record(
    context: RequestContext,
    ProfilePath(id): ProfilePath,
    request: WholeRequest,
) -> Result<(StatusCode, Json<StatusResponse>), ApiError> {
    let (record, named) = check_status_record(json::read_json(request).await?, &context, id)?;
    let UndecidedProfile { profile, .. } = UndecidedProfile::load(&context, id).await?;
    let condition = context.authority.last_step_condition();
    if !context.authority.may_set_status(record.new_status.as_str()) {
        return Err(context.refuse_claim(id, &format!("new_status {}", record.new_status.as_str())).await);
    }
    let verification = match RecordId::parse(&named) {
        None if !named.is_empty() => return Err(ApiError::unknown_verification()),
        verification => verification,
    };
    if let Some(newest) = find_standing_status(&context, &profile, &record).await? {
        let data = context.authority.show(newest);
        let response = StatusResponse { success: true, message: "The status is pending already", data };
        return Ok((StatusCode::OK, Json(response)));
    }
    let record = StatusRecord { verification, ..record };
    let event = context.audit_event(EventKind::StatusRecorded, Some(id), record.new_status.as_str());
    let event = event.on(RecordKind::StatusHistory, record.id.as_str());
    let written = context.store.record_status(record, &context.authority.reach, condition, event).await?;
    let recorded = context.resolve_write(id, written).await?;
    Ok(to_response(&context, recorded))
}

/// The answer to a new record.
fn to_response(context: &RequestContext, recorded: StatusRecord) -> (StatusCode, Json<StatusResponse>) {
    let data = context.authority.show(recorded);
    (StatusCode::CREATED, Json(StatusResponse { success: true, message: "Status history record created", data }))
}

/// The answer to a record that an earlier attempt has added.
pub(crate) async fn answer_recorded(context: &RequestContext, id: RecordId) -> Result<Response, ApiError> {
    let recorded = context.app.store.status_record(id).await?.ok_or_else(ApiError::profile_not_found)?;
    Ok(to_response(context, recorded).into_response())
}

/// The newest status record, where a link's step would only repeat it.
async fn find_standing_status(
    context: &RequestContext,
    profile: &Profile,
    record: &StatusRecord,
) -> Result<Option<StatusRecord>, ApiError> {
    let repeats = context.authority.word == StatementKind::Claim
        && record.previous_status == record.new_status
        && profile.recorded_status.as_ref() == Some(&record.new_status);
    match profile.newest_status.filter(|_| repeats) {
        Some(newest) => Ok(context.app.store.status_record(newest).await?),
        None => Ok(None),
    }
}

/// The record that a body asks for, and the verification record that it names.
fn check_status_record(
    body: CreateStatus,
    context: &RequestContext,
    profile: RecordId,
) -> Result<(StatusRecord, String), ApiError> {
    let mut checks = FieldChecks::default();
    let mut word = |name, raw| {
        let text = checks.required_text(name, raw, LINE);
        let word = StatusWord::parse(&text);
        if !text.is_empty() && word.is_none() {
            checks.add_problem(name, "must be a status word: 1 to 64 of a-z, 0-9 and _");
        }
        // A missing or wrong word ends the request below.
        word.unwrap_or_else(|| VerificationStatus::Unverified.into())
    };
    let previous_status = word("previous_status", body.previous_status);
    let new_status = word("new_status", body.new_status);
    let notes = checks.required_text("notes", body.notes, PARAGRAPH);
    let named = checks.line_or_empty("verification", body.verification);
    let request = RequestFields { reasons: body.reasons, steps: body.steps, message: body.message };
    let request = check_request(&mut checks, request, &new_status);
    checks.finish()?;
    let created = context.app.clock.now();
    let record = StatusRecord {
        id: RecordId::random_at(created),
        profile,
        updated_by: context.authority.actor.id.clone(),
        previous_status,
        new_status,
        notes: Some(notes),
        verification: None,
        reasons: request.reasons,
        steps: request.steps,
        message: request.message,
        created,
        follows: None,
    };
    Ok((record, named))
}

/// What a status record says to the person, as it was sent.
struct RequestFields {
    reasons: RawField,
    steps: RawField,
    message: RawField,
}

/// The same, checked.
struct CheckedRequest {
    reasons: Vec<String>,
    steps: Vec<String>,
    message: Option<String>,
}

/// Checks what is said to the person: only a rejection and a request for another try say anything.
fn check_request(checks: &mut FieldChecks, sent: RequestFields, new_status: &StatusWord) -> CheckedRequest {
    let asks = is_resubmission(new_status);
    let checked = CheckedRequest {
        reasons: read_reasons(checks, sent.reasons),
        steps: read_steps(checks, sent.steps),
        message: checks.known_text("message", sent.message, PARAGRAPH),
    };
    let says_more = asks || *new_status == VerificationStatus::Rejected.word();
    if !checked.steps.is_empty() && !asks {
        checks.add_problem("steps", "must be left out unless new_status is resubmission_requested");
    }
    let misplaced = [("reasons", !checked.reasons.is_empty()), ("message", checked.message.is_some())];
    for (name, _) in misplaced.into_iter().filter(|(_, is_sent)| *is_sent && !says_more) {
        checks.add_problem(name, "must be left out unless new_status is rejected or resubmission_requested");
    }
    checked
}

impl ListEntry for StatusRecord {
    const LIST_NAME: &'static str = "StatusRecordList";
}

type StatusRecordList = PageResponse<StatusRecord>;

/// List a profile's status records
///
/// Newest first.
#[utoipa::path(get, path = "/api/status_history/{id}", tag = "Status history",
    security(("machine" = ["status_history:read"]), ("consoleSession" = ["status_history:read"])),
    params(
        ("id" = RecordId, Path, description = "The profile's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of records", body = StatusRecordList)))]
pub(crate) async fn list_status_records(
    State(app): State<Arc<App>>,
    context: RequestContext,
    ProfilePath(id): ProfilePath,
    RawQuery(query): RawQuery,
) -> Result<Json<StatusRecordList>, ApiError> {
    let page = ListQuery::parse_page_only(query.as_deref())?;
    load_profile(&context, id).await?;
    let page = app.store.list_status_records(id, &page).await?;
    Ok(Json(PageResponse::new(page, &context.authority, |record| record)))
}
