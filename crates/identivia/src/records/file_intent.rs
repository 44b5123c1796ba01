//! The file intent: files that may be stored without a record to name them, because an upload is under way or they were
//! replaced. The sweeper removes the files of intents whose upload has failed.

use super::id::RecordId;
use super::time::Millis;
use super::{Collection, record};

record! {
    /// Files that may be stored without a record.
    pub struct FileIntent in FileIntents {
        /// Every stored name of the upload carries it.
        mark: String = Public Line [Column],
        collection: Collection = Public Line [],
        record: RecordId = Public Line [],
        /// Empty for every name that carries the mark; else names, with a slash between them.
        #[serde(default)]
        name: String = Media Paragraph [],
        /// From when on a sweeper may remove the files; `None` while the upload may still be recorded.
        #[serde(default)]
        removable_from: Option<Millis> = Public Time [Column],
        created: Millis = Public Time [Column],
    }
}
