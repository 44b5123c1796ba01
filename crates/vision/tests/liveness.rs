//! Liveness from pictures to judgement: heads on a stage pass, prints and tricks do not.

mod liveness_scene;

use std::sync::OnceLock;

use image::codecs::jpeg::JpegEncoder;
use image::{RgbImage, imageops};
use liveness_scene::{Model, Place, Shot, filmed, followed, frame, photographed};
use proptest::prelude::*;
use vision::InferenceThreads;
use vision::face::{Face, FaceEngine};
use vision::liveness::LivenessStep::{LookStraight, MoveCloser, TurnLeft, TurnRight};
use vision::liveness::{
    Frame, Imprint, Judgement, Limits, LivenessFinding, LivenessStep, Observation, Outcome, is_replay, judge_session,
    observe_frames,
};

const STEPS: [LivenessStep; 4] = [LookStraight, TurnLeft, MoveCloser, TurnRight];
const OTHER_ORDER: [LivenessStep; 4] = [LookStraight, MoveCloser, TurnRight, TurnLeft];

fn engine() -> &'static FaceEngine {
    static ENGINE: OnceLock<FaceEngine> = OnceLock::new();
    ENGINE.get_or_init(|| FaceEngine::new(None, &InferenceThreads::new(2)).expect("the weights and pictures are sound"))
}

fn portrait(bytes: &[u8]) -> (RgbImage, Face) {
    let picture = image::load_from_memory(bytes).expect("the weights and pictures are sound").to_rgb8();
    let face = engine().find_faces(&picture).expect("the weights and pictures are sound").remove(0);
    (picture, face)
}

fn astronaut() -> (RgbImage, Face) {
    portrait(include_bytes!("pictures/astronaut.jpg"))
}

fn hopper() -> (RgbImage, Face) {
    portrait(include_bytes!("pictures/grace_hopper.jpg"))
}

fn head((picture, face): &(RgbImage, Face)) -> Model {
    Model::head(picture, face)
}

fn judged(steps: &[LivenessStep], frames: &[Frame]) -> Judgement {
    judge_session(
        steps,
        &observe_frames(engine(), frames).expect("the weights and pictures are sound"),
        &Limits::default(),
    )
}

/// A person's session, observed once for the tests that only alter observations.
fn genuine() -> &'static [Observation] {
    static GENUINE: OnceLock<Vec<Observation>> = OnceLock::new();
    GENUINE.get_or_init(|| {
        observe_frames(engine(), &filmed(&head(&hopper()), &followed(&STEPS, 3), 3))
            .expect("the weights and pictures are sound")
    })
}

fn failed(judgement: &Judgement) -> Vec<&'static str> {
    let failed = judgement.findings.iter().filter(|finding| finding.outcome == Outcome::Fail);
    failed.map(|finding| finding.code).collect()
}

#[track_caller]
fn assert_not_live(judgement: &Judgement) {
    assert!(judgement.confidence < 50.0 && !judgement.passed, "{judgement:?}");
}

#[test]
fn head_following_the_steps_is_live() {
    for (person, steps, seed) in [(astronaut(), STEPS, 1), (hopper(), OTHER_ORDER, 2)] {
        let judgement = judged(&steps, &filmed(&head(&person), &followed(&steps, seed), seed));
        assert!(judgement.passed && judgement.confidence >= 80.0, "{judgement:?}");
        assert!(judgement.reference.is_some_and(|at| at < 3), "the reference looks straight");
        assert_eq!(judgement.audit.len(), 4);
        assert!(judgement.face_of_reference.is_some());
    }
}

/// The print is slanted as far as the head would turn, and further, until no face is found.
#[test]
fn head_before_an_offset_camera_is_live() {
    let mut shots = followed(&STEPS, 5);
    for (step, place, _) in &mut shots {
        place.yaw = match step {
            LookStraight | MoveCloser => 7.0 + place.yaw / 3.0,
            TurnLeft => 21.0 + place.yaw / 30.0,
            TurnRight => -21.0 + place.yaw / 30.0,
        };
    }
    let judgement = judged(&STEPS, &filmed(&head(&hopper()), &shots, 5));
    assert!(judgement.passed, "{judgement:#?}");
}

