//! `POST /api/webhooks`: makes an endpoint with its first keys.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::endpoint_access::endpoint_audit;
use super::endpoint_fields::{
    read_description, read_event_patterns, read_flag, read_headers, read_signature, read_url,
};
use super::endpoint_view::{WebhookSecretResponse, WebhookView};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::http::openapi;
use crate::jobs::webhooks::SealedHeaders;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::webhook_endpoint::{SealedKey, SignatureScheme, WebhookEndpoint};
use crate::store::{MAX_ENDPOINTS, PageRequest};

/// The most endpoints of a team.
const MAX_TEAM_ENDPOINTS: usize = 50;

/// A webhook endpoint to make.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"url": "https://shop.example/webhooks", "events": ["profile.*"]}))]
pub(crate) struct CreateWebhook {
    /// Where events are sent: https, and no private address.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2048, format = "uri")]
    url: RawField,
    /// Types of event, and groups such as `profile.*`; all when left out.
    #[serde(default)]
    #[schema(schema_with = openapi::event_patterns_or_null, required = false)]
    events: RawField,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    description: RawField,
    /// `v1` (a shared secret) when left out.
    #[serde(default)]
    #[schema(value_type = Option<SignatureScheme>)]
    signature: RawField,
    /// Sends the events of one profile one after the other.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    ordered: RawField,
    /// `false` leaves `user_id` out of events, which may be personal.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    include_user_id: RawField,
    /// Headers to send too, such as `Authorization`: at most 10. Their values are not shown again.
    #[serde(default)]
    #[schema(schema_with = openapi::header_map_or_null, required = false)]
    headers: RawField,
    /// For an operator's client: the team whose events it gets; of every team when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    team: RawField,
}

/// A checked endpoint to make.
struct NewEndpoint {
    url: String,
    events: Vec<String>,
    description: Option<String>,
    signature: SignatureScheme,
    ordered: bool,
    include_user_id: bool,
    headers: SealedHeaders,
    team: Option<String>,
}

/// Make a webhook
///
/// Events that happen from now on are sent to its URL, signed as Standard Webhooks say. The answer has its secret, which is not
/// shown again. A team can have 50.
#[utoipa::path(post, path = "/api/webhooks", tag = "Webhooks", security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    request_body = CreateWebhook,
    responses(
        (status = 201, description = "Made", body = WebhookSecretResponse),
        (status = 409, description = "The team has 50 webhooks, or the server 1,000", body = ErrorBody),
    ))]
pub(crate) async fn create_webhook(
    State(app): State<Arc<App>>,
    context: RequestContext,
    request: WholeRequest,
) -> Result<(StatusCode, Json<WebhookSecretResponse>), ApiError> {
    let new = check_new_endpoint(json::read_json(request).await?, &app, &context)?;
    refuse_too_many(&app, new.team.as_deref()).await?;
    let now = app.clock.now();
    let (endpoint, secret) = to_endpoint(&app, new, now);
    let audit = endpoint_audit(&context, EventKind::WebhookCreated, endpoint.id, "");
    context.store.add_webhook_endpoint(&endpoint, &audit).await?;
    let data = WebhookView::new(endpoint, None, now);
    Ok((StatusCode::CREATED, Json(WebhookSecretResponse { success: true, message: "Webhook created", data, secret })))
}

async fn refuse_too_many(app: &App, team: Option<&str>) -> Result<(), ApiError> {
    let reach = crate::domain::profile::Reach::Team(team.unwrap_or_default().to_owned());
    let page = PageRequest { limit: MAX_TEAM_ENDPOINTS, cursor: None };
    let of_team = app.store.list_webhook_endpoints(&reach, &page).await?.items.len();
    if of_team >= MAX_TEAM_ENDPOINTS {
        return Err(ApiError::conflict("Too many webhooks", "A team can have 50: delete those that are not needed"));
    }
    if app.store.webhook_endpoints().await?.len() >= MAX_ENDPOINTS {
        return Err(ApiError::conflict(
            "Too many webhooks",
            "A server can have 1,000: an operator can list them with GET /api/webhooks and delete some",
        ));
    }
    Ok(())
}

fn check_new_endpoint(body: CreateWebhook, app: &App, context: &RequestContext) -> Result<NewEndpoint, ApiError> {
    let mut checks = FieldChecks::default();
    if body.url.as_ref().is_none_or(serde_json::Value::is_null) {
        checks.add_missing("url");
    }
    let url = read_url(&mut checks, body.url, app.webhooks.receivers().rule()).unwrap_or_default();
    let events = read_event_patterns(&mut checks, body.events).unwrap_or_else(|| vec!["*".to_owned()]);
    let description = read_description(&mut checks, body.description).flatten();
    let signature = read_signature(&mut checks, body.signature).unwrap_or(SignatureScheme::V1);
    let ordered = read_flag(&mut checks, "ordered", body.ordered).unwrap_or(false);
    let include_user_id = read_flag(&mut checks, "include_user_id", body.include_user_id).unwrap_or(true);
    let headers = read_headers(&mut checks, body.headers).unwrap_or_default();
    let asked = checks.known_line("team", body.team);
    let team = context.authority.choose_team(asked.unwrap_or_default());
    if team.is_none() {
        checks.add_problem("team", "must be your own team; with one team it may be left out");
    }
    checks.finish()?;
    let team = team.filter(|team| !team.is_empty());
    Ok(NewEndpoint { url, events, description, signature, ordered, include_user_id, headers, team })
}

fn to_endpoint(app: &App, new: NewEndpoint, now: Millis) -> (WebhookEndpoint, String) {
    let id = RecordId::random();
    let system_key = app.webhooks.system_key();
    let (key, secret) = SealedKey::draw(system_key, id, now);
    let names: Vec<&str> = new.headers.keys().map(String::as_str).collect();
    let endpoint = WebhookEndpoint {
        id,
        team: new.team.unwrap_or_default(),
        url: new.url,
        events: new.events,
        description: new.description,
        signature: new.signature,
        ordered: new.ordered,
        include_user_id: new.include_user_id,
        header_names: names.join(" "),
        sealed_headers: WebhookEndpoint::seal_headers(system_key, id, &new.headers),
        keys: vec![key],
        disabled: false,
        disabled_at: None,
        disabled_because: None,
        created: now,
        updated: now,
    };
    (endpoint, secret)
}
