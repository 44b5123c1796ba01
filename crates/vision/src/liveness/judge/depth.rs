//! The checks that a flat picture fails: parallax of a turn and of coming closer, one plane for all pixels,
//! foreshortening.

use super::checks::{JudgedSession, NumberedFace, median};
use super::{LivenessFinding, LivenessStep, ObservedFace};
use crate::liveness::depth::{measure_foreshortening, measure_parallax};

pub(super) fn check_depth(session: &JudgedSession<'_>) -> Vec<LivenessFinding> {
    let (Some((_, reference)), turned) = (session.reference_frame(), list_turned_frames(session)) else {
        return vec![LivenessFinding::pass_or_fail(
            "depth",
            false,
            0.0,
            "There is no frontal face to measure depth from.",
        )];
    };
    let mut findings = vec![check_closer_parallax(session)];
    if turned.is_empty() {
        findings.push(LivenessFinding::pass_or_fail("depth_turns", false, 0.0, "No turned face shows depth."));
    } else {
        findings.extend([check_turn_parallax(session, reference), check_flat_picture(session, reference, &turned)]);
        findings.push(check_foreshortening(session, reference));
    }
    findings
}

fn list_turned_frames<'a>(session: &JudgedSession<'a>) -> Vec<NumberedFace<'a>> {
    [LivenessStep::TurnLeft, LivenessStep::TurnRight]
        .into_iter()
        .flat_map(|step| session.good_frames_of_step(step))
        .collect()
}

/// When a head turns, near points move against far ones, in the direction of the turn and in proportion to it.
fn check_turn_parallax(session: &JudgedSession<'_>, reference: &ObservedFace) -> LivenessFinding {
    let limits = session.limits;
    let least = worst_step_median(session, |face| {
        let moved = measure_parallax(&reference.landmarks, &face.landmarks).map_or(0.0, |parallax| -parallax.across);
        // Measured from the straight view: the camera is mostly slightly to one side.
        let turn = f64::from(face.pose.yaw - reference.pose.yaw);
        moved * turn.signum() / limits.turn_parallax.max(limits.turn_parallax_a_degree * turn.abs())
    });
    let holds = least >= 1.0;
    let sentence =
        if holds { "The face turns as a head does." } else { "The face is turned as a flat picture would be." };
    LivenessFinding::pass_or_fail("depth_turns", holds, (least - 1.0) / 0.2, sentence)
        .with_figure("parallax_over_limit", least)
}

/// The least, over the requested turns, of the median over a turn's frames: one poor frame is forgiven.
fn worst_step_median(session: &JudgedSession<'_>, figure: impl Fn(&ObservedFace) -> f64) -> f64 {
    let turns = (0..session.steps.len())
        .filter(|turn| matches!(session.steps.get(*turn), Some(LivenessStep::TurnLeft | LivenessStep::TurnRight)));
    let typical =
        turns.filter_map(|turn| median(session.good_frames(turn).iter().map(|(_, face)| figure(face)).collect()));
    typical.fold(f64::INFINITY, f64::min)
}

/// Two views of a flat picture agree under one homography; a turned head shows other sides.
fn check_flat_picture(
    session: &JudgedSession<'_>,
    reference: &ObservedFace,
    turned: &[NumberedFace<'_>],
) -> LivenessFinding {
    let likenesses = turned.iter().map(|(_, face)| {
        let there = reference.texture.plane_likeness(&face.texture);
        there.max(face.texture.plane_likeness(&reference.texture))
    });
    let most = likenesses.fold(-1.0, f64::max);
    let holds = most < session.limits.plane;
    let sentence = if holds {
        "No plane explains the turned face."
    } else {
        "The turned face is the frontal one seen as a flat picture."
    };
    LivenessFinding::pass_or_fail("flat_picture", holds, (session.limits.plane - most) / 0.05, sentence)
        .with_figure("likeness", most)
}

/// A slanted picture becomes far narrower before it looks turned; a distorted one looks turned without becoming
/// narrower.
fn check_foreshortening(session: &JudgedSession<'_>, reference: &ObservedFace) -> LivenessFinding {
    let [least, most] = session.limits.foreshortening;
    let (middle, reach) = (f64::midpoint(least, most), (most - least) / 2.0);
    let width = |face: &ObservedFace| measure_foreshortening(&reference.landmarks, &face.landmarks, face.pose.yaw);
    let within = worst_step_median(session, |face| width(face).map_or(-1.0, |width| reach - (width - middle).abs()));
    let holds = within >= 0.0;
    let sentence = if holds {
        "The turned face is as narrow as its turn explains."
    } else {
        "The turned face is not as narrow as its turn explains."
    };
    LivenessFinding::pass_or_fail("foreshortening", holds, within / 0.05, sentence)
        .with_figure("within_limits_by", within)
}

/// When a head comes closer, near points grow more than far ones; a flat picture grows evenly.
fn check_closer_parallax(session: &JudgedSession<'_>) -> LivenessFinding {
    let (far, near) = (
        session.good_frames_of_step(LivenessStep::LookStraight),
        session.good_frames_of_step(LivenessStep::MoveCloser),
    );
    let pairs = far.iter().flat_map(|(_, far)| near.iter().map(move |(_, near)| (far, near)));
    let found =
        pairs.filter_map(|(far, near)| measure_parallax(&far.landmarks, &near.landmarks)).map(|found| found.closer);
    let Some(typical) = median(found.collect()) else {
        return LivenessFinding::not_applicable("depth_closer", "No face came closer.");
    };
    let least = session.limits.closer_parallax;
    let holds = typical >= least;
    let sentence =
        if holds { "The face comes closer as a head does." } else { "The face grows evenly, as a flat picture does." };
    LivenessFinding::pass_or_fail("depth_closer", holds, (typical - least) / 0.01, sentence)
        .with_figure("parallax", typical)
}
