//! Webhook endpoints of a team: made, changed, tested and removed, with the log of their deliveries.

mod change;
mod create;
mod delete;
mod deliveries;
mod endpoint_access;
mod endpoint_fields;
mod endpoint_view;
mod public_keys;
mod read;
mod replay;
mod resend;
mod rotate_secret;
mod secret;
mod send_test;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The operations of webhooks.
pub(crate) fn webhook_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(read::list_webhooks, create::create_webhook))
        .routes(routes!(read::get_webhook, change::change_webhook, delete::delete_webhook))
        .routes(routes!(rotate_secret::rotate_webhook_secret))
        .routes(routes!(secret::get_webhook_secret))
        .routes(routes!(send_test::test_webhook))
        .routes(routes!(deliveries::list_deliveries))
        .routes(routes!(deliveries::get_delivery))
        .routes(routes!(resend::resend_delivery))
        .routes(routes!(replay::replay_events))
        .routes(routes!(public_keys::list_webhook_keys))
}
