//! The sweeper: removes files that no record names. At start, every ten minutes, and as soon as an upload fails.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::files::{Chore, Files, FilesError};
use crate::records::time::Millis;
use crate::store::{FileIntent, Intents};

const EVERY: Duration = Duration::from_secs(600);
/// How soon a chore is tried again that a full disk, say, has kept from being done.
const AGAIN_AFTER: Duration = Duration::from_secs(10);
/// No upload lasts longer than this, so an older note belongs to none.
const LONGEST_UPLOAD_SECONDS: i64 = 3_600;

/// Which uploads are dead when a server starts.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum AtStart {
    /// All of them: nobody else writes here.
    All,
    /// Only those that have lasted too long: another server may be in the middle of the others.
    Old,
}

/// Sweeps one place of files.
pub struct Sweeper {
    files: Arc<Files>,
    chores: mpsc::UnboundedReceiver<Chore>,
}

impl Sweeper {
    pub(crate) fn new(files: Arc<Files>, chores: mpsc::UnboundedReceiver<Chore>) -> Self {
        Self { files, chores }
    }

    /// Removes what an earlier process left behind, and sweeps from then on. Runs before the first request.
    pub async fn start(self, dead: AtStart) {
        if let Err(error) = self.sweep_at_start(dead).await {
            tracing::warn!(%error, "files that no record names could not be removed at the start; it is tried again");
        }
        tokio::spawn(self.run());
    }

    async fn sweep_at_start(&self, dead: AtStart) -> Result<(), FilesError> {
        let Some(intents) = &self.files.intents else { return Ok(()) };
        match dead {
            AtStart::All => intents.doom_intents_before(Millis(i64::MAX)).await?,
            AtStart::Old => self.doom_old(intents).await?,
        }
        let removed = self.sweep(intents).await?;
        if removed > 0 {
            tracing::info!(files = removed, "removed what unfinished uploads had left");
        }
        Ok(())
    }

    /// Does chores until nobody is left to ask for any.
    async fn run(mut self) {
        let mut regular = tokio::time::interval(EVERY);
        regular.tick().await;
        let mut again = tokio::time::interval(AGAIN_AFTER);
        let mut undone = Vec::new();
        loop {
            tokio::select! {
                _ = regular.tick() => self.tend(None, &mut undone).await,
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

    /// Does one chore, or the regular round; what fails is kept for later.
    async fn tend(&self, chore: Option<Chore>, undone: &mut Vec<Chore>) {
        let Some(intents) = &self.files.intents else { return };
        let outcome = match &chore {
            None => self.doom_old(intents).await,
            Some(Chore::Remove(intent)) => self.remove_now(intents, intent).await,
            Some(Chore::Doom(mark)) => intents.doom_intent(mark).await.map_err(FilesError::from),
            Some(Chore::Sweep) => Ok(()),
        };
        let outcome = match outcome {
            Ok(()) => self.sweep(intents).await.map(|_| ()),
            failed => failed,
        };
        if let Err(error) = outcome {
            tracing::warn!(%error, "files that no record names could not be removed; it is tried again");
            undone.extend(chore);
        }
    }

    async fn doom_old(&self, intents: &Arc<dyn Intents>) -> Result<(), FilesError> {
        let before = self.files.clock.now().plus_seconds(-LONGEST_UPLOAD_SECONDS);
        Ok(intents.doom_intents_before(before).await?)
    }

    /// Removes the files before it touches the database, which makes room where a full disk would refuse the note. Where
    /// more may arrive, the note stays, and once it is old the regular round looks again.
    async fn remove_now(&self, intents: &Arc<dyn Intents>, intent: &FileIntent) -> Result<(), FilesError> {
        self.files.place.remove(intent).await?;
        if self.files.place.arrives_late() {
            return Ok(());
        }
        Ok(intents.forget_intents(vec![intent.mark.clone()]).await?)
    }

    /// Removes the files of every doomed note, then the notes. Safe to run twice: what is gone is gone.
    async fn sweep(&self, intents: &Arc<dyn Intents>) -> Result<usize, FilesError> {
        let mut removed = 0;
        loop {
            let claimed = intents.claim_doomed(self.files.clock.now()).await?;
            if claimed.is_empty() {
                return Ok(removed);
            }
            let mut forgotten = Vec::new();
            let mut failure = None;
            for intent in claimed {
                match self.files.place.remove(&intent).await {
                    Ok(files) => {
                        removed += files;
                        forgotten.push(intent.mark);
                    }
                    Err(error) => {
                        // Given back, so that the next try need not wait for the claim to end.
                        intents.doom_intent(&intent.mark).await?;
                        failure = Some(error);
                    }
                }
            }
            intents.forget_intents(forgotten).await?;
            if let Some(error) = failure {
                return Err(error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::clock::Clock;
    use crate::domain::media::Media;
    use crate::files::folder::Folder;
    use crate::files::{Spot, Upload};
    use crate::records::id::RecordId;
    use crate::store::Collection;
    use crate::store::sqlite::Sqlite;

    fn opened(folder: &TempDir, store: Arc<dyn Intents>, clock: Clock) -> (Arc<Files>, Sweeper) {
        let place = Folder::open(&folder.path().join("files")).unwrap();
        Files::new(Arc::new(place), Some(store), folder.path(), clock)
    }

    /// A file of an upload under way, which ends when the upload is dropped.
    async fn begun(files: &Arc<Files>, folder: &TempDir) -> (Upload, PathBuf) {
        let record = RecordId::random();
        let mut upload = files.upload(Collection::Profiles, record);
        let (_, name) = upload.create("a.png", Media::Png).await.unwrap();
        let spot = Spot { collection: Collection::Profiles, record, name };
        (upload, folder.path().join("files").join(spot.path()))
    }

    #[tokio::test]
    async fn the_regular_round_removes_what_no_upload_can_still_be_writing() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Intents> = Arc::new(Sqlite::open(folder.path()).unwrap());
        let clock = Clock::default();
        let (files, sweeper) = opened(&folder, store, clock.clone());
        let (_upload, file) = begun(&files, &folder).await;
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
        let store: Arc<dyn Intents> = Arc::new(Sqlite::open(folder.path()).unwrap());
        let (files, _) = opened(&folder, store.clone(), Clock::default());
        let (_upload, file) = begun(&files, &folder).await;
        let (_, next) = opened(&folder, store, Clock::default());
        next.sweep_at_start(AtStart::Old).await.unwrap();
        assert!(file.exists(), "another server may be at it");
        next.sweep_at_start(AtStart::All).await.unwrap();
        assert!(!file.exists());
    }
}
