//! Times of each engine, relative to decoding the picture: `make bench`.

#![expect(clippy::print_stdout, reason = "a bench prints")]
#![expect(clippy::unwrap_used, reason = "its own pictures are valid")]

use std::time::{Duration, Instant};

use vision::InferenceThreads;
use vision::barcode::SearchEffort;
use vision::document::{Date, DocumentEngines, read_document};
use vision::face::FaceEngine;
use vision::intake::{Photo, decode_photo, rebuild_picture};
use vision::liveness::{Frame, Limits, LivenessStep, judge_session, observe_frames};
use vision::quality::Quality;
use vision::text::TextReader;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/data");
const ROUNDS: usize = 7;
const SIDE: u32 = 2_600;

/// The median of several rounds, and the processor time of one of them.
fn measured(mut work: impl FnMut()) -> (Duration, f64) {
    work();
    let before = processor();
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let started = Instant::now();
            work();
            started.elapsed()
        })
        .collect();
    rounds.sort();
    (rounds[ROUNDS / 2], (processor() - before) / ROUNDS as f64)
}

/// Seconds of processor time so far: fields 14 and 15 of stat(5), in hundredths.
fn processor() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

fn picture(name: &str) -> Photo {
    decode_photo(&std::fs::read(format!("{DATA}/{name}")).unwrap(), SIDE).unwrap()
}

fn frames() -> Vec<Frame> {
    let steps = LivenessStep::ALL.into_iter().flat_map(|step| (1..=3).map(move |number| (step, number)));
    let frame = |(at, (step, number)): (usize, (LivenessStep, u8))| Frame {
        step,
        at_ms: 700 * at as u64,
        picture: picture(&format!("session/{}_{number}.jpg", step.to_word())).image,
    };
    steps.enumerate().map(frame).collect()
}

fn main() {
    let threads = InferenceThreads::new(std::thread::available_parallelism().map_or(1, usize::from));
    let (text, faces) = (TextReader::new(None, &threads).unwrap(), FaceEngine::new(None, &threads).unwrap());
    let bytes = std::fs::read(format!("{DATA}/passport.jpg")).unwrap();
    let (passport, front, back) = (picture("passport.jpg"), picture("id-front.jpg"), picture("id-back.jpg"));
    let portrait = picture("portrait.jpg");
    let face = faces.find_faces(&portrait.image).unwrap().remove(0);
    let (frames, today) = (frames(), Date::new(2026, 1, 1).unwrap());
    let by = DocumentEngines { text: &text, faces: &faces };
    let (decoding, _) = measured(|| drop(decode_photo(&bytes, SIDE).unwrap()));
    let passive = || {
        faces.score_passive_liveness(&portrait.image, &face).unwrap();
    };
    let report = |name: &str, (wall, processor): (Duration, f64)| {
        let ratio = wall.as_secs_f64() / decoding.as_secs_f64();
        println!("{name:<40} {:>8.1} ms {:>8.0} ms {ratio:>8.1}", wall.as_secs_f64() * 1e3, processor * 1e3);
    };
    println!("{:<40} {:>11} {:>11} {:>8}", "", "median", "processor", "ratio");
    report("decode a passport's picture (1)", measured(|| drop(decode_photo(&bytes, SIDE).unwrap())));
    let upload = || rebuild_picture(&bytes).and_then(|rebuilt| rebuilt.check_decoding()).unwrap();
    report("check and rebuild an upload of 250 KB", measured(upload));
    report("quality of a picture", measured(|| drop(Quality::measure(&passport.image, &passport.tags, |_| true))));
    report("machine-readable zone, TD3", measured(|| drop(text.read_zone(&passport.image).unwrap())));
    report("machine-readable zone, TD1", measured(|| drop(text.read_zone(&back.image).unwrap())));
    report("no zone there", measured(|| drop(text.read_zone(&portrait.image).unwrap())));
    report(
        "no barcode there",
        measured(|| drop(vision::barcode::read_pdf417(&passport.image, SearchEffort::Thorough))),
    );
    report("a passport, all of it", measured(|| drop(read_document(&by, &passport, None, today).unwrap())));
    report("a card, both sides", measured(|| drop(read_document(&by, &front, Some(&back), today).unwrap())));
    report("find and measure a face", measured(|| drop(faces.find_faces(&portrait.image).unwrap())));
    report("its embedding", measured(|| drop(faces.compute_embedding(&portrait.image, &face).unwrap())));
    report("its passive liveness", measured(passive));
    let judged =
        || drop(judge_session(&LivenessStep::ALL, &observe_frames(&faces, &frames).unwrap(), &Limits::default()));
    report("liveness by 12 frames", measured(judged));
}
