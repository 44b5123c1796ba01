//! One request's files on their way to a record.

use std::fs::File;
use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use super::{Chore, Files, FilesError, Kept, Spot, blocking};
use crate::domain::media::{self, Media};
use crate::records::id::RecordId;
use crate::store::{Attached, Collection, FileIntent, Intents, Staged, StoreError, Written};

/// How much is gathered before a trip to a blocking thread: large enough to make trips rare, small enough that many
/// uploads at once stay small.
const CHUNK: usize = 256 * 1024;

/// The files of one request.
pub struct Upload {
    pending: Arc<Pending>,
    /// How many files it has begun.
    count: usize,
    /// Files to be kept within the record.
    staged: Vec<Staged>,
}

/// What stands behind an upload. Work on files goes on when its request is given up, so each piece of it holds this; the
/// last one to let go hands the files to the sweeper, unless a record has come to name them.
struct Pending {
    files: Arc<Files>,
    intent: FileIntent,
    fate: AtomicU8,
}

/// What is known of an upload's record.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Fate {
    /// Nothing has been noted or written.
    Unbegun,
    /// No record names the files: they can go at once.
    Unrecorded,
    /// The transaction has been asked for and has not answered.
    Unknown,
    /// A record names them.
    Recorded,
}

impl Pending {
    fn meets(&self, fate: Fate) {
        self.fate.store(fate as u8, Ordering::Release);
    }

    fn spot(&self, name: &str) -> Spot {
        Spot { collection: self.intent.collection, record: self.intent.record, name: name.to_owned() }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        if self.files.intents.is_none() {
            return;
        }
        let fate = *self.fate.get_mut();
        if fate == Fate::Unrecorded as u8 {
            self.files.ask_sweeper(Chore::Remove(self.intent.clone()));
        } else if fate == Fate::Unknown as u8 {
            self.files.ask_sweeper(Chore::Doom(self.intent.mark.clone()));
        }
    }
}

impl Upload {
    pub(super) fn new(files: Arc<Files>, collection: Collection, record: RecordId) -> Self {
        Self::of(files, FileIntent { mark: media::upload_mark(), collection, record, name: String::new() })
    }

    /// The note's mark is the record's own: of a copy that was interrupted, the next finds it.
    pub(super) fn moving_in(files: Arc<Files>, collection: Collection, record: RecordId, names: &[&str]) -> Self {
        let mark = format!("{}/{record}", collection.name());
        Self::of(files, FileIntent { mark, collection, record, name: names.join("/") })
    }

    fn of(files: Arc<Files>, intent: FileIntent) -> Self {
        let pending = Pending { files, intent, fate: AtomicU8::new(Fate::Unbegun as u8) };
        Self { pending: Arc::new(pending), count: 0, staged: Vec::new() }
    }

