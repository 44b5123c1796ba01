//! A commit as PocketBase can make it: conditions are checked on the records just before, then all changes go in one batch.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::answers::{RefusalReason, field_refusal, unexpected_answer};
use super::conditions::broken_condition;
use super::field_mapping::{
    PROFILE_VERSION, PROFILE_WORDS, check_that_fields_exist, fields_in_pocketbase, from_pocketbase, hide_foreign_files,
    id_of, report_dropped_fields, to_changed_fields, to_new_record, to_profile_words,
};
use super::filter::query_filter;
use super::lists::{ListOrder, ListedParts, RecordList};
use super::profile_lock::{LockOutcome, ProfileLock, first_version};
use super::reads::{KEYS_OF_A_FILTER, id_of_key};
use super::writes::{WriteAnswer, WriteRequest};
use super::{PocketBase, refuse_file_intents};
use crate::records::id::RecordId;
use crate::records::{FieldFlag, FieldMap, RecordKind};
use crate::store::search::changes_tokens;
use crate::store::{
    Change, Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Query, Refusal, Result, StagedFile,
};

/// A change of a commit for which there is a request.
#[derive(Default)]
struct PlannedChange {
    /// Its number in the commit.
    number: usize,
    /// What the commit is refused with when a unique value exists, and when the record does not.
    if_taken: Option<Refusal>,
    if_missing: Option<Refusal>,
    /// The fields of a profile that PocketBase derives from histories, as they are after the change.
    derived: FieldMap,
}

/// A commit whose conditions have been checked.
struct CommitPlan {
    /// The changes that are still to be made, each with its request.
    changes: Vec<PlannedChange>,
    requests: Vec<WriteRequest>,
    /// The records that are stored once the commit is made, one entry for each change of the commit.
    stored: Vec<Option<FieldMap>>,
    /// The profile that the commit writes, with the conditions under which it may.
    profile: Option<(RecordId, Vec<Condition>)>,
}

/// The records that a commit names, as they were just before it: by kind and key.
type RecordsBefore = HashMap<(RecordKind, String), Value>;

/// The outcome of a check that may refuse the whole commit.
type Checked<T> = std::result::Result<T, Refusal>;

