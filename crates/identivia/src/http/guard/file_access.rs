//! Who at the console may view the files of a profile: admins, and reviewers while they hold a review of it.

use super::request_context::RequestContext;
use crate::http::error::ApiError;
use crate::records::id::RecordId;

/// Says whether the caller may view the files of a profile within its reach. Tokens may: their reach decides.
pub(crate) async fn may_view_files(context: &RequestContext, profile: RecordId) -> Result<bool, ApiError> {
    match &context.authority.reviewer {
        Some(reviewer) if !reviewer.is_admin() => {
            let (app, holder) = (&context.app, reviewer.user_id.as_str());
            Ok(app.store.holds_review_of(profile, holder, app.clock.now()).await?)
        }
        _ => Ok(true),
    }
}
