//! `POST /api/webhooks/{id}/deliveries/{deliveryId}/resend`: sends one event again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::endpoint_access::NamedEndpoint;
use super::endpoint_view::{DeliveryDetails, DeliveryResponse};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::records::id::RecordId;
use crate::records::webhook_delivery::DeliveryTrigger;

/// Resend a delivery
///
/// It is due at once, with the same `webhook-id`. A delivery that has ended is tried once; one that waits for its next try goes on
/// with its schedule.
#[utoipa::path(post, path = "/api/webhooks/{id}/deliveries/{deliveryId}/resend", tag = "Webhooks",
    security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(
        ("id" = RecordId, Path, description = "The webhook's id"),
        ("deliveryId" = RecordId, Path, description = "The delivery's id"),
    ),
    responses(
        (status = 202, description = "It is due", body = DeliveryResponse),
        (status = 409, description = "The webhook is disabled, or the delivery is a test", body = ErrorBody),
    ))]
pub(crate) async fn resend_delivery(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
) -> Result<(StatusCode, Json<DeliveryResponse>), ApiError> {
    let delivery = named.load_delivery().await?;
    if delivery.trigger == DeliveryTrigger::Test {
        return Err(ApiError::conflict("Delivery is a test", "Send another test: POST /api/webhooks/{id}/test"));
    }
    refuse_disabled(&named)?;
    app.store.record_event(&named.audit(EventKind::WebhookSent, delivery.event_id.as_str())).await?;
    if !app.webhooks.resend(&delivery).await? {
        return Err(ApiError::unavailable("The delivery was tried at the same time; read it again"));
    }
    let delivery = named.load_delivery().await?;
    let attempts = app.webhooks.deliveries().webhook_attempts(delivery.id).await?;
    let data = DeliveryDetails::new(delivery, attempts);
    Ok((StatusCode::ACCEPTED, Json(DeliveryResponse { success: true, message: "Delivery is due", data })))
}

/// Refuses to make deliveries due that would wait for ever.
pub(super) fn refuse_disabled(named: &NamedEndpoint) -> Result<(), ApiError> {
    if named.endpoint.disabled {
        return Err(ApiError::conflict("Webhook is disabled", "Enable it first: PATCH /api/webhooks/{id}"));
    }
    Ok(())
}
