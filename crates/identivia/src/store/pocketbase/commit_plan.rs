//! Plans a commit: checks its conditions on the records as they were just before, and makes a request of every change.

use serde_json::{Value, json};

use super::conditions::broken_condition;
use super::events::add_events;
use super::field_mapping::{
    PROFILE_VERSION, PROFILE_WORDS, check_that_fields_exist, fields_in_pocketbase, hide_foreign_files, id_of,
    report_dropped_fields, to_changed_fields, to_new_record, to_profile_words,
};
use super::profile_lock::{ProfileLock, first_version};
use super::reads::id_of_key;
use super::record_reading::{RecordsBefore, from_pocketbase};
use super::review_versions::{VersionRequests, take_review_version};
use super::shape::InstanceShape;
use super::writes::WriteRequest;
use crate::domain::outbox::ProfileEvents;
use crate::records::id::RecordId;
use crate::records::{FieldFlag, FieldMap, RecordKind};
use crate::store::search::changes_tokens;
use crate::store::{Change, Commit, CommitOutcome, Condition, IfExists, Refusal, Result, StagedFile};

/// A change of a commit for which there is a request.
#[derive(Default)]
pub(super) struct PlannedChange {
    /// Its number in the commit; `None` for what PocketBase needs beside the commit's own changes.
    pub(super) number: Option<usize>,
    /// What the commit is refused with when a unique value exists, and when the record does not.
    pub(super) if_taken: Option<Refusal>,
    pub(super) if_missing: Option<Refusal>,
    /// The fields of a profile that PocketBase derives from histories, as they are after the change.
    pub(super) derived: FieldMap,
}

/// A commit whose conditions have been checked.
pub(super) struct CommitPlan {
    /// The changes that are still to be made, each with its request.
    pub(super) changes: Vec<PlannedChange>,
    pub(super) requests: Vec<WriteRequest>,
    /// The records that are stored once the commit is made, one entry for each change of the commit.
    pub(super) stored: Vec<Option<FieldMap>>,
    /// The profile that the commit writes, with the conditions under which it may.
    pub(super) profile: Option<(RecordId, Vec<Condition>)>,
    events: Option<ProfileEvents>,
}

/// The outcome of a check that may refuse the whole commit.
pub(super) type Checked<T> = std::result::Result<T, Refusal>;

