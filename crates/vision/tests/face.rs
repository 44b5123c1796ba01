//! Face engine on pictures: location, pose and similarity of faces.

#[expect(dead_code, reason = "the scripts are for the tests of liveness")]
mod liveness_scene;

use std::sync::OnceLock;

use image::imageops::{self, FilterType};
use image::{Rgb, RgbImage};
use liveness_scene::{Model, Place, frame};
use vision::InferenceThreads;
use vision::face::{Embedding, Face, FaceEngine};

fn engine() -> &'static FaceEngine {
    static ENGINE: OnceLock<FaceEngine> = OnceLock::new();
    ENGINE.get_or_init(|| FaceEngine::new(None, &InferenceThreads::new(2)).expect("the weights and pictures are sound"))
}

fn astronaut() -> RgbImage {
    image::load_from_memory(include_bytes!("pictures/astronaut.jpg"))
        .expect("the weights and pictures are sound")
        .to_rgb8()
}

fn hopper() -> RgbImage {
    image::load_from_memory(include_bytes!("pictures/grace_hopper.jpg"))
        .expect("the weights and pictures are sound")
        .to_rgb8()
}

#[track_caller]
fn only_face(picture: &RgbImage) -> Face {
    let mut faces = engine().find_faces(picture).expect("the weights and pictures are sound");
    assert_eq!(faces.len(), 1, "{faces:?}");
    faces.remove(0)
}

#[track_caller]
fn template(picture: &RgbImage) -> Embedding {
    engine().compute_embedding(picture, &only_face(picture)).expect("the weights and pictures are sound")
}

/// The portrait as printed on a document: 24 pixels between the eyes, nearly grey, on a card with print.
fn document(portrait: &RgbImage) -> RgbImage {
    let scale = 24.0 / only_face(portrait).eye_distance;
    let (width, height) = ((portrait.width() as f32 * scale) as u32, (portrait.height() as f32 * scale) as u32);
    let small = imageops::resize(portrait, width, height, FilterType::Triangle);
    let mut card = RgbImage::from_fn(640, 400, |x, y| {
        let is_print = x > 260 && y % 28 < 9 && (x / 9) % 3 > 0;
        if is_print { Rgb([60, 60, 70]) } else { Rgb([205, 205, 220]) }
    });
    let grey = RgbImage::from_fn(width, height, |x, y| {
        let pixel = small.get_pixel(x, y).0.map(f32::from);
        let mean = pixel.iter().sum::<f32>() / 3.0;
        Rgb(pixel.map(|value| (mean * 0.7 + value * 0.3) as u8))
    });
    imageops::overlay(&mut card, &grey, 24, 60);
    liveness_scene::photographed(&card)
}

#[test]
fn face_is_found_with_its_landmarks() {
    let face = only_face(&hopper());
    assert!((face.region.centre()[0] - 265.0).abs() < 20.0 && (face.region.centre()[1] - 225.0).abs() < 25.0);
    assert!((face.eye_distance - 88.0).abs() < 6.0, "{}", face.eye_distance);
    assert_eq!(face.landmarks.len(), 468);
    assert!(face.score > 0.9 && face.landmark_score > 0.9);
    assert!(face.pose.yaw.abs() < 6.0 && face.pose.roll.abs() < 6.0);
}

#[test]
fn small_document_portrait_is_found_and_matched() {
    for (portrait, other) in [(astronaut(), hopper()), (hopper(), astronaut())] {
        let small = template(&document(&portrait));
        let (same, different) = (small.similarity(&template(&portrait)), small.similarity(&template(&other)));
        assert!(same > engine().match_threshold() + 0.2, "{same}");
        assert!(different < engine().match_threshold() - 0.1, "{different}");
    }
}

#[test]
fn face_filling_or_leaving_the_picture_is_found() {
    let portrait = hopper();
    let region = only_face(&portrait).region;
    let filled = imageops::crop_imm(
        &portrait,
        region.left as u32 + 5,
        region.top as u32 + 5,
        region.width as u32 - 10,
        region.height as u32 - 10,
    );
    only_face(&filled.to_image());
    let cut = imageops::crop_imm(&portrait, region.centre()[0] as u32 - 25, 0, 200, 600);
    only_face(&cut.to_image());
}

#[test]
fn faces_are_sorted_largest_first() {
    let (large, small) = (hopper(), imageops::resize(&astronaut(), 240, 240, FilterType::Triangle));
    let mut both = RgbImage::from_pixel(900, 600, Rgb([128; 3]));
    imageops::overlay(&mut both, &large, 0, 0);
    imageops::overlay(&mut both, &small, 600, 200);
    let faces = engine().find_faces(&both).unwrap();
    assert_eq!(faces.len(), 2);
    assert!(faces[0].region.centre()[0] < 512.0 && faces[1].region.centre()[0] > 600.0);
}

