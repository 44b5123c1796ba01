//! The audit trail: listed, exported, and the kinds of event in it.

mod audit_entry;
mod audit_query;
mod export;
mod kinds;
mod list;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The operations of the audit trail.
pub(crate) fn audit_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_audit_events))
        .routes(routes!(export::export_audit_events))
        .routes(routes!(kinds::list_audit_kinds))
}
