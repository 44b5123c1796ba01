//! `POST /api/webhooks/{id}/test`: sends an endpoint a test at once and answers with what came of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::endpoint_access::NamedEndpoint;
use super::endpoint_view::{DeliveryDetails, DeliveryResponse};
use crate::app::App;
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::domain::outbox::EventType;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::jobs::queue::JobError;
use crate::records::id::RecordId;

/// Which event to send.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"type": "profile.verified"}))]
pub(crate) struct TestWebhook {
    /// A type of event, of which a sample is sent with `"test": true`; `webhook.test` when left out.
    #[serde(default, rename = "type")]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[a-z_]+\\.[a-z_]+$")]
    event_type: RawField,
}

/// Test a webhook
///
/// Sends an event at once, also to a webhook that is disabled, and says what the receiver answered. A test is tried once.
#[utoipa::path(post, path = "/api/webhooks/{id}/test", tag = "Webhooks", security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    request_body = TestWebhook,
    responses(
        (status = 200, description = "Sent: `data.state` says whether the receiver took it", body = DeliveryResponse),
        (status = 409, description = "The webhook was made with another system key", body = ErrorBody),
    ))]
pub(crate) async fn test_webhook(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
    request: WholeRequest,
) -> Result<Json<DeliveryResponse>, ApiError> {
    let event_type = check_type(json::read_json(request).await?)?;
    app.store.record_event(&named.audit(EventKind::WebhookSent, "test")).await?;
    let (delivery, attempt) =
        app.webhooks.send_test(&named.endpoint, event_type).await.map_err(|error| to_api_error(&error))?;
    let message = if delivery.last_error.is_none() { "Test delivered" } else { "Test not delivered" };
    Ok(Json(DeliveryResponse { success: true, message, data: DeliveryDetails::new(delivery, vec![attempt]) }))
}

fn to_api_error(error: &JobError) -> ApiError {
    tracing::warn!(%error, "a webhook could not be tested");
    ApiError::conflict(
        "Webhook cannot be signed",
        "It was made with another system key: an operator restores system.key, or rotate its secret",
    )
}

fn check_type(body: TestWebhook) -> Result<EventType, ApiError> {
    let mut checks = FieldChecks::default();
    let word = checks.optional_text("type", body.event_type, LINE);
    let found = match word {
        None => Some(EventType::WebhookTest),
        Some(word) => EventType::ALL.into_iter().find(|known| known.word() == word),
    };
    if found.is_none() {
        let known: Vec<&str> = EventType::ALL.into_iter().map(EventType::word).collect();
        checks.add_problem("type", format!("must be one of {}", known.join(", ")));
    }
    checks.finish()?;
    Ok(found.unwrap_or(EventType::WebhookTest))
}
