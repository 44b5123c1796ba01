//! Local liveness: the person follows steps in an unpredictable order, and this server judges the frames.
//!
//! docs/local-engines.md says what is judged and how reliable the result is.

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

use super::provider::{
    BrowserCredentials, CreatedSession, DecodedFrames, FrameJudge, LivenessProvider, ObservedFrames, SessionImage,
    SessionReport,
};
use crate::domain::face_imprint::FrameImprint;
use crate::domain::liveness::{ChallengeKind, SentFrame};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::LocalEngines;
use crate::records::id::{RecordId, letters_of, random_text};
use crate::records::liveness_session::{BoundingBox, Challenge, Feedback, SESSION_FILES, SessionStatus, Step, Task};
use crate::work::holder::WorkHolder;

/// The version of the steps and of their judgement.
const CHALLENGE_VERSION: &str = "identivia-1";
/// Frames are scaled down to this longest side, in pixels: more pixels show a face no better.
const FRAME_SIDE: u32 = 1_280;
/// The JPEG quality of stored frames, 0 to 100.
const JPEG_QUALITY: u8 = 90;

/// The local liveness provider.
pub struct LocalLiveness {
    engines: Arc<LocalEngines>,
}

impl LocalLiveness {
    /// A provider that uses those engines.
    #[must_use]
    pub fn new(engines: Arc<LocalEngines>) -> Self {
        Self { engines }
    }
}

#[async_trait]
impl LivenessProvider for LocalLiveness {
    fn challenges(&self) -> &[ChallengeKind] {
        &[ChallengeKind::Movement]
    }

    async fn create_session(&self, _: ChallengeKind) -> Result<CreatedSession, ProviderError> {
        Ok(CreatedSession { id: random_text::<32>(), task: Some(Task::random()) })
    }

    async fn fetch_report(&self, _: &str) -> Result<Option<SessionReport>, ProviderError> {
        Ok(None)
    }

    fn frame_judge(&self) -> Option<&dyn FrameJudge> {
        Some(self)
    }

    async fn issue_credentials(&self, _: Option<RecordId>) -> Result<Option<BrowserCredentials>, ProviderError> {
        Ok(None)
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Ok(())
    }
}

#[async_trait]
impl FrameJudge for LocalLiveness {
    async fn decode_frames(
        &self,
        sent: Vec<SentFrame>,
        holder: WorkHolder,
    ) -> Result<Result<DecodedFrames, usize>, ProviderError> {
        let permit = self.engines.acquire_permit(holder).await?;
        let decoding = move |_: &LocalEngines| {
            let mut frames = Vec::with_capacity(sent.len());
            for (index, sent) in sent.iter().enumerate() {
                match decode_frame(&sent.jpeg) {
                    Some(picture) => frames.push(Frame { step: to_engine_step(sent.step), at_ms: sent.time, picture }),
                    None => return Ok(Err(index + 1)),
                }
            }
            let hashes = frames.iter().map(|frame| hash_pixels(&frame.picture)).collect();
            Ok(Ok((frames, hashes)))
        };
        let (decoded, permit) = self.engines.run_with_permit(permit, decoding).await?;
        Ok(decoded.map(|(frames, hashes)| DecodedFrames { frames, hashes, permit }))
    }

    async fn observe_frames(&self, decoded: DecodedFrames) -> Result<ObservedFrames, ProviderError> {
        let DecodedFrames { frames, hashes, permit } = decoded;
        let observing = move |engines: &LocalEngines| {
            let observations = observe_frames(&engines.faces, &frames)?;
            let imprints = collect_imprints(hashes, &observations);
            Ok((frames, observations, imprints))
        };
        let ((frames, observations, imprints), permit) = self.engines.run_with_permit(permit, observing).await?;
        Ok(ObservedFrames { frames, observations, imprints, permit })
    }

    async fn judge_frames(
        &self,
        task: &Task,
        observed: ObservedFrames,
        are_known: bool,
    ) -> Result<SessionReport, ProviderError> {
        let steps: Vec<_> = task.steps.iter().copied().map(to_engine_step).collect();
        let ObservedFrames { frames, observations, permit, .. } = observed;
        let judging = move |_: &LocalEngines| {
            let judgement = judge_session(&steps, &observations, &Limits::default());
            to_session_report(&judgement, &frames, are_known)
        };
        self.engines.run_with_permit(permit, judging).await.map(|(report, _)| report)
    }
}

