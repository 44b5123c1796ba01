//! Parses the command line, runs one command, and prints one line if it failed.

use std::io::Write as _;
use std::os::unix::fs::MetadataExt as _;
use std::process::ExitCode;

use clap::Parser as _;

/// It gives the memory of pictures back to the system at once: docs/decisions/0029-jemalloc.md.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match load_dotenv().and_then(|()| identivia::cli::run_command(identivia::cli::Cli::parse())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One line with the whole chain of causes.
            let _ = writeln!(std::io::stderr(), "identivia: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Reads `.env` in the current folder. Variables that the environment already has keep their values.
fn load_dotenv() -> anyhow::Result<()> {
    if let Ok(found) = std::fs::metadata(".env")
        && found.mode() & 0o007 != 0
    {
        anyhow::bail!(".env: holds secrets, and every user of this machine can read it; run: chmod o-rwx .env");
    }
    match dotenvy::from_path(".env") {
        Ok(()) => Ok(()),
        Err(error) if error.not_found() => Ok(()),
        // The library's error quotes the line, which may hold a secret.
        Err(_) => anyhow::bail!(".env: cannot be read; write one NAME=value a line, and values with spaces in quotes"),
    }
}
