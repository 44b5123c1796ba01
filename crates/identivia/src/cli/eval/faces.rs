//! `identivia eval face`: measures how well the face engine tells people apart (FAR, FRR, TAR).

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use vision::face::Embedding;

use super::statistics::Scores;
use super::{EvalContext, ReportLines, read_cpu_seconds, read_picture};

/// Thresholds in the report, in hundredths.
const THRESHOLDS: std::ops::RangeInclusive<u32> = 25..=65;
const THRESHOLD_STEP: usize = 5;
/// False acceptance rates for which the report gives the true acceptance rate.
const REPORTED_FARS: [f64; 3] = [0.01, 0.001, 0.0001];

struct PicturePair {
    first: PathBuf,
    second: PathBuf,
    is_same: bool,
}

/// Compares the pairs of pictures that a file lists.
///
/// # Errors
/// When the file is no such list, or a picture is missing.
pub(super) fn eval_faces(context: &EvalContext, list: &Path) -> anyhow::Result<ReportLines> {
    let pairs = read_pairs(list)?;
    let before = read_cpu_seconds();
    let mut embeddings: HashMap<&Path, Option<Embedding>> = HashMap::new();
    context.progress.begin_step("Comparing faces", pairs.len());
    let (mut scores, mut without_face) = (Scores::default(), 0);
    for pair in &pairs {
        for path in [&pair.first, &pair.second] {
            if !embeddings.contains_key(path.as_path()) {
                embeddings.insert(path, embed_largest_face(context, path)?);
            }
        }
        let embedding_of = |path: &Path| embeddings.get(path).and_then(Option::as_ref);
        match (embedding_of(&pair.first), embedding_of(&pair.second)) {
            (Some(first), Some(second)) => {
                let side = if pair.is_same { &mut scores.genuine } else { &mut scores.impostor };
                side.push(f64::from(first.similarity(second)));
            }
            _ => without_face += 1,
        }
        context.progress.add_records(1);
    }
    context.progress.clear_bar();
    let each = (read_cpu_seconds() - before) / embeddings.len().max(1) as f64;
    Ok(format_report(context, &scores, without_face, each))
}

/// Reads lines `first,second,same`: two paths, from the file's own folder, and 1 or 0.
fn read_pairs(list: &Path) -> anyhow::Result<Vec<PicturePair>> {
    let folder = list.parent().unwrap_or(Path::new("."));
    let mut reader = csv::Reader::from_path(list).with_context(|| list.display().to_string())?;
    let names = reader.headers().with_context(|| list.display().to_string())?;
    ensure!(names == ["first", "second", "same"].as_slice(), "the first line must be: first,second,same");
    let mut pairs = Vec::new();
    for (index, row) in reader.records().enumerate() {
        let row = row.with_context(|| list.display().to_string())?;
        let is_same = match &row[2] {
            "1" => true,
            "0" => false,
            other => bail!("line {}: same must be 1 or 0, not {other:?}", index + 2),
        };
        pairs.push(PicturePair { first: folder.join(&row[0]), second: folder.join(&row[1]), is_same });
    }
    ensure!(!pairs.is_empty(), "{} lists no pairs", list.display());
    Ok(pairs)
}

/// The embedding of the largest face of a picture; `None` where the picture has no face.
fn embed_largest_face(context: &EvalContext, path: &Path) -> anyhow::Result<Option<Embedding>> {
    let Some(photo) = read_picture(path)? else { return Ok(None) };
    let faces = &context.engines.faces;
    match faces.find_faces(&photo.image)?.first() {
        Some(face) => Ok(Some(faces.compute_embedding(&photo.image, face)?)),
        None => Ok(None),
    }
}

fn format_report(context: &EvalContext, scores: &Scores, without_face: usize, seconds: f64) -> ReportLines {
    let used = f64::from(context.engines.faces.match_threshold());
    let mut lines = vec![
        format!("{} genuine pairs, {} impostor pairs", scores.genuine.len(), scores.impostor.len()),
        format!("{without_face} pairs left out: no face was found in one of the two pictures"),
        format!("{seconds:.2} s of CPU a picture"),
        String::new(),
        "Rates with their 95 % confidence intervals (Wilson)".to_owned(),
        format!("{:<10} {:<44} {}", "threshold", "FAR: two people match", "FRR: one person does not match"),
    ];
    for threshold in THRESHOLDS.step_by(THRESHOLD_STEP).map(|hundredths| f64::from(hundredths) / 100.0) {
        let mark = if (threshold - used).abs() < 1e-6 { "*" } else { "" };
        let (far, frr) = (scores.far(threshold).to_string(), scores.frr(threshold).to_string());
        lines.push(format!("{:<10} {far:<44} {frr}", format!("{threshold:.2}{mark}")));
    }
    lines.push(format!("* in use (the manifest's threshold of face-embed is {used:.2})"));
    lines.push(String::new());
    for far in REPORTED_FARS {
        let share = far * 100.0;
        if scores.impostor.len() as f64 * far < 1.0 {
            lines.push(format!("TAR at FAR {share} %: cannot be said with {} impostor pairs", scores.impostor.len()));
        } else {
            let (threshold, tar) = scores.tar_at(far);
            lines.push(format!("TAR at FAR {share} %: {tar}, threshold {threshold:.3}"));
        }
    }
    lines
}
