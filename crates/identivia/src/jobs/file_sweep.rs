//! The file sweep: removes files that no record names. It runs at the start, every ten minutes, and after a failed upload.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::claim::{ClaimedJob, JobColumns};
use super::queue::{JobError, JobKind, JobLimits, JobOutcome, JobQueue};
use crate::clock::Clock;
use crate::files::sweep_requests::SweepRequest;
use crate::files::{Files, FilesError};
use crate::records::RecordKind;
use crate::records::file_intent::FileIntent;
use crate::records::time::Millis;
use crate::store::Store;

/// How often the intents of old uploads are marked for removal.
const MARK_INTERVAL: Duration = Duration::from_secs(600);
/// The longest upload, in seconds: an older intent belongs to none that is under way.
const MAX_UPLOAD_SECONDS: i64 = 3_600;

/// Which intents the sweep at the start treats as left over.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum SweepAtStart {
    /// All of them, because no other server writes here.
    All,
    /// Only those older than the longest upload, because another server may have uploads under way.
    Old,
}

/// Removes the files of intents that are marked for removal.
pub struct FileSweep {
    files: Arc<Files>,
    intents: Arc<dyn Store>,
    clock: Clock,
    last_mark: Mutex<Instant>,
    removed_files: AtomicUsize,
}

/// Removes what an earlier process has left, before the first request, and sweeps from then on. Files within records need
/// no sweep: then there is no queue.
pub async fn start_file_sweep(files: &Arc<Files>, at_start: SweepAtStart) -> Option<Arc<JobQueue<FileSweep>>> {
    let queue = FileSweep::open_queue(files)?;
    if let Err(error) = sweep_at_start(&queue, at_start).await {
        tracing::warn!(%error, "could not remove unreferenced files at the start; the sweep tries again");
    }
    queue.start_for_ever();
    Some(queue)
}

async fn sweep_at_start(queue: &JobQueue<FileSweep>, at_start: SweepAtStart) -> Result<(), JobError> {
    let sweep = queue.kind();
    match at_start {
        SweepAtStart::All => sweep.intents.mark_old_for_removal(Millis(i64::MAX)).await?,
        SweepAtStart::Old => sweep.mark_old_uploads().await?,
    }
    while queue.run_next().await? {}
    let removed = sweep.removed_files.load(Ordering::Relaxed);
    if removed > 0 {
        tracing::info!(files = removed, "removed the files of unfinished uploads");
    }
    Ok(())
}

impl FileSweep {
    fn open_queue(files: &Arc<Files>) -> Option<Arc<JobQueue<Self>>> {
        let (intents, clock) = (files.intents()?.clone(), files.clock().clone());
        let sweep = Self {
            files: files.clone(),
            intents: intents.clone(),
            clock: clock.clone(),
            last_mark: Mutex::new(Instant::now()),
            removed_files: AtomicUsize::new(0),
        };
        Some(JobQueue::new(sweep, intents, clock))
    }

    async fn mark_old_uploads(&self) -> Result<(), JobError> {
        let before = self.clock.now().plus_seconds(-MAX_UPLOAD_SECONDS);
        Ok(self.intents.mark_old_for_removal(before).await?)
    }

    /// Handles all waiting requests. Failed ones wait for the next try.
    async fn handle_requests(&self) -> Result<(), JobError> {
        let requests = self.files.sweep_requests();
        let (mut failed, mut failure) = (Vec::new(), None);
        for request in requests.take_requests() {
            let outcome = match &request {
                SweepRequest::RemoveFiles(intent) => self.remove_now(intent).await,
                SweepRequest::MarkForRemoval(mark) => {
                    self.intents.mark_for_removal(mark).await.map_err(FilesError::from)
                }
            };
            if let Err(error) = outcome {
                failure = Some(error);
                failed.push(request);
            }
        }
        requests.return_requests(failed);
        failure.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Removes an upload's files first and its intent then: on a full disk the database cannot be written before there is
    /// room. Where more of the upload may arrive the intent stays, and once it is old the sweep removes the rest.
    async fn remove_now(&self, intent: &FileIntent) -> Result<(), FilesError> {
        // In a store of other records these files are not, and theirs would be forgotten.
        self.files.check_marker().await?;
        self.files.backend().remove_files(intent).await?;
        if self.files.backend().may_arrive_late() {
            return Ok(());
        }
        Ok(self.intents.forget_intents(std::slice::from_ref(&intent.mark)).await?)
    }

    /// Says whether it is time to mark the intents of old uploads, and if so starts the next interval.
    fn begin_mark_interval(&self) -> bool {
        let mut last = self.last_mark.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = last.elapsed() >= MARK_INTERVAL;
        if is_due {
            *last = Instant::now();
        }
        is_due
    }
}

#[async_trait]
impl JobKind for FileSweep {
    type JobRecord = FileIntent;

