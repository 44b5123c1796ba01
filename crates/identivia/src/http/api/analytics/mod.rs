//! Statistics of verifications: an overview, and reports of a window of days.

mod overview;
mod report;
mod window;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The operations of statistics.
pub(crate) fn analytics_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new().routes(routes!(overview::get_analytics_overview)).routes(routes!(report::get_analytics_report))
}