impl PocketBase {
    pub(super) async fn make_commit(&self, commit: Commit) -> Result<CommitOutcome> {
        for change in &commit.changes {
            refuse_file_intents(change_kind(change))?;
        }
        let before = self.read_before(&commit.changes).await?;
        let mut plan = match plan_commit(commit, &before)? {
            Ok(plan) => plan,
            Err(refusal) => return Ok(CommitOutcome::Refused(refusal)),
        };
        let mut lock = plan.lock_profile(&before);
        while !plan.requests.is_empty() {
            match self.write(&mut plan.requests).await? {
                WriteAnswer::Done(records) => return Ok(plan.finish(records)),
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
            (None, RefusalReason::Invalid(faults)) => Err(field_refusal(&faults)),
            (None, RefusalReason::Missing) => Err(unexpected_answer()),
        }
    }

    /// Leaves out every insert of that kind whose record exists: PocketBase names only the first of them.
    async fn leave_out_existing(&self, plan: &mut CommitPlan, kind: RecordKind) -> Result<()> {
        let key = fields_in_pocketbase(kind).find(|field| field.in_pocketbase == "id");
        let candidates = plan.requests.iter().filter(|request| request.kind == kind && request.may_exist);
        let ids: Vec<Value> = candidates.map(|request| request.body["id"].clone()).collect();
        let Some(key) = key.filter(|_| !ids.is_empty()) else { return Ok(()) };
        let mut existing = Vec::new();
        for ids in ids.chunks(KEYS_OF_A_FILTER) {
            let query = Query::of_kind(kind).filter(key.name, Comparison::In(ids.to_vec()));
            existing.extend(self.list(&list_of(&query, ids.len())?).await?);
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
            for record in self.list(&list_of(&query, keys.len())?).await? {
                let key = from_pocketbase(kind, &record)[kind.key_field()].as_str().unwrap_or_default().to_owned();
                found.push((key, record));
            }
        }
        Ok(found)
    }
}

fn list_of(query: &Query, limit: usize) -> Result<RecordList> {
    Ok(RecordList {
        kind: query.kind,
        filter: query_filter(query)?,
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

/// Checks every condition and makes a request of every change.
fn plan_commit(commit: Commit, before: &RecordsBefore) -> Result<Checked<CommitPlan>> {
    let stored = commit.changes.iter().map(|_| None).collect();
    let mut plan = CommitPlan { changes: Vec::new(), requests: Vec::new(), stored, profile: None };
    let mut staged = commit.files.staged;
    for (number, change) in commit.changes.into_iter().enumerate() {
        // Files are the first change's.
        let staged = std::mem::take(&mut staged);
        match change {
            Change::Insert { kind, fields, if_exists } => plan.add_insert(number, kind, &fields, if_exists, staged),
            Change::Update { kind, key, conditions, fields } => match find_target(kind, &key, &conditions, before) {
                Ok(Some(target)) => {
                    plan.add_update(number, &target, &fields, staged)?;
                    if kind == RecordKind::Profiles {
                        plan.profile = Some((target.id, conditions));
                    }
                }
                Ok(None) => {}
                Err(refusal) => return Ok(Err(refusal)),
            },
            Change::Delete { kind, key, conditions } => match find_target(kind, &key, &conditions, before) {
                Ok(Some(target)) => plan.add_delete(number, &target),
                Ok(None) => {}
                Err(refusal) => return Ok(Err(refusal)),
            },
        }
    }
    Ok(Ok(plan))
}

/// The record that an update or a deletion is about.
struct ChangeTarget<'a> {
    kind: RecordKind,
    id: RecordId,
    /// The record as it was just before, where it was read.
    before: Option<&'a Value>,
    /// What the commit is refused with when the record has been removed meanwhile.
    if_missing: Option<Refusal>,
}

/// Finds the record of an update or a deletion and checks its conditions. `None`: there is no such record, and no condition
/// says that there must be one.
fn find_target<'a>(
    kind: RecordKind,
    key: &str,
    conditions: &[Condition],
    before: &'a RecordsBefore,
) -> Checked<Option<ChangeTarget<'a>>> {
    let record = before.get(&(kind, key.to_owned()));
    let if_missing = conditions.first().map(|condition| condition.refusal);
    match (record, if_missing) {
        (None, Some(refusal)) => return Err(refusal),
        (None, None) => {}
        (Some(record), _) => {
            let fields = from_pocketbase(kind, record);
            if let Some(refusal) = broken_condition(kind, record, &fields, conditions) {
                return Err(refusal);
            }
        }
    }
    let id = match (kind, record) {
        (RecordKind::Settings, record) => record.and_then(|record| id_of(record).ok()),
        _ => id_of_key(kind, key),
    };
    Ok(id.map(|id| ChangeTarget { kind, id, before: record, if_missing }))
}

/// The staged files of a record, each with PocketBase's name of the field that names it.
fn files_by_field(kind: RecordKind, fields: &FieldMap, staged: Vec<StagedFile>) -> Vec<(&'static str, StagedFile)> {
    let names_it = |staged: &StagedFile| {
        let mut files = fields_in_pocketbase(kind).filter(|field| field.holds.is_file());
        files.find(|field| fields.get(field.name).is_some_and(|name| *name == *staged.name))
    };
    staged.into_iter().filter_map(|staged| Some((names_it(&staged)?.in_pocketbase, staged))).collect()
}

impl CommitPlan {
    fn add_insert(
        &mut self,
        number: usize,
        kind: RecordKind,
        fields: &FieldMap,
        if_exists: IfExists,
        staged: Vec<StagedFile>,
    ) {
        let mut request = WriteRequest::insert(kind, to_new_record(kind, fields));
        if kind == RecordKind::Profiles {
            request.body[PROFILE_VERSION] = json!(first_version());
            request.body[PROFILE_WORDS] = to_profile_words(fields);
        }
        request.files = files_by_field(kind, fields, staged);
        let if_taken = match if_exists {
            IfExists::Refuse(refusal) => Some(refusal),
            IfExists::Skip => None,
        };
        request.may_exist = if_taken.is_none();
        self.changes.push(PlannedChange { number, if_taken, ..PlannedChange::default() });
        self.requests.push(request);
    }

    /// Adds an update. One that changes only what PocketBase derives from histories needs no request, except to raise the
    /// version of a profile.
    fn add_update(
        &mut self,
        number: usize,
        target: &ChangeTarget<'_>,
        fields: &FieldMap,
        staged: Vec<StagedFile>,
    ) -> Result<()> {
        let kind = target.kind;
        if let Some(record) = target.before {
            check_that_fields_exist(kind, record, fields)?;
        }
        let before = target.before.map(|record| from_pocketbase(kind, record)).unwrap_or_default();
        let mut derived = FieldMap::new();
        for field in kind.fields().iter().filter(|field| field.has_flag(FieldFlag::Derived)) {
            let value = fields.get(field.name).or_else(|| before.get(field.name));
            derived.extend(value.map(|value| (field.name.to_owned(), value.clone())));
        }
        let mut request = WriteRequest::update(kind, target.id, to_changed_fields(kind, fields));
        if changes_tokens(kind, fields) {
            let after = before.iter().chain(fields).map(|(name, value)| (name.clone(), value.clone())).collect();
            request.body[PROFILE_WORDS] = to_profile_words(&after);
        }
        request.files = files_by_field(kind, fields, staged);
        request.may_be_missing = target.if_missing.is_none();
        let has_version = target.before.is_some_and(|record| record.get(PROFILE_VERSION).is_some());
        let is_empty = request.files.is_empty() && request.body.as_object().is_none_or(serde_json::Map::is_empty);
        if is_empty && !has_version {
            self.stored[number] = target.before.is_some().then(|| before.into_iter().chain(derived).collect());
            return Ok(());
        }
        let (if_taken, if_missing) = (Some(Refusal::AlreadyExists), target.if_missing);
        self.changes.push(PlannedChange { number, if_taken, if_missing, derived });
        self.requests.push(request);
        Ok(())
    }

