//! The liveness checks that need no depth: steps, times, faces, poses, the person, repeated frames, motion, passive
//! score.

use super::{Limits, LivenessFinding, LivenessStep, Observation, ObservedFace, Outcome};

/// A session under judgement, its frames grouped by the requested steps.
pub(super) struct JudgedSession<'a> {
    pub(super) steps: &'a [LivenessStep],
    pub(super) observations: &'a [Observation],
    pub(super) limits: &'a Limits,
    /// For each requested step the positions of its frames; empty if the sequence of steps is wrong.
    groups: Vec<Vec<usize>>,
    /// The median distance between the eyes while looking straight, in pixels.
    far: f32,
}

/// A frame's position among all frames, and its face.
pub(super) type NumberedFace<'a> = (usize, &'a ObservedFace);

impl<'a> JudgedSession<'a> {
    pub(super) fn new(steps: &'a [LivenessStep], observations: &'a [Observation], limits: &'a Limits) -> Self {
        let groups = group_by_step(steps, observations);
        let mut session = Self { steps, observations, limits, groups, far: 0.0 };
        session.far = session.far_eye_distance();
        session
    }

    /// Whether the frames follow the steps' sequence and each step has a frame that shows it.
    pub(super) fn is_complete(&self) -> bool {
        !self.steps.is_empty()
            && self.is_in_order()
            && (0..self.steps.len()).all(|turn| !self.good_frames(turn).is_empty())
    }

    fn is_in_order(&self) -> bool {
        self.groups.len() == self.steps.len() && self.groups.iter().all(|group| !group.is_empty())
    }

    pub(super) fn face_at(&self, at: usize) -> Option<&'a ObservedFace> {
        self.observations.get(at)?.face.as_ref()
    }

    fn all_faces(&self) -> Vec<NumberedFace<'a>> {
        (0..self.observations.len()).filter_map(|at| Some((at, self.face_at(at)?))).collect()
    }

    /// The frames of a requested step that show the step.
    pub(super) fn good_frames(&self, turn: usize) -> Vec<NumberedFace<'a>> {
        let Some(step) = self.steps.get(turn) else { return Vec::new() };
        let frames = self.groups.get(turn).into_iter().flatten();
        frames
            .filter_map(|at| Some((*at, self.face_at(*at)?)))
            .filter(|(at, face)| self.shows_step(*step, *at, face))
            .collect()
    }

    /// All good frames of one kind of step.
    pub(super) fn good_frames_of_step(&self, step: LivenessStep) -> Vec<NumberedFace<'a>> {
        let turns = (0..self.steps.len()).filter(|turn| self.steps.get(*turn) == Some(&step));
        turns.flat_map(|turn| self.good_frames(turn)).collect()
    }

    fn shows_step(&self, step: LivenessStep, at: usize, face: &ObservedFace) -> bool {
        let Limits { straight_yaw, turned_yaw, most_yaw, closer, least_face, .. } = *self.limits;
        let width = self.observations.get(at).map_or(0, |observation| observation.size[0]) as f32;
        let is_large = face.eye_distance >= least_face * width;
        let is_straight = face.pose.yaw.abs() <= straight_yaw;
        is_large
            && match step {
                LivenessStep::LookStraight => is_straight,
                LivenessStep::TurnLeft => (turned_yaw..=most_yaw).contains(&face.pose.yaw),
                LivenessStep::TurnRight => (turned_yaw..=most_yaw).contains(&-face.pose.yaw),
                LivenessStep::MoveCloser => is_straight && self.far > 0.0 && face.eye_distance >= closer * self.far,
            }
    }

    fn far_eye_distance(&self) -> f32 {
        let straight = self.good_frames_of_step(LivenessStep::LookStraight);
        median(straight.iter().map(|(_, face)| face.eye_distance).collect()).unwrap_or_default()
    }

    /// The frame that looks straightest among those of the straight steps.
    pub(super) fn reference_frame(&self) -> Option<NumberedFace<'a>> {
        let straightness =
            |face: &ObservedFace| face.pose.yaw.abs() + face.pose.pitch.abs() * 0.3 + face.pose.roll.abs() * 0.3;
        let straight = self.good_frames_of_step(LivenessStep::LookStraight).into_iter();
        straight.min_by(|a, b| straightness(a.1).total_cmp(&straightness(b.1)))
    }
}

