//! `identivia console`: a link for the first user, and passwords and second factors of people who cannot sign in any more.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::{print_line, start_runtime};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::console::link::link_url;
use crate::domain::console::user::normalize_email;
use crate::domain::event::EventKind;
use crate::first_run::FirstRun;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::console_link::{ConsoleLink, LinkPurpose};
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::storage::open_console_store;
use crate::store::console::{ConsoleStore, UserWrite};

/// Arguments of `identivia console`.
#[derive(Args)]
pub struct ConsoleArguments {
    #[command(subcommand)]
    command: ConsoleCommand,
}

#[derive(Subcommand)]
enum ConsoleCommand {
    /// Print a link with which the first user is made, within 60 minutes
    ///
    /// The link that the server has printed at its start counts no more.
    SetupLink,
    /// Remove a user's password, end their sessions, and print a link with which they set a new one, within 72 hours
    ResetPassword {
        /// Their e-mail address
        email: String,
    },
    /// Remove a user's second factors and end their sessions: at the next sign-in they enrol an authenticator app
    ResetFactors {
        /// Their e-mail address
        email: String,
    },
}

/// Runs one of the commands for the console. They work beside a running server.
///
/// # Errors
/// When the records cannot be opened, or there is no such user.
pub fn run_console(config: &Config, arguments: &ConsoleArguments) -> anyhow::Result<()> {
    start_runtime()?.block_on(async {
        let clock = Clock::default();
        let first_run = if config.jwt_secret.is_none() { FirstRun::load(&config.data_dir)? } else { None };
        let secret = config.jwt_secret.clone().or_else(|| first_run.as_ref().map(FirstRun::jwt_secret));
        let console = open_console_store(config, &secret.unwrap_or_default(), &clock).await?;
        match &arguments.command {
            ConsoleCommand::SetupLink => print_setup_link(config, &console, &clock).await,
            ConsoleCommand::ResetPassword { email } => reset_password(config, &console, &clock, email).await,
            ConsoleCommand::ResetFactors { email } => reset_factors(&console, &clock, email).await,
        }
    })
}

/// Where the server is reached, as far as the settings say.
fn public_url(config: &Config) -> String {
    config.public_url.clone().unwrap_or_else(|| format!("http://{}:{}", config.host, config.port))
}

async fn print_setup_link(config: &Config, console: &Arc<ConsoleStore>, clock: &Clock) -> anyhow::Result<()> {
    match console.offer_setup_link(clock.now()).await? {
        Some(token) => print_line(&link_url(&public_url(config), LinkPurpose::Setup, &token)),
        None => bail!("the console has users; sign in, or run identivia console reset-password EMAIL"),
    }
}

async fn reset_password(
    config: &Config,
    console: &Arc<ConsoleStore>,
    clock: &Clock,
    email: &str,
) -> anyhow::Result<()> {
    let before = find_user(console, email).await?;
    let (link, token) = ConsoleLink::draw(LinkPurpose::Invitation, Some(before.id), clock.now());
    let with = UserWrite { offers: Some(&link), ..UserWrite::default() };
    let after = before.clone().with_password_reset();
    replace_user(console, clock, &before, after, &with, EventKind::PasswordReset).await?;
    print_line(&link_url(&public_url(config), LinkPurpose::Invitation, &token))
}

async fn reset_factors(console: &Arc<ConsoleStore>, clock: &Clock, email: &str) -> anyhow::Result<()> {
    let before = find_user(console, email).await?;
    let after = before.clone().with_factors_reset();
    replace_user(console, clock, &before, after, &UserWrite::default(), EventKind::FactorsReset).await?;
    print_line("second factors removed; the next sign-in asks for a new one")
}

async fn find_user(console: &Arc<ConsoleStore>, email: &str) -> anyhow::Result<ConsoleUser> {
    let user = console.user_of_email(&normalize_email(email)).await?.context("no user has that e-mail address")?;
    if user.status == ConsoleUserStatus::Disabled {
        bail!("the user is disabled; have an admin enable them first");
    }
    Ok(user)
}

async fn replace_user(
    console: &Arc<ConsoleStore>,
    clock: &Clock,
    before: &ConsoleUser,
    after: ConsoleUser,
    with: &UserWrite<'_>,
    kind: EventKind,
) -> anyhow::Result<()> {
    let audit = AuditEvent::new(kind, clock.now(), "").on(RecordKind::ConsoleUsers, before.id.to_string());
    let audit = [audit.with_detail("on the command line")];
    match console.replace_user(before, after, with, clock.now(), &audit).await? {
        Ok(_) => Ok(()),
        Err(_) => bail!("the user was changed at the same time; run the command again"),
    }
}
