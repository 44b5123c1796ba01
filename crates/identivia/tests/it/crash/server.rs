//! The server that the crash tests kill, and how they reach it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use super::{refusal_error, text};
use crate::command::find_served_url;
use crate::world::GIVEN_UP_WITHIN;

const READY_WITHIN: Duration = GIVEN_UP_WITHIN;

/// The server, in a process of its own that is killed when dropped.
pub(crate) struct Server {
    process: Child,
    /// The length of the log before this start.
    log_before: usize,
    pub(crate) api: Api,
}

impl Server {
    /// Starts the server on the data folder and waits until it is ready.
    pub(crate) async fn start(folder: &Path) -> anyhow::Result<Self> {
        Self::start_with(folder, |_| ()).await
    }

    /// The same with a change to its command.
    pub(crate) async fn start_with(folder: &Path, change: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let mut server = Self::spawn(folder, change)?;
        match timeout(READY_WITHIN, server.become_ready(folder)).await {
            Ok(ready) => ready.with_context(|| last_lines_of_log(folder))?,
            Err(_) => bail!("not ready within {READY_WITHIN:?}; {}", last_lines_of_log(folder)),
        }
        Ok(server)
    }

    pub(super) fn spawn(folder: &Path, change: impl FnOnce(&mut Command)) -> anyhow::Result<Self> {
        let log = fs::OpenOptions::new().create(true).append(true).open(log_file(folder))?;
        let clients = json!([{ "client_id": "crash", "client_secret": "a secret for this test", "scopes": SCOPES }]);
        // A clean environment and a folder of its own: neither a developer's variables nor a `.env` may reach it.
        let mut command = Command::new(env!("CARGO_BIN_EXE_identivia"));
        command
            .env_clear()
            .current_dir(folder)
            .env("DATA_DIR", data_folder(folder))
            .env("HOST", "127.0.0.1")
            .env("PORT", "0")
            .env("JWT_SECRET", "the same in every start of this crash test")
            .env("JWT_ISSUER", "crash-test")
            .env("JWT_AUDIENCE", "crash-test")
            .env("JWT_CLIENTS_JSON", clients.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        change(&mut command);
        let log_before = read_log(folder).len();
        let process = command.spawn().context("the server does not start")?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { process, log_before, api: Api { client, base: String::new(), token: None } })
    }

    async fn become_ready(&mut self, folder: &Path) -> anyhow::Result<()> {
        loop {
            // A line that is being written has no end yet.
            let log = read_log(folder).split_off(self.log_before);
            let mut lines = log.split_inclusive('\n').filter(|line| line.ends_with('\n'));
            if let Some(url) = lines.find_map(find_served_url) {
                self.api.base = url;
                break;
            }
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended while starting: {status}");
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.api.get("/readyz").await?;
        self.api.sign_in().await
    }

    /// The process.
    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// `SIGKILL`, and the end of the process.
    pub(crate) fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing to be done about a process that is gone already.
        let _ = self.kill();
    }
}

const SCOPES: [&str; 11] = [
    "profiles:read",
    "profiles:write",
    "status_history:read",
    "status_history:write",
    "verification_history:read",
    "verification_history:write",
    "files:read",
    "settings:read",
    "settings:write",
    "reviews:read",
    "reviews:decide",
];

pub(super) fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn read_log(folder: &Path) -> String {
    fs::read_to_string(log_file(folder)).unwrap_or_default()
}

fn last_lines_of_log(folder: &Path) -> String {
    let log = read_log(folder);
    let lines: Vec<&str> = log.lines().collect();
    format!("the server's log ends with:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
}

/// Calls of the API with the server's only client.
#[derive(Clone)]
pub(crate) struct Api {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let credentials = json!({ "client_id": "crash", "client_secret": "a secret for this test" });
        let (status, body) = self.answer(self.request(Method::POST, "/api/auth/token").json(&credentials)).await?;
        ensure!(status.is_success(), "no token: {}", refusal_error(status, &body));
        self.token = Some(text(&serde_json::from_slice(&body)?, "/access_token")?);
        Ok(())
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    pub(crate) async fn answer(&self, request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.bytes().await?.to_vec()))
    }

    pub(crate) async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, body) = self.answer(self.request(Method::GET, path)).await?;
        ensure!(status == StatusCode::OK, "GET {path}: {}", refusal_error(status, &body));
        Ok(body)
    }

    pub(crate) async fn get_json(&self, path: &str) -> anyhow::Result<Value> {
        Ok(serde_json::from_slice(&self.get(path).await?)?)
    }

    /// The same calls with another token.
    pub(crate) fn with_token(&self, token: &str) -> Self {
        Self { token: Some(token.to_owned()), ..self.clone() }
    }

    /// The ids of a whole list, page after page.
    pub(crate) async fn listed_ids(&self, path: &str) -> anyhow::Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page = self.get_json(&format!("{path}?limit=100{cursor}")).await?;
            let records = page["data"].as_array().with_context(|| format!("no list in {page}"))?;
            for record in records {
                ensure!(ids.insert(text(record, "/id")?), "{path} lists {record} twice");
            }
            if page["has_more"] != true {
                return Ok(ids);
            }
            cursor = format!("&cursor={}", text(&page, "/next_cursor")?);
        }
    }
}
