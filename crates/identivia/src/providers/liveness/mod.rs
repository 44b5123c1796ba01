//! Liveness: providers behind one trait, and the sessions that are stored of them. A provider's report counts; what a
//! browser says does not.

pub mod credentials;
pub mod local;
pub mod off;
pub mod provider;
pub mod rekognition;
mod session_images;
pub mod sessions;

pub use provider::{
    BrowserCredentials, BrowserEndpoint, CreatedSession, DecodedFrames, FrameJudge, LivenessProvider, ObservedFrames,
    SessionImage, SessionReport,
};
pub use sessions::{FrameOutcome, LivenessSessions, SessionError};
