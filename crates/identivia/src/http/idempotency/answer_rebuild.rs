//! Rebuilds the answer of a write whose server died before the answer was stored: from the record that was written.

use axum::http::Method;
use axum::response::Response;

use crate::http::api::flow::consent;
use crate::http::api::profiles::{create, revoke_links, update};
use crate::http::api::{status_history, verification_history};
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;

/// The operations whose commit leaves a receipt. All others may do their work again: they read, or create something that
/// only their answer names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RebuiltOperation {
    CreateProfile,
    UpdateProfile,
    RevokeLinks,
    RecordStatus,
    RecordVerification,
    AcceptConsent,
}

impl RebuiltOperation {
    /// The operation of a route.
    pub(super) fn of_route(method: &Method, path: &str) -> Option<Self> {
        Some(match (method.as_str(), path) {
            ("POST", "/api/profiles/create") => Self::CreateProfile,
            ("PATCH", "/api/profiles/{id}") => Self::UpdateProfile,
            ("POST", "/api/profiles/{id}/revoke_links") => Self::RevokeLinks,
            ("POST", "/api/status_history/{id}") => Self::RecordStatus,
            ("POST", "/api/verification_history/{id}") => Self::RecordVerification,
            ("POST", "/api/flow/{id}/consent") => Self::AcceptConsent,
            _ => return None,
        })
    }
}

/// The answer of an operation that has written the record with that key.
pub(super) async fn rebuild_answer(
    operation: Option<RebuiltOperation>,
    context: &RequestContext,
    written: &str,
) -> Result<Response, ApiError> {
    let (Some(operation), Some(id)) = (operation, RecordId::parse(written)) else {
        return Err(ApiError::profile_not_found());
    };
    match operation {
        RebuiltOperation::CreateProfile => create::answer_created(context, id).await,
        RebuiltOperation::UpdateProfile => update::answer_updated(context, id).await,
        RebuiltOperation::RevokeLinks => Ok(revoke_links::answer_revoked()),
        RebuiltOperation::RecordStatus => status_history::answer_recorded(context, id).await,
        RebuiltOperation::RecordVerification => verification_history::create::answer_recorded(context, id).await,
        RebuiltOperation::AcceptConsent => consent::answer_accepted(context, id).await,
    }
}
