//! Kills a process at its Nth step: a call that changes or syncs a file, or sends to a socket. See `step_killer.c`.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;
use std::process::Command;

/// The library that counts a process's steps, and the file that it counts in.
pub(crate) struct StepKiller {
    shared_object: PathBuf,
    counter: PathBuf,
    _folder: tempfile::TempDir,
}

impl StepKiller {
    /// Compiles the library. Without a C compiler a test cannot run, and says so.
    pub(crate) fn build(test: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let [shared_object, counter] = ["step_killer.so", "steps_left"].map(|name| folder.path().join(name));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/step_killer.c");
        let compile =
            Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&shared_object).arg(source).output();
        match compile {
            Ok(output) => {
                assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                fs::write(&counter, 0_i64.to_ne_bytes()).unwrap();
                Some(Self { shared_object, counter, _folder: folder })
            }
            Err(_) => {
                eprintln!("SKIPPED {test}: cc is missing (Debian: apt-get install build-essential)");
                None
            }
        }
    }

    /// Loads the library into a command's process.
    pub(crate) fn watch(&self, command: &mut Command) {
        command.env("LD_PRELOAD", &self.shared_object).env("STEPS_LEFT", &self.counter);
    }

    /// Lets the process die at its Nth step from now on; 0 lets it live.
    pub(crate) fn kill_at(&self, step: i64) {
        let counter = File::options().write(true).open(&self.counter).unwrap();
        counter.write_all_at(&step.to_ne_bytes(), 0).unwrap();
    }

    /// How many steps are left until the process dies; below 1 when it has died.
    pub(crate) fn steps_left(&self) -> i64 {
        i64::from_ne_bytes(fs::read(&self.counter).unwrap().try_into().unwrap())
    }
}

/// The steps at which a process is killed: so many of them, from the first to the last, or all with `KILL_POINTS=all`.
pub(crate) fn choose_steps(total: i64, sampled: i64) -> Vec<i64> {
    let tries_all = std::env::var("KILL_POINTS").is_ok_and(|points| points == "all");
    let count = if tries_all { total } else { sampled.min(total) };
    (0..count).map(|number| 1 + number * (total - 1) / (count - 1).max(1)).collect()
}
