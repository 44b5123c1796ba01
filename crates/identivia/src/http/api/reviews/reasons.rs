//! The catalogue of reasons, as reviewers and integrators read it.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::reason::{REASONS, Reason};

/// Every reason.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReasonList {
    success: bool,
    data: &'static [Reason],
}

/// List reasons
///
/// Why another try is asked for, or why a verification is rejected. The person never sees the code of a private reason.
#[utoipa::path(get, path = "/api/reasons", tag = "Reviews", 
    security(("machine" = ["reviews:read"]), ("consoleSession" = ["reviews:read"])),
    responses((status = 200, description = "Every reason", body = ReasonList)))]
pub(crate) async fn list_reasons() -> Json<ReasonList> {
    Json(ReasonList { success: true, data: &REASONS })
}
