//! The comparison of two stores: every record by its columns, every file by its SHA-256, read back from both sides.

use std::collections::{HashMap, HashSet};

use anyhow::Context as _;
use aws_lc_rs::digest;
use futures_util::{StreamExt as _, future};

use super::copied_record::{CopiedRecord, list_keys, read_records};
use super::open_stores::CopySource;
use super::report::CopyReport;
use super::{ListedKeys, PAGE, Progress, read_in_order};
use crate::files::{FileBackend, FilesError, StoredPath};
use crate::records::id::RecordId;
use crate::records::{Collection, RecordKind};

pub(super) struct CopyComparison<'a> {
    pub(super) source: &'a CopySource,
    pub(super) target: &'a CopySource,
    /// Whether files go by the same names on both sides.
    pub(super) same_names: bool,
    pub(super) progress: &'a Progress,
}

/// The files of one record: its collection, its id, and the names of one file on either side.
struct FilePair<'a> {
    collection: Collection,
    id: RecordId,
    names: [&'a str; 2],
}

impl CopyComparison<'_> {
    /// Compares the records that were listed, and tells of any that only the target has.
    pub(super) async fn compare(&self, listed: &ListedKeys, report: &mut CopyReport) -> anyhow::Result<()> {
        for (kind, ids) in listed {
            self.progress.begin_step(&format!("comparing {}", kind.name()), ids.len());
            self.count_keys(*kind, ids, report).await?;
            let filled_in = self.target.store.self_set_fields(*kind).await.context("--to")?;
            report.note_self_set_fields(*kind, &filled_in);
            for page in ids.chunks(PAGE) {
                self.compare_page(*kind, page, &filled_in, report).await?;
            }
        }
        self.progress.clear_bar();
        Ok(())
    }

    async fn count_keys(&self, kind: RecordKind, ids: &[String], report: &mut CopyReport) -> anyhow::Result<()> {
        let there = list_keys(&*self.target.store, kind).await.context("--to")?;
        let listed: HashSet<&String> = ids.iter().collect();
        let tally = report.tally(kind);
        tally.source = ids.len();
        tally.target = there.len();
        tally.only_there = there.iter().filter(|id| !listed.contains(id)).count();
        Ok(())
    }

    async fn compare_page(
        &self,
        kind: RecordKind,
        ids: &[String],
        filled_in: &[&str],
        report: &mut CopyReport,
    ) -> anyhow::Result<()> {
        let ours = read_in_order(&*self.source.store, kind, ids).await.context("--from")?;
        let theirs = read_records(&*self.target.store, kind, ids).await.context("--to")?;
        let theirs: HashMap<&str, &CopiedRecord> = theirs.iter().map(|record| (record.key(), record)).collect();
        for record in &ours {
            self.progress.add_records(1);
            let Some(other) = theirs.get(record.key()) else {
                report.note_missing(kind, record.key());
                report.count_missing_files(record.files().count());
                continue;
            };
            let mut differing = record.differences(other, self.same_names);
            differing.retain(|column| !filled_in.contains(column));
            self.compare_files(record, other, &mut differing, report).await?;
            report.note_differences(kind, record.key(), &differing);
        }
        Ok(())
    }

    async fn compare_files(
        &self,
        record: &CopiedRecord,
        other: &CopiedRecord,
        differing: &mut Vec<&'static str>,
        report: &mut CopyReport,
    ) -> anyhow::Result<()> {
        let (Some(collection), Some(id)) = (record.collection(), record.files_id()) else {
            return Ok(());
        };
        for (column, name) in record.files() {
            let pair = FilePair { collection, id, names: [name, other.text(column)] };
            let hashes = self.hash_both_files(&pair).await?;
            match hashes {
                [Some((bytes, ours)), Some((_, theirs))] if ours == theirs => report.count_same_file(bytes),
                _ => {
                    report.count_missing_files(1);
                    if !differing.contains(&column) {
                        differing.push(column);
                    }
                }
            }
        }
        Ok(())
    }

    async fn hash_both_files(&self, pair: &FilePair<'_>) -> anyhow::Result<[Option<(u64, Vec<u8>)>; 2]> {
        let [ours, theirs] =
            pair.names.map(|name| StoredPath { collection: pair.collection, record: pair.id, name: name.to_owned() });
        let (ours, theirs) =
            future::join(self.hash_file(&*self.source.backend, &ours), self.hash_file(&*self.target.backend, &theirs))
                .await;
        Ok([ours.context("--from")?, theirs.context("--to")?])
    }

    /// A file's length and hash; `None` when it is not there.
    async fn hash_file(&self, backend: &dyn FileBackend, path: &StoredPath) -> anyhow::Result<Option<(u64, Vec<u8>)>> {
        if path.name.is_empty() {
            return Ok(None);
        }
        let mut opened = match backend.open_file(path).await {
            Ok(opened) => opened,
            Err(FilesError::Gone) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut context = digest::Context::new(&digest::SHA256);
        while let Some(piece) = opened.chunks.next().await {
            let piece = piece?;
            context.update(&piece);
            self.progress.add_bytes(piece.len() as u64);
        }
        Ok(Some((opened.length, context.finish().as_ref().to_vec())))
    }
}
