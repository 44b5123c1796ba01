//! Profiles: made by a company's server, read and completed by it or by the person's browser.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::{By, ProfilePath, Whole};
use super::form::{self, Destination};
use super::input::{self, Checks, Raw};
use super::liveness;
use super::openapi;
use super::page::{PageResponse, Query};
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::id::RecordId;
use crate::domain::liveness::Claim;
use crate::domain::profile::{
    FileField, Gender, NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFiles, ProfileFilter, ProfileView,
    VerificationStatus, Word as _,
};
use crate::domain::status;
use crate::domain::time::Millis;
use crate::domain::token::{Caller, CallerKind};
use crate::error::{ApiError, ErrorBody};
use crate::store::Collection;

/// A new profile.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "userID": "user-12345", "name": "John Doe", "documentType": "passport", "documentNumber": "A12345678",
    "country": "US", "email": "john@example.com", "securityLevel": "high",
}))]
pub(super) struct CreateProfile {
    /// Your own id of the person; one profile is kept for each in a team.
    #[serde(default, rename = "userID")]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    user_id: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: Raw,
    /// Such as `passport`, `national_id`, `driving_license`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    phone_number: Raw,
    #[serde(default)]
    #[schema(schema_with = openapi::email_or_null)]
    email: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    security_level: Raw,
    /// `male`, `female` or `unknown`.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(male|female|unknown)$")]
    gender: Raw,
    /// IPv4 or IPv6.
    #[serde(default)]
    #[schema(schema_with = openapi::ip_address_or_null)]
    ip_address: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    language: Raw,
    /// The token's own team when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    team: Raw,
}

/// Where to send the person.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "url": "https://app.identivia.com/abc123def456?token=FLOW_TOKEN", "id": "abc123def456",
    "flow_token": "FLOW_TOKEN",
}))]
pub(super) struct CreatedProfile {
    success: bool,
    /// Open it in the person's browser.
    url: String,
    id: RecordId,
    /// Good for this profile only, for `FLOW_TOKEN_TTL_SECONDS`.
    flow_token: String,
    /// `Existing record found` when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'static str>,
}

/// A profile.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "name": "John Doe", "document_type": "passport", "document_number": "A12345678", "country": "US", "language": "en",
    "verification_status": "unverified", "status": "pending", "security_level": "high",
    "createdAt": "2026-03-21 00:00:00.000Z", "verification_history": {
        "id": "vh_record_id", "profile": "abc123def456", "status": "pending", "liveness_session_id": "session-xyz",
        "liveness_confidence": 95.5, "liveness_status": "live", "document_type": "passport", "name": "John Doe",
        "document_number": "A12345678", "country": "US", "created": "2026-03-21 00:00:00.000Z",
        "updated": "2026-03-21 00:00:00.000Z",
    },
}}))]
pub(super) struct ProfileResponse {
    success: bool,
    data: ProfileView,
}

/// Changes to a profile: only the fields sent change.
#[derive(Deserialize, ToSchema)]
pub(super) struct UpdateProfile {
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
pub(super) struct UpdateProfileForm {
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
pub(super) struct UpdatedProfile {
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

/// Create a profile
///
/// One profile is kept for each `userID` of a team, however many requests race: an existing one is returned unchanged,
/// with a fresh flow token.
#[utoipa::path(post, path = "/api/profiles/create", tag = "Profiles", security(("machine" = ["profiles:write"])),
    request_body = CreateProfile,
    responses(
        (status = 201, description = "Created", body = CreatedProfile),
        (status = 200, description = "There was one", body = CreatedProfile, example = json!({
            "success": true, "url": "https://app.identivia.com/abc123def456?token=FLOW_TOKEN", "id": "abc123def456",
            "flow_token": "FLOW_TOKEN", "message": "Existing record found",
        })),
    ))]
pub(super) async fn create_profile(
    State(app): State<Arc<App>>,
    by: By,
    request: Whole,
) -> Result<(StatusCode, Json<CreatedProfile>), ApiError> {
    let body: CreateProfile = input::json(request).await?;
    let new = new_profile(body, &by.caller)?;
    let id = RecordId::random();
    let event = by.event(&app, EventKind::ProfileCreated, Some(id), "");
    let created = app.store.create_profile(id, new, event).await?;
    let flow_token = app.tokens.issue_flow(created.id, app.clock.now()).map_err(ApiError::internal)?;
    let (status, message) =
        if created.fresh { (StatusCode::CREATED, None) } else { (StatusCode::OK, Some("Existing record found")) };
    let url = format!("{}/{}?token={flow_token}", app.client_url, created.id);
    Ok((status, Json(CreatedProfile { success: true, url, id: created.id, flow_token, message })))
}

fn new_profile(body: CreateProfile, caller: &Caller) -> Result<NewProfile, ApiError> {
    let mut checks = Checks::default();
    let team = checks.line("team", body.team);
    let new = NewProfile {
        user_id: checks.required_text("userID", body.user_id, LINE),
        name: checks.line("name", body.name),
        document_type: checks.line("documentType", body.document_type),
        document_number: checks.line("documentNumber", body.document_number),
        country: checks.line("country", body.country),
        phone_number: checks.line("phoneNumber", body.phone_number),
        email: checks.email("email", body.email),
        security_level: checks.line("securityLevel", body.security_level),
        gender: checks.word::<Gender>("gender", body.gender).map(|gender| gender.0.to_owned()).unwrap_or_default(),
        ip_address: checks.ip("ipAddress", body.ip_address),
        language: checks.line("language", body.language),
        team: String::new(),
    };
    checks.finish()?;
    let own = match &caller.kind {
        CallerKind::Machine { team } => team.as_deref(),
        // The guard keeps flow tokens out of here.
        CallerKind::Flow { .. } => return Err(ApiError::missing_token()),
    };
    let team = match own {
        None => team,
        Some(own) if team.is_empty() || team == own => own.to_owned(),
        Some(_) => {
            return Err(ApiError::forbidden("Not your team", "Leave team out, or use a token of the team it is for"));
        }
    };
    Ok(NewProfile { team, ..new })
}

/// Get a profile
///
/// `status` is the newest status record's, `verification_status` the profile's own. Unknown values are `null`.
#[utoipa::path(get, path = "/api/profiles/{id}", tag = "Profiles",
    security(("machine" = ["profiles:read"]), ("flow" = ["profiles:read"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 200, description = "The profile", body = ProfileResponse)))]
