//! Verification records: the evidence of an attempt, with its own copies of the files.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::liveness;
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::fingerprint::{DeviceCheck, DeviceStatus};
use crate::domain::liveness::{Claim, Confirmed};
use crate::domain::profile::{Profile, ProfileFiles};
use crate::domain::verification::{Evidence, FILES, NewVerification, VerificationRecord, required_files};
use crate::domain::{LINE, PARAGRAPH};
use crate::files::{FilesError, Spot, Upload};
use crate::http::body::form::{self, Destination};
use crate::http::body::json::{Checks, Raw};
use crate::http::body::list_query::{PageResponse, Query};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, ProfilePath, Whole};
use crate::http::openapi;
use crate::records::id::RecordId;
use crate::store::Collection;

/// How often a copy starts over when the profile's files are replaced under it.
const COPY_ATTEMPTS: usize = 3;

/// The texts of a record.
#[derive(Deserialize)]
struct RecordFields {
    #[serde(default)]
    liveness_session_id: Raw,
    #[serde(default)]
    liveness_confidence: Raw,
    #[serde(default)]
    liveness_status: Raw,
    #[serde(default)]
    document_type: Raw,
    #[serde(default)]
    document_number: Raw,
    #[serde(default)]
    country: Raw,
    #[serde(default)]
    name: Raw,
    #[serde(default)]
    address: Raw,
    #[serde(default)]
    gender: Raw,
    #[serde(default)]
    date_of_birth: Raw,
    #[serde(default)]
    fingerprint: Raw,
    #[serde(default)]
    ip_address: Raw,
}

/// A verification record as a form. Files that are not sent are copied from the profile.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the API's description; `form` reads it part by part")]
pub(crate) struct VerificationForm {
    /// With a flow token: a session of this profile that has not served a record yet.
    #[schema(value_type = String, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    liveness_session_id: Raw,
    /// 0 to 100. With a flow token this and `liveness_status` are kept as claims.
    #[schema(value_type = f64, minimum = 0, maximum = 100)]
    liveness_confidence: Raw,
    /// Such as `passport`, which needs no back, or `national_id`.
    #[schema(value_type = String, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    document_type: Raw,
    /// Such as `live` or `not_live`.
    #[schema(value_type = String, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    liveness_status: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 2000, pattern = "^[^\\u0000]*$")]
    address: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    gender: Raw,
    #[schema(schema_with = openapi::date)]
    date_of_birth: Raw,
    /// FingerprintJS visitor data: JSON of at most 64 KiB and 16 levels. Kept as a claim,
    /// and checked with Fingerprint where that is configured.
    #[schema(value_type = Option<String>, nullable = false, max_length = 16384, pattern = "^([^\\u0000{][^\\u0000]*)?$")]
    fingerprint: Raw,
    #[schema(schema_with = openapi::ip_address)]
    ip_address: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    facial_photo: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_front: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_back: Raw,
}

/// A new record.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Verification history record created", "data": {
    "id": "vh_record_id", "profile": "abc123def456", "liveness_session_id": "session-xyz", "liveness_confidence": 95.5,
    "document_type": "passport", "document_number": "A12345678", "facial_photo": "photo.jpg",
    "document_front": "front.jpg", "document_back": "", "country": "US", "liveness_status": "live", "name": "John Doe",
    "address": "", "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z",
}}))]
pub(crate) struct VerificationResponse {
    success: bool,
    message: &'static str,
    data: VerificationRecord,
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
        (status = 409, description = "The liveness session has served a record already", body = ErrorBody),
        (status = 429, description = "A link asks for unfinished sessions too often; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "With a link: the liveness provider failed", body = ErrorBody),
        (status = 503, description = "With a link: the liveness provider asks for patience", body = ErrorBody),
        (status = 507, description = "No room left; nothing was stored", body = ErrorBody),
    ))]
pub(crate) async fn create_verification(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
    request: Whole,
) -> Result<(StatusCode, Json<VerificationResponse>), ApiError> {
    let profile = by.writable(&app, id).await?;
    let record_id = RecordId::random();
    let mut upload = app.files.upload(Collection::VerificationHistory, record_id);
    let mut received = form::read(request, &app.files, &FILES, Destination::Record(&mut upload)).await?;
    let fields = received.body(&["liveness_confidence"])?;
    let mut evidence = evidence(fields, received.checks, &received.files, &profile)?;
    if by.caller.is_flow() {
        evidence.confirmed = provider_finding(&app, &by, id, &evidence.claim).await?;
    }
    // The check takes its time beside the copying.
    let (files, device) = tokio::join!(
        complete(&app, &by, &mut upload, received.files, profile),
        checked(&app, &by, id, &evidence.fingerprint),
    );
    let files = files?;
    evidence.device = device;
    let record = NewVerification {
        id: record_id,
        profile: id,
        evidence,
        facial_photo: files.facial_photo,
        document_front: files.document_front,
        document_back: files.document_back,
        created_by: by.caller.subject.clone(),
        created: app.clock.now(),
    };
    let event = by.event(&app, EventKind::VerificationRecorded, Some(id), record_id.as_str());
    let reach = by.caller.reach();
    let written =
        upload.record(|attached| app.store.record_verification(record, &reach, by.only_if(), attached, event)).await?;
    let data = by.outcome(&app, id, written).await?;
    app.checker.wake();
    let data = if by.caller.is_flow() { data.for_browser() } else { data };
    let response = VerificationResponse { success: true, message: "Verification history record created", data };
    Ok((StatusCode::CREATED, Json(response)))
}