/// The page does not say how far to turn: many people turn by 20° and less.
#[test]
fn head_turning_the_minimum_is_live() {
    let mut shots = followed(&STEPS, 9);
    for (step, place, _) in &mut shots {
        place.yaw = match step {
            TurnLeft => 16.5 + place.yaw / 30.0,
            TurnRight => -16.5 + place.yaw / 30.0,
            LookStraight | MoveCloser => place.yaw,
        };
    }
    let judgement = judged(&STEPS, &filmed(&head(&hopper()), &shots, 9));
    assert!(judgement.passed, "{judgement:#?}");
}

#[test]
fn slanted_print_is_never_live() {
    let tries = [(astronaut(), 0.0, 1.7), (hopper(), 0.0, 1.0), (hopper(), 0.0, 2.1), (hopper(), 70.0, 2.1)];
    for (person, bend, slant) in tries {
        let print = Model::bent_print(&person.0, &person.1, bend);
        let slanted = |(step, place, light): Shot| (step, Place { yaw: place.yaw * slant, ..place }, light);
        let shots: Vec<Shot> = followed(&STEPS, 5).into_iter().map(slanted).collect();
        assert_not_live(&judged(&STEPS, &filmed(&print, &shots, 5)));
    }
}

/// The depth checks are independent: even if every pose were accepted, a print shows no depth.
#[test]
fn print_shows_no_depth_even_with_free_poses() {
    let person = hopper();
    let frames = filmed(&Model::print(&person.0, &person.1), &followed(&STEPS, 6), 6);
    let lenient = Limits { turned_yaw: 0.5, ..Limits::default() };
    let judgement = judge_session(&STEPS, &observe_frames(engine(), &frames).unwrap(), &lenient);
    assert_not_live(&judgement);
    let failed = failed(&judgement);
    assert!(failed.contains(&"depth_turns") && failed.contains(&"flat_picture"), "{judgement:?}");
}

#[test]
fn repeated_frame_is_found_despite_light_and_recompression() {
    let mut frames = filmed(&head(&hopper()), &followed(&STEPS, 7), 7);
    let lighter = |value: u8| (f32::from(value) * 1.06 + 3.0) as u8;
    let again = RgbImage::from_fn(frames[0].picture.width(), frames[0].picture.height(), |x, y| {
        image::Rgb(frames[0].picture.get_pixel(x, y).0.map(lighter))
    });
    frames[1].picture = photographed(&again);
    let judgement = judged(&STEPS, &frames);
    assert_not_live(&judgement);
    assert_eq!(failed(&judgement), ["repeated_frames"], "{judgement:?}");
}

/// A frame as an attacker may replay it: other bytes, other pixels, the same moment.
fn sent_anew(picture: &RgbImage, how: usize) -> RgbImage {
    let (width, height) = picture.dimensions();
    let changed = match how % 5 {
        0 => picture.clone(),
        1 => imageops::crop_imm(picture, width / 20, height / 30, width * 9 / 10, height * 14 / 15).to_image(),
        2 => imageops::resize(picture, width * 7 / 10, height * 7 / 10, imageops::FilterType::Triangle),
        3 => RgbImage::from_fn(width, height, |x, y| {
            image::Rgb(picture.get_pixel(x, y).0.map(|value| (f32::from(value) * 0.85 + 15.0) as u8))
        }),
        _ => imageops::flip_horizontal(picture),
    };
    let mut bytes = Vec::new();
    changed.write_with_encoder(JpegEncoder::new_with_quality(&mut bytes, 60)).expect("a picture can be written");
    image::load_from_memory(&bytes).expect("what was written can be read").to_rgb8()
}

fn imprints(observations: &[Observation]) -> Vec<Imprint> {
    observations.iter().filter_map(|observation| observation.face.as_ref()).map(|face| face.imprint.clone()).collect()
}

#[test]
fn frames_of_another_session_are_recognised_after_reencoding() {
    let first = filmed(&head(&hopper()), &followed(&STEPS, 3), 3);
    let earlier = imprints(genuine());
    for how in 0..5 {
        let replayed: Vec<Frame> = first
            .iter()
            .rev()
            .map(|frame| Frame { picture: sent_anew(&frame.picture, how), ..frame.clone() })
            .collect();
        let seen = observe_frames(engine(), &replayed).expect("the weights and pictures are sound");
        assert!(is_replay(&imprints(&seen), &earlier), "written anew in way {how}");
        let keys: Vec<u32> =
            earlier.iter().flat_map(|known| [known.search_key(), known.to_mirrored().search_key()]).collect();
        assert!(imprints(&seen).iter().any(|frame| keys.contains(&frame.search_key())), "found among all in way {how}");
    }
    // Some of them, mixed with new frames.
    let mut mixed =
        imprints(&observe_frames(engine(), &filmed(&head(&astronaut()), &followed(&STEPS, 4), 4)).expect("sound"));
    assert!(!is_replay(&mixed, &earlier));
    let share = mixed.len() / 3;
    mixed[..share].clone_from_slice(&earlier[..share]);
    assert!(is_replay(&mixed, &earlier));
}

