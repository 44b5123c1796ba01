//! Pictures made to keep the engines busy cost little: the work of each engine is counted, and processor time and memory
//! are printed by the long run.
#![expect(clippy::unwrap_used, reason = "these are tests")]

mod hostile_scene;

use std::path::Path;

use hostile_scene::{SCENE_KINDS, SceneContent, SceneKind, SceneParts};
use image::RgbImage;
use vision::InferenceThreads;
use vision::document::{DocumentEngines, read_sides};
use vision::face::FaceEngine;
use vision::intake::{Photo, decode_photo};
use vision::text::TextReader;

/// The longest side of decoded pictures, as in the service.
const SIDE: u32 = 2_600;
/// The memory that reading one picture may take, over what there was before.
const MOST_MEGABYTES: u64 = 64;

struct Engines {
    text: TextReader,
    faces: FaceEngine,
}

/// What a picture cost.
#[derive(Clone, Copy, Default)]
struct Cost {
    milliseconds: f64,
    megabytes: u64,
}

#[test]
fn work_of_hostile_pictures_is_bounded() {
    let (engines, parts) = (load_engines(), load_parts());
    for (seed, kind) in SCENE_KINDS.iter().enumerate() {
        let Ok(photo) = decode_photo(&kind.encode(seed as u64, &parts), SIDE) else { continue };
        let work = count_work(&engines, || read(&engines, &photo));
        assert_bounded(kind, &work);
    }
}

#[test]
#[ignore = "it takes minutes, and the one above runs a few of these pictures"]
fn report_what_hostile_pictures_cost() {
    let count: u64 = std::env::var("HOSTILE_COUNT").ok().and_then(|count| count.parse().ok()).unwrap_or(20);
    let only = std::env::var("HOSTILE_ONLY").unwrap_or_default();
    let (engines, parts) = (load_engines(), load_parts());
    println!("{:<24}{:>9}{:>9}{:>7}{:>9}{:>9}{:>7}", "", "document", "at most", "MB", "faces", "at most", "MB");
    for kind in SCENE_KINDS.iter().filter(|kind| kind.name.contains(&only)) {
        let mut costs: Vec<(Cost, Cost)> = Vec::new();
        for seed in 0..count {
            let Ok(photo) = decode_photo(&kind.encode(seed, &parts), SIDE) else { continue };
            let mut document = Cost::default();
            let work = count_work(&engines, || document = measure(|| read(&engines, &photo)));
            assert_bounded(kind, &work);
            let faces = measure(|| drop(engines.faces.find_faces(&photo.image).unwrap()));
            assert!(document.megabytes <= MOST_MEGABYTES && faces.megabytes <= MOST_MEGABYTES, "{}", kind.name);
            costs.push((document, faces));
        }
        let (documents, faces): (Vec<Cost>, Vec<Cost>) = costs.into_iter().unzip();
        println!("{:<24}{}{}", kind.name, format_costs(&documents), format_costs(&faces));
    }
}

fn format_costs(costs: &[Cost]) -> String {
    let sum: f64 = costs.iter().map(|cost| cost.milliseconds).sum();
    let most = costs.iter().map(|cost| cost.milliseconds).fold(0.0, f64::max);
    let memory = costs.iter().map(|cost| cost.megabytes).max().unwrap_or_default();
    format!("{:>9.0}{most:>9.0}{memory:>7}", sum / costs.len().max(1) as f64)
}

fn assert_bounded(kind: &SceneKind, work: &EngineWork) {
    let most = match kind.content {
        SceneContent::Nothing => EngineWork::default(),
        SceneContent::Patterns => {
            EngineWork { text_passes: 1, line_pixels: 16_000, face_passes: 10, landmarks: 4, templates: 0 }
        }
        SceneContent::Print => {
            EngineWork { text_passes: 2, line_pixels: 42_304, face_passes: 10, landmarks: 16, templates: 12 }
        }
        SceneContent::Faces => {
            EngineWork { text_passes: 1, line_pixels: 2_304, face_passes: 10, landmarks: 32, templates: 12 }
        }
    };
    let is_bounded = work.text_passes <= most.text_passes
        && work.line_pixels <= most.line_pixels
        && work.face_passes <= most.face_passes
        && work.landmarks <= most.landmarks
        && work.templates <= most.templates;
    assert!(is_bounded, "{}: {work:?}, at most {most:?}", kind.name);
}

/// What the networks did: their runs, and for lines of text the pixels along them.
#[derive(Debug, Default)]
struct EngineWork {
    text_passes: u64,
    line_pixels: u64,
    face_passes: u64,
    landmarks: u64,
    templates: u64,
}

fn count_work(engines: &Engines, work: impl FnOnce()) -> EngineWork {
    let pixels = || {
        let faces = engines.faces.face_models();
        let models = engines.text.text_models().into_iter().chain(faces);
        models.map(|model| (model.entry.name.clone(), model.run_pixels())).collect::<Vec<_>>()
    };
    let before = pixels();
    work();
    let after = pixels();
    let spent = |name: &str| -> u64 {
        let both = before.iter().zip(&after).filter(|((model, _), _)| model.starts_with(name));
        both.map(|((_, before), (_, after))| after - before).sum()
    };
    EngineWork {
        text_passes: spent("ocr-detect").div_ceil(640 * 640),
        line_pixels: spent("ocr-recognize") / 48,
        face_passes: spent("face-detect") / (320 * 240),
        landmarks: spent("face-landmarks") / (192 * 192),
        templates: spent("face-embed") / (112 * 112),
    }
}

fn read(engines: &Engines, photo: &Photo) {
    let by = DocumentEngines { text: &engines.text, faces: &engines.faces };
    drop(read_sides(&by, photo, None).unwrap());
}

fn load_engines() -> Engines {
    let threads = InferenceThreads::new(1);
    let engines =
        Engines { text: TextReader::new(None, &threads).unwrap(), faces: FaceEngine::new(None, &threads).unwrap() };
    // The networks are loaded by their first run.
    read(&engines, &decode_photo(&data("passport.jpg"), SIDE).unwrap());
    engines
}

fn load_parts() -> SceneParts {
    let zone = format!("{}/tests/pictures/zone-td3.png", env!("CARGO_MANIFEST_DIR"));
    let image = |bytes: &[u8]| -> RgbImage { image::load_from_memory(bytes).unwrap().to_rgb8() };
    SceneParts {
        page: image(&data("passport.jpg")),
        zone: image(&std::fs::read(zone).unwrap()),
        face: image(&data("portrait.jpg")),
    }
}

fn data(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data").join(name)).unwrap()
}

/// Processor time of all threads, and memory over what there was before.
fn measure(work: impl FnOnce()) -> Cost {
    // proc(5): the peak becomes what there is now.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
    let (start, base) = (processor_milliseconds(), memory("VmRSS"));
    work();
    let milliseconds = processor_milliseconds() - start;
    Cost { milliseconds, megabytes: memory("VmHWM").saturating_sub(base) >> 20 }
}

fn processor_milliseconds() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = tasks.filter_map(|task| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    });
    nanoseconds.sum::<f64>() / 1e6
}

fn memory(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or_default() * 1_024
}