/// The stage's angles are known exactly: the pose from the landmarks is compared with them.
#[test]
fn pose_has_degrees_and_sign() {
    let portrait = hopper();
    let head = Model::head(&portrait, &only_face(&portrait));
    let pose = |place: Place| only_face(&frame(&head, &place, 1.0, 1)).pose;
    let straight = pose(Place::at(600.0, 0.0));
    for yaw in [-35.0, -25.0, -15.0, 15.0, 25.0, 35.0] {
        let found = pose(Place::at(600.0, yaw)).yaw;
        assert!((found - yaw).abs() < 7.0, "{yaw} was taken for {found}");
    }
    for angle in [-15.0, 15.0] {
        let pitch = pose(Place { pitch: angle, ..Place::at(600.0, 0.0) }).pitch - straight.pitch;
        assert!((pitch - angle).abs() < 8.0, "{angle} was taken for {pitch}");
        let roll = pose(Place { roll: angle, ..Place::at(600.0, 0.0) }).roll - straight.roll;
        assert!((roll - angle).abs() < 3.0, "{angle} was taken for {roll}");
    }
}

#[test]
fn template_bytes_round_trip() {
    let one = template(&hopper());
    let again = Embedding::from_bytes(&one.to_bytes()).unwrap();
    assert_eq!(one, again);
    assert!((one.similarity(&again) - 1.0).abs() < 1e-5);
    assert_eq!(one.to_bytes().len(), 4 * (1 + 3 + 192 + 3 + 512));
}

fn own_networks_folder() -> std::path::PathBuf {
    std::env::temp_dir().join(format!("identivia-own-networks-{}", std::process::id()))
}

/// An engine with an operator's copies of the networks, under thresholds of the operator's own.
fn engine_with_own_networks(networks: &[(&str, f32)]) -> FaceEngine {
    let folder = own_networks_folder();
    std::fs::create_dir_all(&folder).expect("a temporary folder");
    let entry = |&(name, threshold): &(&str, f32)| {
        let models = concat!(env!("CARGO_MANIFEST_DIR"), "/../../models");
        std::fs::copy(format!("{models}/{name}.onnx"), folder.join(format!("{name}.onnx"))).expect("a copy");
        let embedded = engine().face_models().into_iter().find(|model| model.entry.name == name).expect("a known name");
        let sha256 = &embedded.entry.sha256;
        format!(r#"{{"name": "{name}", "file": "{name}.onnx", "sha256": "{sha256}", "threshold": {threshold}}}"#)
    };
    let entries: Vec<String> = networks.iter().map(entry).collect();
    std::fs::write(folder.join("manifest.json"), format!(r#"{{"models": [{}]}}"#, entries.join(", ")))
        .expect("a manifest");
    FaceEngine::new(Some(&folder), &InferenceThreads::new(1)).expect("the weights are sound")
}

#[test]
fn own_network_for_templates_stands_alone_unless_the_pair_is_replaced() {
    let counts_and_thresholds = |networks: &[(&str, f32)]| {
        let engine = engine_with_own_networks(networks);
        (engine.face_models().len(), engine.match_threshold(), engine.main_match_threshold())
    };
    assert_eq!(counts_and_thresholds(&[("face-embed", 0.61), ("face-embed-512", 0.52)]), (5, 0.52, 0.61));
    assert_eq!(counts_and_thresholds(&[("face-embed-512", 0.5)]), (5, 0.5, engine().main_match_threshold()));
    assert_eq!(counts_and_thresholds(&[("face-embed", 0.61)]), (4, 0.61, 0.61));

    let (alone, portrait) = (engine_with_own_networks(&[("face-embed", 0.61)]), hopper());
    let by_one = alone.compute_embedding(&portrait, &only_face(&portrait)).expect("the weights are sound");
    let by_both = template(&portrait);
    assert!((by_one.similarity(&by_one) - 1.0).abs() < 1e-5);
    assert!((by_one.main_similarity(&by_both) - 1.0).abs() < 1e-4, "the copy is the same network");
    assert!(by_one.similarity(&by_both).abs() < f32::EPSILON, "templates of one and of two networks are not compared");
    std::fs::remove_dir_all(own_networks_folder()).expect("a folder");
}

#[test]
fn passive_score_is_between_zero_and_one() {
    let portrait = hopper();
    let score = engine().score_passive_liveness(&portrait, &only_face(&portrait)).unwrap();
    assert!((0.0..=1.0).contains(&score));
}

#[test]
fn any_picture_is_searched_without_panic() {
    let noise = |x: u32, y: u32| Rgb([(x.wrapping_mul(97) ^ y.wrapping_mul(57)) as u8, (x * y) as u8, (x + y) as u8]);
    let sizes = [(0, 0), (1, 1), (1, 5000), (5000, 1), (3, 7), (300, 200)];
    for (width, height) in sizes {
        assert!(engine().find_faces(&RgbImage::new(width, height)).unwrap().is_empty());
        engine().find_faces(&RgbImage::from_fn(width, height, noise)).unwrap();
    }
    let mut face = only_face(&hopper());
    for points in [vec![], vec![[f32::NAN; 3]; 468], vec![[1e30; 3]; 468]] {
        face.landmarks = points;
        let _unharmed = engine().compute_embedding(&RgbImage::new(5, 5), &face);
    }
}

#[test]
fn models_report_name_hash_and_threshold() {
    let names: Vec<&str> = engine().face_models().iter().map(|weights| weights.entry.name.as_str()).collect();
    assert_eq!(names, ["face-detect", "face-landmarks", "face-embed", "face-embed-512", "face-passive-liveness"]);
    assert!(engine().face_models().iter().all(|weights| weights.entry.sha256.len() == 64));
}
