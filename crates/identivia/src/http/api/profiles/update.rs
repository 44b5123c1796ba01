//! `PATCH /api/profiles/{id}`: the person's browser or the company's server completes a profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::LINE;
use crate::domain::document_editors::DocumentEditors;
use crate::domain::event::EventKind;
use crate::domain::liveness::{Claim, Confirmed};
use crate::domain::profile::{FileField, ProfileChange, ProfileFiles};
use crate::files::upload::Upload;
use crate::http::api::liveness::session_access::usable_session;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::form::{self, FileDestination};
use crate::http::body::form_parts;
use crate::http::body::form_schema::{Form, FormFields};
use crate::http::body::json;
use crate::http::body::liveness_result::{LIVENESS_RESULT, SentResult};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::authority::{Shown, StatementKind};
use crate::http::guard::profile_access::{UndecidedProfile, load_profile};
use crate::http::guard::provider_quotas::ProviderQuotas;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::id::RecordId;
use crate::records::liveness_session::LivenessSession;
use crate::records::profile::Profile;
use crate::records::status_word::VerificationStatus;
use crate::records::time::Millis;
use crate::store::Collection;

/// Changes to a profile: only the fields sent change. In a form, pictures are JPEG, PNG or WebP of at most 10 MiB and 50
/// megapixels, and are stored without metadata; the video is WebM, MP4 or QuickTime of at most 50 MiB.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({
    "verification_status": "pending", "document_type": "passport", "document_number": "A12345678", "document_name": "John Doe",
    "country": "US", "face_liveness_session_id": "session-xyz", "face_liveness_confidence": 95.5,
    "face_liveness_status": "live", "face_liveness_result": "{\"sessionId\":\"session-xyz\",\"isLive\":true}",
}))]
pub(crate) struct UpdateProfile {
    /// With a flow token `pending` only. `verified` and `rejected` also
    /// set `status` and the status of the verification record that the decision is about.
    #[serde(default)]
    #[schema(value_type = Option<VerificationStatus>)]
    verification_status: RawField,
    /// With `verified` or `rejected`: the verification record that the decision is about, which must be the newest.
    #[serde(default)]
    #[schema(value_type = Option<RecordId>)]
    verification: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_name: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: RawField,
    /// With a flow token the liveness fields are kept as claims; what counts is what the provider reported.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_session_id: RawField,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100)]
    face_liveness_confidence: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_status: RawField,
    /// The whole result, images included: the JSON text of an object of at most 2 MiB. The bytes of its images are not kept;
    /// what is left has at most 64 KiB and 16 levels. Other text has at most 16,384 characters.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "json", max_length = 2_097_152)]
    face_liveness_result: Option<SentResult>,
    // Files are parts of a form. What has their names in JSON must not be ignored.
    #[serde(default)]
    #[schema(ignore)]
    document_front: RawField,
    #[serde(default)]
    #[schema(ignore)]
    document_back: RawField,
    #[serde(default)]
    #[schema(ignore)]
    facial_photo: RawField,
    #[serde(default)]
    #[schema(ignore)]
    facial_video: RawField,
}

impl FormFields for UpdateProfile {
    const FORM_NAME: &'static str = "UpdateProfileForm";
    const NUMBERS: &'static [&'static str] = &["face_liveness_confidence"];
    const LIVENESS_RESULT: Option<&'static str> = Some(LIVENESS_RESULT);
    const FILES: &'static [FileField] = &FileField::ALL;
}

type UpdateProfileForm = Form<UpdateProfile>;

/// A changed profile.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Record updated successfully", "data": {
    "id": "abc123def456ghi", "status": "pending", "document_type": "passport", "document_number": "A12345678",
    "document_name": "John Doe", "country": "US", "document_front": "filename.jpg", "document_back": "filename.jpg",
    "facial_photo": "photo.jpg", "facial_video": "video.webm", "updated": "2026-03-21 00:00:00.000Z",
}}))]
pub(crate) struct UpdatedProfile {
    success: bool,
    message: &'static str,
    #[schema(value_type = UpdatedData)]
    data: Shown<UpdatedData>,
}

/// The changed fields as they stand; empty where unknown.
#[derive(Serialize, ToSchema)]
struct UpdatedData {
    id: RecordId,
    /// The profile's own verification status.
    status: VerificationStatus,
    document_type: String,
    document_number: String,
    document_name: String,
    country: String,
    document_front: String,
    document_back: String,
    facial_photo: String,
    facial_video: String,
    updated: Millis,
}

/// Update a profile
///
/// Only the fields sent change; a new file replaces the old one. The same fields are accepted as JSON when no file is sent.
#[utoipa::path(patch, path = "/api/profiles/{id}", tag = "Profiles",
    security(("machine" = ["profiles:write"]), ("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body(content = UpdateProfileForm, content_type = "multipart/form-data"),
    responses((status = 200, description = "Changed", body = UpdatedProfile),
              (status = 409, description = "The link has submitted already, or the decision names a verification record that is not the newest",
                  body = ErrorBody),
              (status = 507, description = "No room left; nothing was stored", body = ErrorBody)))]
