//! `POST /api/webhooks/{id}/replay`: sends the events of a time again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::endpoint_access::NamedEndpoint;
use super::endpoint_fields::read_event_patterns;
use super::resend::refuse_disabled;
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::outbox::EventType;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::http::openapi;
use crate::jobs::webhooks::{ReplayError, ReplayRequest};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// How far back a replay may begin, in days.
const MAX_REPLAY_DAYS: i64 = 14;

/// Which events to send again.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"since": "2026-03-20T00:00:00Z", "only": "failed"}))]
pub(crate) struct ReplayEvents {
    /// The oldest, at most 14 days ago.
    #[serde(default)]
    #[schema(value_type = String, required = true, format = "date-time", max_length = 255)]
    since: RawField,
    /// The newest; now when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>, format = "date-time", max_length = 255)]
    until: RawField,
    /// Types of event, and groups such as `profile.*`; all that the webhook gets when left out.
    #[serde(default)]
    #[schema(schema_with = openapi::event_patterns_or_null, required = false)]
    types: RawField,
    /// `failed` (those that were given up) when left out, or `all`.
    #[serde(default)]
    #[schema(value_type = Option<ReplayedEvents>)]
    only: RawField,
}

/// Which events a replay sends.
#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it describes the words of a field")]
pub(crate) enum ReplayedEvents {
    Failed,
    All,
}

/// A replay.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Events are due", "data": {"count": 12}}))]
pub(crate) struct ReplayResponse {
    success: bool,
    message: &'static str,
    data: ReplayCount,
}

/// How much a replay sends.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReplayCount {
    /// The events that are due now. `GET …/deliveries?state=due` lists those that have not been delivered yet.
    count: usize,
}

/// Replay events
///
/// Makes the events of a time due again, with the same `webhook-id`s and the whole schedule: at most 10,000 in one call.
#[utoipa::path(post, path = "/api/webhooks/{id}/replay", tag = "Webhooks",
    security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    request_body = ReplayEvents,
    responses(
        (status = 202, description = "They are due", body = ReplayResponse),
        (status = 409, description = "More than 10,000 events, or the webhook is disabled", body = ErrorBody),
    ))]
pub(crate) async fn replay_events(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
    request: WholeRequest,
) -> Result<(StatusCode, Json<ReplayResponse>), ApiError> {
    let request = check_request(json::read_json(request).await?, app.clock.now())?;
    refuse_disabled(&named)?;
    app.store.record_event(&named.audit(EventKind::WebhookReplayed, "")).await?;
    let count = app.webhooks.replay(&named.endpoint, &request).await.map_err(to_api_error)?;
    let data = ReplayCount { count };
    Ok((StatusCode::ACCEPTED, Json(ReplayResponse { success: true, message: "Events are due", data })))
}

/// Maps an error of a replay to its API error.
pub(super) fn to_api_error(error: ReplayError) -> ApiError {
    match error {
        ReplayError::TooMany => ApiError::conflict(
            "Too many events",
            "One replay sends at most 10,000 events: name a shorter time or fewer types, and repeat it",
        ),
        ReplayError::Store(error) => error.into(),
    }
}

fn check_request(body: ReplayEvents, now: Millis) -> Result<ReplayRequest, ApiError> {
    let mut checks = FieldChecks::default();
    let since = checks.required_text("since", body.since, LINE);
    let since = read_time(&mut checks, "since", &since);
    if since.is_some_and(|since| since < now.plus_days(-MAX_REPLAY_DAYS)) {
        checks.add_problem("since", "must be at most 14 days ago; GET /api/events gives older events");
    }
    let until = checks.known_line("until", body.until);
    let until = until.and_then(|text| read_time(&mut checks, "until", &text)).unwrap_or(now);
    if since.is_some_and(|since| since > until) {
        checks.add_problem("until", "must not be before since");
    }
    let patterns = read_event_patterns(&mut checks, body.types).unwrap_or_default();
    let types = patterns.iter().filter_map(|pattern| EventType::parse_pattern(pattern)).flatten().collect();
    let only_failed = match checks.known_line("only", body.only).as_deref() {
        None | Some("failed") => true,
        Some("all") => false,
        Some(_) => {
            checks.add_problem("only", "must be failed or all");
            true
        }
    };
    checks.finish()?;
    Ok(ReplayRequest { since: since.unwrap_or(now), until, types, only_failed })
}

fn read_time(checks: &mut FieldChecks, name: &'static str, text: &str) -> Option<Millis> {
    let time = Millis::parse(text);
    if time.is_none() && !text.is_empty() {
        checks.add_problem(name, "must be a time such as 2026-03-21T00:00:00Z, or a date");
    }
    time
}