/// Checks all fields at once, and says every one that is missing, files included.
fn evidence(
    fields: RecordFields,
    mut checks: Checks,
    sent: &ProfileFiles,
    profile: &Profile,
) -> Result<Evidence, ApiError> {
    let claim = Claim {
        session_id: checks.required_text("liveness_session_id", fields.liveness_session_id, LINE),
        confidence: checks.required_confidence("liveness_confidence", fields.liveness_confidence),
        status: String::new(),
    };
    let document_type = checks.required_text("document_type", fields.document_type, LINE);
    let claim = Claim { status: checks.required_text("liveness_status", fields.liveness_status, LINE), ..claim };
    // Without a document type nobody can say whether a back is needed.
    let needed = if document_type.is_empty() { &FILES[..2] } else { required_files(&document_type) };
    for field in needed {
        if sent.get(*field).is_empty() && profile.files.get(*field).is_empty() && !checks.is_wrong(field.name()) {
            checks.missing(field.name());
        }
    }
    let evidence = Evidence {
        document_type,
        document_number: checks.line("document_number", fields.document_number),
        country: checks.line("country", fields.country),
        name: checks.line("name", fields.name),
        address: checks.text("address", fields.address, PARAGRAPH).unwrap_or_default(),
        gender: checks.line("gender", fields.gender),
        date_of_birth: checks.date("date_of_birth", fields.date_of_birth),
        fingerprint: checks.document("fingerprint", fields.fingerprint),
        device: DeviceCheck::default(),
        ip_address: checks.ip("ip_address", fields.ip_address),
        confirmed: claim.taken_as_said(),
        claim,
    };
    checks.finish()?;
    Ok(evidence)
}

/// What the provider found in the session that a browser names: its own, finished and not used yet.
async fn provider_finding(app: &App, by: &By, id: RecordId, claim: &Claim) -> Result<Confirmed, ApiError> {
    let session = liveness::session_of(app, by, &claim.session_id, id).await?.ok_or_else(liveness::invalid_session)?;
    if session.used {
        return Err(ApiError::conflict(
            "Liveness session already used",
            "Each session serves one record; make a new one",
        ));
    }
    if !session.status.is_finished() {
        let message = "The liveness check is not finished; finish it first";
        return Err(ApiError::bad_request("Invalid liveness session", message));
    }
    Ok(session.confirmed(app.liveness_threshold))
}

/// What Fingerprint makes of visitor data. Whatever it is, the record is made.
async fn checked(app: &App, by: &By, profile: RecordId, fingerprint: &str) -> DeviceCheck {
    if fingerprint.is_empty() {
        return DeviceCheck::default();
    }
    let Some(provider) = &app.fingerprint else { return DeviceCheck::only(DeviceStatus::Unchecked) };
    provider.check(fingerprint, profile, app.clock.now()).await.unwrap_or_else(|error| {
        let id: &str = &by.request_id;
        tracing::warn!(request.id = id, cause = %error, "visitor data was not checked");
        DeviceCheck::only(DeviceStatus::Failed)
    })
}

/// Copies from the profile what was not sent. A file that is replaced meanwhile is looked up anew.
async fn complete(
    app: &App,
    by: &By,
    upload: &mut Upload,
    sent: ProfileFiles,
    mut profile: Profile,
) -> Result<ProfileFiles, ApiError> {
    let mut files = sent;
    for field in FILES {
        let mut attempts = COPY_ATTEMPTS;
        while files.get(field).is_empty() && !profile.files.get(field).is_empty() {
            let from = Spot {
                collection: Collection::Profiles,
                record: profile.id,
                name: profile.files.get(field).to_owned(),
            };
            match upload.copy(from).await {
                Ok(name) => *files.get_mut(field) = name,
                Err(FilesError::Gone) if attempts > 1 => {
                    attempts -= 1;
                    profile = by.writable(app, profile.id).await?;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }
    Ok(files)
}

/// List a profile's verification records
///
/// Newest first.
#[utoipa::path(get, path = "/api/verification_history/{id}", tag = "Verification history",
    security(("machine" = ["verification_history:read"])),
    params(
        ("id" = RecordId, Path, description = "The profile's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of records", body = PageResponse<VerificationRecord>)))]
pub(crate) async fn list_verifications(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    ProfilePath(id): ProfilePath,
    RawQuery(query): RawQuery,
) -> Result<Json<PageResponse<VerificationRecord>>, ApiError> {
    let page = Query::only_page(query.as_deref())?;
    app.store.profile(id, &caller.reach()).await?.ok_or_else(ApiError::no_profile)?;
    Ok(Json(app.store.verification_records(id, page).await?.into()))
}