/// The engines' form of a step.
pub const fn to_engine_step(step: Step) -> vision::liveness::LivenessStep {
    match step {
        Step::LookStraight => vision::liveness::LivenessStep::LookStraight,
        Step::TurnLeft => vision::liveness::LivenessStep::TurnLeft,
        Step::TurnRight => vision::liveness::LivenessStep::TurnRight,
        Step::MoveCloser => vision::liveness::LivenessStep::MoveCloser,
    }
}

/// Decodes a frame; `None` when it is no picture.
#[must_use]
pub fn decode_frame(jpeg: &[u8]) -> Option<RgbImage> {
    intake::decode_photo(jpeg, FRAME_SIDE).ok().map(|photo| photo.image)
}

/// Hashes a picture's pixels. A hash of the file would miss a frame that is written anew.
fn hash_pixels(picture: &RgbImage) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, picture.as_raw()).as_ref())
}

/// The imprints of those frames that show a face.
fn collect_imprints(hashes: Vec<RecordId>, observations: &[Observation]) -> Vec<FrameImprint> {
    let frames = hashes.into_iter().zip(observations);
    let faces = frames.filter_map(|(frame, observation)| Some((frame, observation.face.as_ref()?)));
    faces.map(|(frame, face)| FrameImprint { frame, imprint: face.imprint.clone() }).collect()
}

fn to_session_report(judgement: &Judgement, frames: &[Frame], are_known: bool) -> Result<SessionReport, ProviderError> {
    let mut reference = None;
    if let Some(frame) = judgement.reference.and_then(|index| frames.get(index)) {
        let face = judgement.face_of_reference.map(|face| to_bounding_box(face, frame.picture.dimensions()));
        reference = Some(SessionImage { bytes: encode_jpeg(&frame.picture)?, bounding_box: face });
    }
    let mut audit = Vec::new();
    for frame in judgement.audit.iter().filter_map(|index| frames.get(*index)).take(SESSION_FILES.len() - 1) {
        audit.push(SessionImage { bytes: encode_jpeg(&frame.picture)?, bounding_box: None });
    }
    // A frame that was judged before, in this or another session, is a replay: it was not recorded now.
    let confidence = if are_known { 0.0 } else { judgement.confidence.clamp(0.0, 100.0) };
    Ok(SessionReport {
        status: SessionStatus::Succeeded,
        confidence: Some(confidence.round()),
        reference_image: reference,
        audit_images: audit,
        challenge: Some(local_challenge()),
        feedback: collect_feedback(&judgement.findings, are_known),
    })
}

/// Encodes a frame anew, so that nothing which a browser put beside the pixels is stored.
fn encode_jpeg(picture: &RgbImage) -> Result<Bytes, ProviderError> {
    let mut bytes = Vec::new();
    let written = picture.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, JPEG_QUALITY));
    written.map_err(|_| ProviderError::failed("a frame cannot be written as a JPEG"))?;
    Ok(bytes.into())
}

fn local_challenge() -> Challenge {
    Challenge { kind: ChallengeKind::Movement.word().to_owned(), version: CHALLENGE_VERSION.to_owned() }
}

/// A face's box in shares of its picture's width and height.
fn to_bounding_box(face: FaceBox, (width, height): (u32, u32)) -> BoundingBox {
    let share = |pixels: f32, of: u32| (f64::from(pixels) / f64::from(of) * 10_000.0).round() / 10_000.0;
    BoundingBox {
        width: share(face.width, width),
        height: share(face.height, height),
        left: share(face.left, width),
        top: share(face.top, height),
    }
}

/// What a person can do better next time. Findings that reveal a picture of a person are left out: an attacker learns only
/// that the picture failed.
fn collect_feedback(findings: &[LivenessFinding], are_known: bool) -> Vec<Feedback> {
    let failed = findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    let (shown, hidden): (Vec<_>, Vec<_>) = failed.partition(|finding| is_shown_to_person(finding.code));
    let shown = shown
        .into_iter()
        .map(|finding| Feedback { code: finding.code.to_ascii_uppercase(), message: finding.sentence.clone() });
    let mut feedback: Vec<Feedback> = shown.collect();
    if are_known || !hidden.is_empty() {
        let message = "The frames do not show a person before the camera now".to_owned();
        feedback.push(Feedback { code: "LIVENESS_NOT_SHOWN".to_owned(), message });
    }
    feedback
}

fn is_shown_to_person(code: &str) -> bool {
    matches!(code, "steps_order" | "timing" | "one_face") || code.starts_with("pose_")
}
