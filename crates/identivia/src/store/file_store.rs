//! What the database knows of the file store that belongs to its records: its marker, and until when no file is removed.

use crate::records::time::Millis;

/// The file store that belongs to the records of a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KnownFileStore {
    /// A random id, which the file store holds too.
    pub marker: String,
    /// Whether the marker has been written to the file store.
    pub is_confirmed: bool,
    /// Until then no file is removed, because a backup copies files.
    pub hold_until: Millis,
}

/// A change of what the database knows of its file store.
#[derive(Clone, Debug)]
pub enum FileStoreChange {
    /// Adds a marker, unless the database knows one.
    Propose(String),
    /// Sets the marker, which the file store holds.
    Confirm(String),
    /// Keeps every file until then, and no shorter than before.
    HoldUntil(Millis),
}
