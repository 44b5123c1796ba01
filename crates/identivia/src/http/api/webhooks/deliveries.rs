//! `GET /api/webhooks/{id}/deliveries`: what an endpoint got, gets next, and did not get.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use super::endpoint_access::NamedEndpoint;
use super::endpoint_view::{DeliveryDetails, DeliveryResponse, DeliveryView};
use crate::app::App;
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::{ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::webhook_delivery::DeliveryState;
use crate::store::{DeliveryFilter, PageRequest};

type WebhookDeliveryList = PageResponse<DeliveryView>;

/// List the deliveries of a webhook
///
/// Newest first. Those that have ended are kept for `WEBHOOKS_KEPT_DAYS`.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries", tag = "Webhooks",
    security(("machine" = ["webhooks:read"]), ("consoleSession" = ["webhooks:read"])),
    params(
        ("id" = RecordId, Path, description = "The webhook's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
        ("state" = Option<DeliveryState>, Query, description = "Only in that state"),
        ("type" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[a-z0-9_.]+$", description = "Only of that type of event"),
    ),
    responses((status = 200, description = "A page of deliveries", body = WebhookDeliveryList)))]
pub(crate) async fn list_deliveries(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
    RawQuery(query): RawQuery,
) -> Result<Json<PageResponse<DeliveryView>>, ApiError> {
    let (filter, page) = parse_query(query.as_deref())?;
    let page = app.webhooks.deliveries().list_webhook_deliveries(named.endpoint.id, &filter, &page).await?;
    Ok(Json(PageResponse::new(page.map(DeliveryView::from), &named.context.authority, |view| view)))
}

/// Get a delivery of a webhook
///
/// With its tries: status, time, and the first 2 KiB of the receiver's answer.
#[utoipa::path(get, path = "/api/webhooks/{id}/deliveries/{deliveryId}", tag = "Webhooks",
    security(("machine" = ["webhooks:read"]), ("consoleSession" = ["webhooks:read"])),
    params(
        ("id" = RecordId, Path, description = "The webhook's id"),
        ("deliveryId" = RecordId, Path, description = "The delivery's id"),
    ),
    responses((status = 200, description = "The delivery", body = DeliveryResponse)))]
pub(crate) async fn get_delivery(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
) -> Result<Json<DeliveryResponse>, ApiError> {
    let delivery = named.load_delivery().await?;
    let attempts = app.webhooks.deliveries().webhook_attempts(delivery.id).await?;
    let data = DeliveryDetails::new(delivery, attempts);
    Ok(Json(DeliveryResponse { success: true, message: "Delivery found", data }))
}

fn parse_query(query: Option<&str>) -> Result<(DeliveryFilter, PageRequest), ApiError> {
    let mut query = ListQuery::parse(query, &["state", "type"])?;
    let mut checks = FieldChecks::default();
    let page = query.take_page(&mut checks);
    let word = Some(query.take_text("state", &mut checks)).filter(|word| !word.is_empty());
    let state = word.as_deref().and_then(|word| DeliveryState::ALL.into_iter().find(|state| state.word() == word));
    if word.is_some() && state.is_none() {
        let known: Vec<&str> = DeliveryState::ALL.into_iter().map(DeliveryState::word).collect();
        checks.add_problem("state", format!("must be one of {}", known.join(", ")));
    }
    let event_type = Some(query.take_text("type", &mut checks)).filter(|word| !word.is_empty());
    let is_type = |word: &String| word.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.'));
    if !event_type.as_ref().is_none_or(is_type) {
        checks.add_problem("type", "must be a type of event, such as profile.verified");
    }
    checks.finish()?;
    Ok((DeliveryFilter { state, event_type }, page))
}
