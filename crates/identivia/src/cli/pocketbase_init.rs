//! `identivia pocketbase init`: creates the missing collections, fields and indexes in PocketBase.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{print_line, start_runtime};
use crate::clock::Clock;
use crate::config::{Config, RecordLocation};
use crate::store::pocketbase::PocketBase;

/// Arguments of `identivia pocketbase`.
#[derive(Args)]
pub struct PocketbaseArguments {
    #[command(subcommand)]
    command: PocketbaseCommand,
}

#[derive(Subcommand)]
enum PocketbaseCommand {
    /// Create missing collections, fields and indexes; change no existing ones
    ///
    /// PB_USER_EMAIL and PB_USER_PASSWORD must be a superuser's. Without the right to create collections, the command prints
    /// what to create instead, and the exit status is 1.
    Init {
        /// A record of `users` as which the server will sign in: new collections admit it beside superusers
        #[arg(long, value_name = "EMAIL")]
        service_user: Option<String>,
    },
}

/// Runs one of the commands for PocketBase.
///
/// # Errors
/// When PocketBase is not configured, does not answer, or lacks collections that the account may not create.
pub fn run_pocketbase(config: &Config, arguments: &PocketbaseArguments) -> anyhow::Result<()> {
    match &arguments.command {
        PocketbaseCommand::Init { service_user } => init_pocketbase(config, service_user.as_deref()),
    }
}

fn init_pocketbase(config: &Config, service_user: Option<&str>) -> anyhow::Result<()> {
    let RecordLocation::PocketBase(account) = &config.records else {
        bail!("POCKETBASE_URL: must be set, with PB_USER_EMAIL and PB_USER_PASSWORD of a superuser");
    };
    let report = start_runtime()?.block_on(async {
        PocketBase::new(account.clone(), &[], Clock::default())?
            .init_schema(service_user)
            .await
            .context("POCKETBASE_URL")
    })?;
    for line in &report.lines {
        print_line(line)?;
    }
    if !report.complete {
        bail!("created nothing; create the collections above, or sign in as a superuser");
    }
    Ok(())
}
