//! Gets a profile with the verification record that it shows.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::profile_view::ProfileView;
use crate::http::error::ApiError;
use crate::http::guard::authority::Shown;
use crate::http::guard::profile_access::ProfilePath;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;

/// A profile.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "name": "John Doe", "document_type": "passport", "document_number": "A12345678", "country": "US", "language": "en",
    "verification_status": "unverified", "status": "pending", "security_level": "high",
    "createdAt": "2026-03-21 00:00:00.000Z", "verification_history": {
        "id": "vh23def456ghi78", "profile": "abc123def456ghi", "status": "pending", "liveness_session_id": "session-xyz",
        "liveness_confidence": 95.5, "liveness_status": "live", "document_type": "passport", "name": "John Doe",
        "document_number": "A12345678", "country": "US", "created": "2026-03-21 00:00:00.000Z",
        "updated": "2026-03-21 00:00:00.000Z", "checks_status": "pending", "checks": null,
    },
    "consent": {"id": "cns3def456ghi78", "version": "2026-11", "language": "en", "accepted": "2026-03-21T00:00:00.000Z"},
}}))]
pub(crate) struct ProfileResponse {
    success: bool,
    #[schema(value_type = ProfileView)]
    data: Shown<ProfileView>,
}

/// Get a profile
///
/// `status` is the newest status record's, `verification_status` the profile's own. Unknown values are `null`.
#[utoipa::path(get, path = "/api/profiles/{id}", tag = "Profiles",
    security(("machine" = ["profiles:read"]), ("flow" = ["profiles:read"]), ("consoleSession" = ["profiles:read"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 200, description = "The profile", body = ProfileResponse)))]
pub(crate) async fn get_profile(
    State(app): State<Arc<App>>,
    context: RequestContext,
    ProfilePath(id): ProfilePath,
) -> Result<Json<ProfileResponse>, ApiError> {
    let found = app.store.profile_with_evidence(id, &context.authority.reach).await?;
    let found = found.ok_or_else(ApiError::profile_not_found)?;
    context.audit_read(context.audit_event(EventKind::ProfileOpened, Some(id), "")).await?;
    let shown = context.authority.show(found);
    let data = shown.map(|found| ProfileView::new(found.profile, found.verification));
    Ok(Json(ProfileResponse { success: true, data }))
}
