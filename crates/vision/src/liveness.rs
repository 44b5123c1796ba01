//! Presentation attack detection (ISO/IEC 30107-3): tells a person who follows the steps before the camera from a
//! picture shown to it. Frames are observed first; the judgement over the observations is a pure function.

mod depth;
mod fingerprint;
mod imprint;
mod judge;
mod plane;
mod solve;

use image::RgbImage;

use crate::face::{Embedding, Face, FaceBox, FaceEngine, Pose, bounding_box};
use crate::weights::EngineError;
pub use depth::Parallax;
pub use fingerprint::FrameFingerprint;
pub use imprint::{Imprint, is_replay};
pub use judge::{Judgement, Limits, LivenessFinding, Outcome, judge_session};

/// Beyond this yaw the passive network's score is meaningless, in degrees.
const FRONTAL_YAW: f32 = 12.0;

/// The action that the person is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LivenessStep {
    LookStraight,
    /// To the person's own left.
    TurnLeft,
    /// To the person's own right.
    TurnRight,
    MoveCloser,
}

impl LivenessStep {
    pub const ALL: [Self; 4] = [Self::LookStraight, Self::TurnLeft, Self::TurnRight, Self::MoveCloser];

    /// The step's word in the API.
    #[must_use]
    pub fn to_word(self) -> &'static str {
        match self {
            Self::LookStraight => "look_straight",
            Self::TurnLeft => "turn_left",
            Self::TurnRight => "turn_right",
            Self::MoveCloser => "move_closer",
        }
    }

    /// The step of that word; `None` for unknown words.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.to_word() == word)
    }
}

/// One frame of the session.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The step that was requested when it was taken.
    pub step: LivenessStep,
    /// Milliseconds since the session's first frame; the browser's claim.
    pub at_ms: u64,
    pub picture: RgbImage,
}

/// The observations on one frame.
#[derive(Clone, Debug)]
pub struct Observation {
    pub step: LivenessStep,
    pub at_ms: u64,
    /// The frame's width and height, in pixels.
    pub size: [u32; 2],
    /// The boxes of all faces, in pixels, the largest first.
    pub faces: Vec<FaceBox>,
    /// The largest face.
    pub face: Option<ObservedFace>,
    pub fingerprint: FrameFingerprint,
}

/// The observations on a frame's largest face.
#[derive(Clone, Debug)]
pub struct ObservedFace {
    pub region: FaceBox,
    /// The detector's score, 0..1.
    pub score: f32,
    pub pose: Pose,
    /// The distance between the eyes' centres, in pixels.
    pub eye_distance: f32,
    pub landmarks: Vec<[f32; 3]>,
    pub embedding: Embedding,
    /// The softmax of "live", 0..1; frontal frames only.
    pub passive: Option<f32>,
    pub imprint: Imprint,
    texture: plane::FaceTexture,
}

/// Observes each frame, in sequence.
///
/// # Errors
/// When a network fails; a frame without a face is not an error.
pub fn observe_frames(engine: &FaceEngine, frames: &[Frame]) -> Result<Vec<Observation>, EngineError> {
    frames.iter().map(|frame| observe_frame(engine, frame)).collect()
}

fn observe_frame(engine: &FaceEngine, frame: &Frame) -> Result<Observation, EngineError> {
    let faces = engine.find_faces(&frame.picture)?;
    let face = match faces.first() {
        Some(face) => observe_face(engine, &frame.picture, face)?,
        None => None,
    };
    Ok(Observation {
        step: frame.step,
        at_ms: frame.at_ms,
        size: [frame.picture.width(), frame.picture.height()],
        faces: faces.iter().map(|face| face.region).collect(),
        face,
        fingerprint: FrameFingerprint::from_picture(&frame.picture),
    })
}

fn observe_face(engine: &FaceEngine, picture: &RgbImage, face: &Face) -> Result<Option<ObservedFace>, EngineError> {
    let Some(around) = bounding_box(&face.landmarks) else { return Ok(None) };
    let is_frontal = face.pose.yaw.abs() <= FRONTAL_YAW;
    Ok(Some(ObservedFace {
        region: face.region,
        score: face.score,
        pose: face.pose,
        eye_distance: face.eye_distance,
        landmarks: face.landmarks.clone(),
        embedding: engine.compute_frame_embedding(picture, face)?,
        passive: if is_frontal { Some(engine.score_passive_liveness(picture, face)?) } else { None },
        imprint: Imprint::from_face(picture, face),
        texture: plane::FaceTexture::from_face(picture, face, &around),
    }))
}
