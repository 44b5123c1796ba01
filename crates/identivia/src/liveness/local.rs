//! Liveness judged here: the person follows steps in an order that nobody could foresee, and the frames show it or not.
//!
//! What is judged, and how much it is worth, stands in docs/local-engines.md.

use std::sync::Arc;

use async_trait::async_trait;
use vision::face::Region;
use vision::intake;
use vision::liveness::{Finding, Frame, Judgement, Limits, Outcome, judge, observe};

use super::{Credentials, Judge, Liveness, Made, Picture, Report};
use crate::domain::id::{RecordId, random_text};
use crate::domain::liveness::{
    BoundingBox, Challenge, ChallengeKind, Feedback, SESSION_FILES, SentFrame, SessionStatus, Step, Task,
};
use crate::engines::Engines;
use crate::outside::ProviderError;

/// The version of the steps and of how they are judged.
const VERSION: &str = "identivia-1";
/// The longest side that a frame is looked at with, in pixels: more shows a face no better.
const FRAME_SIDE: u32 = 1_280;

/// The local provider.
pub struct Local {
    engines: Arc<Engines>,
}

impl Local {
    /// The provider that those engines make.
    #[must_use]
    pub fn new(engines: Arc<Engines>) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl Liveness for Local {
    fn challenges(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Movement]
    }

    async fn create_session(&self, _: ChallengeKind) -> Result<Made, ProviderError> {
        Ok(Made { id: random_text::<32>(), task: Some(Task::random()) })
    }

    async fn report(&self, _: &str) -> Result<Option<Report>, ProviderError> {
        Ok(None)
    }

    fn judge(&self) -> Option<&dyn Judge> {
        Some(self)
    }

    async fn credentials(&self, _: Option<RecordId>) -> Result<Option<Credentials>, ProviderError> {
        Ok(None)
    }

    async fn look(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

#[async_trait]
impl Judge for Local {
    async fn judged(&self, task: &Task, frames: Vec<SentFrame>, are_known: bool) -> Result<Report, ProviderError> {
        let steps: Vec<_> = task.steps.iter().copied().map(step).collect();
        let judging = move |engines: &Engines| {
            let Some(seen) = decoded(&frames) else { return Ok(nothing_to_see()) };
            let judgement = judge(&steps, &observe(&engines.faces, &seen)?, &Limits::default());
            Ok(report(&judgement, &frames, &seen, are_known))
        };
        self.engines.run(judging).await
    }
}

/// A step in the engines' words.
pub const fn step(step: Step) -> vision::liveness::Step {
    match step {
        Step::LookStraight => vision::liveness::Step::LookStraight,
        Step::TurnLeft => vision::liveness::Step::TurnLeft,
        Step::TurnRight => vision::liveness::Step::TurnRight,
        Step::MoveCloser => vision::liveness::Step::MoveCloser,
    }
}

/// The frames as pictures; `None` when one is none.
fn decoded(frames: &[SentFrame]) -> Option<Vec<Frame>> {
    let decoded = frames.iter().map(|sent| {
        let photo = intake::photo(&sent.jpeg, FRAME_SIDE).ok()?;
        Some(Frame { step: step(sent.step), at_ms: sent.time, picture: photo.image })
    });
    decoded.collect()
}

/// What is reported where a frame is no picture that can be read.
fn nothing_to_see() -> Report {
    Report {
        status: SessionStatus::Succeeded,
        confidence: Some(0.0),
        reference_image: None,
        audit_images: Vec::new(),
        challenge: Some(challenge()),
        feedback: vec![Feedback {
            code: "FRAMES_UNREADABLE".to_owned(),
            message: "A frame is no picture that can be read".to_owned(),
        }],
    }
}

fn report(judgement: &Judgement, sent: &[SentFrame], seen: &[Frame], are_known: bool) -> Report {
    let picture =
        |place: usize, bounding_box| sent.get(place).map(|frame| Picture { bytes: frame.jpeg.clone(), bounding_box });
    let reference = judgement.reference.and_then(|place| {
        let frame = seen.get(place)?;
        picture(place, judgement.face_of_reference.map(|face| shares(face, frame.picture.dimensions())))
    });
    let audit = judgement.audit.iter().filter_map(|place| picture(*place, None));
    // A frame that has been judged before, in this or another session, is a replay: whatever it shows was not shown now.
    let confidence = if are_known { 0.0 } else { judgement.confidence.clamp(0.0, 100.0) };
    Report {
        status: SessionStatus::Succeeded,
        confidence: Some((confidence * 10.0).round() / 10.0),
        reference_image: reference,
        audit_images: audit.take(SESSION_FILES.len() - 1).collect(),
        challenge: Some(challenge()),
        feedback: feedback(&judgement.findings, are_known),
    }
}

fn challenge() -> Challenge {
    Challenge { kind: ChallengeKind::Movement.word().to_owned(), version: VERSION.to_owned() }
}

/// A face's box in shares of its picture's width and height.
fn shares(face: Region, (width, height): (u32, u32)) -> BoundingBox {
    let share = |pixels: f32, of: u32| (f64::from(pixels) / f64::from(of) * 10_000.0).round() / 10_000.0;
    BoundingBox {
        width: share(face.width, width),
        height: share(face.height, height),
        left: share(face.left, width),
        top: share(face.top, height),
    }
}

/// What a person can do better next time. What gives a picture of a person away is not told: whoever shows one learns only
/// that it did not do.
fn feedback(findings: &[Finding], are_known: bool) -> Vec<Feedback> {
    let failed = findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    let (told, untold): (Vec<_>, Vec<_>) = failed.partition(|finding| is_told(finding.code));
    let told = told
        .into_iter()
        .map(|finding| Feedback { code: finding.code.to_ascii_uppercase(), message: finding.sentence.clone() });
    let mut feedback: Vec<Feedback> = told.collect();
    if are_known || !untold.is_empty() {
        let message = "The frames do not show a person before the camera now".to_owned();
        feedback.push(Feedback { code: "LIVENESS_NOT_SHOWN".to_owned(), message });
    }
    feedback
}

fn is_told(code: &str) -> bool {
    matches!(code, "steps_order" | "timing" | "one_face") || code.starts_with("pose_")
}
