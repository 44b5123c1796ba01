//! Golden results: what the engines read and judge on committed pictures, compared with the files in `tests/golden`.
//!
//! A change that only makes the engines cheaper changes none of them. `GOLDEN=write cargo test -p vision --test golden`
//! writes the files again, and `GOLDEN=exact` also compares every figure to five digits behind the point. Without it a
//! figure may differ slightly: processors add up in different orders.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[expect(dead_code, reason = "the scripts are for the tests of liveness")]
mod liveness_scene;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use image::{RgbImage, imageops};
use liveness_scene::{Model, Place, Shot, filmed, followed};
use serde_json::{Map, Value, json};
use vision::InferenceThreads;
use vision::document::{Date, DocumentEngines, DocumentReading, Portrait, read_document};
use vision::face::{Embedding, Face, FaceEngine, Pose};
use vision::intake::{Photo, decode_photo};
use vision::liveness::{Frame, Limits, LivenessStep, Observation, judge_session, observe_frames};
use vision::text::{TextPage, TextReader};

/// How far figures may be apart: the larger of a share and a distance. Angles are in degrees.
const FIGURE_SHARE: f64 = 0.02;
const FIGURE_DISTANCE: f64 = 0.03;
const ANGLE_DISTANCE: f64 = 0.5;
const ANGLES: [&str; 3] = ["yaw", "pitch", "roll"];

static TEXT: LazyLock<TextReader> = LazyLock::new(|| TextReader::new(None, &InferenceThreads::new(2)).unwrap());
static FACES: LazyLock<FaceEngine> = LazyLock::new(|| FaceEngine::new(None, &InferenceThreads::new(2)).unwrap());

#[test]
fn documents_are_read_as_before() {
    let (passport, front, back) = (specimen("passport.jpg"), specimen("id-front.jpg"), specimen("id-back.jpg"));
    let small = imageops::resize(&passport.image, 800, 568, imageops::FilterType::Triangle);
    let turned = with_image(&passport, imageops::rotate90(&small));
    let mut results = Map::new();
    for (name, front, back) in [
        ("passport", &passport, None),
        ("small passport on its side", &turned, None),
        ("card", &front, Some(&back)),
        ("card, sides swapped", &back, Some(&front)),
        ("portrait", &specimen("portrait.jpg"), None),
    ] {
        results.insert(name.to_owned(), document_result(&read_both(front, back)));
    }
    assert_golden("documents", &Value::Object(results));
}

#[test]
fn pages_are_read_as_before() {
    let mut results = Map::new();
    for name in ["td1", "td3", "mrv-b", "code-me", "fr-licence", "ch-licence", "no-zone", "wrong-digit"] {
        let path = format!("{}/tests/pictures/zone-{name}.png", env!("CARGO_MANIFEST_DIR"));
        let page = TEXT.read_page(&image::open(path).unwrap().to_rgb8()).unwrap();
        results.insert(name.to_owned(), page_result(&page));
    }
    assert_golden("pages", &Value::Object(results));
}

#[test]
fn faces_and_sessions_are_judged_as_before() {
    let (astronaut, hopper) = (portrait("astronaut.jpg"), portrait("grace_hopper.jpg"));
    let steps = [LivenessStep::LookStraight, LivenessStep::TurnLeft, LivenessStep::MoveCloser, LivenessStep::TurnRight];
    let slanted = |(step, place, light): Shot| (step, Place { yaw: place.yaw * 2.1, ..place }, light);
    let shots: Vec<Shot> = followed(&steps, 5).into_iter().map(slanted).collect();
    let print = filmed(&Model::bent_print(&hopper.0, &hopper.1, 0.0), &shots, 5);
    let likeness = template(&astronaut).main_similarity(&template(&hopper));
    let results = json!({
        "astronaut": face_result(&astronaut.1),
        "hopper": face_result(&hopper.1),
        "similarity of both": figure(likeness),
        "session": session_result(&LivenessStep::ALL, &session()),
        "session of a slanted print": session_result(&steps, &print),
    });
    assert_golden("faces", &results);
}

