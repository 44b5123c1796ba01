//! How often the local liveness check is deceived, and how often it turns a person away (ISO/IEC 30107-3).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use vision::liveness::{Frame, Limits, judge_session, observe_frames};

use super::statistics::Rate;
use super::{Bench, Lines, entries};
use crate::domain::liveness::Step;
use crate::providers::liveness::local;

/// What goes with the frames of a session, in its `session.json`.
#[derive(Deserialize)]
struct Session {
    /// As they were asked for.
    steps: Vec<Step>,
    frames: Vec<SessionFrame>,
}

#[derive(Deserialize)]
struct SessionFrame {
    file: PathBuf,
    step: Step,
    /// Milliseconds since the first.
    time: u64,
}

/// Judges recorded sessions. `bona_fide/` holds those of people, each in a folder of its own with a `session.json`;
/// `attacks/` holds a folder for each species of attack instrument, with such sessions in it.
///
/// # Errors
/// When the folder is not laid out like that.
pub fn eval_liveness(bench: &Bench, folder: &Path, threshold: f64) -> anyhow::Result<Lines> {
    let bona_fide = sessions(&folder.join("bona_fide"))?;
    let attacks = folder.join("attacks");
    let species = if attacks.is_dir() { entries(&attacks)? } else { Vec::new() };
    let species = species.into_iter().filter(|path| path.is_dir()).map(|path| Ok((sessions(&path)?, path)));
    let species: Vec<(Vec<PathBuf>, PathBuf)> = species.collect::<anyhow::Result<_>>()?;
    let count = bona_fide.len() + species.iter().map(|(sessions, _)| sessions.len()).sum::<usize>();
    ensure!(count > 0, "there is no session.json below {}", folder.display());
    bench.progress.begin("Judging sessions", count);
    let mut lines = Vec::new();
    let taken = taken(bench, &bona_fide, threshold)?;
    let rejected = Rate { of: taken.among - taken.of, among: taken.among };
    lines.push(format!("BPCER, people turned away: {rejected}"));
    let mut worst: Option<Rate> = None;
    for (sessions, path) in species {
        let rate = self::taken(bench, &sessions, threshold)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lines.push(format!("APCER, {name} taken for a person: {rate}"));
        if worst.is_none_or(|worst| rate.share() > worst.share()) {
            worst = Some(rate);
        }
    }
    bench.progress.end();
    match worst {
        Some(worst) => lines.push(format!("APCER of the worst species: {worst}")),
        None => lines.push("No attacks were judged: there is no folder attacks/".to_owned()),
    }
    lines.push(format!("Live from a confidence of {threshold} on; intervals of 95 % (Wilson)"));
    Ok(lines)
}

/// The sessions in a folder: folders with a `session.json`.
fn sessions(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(entries(folder)?.into_iter().filter(|path| path.join("session.json").is_file()).collect())
}

/// How many of these are taken for live people.
fn taken(bench: &Bench, sessions: &[PathBuf], threshold: f64) -> anyhow::Result<Rate> {
    let mut taken = Rate { of: 0, among: sessions.len() };
    for session in sessions {
        if confidence(bench, session)? >= threshold {
            taken.of += 1;
        }
        bench.progress.records(1);
    }
    Ok(taken)
}

fn confidence(bench: &Bench, folder: &Path) -> anyhow::Result<f64> {
    let file = folder.join("session.json");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let session: Session = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let mut frames = Vec::new();
    for frame in session.frames {
        let path = folder.join(&frame.file);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let unreadable = || format!("{} is no picture that can be read", path.display());
        let picture = local::opened(&bytes).with_context(unreadable)?;
        frames.push(Frame { step: local::step(frame.step), at_ms: frame.time, picture });
    }
    let steps: Vec<_> = session.steps.into_iter().map(local::step).collect();
    let observations = observe_frames(&bench.engines.faces, &frames)?;
    Ok(judge_session(&steps, &observations, &Limits::default()).confidence)
}
