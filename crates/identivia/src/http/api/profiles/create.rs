//! Creates a profile for a company's server, or returns the existing one, with a link for the person.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::profile::{Gender, NewProfile};
use crate::domain::redirect::{Redirects, TARGET_CHARACTERS};
use crate::domain::setting::stored_key;
use crate::http::body::field_checks::{FieldChecks, RawField, none_if_empty};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::authority::Authority;
use crate::http::guard::profile_access::load_profile;
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::records::id::RecordId;
use crate::store::CreatedProfile;

/// The setting that holds a team's own list of redirect URLs.
const REDIRECT_URLS_KEY: &str = "redirect_urls";

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
    user_id: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
    /// Such as `passport`, `national_id`, `driving_license`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_type: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    phone_number: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "email", max_length = 255)]
    email: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    security_level: RawField,
    #[serde(default)]
    #[schema(value_type = Option<Gender>)]
    gender: RawField,
    /// IPv4 or IPv6.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "ip", max_length = 255)]
    ip_address: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    language: RawField,
    /// Where the person's browser goes when all is done, with `profile_id` and `status` added to its query: within one of
    /// `REDIRECT_URLS`.
    #[serde(default, rename = "redirect_url")]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^(https?://[!-~]+)?$")]
    redirect_url: RawField,
    /// The token's own team when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    team: RawField,
}

/// Where to send the person.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "url": "https://app.identivia.com/abc123def456ghi?token=FLOW_TOKEN", "id": "abc123def456ghi",
    "flow_token": "FLOW_TOKEN",
}))]
pub(crate) struct CreateProfileResponse {
    success: bool,
    /// Open it in the person's browser.
    url: String,
    id: RecordId,
    /// Good for this profile only, for `FLOW_TOKEN_TTL_SECONDS`.
    flow_token: String,
    /// `Existing record found` when there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    message: Option<&'static str>,
}

/// Create a profile
///
/// One profile is kept for each `userID` of a team, however many requests race: an existing one is returned unchanged,
/// with a fresh flow token.
#[utoipa::path(post, path = "/api/profiles/create", tag = "Profiles", security(("machine" = ["profiles:write"])),
    request_body = CreateProfile,
    responses(
        (status = 201, description = "Created", body = CreateProfileResponse),
        (status = 200, description = "There was one", body = CreateProfileResponse, example = json!({
            "success": true, "url": "https://app.identivia.com/abc123def456ghi?token=FLOW_TOKEN", "id": "abc123def456ghi",
            "flow_token": "FLOW_TOKEN", "message": "Existing record found",
        })),
    ))]
pub(crate) async fn create_profile(
    State(app): State<Arc<App>>,
    context: RequestContext,
    request: WholeRequest,
) -> Result<(StatusCode, Json<CreateProfileResponse>), ApiError> {
    let body: CreateProfile = json::read_json(request).await?;
    let new = check_new_profile(body, &context.authority)?;
    refuse_foreign_redirect(&app, &new).await?;
    let event = context.audit_event(EventKind::ProfileCreated, None, "");
    let created = context.store.create_profile(new, event).await?;
    to_response(&app, &created)
}

/// The answer to a profile that this request or an earlier one has created.
fn to_response(app: &App, created: &CreatedProfile) -> Result<(StatusCode, Json<CreateProfileResponse>), ApiError> {
    let flow_token =
        app.tokens.issue_flow_token(created.id, created.epoch, app.clock.now()).map_err(ApiError::internal)?;
    let (status, message) =
        if created.is_new { (StatusCode::CREATED, None) } else { (StatusCode::OK, Some("Existing record found")) };
    let url = app.links.profile_link(created.id, &flow_token);
    Ok((status, Json(CreateProfileResponse { success: true, url, id: created.id, flow_token, message })))
}

/// The answer to a profile that an earlier attempt has created.
pub(crate) async fn answer_created(context: &RequestContext, id: RecordId) -> Result<Response, ApiError> {
    let epoch = load_profile(context, id).await?.link_epoch();
    let created = CreatedProfile { id, is_new: true, epoch };
    Ok(to_response(&context.app, &created)?.into_response())
}

/// Refuses a URL that neither the team's list nor, where it has none, the operator's contains.
async fn refuse_foreign_redirect(app: &App, new: &NewProfile) -> Result<(), ApiError> {
    let Some(url) = &new.redirect_url else { return Ok(()) };
    let own = match new.team.as_str() {
        "" => None,
        team => app.store.setting(&stored_key(Some(team), REDIRECT_URLS_KEY)).await?,
    };
    let is_allowed = match own {
        Some(setting) => read_redirect_list(setting.value.get()).is_some_and(|list| list.allow(url)),
        None => app.links.may_redirect_to(url),
    };
    if is_allowed {
        return Ok(());
    }
    let message = "must be a URL within one of REDIRECT_URLS, which the operator of this server sets, or of the team's setting \
                   redirect_urls";
    Err(ApiError::invalid_fields([("redirect_url", message.to_owned())].into()))
}

/// A team's list of URLs: a text as in `REDIRECT_URLS`, or a list of texts.
fn read_redirect_list(value: &str) -> Option<Redirects> {
    let list = match serde_json::from_str(value).ok()? {
        Value::String(text) => text,
        Value::Array(urls) => urls.iter().map(Value::as_str).collect::<Option<Vec<_>>>()?.join(","),
        _ => return None,
    };
    Redirects::parse(&list).ok()
}

fn check_new_profile(body: CreateProfile, authority: &Authority) -> Result<NewProfile, ApiError> {
    let mut checks = FieldChecks::default();
    let team = checks.line_or_empty("team", body.team);
    let redirect_url = checks.known_text("redirect_url", body.redirect_url, TARGET_CHARACTERS);
    let new = NewProfile {
        user_id: checks.required_text("userID", body.user_id, LINE),
        name: checks.known_line("name", body.name),
        document_type: checks.known_line("documentType", body.document_type),
        document_number: checks.known_line("documentNumber", body.document_number),
        country: checks.known_line("country", body.country),
        phone_number: checks.known_line("phoneNumber", body.phone_number),
        email: none_if_empty(checks.email_or_empty("email", body.email)),
        security_level: checks.known_line("securityLevel", body.security_level),
        gender: checks.closed_word::<Gender>("gender", body.gender).map(|gender| gender.0.to_owned()),
        ip_address: none_if_empty(checks.ip_or_empty("ipAddress", body.ip_address)),
        language: checks.known_line("language", body.language),
        redirect_url,
        team: String::new(),
    };
    checks.finish()?;
    let team = authority
        .choose_team(team)
        .ok_or_else(|| ApiError::forbidden("Not your team", "Leave team out, or use a token of the team it is for"))?;
    Ok(NewProfile { team, ..new })
}