fn specimen(name: &str) -> Photo {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    decode_photo(&std::fs::read(folder.join(name)).unwrap(), 2_600).unwrap()
}

fn with_image(photo: &Photo, image: RgbImage) -> Photo {
    let (width, height) = image.dimensions();
    Photo { image, width, height, ..photo.clone() }
}

fn portrait(name: &str) -> (RgbImage, Face) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(name);
    let picture = image::open(path).unwrap().to_rgb8();
    let face = FACES.find_faces(&picture).unwrap().remove(0);
    (picture, face)
}

fn template((picture, face): &(RgbImage, Face)) -> Embedding {
    FACES.compute_embedding(picture, face).unwrap()
}

/// The frames of `tests/data/session`, as `make bench` judges them.
fn session() -> Vec<Frame> {
    let steps = LivenessStep::ALL.into_iter().flat_map(|step| (1..=3).map(move |number| (step, number)));
    let frame = |(at, (step, number)): (usize, (LivenessStep, u8))| Frame {
        step,
        at_ms: 700 * at as u64,
        picture: specimen(&format!("session/{}_{number}.jpg", step.to_word())).image,
    };
    steps.enumerate().map(frame).collect()
}

fn read_both(front: &Photo, back: Option<&Photo>) -> DocumentReading {
    let engines = DocumentEngines { text: &TEXT, faces: &FACES };
    read_document(&engines, front, back, Date::new(2026, 6, 15).unwrap()).unwrap()
}

fn document_result(document: &DocumentReading) -> Value {
    let readings: Vec<String> = document.readings.iter().map(|reading| format!("{reading:?}")).collect();
    json!({
        "source": document.source,
        "is_proven": document.is_proven,
        "authenticity": format!("{:?}", document.authenticity),
        "fields": format!("{:?}", document.fields),
        "readings": readings,
        "findings": rounded(serde_json::to_value(&document.findings).unwrap()),
        "portrait": document.portrait.as_ref().map(portrait_result),
    })
}

fn portrait_result(portrait: &Portrait) -> Value {
    let original = specimen("portrait.jpg").image;
    let face = FACES.find_faces(&original).unwrap().remove(0);
    let likeness = portrait.embedding.main_similarity(&FACES.compute_embedding(&original, &face).unwrap());
    json!({
        "on_back": portrait.on_back,
        "eyes": portrait.eyes.map(|eyes| eyes.map(|point| point.map(figure))),
        "face": face_result(&portrait.face),
        "similarity to the person": figure(likeness),
    })
}

fn page_result(page: &TextPage) -> Value {
    let lines: Vec<Value> = page.lines.iter().map(|line| json!([line.text, figure(line.score)])).collect();
    let zone = page.zone.as_ref().map(|found| {
        json!({
            "lines": found.zone.lines,
            "is_valid": found.zone.is_valid(),
            "confidence": figure(found.confidence),
            "corners": found.corners.map(|(x, y)| [figure(x), figure(y)]),
        })
    });
    json!({ "lines": lines, "zone": zone, "has_unread_zone": page.has_unread_zone })
}

fn face_result(face: &Face) -> Value {
    json!({
        "score": figure(face.score),
        "eye_distance": figure(face.eye_distance),
        "pose": pose_result(face.pose),
        "centre": face.region.centre().map(figure),
    })
}

fn pose_result(pose: Pose) -> Value {
    json!({ "yaw": figure(pose.yaw), "pitch": figure(pose.pitch), "roll": figure(pose.roll) })
}

fn session_result(steps: &[LivenessStep], frames: &[Frame]) -> Value {
    let seen = observe_frames(&FACES, frames).unwrap();
    let judgement = judge_session(steps, &seen, &Limits::default());
    let findings = judgement.findings.iter().map(|finding| {
        let figures: Map<String, Value> =
            finding.figures.iter().map(|(name, value)| ((*name).to_owned(), figure(*value))).collect();
        json!({ "code": finding.code, "outcome": finding.outcome, "figures": figures })
    });
    json!({
        "passed": judgement.passed,
        "confidence": figure(judgement.confidence),
        "reference": judgement.reference,
        "audit": judgement.audit,
        "findings": findings.collect::<Vec<_>>(),
        "frames": seen.iter().map(observation_result).collect::<Vec<_>>(),
    })
}

