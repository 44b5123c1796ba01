//! Revokes a profile's links: every flow token and handoff code that was made before.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::ProfilePath;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;

/// Revoked links.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "message": "Links revoked"}))]
pub(crate) struct RevokeLinksResponse {
    success: bool,
    message: &'static str,
}

/// Revoke a profile's links
///
/// Every link, flow token and handoff code that was made before gets 401. `POST /api/profiles/create` with the same `userID`
/// makes a new link.
#[utoipa::path(post, path = "/api/profiles/{id}/revoke_links", tag = "Profiles", security(("machine" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 200, description = "Revoked", body = RevokeLinksResponse)))]
pub(crate) async fn revoke_profile_links(
    context: RequestContext,
    ProfilePath(id): ProfilePath,
) -> Result<Json<RevokeLinksResponse>, ApiError> {
    let event = context.audit_event(EventKind::LinksRevoked, Some(id), "");
    let written = context.store.revoke_links(id, &context.authority.reach, event).await?;
    context.resolve_write(id, written).await?;
    Ok(to_response())
}

fn to_response() -> Json<RevokeLinksResponse> {
    Json(RevokeLinksResponse { success: true, message: "Links revoked" })
}

/// The answer to links that an earlier attempt has revoked.
pub(crate) fn answer_revoked() -> Response {
    to_response().into_response()
}