#[test]
fn second_attempt_of_a_person_is_no_replay() {
    let again = observe_frames(engine(), &filmed(&head(&hopper()), &followed(&OTHER_ORDER, 11), 11)).expect("sound");
    let known = |frame: &Imprint| imprints(genuine()).iter().any(|earlier| frame.is_same_picture(earlier));
    let known = imprints(&again).iter().filter(|frame| known(frame)).count();
    assert!(!is_replay(&imprints(&again), &imprints(genuine())), "{known} of {}", again.len());
}

#[test]
fn imprint_bytes_round_trip() {
    let imprint = &imprints(genuine())[0];
    assert_eq!(Imprint::from_bytes(imprint.as_bytes()).as_ref(), Some(imprint));
    assert_eq!(Imprint::from_bytes(&imprint.as_bytes()[1..]), None);
    assert_eq!(imprint.to_mirrored().to_mirrored(), *imprint);
    assert!(imprint.difference(imprint) < 0.01);
}

#[test]
fn turns_of_another_person_are_found() {
    let mut frames = filmed(&head(&hopper()), &followed(&STEPS, 8), 8);
    let others = filmed(&head(&astronaut()), &followed(&STEPS, 9), 9);
    for (frame, other) in frames.iter_mut().zip(others) {
        if frame.step == TurnLeft {
            *frame = other;
        }
    }
    let judgement = judged(&STEPS, &frames);
    assert_not_live(&judgement);
    assert!(failed(&judgement).contains(&"same_person"), "{judgement:?}");
}

#[test]
fn second_face_fails_and_far_face_is_tolerated() {
    let (me, other) = (head(&hopper()), head(&astronaut()));
    let mut frames = filmed(&me, &followed(&STEPS, 10), 10);
    let beside = |distance: f32| {
        let left = frame(&me, &Place { right: -90.0, ..Place::at(620.0, 0.0) }, 1.0, 10_050);
        let right = frame(&other, &Place { right: 0.18 * distance, ..Place::at(distance, 0.0) }, 1.0, 10_050);
        RgbImage::from_fn(640, 480, |x, y| *if x < 320 { &left } else { &right }.get_pixel(x, y))
    };
    frames[1].picture = beside(650.0);
    assert!(failed(&judged(&STEPS, &frames)).contains(&"one_face"));
    frames[1].picture = beside(2300.0);
    let judgement = judged(&STEPS, &frames);
    assert!(!failed(&judgement).contains(&"one_face"), "{judgement:?}");
}

#[test]
fn wrong_order_or_missing_step_has_confidence_zero() {
    let limits = Limits::default();
    assert!(judge_session(&STEPS, genuine(), &limits).passed);
    assert!(judge_session(&OTHER_ORDER, genuine(), &limits).confidence.abs() < f64::EPSILON);
    for step in STEPS {
        let without: Vec<Observation> = genuine().iter().filter(|seen| seen.step != step).cloned().collect();
        assert!(judge_session(&STEPS, &without, &limits).confidence.abs() < f64::EPSILON);
        let asked: Vec<Observation> = genuine().iter().cloned().map(|seen| unfollowed(seen, step)).collect();
        assert!(judge_session(&STEPS, &asked, &limits).confidence.abs() < f64::EPSILON, "{step:?}");
    }
}

/// The frames of one step show a face that does not follow it.
fn unfollowed(mut seen: Observation, step: LivenessStep) -> Observation {
    if seen.step == step {
        seen.face.iter_mut().for_each(|face| face.pose.yaw = 13.5);
    }
    seen
}

#[test]
fn passive_score_only_lowers_confidence() {
    let confidence = |score: f32| {
        let mut seen = genuine().to_vec();
        seen.iter_mut().filter_map(|seen| seen.face.as_mut()).for_each(|face| face.passive = Some(score));
        judge_session(&STEPS, &seen, &Limits::default()).confidence
    };
    assert!(confidence(0.001) < 50.0);
    assert!((confidence(0.3) - 80.0).abs() < f64::EPSILON);
    assert!(confidence(1.0) >= confidence(0.6));
}

