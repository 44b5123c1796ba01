//! A commit in one transaction: it checks every condition, removes the intent of uploaded files, then makes the changes.

use serde_json::{Value, json};

use super::commit_error::{CommitError, CommitResult};
use super::insert::PreparedInsert;
use super::select::select_statement;
use super::update::{BeforeImage, PreparedUpdate, UpdateTarget};
use super::{Dialect, Execution, SqlRow, SqlTransaction, SqlValue, StepEnd};
use crate::domain::outbox::{ProfileEvents, ReportedProfile};
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};
use crate::store::{Change, Commit, CommitOutcome, HolderQuota, IfExists, Query, Result, StoreError, fields_of};

/// Removes an upload's intent in the commit that names its files. A sweeper that claimed the intent was first: the files
/// are gone, and the caller must send them again.
pub(super) const DELETE_OPEN_INTENT: &str = "delete from file_intents where mark = $1 and removable_from is null";

/// A commit whose values are converted before its transaction begins: the transaction is short.
pub(super) struct PreparedCommit {
    changes: Vec<PreparedChange>,
    quota: Option<HolderQuota>,
    turn: Option<&'static str>,
    /// The mark of the uploaded files.
    mark: Option<String>,
    /// The time of its audit record, in JSON: when its replaced files became removable.
    time: Value,
    /// The events of the profile that the change of that number updates.
    events: Option<(usize, ProfileEvents)>,
}

/// One change of it.
pub(super) enum PreparedChange {
    Insert(PreparedInsert),
    Update(PreparedUpdate),
    Delete(UpdateTarget),
}

impl PreparedChange {
    /// Says whether it is about that record.
    fn is_about(&self, kind: RecordKind, key: &str) -> bool {
        match self {
            Self::Insert(insert) => insert.has_key(kind, key),
            Self::Update(PreparedUpdate { target, .. }) | Self::Delete(target) => target.is_record(kind, key),
        }
    }

    fn as_insert(&self) -> Option<&PreparedInsert> {
        match self {
            Self::Insert(insert) => Some(insert),
            Self::Update(_) | Self::Delete(_) => None,
        }
    }

    fn into_insert(self) -> Option<PreparedInsert> {
        match self {
            Self::Insert(insert) => Some(insert),
            Self::Update(_) | Self::Delete(_) => None,
        }
    }
}

impl PreparedCommit {
    pub(super) fn prepare(commit: Commit) -> Result<Self> {
        let time = find_audit_time(&commit.changes);
        let mut changes: Vec<PreparedChange> = Vec::with_capacity(commit.changes.len());
        for change in commit.changes {
            let prepared = match change {
                Change::Insert { kind, fields, if_exists } => {
                    PreparedChange::Insert(PreparedInsert::prepare(kind, fields, if_exists)?)
                }
                Change::Update { kind, key, conditions, fields } => {
                    let is_repeated = has_change_of(&changes, kind, &key);
                    let target = UpdateTarget::new(kind, key, conditions, is_repeated)?;
                    PreparedChange::Update(PreparedUpdate::prepare(target, fields, changes.is_empty())?)
                }
                Change::Delete { kind, key, conditions } => {
                    let is_repeated = has_change_of(&changes, kind, &key);
                    let mut target = UpdateTarget::new(kind, key, conditions, is_repeated)?;
                    target.read_words()?;
                    PreparedChange::Delete(target)
                }
            };
            changes.push(prepared);
        }
        let (quota, turn, mark) = (commit.quota, commit.turn, commit.files.mark);
        let mut prepared = Self { changes, quota, turn, mark, time, events: None };
        if let Some(events) = commit.events {
            prepared.prepare_events(events)?;
        }
        Ok(prepared)
    }

    /// Adds the events of a new profile. Those of another one are added in the transaction, because they say what the
    /// profile was before.
    fn prepare_events(&mut self, events: ProfileEvents) -> Result<()> {
        let profile = events.profile;
        let is_changed = |change: &PreparedChange| change.is_about(RecordKind::Profiles, profile.as_str());
        let number = self.changes.iter().position(is_changed);
        match number.and_then(|number| Some((number, self.changes.get_mut(number)?))) {
            Some((_, PreparedChange::Insert(insert))) => {
                let before = ReportedProfile::from_fields(insert.fields());
                insert.set_fields(events.counts_after(&before))?;
                self.changes.extend(prepare_inserts(events, &before)?.into_iter().map(PreparedChange::Insert));
            }
            Some((number, PreparedChange::Update(update))) => {
                update.target.read_columns(&ReportedProfile::FIELDS)?;
                self.events = Some((number, events));
            }
            Some((_, PreparedChange::Delete(_))) | None => {
                return Err(StoreError::Failed("a commit reports a profile that it does not change".to_owned()));
            }
        }
        Ok(())
    }

    /// The inserts, if the commit consists of nothing else.
    pub(super) fn as_inserts(&self) -> Option<Vec<&PreparedInsert>> {
        self.changes.iter().map(PreparedChange::as_insert).collect::<Option<_>>().filter(|_| self.mark.is_none())
    }

    /// The same, taken out of the commit.
    pub(super) fn into_inserts(self) -> Vec<PreparedInsert> {
        self.changes.into_iter().filter_map(PreparedChange::into_insert).collect()
    }

