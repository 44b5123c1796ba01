//! `identivia eval mrz`: measures how many machine-readable zones the reader reads.

use std::path::Path;

use anyhow::ensure;

use super::statistics::MeasuredRate;
use super::{EvalContext, ReportLines, list_pictures_below, read_cpu_seconds, read_picture};

/// The outcome of reading one picture.
enum ZoneOutcome {
    NoPicture,
    NoZone,
    WrongDigits,
    Valid,
    /// Every check digit is right, but the zone differs from the picture's text file.
    ValidButWrong,
}

/// Outcomes of all pictures so far, and the lines that report single pictures.
#[derive(Default)]
struct ZoneTotals {
    with_zone: MeasuredRate,
    without_zone: MeasuredRate,
    wrong: usize,
    lines: ReportLines,
}

impl ZoneTotals {
    /// Counts a picture that shows a zone.
    fn count_picture_with_zone(&mut self, name: &str, outcome: &ZoneOutcome) {
        self.with_zone.total += 1;
        let problem = match outcome {
            ZoneOutcome::Valid => {
                self.with_zone.count += 1;
                return;
            }
            ZoneOutcome::ValidButWrong => {
                self.wrong += 1;
                "every check digit holds, and a line differs from the text file"
            }
            ZoneOutcome::NoPicture => "is no readable picture",
            ZoneOutcome::NoZone => "no zone was found",
            ZoneOutcome::WrongDigits => "a zone was found, and its check digits do not hold",
        };
        self.lines.push(format!("{name}: {problem}"));
    }

    /// Counts a picture that shows no zone.
    fn count_picture_without_zone(&mut self, name: &str, outcome: &ZoneOutcome) {
        self.without_zone.total += 1;
        if matches!(outcome, ZoneOutcome::Valid | ZoneOutcome::ValidButWrong) {
            self.without_zone.count += 1;
            self.lines.push(format!("{name}: a zone was read where there is none"));
        }
    }
}

/// Reads the zones of the pictures in a folder. A text file beside a picture, of the same name with `.txt`, holds the
/// expected lines. An empty text file means that the picture has no zone.
///
/// # Errors
/// When the folder cannot be read or holds no picture.
pub(super) fn eval_zones(context: &EvalContext, folder: &Path) -> anyhow::Result<ReportLines> {
    let pictures = list_pictures_below(folder)?;
    ensure!(!pictures.is_empty(), "there is no picture in {}", folder.display());
    context.progress.begin_step("Reading zones", pictures.len());
    let mut totals = ZoneTotals::default();
    let (before, mut longest) = (read_cpu_seconds(), (0.0, String::new()));
    for path in &pictures {
        let expected = std::fs::read_to_string(path.with_extension("txt")).ok();
        let started = read_cpu_seconds();
        let outcome = read_zone(context, path, expected.as_deref())?;
        let seconds = read_cpu_seconds() - started;
        let name = path.strip_prefix(folder).unwrap_or(path).display().to_string();
        if expected.is_some_and(|text| text.trim().is_empty()) {
            totals.count_picture_without_zone(&name, &outcome);
        } else {
            totals.count_picture_with_zone(&name, &outcome);
        }
        if seconds > longest.0 {
            longest = (seconds, format!(" ({name})"));
        }
        context.progress.add_records(1);
    }
    context.progress.clear_bar();
    let seconds_each = (read_cpu_seconds() - before) / pictures.len() as f64;
    let ZoneTotals { with_zone, without_zone, wrong, mut lines } = totals;
    lines.push(format!("read, every check digit right: {with_zone}"));
    lines.push(format!(
        "read, but differs from the text file: {}",
        MeasuredRate { count: wrong, total: with_zone.total }
    ));
    lines.push(format!("read where there is none:      {without_zone}"));
    lines.push(format!("{seconds_each:.2} s of CPU a picture, {:.2} s at most{}", longest.0, longest.1));
    Ok(lines)
}

fn read_zone(context: &EvalContext, path: &Path, expected: Option<&str>) -> anyhow::Result<ZoneOutcome> {
    let Some(photo) = read_picture(path)? else { return Ok(ZoneOutcome::NoPicture) };
    let Some(found) = context.engines.text.read_zone(&photo.image)? else { return Ok(ZoneOutcome::NoZone) };
    if !found.zone.is_valid() {
        return Ok(ZoneOutcome::WrongDigits);
    }
    let expected: Option<Vec<&str>> = expected.map(|text| text.split_whitespace().collect());
    let is_wrong = expected.is_some_and(|lines| !lines.is_empty() && lines != found.zone.lines);
    Ok(if is_wrong { ZoneOutcome::ValidButWrong } else { ZoneOutcome::Valid })
}
