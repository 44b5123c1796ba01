//! Verification records: the evidence of an attempt, added once.

use serde_json::json;

use super::profiles::profile_conditions;
use super::reviews::add_review_change;
use super::{
    Commit, Comparison, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result, Store, UploadedFiles,
    WriteCondition, WriteOutcome, fields_of, newest_record_fields,
};
use crate::domain::outbox::EventBody;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::liveness_session::LivenessSession;
use crate::records::review::{Review, ReviewState};
use crate::records::verification_record::VerificationRecord;

impl dyn Store + '_ {
    /// Adds a verification record and uses its liveness session up. With [`WriteCondition::Unsubmitted`] it closes the link.
    /// Unknown session ids are accepted: only machine tokens get here with one. Returns the record as it is stored.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_verification(
        &self,
        mut record: VerificationRecord,
        reach: &Reach,
        condition: WriteCondition,
        files: UploadedFiles,
        event: AuditEvent,
    ) -> Result<WriteOutcome<VerificationRecord>> {
        let session: Option<LivenessSession> = self.read_record(&record.liveness_session_id).await?;
        if let Some(session) = &session {
            if !session.may_serve(record.profile, reach) {
                return Ok(Err(Refusal::ForeignSession));
            }
            record.session_claim = Some(session.files_id);
        }
        let mut commit = Commit { files, ..Commit::default() };
        commit.insert(&record, IfExists::Refuse(Refusal::SessionUsed))?;
        let newest = newest_record_fields(RecordKind::VerificationHistory, &fields_of(&record)?);
        let mut profile_fields = newest.unwrap_or_default();
        profile_fields.insert("updated".to_owned(), json!(record.created));
        if condition == WriteCondition::Unsubmitted {
            profile_fields.insert("closed_by".to_owned(), json!(record.id));
        }
        let conditions = profile_conditions(reach, condition);
        commit.update(RecordKind::Profiles, record.profile.as_str(), conditions, profile_fields);
        if let Some(session) = session {
            let used = [("used_by".to_owned(), json!(record.id))].into_iter().collect();
            commit.update(RecordKind::LivenessSessions, &session.id, Vec::new(), used);
        }
        if condition == WriteCondition::Unsubmitted {
            self.add_review_of_submission(&mut commit, &record, reach).await?;
        }
        commit.report(&event, record.profile, vec![EventBody::Submitted { verification: record.id }])?;
        self.commit_and_read_first(commit).await
    }

    /// Adds the review of a record that a person sends, and withdraws those of earlier records. The reviewer who has asked for another
    /// try is offered the new one.
    async fn add_review_of_submission(
        &self,
        commit: &mut Commit,
        record: &VerificationRecord,
        reach: &Reach,
    ) -> Result<()> {
        if !self.keeps_reviews() {
            return Ok(());
        }
        // Without a profile the commit is refused.
        let Some(profile) = self.profile(record.profile, reach).await? else { return Ok(()) };
        let hours = self.review_settings(&profile.team).await?.due_hours;
        let due_at = record.created.plus_seconds(i64::from(hours) * 3_600);
        let tries = profile.attempts.unwrap_or_default().saturating_add(1);
        let mut review = Review::new(record, &profile.team, tries, due_at, record.created);
        for earlier in self.open_reviews_of(record.profile).await? {
            if earlier.state == ReviewState::Waiting {
                (review.assignee, review.assignee_name) = (earlier.assignee.clone(), earlier.assignee_name.clone());
            }
            add_review_change(commit, &earlier, record.created, Review::withdraw)?;
        }
        commit.insert(&review, IfExists::Refuse(Refusal::Changed))
    }

    /// Reads a verification record.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn verification_record(&self, id: RecordId) -> Result<Option<VerificationRecord>> {
        self.read_record(id.as_str()).await
    }

    /// Lists a profile's verification records, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_verification_records(
        &self,
        profile: RecordId,
        page: &PageRequest,
    ) -> Result<Page<VerificationRecord>> {
        let query = Query::of_kind(RecordKind::VerificationHistory)
            .filter("profile", Comparison::Is(profile.as_str().into()))
            .ordered(Order::Newest);
        self.read_page(query, page).await
    }
}
