//! How far long work has come: a bar on a terminal, a plain line every few seconds elsewhere.

use std::io::{IsTerminal as _, Write as _};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{HumanBytes, ProgressBar, ProgressDrawTarget, ProgressStyle};

const LINE_EVERY: Duration = Duration::from_secs(5);

/// Shows how far the work has come, on standard error.
pub struct Progress {
    bar: Option<ProgressBar>,
    state: Mutex<State>,
}

struct State {
    what: String,
    done: usize,
    total: usize,
    bytes: u64,
    said: Instant,
}

impl Progress {
    /// Shows it as suits what standard error is.
    #[must_use]
    pub fn new() -> Self {
        let bar = std::io::stderr().is_terminal().then(|| {
            let style =
                ProgressStyle::with_template("{msg:32} {wide_bar} {human_pos}/{human_len} {prefix:>10} {eta:>4}");
            let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
            bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        });
        let state = State { what: String::new(), done: 0, total: 0, bytes: 0, said: Instant::now() };
        Self { bar, state: Mutex::new(state) }
    }

    /// Begins a piece of work.
    pub fn begin(&self, what: &str, total: usize) {
        let mut state = self.state();
        *state = State { what: what.to_owned(), done: 0, total, bytes: 0, said: state.said };
        if let Some(bar) = &self.bar {
            bar.reset();
            bar.set_length(total as u64);
            bar.set_message(what.to_owned());
            bar.set_prefix("");
        }
    }

    /// Tells of pieces that are done.
    pub fn records(&self, count: usize) {
        let mut state = self.state();
        state.done += count;
        if let Some(bar) = &self.bar {
            bar.inc(count as u64);
        }
        self.say_now_and_then(&mut state);
    }

    /// Tells of bytes of files that are done.
    pub fn bytes(&self, count: u64) {
        let mut state = self.state();
        state.bytes += count;
        if let Some(bar) = &self.bar {
            bar.set_prefix(HumanBytes(state.bytes).to_string());
        }
        self.say_now_and_then(&mut state);
    }

    /// Clears the bar away.
    pub fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    fn say_now_and_then(&self, state: &mut State) {
        if self.bar.is_some() || state.said.elapsed() < LINE_EVERY {
            return;
        }
        state.said = Instant::now();
        let State { what, done, total, bytes, .. } = state;
        let files = if *bytes > 0 { format!(", files: {}", HumanBytes(*bytes)) } else { String::new() };
        let _ = writeln!(std::io::stderr(), "{what}: {done} of {total}{files}");
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
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
        self.end();
    }
}
