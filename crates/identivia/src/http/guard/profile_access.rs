//! Extractors for the profile that a request is about: the one a path names, one to write to, the caller's own.

use std::sync::Arc;

use axum::extract::{FromRef, FromRequestParts, Path};
use axum::http::request::Parts;

use super::authority::Authority;
use super::request_context::RequestContext;
use crate::app::App;
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::store::{Refusal, WriteCondition};

/// The id of the profile that a path names. A flow token may name only its own profile; any other id is the same 404.
pub(crate) struct ProfilePath(pub(crate) RecordId);

/// A profile that the caller may write to now.
///
/// Writes take their [condition](Self::condition) from here, so that no handler can forget to refuse a late one.
pub(crate) struct WritableProfile {
    pub(crate) profile: Profile,
    condition: WriteCondition,
}

/// A profile that is neither verified nor rejected, for a caller whose last step may follow its submission.
pub(crate) struct UndecidedProfile {
    pub(crate) profile: Profile,
    /// Whether only the last step is left to the caller.
    pub(crate) is_submitted: bool,
}

/// The caller's own profile, if it is bound to one: it must still be writable.
pub(crate) struct OwnWritableProfile(pub(crate) Option<RecordId>);

impl WritableProfile {
    /// Loads a profile for writing; refuses and audits a late write of a link.
    pub(crate) async fn load(context: &RequestContext, id: RecordId) -> Result<Self, ApiError> {
        let profile = load_profile(context, id).await?;
        match context.authority.refuse_write(&profile) {
            Some(refusal) => Err(context.refusal_error(id, refusal).await),
            None => Ok(Self { profile, condition: context.authority.write_condition() }),
        }
    }

    /// The condition that the store checks at the moment of writing.
    pub(crate) const fn condition(&self) -> WriteCondition {
        self.condition
    }

    pub(crate) const fn id(&self) -> RecordId {
        self.profile.id
    }
}

impl UndecidedProfile {
    /// Loads a profile; refuses and audits a write of a link after the decision.
    pub(crate) async fn load(context: &RequestContext, id: RecordId) -> Result<Self, ApiError> {
        let profile = load_profile(context, id).await?;
        match context.authority.refuse_write(&profile) {
            Some(Refusal::Submitted) => Ok(Self { profile, is_submitted: true }),
            Some(refusal) => Err(context.refusal_error(id, refusal).await),
            None => Ok(Self { profile, is_submitted: false }),
        }
    }
}

/// Loads a profile within the caller's reach.
pub(crate) async fn load_profile(context: &RequestContext, id: RecordId) -> Result<Profile, ApiError> {
    context.app.store.profile(id, &context.authority.reach).await?.ok_or_else(ApiError::profile_not_found)
}

impl<S: Send + Sync> FromRequestParts<S> for ProfilePath {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let authority = parts.extensions.get::<Arc<Authority>>().cloned().ok_or_else(ApiError::missing_token)?;
        let Path(text) =
            Path::<String>::from_request_parts(parts, state).await.map_err(|_| ApiError::profile_not_found())?;
        let id = RecordId::parse(&text).filter(|id| authority.may_name_profile(*id));
        id.map(Self).ok_or_else(ApiError::profile_not_found)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for WritableProfile
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (context, id) = extract_named_profile(parts, state).await?;
        Self::load(&context, id).await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for UndecidedProfile
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let (context, id) = extract_named_profile(parts, state).await?;
        Self::load(&context, id).await
    }
}

/// The context of a request, and the profile that its path names.
async fn extract_named_profile<S: Send + Sync>(
    parts: &mut Parts,
    state: &S,
) -> Result<(RequestContext, RecordId), ApiError>
where
    Arc<App>: FromRef<S>,
{
    let context = RequestContext::from_request_parts(parts, state).await?;
    let ProfilePath(id) = ProfilePath::from_request_parts(parts, state).await?;
    Ok((context, id))
}

impl<S: Send + Sync> FromRequestParts<S> for OwnWritableProfile
where
    Arc<App>: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let context = RequestContext::from_request_parts(parts, state).await?;
        match context.authority.own_profile {
            Some(id) => Ok(Self(Some(WritableProfile::load(&context, id).await?.id()))),
            None => Ok(Self(None)),
        }
    }
}
