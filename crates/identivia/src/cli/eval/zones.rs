//! How many machine-readable zones are read.

use std::path::Path;

use anyhow::ensure;

use super::statistics::Rate;
use super::{Bench, Lines, cpu_seconds, picture, pictures_below};

/// What came of one picture.
enum Read {
    NoPicture,
    NoZone,
    WrongDigits,
    Valid,
    /// Every check digit holds, and yet it says something else than the picture's text file.
    ValidButWrong,
}

/// Reads the zones of the pictures in a folder. A text file beside a picture, of the same name with `.txt`, holds the lines
/// that are to be found; an empty one says that there is no zone.
///
/// # Errors
/// When the folder cannot be read or holds no picture.
pub fn eval_zones(bench: &Bench, folder: &Path) -> anyhow::Result<Lines> {
    let pictures = pictures_below(folder)?;
    ensure!(!pictures.is_empty(), "there is no picture in {}", folder.display());
    bench.progress.begin("Reading zones", pictures.len());
    let mut lines = Vec::new();
    let (mut with_zone, mut without_zone) = (Rate { of: 0, among: 0 }, Rate { of: 0, among: 0 });
    let mut wrong = 0;
    let (before, mut longest) = (cpu_seconds(), (0.0, String::new()));
    for path in &pictures {
        let expected = std::fs::read_to_string(path.with_extension("txt")).ok();
        let started = cpu_seconds();
        let read = zone(bench, path, expected.as_deref())?;
        let took = cpu_seconds() - started;
        let name = path.strip_prefix(folder).unwrap_or(path).display();
        if took > longest.0 {
            longest = (took, format!(" ({name})"));
        }
        if expected.is_some_and(|text| text.trim().is_empty()) {
            without_zone.among += 1;
            if matches!(read, Read::Valid | Read::ValidButWrong) {
                without_zone.of += 1;
                lines.push(format!("{name}: a zone was read where there is none"));
            }
        } else {
            with_zone.among += 1;
            match read {
                Read::Valid => with_zone.of += 1,
                Read::ValidButWrong => {
                    wrong += 1;
                    lines.push(format!("{name}: every check digit holds, and a line differs from the text file"));
                }
                Read::NoPicture => lines.push(format!("{name}: is no picture that can be read")),
                Read::NoZone => lines.push(format!("{name}: no zone was found")),
                Read::WrongDigits => lines.push(format!("{name}: a zone was found, and its check digits do not hold")),
            }
        }
        bench.progress.records(1);
    }
    bench.progress.end();
    let each = (cpu_seconds() - before) / pictures.len() as f64;
    lines.push(format!("read, every check digit right: {with_zone}"));
    lines.push(format!("read, but not as the text file has it: {}", Rate { of: wrong, among: with_zone.among }));
    lines.push(format!("read where there is none:      {without_zone}"));
    lines.push(format!("{each:.2} s of CPU a picture, {:.2} s at most{}", longest.0, longest.1));
    Ok(lines)
}

fn zone(bench: &Bench, path: &Path, expected: Option<&str>) -> anyhow::Result<Read> {
    let Some(photo) = picture(path)? else { return Ok(Read::NoPicture) };
    let Some(found) = bench.engines.text.read_zone(&photo.image)? else { return Ok(Read::NoZone) };
    if !found.zone.is_valid() {
        return Ok(Read::WrongDigits);
    }
    let expected: Option<Vec<&str>> = expected.map(|text| text.split_whitespace().collect());
    let is_wrong = expected.is_some_and(|lines| !lines.is_empty() && lines != found.zone.lines);
    Ok(if is_wrong { Read::ValidButWrong } else { Read::Valid })
}
