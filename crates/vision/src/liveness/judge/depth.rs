//! The checks that a flat picture fails: parallax when it is turned and when it comes closer, pixels, foreshortening.

use super::checks::{Seen, Session, median};
use super::{Finding, Observed, Step};
use crate::liveness::depth::{foreshortening, parallax};

pub(super) fn findings(session: &Session<'_>) -> Vec<Finding> {
    let (Some((_, reference)), turned) = (session.reference(), turned(session)) else {
        return vec![Finding::hard("depth", false, 0.0, "There is no frontal face to measure depth from.")];
    };
    let mut findings = vec![closer(session)];
    if turned.is_empty() {
        findings.push(Finding::hard("depth_turns", false, 0.0, "No turned face shows depth."));
    } else {
        findings.extend([turns(session, reference), plane(session, reference, &turned)]);
        findings.push(narrower(session, reference));
    }
    findings
}

fn turned<'a>(session: &Session<'a>) -> Vec<Seen<'a>> {
    [Step::TurnLeft, Step::TurnRight].into_iter().flat_map(|step| session.good_of(step)).collect()
}

/// When a head turns, what is near moves against what is far, to the side that it turns to and as far as it turns.
fn turns(session: &Session<'_>, reference: &Observed) -> Finding {
    let limits = session.limits;
    let least = typical_of_worst_step(session, |face| {
        let moved = parallax(&reference.landmarks, &face.landmarks).map_or(0.0, |parallax| -parallax.across);
        // From where the head looked straight: the camera mostly stands a little to one side.
        let turn = f64::from(face.pose.yaw - reference.pose.yaw);
        moved * turn.signum() / limits.turn_parallax.max(limits.turn_parallax_a_degree * turn.abs())
    });
    let holds = least >= 1.0;
    let sentence =
        if holds { "The face turns as a head does." } else { "The face is turned as a flat picture would be." };
    Finding::hard("depth_turns", holds, (least - 1.0) / 0.2, sentence).with("parallax_over_limit", least)
}

/// The least, over the asked turns, of the median over a turn's frames: one poor frame of a person's is forgiven.
fn typical_of_worst_step(session: &Session<'_>, figure: impl Fn(&Observed) -> f64) -> f64 {
    let turns = (0..session.steps.len())
        .filter(|turn| matches!(session.steps.get(*turn), Some(Step::TurnLeft | Step::TurnRight)));
    let typical = turns.filter_map(|turn| median(session.good(turn).iter().map(|(_, face)| figure(face)).collect()));
    typical.fold(f64::INFINITY, f64::min)
}

/// Two views of a flat picture agree under one homography; a turned head shows other sides.
fn plane(session: &Session<'_>, reference: &Observed, turned: &[Seen<'_>]) -> Finding {
    let likenesses = turned.iter().map(|(_, face)| {
        let there = reference.texture.likeness_as_planes(&face.texture);
        there.max(face.texture.likeness_as_planes(&reference.texture))
    });
    let most = likenesses.fold(-1.0, f64::max);
    let holds = most < session.limits.plane;
    let sentence = if holds {
        "No plane explains the turned face."
    } else {
        "The turned face is the frontal one seen as a flat picture."
    };
    Finding::hard("flat_picture", holds, (session.limits.plane - most) / 0.05, sentence).with("likeness", most)
}

/// A slanted picture becomes far narrower before it looks turned; a distorted one looks turned without becoming narrower.
fn narrower(session: &Session<'_>, reference: &Observed) -> Finding {
    let [least, most] = session.limits.foreshortening;
    let (middle, reach) = (f64::midpoint(least, most), (most - least) / 2.0);
    let width = |face: &Observed| foreshortening(&reference.landmarks, &face.landmarks, face.pose.yaw);
    let within =
        typical_of_worst_step(session, |face| width(face).map_or(-1.0, |width| reach - (width - middle).abs()));
    let holds = within >= 0.0;
    let sentence = if holds {
        "The turned face is as narrow as its turn explains."
    } else {
        "The turned face is not as narrow as its turn explains."
    };
    Finding::hard("foreshortening", holds, within / 0.05, sentence).with("within_limits_by", within)
}

/// When a head comes closer, what is near grows more than what is far; a picture grows evenly.
fn closer(session: &Session<'_>) -> Finding {
    let (far, near) = (session.good_of(Step::LookStraight), session.good_of(Step::MoveCloser));
    let pairs = far.iter().flat_map(|(_, far)| near.iter().map(move |(_, near)| (far, near)));
    let found = pairs.filter_map(|(far, near)| parallax(&far.landmarks, &near.landmarks)).map(|found| found.closer);
    let Some(typical) = median(found.collect()) else {
        return Finding::not_applicable("depth_closer", "No face came closer.");
    };
    let least = session.limits.closer_parallax;
    let holds = typical >= least;
    let sentence =
        if holds { "The face comes closer as a head does." } else { "The face grows evenly, as a flat picture does." };
    Finding::hard("depth_closer", holds, (typical - least) / 0.01, sentence).with("parallax", typical)
}
