//! Liveness judged here: the person follows steps in an order that nobody could foresee, and the frames show it or not.
//!
//! What is judged, and how much it is worth, stands in docs/local-engines.md.

use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest;
use bytes::Bytes;
use image::RgbImage;
use image::codecs::jpeg::JpegEncoder;
use vision::face::FaceBox;
use vision::intake;
use vision::liveness::{
    Frame, Judgement, Limits, LivenessFinding, Observation, Outcome, judge_session, observe_frames,
};

use super::{Credentials, Judge, Liveness, Made, Opened, Picture, Report, Seen};
use crate::domain::liveness::{
    BoundingBox, Challenge, ChallengeKind, Feedback, FrameImprint, SESSION_FILES, SentFrame, SessionStatus, Step, Task,
};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::Engines;
use crate::records::id::{RecordId, letters_of, random_text};

/// The version of the steps and of how they are judged.
const VERSION: &str = "identivia-1";
/// The longest side that a frame is looked at with, in pixels: more shows a face no better.
const FRAME_SIDE: u32 = 1_280;
/// Of frames that are kept, 0 to 100.
const QUALITY: u8 = 90;

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
    async fn opened(&self, sent: Vec<SentFrame>) -> Result<Result<Opened, usize>, ProviderError> {
        let turn = self.engines.turn().await?;
        let opening = move |_: &Engines| {
            let mut frames = Vec::with_capacity(sent.len());
            for (place, sent) in sent.iter().enumerate() {
                match opened(&sent.jpeg) {
                    Some(picture) => frames.push(Frame { step: step(sent.step), at_ms: sent.time, picture }),
                    None => return Ok(Err(place + 1)),
                }
            }
            let prints = frames.iter().map(|frame| print(&frame.picture)).collect();
            Ok(Ok((frames, prints)))
        };
        let (opened, turn) = self.engines.run_in(turn, opening).await?;
        Ok(opened.map(|(frames, prints)| Opened { frames, prints, turn }))
    }

    async fn seen(&self, opened: Opened) -> Result<Seen, ProviderError> {
        let Opened { frames, prints, turn } = opened;
        let looking = move |engines: &Engines| {
            let observations = observe_frames(&engines.faces, &frames)?;
            let imprints = imprints(prints, &observations);
            Ok((frames, observations, imprints))
        };
        let ((frames, observations, imprints), turn) = self.engines.run_in(turn, looking).await?;
        Ok(Seen { frames, observations, imprints, turn })
    }

    async fn judged(&self, task: &Task, seen: Seen, are_known: bool) -> Result<Report, ProviderError> {
        let steps: Vec<_> = task.steps.iter().copied().map(step).collect();
        let Seen { frames, observations, turn, .. } = seen;
        let judging = move |_: &Engines| {
            let judgement = judge_session(&steps, &observations, &Limits::default());
            report(&judgement, &frames, are_known)
        };
        self.engines.run_in(turn, judging).await.map(|(report, _)| report)
    }
}

/// A step in the engines' words.
pub const fn step(step: Step) -> vision::liveness::LivenessStep {
    match step {
        Step::LookStraight => vision::liveness::LivenessStep::LookStraight,
        Step::TurnLeft => vision::liveness::LivenessStep::TurnLeft,
        Step::TurnRight => vision::liveness::LivenessStep::TurnRight,
        Step::MoveCloser => vision::liveness::LivenessStep::MoveCloser,
    }
}

/// A frame as it is looked at; `None` when it is no picture.
#[must_use]
pub fn opened(jpeg: &[u8]) -> Option<RgbImage> {
    intake::decode_photo(jpeg, FRAME_SIDE).ok().map(|photo| photo.image)
}

/// What tells a picture from every other: of its pixels, since anything can be written around them.
fn print(picture: &RgbImage) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, picture.as_raw()).as_ref())
}

/// The imprints of those frames that show a face.
fn imprints(prints: Vec<RecordId>, observations: &[Observation]) -> Vec<FrameImprint> {
    let faces = prints.into_iter().zip(observations).filter_map(|(frame, seen)| Some((frame, seen.face.as_ref()?)));
    faces.map(|(frame, face)| FrameImprint { frame, imprint: face.imprint.clone() }).collect()
}

fn report(judgement: &Judgement, frames: &[Frame], are_known: bool) -> Result<Report, ProviderError> {
    let mut reference = None;
    if let Some(frame) = judgement.reference.and_then(|place| frames.get(place)) {
        let face = judgement.face_of_reference.map(|face| shares(face, frame.picture.dimensions()));
        reference = Some(Picture { bytes: jpeg(&frame.picture)?, bounding_box: face });
    }
    let mut audit = Vec::new();
    for frame in judgement.audit.iter().filter_map(|place| frames.get(*place)).take(SESSION_FILES.len() - 1) {
        audit.push(Picture { bytes: jpeg(&frame.picture)?, bounding_box: None });
    }
    // A frame that has been judged before, in this or another session, is a replay: whatever it shows was not shown now.
    let confidence = if are_known { 0.0 } else { judgement.confidence.clamp(0.0, 100.0) };
    Ok(Report {
        status: SessionStatus::Succeeded,
        confidence: Some(confidence.round()),
        reference_image: reference,
        audit_images: audit,
        challenge: Some(challenge()),
        feedback: feedback(&judgement.findings, are_known),
    })
}

/// A frame as it is kept: written anew, so that nothing which a browser put beside the pixels is kept with it.
fn jpeg(picture: &RgbImage) -> Result<Bytes, ProviderError> {
    let mut bytes = Vec::new();
    let written = picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, QUALITY));
    written.map_err(|_| ProviderError::failed("a frame cannot be written as a JPEG"))?;
    Ok(bytes.into())
}

fn challenge() -> Challenge {
    Challenge { kind: ChallengeKind::Movement.word().to_owned(), version: VERSION.to_owned() }
}

/// A face's box in shares of its picture's width and height.
fn shares(face: FaceBox, (width, height): (u32, u32)) -> BoundingBox {
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
fn feedback(findings: &[LivenessFinding], are_known: bool) -> Vec<Feedback> {
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
