//! `identivia eval`: measures the local engines on an operator's own, consented pictures, with confidence intervals.

pub mod command;
mod documents;
mod face_pairs;
mod faces;
mod liveness;
pub mod statistics;
mod zones;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vision::intake::{Photo, decode_photo};

use crate::cli::progress::Progress;
use crate::providers::documents::kept_readings::PICTURE_SIDE;
use crate::providers::local_engines::LocalEngines;

/// Lines of the report on standard output.
pub type ReportLines = Vec<String>;

/// The engines to measure, and the progress of the command.
pub struct EvalContext {
    pub engines: Arc<LocalEngines>,
    pub progress: Progress,
}

/// Reads a picture; `None` for a file that is no readable picture.
fn read_picture(path: &Path) -> anyhow::Result<Option<Photo>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(decode_photo(&bytes, PICTURE_SIDE).ok())
}

/// Lists the pictures in a folder and in the folders below it, sorted by name.
fn list_pictures_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in list_entries(folder)? {
        if path.is_dir() {
            found.extend(list_pictures_below(&path)?);
        } else if is_picture(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn list_entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let directory = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries: Vec<PathBuf> = directory.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "webp")
}

/// Reads the CPU time of this process from `/proc`, in seconds; 0 where there is none.
fn read_cpu_seconds() -> f64 {
    // utime and stime are the 14th and 15th fields of stat(5), in ticks of a hundredth of a second; the name before them
    // may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
