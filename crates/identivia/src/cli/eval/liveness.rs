//! `identivia eval liveness`: measures how often the local check accepts attacks and rejects people (ISO/IEC 30107-3).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use vision::liveness::{Frame, Limits, judge_session, observe_frames};

use super::statistics::MeasuredRate;
use super::{EvalContext, ReportLines, list_entries};
use crate::providers::liveness::local;
use crate::records::liveness_session::Step;

/// A recorded session: the `session.json` beside its frames.
#[derive(Deserialize)]
struct RecordedSession {
    /// In the order of the session's instructions.
    steps: Vec<Step>,
    frames: Vec<RecordedFrame>,
}

#[derive(Deserialize)]
struct RecordedFrame {
    file: PathBuf,
    step: Step,
    /// Milliseconds since the first.
    time: u64,
}

/// Judges recorded sessions. `bona_fide/` holds the sessions of people, each a folder with a `session.json`. `attacks/` holds
/// one folder of sessions for each species of attack instrument.
///
/// # Errors
/// When the folder has another layout.
pub(super) fn eval_liveness(context: &EvalContext, folder: &Path, threshold: f64) -> anyhow::Result<ReportLines> {
    let bona_fide = list_sessions(&folder.join("bona_fide"))?;
    let attacks = folder.join("attacks");
    let species = if attacks.is_dir() { list_entries(&attacks)? } else { Vec::new() };
    let species = species.into_iter().filter(|path| path.is_dir()).map(|path| Ok((list_sessions(&path)?, path)));
    let species: Vec<(Vec<PathBuf>, PathBuf)> = species.collect::<anyhow::Result<_>>()?;
    let count = bona_fide.len() + species.iter().map(|(sessions, _)| sessions.len()).sum::<usize>();
    ensure!(count > 0, "there is no session.json below {}", folder.display());
    context.progress.begin_step("Judging sessions", count);
    let mut lines = Vec::new();
    let accepted = count_accepted(context, &bona_fide, threshold)?;
    let rejected = MeasuredRate { count: accepted.total - accepted.count, total: accepted.total };
    lines.push(format!("BPCER, people rejected: {rejected}"));
    let mut worst: Option<MeasuredRate> = None;
    for (sessions, path) in species {
        let rate = count_accepted(context, &sessions, threshold)?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        lines.push(format!("APCER, {name} accepted as a person: {rate}"));
        if worst.is_none_or(|worst| rate.share() > worst.share()) {
            worst = Some(rate);
        }
    }
    context.progress.clear_bar();
    match worst {
        Some(worst) => lines.push(format!("APCER of the worst species: {worst}")),
        None => lines.push("No attacks were measured: there is no folder attacks/".to_owned()),
    }
    lines.push(format!("A session is live at a confidence of {threshold} or more; 95 % confidence intervals (Wilson)"));
    Ok(lines)
}

/// Lists the sessions in a folder: folders with a `session.json`.
fn list_sessions(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    Ok(list_entries(folder)?.into_iter().filter(|path| path.join("session.json").is_file()).collect())
}

/// Counts the sessions that the check accepts as live.
fn count_accepted(context: &EvalContext, sessions: &[PathBuf], threshold: f64) -> anyhow::Result<MeasuredRate> {
    let mut accepted = MeasuredRate { count: 0, total: sessions.len() };
    for session in sessions {
        if measure_confidence(context, session)? >= threshold {
            accepted.count += 1;
        }
        context.progress.add_records(1);
    }
    Ok(accepted)
}

fn measure_confidence(context: &EvalContext, folder: &Path) -> anyhow::Result<f64> {
    let file = folder.join("session.json");
    let text = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
    let session: RecordedSession = serde_json::from_str(&text).with_context(|| file.display().to_string())?;
    let mut frames = Vec::new();
    for frame in session.frames {
        let path = folder.join(&frame.file);
        let bytes = std::fs::read(&path).with_context(|| path.display().to_string())?;
        let unreadable = || format!("{} is no readable picture", path.display());
        let picture = local::decode_frame(&bytes).with_context(unreadable)?;
        frames.push(Frame { step: local::to_engine_step(frame.step), at_ms: frame.time, picture });
    }
    let steps: Vec<_> = session.steps.into_iter().map(local::to_engine_step).collect();
    let observations = observe_frames(&context.engines.faces, &frames)?;
    Ok(judge_session(&steps, &observations, &Limits::default()).confidence)
}