    /// Says whether it may find only after a write that it is refused. Conditions are checked before all writes, and a first
    /// insert that is refused has written nothing.
    pub(super) fn may_refuse_after_writing(&self) -> bool {
        let first_safe = usize::from(self.mark.is_none());
        self.changes.iter().skip(first_safe).filter_map(PreparedChange::as_insert).any(PreparedInsert::may_refuse)
    }

    /// Makes the commit in that transaction.
    pub(super) async fn run_in_transaction(
        self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
    ) -> Result<StepEnd<CommitOutcome>> {
        match self.make_changes(transaction, dialect).await {
            Ok(stored) => Ok(StepEnd::Commit(CommitOutcome::Done(stored))),
            Err(CommitError::Refused(refusal)) => Ok(StepEnd::RollBack(CommitOutcome::Refused(refusal))),
            Err(CommitError::Failed(error)) => Err(error),
        }
    }

    async fn make_changes(
        mut self,
        transaction: &mut dyn SqlTransaction,
        dialect: &Dialect,
    ) -> CommitResult<Vec<Option<FieldMap>>> {
        if let Some(turn) = self.turn {
            wait_for_turn(transaction, dialect, turn).await?;
        }
        if let Some(quota) = &self.quota {
            check_quota(transaction, dialect, quota).await?;
        }
        // Conditions come first: a missing profile is a refusal, while its history's foreign key would be an error. They
        // also lock the records that decide about the commit before all others.
        let mut images = Vec::with_capacity(self.changes.len());
        for change in &self.changes {
            images.push(match change {
                PreparedChange::Insert(_) => BeforeImage::NotRead,
                PreparedChange::Update(PreparedUpdate { target, .. }) | PreparedChange::Delete(target) => {
                    target.check_conditions(transaction, dialect).await?
                }
            });
        }
        if let Some(mark) = &self.mark {
            delete_open_intent(transaction, mark).await?;
        }
        let events = self.complete_events(&images)?;
        let mut stored = Vec::with_capacity(images.len());
        for (change, image) in self.changes.into_iter().zip(images) {
            stored.push(match change {
                PreparedChange::Insert(insert) => insert.insert_record(transaction, dialect).await?,
                PreparedChange::Update(update) => update.update_record(transaction, dialect, image, &self.time).await?,
                PreparedChange::Delete(target) => {
                    target.delete_record(transaction, dialect, image).await?;
                    None
                }
            });
        }
        for event in events {
            event.insert_record(transaction, dialect).await?;
        }
        Ok(stored)
    }

    /// The events as they are stored, and their counts in the update of their profile.
    fn complete_events(&mut self, images: &[BeforeImage]) -> Result<Vec<PreparedInsert>> {
        let Some((number, events)) = self.events.take() else { return Ok(Vec::new()) };
        let (Some(image), Some(PreparedChange::Update(update))) = (images.get(number), self.changes.get_mut(number))
        else {
            return Ok(Vec::new());
        };
        let Some(before) = image.to_fields()? else { return Ok(Vec::new()) };
        let before = ReportedProfile::from_fields(&before);
        update.set_fields(events.counts_after(&before))?;
        prepare_inserts(events, &before)
    }
}

fn prepare_inserts(events: ProfileEvents, before: &ReportedProfile) -> Result<Vec<PreparedInsert>> {
    let insert = |event| PreparedInsert::prepare(RecordKind::OutboxEvents, fields_of(&event)?, IfExists::Skip);
    events.complete(before).into_iter().map(insert).collect()
}

/// Says whether an earlier change is about the same record: then what was read before the changes is no longer true.
fn has_change_of(changes: &[PreparedChange], kind: RecordKind, key: &str) -> bool {
    changes.iter().any(|change| change.is_about(kind, key))
}

fn find_audit_time(changes: &[Change]) -> Value {
    let time = changes.iter().find_map(|change| match change {
        Change::Insert { kind: RecordKind::AuditEvents, fields, .. } => fields.get("at"),
        _ => None,
    });
    time.cloned().unwrap_or_else(|| json!(Millis(1)))
}

/// Counts a holder's records. A step of the same holder that runs at the same time waits until this one has ended, and counts
/// what it has stored: PostgreSQL's statements see what was committed before they began.
async fn check_quota(transaction: &mut dyn SqlTransaction, dialect: &Dialect, quota: &HolderQuota) -> CommitResult<()> {
    wait_for_turn(transaction, dialect, &quota.holder).await?;
    let query = Query { keys_only: true, ..quota.records.clone().limited(quota.most) };
    let statement = select_statement(&query, dialect)?;
    let mut held = 0;
    let mut count_row = |_: &dyn SqlRow| {
        held += 1;
        Ok(())
    };
    transaction.fetch(&statement.text, &statement.values, &mut count_row).await?;
    if held >= quota.most { Err(CommitError::Refused(quota.refusal)) } else { Ok(()) }
}

/// Waits until no other step of that name runs. SQLite's steps never run at once.
async fn wait_for_turn(transaction: &mut dyn SqlTransaction, dialect: &Dialect, name: &str) -> Result<()> {
    match dialect.holder_lock {
        Some(lock) => transaction.fetch(lock, &[SqlValue::from_text(name)], &mut |_| Ok(())).await,
        None => Ok(()),
    }
}

async fn delete_open_intent(transaction: &mut dyn SqlTransaction, mark: &str) -> Result<()> {
    match transaction.execute(DELETE_OPEN_INTENT, &[SqlValue::Text(mark.into())]).await? {
        Execution::Changed(1) => Ok(()),
        _ => Err(StoreError::Busy),
    }
}
