//! `POST /api/verification_history/{id}`: creates a verification record, the evidence of an attempt.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::missing_files::copy_missing_files;
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::fingerprint::{DeviceCheck, DeviceStatus};
use crate::domain::liveness::{Claim, Confirmed};
use crate::domain::profile::{FileField, ProfileFiles};
use crate::domain::resubmission::KeptFile;
use crate::domain::verification::{Evidence, FILES, required_files};
use crate::domain::{LINE, PARAGRAPH};
use crate::files::upload::Upload;
use crate::http::api::flow::resubmission::OpenResubmission;
use crate::http::api::liveness::session_access::usable_session;
use crate::http::body::field_checks::{FieldChecks, RawField, none_if_empty};
use crate::http::body::form::{self, FileDestination};
use crate::http::body::form_schema::{Form, FormFields};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::authority::{Shown, StatementKind};
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::provider_quotas::ProviderQuotas;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::verification_record::VerificationRecord;
use crate::store::Collection;

/// A verification record as a form. Files that are not sent are copied from the profile.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "liveness_session_id": "session-xyz", "liveness_confidence": 95.5, "liveness_status": "live", "document_type": "passport",
    "document_number": "A12345678", "country": "US", "name": "John Doe", "gender": "male", "date_of_birth": "1990-01-15",
    "fingerprint": "{\"visitorId\":\"X7fh2Hg9LkMn3pQr\",\"requestId\":\"1700000000000.a1B2c3\"}", "ip_address": "203.0.113.7",
}))]
pub(crate) struct VerificationFields {
    /// With a flow token: a session of this profile that has not served a record yet.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    liveness_session_id: RawField,
    /// 0 to 100. With a flow token this and `liveness_status` are kept as claims.
    #[serde(default)]
    #[schema(value_type = f64, required = true, minimum = 0, maximum = 100)]
    liveness_confidence: RawField,
    /// Such as `passport`, which needs no back, or `national_id`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    document_type: RawField,
    /// Such as `live` or `not_live`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    liveness_status: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    address: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    gender: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "iso-date", max_length = 255)]
    date_of_birth: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    place_of_birth: RawField,
    /// FingerprintJS visitor data: the JSON text of an object of at most 64 KiB and 16 levels. Kept as a claim, and checked
    /// with Fingerprint where that is configured. Other text has at most 16,384 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "json", max_length = 65536)]
    fingerprint: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "ip", max_length = 255)]
    ip_address: RawField,
}

impl FormFields for VerificationFields {
    const FORM_NAME: &'static str = "VerificationForm";
    const NUMBERS: &'static [&'static str] = &["liveness_confidence"];
    const FILES: &'static [FileField] = &FILES;
}

type VerificationForm = Form<VerificationFields>;

/// A new record.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Verification history record created", "data": {
    "id": "vh23def456ghi78", "profile": "abc123def456ghi", "status": "pending", "liveness_session_id": "session-xyz",
    "liveness_confidence": 95.5, "liveness_status": "live", "liveness_confirmed_by": "machine_token",
    "claimed_liveness_confidence": 95.5, "claimed_liveness_status": "live", "document_type": "passport",
    "document_number": "A12345678", "country": "US", "name": "John Doe", "address": "", "gender": "male",
    "date_of_birth": "1990-01-15", "place_of_birth": "", "ip_address": "203.0.113.7", "facial_photo": "photo_a1b2c3d4e5.jpg",
    "document_front": "front_a1b2c3d4e5.jpg", "document_back": "", "created": "2026-03-21 00:00:00.000Z",
    "updated": "2026-03-21 00:00:00.000Z", "checks_status": "pending", "checks": null,
}}))]
pub(crate) struct VerificationResponse {
    success: bool,
    message: &'static str,
    #[schema(value_type = VerificationRecord)]
    data: Shown<VerificationRecord>,
}

