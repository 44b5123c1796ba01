//! The liveness provider trait, and the frame judge of a provider that evaluates frames on this server.

use async_trait::async_trait;
use bytes::Bytes;
use vision::liveness::{Frame, Observation};

use crate::domain::face_imprint::FrameImprint;
use crate::domain::liveness::{ChallengeKind, SentFrame};
use crate::providers::http_call::ProviderError;
use crate::records::id::RecordId;
use crate::records::liveness_session::{BoundingBox, Challenge, Feedback, SessionStatus, Task};
use crate::records::time::Millis;
use crate::work::fair_permits::WorkPermit;
use crate::work::holder::WorkHolder;

/// An image that a provider took of a person.
pub struct SessionImage {
    pub bytes: Bytes,
    pub bounding_box: Option<BoundingBox>,
}

/// A provider's report of a session.
pub struct SessionReport {
    pub status: SessionStatus,
    /// 0 to 100.
    pub confidence: Option<f64>,
    pub reference_image: Option<SessionImage>,
    /// At most 4.
    pub audit_images: Vec<SessionImage>,
    pub challenge: Option<Challenge>,
    pub feedback: Vec<Feedback>,
}

/// A session that a provider has created.
pub struct CreatedSession {
    pub id: String,
    /// The person's task, where this server judges the frames.
    pub task: Option<Task>,
}

/// Temporary credentials for a browser that calls the provider itself.
pub struct BrowserCredentials {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    pub expiration: Millis,
}

/// Where a browser calls AWS.
#[derive(Clone, Copy, Debug)]
pub struct BrowserEndpoint<'a> {
    pub region: Option<&'a str>,
    /// The stream URL that replaces AWS's own, where one is configured.
    pub stream_url: Option<&'a str>,
}

/// A liveness provider.
#[async_trait]
pub trait LivenessProvider: Send + Sync {
    /// The challenges that a session may have, the default first.
    fn challenges(&self) -> &[ChallengeKind];
    /// Creates a session with that challenge.
    async fn create_session(&self, challenge: ChallengeKind) -> Result<CreatedSession, ProviderError>;
    /// Fetches the provider's report of a session; `None` when the session is unknown or forgotten. A provider with a frame
    /// judge has no reports.
    async fn fetch_report(&self, session: &str) -> Result<Option<SessionReport>, ProviderError>;
    /// The frame judge, if frames are evaluated on this server; `None` where browsers call the provider themselves.
    fn frame_judge(&self) -> Option<&dyn FrameJudge> {
        None
    }
    /// Issues credentials for 900 seconds that allow a browser its part of a session and nothing else; `None` when browsers
    /// need none.
    async fn issue_credentials(&self, profile: Option<RecordId>) -> Result<Option<BrowserCredentials>, ProviderError>;
    /// Whether there is no provider: every session is refused.
    fn is_off(&self) -> bool {
        false
    }
    /// Its word in answers: `off`, `aws` or `local`.
    fn word(&self) -> &'static str {
        match self.browser_endpoint() {
            _ if self.is_off() => "off",
            Some(_) => "aws",
            None => "local",
        }
    }
    /// Where browsers call the provider themselves; `None` where they do not.
    fn browser_endpoint(&self) -> Option<BrowserEndpoint<'_>> {
        None
    }
    /// Checks that the provider works, by a call that costs little.
    async fn check_health(&self) -> Result<(), ProviderError>;
}

/// Frames that are decoded, with the permit of the engines that they hold.
pub struct DecodedFrames {
    pub(super) frames: Vec<Frame>,
    /// The hash of each frame's pixels, which does not depend on how its file is written.
    pub hashes: Vec<RecordId>,
    pub(super) permit: WorkPermit,
}

/// Frames whose faces are measured, with the permit of the engines that they hold.
pub struct ObservedFrames {
    pub(super) frames: Vec<Frame>,
    pub(super) observations: Vec<Observation>,
    /// The imprint of each frame with a face, which recognises the frame in another file.
    pub imprints: Vec<FrameImprint>,
    pub(super) permit: WorkPermit,
}

/// Judges the frames that a browser has sent.
#[async_trait]
pub trait FrameJudge: Send + Sync {
    /// Decodes frames for that holder; the number of the first frame that is no picture, from 1 on, if there is one.
    async fn decode_frames(
        &self,
        frames: Vec<SentFrame>,
        holder: WorkHolder,
    ) -> Result<Result<DecodedFrames, usize>, ProviderError>;
    /// Measures the face in each frame.
    async fn observe_frames(&self, decoded: DecodedFrames) -> Result<ObservedFrames, ProviderError>;
    /// Decides whether the frames show a live person who did the task. `are_known`: the frames were judged before.
    async fn judge_frames(
        &self,
        task: &Task,
        observed: ObservedFrames,
        are_known: bool,
    ) -> Result<SessionReport, ProviderError>;
}