pub(crate) async fn update_profile(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    UndecidedProfile { profile, is_submitted }: UndecidedProfile,
    request: WholeRequest,
) -> Result<Json<UpdatedProfile>, ApiError> {
    let id = profile.id;
    let mut upload = Upload::new(app.files.clone(), Collection::Profiles, id);
    let (body, files, checks, editors) = if form_parts::is_form(&request) {
        let received = form::read_form(request, &app.files, FileDestination::Record(&mut upload)).await?;
        (received.fields, received.files, received.checks, received.editors)
    } else {
        let body = json::read_json_with_result(request).await?;
        (body, ProfileFiles::default(), FieldChecks::default(), DocumentEditors::default())
    };
    let mut change = ProfileChange { editors, ..check_changes(body, files, checks)? };
    refuse_raised_trust(&context, id, &change).await?;
    let mut condition = context.authority.write_condition();
    if context.authority.word == StatementKind::Claim {
        change = change.without_standing_values(&profile);
        let changed = change.field_names();
        if changed.is_empty() {
            return Ok(Json(to_response(context.authority.show(profile))));
        }
        if changed == ["verification_status"] {
            condition = context.authority.last_step_condition();
        } else if is_submitted {
            return Err(ApiError::already_submitted());
        }
    }
    if let Some(claim) = &change.claim {
        let confirmed = confirm_claim(&context, &quotas, &profile, claim).await?;
        change.confirmed = confirmed.map(|confirmed| (claim.session_id.clone(), confirmed));
    }
    let event = context.audit_event(EventKind::ProfileChanged, Some(id), change.field_names().join(" "));
    let replaces = FileField::ALL.iter().any(|field| !change.files.get(*field).is_empty());
    let (store, reach) = (&context.store, &context.authority.reach);
    let written =
        upload.commit_with(|attached| store.change_profile(id, reach, condition, &change, attached, event)).await?;
    let profile = context.resolve_write(id, written).await?;
    if replaces {
        app.files.sweep_soon();
    }
    Ok(Json(to_response(context.authority.show(profile))))
}

/// The answer to a change that an earlier attempt has made: the profile as it is now.
pub(crate) async fn answer_updated(context: &RequestContext, id: RecordId) -> Result<Response, ApiError> {
    let profile = load_profile(context, id).await?;
    Ok(Json(to_response(context.authority.show(profile))).into_response())
}

fn to_response(profile: Shown<Profile>) -> UpdatedProfile {
    let data = profile.map(to_updated_data);
    UpdatedProfile { success: true, message: "Record updated successfully", data }
}

fn check_changes(body: UpdateProfile, files: ProfileFiles, mut checks: FieldChecks) -> Result<ProfileChange, ApiError> {
    let claim = Claim {
        session_id: checks.line_or_empty("face_liveness_session_id", body.face_liveness_session_id),
        confidence: checks.optional_confidence("face_liveness_confidence", body.face_liveness_confidence),
        status: checks.line_or_empty("face_liveness_status", body.face_liveness_status),
    };
    let result = checks.liveness_result_or_empty(LIVENESS_RESULT, body.face_liveness_result);
    let files_in_json = [
        ("document_front", &body.document_front),
        ("document_back", &body.document_back),
        ("facial_photo", &body.facial_photo),
        ("facial_video", &body.facial_video),
    ];
    for (name, raw) in files_in_json {
        checks.refuse_file_in_json(name, raw);
    }
    let change = ProfileChange {
        verification_status: checks.closed_word("verification_status", body.verification_status),
        verification: checks.record_id("verification", body.verification),
        document_type: checks.optional_text("document_type", body.document_type, LINE),
        document_number: checks.optional_text("document_number", body.document_number, LINE),
        document_name: checks.optional_text("document_name", body.document_name, LINE),
        country: checks.optional_text("country", body.country, LINE),
        files,
        claim: (claim != Claim::default() || !result.is_empty()).then_some(claim),
        claimed_result: result,
        ..ProfileChange::default()
    };
    checks.finish()?;
    Ok(change)
}

/// Refuses a status that the caller may not set.
async fn refuse_raised_trust(context: &RequestContext, id: RecordId, change: &ProfileChange) -> Result<(), ApiError> {
    match change.verification_status {
        Some(status) if !context.authority.may_set_status(status.word()) => {
            Err(context.refuse_claim(id, &format!("verification_status {}", status.word())).await)
        }
        _ => Ok(()),
    }
}

/// The liveness result that counts: a trusted server's statement, or the provider's finding for a claim.
async fn confirm_claim(
    context: &RequestContext,
    quotas: &ProviderQuotas,
    profile: &Profile,
    claim: &Claim,
) -> Result<Option<Confirmed>, ApiError> {
    match context.authority.word {
        StatementKind::Fact => Ok(Some(claim.taken_as_said())),
        StatementKind::Claim => {
            let session = usable_session(context, quotas, &claim.session_id, profile.id).await?;
            let is_fresh = |session: &LivenessSession| session.is_fresh(profile, context.app.clock.now());
            let finished = session.filter(|session| session.status.is_finished() && is_fresh(session));
            Ok(finished.map(|session| context.app.liveness.rule().confirm(&session)))
        }
    }
}

fn to_updated_data(profile: Profile) -> UpdatedData {
    UpdatedData {
        id: profile.id,
        status: profile.verification_status,
        document_type: profile.document_type.unwrap_or_default(),
        document_number: profile.document_number.unwrap_or_default(),
        document_name: profile.document_name.unwrap_or_default(),
        country: profile.country.unwrap_or_default(),
        document_front: profile.document_front.unwrap_or_default(),
        document_back: profile.document_back.unwrap_or_default(),
        facial_photo: profile.facial_photo.unwrap_or_default(),
        facial_video: profile.facial_video.unwrap_or_default(),
        updated: profile.updated,
    }
}