/// Create a verification record
///
/// `facial_photo`, `document_front` and, unless the document is a passport, `document_back` come from the request or
/// are copied from the profile. What a flow token says of liveness is kept as a claim; what counts is the provider's
/// finding for that session.
#[utoipa::path(post, path = "/api/verification_history/{id}", tag = "Verification history",
    security(("machine" = ["verification_history:write"]), ("flow" = ["verification_history:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body(content = VerificationForm, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "Created", body = VerificationResponse),
        (status = 409, description = "The link has submitted already, or the liveness session has served a record", body = ErrorBody),
        (status = 429, description = "A link asks for unfinished sessions too often; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "With a link: the liveness provider failed", body = ErrorBody),
        (status = 503, description = "With a link: the liveness provider limits requests; see `Retry-After`", body = ErrorBody),
        (status = 507, description = "No room left; nothing was stored", body = ErrorBody),
    ))]
pub(crate) async fn create_verification_record(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    writable: WritableProfile,
    request: WholeRequest,
) -> Result<(StatusCode, Json<VerificationResponse>), ApiError> {
    let (id, condition, profile) = (writable.id(), writable.condition(), writable.profile);
    let record_id = RecordId::random_at(app.clock.now());
    let mut upload = Upload::new(app.files.clone(), Collection::VerificationHistory, record_id);
    let received = form::read_form(request, &app.files, FileDestination::Record(&mut upload)).await?;
    let asked = OpenResubmission::load(&app, &profile).await?;
    let kept = asked.as_ref().map(|asked| asked.kept.as_slice()).unwrap_or_default();
    let mut evidence = check_evidence(received.fields, received.checks, &received.files, &profile, kept)?;
    evidence.observed_ip = context.client_ip.map(|ip| ip.to_string());
    if context.authority.word == StatementKind::Claim {
        evidence.confirmed = provider_finding(&context, &quotas, &profile, &evidence.claim).await?;
    }
    // Both take time, so they run side by side.
    let (copied, device) = tokio::join!(
        copy_missing_files(&context, &mut upload, (received.files, received.editors), profile, asked.as_ref()),
        check_visitor_data(&context, id, evidence.fingerprint.as_deref()),
    );
    let (files, editors) = copied?;
    evidence.device = device;
    let record = VerificationRecord {
        facial_photo: files.facial_photo,
        document_front: files.document_front,
        document_back: files.document_back,
        document_front_editor: editors.front,
        document_back_editor: editors.back,
        ..evidence.into_record(record_id, id, &context.authority.actor.id, app.clock.now())
    };
    let event = context.audit_event(EventKind::VerificationRecorded, Some(id), record_id.as_str());
    let event = event.on(RecordKind::VerificationHistory, record_id.as_str());
    let reach = &context.authority.reach;
    let store = &context.store;
    let written =
        upload.commit_with(|attached| store.record_verification(record, reach, condition, attached, event)).await?;
    let recorded = context.resolve_write(id, written).await?;
    app.record_checks.wake();
    Ok(to_response(&context, recorded))
}

/// The answer to a new record.
fn to_response(context: &RequestContext, recorded: VerificationRecord) -> (StatusCode, Json<VerificationResponse>) {
    let data = context.authority.show(recorded);
    let response = VerificationResponse { success: true, message: "Verification history record created", data };
    (StatusCode::CREATED, Json(response))
}

/// The answer to a record that an earlier attempt has added, as it is now.
pub(crate) async fn answer_recorded(context: &RequestContext, id: RecordId) -> Result<Response, ApiError> {
    let recorded = context.app.store.verification_record(id).await?.ok_or_else(ApiError::profile_not_found)?;
    Ok(to_response(context, recorded).into_response())
}

/// Checks all fields at once, and names every one that is missing, files included.
fn check_evidence(
    fields: VerificationFields,
    mut checks: FieldChecks,
    sent: &ProfileFiles,
    profile: &Profile,
    kept: &[KeptFile],
) -> Result<Evidence, ApiError> {
    let claim = Claim {
        session_id: checks.required_text("liveness_session_id", fields.liveness_session_id, LINE),
        confidence: checks.required_confidence("liveness_confidence", fields.liveness_confidence),
        status: String::new(),
    };
    let document_type = checks.required_text("document_type", fields.document_type, LINE);
    let claim = Claim { status: checks.required_text("liveness_status", fields.liveness_status, LINE), ..claim };
    // Without a document type it is unknown whether a back is needed.
    let needed = if document_type.is_empty() { &FILES[..2] } else { required_files(&document_type) };
    for field in needed {
        if sent.get(*field).is_empty() && !profile.has_file(*field, kept) && !checks.has_problem(field.name()) {
            checks.add_missing(field.name());
        }
    }
    let evidence = Evidence {
        document_type,
        document_number: checks.known_line("document_number", fields.document_number),
        country: checks.known_line("country", fields.country),
        name: checks.known_line("name", fields.name),
        address: checks.known_text("address", fields.address, PARAGRAPH),
        gender: checks.known_line("gender", fields.gender),
        date_of_birth: none_if_empty(checks.date_or_empty("date_of_birth", fields.date_of_birth)),
        place_of_birth: checks.known_line("place_of_birth", fields.place_of_birth),
        fingerprint: none_if_empty(checks.json_or_empty("fingerprint", fields.fingerprint)),
        device: DeviceCheck::default(),
        ip_address: none_if_empty(checks.ip_or_empty("ip_address", fields.ip_address)),
        observed_ip: None,
        confirmed: claim.taken_as_said(),
        claim,
    };
    checks.finish()?;
    Ok(evidence)
}

/// What the provider found in the session that a browser names: its own, finished and not used yet.
async fn provider_finding(
    context: &RequestContext,
    quotas: &ProviderQuotas,
    profile: &Profile,
    claim: &Claim,
) -> Result<Confirmed, ApiError> {
    let session = usable_session(context, quotas, &claim.session_id, profile.id).await?;
    let session = session.ok_or_else(ApiError::invalid_session)?;
    if session.used_by.is_some() {
        return Err(ApiError::session_used());
    }
    if !session.status.is_finished() {
        let message = "The liveness check is not finished; finish it first";
        return Err(ApiError::bad_request("Invalid liveness session", message));
    }
    if !session.is_fresh(profile, context.app.clock.now()) {
        let message = "The result is too old, or another try was asked for since; make a new session";
        return Err(ApiError::bad_request("Invalid liveness session", message));
    }
    Ok(context.app.liveness.rule().confirm(&session))
}

/// Checks visitor data with Fingerprint. The record is created with any result.
async fn check_visitor_data(context: &RequestContext, profile: RecordId, fingerprint: Option<&str>) -> DeviceCheck {
    let Some(fingerprint) = fingerprint else { return DeviceCheck::default() };
    let app = &context.app;
    let Some(provider) = &app.fingerprint else { return DeviceCheck::only(DeviceStatus::Unchecked) };
    match provider.check_visitor_data(fingerprint, profile, app.clock.now()).await {
        Ok(check) => check,
        Err(error) => {
            let id: &str = &context.request_id;
            tracing::warn!(request.id = id, cause = %error, "visitor data was not checked");
            context.audit_provider_failure(Some(profile), "fingerprint", &error).await;
            DeviceCheck::only(DeviceStatus::Failed)
        }
    }
}
