//! Who at the console may view the files of a profile: admins, and reviewers while they hold a review of it.

use super::request_context::RequestContext;
use crate::http::error::ApiError;
use crate::records::id::RecordId;

/// Says whether the caller may view the files of a profile within its reach. Tokens may: their reach decides.
pub(crate) async fn may_view_files(context: &RequestContext, _profile: RecordId) -> Result<bool, ApiError> {
    Ok(context.authority.reviewer.as_ref().is_none_or(|reviewer| reviewer.is_admin()))
}
