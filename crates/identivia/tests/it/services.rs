//! Real services for the tests: PostgreSQL, PocketBase, an SMTP server, and moto in the place of S3. `tests/services.sh` knows how to
//! run each; here they are given orders. They go with this process however it ends: the script waits on a pipe from it.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Mutex;

pub(crate) mod oidc_provider;
pub(crate) mod pocketbase;
pub(crate) mod postgres;
pub(crate) mod providers;
pub(crate) mod proxy;
pub(crate) mod receiver;
pub(crate) mod s3;
pub(crate) mod smtp;

/// One running service; stopped and removed when dropped.
struct Service {
    variables: HashMap<String, String>,
    script: Child,
    line: Mutex<Line>,
}

/// The way to the script: orders go down, a line comes back for each.
struct Line {
    orders: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Service {
    fn start(name: &str) -> Self {
        Self::start_with(name, &[])
    }

    /// Starts it with these environment variables.
    fn start_with(name: &str, variables: &[(&str, &OsStr)]) -> Self {
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh"));
        command.envs(variables.iter().copied());
        command.args([name, "--orders"]).stdin(Stdio::piped()).stdout(Stdio::piped());
        // A group of its own: Ctrl-C stops the tests, and their end stops the script, which then tidies up.
        let mut script = command.process_group(0).spawn().unwrap();
        let mut answers = BufReader::new(script.stdout.take().unwrap()).lines();
        let orders = script.stdin.take();
        let mut said = Vec::new();
        while let Some(line) = answers.next().map(Result::unwrap) {
            if line.is_empty() {
                let variables = said.iter().filter_map(|line: &String| line.split_once('='));
                let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                return Self { variables, script, line: Mutex::new(Line { orders, answers }) };
            }
            said.push(line);
        }
        let _ = script.wait();
        panic!("{}", said.join("\n"));
    }

    fn variable(&self, name: &str) -> String {
        self.variables[name].clone()
    }

    /// Ends the service and keeps its folder.
    fn stop(&self) {
        self.order("stop");
    }

    /// Starts it again on the same port and folder.
    fn start_again(&self) {
        self.order("start");
    }

    /// Stops all its processes where they are: connections stay open, and nothing answers.
    fn pause(&self) {
        self.order("pause");
    }

    fn resume(&self) {
        self.order("resume");
    }

    fn order(&self, order: &str) {
        let mut line = self.line.lock().unwrap();
        writeln!(line.orders.as_mut().unwrap(), "{order}").unwrap();
        let answer = line.answers.next().map(Result::unwrap);
        assert_eq!(answer.as_deref(), Some("done"), "{order}");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Ok(line) = self.line.get_mut() {
            line.orders = None;
        }
        let _ = self.script.wait();
    }
}
