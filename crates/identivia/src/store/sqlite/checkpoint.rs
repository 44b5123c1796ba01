//! Copies the log into the database between two commits, on the writer's thread.
//!
//! SQLite begins the log anew only when a commit finds all of it copied. A second thread beside a busy writer never gets
//! there: commits follow each other, the log grows, and each sync of a growing file waits for the file system's journal.
//!
//! Only what another program's long transaction has kept in the log is too much for the time between two commits. A second
//! thread copies that, until what is left is little enough.

use std::path::PathBuf;
use std::thread::{self, JoinHandle};

use rusqlite::{Connection, ErrorCode, OpenFlags};

use super::error::to_store_error;
use super::open_connection;
use crate::store::StoreError;

/// So many new pages are copied together: 4 MiB.
const CHECKPOINT_PAGES: i32 = 1_000;
/// The most pages that are copied between two commits.
const MOST_PAGES: i32 = 2 * CHECKPOINT_PAGES;
/// How many times in turn the second thread copies. If more is left then, the disk is too slow for both: writes wait for the copy.
const MOST_ROUNDS: u32 = 8;
/// The length from which the server warns that the log cannot be emptied: 64 MiB.
const LONG_LOG_PAGES: i32 = 16_384;
/// What stays of a long log's file once it has been emptied.
pub(super) const KEPT_LOG_BYTES: i64 = 64 * 1024 * 1024;

/// The pages in the log, and how many of them are in the database too.
#[derive(Clone, Copy, Default)]
struct LogLength {
    pages: i32,
    copied: i32,
}

/// How much of the log has been copied.
#[derive(Default)]
pub(super) struct LogCheckpoints {
    /// The log at the last attempt.
    attempted: LogLength,
    is_long: bool,
    has_copied: bool,
    /// The second thread, while it copies.
    helper: Option<JoinHandle<Result<(), StoreError>>>,
    /// How many times in turn it has copied and too much was left.
    rounds: u32,
}

impl LogCheckpoints {
    /// Copies what the log holds if it has grown enough since the last time.
    ///
    /// # Errors
    /// `Broken` when the disk has failed: what a failed sync has lost does not come back with the next one.
    pub(super) fn copy_if_due(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let log = run_checkpoint(connection, "noop")?;
        self.report_length(log.pages);
        if log.pages < self.attempted.pages {
            // The log has begun anew.
            self.attempted = LogLength::default();
        }
        if self.is_helper_at_work()? || log.pages - self.attempted.pages < CHECKPOINT_PAGES {
            return Ok(());
        }
        let has_advanced = log.copied > self.attempted.copied;
        self.attempted = log;
        self.has_copied = true;
        if log.pages - log.copied <= MOST_PAGES {
            self.rounds = 0;
        } else if self.rounds < MOST_ROUNDS {
            self.rounds += u32::from(has_advanced);
            self.helper = connection.path().map(PathBuf::from).and_then(start_helper);
            if self.helper.is_some() {
                return Ok(());
            }
        }
        run_checkpoint(connection, "passive").map(drop)
    }

    /// Says whether the second thread still copies; an error when its disk has failed.
    fn is_helper_at_work(&mut self) -> Result<bool, StoreError> {
        match self.helper.take() {
            Some(helper) if helper.is_finished() => helper.join().unwrap_or(Ok(())).map(|()| false),
            helper => {
                self.helper = helper;
                Ok(self.helper.is_some())
            }
        }
    }

    /// Says whether the log has ever been long enough to be copied.
    pub(super) fn has_copied(&self) -> bool {
        self.has_copied
    }

    /// Says once that the log has become long, and once that it is short again.
    fn report_length(&mut self, pages: i32) {
        let megabytes = i64::from(pages) * 4096 / 1_000_000;
        if !self.is_long && pages >= LONG_LOG_PAGES {
            self.is_long = true;
            tracing::warn!(
                megabytes,
                "the database's log grows: another program, such as a backup or an SQL shell, has kept a transaction open"
            );
        } else if self.is_long && pages < LONG_LOG_PAGES {
            self.is_long = false;
            tracing::info!(megabytes, "the database's log is short again");
        }
    }
}