/// Groups the positions of frames by step; returns nothing if the steps' sequence is wrong.
fn group_by_step(steps: &[LivenessStep], observations: &[Observation]) -> Vec<Vec<usize>> {
    let mut groups: Vec<(LivenessStep, Vec<usize>)> = Vec::new();
    for (at, observation) in observations.iter().enumerate() {
        match groups.last_mut() {
            Some((step, group)) if *step == observation.step => group.push(at),
            _ => groups.push((observation.step, vec![at])),
        }
    }
    let is_asked = groups.iter().map(|(step, _)| *step).eq(steps.iter().copied());
    if is_asked { groups.into_iter().map(|(_, group)| group).collect() } else { Vec::new() }
}

pub(super) fn median<T: Copy + PartialOrd>(mut values: Vec<T>) -> Option<T> {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    values.get(values.len() / 2).copied()
}

pub(super) fn check_session(session: &JudgedSession<'_>) -> Vec<LivenessFinding> {
    let mut findings = vec![
        check_step_order(session),
        check_timing(session),
        check_one_face(session),
        check_same_person(session),
        check_repeated_frames(session),
        check_motion(session),
        check_passive_score(session),
    ];
    findings.extend(
        LivenessStep::ALL
            .into_iter()
            .filter(|step| session.steps.contains(step))
            .map(|step| check_step_pose(session, step)),
    );
    findings
}

fn check_step_order(session: &JudgedSession<'_>) -> LivenessFinding {
    let holds = session.is_in_order();
    LivenessFinding::pass_or_fail(
        "steps_order",
        holds,
        1.0,
        if holds {
            "The frames follow the asked steps in their order."
        } else {
            "The frames do not follow the asked steps in their order."
        },
    )
}

fn check_timing(session: &JudgedSession<'_>) -> LivenessFinding {
    let times: Vec<u64> = session.observations.iter().map(|observation| observation.at_ms).collect();
    let ([least, most], [shortest, longest]) = (session.limits.spacing_ms, session.limits.session_ms);
    let spaced = times.windows(2).all(|pair| {
        let apart = pair[1].checked_sub(pair[0]);
        apart.is_some_and(|apart| (least..=most).contains(&apart))
    });
    let length = times.last().copied().unwrap_or_default().saturating_sub(times.first().copied().unwrap_or_default());
    let holds = spaced && (shortest..=longest).contains(&length);
    let sentence = if holds { "The frames' times are plausible." } else { "The frames' times are not plausible." };
    LivenessFinding::pass_or_fail("timing", holds, 1.0, sentence).with_figure("length_ms", length as f64)
}

fn check_one_face(session: &JudgedSession<'_>) -> LivenessFinding {
    let count = session.observations.len().max(1) as f32;
    let faceless = session.observations.iter().filter(|observation| observation.face.is_none()).count();
    let crowded = session.observations.iter().filter(|observation| {
        let [first, others @ ..] = observation.faces.as_slice() else { return false };
        others.iter().any(|other| other.width >= session.limits.second_face * first.width)
    });
    let crowded = crowded.count();
    let holds = crowded == 0 && faceless as f32 / count <= session.limits.faceless;
    let sentence = match (holds, crowded) {
        (true, _) => "One face is before the camera throughout.",
        (false, 0) => "Too many frames show no face.",
        (false, _) => "A second face is before the camera.",
    };
    let finding = LivenessFinding::pass_or_fail("one_face", holds, 1.0, sentence);
    finding.with_figure("frames_without", faceless as f64).with_figure("frames_with_more", crowded as f64)
}

fn check_step_pose(session: &JudgedSession<'_>, step: LivenessStep) -> LivenessFinding {
    let turns: Vec<usize> = (0..session.steps.len()).filter(|turn| session.steps.get(*turn) == Some(&step)).collect();
    let missing = turns.iter().filter(|turn| session.good_frames(**turn).is_empty()).count();
    let code = match step {
        LivenessStep::LookStraight => "pose_look_straight",
        LivenessStep::TurnLeft => "pose_turn_left",
        LivenessStep::TurnRight => "pose_turn_right",
        LivenessStep::MoveCloser => "pose_move_closer",
    };
    let sentence = if missing == 0 { "The step was followed." } else { "No frame shows the step." };
    let good = session.good_frames_of_step(step).len();
    LivenessFinding::pass_or_fail(code, missing == 0, 1.0, sentence).with_figure("frames", good as f64)
}

