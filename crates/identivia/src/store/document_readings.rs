//! Document readings: kept with a profile, found by its pictures, removed with it and when they are old.

use serde_json::{Value, json};

use super::{Commit, Comparison, IfExists, Order, Query, Result, Store, parse_record};
use crate::records::document_reading::StoredReading;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// The most readings of a profile. One takes part in each try: the last tries are those that are copied or checked.
pub const MAX_READINGS_OF_PROFILE: usize = 6;
/// The most readings of all profiles. What is beyond it is read again.
pub const MAX_READINGS: usize = 20_000;
/// Records that one commit of a clean-up removes.
const REMOVED_AT_ONCE: usize = 200;

impl dyn Store + '_ {
    /// The readings of a profile, newest first. One that is not as this program wrote it is left out.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn document_readings(&self, profile: RecordId) -> Result<Vec<StoredReading>> {
        let stored = self.read(of_profile(profile).limited(MAX_READINGS_OF_PROFILE)).await?;
        Ok(stored.iter().filter_map(|stored| parse_record(&stored.json).ok()).collect())
    }

    /// Adds a reading. The oldest of its profile make room for it.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_document_reading(&self, reading: &StoredReading) -> Result<()> {
        let earlier = self.read(Query { keys_only: true, ..of_profile(reading.profile) }).await?;
        let mut commit = Commit::default();
        commit.insert(reading, IfExists::Skip)?;
        for stored in earlier.iter().skip(MAX_READINGS_OF_PROFILE - 1) {
            commit.delete(RecordKind::DocumentReadings, &key_of(&stored.json)?, Vec::new());
        }
        self.commit(commit).await.map(drop)
    }

    /// Keeps a reading until then.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn extend_document_reading(&self, id: RecordId, expires: Millis) -> Result<()> {
        let mut commit = Commit::default();
        let fields = FieldMap::from([("expires", json!(expires))]);
        commit.update(RecordKind::DocumentReadings, id.as_str(), Vec::new(), fields);
        self.commit(commit).await.map(drop)
    }

    /// Removes every reading of a profile.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_readings_of_profile(&self, profile: RecordId) -> Result<()> {
        let query = of_profile(profile).limited(REMOVED_AT_ONCE);
        while self.remove_readings(query.clone(), 0).await? > 0 {}
        Ok(())
    }

    /// Removes readings that have expired, and the oldest of those beyond that many; returns how many.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_old_readings(&self, now: Millis, most: usize) -> Result<usize> {
        let expired = Query::of_kind(RecordKind::DocumentReadings)
            .filter("expires", Comparison::Until(now))
            .ordered(Order::Ascending("expires"))
            .limited(REMOVED_AT_ONCE);
        let newest = Query::of_kind(RecordKind::DocumentReadings).ordered(Order::Newest);
        let beyond = newest.limited(most + REMOVED_AT_ONCE);
        let mut removed = 0;
        for (query, kept) in [(expired, 0), (beyond, most)] {
            loop {
                let count = self.remove_readings(query.clone(), kept).await?;
                removed += count;
                if count == 0 {
                    break;
                }
            }
        }
        Ok(removed)
    }

    /// The next profiles that have readings, and where to go on; for a store of readings apart from the profiles.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn profiles_with_readings(&self, after: Option<String>) -> Result<(Vec<RecordId>, Option<String>)> {
        let query = Query::of_kind(RecordKind::DocumentReadings).limited(REMOVED_AT_ONCE);
        let stored = self.read(Query { after, ..query }).await?;
        let profile = |json: &str| RecordId::parse(parse_record::<FieldMap>(json).ok()?.get("profile")?.as_str()?);
        let mut profiles: Vec<RecordId> = stored.iter().filter_map(|stored| profile(&stored.json)).collect();
        profiles.sort_unstable_by(|a, b| a.as_str().cmp(b.as_str()));
        profiles.dedup();
        Ok((profiles, stored.last().map(|last| last.cursor.clone())))
    }

    /// Which of these profiles there are.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn existing_profiles(&self, ids: &[RecordId]) -> Result<Vec<RecordId>> {
        let ids = ids.iter().map(|id| id.as_str().into()).collect();
        let query = Query::of_kind(RecordKind::Profiles).filter("id", Comparison::In(ids)).limited(REMOVED_AT_ONCE);
        let stored = self.read(Query { keys_only: true, ..query }).await?;
        Ok(stored.iter().filter_map(|stored| RecordId::parse(&key_of(&stored.json).ok()?)).collect())
    }

    /// Removes the records of a query after the first ones; returns how many.
    async fn remove_readings(&self, query: Query, kept: usize) -> Result<usize> {
        let found = self.read(Query { keys_only: true, ..query }).await?;
        let mut commit = Commit::default();
        for stored in found.iter().skip(kept) {
            commit.delete(RecordKind::DocumentReadings, &key_of(&stored.json)?, Vec::new());
        }
        let removed = commit.changes.len();
        if removed > 0 {
            self.commit(commit).await?;
        }
        Ok(removed)
    }
}

fn of_profile(profile: RecordId) -> Query {
    Query::of_kind(RecordKind::DocumentReadings)
        .filter("profile", Comparison::Is(profile.as_str().into()))
        .ordered(Order::Newest)
}

fn key_of(json: &str) -> Result<String> {
    let fields: FieldMap = parse_record(json)?;
    Ok(fields.get("id").and_then(Value::as_str).unwrap_or_default().to_owned())
}
