//! The webhook endpoint that a path names, within the caller's team, and the refusals of changes to it.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::http::state::HttpState;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::webhook_delivery::WebhookDelivery;
use crate::records::webhook_endpoint::WebhookEndpoint;
use crate::store::Refusal;

/// An endpoint of the caller's team, with the request's context.
pub(crate) struct NamedEndpoint {
    pub(super) context: RequestContext,
    pub(super) endpoint: WebhookEndpoint,
    /// The delivery that the path names, if it names one.
    delivery: Option<RecordId>,
}

impl FromRequestParts<HttpState> for NamedEndpoint {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let context = RequestContext::from_request_parts(parts, state).await?;
        let path = Path::<Vec<(String, String)>>::from_request_parts(parts, state).await;
        let Path(parameters) = path.map_err(|_| endpoint_not_found())?;
        let find = |wanted: &str| {
            let found = parameters.iter().find(|(name, _)| name == wanted);
            found.and_then(|(_, text)| RecordId::parse(text))
        };
        let id = find("id").ok_or_else(endpoint_not_found)?;
        let endpoint = context.app.store.webhook_endpoint(id, &context.authority.reach).await?;
        let endpoint = endpoint.ok_or_else(endpoint_not_found)?;
        Ok(Self { endpoint, delivery: find("deliveryId"), context })
    }
}

impl NamedEndpoint {
    /// Reads the delivery that the path names.
    pub(super) async fn load_delivery(&self) -> Result<WebhookDelivery, ApiError> {
        let not_found =
            || ApiError::not_found("Delivery not found", "GET /api/webhooks/{id}/deliveries lists the deliveries");
        let id = self.delivery.ok_or_else(not_found)?;
        let deliveries = self.context.app.webhooks.deliveries();
        deliveries.webhook_delivery(self.endpoint.id, id).await?.ok_or_else(not_found)
    }

    /// Replaces the endpoint and gives it as it is stored now.
    pub(super) async fn replace(
        &self,
        after: WebhookEndpoint,
        audit: &AuditEvent,
    ) -> Result<WebhookEndpoint, ApiError> {
        let written = self.context.store.replace_webhook_endpoint(&self.endpoint, after, audit, None).await?;
        written.map_err(refusal_error)
    }

    /// An audit event about the endpoint. `detail` names what has changed, never a secret or the URL.
    pub(super) fn audit(&self, kind: EventKind, detail: &str) -> AuditEvent {
        endpoint_audit(&self.context, kind, self.endpoint.id, detail)
    }
}

/// An audit event about an endpoint.
pub(super) fn endpoint_audit(
    context: &RequestContext,
    kind: EventKind,
    endpoint: RecordId,
    detail: &str,
) -> AuditEvent {
    let separator = if detail.is_empty() { "" } else { ": " };
    let event = context.audit_event(kind, None, format!("{endpoint}{separator}{detail}"));
    event.on(RecordKind::WebhookEndpoints, endpoint.as_str())
}

/// 404 for an endpoint that does not exist, or is another team's.
fn endpoint_not_found() -> ApiError {
    ApiError::not_found("Webhook not found", "GET /api/webhooks lists the webhooks")
}

/// Maps a store refusal of an endpoint's change to its API error.
pub(super) fn refusal_error(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => endpoint_not_found(),
        _ => ApiError::unavailable("The webhook was changed at the same time; try again"),
    }
}
