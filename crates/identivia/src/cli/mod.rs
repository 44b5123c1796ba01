//! The command line: one file per command. `identivia --help` is the manual page.

pub mod backup;
pub mod check;
pub mod check_live;
mod check_stores;
mod configuration_warnings;
pub mod console;
pub mod copy;
pub mod demo_data;
pub mod eval;
pub mod events_forward;
pub mod hash_secret;
pub mod health;
pub mod openapi;
pub mod pocketbase_init;
pub mod progress;
pub mod serve;
mod stop_signal;
pub mod why;

use std::io::Write as _;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use self::backup::{BackupArguments, RestoreArguments, VerifyArguments};
use self::check::CheckArguments;
use self::console::ConsoleArguments;
use self::copy::command::CopyArguments;
use self::demo_data::command::DemoDataArguments;
use self::eval::command::EvalArguments;
use self::events_forward::command::EventsArguments;
use self::pocketbase_init::PocketbaseArguments;
use self::why::WhyArguments;
use crate::config::{Config, Settings};

const EXAMPLES: &str = "\
Examples:
  identivia                                    serve on http://127.0.0.1:8000 with everything in ./data
  identivia serve --host 0.0.0.0 --port 80     serve to the network
  identivia check                              print what is on, what is off and why, and exit
  identivia check --live                       also call each provider once and print what is wrong with it
  identivia hash-secret < secret.txt           print a client_secret_hash
  identivia openapi > openapi.json             print the description of the API
  identivia demo-data                          fill an empty database with invented people
  identivia copy --help                        migrate to another store
  identivia backup --help                      copy records and files while the server runs
  identivia events forward --help              send events to a receiver that you develop
  identivia console setup-link                 print a link for the first user of the console
  identivia why abc123def456ghi                explain what happened to a person's verification
  identivia eval face --pairs pairs.csv        measure the face engine on your own pictures

Settings come from flags, then from the environment, then from a file `.env` in the current folder. Empty counts as not \
set. Set secrets in the environment: other users of the machine can see flags.

Files:
  DATA_DIR/identivia.db      records (SQLite)
  DATA_DIR/files/            pictures and videos, unless FILES_URL names a bucket
  DATA_DIR/first-run.json    the signing secret and the client that the first start generated (mode 0600)
  DATA_DIR/system.key        the key that encrypts the secrets of the records (mode 0600): back it up with them

Exit status:
  0  success    2  wrong usage
  1  a setting or its environment is wrong, or what was named does not exist: standard error says which";

/// Self-hosted identity verification.
///
/// Serves the Identivia HTTP API. A company's server gets a machine token, creates a profile and sends a person the link.
/// The person photographs a document and shows their face. The company reads the checks and sets the outcome.
#[derive(Parser)]
#[command(name = "identivia", version, max_term_width = 110, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    settings: Settings,
}

#[derive(Subcommand)]
enum Command {
    /// Serve until a signal stops the server (the default)
    Serve,
    /// Read the configuration, try what a start needs, and print what is on, what is off, why, and everything that is wrong
    Check(CheckArguments),
    /// Ask the running server whether it can serve requests: exit status 0 if it can. For containers without a shell
    Health,
    /// Print the description of the API (OpenAPI 3.1) as JSON
    Openapi,
    /// Read a secret from standard input and print its Argon2id hash, for `client_secret_hash`
    HashSecret,
    /// Copy every record and file to another store, then compare both sides
    Copy(CopyArguments),
    /// Copy the records and files to a backup folder, while the server runs
    Backup(BackupArguments),
    /// Restore a snapshot of a backup folder to an empty server
    Restore(RestoreArguments),
    /// Compare the files with the records
    Verify(VerifyArguments),
    /// Fill an empty database with invented people, to see a filled console
    DemoData(DemoDataArguments),
    /// Measure the local engines on your own pictures
    ///
    /// Calibrate on pictures of people who have agreed to it, taken as your users take theirs. The command stores and sends
    /// nothing.
    Eval(EvalArguments),
    /// Read the events of a running server
    Events(EventsArguments),
    /// Help people who cannot sign in to the console
    Console(ConsoleArguments),
    /// Explain what happened to a person's verification
    ///
    /// Prints the audit trail of one profile, oldest first: time, who, what, and for each failure what it means and what to do
    /// next. Prints ids, codes and statuses, and no personal value. Works beside a running server.
    Why(WhyArguments),
    /// Work with the PocketBase that POCKETBASE_URL names
    Pocketbase(PocketbaseArguments),
}

/// Runs one command.
///
/// # Errors
/// One line for standard error.
pub fn run_command(cli: Cli) -> anyhow::Result<()> {
    let settings = &cli.settings;
    match cli.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run_serve(Config::new(settings)?),
        Command::Check(arguments) => check::run_check(settings, &arguments),
        Command::Health => health::run_health(&Config::new(settings)?),
        Command::Openapi => openapi::run_openapi(),
        Command::HashSecret => hash_secret::run_hash_secret(),
        Command::Copy(arguments) => copy::command::run_copy(&arguments, settings),
        Command::Backup(arguments) => backup::run_backup(&Config::new(settings)?, &arguments),
        Command::Restore(arguments) => backup::run_restore(&Config::new(settings)?, &arguments),
        Command::Verify(arguments) => backup::run_verify(&Config::new(settings)?, &arguments),
        Command::DemoData(arguments) => demo_data::command::run_demo_data(&Config::new(settings)?, &arguments),
        Command::Eval(arguments) => eval::command::run_eval(&Config::new(settings)?, &arguments),
        Command::Events(arguments) => events_forward::command::run_events(arguments),
        Command::Console(arguments) => console::run_console(&Config::new(settings)?, &arguments),
        Command::Why(arguments) => why::run_why(&Config::new(settings)?, &arguments),
        Command::Pocketbase(arguments) => pocketbase_init::run_pocketbase(&Config::new(settings)?, &arguments),
    }
}

fn start_runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")
}

/// Prints a line to standard output. A closed pipe is no error: its reader has read enough.
fn print_line(text: &str) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{text}") {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(error).context("cannot write to standard output")
        }
        _ => Ok(()),
    }
}
