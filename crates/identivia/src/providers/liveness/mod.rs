//! Who judges that a face is alive: a provider behind one trait. What it reports counts; what a browser says does not.

pub mod credentials;
pub mod local;
pub mod rekognition;
pub mod sessions;

use async_trait::async_trait;
use bytes::Bytes;
use vision::liveness::{Frame, Observation};

use crate::domain::liveness::{
    BoundingBox, Challenge, ChallengeKind, Feedback, FrameImprint, SentFrame, SessionStatus, Task,
};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::Turn;
use crate::records::id::RecordId;
use crate::records::time::Millis;

pub use sessions::{Judging, Sessions};

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

/// A session that a provider has made.
pub struct Made {
    pub id: String,
    /// What the person is asked to do, where the provider judges frames that are sent here.
    pub task: Option<Task>,
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
    /// Makes a session with that challenge.
    async fn create_session(&self, challenge: ChallengeKind) -> Result<Made, ProviderError>;
    /// What is known of a session; `None` when it is unknown or forgotten. Never asked of a provider that judges frames.
    async fn report(&self, session: &str) -> Result<Option<Report>, ProviderError>;
    /// The provider's other side, where it judges frames that are sent here; `None` where browsers talk to it themselves.
    fn judge(&self) -> Option<&dyn Judge> {
        None
    }
    /// Credentials for 900 seconds that allow a browser its part of a session and nothing else; `None` when this
    /// provider needs none.
    async fn credentials(&self, profile: Option<RecordId>) -> Result<Option<Credentials>, ProviderError>;
    /// The region in which browsers talk to it themselves; `None` where they do not.
    fn region(&self) -> Option<&str> {
        None
    }
    /// Says whether it would do its part now, by a call that costs little.
    async fn look(&self) -> Result<(), ProviderError>;
}

/// Frames that have been opened, with a turn of the engines for them.
pub struct Opened {
    frames: Vec<Frame>,
    /// What tells each picture from every other, however its file is written.
    pub prints: Vec<RecordId>,
    turn: Turn,
}

/// Frames that have been looked at, with the turn of the engines that did.
pub struct Seen {
    frames: Vec<Frame>,
    observations: Vec<Observation>,
    /// What to know each frame with a face again by, however it is written anew.
    pub imprints: Vec<FrameImprint>,
    turn: Turn,
}

/// Who judges frames that a browser has sent.
#[async_trait]
pub trait Judge: Send + Sync {
    /// Opens frames; the number of the first that is no picture, from 1 on, where one is none.
    async fn opened(&self, frames: Vec<SentFrame>) -> Result<Result<Opened, usize>, ProviderError>;
    /// Looks at what each frame shows.
    async fn seen(&self, opened: Opened) -> Result<Seen, ProviderError>;
    /// Judges the frames of a session in which that was asked for. `are_known`: they have been judged before.
    async fn judged(&self, task: &Task, seen: Seen, are_known: bool) -> Result<Report, ProviderError>;
}
