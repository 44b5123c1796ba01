//! Copies the log into the database between two commits, on the writer's thread.
//!
//! SQLite begins the log anew only when a commit finds all of it copied. A second thread beside a busy writer never gets
//! there: commits follow each other, the log grows, and each sync of a growing file waits for the file system's journal.

use rusqlite::{Connection, ErrorCode};

use super::error::to_store_error;
use crate::store::StoreError;

/// So many new pages are copied together: 4 MiB.
const CHECKPOINT_PAGES: i32 = 1_000;
/// The length from which the server warns that the log cannot be emptied: 64 MiB.
const LONG_LOG_PAGES: i32 = 16_384;
/// What stays of a long log's file once it has been emptied.
pub(super) const KEPT_LOG_BYTES: i64 = 64 * 1024 * 1024;

/// How much of the log has been copied.
#[derive(Default)]
pub(super) struct LogCheckpoints {
    /// The log's length at the last attempt.
    attempted_pages: i32,
    is_long: bool,
    has_copied: bool,
}

impl LogCheckpoints {
    /// Copies what the log holds if it has grown enough since the last time.
    ///
    /// # Errors
    /// `Broken` when the disk has failed: what a failed sync has lost does not come back with the next one.
    pub(super) fn copy_if_due(&mut self, connection: &Connection) -> Result<(), StoreError> {
        let pages = run_checkpoint(connection, "noop")?;
        if pages < self.attempted_pages {
            // The log has begun anew.
            self.attempted_pages = 0;
        }
        if pages - self.attempted_pages >= CHECKPOINT_PAGES {
            self.attempted_pages = pages;
            self.has_copied = true;
            run_checkpoint(connection, "passive")?;
        }
        self.report_length(pages);
        Ok(())
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

/// Runs a checkpoint of that mode and returns the log's length in pages. The mode `noop` copies nothing.
fn run_checkpoint(connection: &Connection, mode: &str) -> Result<i32, StoreError> {
    let run = || {
        let mut statement = connection.prepare_cached(&format!("pragma wal_checkpoint({mode})"))?;
        statement.query_row([], |row| row.get("log"))
    };
    match run() {
        // Another program copies the log at this moment.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) => Ok(0),
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
        run_checkpoint(&Connection::open(path).unwrap(), "noop").unwrap()
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
}
