//! What a measurement of filled databases needs: PostgreSQL where it is asked for, people who are signed in, and the server.

use std::collections::BTreeMap;
use std::fs::{File, Permissions};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use std::{env, fs};

use anyhow::{Context as _, ensure};
use identivia::domain::console::session::ConsoleToken;
use identivia::records::console_session::{ConsoleSession, SessionStage};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::records::time::Millis;
use identivia::store::Store;
use identivia::store::console::{ConsoleStore, UserWrite};
use identivia::store::postgres::Postgres;
use identivia::store::sqlite::Sqlite;
use tempfile::TempDir;

use crate::server_binary::{find_free_address, find_server_binary};

/// A person of the measurement: a name, a role, and the teams where there are some.
pub(crate) type Person = (&'static str, ConsoleRole, Option<Vec<String>>);

/// A new folder for a database, open to the user that PostgreSQL runs as.
pub(crate) fn create_folder() -> anyhow::Result<TempDir> {
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    fs::create_dir_all(parent)?;
    let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir_in(parent)?;
    fs::create_dir_all(folder.path().join("data"))?;
    Ok(folder)
}

/// A server that runs until this is dropped, and its address.
pub(crate) struct RunningServer {
    pub(crate) base: String,
    child: Child,
}

impl RunningServer {
    /// Starts the server with the database, and waits until it is ready.
    pub(crate) async fn start(url: Option<&String>, data: &Path) -> anyhow::Result<Self> {
        let address = find_free_address()?;
        let log = data.join("server.log");
        let mut command = Command::new(find_server_binary()?);
        // Neither a developer's variables nor a `.env` may change the figures.
        command.env_clear().current_dir(data).stdin(Stdio::null()).stdout(File::create(&log)?).stderr(Stdio::inherit());
        command.args(["serve", "--data-dir"]).arg(data);
        command.args(["--host", &address.ip().to_string(), "--port", &address.port().to_string()]);
        command.args(url.into_iter().flat_map(|url| ["--database-url", url.as_str()]));
        let server = Self { base: format!("http://{address}"), child: command.spawn()? };
        server.wait_until_ready().await.with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        Ok(server)
    }

    async fn wait_until_ready(&self) -> anyhow::Result<()> {
        for _ in 0..1_000 {
            if reqwest::get(format!("{}/readyz", self.base)).await.is_ok_and(|answer| answer.status().is_success()) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        anyhow::bail!("the server is not ready within 10 s")
    }
}

impl Drop for RunningServer {
    fn drop(&mut self) {
        // Either fails only for a process that has ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn read_load() -> String {
    fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// Makes the database, and people who are signed in.
pub(crate) async fn add_people(
    url: Option<&String>,
    data: &Path,
    people: Vec<Person>,
    now: Millis,
) -> anyhow::Result<Vec<(&'static str, ConsoleToken)>> {
    let store: Arc<dyn Store> = match url {
        Some(url) => Arc::new(Postgres::open(url, 2).await?),
        None => Arc::new(Sqlite::open(data)?),
    };
    let console = ConsoleStore::new(store, None);
    let mut callers = Vec::new();
    for (name, role, teams) in people {
        let email = format!("{}@example.org", name.replace(' ', "-"));
        let user = ConsoleUser::invited(email, name.to_owned(), role, now);
        let user = ConsoleUser { status: ConsoleUserStatus::Active, teams, ..user };
        let (session, token) = ConsoleSession::begin(&user, SessionStage::Full, String::new(), String::new(), now);
        let with = UserWrite { opens: Some(&session), ..UserWrite::default() };
        ensure!(console.add_user(&user, &with, &[]).await?.is_ok(), "the user was not added");
        callers.push((name, token));
    }
    Ok(callers)
}

/// PostgreSQL where `STORE` asks for it. It ends when its input does.
pub(crate) struct Service {
    pub(crate) variables: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Service {
    pub(crate) fn start(folder: &Path) -> anyhow::Result<Self> {
        let name = env::var("STORE").unwrap_or_default();
        if matches!(name.as_str(), "" | "sqlite") {
            return Ok(Self { variables: BTreeMap::new(), child: None });
        }
        ensure!(name == "postgres", "STORE is sqlite or postgres, not {name}");
        let mut command = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh"));
        command.args(["postgres", "--orders"]).env("TMPDIR", folder).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn()?;
        let said = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
        let said: Vec<String> = said.map_while(Result::ok).take_while(|line| !line.is_empty()).collect();
        let pairs = said.iter().filter_map(|line| line.split_once('='));
        let variables: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        ensure!(variables.contains_key("DATABASE_URL"), "{}", said.join("\n"));
        Ok(Self { variables, child: Some(child) })
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            drop(child.stdin.take());
            let _ = child.wait();
        }
    }
}
