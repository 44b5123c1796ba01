//! Parses the command line, runs one command, and says in one line why it could not.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

fn main() -> ExitCode {
    match load_dotenv().and_then(|()| identivia::cli::run(identivia::cli::Cli::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The whole chain in one line: what could not be done, and why.
            let _ = writeln!(std::io::stderr(), "identivia: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads `.env` in the current folder. What the environment has already stays.
fn load_dotenv() -> anyhow::Result<()> {
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // The library's text would quote the line, which may hold a secret.
        Err(_) => anyhow::bail!(".env: cannot be read; write one NAME=value a line, values with spaces in quotes"),
    }
}
