//! The arguments and manual page of `identivia verify`.

use std::path::PathBuf;

use clap::Args;

use super::verify_files::verify_files;
use crate::cli::progress::Progress;
use crate::cli::{print_line, start_runtime};
use crate::config::Config;

const DESCRIPTION: &str = "\
Compare the files with the records

The command reads the same settings as the server, and changes nothing. It may run beside it. It reports:
  missing    a record names the file, and the file store lacks it
  empty      the file has no bytes
  orphan     the file store has the file, and no record names it
  differs    the file has another length or SHA-256 than in the backup (with --backup)
  damaged    the backup's own copy has another length or SHA-256 than when it was made (with --backup)

Files that the server will remove by itself, because they were replaced or their upload failed, are counted and are no fault. \
Records hold no hash of their files: only a backup does, so only --backup finds a file that has changed.";

const EXAMPLES: &str = "\
Examples:
  identivia verify                             is every file of a record there?
  identivia verify --backup /backup/identivia  also compare every byte with the newest snapshot

Exit status:
  0  nothing was found    1  something was: lines on standard output name the files";

/// Arguments of `identivia verify`.
#[derive(Args)]
#[command(long_about = DESCRIPTION, after_help = EXAMPLES)]
pub struct VerifyArguments {
    /// A backup folder: compare the files with its newest snapshot, and check the snapshot itself
    #[arg(long, value_name = "FOLDER")]
    backup: Option<PathBuf>,
    /// Another snapshot than the newest
    #[arg(long, value_name = "NAME", requires = "backup")]
    snapshot: Option<String>,
}

/// Compares files and records, and prints what does not fit.
///
/// # Errors
/// When something does not fit, or cannot be read: one line.
pub fn run_verify(config: &Config, arguments: &VerifyArguments) -> anyhow::Result<()> {
    let VerifyArguments { backup, snapshot } = arguments;
    let backup = backup.as_deref().map(|folder| (folder, snapshot.as_deref()));
    let report = start_runtime()?.block_on(async { verify_files(config, backup, &Progress::new()).await })?;
    for line in report.lines() {
        print_line(&line)?;
    }
    print_line(&report.verdict().map_err(anyhow::Error::msg)?)
}
