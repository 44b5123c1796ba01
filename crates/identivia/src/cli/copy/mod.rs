//! `identivia copy`: copies every record and file from one store to another, then compares both sides.
//!
//! The source is only read. Its records are listed first, those that name others before those that are named, so that
//! what a server adds meanwhile is left out as a whole. The target is asked which of them it has; the rest goes over in
//! the order of its making, each record with its files in one step. So after an interruption the next copy goes on there.
//! Nothing that is there is ever changed.

mod check;
pub mod command;
pub(in crate::cli) mod copied_record;
mod open_stores;
mod report;

use std::collections::{HashMap, HashSet};

use anyhow::{Context as _, anyhow, bail};
use futures_util::StreamExt as _;

use crate::domain::media;
use crate::files::picture::StorableFile;
use crate::files::upload::Upload;
use crate::files::{FilesError, StoredPath};
use crate::records::id::RecordId;
use crate::records::{Collection, RecordKind};
use crate::store::{Store, StoreError, UploadedFiles, WriteOutcome};
use check::CopyComparison;
use copied_record::{CopiedRecord, add_records, list_keys, read_records};
use open_stores::{CopySource, CopyTarget};

use crate::cli::progress::Progress;
pub use open_stores::StoreAddress;
pub use report::CopyReport;

/// Records read, and where they have no files added, at once.
const PAGE: usize = 100;
/// Records added at once. One with its profile makes two changes, and PocketBase makes at most 50 at once.
const ADDED_AT_ONCE: usize = 25;

/// What is to be done.
pub struct CopyJob {
    pub from: StoreAddress,
    pub to: StoreAddress,
    /// Copy nothing.
    pub only_check: bool,
}

/// The ids of a kind's records, in the order of their making.
type ListedKeys = Vec<(RecordKind, Vec<String>)>;

/// Copies and compares, and reports what came of it.
///
/// # Errors
/// When a side cannot be opened, or fails on the way: one line. What was copied by then stays.
pub async fn run(job: &CopyJob, progress: &Progress) -> anyhow::Result<CopyReport> {
    if job.from.has_records_of(&job.to) {
        bail!("--from and --to name the same store");
    }
    let source = job.from.open_to_read().await.context("--from")?;
    let both_are_sql = job.from.is_sql() && job.to.is_sql();
    let listed = list_records(&*source.store, both_are_sql).await.context("--from")?;
    let mut report = CopyReport::default();
    if job.from.is_sql() && !both_are_sql {
        note_records_left_behind(&*source.store, &mut report).await.context("--from")?;
    }
    let same_names = job.from.keeps_names() && job.to.keeps_names();
    if job.only_check {
        let target = job.to.open_to_read().await.context("--to")?;
        let comparison = CopyComparison { source: &source, target: &target, same_names, progress };
        comparison.compare(&listed, &mut report).await?;
        return Ok(report);
    }
    let target = job.to.open().await.context("--to")?;
    let files_stay = job.from.has_files_of(&job.to);
    let mut copy = RunningCopy { source, target, keeps_names: job.to.keeps_names(), files_stay, progress, report };
    for (kind, ids) in &listed {
        copy.copy_kind(*kind, ids).await.context("what was copied stays; run the same command again to go on")?;
    }
    let RunningCopy { source, target, mut report, .. } = copy;
    let written = CopySource { store: target.store.clone(), backend: target.backend.clone() };
    let comparison = CopyComparison { source: &source, target: &written, same_names, progress };
    comparison.compare(&listed, &mut report).await?;
    Ok(report)
}

async fn list_records(store: &dyn Store, both_are_sql: bool) -> Result<ListedKeys, StoreError> {
    let more = if both_are_sql { &RecordKind::COPIED_BETWEEN_SQL[..] } else { &[] };
    let mut listed = Vec::new();
    for kind in RecordKind::COPIED.iter().chain(more).rev() {
        listed.push((*kind, list_keys(store, *kind).await?));
    }
    listed.reverse();
    Ok(listed)
}

