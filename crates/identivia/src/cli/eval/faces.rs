//! `identivia eval face`: measures how well the face engine tells people apart (FAR, FRR, TAR).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use vision::face::{Embedding, Face};
use vision::intake::Photo;

use super::face_pairs::{MeantFace, PairList, PicturePair, read_pairs};
use super::statistics::{MeasuredRate, Scores};
use super::{EvalContext, ReportLines, read_cpu_seconds, read_picture};

/// Thresholds in the report, in hundredths.
const THRESHOLDS: std::ops::RangeInclusive<u32> = 25..=65;
const THRESHOLD_STEP: usize = 5;
/// False acceptance rates for which the report gives the true acceptance rate.
const REPORTED_FARS: [f64; 3] = [0.01, 0.001, 0.0001];

/// What the comparisons gave.
#[derive(Default)]
struct Comparisons {
    scores: Scores,
    /// Pairs with a picture in which no face was found.
    genuine_without_face: usize,
    impostor_without_face: usize,
    pictures: usize,
    pictures_without_face: usize,
    /// Processor time for each picture, decoding included.
    seconds: f64,
}

/// Compares the pairs of pictures that a file lists.
///
/// # Errors
/// When the file is no such list, or a picture is missing.
pub(super) fn eval_faces(context: &EvalContext, list: &Path, folder: Option<&Path>) -> anyhow::Result<ReportLines> {
    let PairList { pairs, meant_face } = read_pairs(list, folder)?;
    let before = read_cpu_seconds();
    let embeddings = embed_pictures(context, &pairs, meant_face)?;
    let spent = read_cpu_seconds() - before;
    let mut found = Comparisons {
        pictures: embeddings.len(),
        pictures_without_face: embeddings.values().filter(|embedding| embedding.is_none()).count(),
        seconds: spent / embeddings.len().max(1) as f64,
        ..Comparisons::default()
    };
    for pair in &pairs {
        let embedding_of = |path: &PathBuf| embeddings.get(path.as_path()).and_then(Option::as_ref);
        match (embedding_of(&pair.first), embedding_of(&pair.second), pair.is_same) {
            (Some(first), Some(second), true) => found.scores.genuine.push(f64::from(first.similarity(second))),
            (Some(first), Some(second), false) => found.scores.impostor.push(f64::from(first.similarity(second))),
            (_, _, true) => found.genuine_without_face += 1,
            (_, _, false) => found.impostor_without_face += 1,
        }
    }
    Ok(format_report(f64::from(context.engines.faces.match_threshold()), &found))
}

/// The embedding of the meant face of each picture; `None` where no face was found.
fn embed_pictures<'p>(
    context: &EvalContext,
    pairs: &'p [PicturePair],
    meant_face: MeantFace,
) -> anyhow::Result<HashMap<&'p Path, Option<Embedding>>> {
    let mut embeddings = HashMap::new();
    context.progress.begin_step("Comparing faces", pairs.len());
    for pair in pairs {
        for path in [pair.first.as_path(), pair.second.as_path()] {
            if !embeddings.contains_key(path) {
                embeddings.insert(path, embed_face(context, path, meant_face)?);
            }
        }
        context.progress.add_records(1);
    }
    context.progress.clear_bar();
    Ok(embeddings)
}

fn embed_face(context: &EvalContext, path: &Path, meant_face: MeantFace) -> anyhow::Result<Option<Embedding>> {
    let Some(photo) = read_picture(path)? else { return Ok(None) };
    let engine = &context.engines.faces;
    let faces = engine.find_faces(&photo.image)?;
    let face = match meant_face {
        MeantFace::Largest => faces.first(),
        MeantFace::Central => find_central_face(&photo, &faces),
    };
    Ok(face.map(|face| engine.compute_embedding(&photo.image, face)).transpose()?)
}

fn find_central_face<'f>(photo: &Photo, faces: &'f [Face]) -> Option<&'f Face> {
    let (width, height) = (photo.image.width() as f32, photo.image.height() as f32);
    let distance = |face: &Face| {
        let [x, y] = face.region.centre();
        (x - width / 2.0).hypot(y - height / 2.0)
    };
    faces.iter().min_by(|one, other| distance(one).total_cmp(&distance(other)))
}

fn format_report(used: f64, found: &Comparisons) -> ReportLines {
    let Comparisons { scores, genuine_without_face, impostor_without_face, .. } = found;
    let left_out = genuine_without_face + impostor_without_face;
    let mut lines = vec![
        format!("{} genuine pairs, {} impostor pairs", scores.genuine.len(), scores.impostor.len()),
        format!(
            "{left_out} pairs left out ({genuine_without_face} genuine, {impostor_without_face} impostor): no face was found in one of the two pictures"
        ),
        format!("{} of {} pictures without a face that was found", found.pictures_without_face, found.pictures),
        format!("{:.3} s of CPU a picture", found.seconds),
        String::new(),
        "Rates with their 95 % confidence intervals (Wilson)".to_owned(),
        format!("{:<10} {:<44} {}", "threshold", "FAR: two people match", "FRR: one person does not match"),
    ];
    let rate_line = |threshold: f64, mark: &str| {
        let (far, frr) = (scores.far(threshold).to_string(), scores.frr(threshold).to_string());
        format!("{:<10} {far:<44} {frr}", format!("{threshold:.2}{mark}"))
    };
    let steps = THRESHOLDS.step_by(THRESHOLD_STEP).map(|hundredths| f64::from(hundredths) / 100.0);
    lines.extend(steps.filter(|step| (step - used).abs() > 1e-6).map(|step| rate_line(step, "")));
    lines.push(rate_line(used, "*"));
    lines.push(format!("* in use (the manifest's threshold is {used:.2})"));
    lines.push(String::new());
    lines.extend(REPORTED_FARS.into_iter().flat_map(|far| format_tar(scores, *genuine_without_face, far)));
    lines
}

/// The true acceptance rate at a false acceptance rate. A genuine pair without a face is a person who is not accepted, so it is
/// counted once more with them.
fn format_tar(scores: &Scores, without_face: usize, far: f64) -> Vec<String> {
    let share = far * 100.0;
    if scores.impostor.len() as f64 * far < 1.0 {
        return vec![format!("TAR at FAR {share} %: cannot be said with {} impostor pairs", scores.impostor.len())];
    }
    let (threshold, tar) = scores.tar_at(far);
    let mut lines = vec![format!("TAR at FAR {share} %: {tar}, threshold {threshold:.3}")];
    if without_face > 0 {
        let all = MeasuredRate { count: tar.count, total: tar.total + without_face };
        lines.push(format!("  with the genuine pairs that were left out as not accepted: {all}"));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_without_a_face_lower_the_acceptance_rate_that_is_reported_beside() {
        let scores = Scores { genuine: vec![0.9; 99], impostor: vec![0.1; 1_000] };
        let lines = format_tar(&scores, 1, 0.001);
        assert!(lines[0].starts_with("TAR at FAR 0.1 %: 100.00 %") && lines[0].contains("(99 of 99)"), "{lines:?}");
        assert!(lines[1].contains("99.00 %") && lines[1].contains("(99 of 100)"), "{lines:?}");
        assert_eq!(format_tar(&scores, 0, 0.001).len(), 1);
        assert!(format_tar(&scores, 1, 0.0001)[0].contains("cannot be said with 1000 impostor pairs"));
    }
}
