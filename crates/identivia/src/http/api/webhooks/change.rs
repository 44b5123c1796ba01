//! `PATCH /api/webhooks/{id}`: changes an endpoint, disables and enables it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::endpoint_access::NamedEndpoint;
use super::endpoint_fields::{
    read_description, read_event_patterns, read_flag, read_headers, read_signature, read_url,
};
use super::endpoint_view::{WebhookResponse, WebhookView};
use super::replay::to_api_error;
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::http::openapi;
use crate::jobs::webhooks::ReplayRequest;
use crate::records::id::RecordId;
use crate::records::webhook_endpoint::{DisabledBecause, SignatureScheme, WebhookEndpoint};

/// The fields of a webhook to change. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"enabled": true, "resume": "missed"}))]
pub(crate) struct ChangeWebhook {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2048, format = "uri")]
    url: RawField,
    #[serde(default)]
    #[schema(schema_with = openapi::event_patterns_or_null, required = false)]
    events: RawField,
    /// An empty text removes it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    description: RawField,
    #[serde(default)]
    #[schema(value_type = Option<SignatureScheme>)]
    signature: RawField,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    ordered: RawField,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    include_user_id: RawField,
    /// Replaces all headers. An empty object removes them.
    #[serde(default)]
    #[schema(schema_with = openapi::header_map_or_null, required = false)]
    headers: RawField,
    /// A webhook that is not enabled gets nothing. Events are kept meanwhile.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    enabled: RawField,
    /// Needed to enable it again: `now` starts with the next event, `missed` first sends what has happened since.
    #[serde(default)]
    #[schema(value_type = Option<ResumeFrom>)]
    resume: RawField,
}

/// Which events an endpoint gets once it is enabled again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ResumeFrom {
    Now,
    Missed,
}

/// Change a webhook
///
/// A change holds within a second. To enable a webhook again, say with `resume` what becomes of the events since it was disabled.
#[utoipa::path(patch, path = "/api/webhooks/{id}", tag = "Webhooks", security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    request_body = ChangeWebhook,
    responses(
        (status = 200, description = "Changed", body = WebhookResponse),
        (status = 409, description = "It has missed more than 10,000 events: enable it with `resume: now`, then replay", body = ErrorBody),
    ))]
pub(crate) async fn change_webhook(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
    request: WholeRequest,
) -> Result<Json<WebhookResponse>, ApiError> {
    let body = json::read_json(request).await?;
    let (after, changed, resume) = apply_change(&app, &named.endpoint, body)?;
    let mut stored = named.endpoint.clone();
    if let Some(resume) = resume {
        prepare_resume(&app, &named.endpoint, resume).await?;
    }
    if !changed.is_empty() {
        stored = named.replace(after, &named.audit(EventKind::WebhookChanged, &changed.join(", "))).await?;
    }
    if resume.is_some() {
        app.webhooks.forget_failures(stored.id).await?;
    }
    let progress = app.webhooks.deliveries().progress_of(stored.id).await?;
    let data = WebhookView::new(stored, progress.as_ref(), app.clock.now());
    Ok(Json(WebhookResponse { success: true, message: "Webhook saved", data }))
}

/// Drops what waits, or makes due what was missed, before the endpoint is enabled. Both can be done twice.
async fn prepare_resume(app: &App, endpoint: &WebhookEndpoint, resume: ResumeFrom) -> Result<(), ApiError> {
    match resume {
        ResumeFrom::Now => app.webhooks.drop_waiting(endpoint.id).await.map(drop).map_err(ApiError::from),
        ResumeFrom::Missed => {
            let now = app.clock.now();
            let since = endpoint.disabled_at.unwrap_or(now);
            let request = ReplayRequest { since, until: now, types: Vec::new(), only_failed: false };
            app.webhooks.replay(endpoint, &request).await.map(drop).map_err(to_api_error)
        }
    }
}

/// The endpoint as it is after the change, the names of what changes, and how it is enabled.
fn apply_change(
    app: &App,
    before: &WebhookEndpoint,
    body: ChangeWebhook,
) -> Result<(WebhookEndpoint, Vec<&'static str>, Option<ResumeFrom>), ApiError> {
    let (mut checks, mut after, mut changed) = (FieldChecks::default(), before.clone(), Vec::new());
    let rule = app.webhooks.receivers().rule();
    set_field(&mut after.url, read_url(&mut checks, body.url, rule), "url", &mut changed);
    set_field(&mut after.events, read_event_patterns(&mut checks, body.events), "events", &mut changed);
    set_field(&mut after.description, read_description(&mut checks, body.description), "description", &mut changed);
    set_field(&mut after.signature, read_signature(&mut checks, body.signature), "signature", &mut changed);
    set_field(&mut after.ordered, read_flag(&mut checks, "ordered", body.ordered), "ordered", &mut changed);
    let include_user_id = read_flag(&mut checks, "include_user_id", body.include_user_id);
    set_field(&mut after.include_user_id, include_user_id, "include_user_id", &mut changed);
    if let Some(headers) = read_headers(&mut checks, body.headers) {
        let names: Vec<&str> = headers.keys().map(String::as_str).collect();
        after.header_names = names.join(" ");
        after.sealed_headers = WebhookEndpoint::seal_headers(app.webhooks.system_key(), before.id, &headers);
        changed.push("headers");
    }
    let resume = read_resume(&mut checks, body.resume);
    let mut resumed = None;
    match read_flag(&mut checks, "enabled", body.enabled) {
        Some(true) if before.disabled => {
            (after.disabled, after.disabled_at, after.disabled_because) = (false, None, None);
            changed.push("enabled");
            resumed = resume;
            if resume.is_none() && !checks.has_problem("resume") {
                checks.add_problem("resume", "must say which events it gets: now (from the next one on) or missed");
            }
        }
        Some(false) if !before.disabled => {
            after.disabled = true;
            after.disabled_at = Some(app.clock.now());
            after.disabled_because = Some(DisabledBecause::Client);
            changed.push("enabled");
        }
        _ => {}
    }
    checks.finish()?;
    Ok((after, changed, resumed))
}

fn set_field<T: PartialEq>(field: &mut T, value: Option<T>, name: &'static str, changed: &mut Vec<&'static str>) {
    if let Some(value) = value.filter(|value| value != field) {
        *field = value;
        changed.push(name);
    }
}

fn read_resume(checks: &mut FieldChecks, raw: RawField) -> Option<ResumeFrom> {
    match checks.optional_text("resume", raw, LINE).as_deref() {
        None => None,
        Some("now") => Some(ResumeFrom::Now),
        Some("missed") => Some(ResumeFrom::Missed),
        Some(_) => {
            checks.add_problem("resume", "must be now or missed");
            None
        }
    }
}
