//! Uploads: the files of one request, from the first byte to the commit that names them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::Files;
use super::backend::{StoreOutcome, StoredPath};
use super::error::FilesError;
use super::file_writer::FileWriter;
use super::picture::StorableFile;
use super::sweep_requests::SweepRequest;
use crate::domain::media::{self, Media};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Collection, FileIntent, StagedFile, Store, StoreError, UploadedFiles, WriteOutcome};
use crate::work::holder::WorkHolder;

/// The files of one request. Nothing is written before the first file.
pub struct Upload {
    pending: Arc<PendingUpload>,
    /// The number of files so far.
    count: usize,
    /// Files that will be stored within the record.
    staged: Vec<StagedFile>,
}

/// A copy of a stored file.
pub struct CopiedFile {
    /// Its stored name.
    pub name: String,
    /// The editing program that the copied picture still named: it was stored by another program.
    pub editor: Option<&'static str>,
}

/// The state of an upload, shared with its tasks. A task on a file goes on when the request is given up. When the last task
/// drops this, the sweep gets the files, unless a record names them.
struct PendingUpload {
    files: Arc<Files>,
    intent: FileIntent,
    state: AtomicU8,
}

/// What is known of the record that should name an upload's files.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum RecordState {
    /// Neither the intent nor a file is written.
    NotStarted,
    /// No record names the files: they can be removed at once.
    Unrecorded,
    /// The commit has started and not answered, so a record may name the files.
    Uncertain,
    /// A record names the files.
    Recorded,
}

impl PendingUpload {
    fn set_state(&self, state: RecordState) {
        self.state.store(state as u8, Ordering::Release);
    }

    fn stored_path(&self, name: &str) -> StoredPath {
        StoredPath { collection: self.intent.collection, record: self.intent.record, name: name.to_owned() }
    }
}

impl Drop for PendingUpload {
    fn drop(&mut self) {
        if self.files.intents.is_none() {
            return;
        }
        let state = *self.state.get_mut();
        if state == RecordState::Unrecorded as u8 {
            self.files.request_sweep(SweepRequest::RemoveFiles(self.intent.clone()));
        } else if state == RecordState::Uncertain as u8 {
            self.files.request_sweep(SweepRequest::MarkForRemoval(self.intent.mark.clone()));
        }
    }
}

impl Upload {
    /// Starts an upload for a record.
    #[must_use]
    pub fn new(files: Arc<Files>, collection: Collection, record: RecordId) -> Self {
        Self::with_intent(files, unopened_intent(media::upload_mark(), collection, record, String::new()))
    }

    /// Starts an upload of files that have their stored names already, for a record that does not exist yet. The intent's
    /// mark follows from the record, so that the next copy finds the intent of an interrupted one.
    #[must_use]
    pub fn with_stored_names(files: Arc<Files>, collection: Collection, record: RecordId, names: &[&str]) -> Self {
        let mark = format!("{}/{record}", collection.name());
        Self::with_intent(files, unopened_intent(mark, collection, record, names.join("/")))
    }

    fn with_intent(files: Arc<Files>, intent: FileIntent) -> Self {
        let state = AtomicU8::new(RecordState::NotStarted as u8);
        Self { pending: Arc::new(PendingUpload { files, intent, state }), count: 0, staged: Vec::new() }
    }

