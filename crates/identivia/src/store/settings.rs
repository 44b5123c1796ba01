//! Settings that operators change at run time.

use serde_json::{Value, json};

use super::deciders::{Reliance, rely_on_deciders};
use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Query, Refusal, Result, Store, StoreError,
    WriteOutcome,
};
use crate::domain::review_settings::ReviewSettings;
use crate::records::audit_event::AuditEvent;
use crate::records::console_user::ConsoleUser;
use crate::records::setting::Setting;
use crate::records::{FieldMap, RecordKind};

/// How often a setting is written before the caller has to try again. Each try fails only when another caller adds or
/// removes the same setting at that moment.
const MAX_PUT_TRIES: usize = 8;

impl dyn Store + '_ {
    /// Reads every setting, by key.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn settings(&self) -> Result<Vec<Setting>> {
        self.read_all(Query::of_kind(RecordKind::Settings).ordered(Order::Ascending("key"))).await
    }

    /// What a team has set about reviews.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn review_settings(&self, team: &str) -> Result<ReviewSettings> {
        let team = Some(team).filter(|team| !team.is_empty());
        let keys = ReviewSettings::stored_keys(team).into_iter().map(Value::from).collect();
        let stored = self.read_all(Query::of_kind(RecordKind::Settings).filter("key", Comparison::In(keys))).await?;
        Ok(ReviewSettings::from_stored(stored, team))
    }

    /// Reads a setting by its stored key.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn setting(&self, key: &str) -> Result<Option<Setting>> {
        self.read_record(key).await
    }

    /// Adds or replaces a setting. Refused with [`Refusal::DecidersChanged`] if one of the people whom it needs has changed
    /// since they were read.
    ///
    /// # Errors
    /// When the store cannot do it now, or when other callers keep adding and removing it.
    pub async fn put_setting(
        &self,
        setting: &Setting,
        deciders: &[ConsoleUser],
        event: AuditEvent,
    ) -> Result<WriteOutcome<()>> {
        // Another caller may add or remove it meanwhile: then the other way is the right one.
        for _ in 0..MAX_PUT_TRIES {
            let mut replace = Commit::default();
            let exists = Condition::exists(RecordKind::Settings, Refusal::Missing);
            replace.update(RecordKind::Settings, &setting.key, vec![exists], replaced_fields(setting));
            rely_on_deciders(&mut replace, deciders, Reliance::Note);
            replace.insert(&event, IfExists::Skip)?;
            match self.commit(replace).await?.into_result() {
                Err(Refusal::Missing) => {}
                written => return Ok(written),
            }
            let mut add = Commit::default();
            add.insert(setting, IfExists::Refuse(Refusal::AlreadyExists))?;
            rely_on_deciders(&mut add, deciders, Reliance::Note);
            add.insert(&event, IfExists::Skip)?;
            match self.commit(add).await?.into_result() {
                Err(Refusal::AlreadyExists) => {}
                written => return Ok(written),
            }
        }
        Err(StoreError::Busy)
    }

    /// Removes a setting; says whether there was one.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_setting(&self, key: &str, event: AuditEvent) -> Result<bool> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::Settings, key, vec![Condition::exists(RecordKind::Settings, Refusal::Missing)]);
        commit.insert(&event, IfExists::Skip)?;
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }
}

fn replaced_fields(setting: &Setting) -> FieldMap {
    FieldMap::from([
        ("value", json!(setting.value)),
        ("public", json!(setting.public)),
        ("updated", json!(setting.updated)),
    ])
}
