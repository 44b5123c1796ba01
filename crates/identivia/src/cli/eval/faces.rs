//! How well faces are told apart.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use vision::face::Embedding;

use super::statistics::Scores;
use super::{Bench, Lines, cpu_seconds, picture};

/// Thresholds that are shown, in hundredths.
const THRESHOLDS: std::ops::RangeInclusive<u32> = 25..=65;
const STEP: usize = 5;
/// Shares of impostors at which it is shown how many genuine pairs are known.
const FARS: [f64; 3] = [0.01, 0.001, 0.0001];

struct Pair {
    first: PathBuf,
    second: PathBuf,
    is_same: bool,
}

/// Compares the pairs of pictures that a file lists.
///
/// # Errors
/// When the file is no such list, or a picture is not there.
pub fn eval_faces(bench: &Bench, list: &Path) -> anyhow::Result<Lines> {
    let pairs = pairs(list)?;
    let before = cpu_seconds();
    let mut embeddings: HashMap<&Path, Option<Embedding>> = HashMap::new();
    bench.progress.begin("Comparing faces", pairs.len());
    let (mut scores, mut without_face) = (Scores::default(), 0);
    for pair in &pairs {
        for path in [&pair.first, &pair.second] {
            if !embeddings.contains_key(path.as_path()) {
                embeddings.insert(path, embedding(bench, path)?);
            }
        }
        let of = |path: &Path| embeddings.get(path).and_then(Option::as_ref);
        match (of(&pair.first), of(&pair.second)) {
            (Some(first), Some(second)) => {
                let side = if pair.is_same { &mut scores.genuine } else { &mut scores.impostor };
                side.push(f64::from(first.similarity(second)));
            }
            _ => without_face += 1,
        }
        bench.progress.records(1);
    }
    bench.progress.end();
    let each = (cpu_seconds() - before) / embeddings.len().max(1) as f64;
    Ok(report(bench, &scores, without_face, each))
}

/// A file of lines `first,second,same`: two paths, from the file's own folder, and 1 or 0.
fn pairs(list: &Path) -> anyhow::Result<Vec<Pair>> {
    let folder = list.parent().unwrap_or(Path::new("."));
    let mut reader = csv::Reader::from_path(list).with_context(|| list.display().to_string())?;
    let names = reader.headers().with_context(|| list.display().to_string())?;
    ensure!(names == ["first", "second", "same"].as_slice(), "the first line must be: first,second,same");
    let mut pairs = Vec::new();
    for (place, row) in reader.records().enumerate() {
        let row = row.with_context(|| list.display().to_string())?;
        let is_same = match &row[2] {
            "1" => true,
            "0" => false,
            other => bail!("line {}: same must be 1 or 0, not {other:?}", place + 2),
        };
        pairs.push(Pair { first: folder.join(&row[0]), second: folder.join(&row[1]), is_same });
    }
    ensure!(!pairs.is_empty(), "{} lists no pairs", list.display());
    Ok(pairs)
}

/// Of the largest face of a picture.
fn embedding(bench: &Bench, path: &Path) -> anyhow::Result<Option<Embedding>> {
    let Some(photo) = picture(path)? else { return Ok(None) };
    let faces = &bench.engines.faces;
    match faces.find_faces(&photo.image)?.first() {
        Some(face) => Ok(Some(faces.compute_embedding(&photo.image, face)?)),
        None => Ok(None),
    }
}

fn report(bench: &Bench, scores: &Scores, without_face: usize, seconds: f64) -> Lines {
    let used = f64::from(bench.engines.faces.match_threshold());
    let mut lines = vec![
        format!("{} genuine pairs, {} impostor pairs", scores.genuine.len(), scores.impostor.len()),
        format!("{without_face} pairs left out: no face was found in one of the two pictures"),
        format!("{seconds:.2} s of CPU a picture"),
        String::new(),
        "Rates with the interval that holds the true one in 95 of 100 such measurements (Wilson)".to_owned(),
        format!("{:<10} {:<44} {}", "threshold", "FAR: two people taken for one", "FRR: one person taken for two"),
    ];
    for threshold in THRESHOLDS.step_by(STEP).map(|hundredths| f64::from(hundredths) / 100.0) {
        let mark = if (threshold - used).abs() < 1e-6 { "*" } else { "" };
        let (far, frr) = (scores.far(threshold).to_string(), scores.frr(threshold).to_string());
        lines.push(format!("{:<10} {far:<44} {frr}", format!("{threshold:.2}{mark}")));
    }
    lines.push(format!("* in use (the manifest's threshold of face-embed is {used:.2})"));
    lines.push(String::new());
    for far in FARS {
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
