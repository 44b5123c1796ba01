//! Copies a database file while a server writes to it: SQLite's online backup, in small steps, within one read transaction.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::{open_connection, read_applied_migrations};
use crate::store::sql::Migration;

/// Pages of one step: 1 MiB with SQLite's 4 KiB.
const STEP_PAGES: i32 = 256;
/// The least pause between two steps, so that the disk serves the server's writes.
const LEAST_PAUSE: Duration = Duration::from_millis(2);
/// How many copies from before migrations are kept.
const KEPT_COPIES: usize = 2;

/// Whether a copy leaves time for others.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum CopyPace {
    /// It syncs each step, then pauses for as long as the step took. A whole file synced at the end would keep the disk busy for
    /// so long that each of the server's commits waits for it.
    Considerate,
    /// No server uses the database.
    Fast,
}

/// Copies the database `source` to the new file `target`, and checks the copy. Its state is the one at the beginning: the
/// read transaction keeps it, so writes of a server meanwhile neither appear nor begin the copy anew. `report_pages` is
/// given how many pages each step has copied, and how many there are.
///
/// # Errors
/// When the source cannot be read, the target cannot be written, or the copy is damaged.
pub fn copy_database(
    source: &Path,
    target: &Path,
    pace: CopyPace,
    mut report_pages: impl FnMut(usize, usize),
) -> anyhow::Result<()> {
    let from = open_connection(source, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let snapshot = from.unchecked_transaction()?;
    // A transaction reads the state at its first statement.
    snapshot.query_row("select count(*) from migrations", [], |_| Ok(()))?;
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    let written = File::open(target)?;
    let mut to = Connection::open_with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // Synced below, step by step and at the end.
    to.pragma_update(None, "synchronous", "off")?;
    {
        let backup = Backup::new(&snapshot, &mut to)?;
        let mut last_remaining = None;
        loop {
            let begun = Instant::now();
            let result = backup.step(STEP_PAGES)?;
            let (total, remaining) = (backup.progress().pagecount, backup.progress().remaining);
            let copied = last_remaining.unwrap_or(total) - remaining;
            report_pages(usize::try_from(copied).unwrap_or(0), usize::try_from(total).unwrap_or(0));
            last_remaining = Some(remaining);
            if result == StepResult::Done {
                break;
            }
            if pace == CopyPace::Considerate {
                written.sync_data()?;
                thread::sleep(begun.elapsed().max(LEAST_PAUSE));
            }
        }
    }
    drop(snapshot);
    // A copy is one file: with the journal mode of the original, each reader would add a log beside it.
    to.pragma_update(None, "journal_mode", "delete")?;
    let state: String = to.query_row("pragma quick_check(1)", [], |row| row.get(0))?;
    ensure!(state == "ok", "the copy of the database is damaged: {state}");
    to.close().map_err(|(_, error)| error)?;
    written.sync_all()?;
    Ok(())
}

/// Copies the database before migrations change it, and keeps the last two copies. A new database has nothing to lose.
pub(super) fn copy_before_migrations(path: &Path, connection: &Connection) -> anyhow::Result<()> {
    let Ok(applied) = read_applied_migrations(connection) else { return Ok(()) };
    let missing = Migration::list_for_sqlite().into_iter().find(|known| !applied.iter().any(|name| name == known.name));
    let (Some(missing), false) = (missing, applied.is_empty()) else { return Ok(()) };
    let copy = path.with_extension(format!("db.before-{}", missing.name));
    let staged = path.with_extension("db.before-new");
    let copying = || -> anyhow::Result<()> {
        remove_if_there(&staged)?;
        copy_database(path, &staged, CopyPace::Fast, |_, _| ())?;
        fs::rename(&staged, &copy)?;
        Ok(())
    };
    copying().with_context(|| format!("cannot copy it to {} before it is changed", copy.display()))?;
    tracing::info!(copy = %copy.display(), "copied the database before a migration");
    remove_old_copies(path)
}

fn remove_old_copies(path: &Path) -> anyhow::Result<()> {
    let prefix = format!("{}.before-", path.file_name().unwrap_or_default().to_string_lossy());
    let folder = path.parent().unwrap_or(Path::new("."));
    let mut copies: Vec<PathBuf> = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(&prefix) {
            copies.push(entry.path());
        }
    }
    // Migrations are numbered: the names are in the order of their making.
    copies.sort();
    for old in copies.iter().rev().skip(KEPT_COPIES) {
        remove_if_there(old)?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::Sqlite;

    #[test]
    fn database_is_copied_before_a_migration_and_two_copies_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identivia.db");
        drop(Sqlite::open(folder.path()).unwrap());
        let copies = || {
            let names =
                fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
            let mut names: Vec<String> = names.filter(|name| name.contains(".before-")).collect();
            names.sort();
            names
        };
        assert_eq!(copies(), [""; 0], "a new database is not copied");
        for name in ["0000_a", "0000_b", "0000_c"] {
            fs::write(folder.path().join(format!("identivia.db.before-{name}")), "").unwrap();
        }
        let connection = open_connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        connection.execute("delete from migrations where name = '0010_file_store'", []).unwrap();
        connection.execute("drop table file_store", []).unwrap();
        drop(connection);
        drop(Sqlite::open(folder.path()).unwrap());
        assert_eq!(copies(), ["identivia.db.before-0000_c", "identivia.db.before-0010_file_store"]);
        let copy = open_connection(&folder.path().join(&copies()[1]), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        assert!(!read_applied_migrations(&copy).unwrap().contains(&"0010_file_store".to_owned()));
        drop(Sqlite::open(folder.path()).unwrap());
        assert_eq!(copies().len(), 2);
    }

    #[test]
    fn copy_holds_the_state_at_its_beginning_and_is_not_begun_anew_by_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("identivia.db");
        drop(Sqlite::open(folder.path()).unwrap());
        let writer = open_connection(&path, OpenFlags::SQLITE_OPEN_READ_WRITE).unwrap();
        writer
            .execute_batch("create table filler (text text); insert into filler select hex(randomblob(500000))")
            .unwrap();
        for _ in 0..3 {
            writer.execute("insert into filler select text from filler", []).unwrap();
        }
        let mut steps = 0;
        copy_database(&path, &folder.path().join("copy.db"), CopyPace::Considerate, |_, _| {
            steps += 1;
            writer.execute("insert into filler values ('written meanwhile')", []).unwrap();
        })
        .unwrap();
        assert!((5..200).contains(&steps), "{steps}");
        let copy = open_connection(&folder.path().join("copy.db"), OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap();
        let count = |sql: &str| copy.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
        assert_eq!(count("select count(*) from filler"), 8);
        assert_eq!(count("select count(*) from filler where text = 'written meanwhile'"), 0);
    }
}
