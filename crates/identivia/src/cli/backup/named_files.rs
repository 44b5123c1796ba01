//! The files that the records of a store name, page by page.

use anyhow::Context as _;

use crate::cli::copy::copied_record::CopiedRecord;
use crate::files::StoredPath;
use crate::records::file_intent::FileIntent;
use crate::records::{Collection, RecordKind};
use crate::store::{Order, Query, Store, parse_record};

/// Records read at once.
const RECORDS_AT_ONCE: usize = 200;

/// A file that a record names.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    pub(super) path: StoredPath,
    pub(super) field: &'static str,
}

/// Reads the records of a store that name files.
pub(super) struct NamedFiles<'a> {
    store: &'a dyn Store,
    collections: Vec<Collection>,
    after: Option<String>,
}

impl<'a> NamedFiles<'a> {
    /// All files that records of the store name.
    pub(super) fn of_store(store: &'a dyn Store) -> Self {
        Self { store, collections: Collection::ALL.to_vec(), after: None }
    }

    /// The files of the next records; `None` at the end.
    pub(super) async fn next_page(&mut self) -> anyhow::Result<Option<Vec<NamedFile>>> {
        let Some(collection) = self.collections.last().copied() else { return Ok(None) };
        let query = Query::of_kind(collection.kind()).ordered(Order::Oldest).limited(RECORDS_AT_ONCE);
        let page = self.store.read(Query { after: self.after.take(), ..query }).await?;
        match page.last() {
            Some(last) if page.len() == RECORDS_AT_ONCE => self.after = Some(last.cursor.clone()),
            _ => drop(self.collections.pop()),
        }
        let mut named = Vec::new();
        for stored in page {
            let record = CopiedRecord { kind: collection.kind(), fields: parse_record(&stored.json)? };
            let files_id = record.files_id().context("a record has an id of another form")?;
            named.extend(record.files().map(|(field, name)| {
                let path = StoredPath { collection, record: files_id, name: name.to_owned() };
                NamedFile { path, field }
            }));
        }
        Ok(Some(named))
    }
}

/// The files that were replaced and not removed yet.
pub(super) async fn list_replaced_files(store: &dyn Store) -> anyhow::Result<Vec<StoredPath>> {
    let intents: Vec<FileIntent> = store.read_all(Query::of_kind(RecordKind::FileIntents)).await?;
    let mut paths = Vec::new();
    for intent in intents {
        for name in intent.name.split('/').filter(|name| !name.is_empty()) {
            paths.push(StoredPath { collection: intent.collection, record: intent.record, name: name.to_owned() });
        }
    }
    Ok(paths)
}