pub(super) async fn get_profile(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    ProfilePath(id): ProfilePath,
) -> Result<Json<ProfileResponse>, ApiError> {
    let data = app.store.profile_view(id, &caller.reach()).await?.ok_or_else(ApiError::no_profile)?;
    Ok(Json(ProfileResponse { success: true, data }))
}

/// List profiles
///
/// Newest first. `cursor` is the `next_cursor` of the page before; pages stay stable while profiles are added.
#[utoipa::path(get, path = "/api/profiles", tag = "Profiles", security(("machine" = ["profiles:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, pattern = "^[0-9]{1,18}[.][a-z0-9]{15}$", description = "`next_cursor` of the page before"),
        ("status" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$", description = "The status shown"),
        ("verification_status" = Option<String>, Query, pattern = "^(unverified|pending|verified|rejected)$", description = "The profile's own status"),
        ("country" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that country"),
        ("userID" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that userID"),
        ("q" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Part of a name, userID, document number or e-mail address; A to Z in any case"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "RFC 3339, the API's own form, or a date"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "The same"),
    ),
    responses((status = 200, description = "A page of profiles", body = PageResponse<ProfileEntry>)))]
pub(super) async fn list_profiles(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    RawQuery(query): RawQuery,
) -> Result<Json<PageResponse<ProfileEntry>>, ApiError> {
    const FILTERS: [&str; 7] =
        ["status", "verification_status", "country", "userID", "q", "created_after", "created_before"];
    let mut query = Query::parse(query.as_deref(), &FILTERS)?;
    let mut checks = Checks::default();
    let page = query.page(&mut checks);
    let filter = profile_filter(&mut query, &mut checks);
    checks.finish()?;
    Ok(Json(app.store.profiles(&caller.reach(), filter, page).await?.into()))
}

fn profile_filter(query: &mut Query, checks: &mut Checks) -> ProfileFilter {
    let status = query.text("status", checks);
    if !status.is_empty() && !status::is_word(&status) {
        checks.wrong("status", "must be a status word: 1 to 64 of a-z, 0-9 and _");
    }
    let verification_status = query.text("verification_status", checks);
    if !verification_status.is_empty() && VerificationStatus::of(&verification_status).is_none() {
        checks.wrong("verification_status", "must be one of: unverified, pending, verified, rejected");
    }
    ProfileFilter {
        status,
        verification_status,
        country: query.text("country", checks),
        user_id: query.text("userID", checks),
        q: query.text("q", checks),
        created_after: moment("created_after", query, checks),
        created_before: moment("created_before", query, checks),
    }
}

fn moment(name: &'static str, query: &mut Query, checks: &mut Checks) -> Option<Millis> {
    let text = query.text(name, checks);
    let moment = Millis::parse(&text);
    if !text.is_empty() && moment.is_none() {
        checks.wrong(name, "must be a time such as 2026-03-21T00:00:00Z, or a date");
    }
    moment
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
pub(super) async fn update_profile(
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
        (input::json(request).await?, ProfileFiles::default(), Checks::default())
    };
    let change = trusted(&app, &by, id, profile_change(body, files, checks)?).await?;
    let event = by.event(&app, EventKind::ProfileChanged, Some(id), change.field_names().join(" "));
    let replaces = FileField::ALL.iter().any(|field| !change.files.get(*field).is_empty());
    let reach = by.caller.reach();
    let written = upload.record(|mark| app.store.change_profile(id, &reach, by.only_if(), change, mark, event)).await?;
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
        confirmed: None,
    };
    checks.finish()?;
    Ok(change)
}

/// Adds what counts to what was claimed: a server's word, or the provider's finding; never a browser's word.
async fn trusted(app: &App, by: &By, id: RecordId, change: ProfileChange) -> Result<ProfileChange, ApiError> {
    let Some(claim) = &change.claim else { return allowed(app, by, id, change).await };
    let confirmed = if by.caller.is_flow() {
        let session = liveness::session_of(app, &claim.session_id, id).await?;
        session.filter(|session| session.status.is_finished()).map(|session| session.confirmed(app.liveness_threshold))
    } else {
        Some(claim.taken_as_said())
    };
    let confirmed = confirmed.map(|confirmed| (claim.session_id.clone(), confirmed));
    allowed(app, by, id, ProfileChange { confirmed, ..change }).await
}

/// A browser may move a profile to `pending` and nowhere else.
async fn allowed(app: &App, by: &By, id: RecordId, change: ProfileChange) -> Result<ProfileChange, ApiError> {
    match change.verification_status {
        Some(status) if by.caller.is_flow() && status != VerificationStatus::Pending => {
            Err(by.refuse(app, id, &format!("verification_status {}", status.word())).await)
        }
        _ => Ok(change),
    }
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
