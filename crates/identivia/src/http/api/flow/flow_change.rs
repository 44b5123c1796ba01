//! Writes a change of the person's page to their profile.

use crate::domain::event::EventKind;
use crate::domain::profile::ProfileChange;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::request_context::RequestContext;
use crate::store::UploadedFiles;

pub(super) async fn change_profile(
    context: &RequestContext,
    profile: &WritableProfile,
    change: ProfileChange,
    kind: EventKind,
    detail: String,
) -> Result<(), ApiError> {
    let (id, reach, condition) = (profile.id(), &context.authority.reach, profile.condition());
    let event = context.audit_event(kind, Some(id), detail);
    let files = UploadedFiles::default();
    let written = context.store.change_profile(id, reach, condition, &change, files, event).await?;
    context.resolve_write(id, written).await.map(drop)
}
