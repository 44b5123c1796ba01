//! Profiles: made by a company's server, read and completed by it or by the person's browser.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::profile::{
    Gender, NewProfile, ProfileEntry, ProfileFilter, ProfileView, VerificationStatus, Word as _,
};
use crate::domain::redirect::{Redirects, TARGET_CHARACTERS};
use crate::domain::status;
use crate::domain::token::{Caller, CallerKind};
use crate::http::body::json::{self, Checks, Raw};
use crate::http::body::list_query::{PageResponse, Query};
use crate::http::error::ApiError;
use crate::http::guard::access::{By, ProfilePath, Whole};
use crate::http::openapi;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A new profile.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(example = json!({
    "userID": "user-12345", "name": "John Doe", "documentType": "passport", "documentNumber": "A12345678",
    "country": "US", "email": "john@example.com", "securityLevel": "high",
}))]
pub(crate) struct CreateProfile {
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
    /// Where the person's browser goes when all is done, with `profile_id` and `status` added to its query: within one of
    /// `REDIRECT_URLS`.
    #[serde(default, rename = "redirect_url")]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^(https?://[!-~]+)?$")]
    redirect_url: Raw,
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
pub(crate) struct CreatedProfile {
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
    "consent": {"version": "2026-11", "language": "en", "accepted": "2026-03-21T00:00:00.000Z"},
}}))]
pub(crate) struct ProfileResponse {
    success: bool,
    data: ProfileView,
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
pub(crate) async fn create_profile(
    State(app): State<Arc<App>>,
    by: By,
    request: Whole,
) -> Result<(StatusCode, Json<CreatedProfile>), ApiError> {
    let body: CreateProfile = json::json(request).await?;
    let new = new_profile(body, &by.caller, &app.redirects)?;
    let id = RecordId::random();
    let event = by.event(&app, EventKind::ProfileCreated, Some(id), "");
    let created = app.store.create_profile(id, new, event).await?;
    let flow_token = app.tokens.issue_flow(created.id, app.clock.now()).map_err(ApiError::internal)?;
    let (status, message) =
        if created.fresh { (StatusCode::CREATED, None) } else { (StatusCode::OK, Some("Existing record found")) };
    let url = format!("{}/{}?token={flow_token}", app.client_url, created.id);
    Ok((status, Json(CreatedProfile { success: true, url, id: created.id, flow_token, message })))
}

fn new_profile(body: CreateProfile, caller: &Caller, redirects: &Redirects) -> Result<NewProfile, ApiError> {
    let mut checks = Checks::default();
    let team = checks.line("team", body.team);
    let redirect_url = checks.text("redirect_url", body.redirect_url, TARGET_CHARACTERS).unwrap_or_default();
    if !redirect_url.is_empty() && !redirects.allow(&redirect_url) {
        checks
            .wrong("redirect_url", "must be a URL within one of REDIRECT_URLS, which the operator of this server sets");
    }
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
        redirect_url,
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
pub(crate) async fn get_profile(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    ProfilePath(id): ProfilePath,
) -> Result<Json<ProfileResponse>, ApiError> {
    let data = app.store.profile_view(id, &caller.reach()).await?.ok_or_else(ApiError::no_profile)?;
    let data = if caller.is_flow() { data.for_browser() } else { data };
    Ok(Json(ProfileResponse { success: true, data }))
}

/// List profiles
///
/// Newest first. `cursor` is the `next_cursor` of the page before; pages stay stable while profiles are added.
#[utoipa::path(get, path = "/api/profiles", tag = "Profiles", security(("machine" = ["profiles:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
        ("status" = Option<String>, Query, pattern = "^[a-z0-9_]{1,64}$", description = "The status shown"),
        ("verification_status" = Option<String>, Query, pattern = "^(unverified|pending|verified|rejected)$", description = "The profile's own status"),
        ("country" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that country"),
        ("userID" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that userID"),
        ("q" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Part of a name, userID, document number or e-mail address; A to Z in any case"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "RFC 3339, the API's own form, or a date"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "The same"),
    ),
    responses((status = 200, description = "A page of profiles", body = PageResponse<ProfileEntry>)))]
pub(crate) async fn list_profiles(
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