/// Says how many records the target has no place for.
async fn note_records_left_behind(store: &dyn Store, report: &mut CopyReport) -> Result<(), StoreError> {
    for kind in RecordKind::COPIED_BETWEEN_SQL {
        report.note_left_behind(kind, list_keys(store, kind).await?.len());
    }
    Ok(())
}

/// Some records of an archive, in the order of their ids.
async fn read_in_order(store: &dyn Store, kind: RecordKind, ids: &[String]) -> Result<Vec<CopiedRecord>, StoreError> {
    let found = read_records(store, kind, ids).await?;
    let mut found: HashMap<String, CopiedRecord> =
        found.into_iter().map(|record| (record.key().to_owned(), record)).collect();
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

/// Why a record did not go over.
enum CopyFault {
    /// It is this record's own: the others may do.
    Record(String),
    /// Nothing more can be done now.
    Stop(anyhow::Error),
}

impl CopyFault {
    fn from_store_error(error: StoreError) -> Self {
        match error {
            StoreError::Refused(why) | StoreError::Failed(why) => Self::Record(why),
            StoreError::Busy => Self::Stop(anyhow!(
                "--to: it is busy, maybe with the removal of what an interrupted copy had left; try again in a minute"
            )),
            error => Self::Stop(anyhow!(error).context("--to")),
        }
    }

    fn from_file_error(error: FilesError, record: &CopiedRecord, column: &str) -> Self {
        match error {
            FilesError::Store(error) => Self::from_store_error(error),
            error => {
                let place = format!("--to: {column} of {} {}", record.kind.name(), record.key());
                Self::Stop(anyhow!(error).context(place))
            }
        }
    }
}

struct RunningCopy<'a> {
    source: CopySource,
    target: CopyTarget,
    /// Whether files go by the names they come with.
    keeps_names: bool,
    /// Whether both sides share one folder of files.
    files_stay: bool,
    progress: &'a Progress,
    report: CopyReport,
}

