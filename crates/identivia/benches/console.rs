//! Times of the console with many rows: 100,000 reviews and 1,000,000 profiles, over HTTP: `make bench-console`.
//!
//! The rows are inserted by SQL before the server starts, with a spread over teams, states, countries and findings. Each line is
//! one request, sent 30 times, one after the other: the median, the longest, and the aim. `STORE=postgres` measures the same on
//! PostgreSQL, in a cluster that goes with this program.
//!
//! `CONSOLE_REVIEWS` and `CONSOLE_PROFILES` are the numbers of rows. A missed aim is printed and no failure; a request that fails is
//! one.
#![expect(clippy::print_stdout, reason = "the figures are what this program is for")]

#[path = "console/calls.rs"]
mod calls;
#[path = "console/fill.rs"]
mod fill;
#[path = "console/totals.rs"]
mod totals;

use std::collections::BTreeMap;
use std::env;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use clap::Parser;
use identivia::config::{Config, Settings};
use identivia::domain::console::session::ConsoleToken;
use identivia::records::console_session::{ConsoleSession, SessionStage};
use identivia::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use identivia::records::time::Millis;
use identivia::server::{Server, StartOptions};
use identivia::store::Store;
use identivia::store::console::{ConsoleStore, UserWrite};
use identivia::store::postgres::Postgres;
use identivia::store::sqlite::Sqlite;
use tokio::sync::watch;

use crate::calls::Caller;
use crate::fill::{Database, Rows, fill_database};

#[derive(Parser)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
}

fn main() -> anyhow::Result<()> {
    // `cargo test --benches` runs this too, without asking for a measurement.
    if !env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(measure_console())
}

async fn measure_console() -> anyhow::Result<()> {
    let number = |name: &str, usual: u64| env::var(name).map_or(Ok(usual), |text| text.parse());
    let now = identivia::clock::Clock::default().now();
    let rows =
        Rows { reviews: number("CONSOLE_REVIEWS", 100_000)?, profiles: number("CONSOLE_PROFILES", 1_000_000)?, now };
    let parent = Path::new(env!("CARGO_TARGET_TMPDIR"));
    std::fs::create_dir_all(parent)?;
    // Open to the user that PostgreSQL runs as.
    let folder = tempfile::Builder::new().permissions(std::fs::Permissions::from_mode(0o711)).tempdir_in(parent)?;
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data)?;
    let service = Service::start(folder.path())?;
    let url = service.variables.get("DATABASE_URL");
    let callers = add_people(url, &data, now).await?;
    fill_database(&Database::find(url, &data), &rows).await?;

    let data = data.to_str().context("a path in UTF-8")?;
    let mut line = vec!["bench", "--data-dir", data, "--port", "0"];
    line.extend(url.into_iter().flat_map(|url| ["--database-url", url.as_str()]));
    let config = Config::new(&CommandLine::parse_from(line).settings)?;
    let server = Server::start(config, StartOptions::default()).await?;
    let base = format!("http://{}", server.address);
    let (_stop, stopped) = watch::channel(false);
    tokio::spawn(server.run(stopped));
    println!("{} reviews, {} profiles, load average {}", rows.reviews, rows.profiles, read_load());
    let callers = callers.into_iter().map(|(name, token)| Caller::new(name, &base, &token));
    let callers = callers.collect::<anyhow::Result<Vec<_>>>()?;
    for caller in &callers {
        calls::measure_queue(caller, now).await?;
    }
    for caller in &callers {
        calls::measure_reports(caller, now).await?;
    }
    println!("load average at the end {}", read_load());
    Ok(())
}

fn read_load() -> String {
    std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned()
}

/// A person of every team and one of two teams, signed in.
async fn add_people(
    url: Option<&String>,
    data: &Path,
    now: Millis,
) -> anyhow::Result<Vec<(&'static str, ConsoleToken)>> {
    let store: Arc<dyn Store> = match url {
        Some(url) => Arc::new(Postgres::open(url, 2).await?),
        None => Arc::new(Sqlite::open(data)?),
    };
    let console = ConsoleStore::new(store, None);
    let mut callers = Vec::new();
    for (name, role, teams) in [
        ("every team", ConsoleRole::Admin, None),
        ("two teams", ConsoleRole::Reviewer, Some(vec!["team-3".to_owned(), "team-4".to_owned()])),
    ] {
        let email = format!("{}@example.org", role.word());
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
struct Service {
    variables: BTreeMap<String, String>,
    child: Option<Child>,
}

impl Service {
    fn start(folder: &Path) -> anyhow::Result<Self> {
        let name = env::var("STORE").unwrap_or_default();
        if matches!(name.as_str(), "" | "sqlite") {
            return Ok(Self { variables: BTreeMap::new(), child: None });
        }
        ensure!(name == "postgres", "STORE is sqlite or postgres, not {name}: reviews need one of them");
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