#[test]
fn frames_without_a_face_are_not_live() {
    for (width, height) in [(1, 1), (1, 900), (640, 480)] {
        let frames: Vec<Frame> = followed(&STEPS, 1)
            .iter()
            .enumerate()
            .map(|(at, (step, ..))| Frame {
                step: *step,
                at_ms: at as u64 * 500,
                picture: RgbImage::new(width, height),
            })
            .collect();
        let judgement = judged(&STEPS, &frames);
        assert!(judgement.confidence.abs() < f64::EPSILON && judgement.reference.is_none());
    }
    assert!(judge_session(&[], &[], &Limits::default()).confidence.abs() < f64::EPSILON);
}

fn outcome(judgement: &Judgement, code: &str) -> Option<Outcome> {
    let finding: Option<&LivenessFinding> = judgement.findings.iter().find(|finding| finding.code == code);
    finding.map(|finding| finding.outcome)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Frames are left out, repeated or moved: figures stay in bounds, and a failure keeps the confidence under 50.
    #[test]
    fn judgement_stays_in_bounds(picks in proptest::collection::vec((0_usize..12, 0_u64..20_000), 0..16)) {
        let seen: Vec<Observation> = picks.iter().map(|(at, time)| {
            Observation { at_ms: *time, ..genuine()[*at].clone() }
        }).collect();
        let judgement = judge_session(&STEPS, &seen, &Limits::default());
        prop_assert!((0.0..=100.0).contains(&judgement.confidence));
        prop_assert_eq!(judgement.passed, failed(&judgement).is_empty());
        prop_assert!(judgement.passed || judgement.confidence < 50.0);
        let are_rising = seen.windows(2).all(|pair| pair[0].at_ms < pair[1].at_ms);
        prop_assert!(are_rising || outcome(&judgement, "timing") == Some(Outcome::Fail));
        let mut places: Vec<usize> = picks.iter().map(|(at, _)| *at).collect();
        places.sort_unstable();
        places.dedup();
        prop_assert!(places.len() == picks.len() || outcome(&judgement, "repeated_frames") == Some(Outcome::Fail));
    }
}

/// Each step's frames unchanged, in another sequence.
fn reordered(observations: &[Observation], steps: &[LivenessStep]) -> Vec<Observation> {
    let of = |step: &LivenessStep| observations.iter().filter(|seen| seen.step == *step).cloned().collect::<Vec<_>>();
    let mut reordered: Vec<Observation> = steps.iter().flat_map(of).collect();
    for (at, seen) in reordered.iter_mut().enumerate() {
        seen.at_ms = 900 * at as u64;
    }
    reordered
}

fn orders(of: &[LivenessStep]) -> Vec<Vec<LivenessStep>> {
    let [first] = of else {
        let rest = |without: &LivenessStep| of.iter().filter(|step| *step != without).copied().collect::<Vec<_>>();
        let with =
            |first: &LivenessStep| orders(&rest(first)).into_iter().map(|rest| [vec![*first], rest].concat()).collect();
        return of.iter().flat_map(|first| -> Vec<Vec<LivenessStep>> { with(first) }).collect();
    };
    vec![vec![*first]]
}

#[test]
fn steps_pass_only_in_the_requested_order() {
    let orders = orders(&LivenessStep::ALL);
    assert_eq!(orders.len(), 24);
    for asked in &orders {
        let followed = reordered(genuine(), asked);
        let judgement = judge_session(asked, &followed, &Limits::default());
        assert!(judgement.passed && judgement.confidence >= 80.0, "{asked:?}: {judgement:?}");
        let other = orders.iter().find(|other| *other != asked).unwrap();
        assert_not_live(&judge_session(other, &followed, &Limits::default()));
    }
}

/// Draws `tests/data/session` of the workspace: what the service's tests and its demo send.
#[test]
#[ignore = "writes pictures; run it when the stage or the portrait has changed"]
fn draw_a_session() {
    let data = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
    let person = portrait(&std::fs::read(format!("{data}/portrait.jpg")).unwrap());
    let shots = followed(&STEPS, 11);
    std::fs::create_dir_all(format!("{data}/session")).unwrap();
    for (at, (step, place, exposure)) in shots.iter().enumerate() {
        let picture = frame(&head(&person), place, *exposure, 11_000 + at as u32);
        let mut file = std::fs::File::create(format!("{data}/session/{}_{}.jpg", step.to_word(), at % 3 + 1)).unwrap();
        let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut file, 85);
        picture.write_with_encoder(encoder).unwrap();
    }
}
