//! Reads how far a database in a data folder has been migrated, and changes nothing.

use std::fs::OpenOptions;
use std::path::Path;

use anyhow::Context as _;
use rusqlite::OpenFlags;

use super::{FILE_NAME, open_connection, read_applied_migrations};
use crate::store::SchemaState;
use crate::store::sql::{Migration, refuse_newer_migrations};

/// Says what a start would do to the database.
///
/// # Errors
/// When a start would refuse it: it cannot be written, or is no database of this or an older version.
pub fn inspect_database(data_dir: &Path) -> anyhow::Result<SchemaState> {
    let path = data_dir.join(FILE_NAME);
    if !path.try_exists()? {
        return Ok(SchemaState::Missing);
    }
    OpenOptions::new().append(true).open(&path)?;
    let connection = open_connection(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let tables: i64 = connection
        .query_row("select count(*) from sqlite_schema", [], |row| row.get(0))
        .context("it is no database of this program")?;
    if tables == 0 {
        return Ok(SchemaState::Missing);
    }
    let applied = read_applied_migrations(&connection).context("it holds no records of this program")?;
    let migrations = Migration::list_for_sqlite();
    refuse_newer_migrations(&applied, &migrations)?;
    Ok(SchemaState::of_counts(applied.len(), migrations.len()))
}