    const NAME: &'static str = "file_sweep";
    const COLUMNS: JobColumns =
        JobColumns { kind: RecordKind::FileIntents, due: "removable_from", attempts: None, open_word: None };

    fn limits(&self) -> JobLimits {
        JobLimits {
            workers: 1,
            lease_seconds: 60,
            // Files must go in the end, so the sweep never gives up.
            max_attempts: u32::MAX,
            postpone_seconds: 60,
            poll_interval: Duration::from_secs(10),
            pause_after_failure: Duration::from_secs(10),
        }
    }

    fn wake_signal(&self) -> &Notify {
        self.files.sweep_requests().wake_signal()
    }

    async fn prepare_jobs(&self) -> Result<(), JobError> {
        let handled = self.handle_requests().await;
        if self.begin_mark_interval() {
            self.mark_old_uploads().await?;
        }
        handled
    }

    /// Removes the files of an intent, then the intent.
    async fn run_job(&self, job: &ClaimedJob<FileIntent>) -> Result<JobOutcome, JobError> {
        self.files.check_marker().await?;
        let hold_until = self.intents.known_file_store().await?.map_or(Millis(0), |known| known.hold_until);
        if hold_until > self.clock.now() {
            // A backup copies the files that records named when it began.
            return Ok(JobOutcome::RunAgain(hold_until));
        }
        let removed = self.files.backend().remove_files(&job.record).await?;
        self.removed_files.fetch_add(removed, Ordering::Relaxed);
        self.intents.forget_intents(std::slice::from_ref(&job.record.mark)).await?;
        Ok(JobOutcome::Settled)
    }

    async fn give_up(&self, _: &ClaimedJob<FileIntent>) -> Result<JobOutcome, JobError> {
        Ok(JobOutcome::Settled)
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::domain::media::Media;
    use crate::files::StoredPath;
    use crate::files::folder::FileFolder;
    use crate::files::upload::Upload;
    use crate::records::id::RecordId;
    use crate::store::Collection;
    use crate::store::sqlite::Sqlite;
    use crate::work::cpu_ledger::CpuLedger;

    fn open_sweep(folder: &TempDir, store: Arc<dyn Store>, clock: Clock) -> Arc<JobQueue<FileSweep>> {
        let backend = FileFolder::open(&folder.path().join("files")).unwrap();
        let files = Files::new(Arc::new(backend), Some(store), folder.path(), clock.clone(), CpuLedger::new(clock, 1));
        FileSweep::open_queue(&files).unwrap()
    }

    /// A file of an upload under way, which ends when the upload is dropped.
    async fn begin_upload(sweep: &JobQueue<FileSweep>, folder: &TempDir) -> (Upload, PathBuf) {
        let record = RecordId::random();
        let mut upload = Upload::new(sweep.kind().files.clone(), Collection::Profiles, record);
        let (_, name) = upload.create_file("a.png", Media::Png).await.unwrap();
        let path = StoredPath { collection: Collection::Profiles, record, name };
        (upload, folder.path().join("files").join(path.relative_path()))
    }

    async fn sweep_old_uploads(sweep: &JobQueue<FileSweep>) {
        sweep.kind().mark_old_uploads().await.unwrap();
        while sweep.run_next().await.unwrap() {}
    }

    #[tokio::test]
    async fn interval_sweep_removes_uploads_that_are_too_old_to_be_under_way() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
        let clock = Clock::default();
        let sweep = open_sweep(&folder, store, clock.clone());
        let (_upload, file) = begin_upload(&sweep, &folder).await;
        clock.advance(MAX_UPLOAD_SECONDS - 60);
        sweep_old_uploads(&sweep).await;
        assert!(file.exists(), "still under way");
        clock.advance(120);
        sweep_old_uploads(&sweep).await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn start_removes_the_uploads_of_the_process_before() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
        let earlier = open_sweep(&folder, store.clone(), Clock::default());
        let (_upload, file) = begin_upload(&earlier, &folder).await;
        let next = open_sweep(&folder, store, Clock::default());
        sweep_at_start(&next, SweepAtStart::Old).await.unwrap();
        assert!(file.exists(), "another server may have it under way");
        sweep_at_start(&next, SweepAtStart::All).await.unwrap();
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn failed_upload_is_removed_with_its_intent() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
        let sweep = open_sweep(&folder, store.clone(), Clock::default());
        let (upload, file) = begin_upload(&sweep, &folder).await;
        drop(upload);
        assert!(!sweep.run_next().await.unwrap(), "the request is handled before jobs are claimed");
        assert!(!file.exists());
        let left: Vec<FileIntent> =
            store.read_all(crate::store::Query::of_kind(RecordKind::FileIntents)).await.unwrap();
        assert!(left.is_empty());
    }
}
