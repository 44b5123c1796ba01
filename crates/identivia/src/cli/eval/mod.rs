//! Measurements of the local engines on an operator's own, consented data: what they say, and how sure it is.

mod faces;
mod liveness;
pub mod statistics;
mod zones;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vision::intake::{Photo, decode_photo};

pub use faces::eval_faces;
pub use liveness::eval_liveness;
pub use zones::eval_zones;

use crate::cli::progress::Progress;
use crate::providers::documents::local::PICTURE_SIDE;
use crate::providers::local_engines::Engines;

/// Lines for the person at the terminal.
pub type Lines = Vec<String>;

/// What every measurement needs.
pub struct Bench {
    pub engines: Arc<Engines>,
    pub progress: Progress,
}

/// A picture of a file; `None` where it is none that can be read.
fn picture(path: &Path) -> anyhow::Result<Option<Photo>> {
    let bytes = std::fs::read(path).with_context(|| path.display().to_string())?;
    Ok(decode_photo(&bytes, PICTURE_SIDE).ok())
}

/// The pictures in a folder and those below it, by name.
fn pictures_below(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for path in entries(folder)? {
        if path.is_dir() {
            found.extend(pictures_below(&path)?);
        } else if is_picture(&path) {
            found.push(path);
        }
    }
    Ok(found)
}

fn entries(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let listed = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut entries: Vec<PathBuf> = listed.map(|entry| Ok(entry?.path())).collect::<std::io::Result<_>>()?;
    entries.sort();
    Ok(entries)
}

fn is_picture(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).unwrap_or_default().to_ascii_lowercase();
    matches!(extension.as_str(), "jpg" | "jpeg" | "png" | "webp")
}

/// Seconds of CPU time that this process has used, where the system tells.
fn cpu_seconds() -> f64 {
    // utime and stime are the 14th and 15th fields of stat(5), in ticks of a hundredth of a second; the name before them
    // may hold spaces.
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    fields.skip(11).take(2).filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}
