//! The arguments and manual pages of `identivia backup` and `identivia restore`.

use std::path::PathBuf;

use clap::Args;

use super::make_backup::{BackupPlan, make_backup};
use super::restore_backup::restore_backup;
use crate::cli::progress::Progress;
use crate::cli::{print_line, start_runtime};
use crate::config::Config;

const BACKUP_DESCRIPTION: &str = "\
Copy the records and files to a backup folder, while the server runs

The command reads the same settings as the server. It adds a snapshot to the folder: the database as it was at one moment, \
and every file that a record in it names. Files are stored once, by their SHA-256. So a later backup copies only new files, \
and an interrupted one goes on where it stopped. While the command runs, the server removes no replaced files: that is why a \
snapshot lacks none (docs/backup.md).

SQLite: the command copies DATA_DIR/identivia.db with SQLite's online backup, in small steps with pauses.
PostgreSQL: the command runs pg_dump, which must be on the PATH and at least as new as the server.
PocketBase: back up PocketBase with its own command. This command copies DATA_DIR/webhooks.db, which PocketBase lacks.

A backup holds passports and faces, unencrypted: the folder has mode 0700, and belongs on an encrypted disk.";

const BACKUP_EXAMPLES: &str = "\
Examples:
  identivia backup /backup/identivia           add a snapshot
  identivia backup /backup/identivia --with-secrets
                                               also copy the keys: then the folder alone restores the server

Exit status:
  0  the snapshot is complete
  1  it is not, or the file store lacks files that records name: lines on standard output name them";

/// Arguments of `identivia backup`.
#[derive(Args)]
#[command(long_about = BACKUP_DESCRIPTION, after_help = BACKUP_EXAMPLES)]
pub struct BackupArguments {
    /// The backup folder: new, empty, or with earlier snapshots
    #[arg(value_name = "TO")]
    to: PathBuf,
    /// Also copy system.key, first-run.json and `.env`. Without them the secrets of records cannot be read: store them apart
    #[arg(long)]
    with_secrets: bool,
    /// Copy only the files (PostgreSQL): you have dumped the database yourself, just before
    #[arg(long)]
    without_database: bool,
}

/// Makes a backup and prints what it holds.
///
/// # Errors
/// When the backup is not complete, or files are missing: one line.
pub fn run_backup(config: &Config, arguments: &BackupArguments) -> anyhow::Result<()> {
    let plan = BackupPlan {
        to: &arguments.to,
        with_secrets: arguments.with_secrets,
        without_database: arguments.without_database,
    };
    let report = start_runtime()?.block_on(async { make_backup(config, &plan, &Progress::new()).await })?;
    for missing in &report.missing {
        print_line(&format!("missing  {missing}"))?;
    }
    print_line(&report.to_line())?;
    match report.missing.len() {
        0 => Ok(()),
        count => anyhow::bail!("the snapshot is complete, but the file store lacks {count} files that records name"),
    }
}

const RESTORE_DESCRIPTION: &str = "\
Restore a snapshot of a backup folder to an empty server

The command reads the same settings as the server, and writes to DATA_DIR and to the place of FILES_URL and DATABASE_URL. It \
refuses a target that holds anything: a data folder with a database or files, a bucket with objects, a database with tables. \
It compares the SHA-256 of every file and database with the snapshot, writes files first and the database last, so that a \
server cannot start on half of it. Then run: identivia verify --backup FROM

PostgreSQL: the command runs pg_restore, which must be on the PATH, into the empty database of DATABASE_URL.";

const RESTORE_EXAMPLES: &str = "\
Examples:
  identivia restore /backup/identivia --data-dir /srv/identivia
                                               restore the newest snapshot
  identivia restore /backup/identivia --snapshot 20261129T160000Z
                                               restore another one

Exit status:
  0  everything is restored    1  something is not: one line on standard error says what";

/// Arguments of `identivia restore`.
#[derive(Args)]
#[command(long_about = RESTORE_DESCRIPTION, after_help = RESTORE_EXAMPLES)]
pub struct RestoreArguments {
    /// The backup folder
    #[arg(value_name = "FROM")]
    from: PathBuf,
    /// The snapshot, by the name of its folder in FROM/snapshots [default: the newest]
    #[arg(long, value_name = "NAME")]
    snapshot: Option<String>,
}

/// Restores a snapshot and prints what was restored.
///
/// # Errors
/// When the target is not empty or the backup is damaged: one line.
pub fn run_restore(config: &Config, arguments: &RestoreArguments) -> anyhow::Result<()> {
    let RestoreArguments { from, snapshot } = arguments;
    let restoring = async { restore_backup(config, from, snapshot.as_deref(), &Progress::new()).await };
    for line in start_runtime()?.block_on(restoring)? {
        print_line(&line)?;
    }
    Ok(())
}
