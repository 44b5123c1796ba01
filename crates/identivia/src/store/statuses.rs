//! Status records: the append-only history of a profile's status.

use serde_json::json;

use super::profiles::profile_conditions;
use super::{
    Commit, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result, Store,
    WriteCondition, WriteOutcome, fields_of, newest_record_fields,
};
use crate::domain::status;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::status_record::StatusRecord;
use crate::records::verification_record::VerificationRecord;

impl dyn Store + '_ {
    /// Adds a status record and returns it as it is stored. With [`WriteCondition::Undecided`] its `previous_status` must
    /// follow from the profile's current status.
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
            if profile.is_decided() {
                return Ok(Err(Refusal::Decided));
            }
            if !status::follows(&record.previous_status, &profile) {
                return Ok(Err(Refusal::Stale));
            }
            // Two callers may both have read this status: it must still be the current one when the record is added.
            record.follows = Some(profile.newest_status.unwrap_or(profile.id));
            let still = |field, value| Condition::new(field, Comparison::Is(value), Refusal::Stale);
            conditions.push(still("newest_status", json!(profile.newest_status)));
            conditions.push(still("verification_status", json!(profile.verification_status)));
        }
        if let Some(named) = record.verification
            && !self.is_verification_of(named, record.profile).await?
        {
            return Ok(Err(Refusal::UnknownVerification));
        }
        let repeated = newest_record_fields(RecordKind::StatusHistory, &fields_of(&record)?).unwrap_or_default();
        let mut commit = Commit::default();
        commit.insert(&record, IfExists::Refuse(Refusal::Stale))?;
        commit.update(RecordKind::Profiles, record.profile.as_str(), conditions, repeated);
        commit.insert(&event, IfExists::Skip)?;
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

    async fn is_verification_of(&self, id: RecordId, profile: RecordId) -> Result<bool> {
        let record: Option<VerificationRecord> = self.read_record(id.as_str()).await?;
        Ok(record.is_some_and(|record| record.profile == profile))
    }
}
