//! strace on a running server: it makes system calls fail, or records them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Says whether strace works here: some containers forbid it. Without it a test cannot run, and says so.
pub(crate) fn can_trace(test: &str) -> bool {
    let works = Command::new("strace").args(["-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
    let works = works.is_ok_and(|status| status.success());
    if !works {
        eprintln!("SKIPPED {test}: strace is missing or not allowed to trace (Debian: apt-get install strace)");
    }
    works
}

/// strace, attached to all threads of a process until it is dropped.
pub(crate) struct Strace(Child);

impl Strace {
    pub(crate) fn attach(process: u32, arguments: &[&str]) -> Self {
        let mut strace = Command::new("strace");
        strace.args(["-f", "-p", &process.to_string()]).args(arguments);
        let mut child = strace.stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains("attached")), "strace did not attach");
        std::thread::spawn(move || lines.for_each(drop));
        Self(child)
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        let _ = Command::new("kill").args(["-INT", &self.0.id().to_string()]).status();
        let _ = self.0.wait();
    }
}
