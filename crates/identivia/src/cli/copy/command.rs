//! `identivia copy`: its arguments and its manual page.

use anyhow::Context as _;
use clap::Args;

use super::{CopyJob, StoreAddress, run};
use crate::cli::progress::Progress;
use crate::cli::{print_line, start_runtime};
use crate::config::Settings;

const DESCRIPTION: &str = "\
Copy every record and file to another store, then compare both sides

The command only reads the source. The target may be empty, or hold what an earlier copy has left: the same command \
continues an interrupted copy and sends nothing twice. It never changes an existing record; it reports records that \
differ. At the end it compares every record column by column and every file by its SHA-256, read back from both sides.

Stop the servers on both stores first. Records that a server adds to the source during the copy are not copied. The \
command refuses to write to a data folder that a server uses.

Stores:
  sqlite:FOLDER              a data folder: records in FOLDER/identivia.db, files in FOLDER/files
  postgres                   the database of DATABASE_URL; its files are at --from-files or --to-files,
                             file:FOLDER or s3://BUCKET/PREFIX (with the settings for AWS as a server has them)
  postgres://…               another database
  pocketbase                 the PocketBase of POCKETBASE_URL, PB_USER_EMAIL and PB_USER_PASSWORD
  https://…                  another PocketBase, with the same e-mail address and password

Other users of this machine can see a URL with a password in it while the command runs: set DATABASE_URL and write \
postgres instead.

The command copies profiles, their histories, liveness sessions, settings, reviews with their notes, the audit trail, and \
every file that a record names, with all ids and times. Between SQLite and PostgreSQL it also copies the console's users, \
for which PocketBase has no place; the report counts those that stay. PocketBase renames files; the other stores keep their names. When both sides share one \
folder of files, the files stay there. The command does not copy DATA_DIR/system.key (copy this file yourself: it encrypts \
the secrets of the records), DATA_DIR/first-run.json (the signing secret and the client of a first start), unused codes for another device, sessions and invitations of the console, and other programs' collections and tables.";

const EXAMPLES: &str = "\
Examples:
  identivia copy --from sqlite:./data --to postgres --to-files file:./data/files
                                               records to PostgreSQL; the files stay
  identivia copy --from pocketbase --to sqlite:./data
                                               everything from PocketBase to a new data folder
  identivia copy --from sqlite:./data --to pocketbase --check
                                               only compare both stores

Exit status:
  0  both sides hold the same
  1  they differ, or the copy had to stop: the last line on standard error says which, and lines on standard output name \
the records";

/// Arguments of `identivia copy`.
#[derive(Args)]
#[command(long_about = DESCRIPTION, after_help = EXAMPLES)]
pub struct CopyArguments {
    /// The source: sqlite:FOLDER, postgres, pocketbase, or the URL of a PostgreSQL or PocketBase
    #[arg(long, value_name = "STORE")]
    from: String,
    /// The target, in the same words
    #[arg(long, value_name = "STORE")]
    to: String,
    /// Location of the files of `--from`: file:FOLDER or s3://BUCKET/PREFIX. For PostgreSQL, which stores none
    #[arg(long, value_name = "PLACE")]
    from_files: Option<String>,
    /// The same for `--to`
    #[arg(long, value_name = "PLACE")]
    to_files: Option<String>,
    /// Copy nothing; only compare the two
    #[arg(long)]
    check: bool,
}

/// Copies, compares, and prints the report.
///
/// # Errors
/// When a store cannot be used, or both sides differ: one line.
pub fn run_copy(arguments: &CopyArguments, settings: &Settings) -> anyhow::Result<()> {
    let CopyArguments { from, to, from_files, to_files, check } = arguments;
    let job = CopyJob {
        from: StoreAddress::parse(from, from_files.as_deref(), settings).context("--from")?,
        to: StoreAddress::parse(to, to_files.as_deref(), settings).context("--to")?,
        only_check: *check,
    };
    let report = start_runtime()?.block_on(async { run(&job, &Progress::new()).await })?;
    for line in report.lines() {
        print_line(&line)?;
    }
    print_line(&report.verdict().map_err(anyhow::Error::msg)?)
}
