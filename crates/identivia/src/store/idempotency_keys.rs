//! Idempotency keys: claimed before the work, with a lease, and kept with the answer until they expire.

use serde_json::{Value, json};

use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Query, Refusal, Result, Store, parse_record,
};
use crate::records::id::RecordId;
use crate::records::idempotency_key::IdempotencyKey;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind, to_fields};

/// The most expired keys that are removed at once: PocketBase takes no more changes in one batch.
const MAX_REMOVED: usize = 50;
/// The most commits of one removal. The next one goes on.
const MAX_REMOVALS: usize = 40;

impl dyn Store + '_ {
    /// Claims a key that is not known. Of all concurrent callers one claims it, in every store.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn claim_idempotency_key(&self, key: &IdempotencyKey) -> Result<bool> {
        let mut commit = Commit::default();
        commit.insert(key, IfExists::Refuse(Refusal::AlreadyExists))?;
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// Reads a key, or a receipt.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn idempotency_key(&self, id: RecordId) -> Result<Option<IdempotencyKey>> {
        self.read_record(id.as_str()).await
    }

    /// Replaces a key whose lease has ended or that has expired; says whether no other caller did so first.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn take_over_idempotency_key(&self, found: &IdempotencyKey, next: &IdempotencyKey) -> Result<bool> {
        let mut fields = to_fields(next).map_err(|error| super::StoreError::Failed(error.to_string()))?;
        fields.remove("id");
        self.change_key(found.id, &found.attempt, fields).await
    }

    /// Moves the end of an attempt's lease.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn set_lease_end(&self, key: RecordId, attempt: &str, lease_ends: Millis) -> Result<bool> {
        self.change_key(key, attempt, FieldMap::from([("lease_ends", json!(lease_ends))])).await
    }

    /// Stores an attempt's answer, with the hash of the body that it answers.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn store_answer(
        &self,
        key: RecordId,
        attempt: &str,
        body_hash: Option<&str>,
        answer: &str,
    ) -> Result<bool> {
        let fields = [("answer", json!(answer)), ("body_hash", json!(body_hash.unwrap_or_default()))];
        self.change_key(key, attempt, fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()).await
    }

    /// Changes a key unless another attempt has taken it over.
    async fn change_key(&self, key: RecordId, attempt: &str, fields: FieldMap) -> Result<bool> {
        let mut commit = Commit::default();
        commit.update(RecordKind::IdempotencyKeys, key.as_str(), vec![is_held_by(attempt)], fields);
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// Frees a key whose attempt has written nothing, unless another attempt has taken it over.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn free_idempotency_key(&self, key: RecordId, attempt: &str) -> Result<()> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::IdempotencyKeys, key.as_str(), vec![is_held_by(attempt)]);
        self.commit(commit).await.map(drop)
    }

    /// Counts a holder's keys that have not expired, up to that many.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_idempotency_keys(&self, holder: &str, now: Millis, most: usize) -> Result<usize> {
        let query = Query::of_kind(RecordKind::IdempotencyKeys)
            .filter("holder", Comparison::Is(holder.into()))
            .filter("expires", Comparison::After(now))
            .ordered(Order::Ascending("expires"))
            .limited(most);
        Ok(self.read(Query { keys_only: true, ..query }).await?.len())
    }

    /// Removes expired keys and receipts, the oldest first.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_expired_keys(&self, now: Millis) -> Result<()> {
        for _ in 0..MAX_REMOVALS {
            let query = Query::of_kind(RecordKind::IdempotencyKeys)
                .filter("expires", Comparison::Until(now))
                .ordered(Order::Ascending("expires"))
                .limited(MAX_REMOVED);
            let expired = self.read(Query { keys_only: true, ..query }).await?;
            let mut commit = Commit::default();
            for stored in &expired {
                let fields: FieldMap = parse_record(&stored.json)?;
                let key = fields.get("id").and_then(Value::as_str).unwrap_or_default();
                // A key may have been claimed again since it was read.
                let is_expired = Condition::new("expires", Comparison::Until(now), Refusal::Changed);
                commit.delete(RecordKind::IdempotencyKeys, key, vec![is_expired]);
            }
            if commit.changes.is_empty() {
                return Ok(());
            }
            self.commit(commit).await?;
            if expired.len() < MAX_REMOVED {
                return Ok(());
            }
        }
        Ok(())
    }
}

fn is_held_by(attempt: &str) -> Condition {
    Condition::new("attempt", Comparison::Is(attempt.into()), Refusal::Changed)
}
