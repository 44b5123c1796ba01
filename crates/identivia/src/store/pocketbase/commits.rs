//! A commit as PocketBase can make it: conditions are checked on the records just before, then all changes go in one batch.

use serde_json::Value;

use super::answers::{RefusalReason, unexpected_answer};
use super::commit_plan::{Checked, CommitPlan, plan_commit};
use super::field_mapping::fields_in_pocketbase;
use super::filter::query_filter;
use super::lists::{ListOrder, ListedParts, RecordList};
use super::profile_lock::{LockOutcome, ProfileLock};
use super::reads::{KEYS_OF_A_FILTER, id_of_key};
use super::record_reading::{RecordsBefore, from_pocketbase};
use super::shape::InstanceShape;
use super::shape::fit::field_refusal;
use super::writes::WriteAnswer;
use super::{PocketBase, refuse_file_intents};
use crate::records::RecordKind;
use crate::store::{Change, Commit, CommitOutcome, Comparison, HolderQuota, Order, Query, Result};

impl PocketBase {
    pub(super) async fn make_commit(&self, commit: Commit) -> Result<CommitOutcome> {
        for change in &commit.changes {
            refuse_file_intents(change_kind(change))?;
        }
        // Within this server one such commit is made after the other.
        let _turn = match &commit.quota {
            Some(_) => Some(self.quota_turn.lock().await),
            None => None,
        };
        if let Some(quota) = &commit.quota
            && self.is_used_up(quota).await?
        {
            return Ok(CommitOutcome::Refused(quota.refusal));
        }
        let shape = self.instance_shape().await?;
        let before = self.read_before(&commit.changes).await?;
        let mut plan = match plan_commit(&shape, commit, &before)? {
            Ok(plan) => plan,
            Err(refusal) => return Ok(CommitOutcome::Refused(refusal)),
        };
        let mut lock = plan.lock_profile(&before);
        while !plan.requests.is_empty() {
            match self.write(&mut plan.requests).await? {
                WriteAnswer::Done(records) => return Ok(plan.finish(&shape, records)),
                WriteAnswer::Refused { request, reason } => {
                    let is_lock = reason.is_taken() && plan.requests.get(request).is_some_and(ProfileLock::is_held_by);
                    if let Some(lock) = lock.as_mut().filter(|_| is_lock) {
                        match lock.renew(self, &mut plan.requests).await? {
                            LockOutcome::TryAgain => continue,
                            LockOutcome::Refused(refusal) => return Ok(CommitOutcome::Refused(refusal)),
                        }
                    }
                    if let Err(refusal) = self.settle_refusal(&mut plan, request, reason).await? {
                        return Ok(CommitOutcome::Refused(refusal));
                    }
                }
            }
        }
        Ok(CommitOutcome::Done(plan.stored))
    }

    async fn is_used_up(&self, quota: &HolderQuota) -> Result<bool> {
        let query = Query { keys_only: true, ..quota.records.clone().limited(quota.most) };
        Ok(self.read_records(&query).await?.len() >= quota.most)
    }

    /// Refuses the commit, or leaves the refused change out, so that the others can be made.
    async fn settle_refusal(&self, plan: &mut CommitPlan, number: usize, reason: RefusalReason) -> Result<Checked<()>> {
        let (Some(change), Some(request)) = (plan.changes.get(number), plan.requests.get(number)) else {
            return Err(unexpected_answer());
        };
        let kind = request.kind;
        let (may_be_skipped, refusal) = match &reason {
            RefusalReason::Missing => (request.may_be_missing, change.if_missing),
            reason if reason.is_taken() => (request.may_exist, change.if_taken),
            RefusalReason::Invalid(_) => (false, None),
        };
        match (refusal, reason) {
            (Some(refusal), _) => Ok(Err(refusal)),
            (None, _) if may_be_skipped => {
                plan.leave_out(number);
                self.leave_out_existing(plan, kind).await.map(Ok)
            }
            (None, RefusalReason::Invalid(faults)) => Err(field_refusal(&*self.instance_shape().await?, kind, &faults)),
            (None, RefusalReason::Missing) => Err(unexpected_answer()),
        }
    }

