//! Progress of long commands on standard error: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// The time between two plain lines.
const LINE_INTERVAL: Duration = Duration::from_secs(5);

/// Shows the progress of a command on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    state: Mutex<ProgressState>,
}

struct ProgressState {
    step: String,
    done: usize,
    total: usize,
    bytes: u64,
    last_line: Instant,
}

impl Progress {
    /// Shows a bar if standard error is a terminal, else plain lines.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{msg:32} {wide_bar} {human_pos}/{human_len} {prefix:>10} {eta:>4}");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let state = ProgressState { step: String::new(), done: 0, total: 0, bytes: 0, last_line: Instant::now() };
        Self { bar, state: Mutex::new(state) }
    }

    /// Begins a step with this many records.
    pub fn begin_step(&self, step: &str, total: usize) {
        let mut state = self.lock_state();
        *state = ProgressState { step: step.to_owned(), done: 0, total, bytes: 0, last_line: state.last_line };
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total as u64);
            bar.set_message(step.to_owned());
            bar.set_prefix("");
        }
    }

    /// Adds finished records.
    pub fn add_records(&self, count: usize) {
        let mut state = self.lock_state();
        state.done += count;
        if let Some(bar) = &self.bar {
            bar.inc(count as u64);
        }
        self.print_line_if_due(&mut state);
    }

    /// Adds finished parts of a whole whose size is known only now.
    pub fn add_of(&self, count: usize, total: usize) {
        self.lock_state().total = total;
        if let Some(bar) = &self.bar {
            bar.set_length(total as u64);
        }
        self.add_records(count);
    }

    /// Adds bytes of finished files.
    pub fn add_bytes(&self, count: u64) {
        let mut state = self.lock_state();
        state.bytes += count;
        if let Some(bar) = &self.bar {
            bar.set_prefix(HumanBytes(state.bytes).to_string());
        }
        self.print_line_if_due(&mut state);
    }

    /// Removes the bar from the terminal.
    pub fn clear_bar(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn print_line_if_due(&self, state: &mut ProgressState) {
        if self.bar.is_some() || state.last_line.elapsed() < LINE_INTERVAL {
            return;
        }
        state.last_line = Instant::now();
        let ProgressState { step, done, total, bytes, .. } = state;
        let files = if *bytes > 0 { format!(", files: {}", HumanBytes(*bytes)) } else { String::new() };
        let of_total = if *total > 0 { format!(" of {total}") } else { String::new() };
        let _ = writeln!(std::io::stderr(), "{step}: {done}{of_total}{files}");
    }

    fn lock_state(&self) -> std::sync::MutexGuard<'_, ProgressState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for Progress {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear_bar();
    }
}
