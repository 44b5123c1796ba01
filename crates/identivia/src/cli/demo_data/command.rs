//! The command `demo-data`: refuses a database with real profiles, writes the people, and says how to see them.

use std::sync::Arc;

use anyhow::bail;
use clap::Args;

use super::demo_person::{DemoPerson, PEOPLE};
use super::demo_staff::DemoStaff;
use super::person_writer::{ACTOR, PersonWriter};
use super::review_writer::ReviewWriter;
use crate::cli::progress::Progress;
use crate::cli::{print_line, start_runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::profile::{ProfileFilter, Reach};
use crate::first_run::{FirstRun, lock_data_dir};
use crate::jobs::file_sweep::start_file_sweep;
use crate::storage::Storage;
use crate::store::console::ConsoleStore;
use crate::store::{PageRequest, Store};
use crate::work::cpu_ledger::CpuLedger;

/// Fills an empty database with invented people
#[derive(Args)]
#[command(
    after_help = "The database and files are those that the server uses; stop the server first, or run this before its first \
start. Sixty invented people of the team `demo` are written in all states, with drawn pictures, and three invented \
reviewers who cannot sign in. A database with any other \
profile is refused. A run that was interrupted is completed by the next one."
)]
pub struct DemoDataArguments {}

/// Runs the command.
///
/// # Errors
/// One line for standard error.
pub fn run_demo_data(config: &Config, _: &DemoDataArguments) -> anyhow::Result<()> {
    start_runtime()?.block_on(write_demo_data(config))
}

async fn write_demo_data(config: &Config) -> anyhow::Result<()> {
    let _lock = lock_data_dir(&config.data_dir)?;
    let clock = Clock::default();
    let is_first_run_needed = config.jwt_secret.is_none() || config.clients.is_none();
    let first_run = is_first_run_needed.then(|| FirstRun::load_or_generate(&config.data_dir)).transpose()?;
    let secret = config.jwt_secret.clone().or_else(|| first_run.as_ref().map(FirstRun::jwt_secret)).unwrap_or_default();
    let ledger = CpuLedger::new(clock.clone(), config.engines.threads);
    let storage = Storage::open(config, &secret, &clock, &ledger).await?;
    let known = count_demo_profiles(&storage.store).await?;
    if known == PEOPLE {
        bail!("the demo data is there already; to begin anew, remove the database and its files");
    }
    let _sweep = start_file_sweep(&storage.files, storage.at_start).await;
    let audit = storage.pocketbase.is_some().then(|| storage.store.clone());
    let console = ConsoleStore::new(storage.deliveries, audit);
    let staff = DemoStaff::write(&console, ACTOR, clock.now()).await?;
    let reviews = ReviewWriter { store: storage.store.clone(), staff };
    let writer = PersonWriter { store: storage.store, files: storage.files, reviews, now: clock.now() };
    let progress = Progress::new();
    progress.begin_step("writing people", PEOPLE);
    let mut written = 0;
    for person in DemoPerson::list() {
        written += usize::from(writer.write_person(&person).await?);
        progress.add_records(1);
    }
    progress.clear_bar();
    let base_url = config.public_url.as_deref().unwrap_or("http://127.0.0.1:8000");
    // The server's own first start will not show it again.
    if let Some(first_run) = first_run.filter(|made| made.is_new && config.clients.is_none()) {
        print_line(&first_run.to_welcome_text(base_url, &config.data_dir))?;
    }
    print_line(&format!(
        "{written} invented people are in the team `demo`. Start the server, and sign in at {base_url}/console/"
    ))
}

/// How many of the people are there. An error when there is any other profile.
async fn count_demo_profiles(store: &Arc<dyn Store>) -> anyhow::Result<usize> {
    let page = PageRequest { limit: PEOPLE + 1, cursor: None };
    let found = store.list_profiles(&Reach::Every, ProfileFilter::default(), &page).await?;
    let is_demo = |team: &str, user: &str| DemoPerson::is_profile_of_one(team, user);
    if found.next.is_some() || found.items.iter().any(|profile| !is_demo(&profile.team, &profile.user_id)) {
        bail!("this database has profiles that are no demo data; name an empty one with DATA_DIR or DATABASE_URL");
    }
    Ok(found.items.len())
}