/// Copies the log beside the writer. `None` when there is no thread to be had.
fn start_helper(path: PathBuf) -> Option<JoinHandle<Result<(), StoreError>>> {
    let copy_log = move || {
        let connection =
            open_connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).map_err(|error| to_store_error(&error))?;
        run_checkpoint(&connection, "passive").map(drop)
    };
    thread::Builder::new().name("sqlite-log".to_owned()).spawn(copy_log).ok()
}

/// Runs a checkpoint of that mode and returns what the log holds then. The mode `noop` copies nothing.
fn run_checkpoint(connection: &Connection, mode: &str) -> Result<LogLength, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(&format!("pragma wal_checkpoint({mode})"))?;
        statement.query_row([], |row| Ok(LogLength { pages: row.get("log")?, copied: row.get("checkpointed")? }))
    };
    match run() {
        // Another program copies the log at this moment.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(LogLength::default()),
        outcome => outcome.map_err(|error| to_store_error(&error)),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::writer::Writer;
    use super::*;
    use crate::store::sql::{StepEnd, StepUndo};

    const PAGES_OF_STEP: i64 = 20;

    async fn write_steps(writer: &Writer, count: usize) {
        for _ in 0..count {
            let write = |connection: &mut Connection| {
                let inserted = connection.execute("insert into t (data) values (zeroblob($1))", [PAGES_OF_STEP * 4096]);
                inserted.map(StepEnd::Commit).map_err(|error| to_store_error(&error))
            };
            writer.write(StepUndo::Unneeded, write).await.unwrap();
        }
    }

    fn read_log_pages(path: &Path) -> i32 {
        run_checkpoint(&Connection::open(path).unwrap(), "noop").unwrap().pages
    }

    fn start_writer(path: &Path) -> Writer {
        let connection = Connection::open(path).unwrap();
        connection
            .execute_batch("pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (n integer primary key, data blob);")
            .unwrap();
        Writer::start(connection).unwrap()
    }

    #[tokio::test]
    async fn busy_writer_keeps_its_log_short() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let writer = start_writer(&path);
        write_steps(&writer, 500).await;
        let pages = read_log_pages(&path);
        assert!(pages < 2 * CHECKPOINT_PAGES, "the log has {pages} pages");
    }

    #[tokio::test]
    async fn log_is_short_again_after_a_long_transaction_of_another_program() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let writer = start_writer(&path);
        write_steps(&writer, 1).await;
        let other = Connection::open(&path).unwrap();
        other.execute_batch("begin; select count(*) from t").unwrap();
        write_steps(&writer, 200).await;
        assert!(read_log_pages(&path) > 200 * PAGES_OF_STEP as i32);
        other.execute_batch("commit").unwrap();
        write_steps(&writer, 100).await;
        let pages = read_log_pages(&path);
        assert!(pages < 2 * CHECKPOINT_PAGES, "the log has {pages} pages");
    }

    #[test]
    fn log_too_long_for_the_time_between_two_commits_is_copied_beside_them() {
        let folder = tempfile::tempdir().unwrap();
        let connection = Connection::open(folder.path().join("test.db")).unwrap();
        let prepare = "pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (data blob);";
        connection.execute_batch(prepare).unwrap();
        let write_pages = |pages: i32| {
            connection.execute("insert into t values (zeroblob($1))", [i64::from(pages) * 4096]).unwrap();
        };
        let mut checkpoints = LogCheckpoints::default();
        write_pages(CHECKPOINT_PAGES);
        checkpoints.copy_if_due(&connection).unwrap();
        assert!(checkpoints.helper.is_none(), "little is copied between two commits");
        write_pages(2 * MOST_PAGES);
        checkpoints.copy_if_due(&connection).unwrap();
        let helper = checkpoints.helper.take().expect("much is copied by a second thread");
        helper.join().unwrap().unwrap();
        let log = run_checkpoint(&connection, "noop").unwrap();
        assert_eq!(log.copied, log.pages);
        // On a disk that is too slow for both, commits wait.
        checkpoints.rounds = MOST_ROUNDS;
        write_pages(2 * MOST_PAGES);
        checkpoints.copy_if_due(&connection).unwrap();
        assert!(checkpoints.helper.is_none());
        let log = run_checkpoint(&connection, "noop").unwrap();
        assert_eq!(log.copied, log.pages);
    }
}
