//! Presentation attack detection (ISO/IEC 30107-3): whether a person follows the steps before the camera, or a picture is
//! shown to it. What a frame shows is observed first; the judgement over the observations is a pure function.

mod depth;
mod fingerprint;
mod imprint;
mod judge;
mod plane;
mod solve;

use image::RgbImage;

use crate::face::{Embedding, Face, FaceEngine, Pose, Region, around};
use crate::weights::EngineError;
pub use depth::Parallax;
pub use fingerprint::Fingerprint;
pub use imprint::{Imprint, is_replay};
pub use judge::{Finding, Judgement, Limits, Outcome, judge};

/// Beyond this yaw the passive network's answer means nothing, in degrees.
const FRONTAL: f32 = 12.0;

/// What the person is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    LookStraight,
    /// To the person's own left.
    TurnLeft,
    /// To the person's own right.
    TurnRight,
    MoveCloser,
}

impl Step {
    pub const ALL: [Self; 4] = [Self::LookStraight, Self::TurnLeft, Self::TurnRight, Self::MoveCloser];

    /// The step's word in the API.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::LookStraight => "look_straight",
            Self::TurnLeft => "turn_left",
            Self::TurnRight => "turn_right",
            Self::MoveCloser => "move_closer",
        }
    }

    /// The step of that word, or none.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|step| step.word() == word)
    }
}

/// One picture of the session.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What was asked when it was taken.
    pub step: Step,
    /// Milliseconds since the session's first frame; the browser's claim.
    pub at_ms: u64,
    pub picture: RgbImage,
}

/// What one frame shows.
#[derive(Clone, Debug)]
pub struct Observation {
    pub step: Step,
    pub at_ms: u64,
    /// The frame's width and height, in pixels.
    pub size: [u32; 2],
    /// The boxes of all faces, in pixels, the largest first.
    pub faces: Vec<Region>,
    /// The largest face.
    pub face: Option<Observed>,
    pub fingerprint: Fingerprint,
}

/// What a frame shows of its largest face.
#[derive(Clone, Debug)]
pub struct Observed {
    pub region: Region,
    /// The detector's, 0..1.
    pub score: f32,
    pub pose: Pose,
    /// Between the eyes' centres, in pixels.
    pub eye_distance: f32,
    pub landmarks: Vec<[f32; 3]>,
    pub embedding: Embedding,
    /// The softmax of "live", 0..1; frontal frames only.
    pub passive: Option<f32>,
    pub imprint: Imprint,
    texture: plane::Texture,
}

/// Observes each frame, in their order.
///
/// # Errors
/// When a network fails; a frame without a face is no error.
pub fn observe(engine: &FaceEngine, frames: &[Frame]) -> Result<Vec<Observation>, EngineError> {
    frames.iter().map(|frame| observation(engine, frame)).collect()
}

fn observation(engine: &FaceEngine, frame: &Frame) -> Result<Observation, EngineError> {
    let faces = engine.faces(&frame.picture)?;
    let face = match faces.first() {
        Some(face) => observed(engine, &frame.picture, face)?,
        None => None,
    };
    Ok(Observation {
        step: frame.step,
        at_ms: frame.at_ms,
        size: [frame.picture.width(), frame.picture.height()],
        faces: faces.iter().map(|face| face.region).collect(),
        face,
        fingerprint: Fingerprint::of(&frame.picture),
    })
}

fn observed(engine: &FaceEngine, picture: &RgbImage, face: &Face) -> Result<Option<Observed>, EngineError> {
    let Some(around) = around(&face.landmarks) else { return Ok(None) };
    let is_frontal = face.pose.yaw.abs() <= FRONTAL;
    Ok(Some(Observed {
        region: face.region,
        score: face.score,
        pose: face.pose,
        eye_distance: face.eye_distance,
        landmarks: face.landmarks.clone(),
        embedding: engine.embedding(picture, face)?,
        passive: if is_frontal { Some(engine.passive_liveness(picture, face)?) } else { None },
        imprint: Imprint::of(picture, face),
        texture: plane::Texture::of(picture, face, &around),
    }))
}
