//! Who judges that a face is alive: a provider behind one trait. What it reports counts; what a browser says does not.

pub mod credentials;
pub mod rekognition;
pub mod sessions;

use async_trait::async_trait;
use bytes::Bytes;

use crate::domain::id::RecordId;
use crate::domain::liveness::{BoundingBox, Challenge, ChallengeKind, Feedback, SessionStatus};
use crate::domain::time::Millis;
use crate::outside::ProviderError;

pub use sessions::Sessions;

/// An image that a provider took of a person.
pub struct Picture {
    pub bytes: Bytes,
    pub bounding_box: Option<BoundingBox>,
}

/// What the provider reports of a session.
pub struct Report {
    pub status: SessionStatus,
    /// 0 to 100.
    pub confidence: Option<f64>,
    pub reference_image: Option<Picture>,
    /// At most 4.
    pub audit_images: Vec<Picture>,
    pub challenge: Option<Challenge>,
    pub feedback: Vec<Feedback>,
}

/// Temporary credentials for a browser that talks to the provider itself.
pub struct Credentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Millis,
}

/// A liveness provider.
#[async_trait]
pub trait Liveness: Send + Sync {
    /// The challenges that may be given, the usual one first.
    fn challenges(&self) -> &[ChallengeKind];
    /// Makes a session with that challenge, and gives its id.
    async fn create_session(&self, challenge: ChallengeKind) -> Result<String, ProviderError>;
    /// What is known of a session; `None` when it is unknown or forgotten.
    async fn report(&self, session: &str) -> Result<Option<Report>, ProviderError>;
    /// Credentials for 900 seconds that allow a browser its part of a session and nothing else; `None` when this
    /// provider needs none.
    async fn credentials(&self, profile: Option<RecordId>) -> Result<Option<Credentials>, ProviderError>;
    /// Says whether it would do its part now, by a call that costs little.
    async fn look(&self) -> Result<(), ProviderError>;
}