    /// Begins a file; its stored name is settled here.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn create(&mut self, client_name: &str, media: Media) -> Result<(Writing, String), FilesError> {
        let spot = self.spot(client_name, media).await?;
        let name = spot.name.clone();
        let file = self.work(move |files| async move { files.place.begin(&spot).await }).await?;
        Ok((Writing::new(file), name))
    }

    /// Begins a file that comes with its stored name.
    ///
    /// # Errors
    /// When nothing can be stored now.
    pub async fn begin(&mut self, name: &str) -> Result<Writing, FilesError> {
        self.announce().await?;
        let spot = self.pending.spot(name);
        let file = self.work(move |files| async move { files.place.begin(&spot).await }).await?;
        Ok(Writing::new(file))
    }

    /// Keeps a file that is written: from here on it is durable, or goes with the record.
    ///
    /// # Errors
    /// When it cannot be kept.
    pub async fn keep(&mut self, name: &str, file: File) -> Result<(), FilesError> {
        let spot = self.pending.spot(name);
        let kept = self.work(move |files| async move { files.place.keep(&spot, file).await }).await?;
        self.stage(name, kept);
        Ok(())
    }

    /// Keeps a copy of another record's file, whose life is its own.
    ///
    /// # Errors
    /// [`FilesError::Gone`] when the file has been replaced meanwhile.
    pub async fn copy(&mut self, from: Spot) -> Result<String, FilesError> {
        let media = Media::of_stored_name(&from.name).ok_or(FilesError::Gone)?;
        let stem = from.name.rsplit_once('_').map_or(from.name.as_str(), |(stem, _)| stem);
        let spot = self.spot(stem, media).await?;
        let name = spot.name.clone();
        let kept = self.work(move |files| async move { files.place.copy(&from, &spot).await }).await?;
        self.stage(&name, kept);
        Ok(name)
    }

    /// Makes what was kept durable, names included, and runs the step that makes a record name the files.
    ///
    /// # Errors
    /// When either fails: then the files go.
    pub async fn record<T, F>(mut self, step: impl FnOnce(Attached) -> F) -> Result<Written<T>, FilesError>
    where
        F: Future<Output = Result<Written<T>, StoreError>>,
    {
        if self.count == 0 {
            return Ok(step(Attached::default()).await?);
        }
        let FileIntent { collection, record, .. } = self.pending.intent;
        self.work(move |files| async move { files.place.settle(collection, record).await }).await?;
        self.pending.meets(Fate::Unknown);
        let mark = self.pending.files.intents.as_ref().map(|_| self.pending.intent.mark.clone());
        let outcome = step(Attached { mark, staged: std::mem::take(&mut self.staged) }).await;
        self.pending.meets(match &outcome {
            Ok(Ok(_)) => Fate::Recorded,
            // What failed on its way back may still have been done.
            Err(StoreError::Broken | StoreError::Unavailable(_)) => Fate::Unknown,
            Ok(Err(_)) | Err(_) => Fate::Unrecorded,
        });
        Ok(outcome?)
    }

    fn stage(&mut self, name: &str, kept: Kept) {
        if let Kept::Staged(file) = kept {
            self.staged.push(Staged { name: name.to_owned(), file });
        }
    }

    /// Counts the next file. Before the first, the mark is noted, durably.
    async fn announce(&mut self) -> Result<(), FilesError> {
        let (files, intent) = (&self.pending.files, &self.pending.intent);
        self.count += 1;
        let Some(intents) = files.intents.as_ref().filter(|_| self.count == 1) else { return Ok(()) };
        files.ready().await?;
        if !intent.name.is_empty() {
            self.clear_the_way(intents).await?;
        }
        self.pending.meets(Fate::Unrecorded);
        Ok(intents.open_intent(intent.clone(), files.clock.now()).await?)
    }

    /// Removes what a copy that was interrupted has left of this record's files. What else is there by their names is
    /// nobody's to remove, nor may it be noted: then it would be swept.
    async fn clear_the_way(&self, intents: &Arc<dyn Intents>) -> Result<(), FilesError> {
        let (files, mark) = (&self.pending.files, &self.pending.intent.mark);
        if let Some(left) = intents.reopen_intent(mark, files.clock.now()).await? {
            files.place.remove(&left).await?;
            intents.forget_intents(vec![mark.clone()]).await?;
        }
        if self.is_taken().await? {
            return Err(FilesError::Failed("such a file is there already, and no record names it".to_owned()));
        }
        Ok(())
    }

    /// Says whether a file is there by a name that one comes with.
    async fn is_taken(&self) -> Result<bool, FilesError> {
        for name in self.pending.intent.name.split('/').filter(|name| !name.is_empty()) {
            match self.pending.files.place.read(&self.pending.spot(name)).await {
                Ok(_) => return Ok(true),
                Err(FilesError::Gone) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// Settles where the next file goes.
    async fn spot(&mut self, client_name: &str, media: Media) -> Result<Spot, FilesError> {
        self.announce().await?;
        let name = media::stored_name(client_name, &self.pending.intent.mark, self.count, media);
        Ok(self.pending.spot(&name))
    }

    /// Does a piece of work in a task of its own, and keeps the sweeper away until it is over.
    async fn work<T, W>(&self, piece: impl FnOnce(Arc<Files>) -> W + Send + 'static) -> Result<T, FilesError>
    where
        T: Send + 'static,
        W: Future<Output = Result<T, FilesError>> + Send + 'static,
    {
        let pending = self.pending.clone();
        let piece = piece(pending.files.clone());
        let task = tokio::spawn(async move {
            let outcome = piece.await;
            drop(pending);
            outcome
        });
        task.await.unwrap_or_else(|error| Err(FilesError::Failed(error.to_string())))
    }
}

/// A file being written in large chunks, off the async threads.
pub struct Writing {
    file: Option<File>,
    chunk: Vec<u8>,
    /// The bytes taken so far.
    pub length: u64,
}

impl Writing {
    pub(super) fn new(file: File) -> Self {
        Self { file: Some(file), chunk: Vec::new(), length: 0 }
    }

    /// Takes some bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), FilesError> {
        self.length += bytes.len() as u64;
        self.chunk.extend_from_slice(bytes);
        if self.chunk.len() < CHUNK { Ok(()) } else { self.flush().await }
    }

    /// Writes what is left and gives the file back.
    ///
    /// # Errors
    /// When it cannot be written.
    pub async fn finish(mut self) -> Result<File, FilesError> {
        self.flush().await?;
        self.file.take().ok_or(FilesError::Gone)
    }

    async fn flush(&mut self) -> Result<(), FilesError> {
        // If the write fails or is cancelled, the file is gone with it, and so is this upload.
        let mut file = self.file.take().ok_or(FilesError::Gone)?;
        let mut chunk = std::mem::take(&mut self.chunk);
        let (file, chunk) = blocking(move || {
            file.write_all(&chunk)?;
            chunk.clear();
            Ok((file, chunk))
        })
        .await?;
        self.file = Some(file);
        self.chunk = chunk;
        Ok(())
    }
}