/// Checks every condition and makes a request of every change.
pub(super) fn plan_commit(
    shape: &InstanceShape,
    mut commit: Commit,
    before: &RecordsBefore,
) -> Result<Checked<CommitPlan>> {
    add_events(shape, &mut commit, before)?;
    let stored = commit.changes.iter().map(|_| None).collect();
    let mut plan =
        CommitPlan { changes: Vec::new(), requests: Vec::new(), stored, profile: None, events: commit.events };
    let mut staged = commit.files.staged;
    for (number, change) in commit.changes.into_iter().enumerate() {
        // Files are the first change's.
        let staged = std::mem::take(&mut staged);
        match change {
            Change::Insert { kind, fields, if_exists } => {
                let mut body = to_new_record(shape, kind, &fields)?;
                if kind == RecordKind::Profiles {
                    body[PROFILE_VERSION] = json!(first_version());
                    body[PROFILE_WORDS] = to_profile_words(&fields);
                }
                let files = files_by_field(kind, &fields, staged);
                plan.add_insert(number, WriteRequest { files, ..WriteRequest::insert(kind, body) }, if_exists);
            }
            Change::Update { kind, key, conditions, fields } => {
                match find_target(shape, kind, &key, &conditions, before) {
                    Ok(Some(target)) => {
                        let version = match kind {
                            RecordKind::Reviews => take_review_version(shape, target.id, &conditions, &fields)?,
                            _ => VersionRequests::default(),
                        };
                        plan.add_version_request(version.take);
                        plan.add_update(shape, number, &target, &fields, staged)?;
                        plan.add_version_request(version.give_back);
                        if kind == RecordKind::Profiles {
                            plan.profile = Some((target.id, conditions));
                        }
                    }
                    Ok(None) => {}
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            Change::Delete { kind, key, conditions } => match find_target(shape, kind, &key, &conditions, before) {
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
    shape: &InstanceShape,
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
            let fields = from_pocketbase(shape, kind, record);
            if let Some(refusal) = broken_condition(shape, kind, record, &fields, conditions) {
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
    fn add_insert(&mut self, number: usize, mut request: WriteRequest, if_exists: IfExists) {
        let if_taken = match if_exists {
            IfExists::Refuse(refusal) => Some(refusal),
            IfExists::Skip => None,
        };
        request.may_exist = if_taken.is_none();
        self.changes.push(PlannedChange { number: Some(number), if_taken, ..PlannedChange::default() });
        self.requests.push(request);
    }

    /// Adds an update. One that changes only what PocketBase derives from histories needs no request, except to raise the
    /// version of a profile.
    fn add_update(
        &mut self,
        shape: &InstanceShape,
        number: usize,
        target: &ChangeTarget<'_>,
        fields: &FieldMap,
        staged: Vec<StagedFile>,
    ) -> Result<()> {
        let kind = target.kind;
        if let Some(record) = target.before {
            check_that_fields_exist(kind, record, fields)?;
        }
        let before = target.before.map(|record| from_pocketbase(shape, kind, record)).unwrap_or_default();
        let mut derived = FieldMap::new();
        for field in kind.fields().iter().filter(|field| field.has_flag(FieldFlag::Derived)) {
            let value = fields.get(field.name).or_else(|| before.get(field.name));
            derived.extend(value.map(|value| (field.name.to_owned(), value.clone())));
        }
        let mut request = WriteRequest::update(kind, target.id, to_changed_fields(shape, kind, fields)?);
        if kind == RecordKind::Profiles && changes_tokens(kind, fields) {
            let after = before.clone().into_iter().chain(fields.clone()).collect();
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
        self.changes.push(PlannedChange { number: Some(number), if_taken, if_missing, derived });
        self.requests.push(request);
        Ok(())
    }

    fn add_delete(&mut self, number: usize, target: &ChangeTarget<'_>) {
        let mut request = WriteRequest::delete(target.kind, target.id);
        request.may_be_missing = target.if_missing.is_none();
        let if_missing = target.if_missing;
        self.changes.push(PlannedChange { number: Some(number), if_missing, ..PlannedChange::default() });
        self.requests.push(request);
    }

    /// Adds a request that fails when another change of the review was made first.
    fn add_version_request(&mut self, request: Option<WriteRequest>) {
        let Some(request) = request else { return };
        let (if_taken, if_missing) = (Some(Refusal::Changed), Some(Refusal::Changed));
        self.changes.push(PlannedChange { if_taken, if_missing, ..PlannedChange::default() });
        self.requests.push(request);
    }

    /// Locks the profile that the commit writes, as it was read.
    pub(super) fn lock_profile(&mut self, before: &RecordsBefore) -> Option<ProfileLock> {
        let (profile, conditions) = self.profile.take()?;
        let record = before.get(&(RecordKind::Profiles, profile.to_string()))?;
        ProfileLock::new(profile, record, conditions, self.events.take(), &mut self.requests)
    }

    pub(super) fn leave_out(&mut self, number: usize) {
        self.changes.remove(number);
        self.requests.remove(number);
    }

    /// The outcome of a commit whose requests were all done.
    pub(super) fn finish(mut self, shape: &InstanceShape, records: Vec<Option<Value>>) -> CommitOutcome {
        for ((change, request), record) in self.changes.into_iter().zip(&self.requests).zip(records) {
            let (Some(number), Some(record)) = (change.number, record.filter(Value::is_object)) else { continue };
            if request.is_insert() {
                report_dropped_fields(request.kind, &request.body, &record);
            }
            let mut fields = from_pocketbase(shape, request.kind, &record);
            fields.extend(change.derived);
            if request.kind == RecordKind::Profiles {
                hide_foreign_files(request.kind, &mut fields);
            }
            self.stored[number] = Some(fields);
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
        plan_commit(&InstanceShape::default(), commit, before).unwrap()
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