impl RunningCopy<'_> {
    async fn copy_kind(&mut self, kind: RecordKind, ids: &[String]) -> anyhow::Result<()> {
        let there: HashSet<String> = list_keys(&*self.target.store, kind).await.context("--to")?.into_iter().collect();
        let missing: Vec<String> = ids.iter().filter(|id| !there.contains(*id)).cloned().collect();
        self.report.tally(kind).there = ids.len() - missing.len();
        self.progress.begin_step(&format!("copying {}", kind.name()), missing.len());
        for page in missing.chunks(PAGE) {
            let records = read_in_order(&*self.source.store, kind, page).await.context("--from")?;
            self.copy_page(records).await?;
        }
        Ok(())
    }

    async fn copy_page(&mut self, records: Vec<CopiedRecord>) -> anyhow::Result<()> {
        let mut together = Vec::new();
        for record in records {
            if let Some(why) = self.find_unfit_reason(&record) {
                self.count_outcome(&record, Err(CopyFault::Record(why))).await?;
            } else if self.files_stay || record.files().next().is_none() {
                together.push(record);
            } else {
                self.add_without_files(std::mem::take(&mut together)).await?;
                let outcome = self.copy_with_files(&record).await;
                self.count_outcome(&record, outcome).await?;
            }
        }
        self.add_without_files(together).await
    }

    /// Why a record cannot be kept in the target, if it cannot.
    fn find_unfit_reason(&self, record: &CopiedRecord) -> Option<String> {
        if record.kind.has_record_ids() && RecordId::parse(record.key()).is_none() {
            return Some("its id is not one of this program's".to_owned());
        }
        let misnamed = record.files().find(|(_, name)| self.keeps_names && !media::is_stored_name(name));
        misnamed.map(|(column, _)| format!("the name of its {column} is not one under which files are kept there"))
    }

    /// Keeps records without files: several at once or, where one of them hinders that, one by one.
    async fn add_without_files(&mut self, records: Vec<CopiedRecord>) -> anyhow::Result<()> {
        for records in records.chunks(ADDED_AT_ONCE) {
            if let Ok(true) = add_records(&*self.target.store, records, UploadedFiles::default()).await {
                for record in records {
                    self.count_outcome(record, Ok(true)).await?;
                }
                continue;
            }
            for record in records {
                let alone = std::slice::from_ref(record);
                let added = add_records(&*self.target.store, alone, UploadedFiles::default()).await;
                self.count_outcome(record, added.map_err(CopyFault::from_store_error)).await?;
            }
        }
        Ok(())
    }

    /// Takes a record over with its files.
    async fn copy_with_files(&self, record: &CopiedRecord) -> Result<bool, CopyFault> {
        let (Some(collection), Some(id)) = (record.collection(), record.files_id()) else {
            return Err(CopyFault::Record("it cannot have files".to_owned()));
        };
        let names: Vec<&str> = record.files().map(|(_, name)| name).collect();
        let mut upload = Upload::with_stored_names(self.target.files.clone(), collection, id, &names);
        for (column, name) in record.files() {
            self.copy_file(&mut upload, record, (collection, id), (column, name)).await?;
        }
        let keep = |files| async {
            let added = add_records(&*self.target.store, std::slice::from_ref(record), files).await?;
            // Undone, so that the intent of its files stays until they are gone.
            if added {
                Ok(WriteOutcome::Ok(true))
            } else {
                Err(StoreError::Refused("another record is in its way".to_owned()))
            }
        };
        match upload.commit_with(keep).await {
            Ok(added) => Ok(added.unwrap_or_default()),
            Err(error) => Err(CopyFault::from_file_error(error, record, "the files")),
        }
    }

    async fn copy_file(
        &self,
        upload: &mut Upload,
        record: &CopiedRecord,
        (collection, id): (Collection, RecordId),
        (column, name): (&str, &str),
    ) -> Result<(), CopyFault> {
        let written = |error| CopyFault::from_file_error(error, record, column);
        let broken = |error: FilesError| match error {
            FilesError::Gone => CopyFault::Record(format!("its {column} is not there")),
            error => CopyFault::Stop(anyhow!(error).context("--from")),
        };
        let path = StoredPath { collection, record: id, name: name.to_owned() };
        let mut opened = self.source.backend.open_file(&path).await.map_err(broken)?;
        let mut writing = upload.create_named_file(name).await.map_err(written)?;
        while let Some(piece) = opened.chunks.next().await {
            let piece = piece.map_err(|error| CopyFault::Stop(anyhow!(error).context("--from")))?;
            writing.write_bytes(&piece).await.map_err(written)?;
            self.progress.add_bytes(piece.len() as u64);
        }
        if writing.length != opened.length {
            return Err(CopyFault::Stop(anyhow!("--from: a file ended before its end")));
        }
        let file = writing.finish_file().await.map_err(written)?;
        upload.store_file(name, StorableFile::from_other_store(file)).await.map_err(written)
    }

    /// Counts what became of a record.
    async fn count_outcome(&mut self, record: &CopiedRecord, outcome: Result<bool, CopyFault>) -> anyhow::Result<()> {
        self.progress.add_records(1);
        match outcome {
            Ok(true) => self.report.tally(record.kind).copied += 1,
            Ok(false) if self.is_there(record).await? => self.report.tally(record.kind).there += 1,
            Ok(false) => {
                let unique = match record.kind {
                    RecordKind::Profiles => "another profile has its team and userID",
                    _ => "another record is in its way",
                };
                self.report.note_refused(record.kind, record.key(), unique);
            }
            Err(CopyFault::Record(why)) => self.report.note_refused(record.kind, record.key(), &why),
            Err(CopyFault::Stop(error)) => return Err(error),
        }
        Ok(())
    }

    /// An answer may have been lost on its way back, and the record been added all the same.
    async fn is_there(&self, record: &CopiedRecord) -> anyhow::Result<bool> {
        let found = read_records(&*self.target.store, record.kind, &[record.key().to_owned()]).await.context("--to")?;
        Ok(!found.is_empty())
    }
}
