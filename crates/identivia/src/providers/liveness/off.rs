//! No liveness provider: the operator has turned it off.

use async_trait::async_trait;

use super::provider::{BrowserCredentials, CreatedSession, LivenessProvider, SessionReport};
use crate::domain::liveness::ChallengeKind;
use crate::providers::http_call::ProviderError;
use crate::records::id::RecordId;

/// Creates no session.
pub struct NoLiveness;

#[async_trait]
impl LivenessProvider for NoLiveness {
    fn is_off(&self) -> bool {
        true
    }

    fn challenges(&self) -> &[ChallengeKind] {
        &[ChallengeKind::MovementAndLight]
    }

    async fn create_session(&self, _: ChallengeKind) -> Result<CreatedSession, ProviderError> {
        Err(ProviderError::MissingSetting("LIVENESS_PROVIDER is off: the operator of this server can turn it on"))
    }

    async fn fetch_report(&self, _: &str) -> Result<Option<SessionReport>, ProviderError> {
        Ok(None)
    }

    async fn issue_credentials(&self, _: Option<RecordId>) -> Result<Option<BrowserCredentials>, ProviderError> {
        Ok(None)
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}
