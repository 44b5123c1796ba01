//! What an error of SQLite means for the caller of the store.

use rusqlite::ErrorCode;

use crate::store::StoreError;

/// The meaning of an SQLite error for the caller. Its text names tables and columns at most, never values.
pub(super) fn to_store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // A database that was open before cannot be opened again when file handles run out.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::SystemIoFailure) => StoreError::Broken,
        _ => StoreError::Failed(error.to_string()),
    }
}
