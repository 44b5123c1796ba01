//! Who judges that a face is alive: a provider behind one trait. What it reports counts; what a browser says does not.

use async_trait::async_trait;
use serde_json::Value;

use crate::domain::id::RecordId;
use crate::domain::liveness::SessionStatus;
use crate::domain::time::Millis;

/// A session that the provider has just made.
pub struct NewSession {
    pub id: String,
    /// The kind of challenge, in AWS's words (`FaceMovementAndLightChallenge`).
    pub challenge: &'static str,
}

/// What the provider reports of a session.
pub struct Report {
    pub status: SessionStatus,
    /// 0 to 100.
    pub confidence: Option<f64>,
    /// `{"bytes", "boundingBox"}` as the reference shows it, or null.
    pub reference_image: Value,
    pub audit_images: Vec<Value>,
}

/// Temporary credentials for a browser that talks to the provider itself.
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Millis,
}

/// Why a provider did not do its part.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    #[error("the provider denied access: {0}")]
    Denied(String),
    #[error("the provider asks for patience")]
    Throttled,
    #[error("the provider failed: {0}")]
    Failed(String),
}

/// A liveness provider.
#[async_trait]
pub trait Liveness: Send + Sync {
    /// Makes a session.
    async fn create_session(&self, profile: Option<RecordId>) -> Result<NewSession, ProviderError>;
    /// What is known of a session; `None` when it is unknown or forgotten.
    async fn report(&self, session: &str) -> Result<Option<Report>, ProviderError>;
    /// Credentials for 900 seconds that allow a browser its part of a session and nothing else; `None` when this
    /// provider needs none.
    async fn credentials(&self, profile: Option<RecordId>) -> Result<Option<Credentials>, ProviderError>;
}
