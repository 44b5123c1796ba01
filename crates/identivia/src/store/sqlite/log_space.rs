//! Gives the log's file its length before commits need it.
//!
//! A commit that makes the file longer waits until the file system has written that down, and everything else that it must write
//! first. A commit that overwrites waits for its own pages.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use rusqlite::Connection;

use super::checkpoint::KEPT_LOG_BYTES;

/// How much one commit adds: a third of a millisecond.
const PIECE_BYTES: usize = 1024 * 1024;
/// How many times the log's length must be free on the disk.
const FREE_LENGTHS: u64 = 16;

/// The file of a database's log.
pub(super) struct LogSpace {
    path: Option<PathBuf>,
    file: Option<File>,
    zeros: Vec<u8>,
}

impl LogSpace {
    pub(super) fn of_database(connection: &Connection) -> Self {
        let path = connection.path().filter(|path| !path.is_empty()).map(|path| PathBuf::from(format!("{path}-wal")));
        Self { path, file: None, zeros: Vec::new() }
    }

    /// Adds zeros behind the log. SQLite reads the log up to the first page that is not whole, and none of zeros is.
    ///
    /// Only within a writing transaction, before its first write: then nothing else writes to the log, in no process.
    pub(super) fn extend_if_short(&mut self) {
        if let Err(error) = self.add_piece() {
            // The log grows by its commits, as it does without this.
            tracing::debug!(%error, "the log's file cannot be extended");
            self.path = None;
        }
    }

    fn add_piece(&mut self) -> io::Result<()> {
        let Some(path) = &self.path else { return Ok(()) };
        let file = match &self.file {
            Some(file) => file,
            None => self.file.insert(File::options().write(true).open(path)?),
        };
        let wanted = KEPT_LOG_BYTES.unsigned_abs();
        let length = file.metadata()?.len();
        let piece = PIECE_BYTES.min(usize::try_from(wanted.saturating_sub(length)).unwrap_or(PIECE_BYTES));
        if piece == 0 {
            return Ok(());
        }
        let disk = rustix::fs::fstatvfs(file)?;
        if disk.f_bavail * disk.f_frsize < FREE_LENGTHS * wanted {
            return Ok(());
        }
        self.zeros.resize(piece, 0);
        file.write_all_at(&self.zeros, length)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::writer::Writer;
    use super::*;
    use crate::store::sql::{StepEnd, StepUndo};

    const STEPS: i64 = 200;

    #[tokio::test]
    async fn log_is_extended_and_a_copy_of_both_files_has_every_row() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("test.db");
        let connection = Connection::open(&path).unwrap();
        let prepare = "pragma journal_mode = wal; pragma wal_autocheckpoint = 0; create table t (data blob);";
        connection.execute_batch(prepare).unwrap();
        let writer = Writer::start(connection).unwrap();
        for _ in 0..STEPS {
            // Twenty pages: after fifty steps the log is copied for the first time.
            let insert = |connection: &mut Connection| {
                let inserted = connection.execute("insert into t values (zeroblob(80000))", []);
                Ok(StepEnd::Commit(inserted.unwrap()))
            };
            writer.write(StepUndo::Unneeded, insert).await.unwrap();
        }
        let log = folder.path().join("test.db-wal");
        assert_eq!(log.metadata().unwrap().len(), KEPT_LOG_BYTES.unsigned_abs(), "not extended");
        // What a power cut leaves: zeros behind the log.
        let copy = folder.path().join("copy.db");
        std::fs::copy(&path, &copy).unwrap();
        std::fs::copy(&log, folder.path().join("copy.db-wal")).unwrap();
        let rows: i64 =
            Connection::open(copy).unwrap().query_row("select count(*) from t", [], |row| row.get(0)).unwrap();
        assert_eq!(rows, STEPS);
    }
}
