//! Judges a liveness session: runs every check over the observations and derives the confidence.
//!
//! Hard checks pass or fail, and one failure sets the confidence to 25. If all pass, the check with the narrowest
//! margin sets it, 80 to 100. The passive score can only lower it.

mod checks;
mod depth;

use super::{LivenessStep, Observation, ObservedFace};
use crate::face::FaceBox;
pub use crate::finding::Outcome;
use checks::JudgedSession;

/// The confidence of a session with a failed hard check. It does not reveal how many failed.
const FAILED_CONFIDENCE: f64 = 25.0;
/// The least confidence of a session whose checks all passed.
const PASSED_CONFIDENCE: f64 = 80.0;
/// How many audit frames there are at most.
const MOST_AUDIT_FRAMES: usize = 4;

/// The thresholds of all checks in degrees, milliseconds and ratios; the defaults state what they were measured on.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest yaw of a face that looks straight, in degrees.
    pub straight_yaw: f32,
    /// Smallest yaw of a turned face, in degrees.
    pub turned_yaw: f32,
    /// Largest yaw at which landmarks are reliable, in degrees.
    pub most_yaw: f32,
    /// Least size of a face that came closer, relative to its size while looking straight.
    pub closer: f32,
    /// Least eye distance of a face, as a share of the frame's width.
    pub least_face: f32,
    /// Least width of a second face that counts, relative to the main face.
    pub second_face: f32,
    /// The share of frames that may be without a face, 0..1.
    pub faceless: f32,
    /// Least cosine to the reference of a frontal face and of a turned one, −1..1.
    pub same_frontal: f32,
    pub same_turned: f32,
    /// Least parallax of a turned head, and least parallax for each degree that it turned, in parts of the face's size.
    pub turn_parallax: f64,
    pub turn_parallax_a_degree: f64,
    /// Least parallax of a head that came closer.
    pub closer_parallax: f64,
    /// Least likeness under one homography at which a turned face counts as a flat picture, 0..1.
    pub plane: f64,
    /// Least and largest ratio of a turned face's width to the width that its turn explains.
    pub foreshortening: [f64; 2],
    /// Least and largest number of milliseconds between two frames, and of the whole session.
    pub spacing_ms: [u64; 2],
    pub session_ms: [u64; 2],
    /// Least difference of two frames' fingerprints.
    pub repeated: f32,
    /// Largest speed of a face in face widths per second, and of its turn in degrees per second.
    pub speed: f32,
    pub turning: f32,
    /// Medians of the passive score: below the first a session is not live, below the second it is doubted, 0..1.
    pub passive: [f32; 2],
}

impl Default for Limits {
    /// Measured on heads rendered from portraits at 300 to 700 mm and -60 to 60°, on recordings of five people who turn
    /// their heads before a camera, on real prints held, slanted and bent before a web camera, and on randomly
    /// distorted frames. People without further instructions turn by 15 to 20°. Rendered heads turned by 18° and more:
    /// parallax 0.32 and more, likeness as planes at most 0.85, width 0.86 to 1.04. Real heads turned by 13 to 16°:
    /// parallax 0.21 and more, likeness at most 0.86. Real prints: parallax at most 0.15 except for one in a hundred,
    /// likeness 0.94 and more if they look turned at all. A near head's parallax: 0.023 and more at 1.6 times the size;
    /// a real print's: at most 0.017 except for one in twenty. Frames that a web camera took of a person sitting still
    /// differ by 0.028 and more after 600 ms, by 0.014 after 360 ms; one frame recompressed down to quality 80 by at
    /// most 0.010.
    fn default() -> Self {
        Self {
            straight_yaw: 12.0,
            turned_yaw: 15.0,
            most_yaw: 50.0,
            closer: 1.4,
            least_face: 0.05,
            second_face: 0.3,
            faceless: 0.2,
            same_frontal: 0.6,
            same_turned: 0.5,
            turn_parallax: 0.18,
            turn_parallax_a_degree: 0.011,
            closer_parallax: 0.005,
            plane: 0.88,
            foreshortening: [0.8, 1.2],
            spacing_ms: [60, 15_000],
            session_ms: [2_000, 170_000],
            repeated: 0.0138,
            speed: 12.0,
            turning: 500.0,
            passive: [0.02, 0.5],
        }
    }
}

