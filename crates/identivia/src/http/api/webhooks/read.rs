//! `GET /api/webhooks` and `GET /api/webhooks/{id}`: the endpoints of a team, and how they are doing.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use super::endpoint_access::NamedEndpoint;
use super::endpoint_view::{WebhookResponse, WebhookView};
use crate::app::App;
use crate::http::body::list_query::{ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;

type WebhookList = PageResponse<WebhookView>;

/// List webhooks
///
/// Newest first. An operator's client sees those of every team.
#[utoipa::path(get, path = "/api/webhooks", tag = "Webhooks", security(("machine" = ["webhooks:read"]), ("consoleSession" = ["webhooks:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of webhooks", body = WebhookList)))]
pub(crate) async fn list_webhooks(
    State(app): State<Arc<App>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Json<PageResponse<WebhookView>>, ApiError> {
    let page = ListQuery::parse_page_only(query.as_deref())?;
    let page = app.store.list_webhook_endpoints(&context.authority.reach, &page).await?;
    let progress = app.webhooks.deliveries().delivery_progress().await?;
    let now = app.clock.now();
    let page = page.map(|endpoint| {
        let progress = progress.iter().find(|progress| progress.id == endpoint.id);
        WebhookView::new(endpoint, progress, now)
    });
    Ok(Json(PageResponse::new(page, &context.authority, |view| view)))
}

/// Get a webhook
///
/// With how it is doing: since when deliveries fail, and how many tries in a row.
#[utoipa::path(get, path = "/api/webhooks/{id}", tag = "Webhooks", security(("machine" = ["webhooks:read"]), ("consoleSession" = ["webhooks:read"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    responses((status = 200, description = "The webhook", body = WebhookResponse)))]
pub(crate) async fn get_webhook(
    State(app): State<Arc<App>>,
    NamedEndpoint { endpoint, .. }: NamedEndpoint,
) -> Result<Json<WebhookResponse>, ApiError> {
    let progress = app.webhooks.deliveries().progress_of(endpoint.id).await?;
    let data = WebhookView::new(endpoint, progress.as_ref(), app.clock.now());
    Ok(Json(WebhookResponse { success: true, message: "Webhook found", data }))
}
