//! Status records: the append-only history of a profile's status.

use serde_json::json;

use super::decisions::{add_decision_of_record, choose_evidence, decision_fields, still_newest};
use super::profiles::profile_conditions;
use super::{
    Commit, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result, Store,
    WriteCondition, WriteOutcome, fields_of, newest_record_fields,
};
use crate::domain::document_editors::editor_field;
use crate::domain::outbox::{DecidedBy, EventBody};
use crate::domain::profile::FileField;
use crate::domain::resubmission::{RESUBMISSION_WORD, is_resubmission};
use crate::domain::status::asks_for_another_try;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::records::verification_record::VerificationRecord;
use crate::records::{FieldMap, RecordKind};

impl dyn Store + '_ {
    /// Adds a status record and returns it as it is stored. With [`WriteCondition::Undecided`] its `previous_status` must
    /// follow from the profile's current status, and that must not be a reviewer's. A decision is about the newest
    /// verification record, which must still be the newest when the decision is stored.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_status(
        &self,
        mut record: StatusRecord,
        reach: &Reach,
        condition: WriteCondition,
        event: AuditEvent,
    ) -> Result<WriteOutcome<StatusRecord>> {
        let mut conditions = profile_conditions(reach, condition);
        if condition == WriteCondition::Undecided {
            let Some(profile) = self.profile(record.profile, reach).await? else { return Ok(Err(Refusal::Missing)) };
            match follow_current_status(&mut record, &profile) {
                Ok(still_current) => conditions.extend(still_current),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        if let Some(named) = record.verification
            && !self.is_verification_of(named, record.profile).await?
        {
            return Ok(Err(Refusal::UnknownVerification));
        }
        let mut profile_fields = FieldMap::new();
        if record.new_status.is_decided() {
            let Some(profile) = self.profile(record.profile, reach).await? else { return Ok(Err(Refusal::Missing)) };
            let newest = match choose_evidence(&profile, record.verification) {
                Ok(newest) => newest,
                Err(refusal) => return Ok(Err(refusal)),
            };
            record.verification = newest;
            conditions.push(still_newest(newest));
            profile_fields = decision_fields(&record.new_status, newest);
        } else if asks_for_another_try(&record.new_status) {
            if is_resubmission(&record.new_status) {
                match self.check_resubmissions(record.profile, reach).await? {
                    Ok(still) => conditions.push(still),
                    Err(refusal) => return Ok(Err(refusal)),
                }
            }
            profile_fields = reopening_fields(&record);
        }
        profile_fields
            .extend(newest_record_fields(RecordKind::StatusHistory, &fields_of(&record)?).unwrap_or_default());
        profile_fields.insert("updated".to_owned(), json!(record.created));
        let mut commit = Commit::default();
        commit.insert(&record, IfExists::Refuse(Refusal::Stale))?;
        commit.update(RecordKind::Profiles, record.profile.as_str(), conditions, profile_fields);
        add_decision_of_record(&mut commit, &record);
        self.settle_reviews(&mut commit, &record).await?;
        let set_by = if condition == WriteCondition::Always { DecidedBy::Client } else { DecidedBy::Link };
        commit.report(&event, record.profile, EventBody::list_of_status(&record, set_by))?;
        self.commit_and_read_first(commit).await
    }

    /// Lists a profile's status records, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_status_records(&self, profile: RecordId, page: &PageRequest) -> Result<Page<StatusRecord>> {
        let query = Query::of_kind(RecordKind::StatusHistory)
            .filter("profile", Comparison::Is(profile.as_str().into()))
            .ordered(Order::Newest);
        self.read_page(query, page).await
    }

    /// Reads a status record.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn status_record(&self, id: RecordId) -> Result<Option<StatusRecord>> {
        self.read_record(id.as_str()).await
    }

    /// Checks that a person may be asked for another try once more. Returns the condition that no other request comes first.
    pub(super) async fn check_resubmissions(
        &self,
        profile: RecordId,
        reach: &Reach,
    ) -> Result<WriteOutcome<Condition>> {
        let Some(profile) = self.profile(profile, reach).await? else { return Ok(Err(Refusal::Missing)) };
        let asked = Query::of_kind(RecordKind::StatusHistory)
            .filter("profile", Comparison::Is(profile.id.as_str().into()))
            .filter("new_status", Comparison::Is(RESUBMISSION_WORD.into()));
        let most = self.review_settings(&profile.team).await?.max_resubmissions;
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let asked = self.read(Query { keys_only: true, ..asked.limited(most.saturating_add(1)) }).await?;
        if asked.len() >= most {
            return Ok(Err(Refusal::TooManyResubmissions));
        }
        let newest = Comparison::Is(json!(profile.newest_status));
        Ok(Ok(Condition::new("newest_status", newest, Refusal::Changed)))
    }

    async fn is_verification_of(&self, id: RecordId, profile: RecordId) -> Result<bool> {
        let record: Option<VerificationRecord> = self.read_record(id.as_str()).await?;
        Ok(record.is_some_and(|record| record.profile == profile))
    }
}

/// Lets a record of a link follow the profile's current status. Two callers may both have read it: the conditions say that it
/// is still the current one when the record is added.
fn follow_current_status(record: &mut StatusRecord, profile: &Profile) -> WriteOutcome<[Condition; 2]> {
    if profile.is_decided() {
        return Err(Refusal::Decided);
    }
    if !profile.is_status_open_to_link() {
        return Err(Refusal::ReviewersStatus);
    }
    if !profile.is_followed_by_step_from(&record.previous_status) {
        return Err(Refusal::Stale);
    }
    record.follows = Some(profile.newest_status.unwrap_or(profile.id));
    let still = |field, value| Condition::new(field, Comparison::Is(value), Refusal::Stale);
    Ok([
        still("newest_status", json!(profile.newest_status)),
        still("verification_status", json!(profile.verification_status)),
    ])
}

/// The fields of a profile whose link opens for another try. Files that have to be sent again are no longer the profile's:
/// its earlier record has copies of its own.
pub(super) fn reopening_fields(request: &StatusRecord) -> FieldMap {
    let mut fields = FieldMap::from([("closed_by", json!(null)), ("reopened_at", json!(request.created))]);
    for field in FileField::ALL.into_iter().filter(|field| request.asks_for_file(*field)) {
        fields.insert(field.name().to_owned(), json!(null));
        if let Some(editor) = editor_field(field) {
            fields.insert(editor.to_owned(), json!(null));
        }
    }
    fields
}
