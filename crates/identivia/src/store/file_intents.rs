//! File intents: notes of files that may be stored without a record. Only stores whose files live elsewhere have them.

use serde_json::{Value, json};

use super::{Commit, CommitOutcome, Comparison, Condition, IfExists, Query, Refusal, Result, Store, StoreError};
use crate::records::file_intent::FileIntent;
use crate::records::id::{RecordId, random_text};
use crate::records::time::Millis;
use crate::records::{Collection, FieldMap, RecordKind};

/// The most intents that are marked at once.
const MAX_INTENTS: usize = 500;
/// The time from which files may be removed at once.
const REMOVABLE_NOW: Millis = Millis(1);

impl dyn Store + '_ {
    /// Notes, durably, that files with that mark may appear.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn open_intent(&self, intent: &FileIntent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(intent, IfExists::Refuse(Refusal::AlreadyExists))?;
        match self.commit(commit).await? {
            CommitOutcome::Done(_) => Ok(()),
            CommitOutcome::Refused(_) => Err(StoreError::Failed("an upload with this mark exists".to_owned())),
        }
    }

    /// Takes up the intent that an interrupted copy has left, if there is one.
    ///
    /// # Errors
    /// Busy while a sweeper removes its files.
    pub async fn reopen_intent(&self, mark: &str, now: Millis) -> Result<Option<FileIntent>> {
        let found: Option<FileIntent> = self.read_record(mark).await?;
        let Some(intent) = found else { return Ok(None) };
        let mut commit = Commit::default();
        let reopened = FieldMap::from([("created", json!(now))]);
        commit.update(RecordKind::FileIntents, mark, vec![unclaimed_condition()], reopened);
        match self.commit(commit).await? {
            CommitOutcome::Done(_) => Ok(Some(intent)),
            CommitOutcome::Refused(_) => Err(StoreError::Busy),
        }
    }

    /// Marks an upload's files for removal, unless it has been recorded.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn mark_for_removal(&self, mark: &str) -> Result<()> {
        let mut commit = Commit::default();
        let exists = Condition::exists(RecordKind::FileIntents, Refusal::Missing);
        commit.update(RecordKind::FileIntents, mark, vec![exists], removable_from(REMOVABLE_NOW));
        self.commit(commit).await.map(drop)
    }

    /// Leaves a file that no record names to the sweep, which removes it.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn leave_to_sweep(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        now: Millis,
    ) -> Result<()> {
        let (mark, name) = (random_text::<10>(), name.to_owned());
        let removable_from = Some(REMOVABLE_NOW);
        self.open_intent(&FileIntent { mark, collection, record, name, removable_from, created: now }).await
    }

    /// Marks the files of every upload older than that for removal, also those that a dead process has claimed.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn mark_old_for_removal(&self, before: Millis) -> Result<()> {
        loop {
            let query = Query::of_kind(RecordKind::FileIntents)
                .filter("created", Comparison::Before(before))
                .filter("removable_from", Comparison::IsNot(json!(REMOVABLE_NOW)))
                .limited(MAX_INTENTS);
            let old: Vec<FileIntent> = self.read_all(query).await?;
            for intent in &old {
                self.mark_for_removal(&intent.mark).await?;
            }
            if old.len() < MAX_INTENTS {
                return Ok(());
            }
        }
    }

    /// Removes intents whose files are gone.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn forget_intents(&self, marks: &[String]) -> Result<()> {
        let mut commit = Commit::default();
        for mark in marks {
            commit.delete(RecordKind::FileIntents, mark, Vec::new());
        }
        if commit.changes.is_empty() { Ok(()) } else { self.commit(commit).await.map(drop) }
    }
}

/// The condition that no sweeper removes the files.
pub(super) fn unclaimed_condition() -> Condition {
    Condition::new("removable_from", Comparison::Is(Value::Null), Refusal::Changed)
}

fn removable_from(time: Millis) -> FieldMap {
    FieldMap::from([("removable_from", json!(time))])
}
