//! Finds liveness sessions that a caller may use: by id within its reach, or to confirm a claim.

use crate::app::App;
use crate::http::error::ApiError;
use crate::http::guard::provider_quotas::{ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;
use crate::records::liveness_session::LivenessSession;

/// The longest session id, in bytes.
const MAX_SESSION_ID: usize = 255;

pub(crate) fn session_not_found() -> ApiError {
    ApiError::not_found("Session not found", "Face Liveness session ID is invalid or expired")
}

/// A session within the caller's reach that has not expired without a result.
pub(crate) async fn reachable_session(context: &RequestContext, id: &str) -> Result<Option<LivenessSession>, ApiError> {
    let (app, authority) = (&context.app, &context.authority);
    // A session that expired without a result stays expired, even if the provider reports one later.
    let session = find_session(app, id).await?.filter(|session| session.is_usable(app.clock.now()));
    let Some(session) = session else { return Ok(None) };
    let is_reachable = match session.profile {
        Some(profile) => {
            authority.may_name_profile(profile) && app.store.profile(profile, &authority.reach).await?.is_some()
        }
        None => authority.may_read_team_record(&session.team),
    };
    Ok(Some(session).filter(|_| is_reachable))
}

/// A usable session of that profile. An unfinished one is refreshed from the provider first.
pub(crate) async fn usable_session(
    context: &RequestContext,
    quotas: &ProviderQuotas,
    id: &str,
    profile: RecordId,
) -> Result<Option<LivenessSession>, ApiError> {
    let app = &context.app;
    let session = find_session(app, id).await?.filter(|session| session.profile == Some(profile));
    let Some(session) = session.filter(|session| session.is_usable(app.clock.now())) else { return Ok(None) };
    if session.status.is_finished() || session.used_by.is_some() {
        return Ok(Some(session));
    }
    quotas.charge(context, ProviderOperation::GetResults).await?;
    let session = app.liveness.refresh_session(session).await?;
    Ok(session.filter(|session| session.is_usable(app.clock.now())))
}

async fn find_session(app: &App, id: &str) -> Result<Option<LivenessSession>, ApiError> {
    if id.is_empty() || id.len() > MAX_SESSION_ID || id.contains('\0') {
        return Ok(None);
    }
    Ok(app.store.session(id).await?)
}