    fn add_delete(&mut self, number: usize, target: &ChangeTarget<'_>) {
        let mut request = WriteRequest::delete(target.kind, target.id);
        request.may_be_missing = target.if_missing.is_none();
        let if_missing = target.if_missing;
        self.changes.push(PlannedChange { number, if_missing, ..PlannedChange::default() });
        self.requests.push(request);
    }

    /// Locks the profile that the commit writes, as it was read.
    fn lock_profile(&mut self, before: &RecordsBefore) -> Option<ProfileLock> {
        let (profile, conditions) = self.profile.take()?;
        let record = before.get(&(RecordKind::Profiles, profile.to_string()))?;
        ProfileLock::new(profile, record, conditions, &mut self.requests)
    }

    fn leave_out(&mut self, number: usize) {
        self.changes.remove(number);
        self.requests.remove(number);
    }

    /// The outcome of a commit whose requests were all done.
    fn finish(mut self, records: Vec<Option<Value>>) -> CommitOutcome {
        for ((change, request), record) in self.changes.into_iter().zip(&self.requests).zip(records) {
            let Some(record) = record.filter(Value::is_object) else { continue };
            if request.is_insert() {
                report_dropped_fields(request.kind, &request.body, &record);
            }
            let mut fields = from_pocketbase(request.kind, &record);
            fields.extend(change.derived);
            if request.kind == RecordKind::Profiles {
                hide_foreign_files(request.kind, &mut fields);
            }
            self.stored[change.number] = Some(fields);
        }
        CommitOutcome::Done(self.stored)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::time::Millis;

    fn fields(json: Value) -> FieldMap {
        serde_json::from_value(json).unwrap()
    }

    fn plan(commit: Commit, before: &RecordsBefore) -> Checked<CommitPlan> {
        plan_commit(commit, before).unwrap()
    }

    #[test]
    fn missing_record_breaks_every_condition() {
        let key = RecordId::random().to_string();
        let mut commit = Commit::default();
        let exists = Condition::exists(RecordKind::Profiles, Refusal::Missing);
        commit.update(RecordKind::Profiles, &key, vec![exists], fields(json!({"country": "UT"})));
        assert_eq!(plan(commit, &RecordsBefore::new()).err(), Some(Refusal::Missing));

        let mut commit = Commit::default();
        commit.update(RecordKind::Settings, "k", Vec::new(), fields(json!({"public": true})));
        let plan = plan(commit, &RecordsBefore::new()).unwrap();
        assert!(plan.requests.is_empty() && plan.stored.iter().all(Option::is_none), "it is skipped");
    }

    #[test]
    fn derived_fields_need_no_request() {
        let id = RecordId::random();
        let before = RecordsBefore::from([((RecordKind::Profiles, id.to_string()), json!({"id": id, "name": "n"}))]);
        let exists = || vec![Condition::exists(RecordKind::Profiles, Refusal::Missing)];
        let newest = json!({"newest_verification": "abc", "submitted_at": Millis(7)});
        let mut commit = Commit::default();
        commit.update(RecordKind::Profiles, id.as_str(), exists(), fields(newest));
        let derived = plan(commit, &before).unwrap();
        assert!(derived.requests.is_empty());
        let stored = derived.stored[0].as_ref().unwrap();
        assert_eq!((&stored["newest_verification"], &stored["name"]), (&json!("abc"), &json!("n")));

        let mut commit = Commit::default();
        let newest = json!({"recorded_status": "pending", "newest_status": "abc"});
        commit.update(RecordKind::Profiles, id.as_str(), exists(), fields(newest));
        let written = plan(commit, &before).unwrap();
        assert_eq!(written.requests[0].body, json!({"recorded_status": "pending"}));
        assert_eq!(written.changes[0].derived["newest_status"], "abc");
    }

    #[test]
    fn files_are_sent_with_the_first_change() {
        let staged = |name: &str| StagedFile { name: name.to_owned(), file: tempfile::tempfile().unwrap() };
        let mut commit = Commit::default();
        let record = json!({"id": RecordId::random(), "document_front": "a_1.png", "created": Millis(1)});
        let insert = Change::Insert {
            kind: RecordKind::VerificationHistory,
            fields: fields(record),
            if_exists: IfExists::Refuse(Refusal::SessionUsed),
        };
        commit.changes.push(insert);
        commit.files.staged = vec![staged("a_1.png"), staged("unnamed.png")];
        let plan = plan(commit, &RecordsBefore::new()).unwrap();
        let request = &plan.requests[0];
        assert_eq!(request.files.iter().map(|(field, _)| *field).collect::<Vec<_>>(), ["document_front"]);
        assert!(request.body.get("document_front").is_none());
    }
}
