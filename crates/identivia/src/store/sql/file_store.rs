//! The statements about the file store that belongs to a database.

use super::{SqlRow, SqlValue, unreadable_row};
use crate::records::time::Millis;
use crate::store::{FileStoreChange, KnownFileStore, Result};

pub(super) const SELECT_FILE_STORE: &str = "select marker, confirmed, hold_until from file_store where name = 'files'";

/// The statement of a change, with its value.
pub(super) fn change_statement(change: FileStoreChange) -> (&'static str, SqlValue<'static>) {
    match change {
        FileStoreChange::Propose(marker) => (
            "insert into file_store (name, marker, confirmed, hold_until) values ('files', $1, 0, 0) on conflict do nothing \
             returning confirmed",
            SqlValue::from_text(marker),
        ),
        FileStoreChange::Confirm(marker) => (
            "update file_store set marker = $1, confirmed = 1 where name = 'files' returning confirmed",
            SqlValue::from_text(marker),
        ),
        FileStoreChange::HoldUntil(until) => (
            "update file_store set hold_until = $1 where name = 'files' and hold_until < $1 returning confirmed",
            SqlValue::Number(until.0),
        ),
    }
}

/// Reads a row of [`SELECT_FILE_STORE`].
pub(super) fn read_known_store(row: &dyn SqlRow) -> Result<KnownFileStore> {
    Ok(KnownFileStore {
        marker: row.text_at(0)?.ok_or_else(|| unreadable_row("marker"))?.to_owned(),
        is_confirmed: row.number_at(1)? == Some(1),
        hold_until: Millis(row.number_at(2)?.unwrap_or_default()),
    })
}
