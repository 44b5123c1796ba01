//! `PATCH /api/profiles/{id}`: the person's browser, or the company's server, completes a profile.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::liveness;
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::liveness::{Claim, Confirmed};
use crate::domain::profile::{FileField, Profile, ProfileChange, ProfileFiles, VerificationStatus};
use crate::http::body::form::{self, Destination};
use crate::http::body::json::{self, Checks, Raw};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, ProfilePath, Whole};
use crate::http::openapi;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::Collection;

/// Changes to a profile: only the fields sent change.
#[derive(Deserialize, ToSchema)]
pub(crate) struct UpdateProfile {
    /// `unverified`, `pending`, `verified` or `rejected`; with a flow token `pending` only.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(unverified|pending|verified|rejected)$")]
    verification_status: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_name: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: Raw,
    /// With a flow token the liveness fields are kept as claims; what counts is what the provider reported.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_session_id: Raw,
    #[serde(default)]
    #[schema(value_type = Option<f64>, minimum = 0, maximum = 100)]
    face_liveness_confidence: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_status: Raw,
    /// An object or text, at most 64 KiB and 16 levels.
    #[serde(default)]
    #[schema(schema_with = openapi::document_or_null)]
    face_liveness_result: Raw,
}

/// The same as a form, with files. Pictures are JPEG, PNG or WebP of at most 10 MiB and 50 megapixels; the video is
/// WebM, MP4 or QuickTime of at most 50 MiB.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the API's description; `form` reads it part by part")]
pub(crate) struct UpdateProfileForm {
    #[schema(value_type = Option<String>, nullable = false, pattern = "^(unverified|pending|verified|rejected)$")]
    verification_status: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_name: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_session_id: Raw,
    #[schema(value_type = Option<f64>, nullable = false, minimum = 0, maximum = 100)]
    face_liveness_confidence: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 255, pattern = "^[^\\u0000]*$")]
    face_liveness_status: Raw,
    #[schema(value_type = Option<String>, nullable = false, max_length = 16384, pattern = "^([^\\u0000{][^\\u0000]*)?$")]
    face_liveness_result: Raw,
    /// Front of the identity document.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_front: Raw,
    /// Back of the identity document.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    document_back: Raw,
    /// Photo of the face.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    facial_photo: Raw,
    /// Video of the face.
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    facial_video: Raw,
}

/// A changed profile.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Record updated successfully", "data": {
    "id": "abc123def456", "status": "pending", "document_type": "passport", "document_number": "A12345678",
    "document_name": "John Doe", "country": "US", "document_front": "filename.jpg", "document_back": "filename.jpg",
    "facial_photo": "photo.jpg", "facial_video": "video.webm", "updated": "2026-03-21 00:00:00.000Z",
}}))]
pub(crate) struct UpdatedProfile {
    success: bool,
    message: &'static str,
    data: UpdatedData,
}

/// The changed fields as they stand; empty where unknown.
#[derive(Serialize, ToSchema)]
struct UpdatedData {
    id: RecordId,
    /// The profile's own verification status.
    status: String,
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
/// Only the fields sent change; a new file replaces the old one. JSON is accepted when no file is sent.
#[utoipa::path(patch, path = "/api/profiles/{id}", tag = "Profiles",
    security(("machine" = ["profiles:write"]), ("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body(content((UpdateProfileForm = "multipart/form-data"), (UpdateProfile = "application/json"))),
    responses((status = 200, description = "Changed", body = UpdatedProfile),
              (status = 507, description = "No room left; nothing was stored", body = ErrorBody)))]
pub(crate) async fn update_profile(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
    request: Whole,
) -> Result<Json<UpdatedProfile>, ApiError> {
    by.writable(&app, id).await?;
    let mut upload = app.files.upload(Collection::Profiles, id);
    let (body, files, checks) = if form::is_form(&request) {
        let destination = Destination::Record(&mut upload);
        let mut received = form::read(request, &app.files, &FileField::ALL, destination).await?;
        (received.body(&["face_liveness_confidence"])?, received.files, received.checks)
    } else {
        (json::json(request).await?, ProfileFiles::default(), Checks::default())
    };
    let mut change = profile_change(body, files, checks)?;
    refuse_raised_trust(&app, &by, id, &change).await?;
    if let Some(claim) = &change.claim {
        let confirmed = confirmed(&app, &by, id, claim).await?;
        change.confirmed = confirmed.map(|confirmed| (claim.session_id.clone(), confirmed));
    }
    let event = by.event(&app, EventKind::ProfileChanged, Some(id), change.field_names().join(" "));
    let replaces = FileField::ALL.iter().any(|field| !change.files.get(*field).is_empty());
    let reach = by.caller.reach();
    let written =
        upload.record(|attached| app.store.change_profile(id, &reach, by.only_if(), change, attached, event)).await?;
    let profile = by.outcome(&app, id, written).await?;
    if replaces {
        app.files.sweep_soon();
    }
    Ok(Json(updated(profile)))
}

fn profile_change(body: UpdateProfile, files: ProfileFiles, mut checks: Checks) -> Result<ProfileChange, ApiError> {
    let claim = Claim {
        session_id: checks.line("face_liveness_session_id", body.face_liveness_session_id),
        confidence: checks.confidence("face_liveness_confidence", body.face_liveness_confidence),
        status: checks.line("face_liveness_status", body.face_liveness_status),
    };
    let result = checks.document("face_liveness_result", body.face_liveness_result);
    let change = ProfileChange {
        verification_status: checks.word("verification_status", body.verification_status),
        document_type: checks.text("document_type", body.document_type, LINE),
        document_number: checks.text("document_number", body.document_number, LINE),
        document_name: checks.text("document_name", body.document_name, LINE),
        country: checks.text("country", body.country, LINE),
        files,
        claim: (claim != Claim::default() || !result.is_empty()).then_some(claim),
        claimed_result: result,
        ..ProfileChange::default()
    };
    checks.finish()?;
    Ok(change)
}

/// A browser may move a profile to `pending` and nowhere else.
async fn refuse_raised_trust(app: &App, by: &By, id: RecordId, change: &ProfileChange) -> Result<(), ApiError> {
    match change.verification_status {
        Some(status) if by.caller.is_flow() && status != VerificationStatus::Pending => {
            Err(by.refuse(app, id, &format!("verification_status {}", status.word())).await)
        }
        _ => Ok(()),
    }
}

/// What counts of a claim: a server's word, or the provider's finding; never a browser's word.
async fn confirmed(app: &App, by: &By, id: RecordId, claim: &Claim) -> Result<Option<Confirmed>, ApiError> {
    if !by.caller.is_flow() {
        return Ok(Some(claim.taken_as_said()));
    }
    let session = liveness::session_of(app, by, &claim.session_id, id).await?;
    let finished = session.filter(|session| session.status.is_finished());
    Ok(finished.map(|session| session.confirmed(app.liveness_threshold)))
}

fn updated(profile: Profile) -> UpdatedProfile {
    UpdatedProfile {
        success: true,
        message: "Record updated successfully",
        data: UpdatedData {
            id: profile.id,
            status: profile.verification_status,
            document_type: profile.document_type,
            document_number: profile.document_number,
            document_name: profile.document_name,
            country: profile.country,
            document_front: profile.files.document_front,
            document_back: profile.files.document_back,
            facial_photo: profile.files.facial_photo,
            facial_video: profile.files.facial_video,
            updated: profile.updated,
        },
    }
}