/// One check's result.
#[derive(Clone, Debug)]
pub struct LivenessFinding {
    pub code: &'static str,
    pub outcome: Outcome,
    pub sentence: String,
    /// The measured figures, by name.
    pub figures: Vec<(&'static str, f64)>,
    /// The margin of a passed check within its limit, 0..1.
    pub margin: f64,
}

impl LivenessFinding {
    /// A check that passed by that margin if `holds`, else failed.
    fn pass_or_fail(code: &'static str, holds: bool, margin: f64, sentence: &str) -> Self {
        let outcome = if holds { Outcome::Pass } else { Outcome::Fail };
        let margin = if margin.is_finite() { margin.clamp(0.0, 1.0) } else { 0.0 };
        Self { code, outcome, sentence: sentence.to_owned(), figures: Vec::new(), margin }
    }

    fn not_applicable(code: &'static str, sentence: &str) -> Self {
        Self { outcome: Outcome::NotApplicable, ..Self::pass_or_fail(code, true, 1.0, sentence) }
    }

    fn with_figure(mut self, name: &'static str, figure: impl Into<f64>) -> Self {
        self.figures.push((name, figure.into()));
        self
    }
}

/// The verdict on a session.
#[derive(Clone, Debug)]
pub struct Judgement {
    /// 0..100: 0 if a step is missing, 25 if a check failed, 80 and more if all passed.
    pub confidence: f64,
    /// Whether no check failed.
    pub passed: bool,
    pub findings: Vec<LivenessFinding>,
    /// The position of the best frontal frame among the observations.
    pub reference: Option<usize>,
    /// The positions of up to four other frames, one per step.
    pub audit: Vec<usize>,
    pub face_of_reference: Option<FaceBox>,
}

/// Judges a session from the requested steps, in sequence, and the observations of its frames.
#[must_use]
pub fn judge_session(steps: &[LivenessStep], observations: &[Observation], limits: &Limits) -> Judgement {
    let session = JudgedSession::new(steps, observations, limits);
    let mut findings = checks::check_session(&session);
    findings.extend(depth::check_depth(&session));
    let passed = findings.iter().all(|finding| finding.outcome != Outcome::Fail);
    let face = session.reference_frame().map(|(_, face)| face.region);
    Judgement {
        confidence: compute_confidence(&session, &findings),
        passed,
        reference: session.reference_frame().map(|(at, _)| at),
        audit: choose_audit_frames(&session),
        face_of_reference: face,
        findings,
    }
}

fn compute_confidence(session: &JudgedSession<'_>, findings: &[LivenessFinding]) -> f64 {
    if !session.is_complete() {
        return 0.0;
    }
    if findings.iter().any(|finding| finding.outcome == Outcome::Fail) {
        return FAILED_CONFIDENCE;
    }
    let narrowest = findings.iter().map(|finding| finding.margin).fold(1.0, f64::min);
    let confidence = PASSED_CONFIDENCE + (100.0 - PASSED_CONFIDENCE) * narrowest;
    let is_doubted = findings.iter().any(|finding| finding.outcome == Outcome::Warn);
    if is_doubted { confidence.min(PASSED_CONFIDENCE) } else { confidence }
}

/// The best frame of each step except the reference, in the steps' sequence.
fn choose_audit_frames(session: &JudgedSession<'_>) -> Vec<usize> {
    let reference = session.reference_frame().map(|(at, _)| at);
    let best = (0..session.steps.len()).filter_map(|turn| {
        let good = session.good_frames(turn).into_iter().filter(|(at, _)| Some(*at) != reference);
        good.max_by(|a, b| a.1.score.total_cmp(&b.1.score)).map(|(at, _)| at)
    });
    best.take(MOST_AUDIT_FRAMES).collect()
}