    /// Creates a file and returns it with its stored name.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn create_file(&mut self, client_name: &str, media: Media) -> Result<(FileWriter, String), FilesError> {
        let path = self.draw_stored_path(client_name, media).await?;
        let name = path.name.clone();
        let file = self.run_task(move |files| async move { files.backend.create_file(&path).await }).await?;
        Ok((FileWriter::new(file), name))
    }

    /// Creates a file that has its stored name already.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn create_named_file(&mut self, name: &str) -> Result<FileWriter, FilesError> {
        self.open_intent_once().await?;
        let path = self.pending.stored_path(name);
        let file = self.run_task(move |files| async move { files.backend.create_file(&path).await }).await?;
        Ok(FileWriter::new(file))
    }

    /// Stores a file that is written: it is durable then, or waits to be stored with the record.
    ///
    /// # Errors
    /// When it cannot be stored.
    pub async fn store_file(&mut self, name: &str, file: StorableFile) -> Result<(), FilesError> {
        let file = file.into_file(Media::of_stored_name(name))?;
        let path = self.pending.stored_path(name);
        let stored = self.run_task(move |files| async move { files.backend.store_file(&path, file).await }).await?;
        self.stage_file(name, stored);
        Ok(())
    }

    /// Stores a copy of another record's file. Either of the two can be removed without the other.
    ///
    /// # Errors
    /// [`FilesError::Gone`] when the file has been replaced meanwhile, [`FilesError::UnfitPicture`] for a picture that
    /// another program has stored and that cannot be rebuilt.
    pub async fn copy_file(&mut self, from: StoredPath) -> Result<CopiedFile, FilesError> {
        let media = Media::of_stored_name(&from.name).ok_or(FilesError::Gone)?;
        let stem = from.name.rsplit_once('_').map_or(from.name.as_str(), |(stem, _)| stem);
        let path = self.draw_stored_path(stem, media).await?;
        let name = path.name.clone();
        let stored = self.run_task(move |files| async move { files.copy_stored_file(&from, &path).await }).await?;
        let (stored, editor) = self.rebuild_staged_picture(stored, media).await?;
        self.stage_file(&name, stored);
        Ok(CopiedFile { name, editor })
    }

    /// Rebuilds a copied picture that waits to be stored: PocketBase's pictures may come from another program. Elsewhere
    /// this program alone stores pictures.
    async fn rebuild_staged_picture(
        &self,
        stored: StoreOutcome,
        media: Media,
    ) -> Result<(StoreOutcome, Option<&'static str>), FilesError> {
        let file = match stored {
            StoreOutcome::Staged(file) if !media.is_video() => file,
            other => return Ok((other, None)),
        };
        let rebuilt =
            self.pending.files.rebuild_picture(file, &WorkHolder::Jobs).await?.map_err(FilesError::UnfitPicture)?;
        Ok((StoreOutcome::Staged(rebuilt.file.into_file(Some(media))?), rebuilt.editor))
    }

    /// Makes the stored files durable, with their names, and runs the commit that makes a record name them.
    ///
    /// # Errors
    /// When either fails: then the sweep removes the files.
    pub async fn commit_with<T, F>(
        mut self,
        commit: impl FnOnce(UploadedFiles) -> F,
    ) -> Result<WriteOutcome<T>, FilesError>
    where
        F: Future<Output = Result<WriteOutcome<T>, StoreError>>,
    {
        if self.count == 0 {
            return Ok(commit(UploadedFiles::default()).await?);
        }
        let FileIntent { collection, record, .. } = self.pending.intent;
        self.run_task(move |files| async move { files.backend.sync_record(collection, record).await }).await?;
        self.pending.set_state(RecordState::Uncertain);
        let mark = self.pending.files.intents.as_ref().map(|_| self.pending.intent.mark.clone());
        let outcome = commit(UploadedFiles { mark, staged: std::mem::take(&mut self.staged) }).await;
        self.pending.set_state(match &outcome {
            Ok(Ok(_)) => RecordState::Recorded,
            // The commit may have succeeded although its answer was lost.
            Err(StoreError::Broken | StoreError::Unavailable(_)) => RecordState::Uncertain,
            Ok(Err(_)) | Err(_) => RecordState::Unrecorded,
        });
        Ok(outcome?)
    }

    fn stage_file(&mut self, name: &str, stored: StoreOutcome) {
        if let StoreOutcome::Staged(file) = stored {
            self.staged.push(StagedFile { name: name.to_owned(), file });
        }
    }

    /// Counts the next file. Before the first file the intent is noted, durably.
    async fn open_intent_once(&mut self) -> Result<(), FilesError> {
        let (files, intent) = (&self.pending.files, &self.pending.intent);
        self.count += 1;
        let Some(intents) = files.intents.as_ref().filter(|_| self.count == 1) else { return Ok(()) };
        files.check_writable().await?;
        if !intent.name.is_empty() {
            self.remove_leftovers(intents).await?;
        }
        self.pending.set_state(RecordState::Unrecorded);
        let opened = FileIntent { created: files.clock.now(), ..intent.clone() };
        Ok(intents.open_intent(&opened).await?)
    }

    /// Removes the files that an interrupted copy has left of this record. Other files with these names must not get an
    /// intent, because the sweep would remove them.
    async fn remove_leftovers(&self, intents: &Arc<dyn Store>) -> Result<(), FilesError> {
        let (files, mark) = (&self.pending.files, &self.pending.intent.mark);
        if let Some(left) = intents.reopen_intent(mark, files.clock.now()).await? {
            files.backend.remove_files(&left).await?;
            intents.forget_intents(std::slice::from_ref(mark)).await?;
        }
        if self.has_existing_file().await? {
            return Err(FilesError::Failed("a file with this name exists, and no record names it".to_owned()));
        }
        Ok(())
    }

    /// Says whether a file with one of the given stored names exists.
    async fn has_existing_file(&self) -> Result<bool, FilesError> {
        for name in self.pending.intent.name.split('/').filter(|name| !name.is_empty()) {
            match self.pending.files.backend.open_file(&self.pending.stored_path(name)).await {
                Ok(_) => return Ok(true),
                Err(FilesError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Draws the stored name of the next file.
    async fn draw_stored_path(&mut self, client_name: &str, media: Media) -> Result<StoredPath, FilesError> {
        self.open_intent_once().await?;
        let name = media::stored_name(client_name, &self.pending.intent.mark, self.count, media);
        Ok(self.pending.stored_path(&name))
    }

    /// Runs work on a file in a task of its own, and keeps the sweep away until it has ended.
    async fn run_task<T, W>(&self, work: impl FnOnce(Arc<Files>) -> W + Send + 'static) -> Result<T, FilesError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, FilesError>> + Send + 'static,
    {
        let pending = self.pending.clone();
        let work = work(pending.files.clone());
        let task = tokio::spawn(async move {
            let outcome = work.await;
            drop(pending);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(FilesError::Failed(error.to_string())))
    }
}

/// The intent of an upload before its first file: the store does not know it yet.
fn unopened_intent(mark: String, collection: Collection, record: RecordId, name: String) -> FileIntent {
    FileIntent { mark, collection, record, name, removable_from: None, created: Millis(0) }
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;
    use crate::clock::Clock;
    use crate::files::folder::FileFolder;
    use crate::store::Refusal;
    use crate::store::sqlite::Sqlite;
    use crate::work::cpu_ledger::CpuLedger;

    /// A folder of files without a sweep: the test reads its requests.
    fn open_files() -> (Arc<Files>, TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path()).unwrap());
        let backend = FileFolder::open(&folder.path().join("files")).unwrap();
        (
            Files::new(
                Arc::new(backend),
                Some(store),
                folder.path(),
                Clock::default(),
                CpuLedger::new(Clock::default(), 1),
            ),
            folder,
        )
    }

    async fn begin_upload(files: &Arc<Files>) -> Upload {
        let mut upload = Upload::new(files.clone(), Collection::Profiles, RecordId::random());
        upload.create_file("a.png", Media::Png).await.unwrap();
        upload
    }

    #[tokio::test]
    async fn fate_of_an_uploads_files_follows_from_the_state_of_its_record() {
        let (files, _folder) = open_files();
        let only_request = || {
            let mut requests = files.sweep_requests().take_requests();
            assert!(requests.len() <= 1);
            requests.pop()
        };
        drop(begin_upload(&files).await);
        assert!(matches!(only_request(), Some(SweepRequest::RemoveFiles(_))), "given up");

        let refused =
            begin_upload(&files).await.commit_with(|_| async { Ok(WriteOutcome::<()>::Err(Refusal::Decided)) }).await;
        assert!(refused.is_ok() && matches!(only_request(), Some(SweepRequest::RemoveFiles(_))), "refused");

        // After a failed sync or a broken connection a record may name the files.
        for error in [StoreError::Broken, StoreError::Unavailable(String::new())] {
            let unsure = begin_upload(&files).await.commit_with(|_| async { Err::<WriteOutcome<()>, _>(error) }).await;
            assert!(unsure.is_err() && matches!(only_request(), Some(SweepRequest::MarkForRemoval(_))), "uncertain");
        }
        let upload = begin_upload(&files).await;
        let (started, is_started) = tokio::sync::oneshot::channel();
        let committing = tokio::spawn(upload.commit_with(|_| async {
            let _ = started.send(());
            std::future::pending::<Result<WriteOutcome<()>, StoreError>>().await
        }));
        is_started.await.unwrap();
        committing.abort();
        assert!(
            committing.await.is_err() && matches!(only_request(), Some(SweepRequest::MarkForRemoval(_))),
            "cut off"
        );

        let recorded = begin_upload(&files).await.commit_with(|_| async { Ok(WriteOutcome::Ok(())) }).await;
        assert!(recorded.is_ok() && only_request().is_none(), "recorded");
    }
}