fn check_same_person(session: &JudgedSession<'_>) -> LivenessFinding {
    let limits = session.limits;
    let Some((_, reference)) = session.reference_frame() else {
        return LivenessFinding::pass_or_fail(
            "same_person",
            false,
            0.0,
            "There is no frontal face to compare the others with.",
        );
    };
    let faces = session.all_faces();
    let least = |turned: bool| if turned { limits.same_turned } else { limits.same_frontal };
    let is_turned = |face: &ObservedFace| face.pose.yaw.abs() > limits.straight_yaw;
    let to_reference =
        faces.iter().map(|(_, face)| reference.embedding.similarity(&face.embedding) - least(is_turned(face)));
    let onwards = faces.windows(2).map(|pair| {
        pair[0].1.embedding.similarity(&pair[1].1.embedding) - least(is_turned(pair[0].1) || is_turned(pair[1].1))
    });
    let narrowest = to_reference.chain(onwards).fold(f32::INFINITY, f32::min);
    let holds = narrowest >= 0.0;
    let sentence = if holds { "The same person is seen throughout." } else { "The face changes to another's." };
    let finding = LivenessFinding::pass_or_fail("same_person", holds, f64::from(narrowest) / 0.2, sentence);
    finding.with_figure("similarity_over_limit", narrowest)
}

fn check_repeated_frames(session: &JudgedSession<'_>) -> LivenessFinding {
    let mut least = f32::INFINITY;
    for (at, one) in session.observations.iter().enumerate() {
        for other in session.observations.iter().skip(at + 1) {
            least = least.min(one.fingerprint.difference(&other.fingerprint));
        }
    }
    let holds = least > session.limits.repeated;
    let sentence = if holds { "No frame is shown twice." } else { "A frame is shown twice." };
    LivenessFinding::pass_or_fail("repeated_frames", holds, 1.0, sentence)
        .with_figure("least_difference", least.min(1e3))
}

fn check_motion(session: &JudgedSession<'_>) -> LivenessFinding {
    let (mut speed, mut turning) = (0.0_f32, 0.0_f32);
    for pair in session.all_faces().windows(2) {
        let [(before, a), (after, b)] = pair else { continue };
        let time = |at: usize| session.observations.get(at).map_or(0, |observation| observation.at_ms);
        let seconds = time(*after).saturating_sub(time(*before)) as f32 / 1000.0;
        let ([ax, ay], [bx, by]) = (a.region.centre(), b.region.centre());
        let width = a.region.width.max(b.region.width);
        speed = speed.max((ax - bx).hypot(ay - by) / width / seconds);
        turning = turning.max((a.pose.yaw - b.pose.yaw).abs() / seconds);
    }
    let holds = speed <= session.limits.speed && turning <= session.limits.turning;
    let sentence = if holds { "The face moves as a head can." } else { "The face jumps from place to place." };
    let finding = LivenessFinding::pass_or_fail("motion", holds, 1.0, sentence);
    finding.with_figure("widths_a_second", speed.min(1e6)).with_figure("degrees_a_second", turning.min(1e6))
}

/// A passive score proves nothing: it can lower the confidence and never raises it.
fn check_passive_score(session: &JudgedSession<'_>) -> LivenessFinding {
    let scores: Vec<f32> = session.all_faces().iter().filter_map(|(_, face)| face.passive).collect();
    if scores.is_empty() {
        return LivenessFinding::not_applicable("passive", "No frontal frame for passive liveness.");
    }
    // With few frames the lowest score counts: an attacker would choose to send few.
    let lowest = scores.iter().copied().fold(1.0, f32::min);
    let median = if scores.len() < 3 { lowest } else { median(scores).unwrap_or_default() };
    let [fails, doubts] = session.limits.passive;
    let outcome = match median {
        score if score < fails => Outcome::Fail,
        score if score < doubts => Outcome::Warn,
        _ => Outcome::Pass,
    };
    let sentence = match outcome {
        Outcome::Pass => "The frontal frames look like a person's.",
        Outcome::Warn => "The frontal frames look somewhat like a picture of a picture.",
        _ => "The frontal frames look like a picture of a picture.",
    };
    LivenessFinding { outcome, ..LivenessFinding::pass_or_fail("passive", true, 1.0, sentence) }
        .with_figure("median", median)
}