    /// Leaves out every insert of that kind whose record exists: PocketBase names only the first of them.
    async fn leave_out_existing(&self, plan: &mut CommitPlan, kind: RecordKind) -> Result<()> {
        let shape = self.instance_shape().await?;
        let key = fields_in_pocketbase(kind).find(|field| field.in_pocketbase == "id");
        let candidates = plan.requests.iter().filter(|request| request.kind == kind && request.may_exist);
        let ids: Vec<Value> = candidates.map(|request| request.body["id"].clone()).collect();
        let Some(key) = key.filter(|_| !ids.is_empty()) else { return Ok(()) };
        let mut existing = Vec::new();
        for ids in ids.chunks(KEYS_OF_A_FILTER) {
            let query = Query::of_kind(kind).filter(key.name, Comparison::In(ids.to_vec()));
            existing.extend(self.list(&list_of(&shape, &query, ids.len())?).await?);
        }
        for number in (0..plan.requests.len()).rev() {
            let request = &plan.requests[number];
            let is_same = |record: &Value| record["id"] == request.body["id"];
            if request.kind == kind && request.may_exist && existing.iter().any(is_same) {
                plan.leave_out(number);
            }
        }
        Ok(())
    }

    /// Reads the records whose conditions must be checked, and the settings that change: their ids are PocketBase's own.
    async fn read_before(&self, changes: &[Change]) -> Result<RecordsBefore> {
        let mut keys: Vec<(RecordKind, Vec<&str>)> = Vec::new();
        for change in changes {
            let (Change::Update { kind, key, conditions, .. } | Change::Delete { kind, key, conditions }) = change
            else {
                continue;
            };
            if conditions.is_empty() && *kind != RecordKind::Settings {
                continue;
            }
            match keys.iter_mut().find(|(other, _)| other == kind) {
                Some((_, keys)) if !keys.contains(&key.as_str()) => keys.push(key),
                Some(_) => {}
                None => keys.push((*kind, vec![key])),
            }
        }
        let mut before = RecordsBefore::new();
        for (kind, keys) in keys {
            for (key, record) in self.read_by_keys(kind, &keys).await? {
                before.insert((kind, key), record);
            }
        }
        Ok(before)
    }

    async fn read_by_keys(&self, kind: RecordKind, keys: &[&str]) -> Result<Vec<(String, Value)>> {
        let shape = self.instance_shape().await?;
        let mut found = Vec::new();
        if kind == RecordKind::Profiles || kind == RecordKind::Settings || keys.len() == 1 {
            for key in keys {
                let record = match (kind, id_of_key(kind, key)) {
                    (RecordKind::Settings, _) => self.find_setting(key).await?,
                    (_, Some(id)) => self.read_by_id(kind, id, false).await?,
                    (_, None) => None,
                };
                found.extend(record.map(|record| ((*key).to_owned(), record)));
            }
            return Ok(found);
        }
        for keys in keys.chunks(KEYS_OF_A_FILTER) {
            let values = keys.iter().map(|key| Value::from(*key)).collect();
            let query = Query::of_kind(kind).filter(kind.key_field(), Comparison::In(values));
            for record in self.list(&list_of(&shape, &query, keys.len())?).await? {
                let fields = from_pocketbase(&shape, kind, &record);
                let key = fields.get(kind.key_field()).and_then(Value::as_str).unwrap_or_default();
                found.push((key.to_owned(), record));
            }
        }
        Ok(found)
    }
}

fn list_of(shape: &InstanceShape, query: &Query, limit: usize) -> Result<RecordList> {
    Ok(RecordList {
        kind: query.kind,
        filter: query_filter(shape, query)?,
        order: ListOrder::of_query(query.kind, Order::Oldest)?,
        limit,
        after: None,
        parts: ListedParts::Whole,
    })
}

const fn change_kind(change: &Change) -> RecordKind {
    match change {
        Change::Insert { kind, .. } | Change::Update { kind, .. } | Change::Delete { kind, .. } => *kind,
    }
}