fn observation_result(seen: &Observation) -> Value {
    let face = seen.face.as_ref();
    json!({
        "faces": seen.faces.len(),
        "pose": face.map(|face| pose_result(face.pose)),
        "passive": face.and_then(|face| face.passive).map(figure),
    })
}

/// A figure with five digits behind the point.
fn figure(value: impl Into<f64>) -> Value {
    json!((value.into() * 1e5).round() / 1e5)
}

/// The same with all its figures rounded.
fn rounded(value: Value) -> Value {
    match value {
        Value::Number(number) if number.is_f64() => figure(number.as_f64().unwrap()),
        Value::Array(values) => values.into_iter().map(rounded).collect(),
        Value::Object(values) => values.into_iter().map(|(name, value)| (name, rounded(value))).collect(),
        value => value,
    }
}

#[track_caller]
fn assert_golden(name: &str, found: &Value) {
    let path: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(format!("{name}.json"));
    let mode = std::env::var("GOLDEN").unwrap_or_default();
    if mode == "write" {
        std::fs::write(&path, serde_json::to_string_pretty(found).unwrap() + "\n").unwrap();
        return;
    }
    let golden: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let mut differences = Vec::new();
    list_differences(name, &golden, found, mode == "exact", &mut differences);
    assert!(differences.is_empty(), "{} differences:\n{}", differences.len(), differences.join("\n"));
}

fn list_differences(place: &str, golden: &Value, found: &Value, is_exact: bool, differences: &mut Vec<String>) {
    let is_alike = match (golden, found) {
        (Value::Object(old), Value::Object(new)) if old.keys().eq(new.keys()) => {
            for (name, value) in old {
                list_differences(&format!("{place} / {name}"), value, &new[name], is_exact, differences);
            }
            true
        }
        (Value::Array(old), Value::Array(new)) if old.len() == new.len() => {
            for (at, (old, new)) in old.iter().zip(new).enumerate() {
                list_differences(&format!("{place} / {at}"), old, new, is_exact, differences);
            }
            true
        }
        (Value::Number(old), Value::Number(new)) if old.is_f64() && new.is_f64() && !is_exact => {
            are_near(place, old.as_f64().unwrap(), new.as_f64().unwrap())
        }
        (old, new) => old == new,
    };
    if !is_alike {
        differences.push(format!("{place}: {golden} was {found}"));
    }
}

fn are_near(place: &str, old: f64, new: f64) -> bool {
    let is_angle = ANGLES.iter().any(|angle| place.ends_with(angle));
    let distance = if is_angle { ANGLE_DISTANCE } else { FIGURE_DISTANCE };
    (old - new).abs() <= distance.max(FIGURE_SHARE * old.abs())
}

#[test]
fn other_results_are_differences() {
    let count = |golden: &Value, found: &Value, is_exact| {
        let mut differences = Vec::new();
        list_differences("test", golden, found, is_exact, &mut differences);
        differences.len()
    };
    let golden = json!({ "text": "A", "score": 0.5, "pose": { "yaw": 10.5 }, "list": [1, 2] });
    let near = json!({ "text": "A", "score": 0.52, "pose": { "yaw": 10.9 }, "list": [1, 2] });
    let far = json!({ "text": "B", "score": 0.54, "pose": { "yaw": 11.5 }, "list": [1, 3] });
    assert_eq!((count(&golden, &golden, true), count(&golden, &near, false), count(&golden, &near, true)), (0, 0, 2));
    assert_eq!(count(&golden, &far, false), 4);
    assert_eq!(count(&golden, &json!({ "text": "A" }), false), 1);
}
