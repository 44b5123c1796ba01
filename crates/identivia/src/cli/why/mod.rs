//! `identivia why PROFILE`: prints a person's history from the audit trail in plain lines, with what each failure means and
//! what to do next. Prints ids, codes and statuses, and no personal value.

mod advice;
mod event_advice;
mod finding_advice;
mod history;

use anyhow::{Context as _, bail};
use clap::Args;

use self::history::History;
use super::{print_line, start_runtime};
use crate::clock::Clock;
use crate::config::{Config, RecordLocation};
use crate::first_run::FirstRun;
use crate::records::id::RecordId;
use crate::storage::open_record_store;

/// Arguments of `identivia why`.
#[derive(Args)]
pub struct WhyArguments {
    /// The id of the person's profile
    profile: String,
}

/// Prints the history of a profile. Works beside a running server.
///
/// # Errors
/// When the records cannot be opened, or there is no such profile.
pub fn run_why(config: &Config, arguments: &WhyArguments) -> anyhow::Result<()> {
    let Some(profile) = RecordId::parse(&arguments.profile) else {
        bail!("the argument is no id of a profile: an id has 15 characters of a-z and 0-9");
    };
    require_database(config)?;
    start_runtime()?.block_on(async {
        let first_run = if config.jwt_secret.is_none() { FirstRun::load(&config.data_dir)? } else { None };
        let secret = config.jwt_secret.clone().or_else(|| first_run.as_ref().map(FirstRun::jwt_secret));
        let store = open_record_store(config, &secret.unwrap_or_default(), &Clock::default()).await?;
        let history = History::read(store.as_ref(), profile).await.context("the records cannot be read")?;
        let Some(history) = history else { bail!("there is no profile {profile}") };
        for line in history.to_lines() {
            print_line(&line)?;
        }
        Ok(())
    })
}

/// Refuses to create an empty database, in which no profile could be found.
fn require_database(config: &Config) -> anyhow::Result<()> {
    let is_missing = !config.data_dir.join("identivia.db").exists();
    if matches!(config.records, RecordLocation::Sqlite) && is_missing {
        bail!("DATA_DIR: there is no database in {}", config.data_dir.display());
    }
    Ok(())
}
