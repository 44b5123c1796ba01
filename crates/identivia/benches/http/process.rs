//! The processes that are measured: the server and the baseline.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{env, fs, io};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::CREDENTIALS;
use crate::measure::exchange_over;
use crate::server_binary::{find_free_address, find_server_binary};

const SECRET: &str = "a secret of the benchmark, 32 bytes or more";
const ISSUER: &str = "bench";
const AUDIENCE: &str = "bench-api";
const SCOPES: &str = "profiles:read profiles:write health:read liveness:write liveness:read documents:analyze \
    aws:credentials settings:read settings:write status_history:read status_history:write verification_history:read \
    verification_history:write files:read";

/// A process that listens on an address, ended when this is dropped.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

impl Process {
    /// Starts the server that `IDENTIVIA_BIN` names, or the one that was built with this program, and waits until it is ready.
    pub(crate) async fn start_server(folder: &Path, store: &BTreeMap<String, String>) -> anyhow::Result<Self> {
        Self::start_binary(&find_server_binary()?, folder, store).await
    }

    /// Starts that server, and waits until it is ready.
    pub(crate) async fn start_binary(
        binary: &Path,
        folder: &Path,
        store: &BTreeMap<String, String>,
    ) -> anyhow::Result<Self> {
        let mut client: Value = serde_json::from_str(CREDENTIALS)?;
        client["scopes"] = SCOPES.split(' ').collect();
        let address = find_free_address()?;
        let mut command = build_command(binary, folder, "server.log")?;
        command.env("DATA_DIR", folder.join("data")).env("HOST", address.ip().to_string());
        command.envs(store);
        command.env("PORT", address.port().to_string()).env("JWT_CLIENTS_JSON", json!([client]).to_string());
        let server = Self { child: command.spawn()?, address };
        server.wait_for("/readyz").await.with_context(|| read_server_log(folder))?;
        Ok(server)
    }

    pub(crate) fn start_baseline(folder: &Path, answer: &str) -> anyhow::Result<Self> {
        let address = find_free_address()?;
        let mut command = build_command(&env::current_exe()?, folder, "baseline.log")?;
        command.args(["--baseline", &address.port().to_string()]).env("BASELINE_ANSWER", answer);
        Ok(Self { child: command.spawn()?, address })
    }

    /// Waits until a request for the path is answered, with any status but 503.
    pub(crate) async fn wait_for(&self, path: &str) -> anyhow::Result<()> {
        let request = format!("GET {path} HTTP/1.1\r\nHost: bench\r\n\r\n");
        for _ in 0..1_000 {
            let answer = exchange_over(&mut None, self.address, request.as_bytes()).await;
            if answer.is_ok_and(|answer| answer.status != 503) {
                return Ok(());
            }
            sleep(Duration::from_millis(10)).await;
        }
        bail!("{path} is not answered within 10 s")
    }

    pub(crate) fn cpu_time(&self) -> anyhow::Result<Duration> {
        read_cpu_time(&self.child.id().to_string())
    }

    /// The most memory it has held, in megabytes.
    pub(crate) fn peak_memory(&self) -> anyhow::Result<f64> {
        self.read_status("VmHWM:")
    }

    /// The memory that it holds, in megabytes.
    pub(crate) fn memory(&self) -> anyhow::Result<f64> {
        self.read_status("VmRSS:")
    }

    fn read_status(&self, name: &str) -> anyhow::Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(name)).context("the process has ended")?;
        Ok(line.trim().trim_end_matches(" kB").parse::<f64>()? / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Either fails only for a process that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A clean environment and a folder of its own: neither a developer's variables nor a `.env` may change the figures.
fn build_command(binary: &Path, folder: &Path, log: &str) -> io::Result<Command> {
    let log = fs::File::create(folder.join(log))?;
    let mut command = Command::new(binary);
    command.env_clear().current_dir(folder).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    command.env("JWT_SECRET", SECRET).env("JWT_ISSUER", ISSUER).env("JWT_AUDIENCE", AUDIENCE);
    Ok(command)
}

fn read_server_log(folder: &Path) -> String {
    format!("the server said: {}", fs::read_to_string(folder.join("server.log")).unwrap_or_default())
}

/// Processor time of a process so far, user and system (proc(5), fields 14 and 15 of `stat`, in ticks of 10 ms).
pub(crate) fn read_cpu_time(process: &str) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(PathBuf::from("/proc").join(process).join("stat"))?;
    // Field 2 is the program's name in brackets and may itself hold spaces; field 3 follows the last bracket.
    let (_, fields) = stat.rsplit_once(") ").context("unexpected form of /proc/<pid>/stat")?;
    let ticks = fields.split(' ').skip(11).take(2).map(str::parse::<u64>).sum::<Result<u64, _>>()?;
    Ok(Duration::from_millis(ticks * 10))
}
