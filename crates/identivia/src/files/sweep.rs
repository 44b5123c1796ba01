//! The sweeper: removes files that no record names. At start, every hour, and as soon as an upload fails.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{Chore, Files, FilesError, blocking};
use crate::domain::media;
use crate::domain::time::Millis;
use crate::store::{Collection, FileIntent};

const EVERY: Duration = Duration::from_secs(3_600);
/// How soon a chore is tried again that a full disk, say, has kept from being done.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// No upload lasts longer than this, so an older note belongs to none.
const LONGEST_UPLOAD_SECONDS: i64 = 3_600;

/// Sweeps one folder of files.
pub struct Sweeper {
    files: Arc<Files>,
    chores: mpsc::UnboundedReceiver<Chore>,
}

impl Sweeper {
    pub(super) fn new(files: Arc<Files>, chores: mpsc::UnboundedReceiver<Chore>) -> Self {
        Self { files, chores }
    }

    /// Removes what an earlier process left behind. Runs before the first request: whatever has a note then is dead.
    ///
    /// # Errors
    /// When the database or the folder cannot be written.
    pub async fn sweep_at_start(&self) -> Result<(), FilesError> {
        self.files.store.doom_intents_before(Millis(i64::MAX)).await?;
        let removed = self.sweep().await?;
        if removed > 0 {
            tracing::info!(files = removed, "removed what unfinished uploads had left");
        }
        Ok(())
    }

    /// Does chores until nobody is left to ask for any.
    pub async fn run(mut self) {
        let mut hourly = tokio::time::interval(EVERY);
        hourly.tick().await;
        let mut again = tokio::time::interval(AGAIN_AFTER);
        let mut undone = Vec::new();
        loop {
            tokio::select! {
                _ = hourly.tick() => self.tend(None, &mut undone).await,
                _ = again.tick(), if !undone.is_empty() => {
                    for chore in std::mem::take(&mut undone) {
                        self.tend(Some(chore), &mut undone).await;
                    }
                }
                chore = self.chores.recv() => match chore {
                    Some(chore) => self.tend(Some(chore), &mut undone).await,
                    None => return,
                },
            }
        }
    }

    /// Does one chore, or the hourly round; what fails is kept for later.
    async fn tend(&self, chore: Option<Chore>, undone: &mut Vec<Chore>) {
        let outcome = match &chore {
            None => self.doom_old().await,
            Some(Chore::Remove(intent)) => self.remove_now(intent.clone()).await,
            Some(Chore::Doom(mark)) => self.files.store.doom_intent(mark).await.map_err(FilesError::from),
            Some(Chore::Sweep) => Ok(()),
        };
        let outcome = match outcome {
            Ok(()) => self.sweep().await.map(|_| ()),
            failed => failed,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "files that no record names could not be removed; it is tried again");
            undone.extend(chore);
        }
    }

    async fn doom_old(&self) -> Result<(), FilesError> {
        let before = self.files.clock.now().plus_seconds(-LONGEST_UPLOAD_SECONDS);
        Ok(self.files.store.doom_intents_before(before).await?)
    }

    /// Removes the files before it touches the database, which makes room where a full disk would refuse the note.
    async fn remove_now(&self, intent: FileIntent) -> Result<(), FilesError> {
        let files = self.files.clone();
        let mark = intent.mark.clone();
        blocking(move || remove(&files, &intent)).await?;
        Ok(self.files.store.forget_intents(vec![mark]).await?)
    }

    /// Removes the files of every doomed note, then the notes. Safe to run twice: what is gone is gone.
    async fn sweep(&self) -> Result<usize, FilesError> {
        let mut removed = 0;
        loop {
            let doomed = self.files.store.doomed_intents().await?;
            if doomed.is_empty() {
                return Ok(removed);
            }
            let marks = doomed.iter().map(|intent| intent.mark.clone()).collect();
            let files = self.files.clone();
            removed += blocking(move || {
                let mut removed = 0;
                for intent in &doomed {
                    removed += remove(&files, intent)?;
                }
                Ok(removed)
            })
            .await?;
            self.files.store.forget_intents(marks).await?;
        }
    }
}

fn remove(files: &Files, intent: &FileIntent) -> Result<usize, FilesError> {
    let folder = files.folder(intent.collection, intent.record);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error.into()),
    };
    let mut removed = 0;
    for entry in entries {
        let name = entry?.file_name();
        let name = name.to_string_lossy();
        let theirs =
            if intent.name.is_empty() { media::carries_mark(&name, &intent.mark) } else { name == intent.name };
        if theirs {
            removed += remove_file(&folder.join(name.as_ref()))?;
        }
    }
    if intent.collection == Collection::VerificationHistory {
        // A record has one upload, so an empty folder is nobody's. A profile's may be another upload's this moment.
        let _ = fs::remove_dir(&folder);
    }
    Ok(removed)
}

fn remove_file(path: &Path) -> Result<usize, FilesError> {
    match fs::remove_file(path) {
        Ok(()) => Ok(1),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(0),
        Err(error) => Err(error.into()),
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::id::RecordId;
    use crate::domain::media::Media;
    use crate::files::Upload;
    use crate::store::sqlite::Sqlite;

    /// A file of an upload under way, which ends when the upload is dropped.
    async fn begun(files: &Arc<Files>) -> (Upload, PathBuf) {
        let id = RecordId::random();
        let mut upload = files.upload(Collection::Profiles, id);
        let (_, name) = upload.create("a.png", Media::Png).await.unwrap();
        (upload, files.folder(Collection::Profiles, id).join(name))
    }

    #[tokio::test]
    async fn the_hourly_round_removes_what_no_upload_can_still_be_writing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path()).unwrap());
        let clock = Clock::default();
        let (files, sweeper) = Files::open(folder.path(), store, clock.clone()).unwrap();
        let (_upload, file) = begun(&files).await;
        clock.advance(LONGEST_UPLOAD_SECONDS - 60);
        sweeper.tend(None, &mut Vec::new()).await;
        assert!(file.exists(), "still under way");
        clock.advance(120);
        sweeper.tend(None, &mut Vec::new()).await;
        assert!(!file.exists());
    }

    #[tokio::test]
    async fn a_start_removes_what_the_process_before_was_writing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(Sqlite::open(folder.path()).unwrap());
        let (files, _) = Files::open(folder.path(), store.clone(), Clock::default()).unwrap();
        let (_upload, file) = begun(&files).await;
        let (_, next) = Files::open(folder.path(), store, Clock::default()).unwrap();
        next.sweep_at_start().await.unwrap();
        assert!(!file.exists());
    }
}
