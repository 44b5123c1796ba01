//! Checks on verification records: completed once.

use serde_json::{Value, json};

use super::{Commit, CommitOutcome, Comparison, Condition, Refusal, Result, Store};
use crate::domain::breakdown::KnownChecks;
use crate::domain::outbox::EventBody;
use crate::records::audit_event::AuditEvent;
use crate::records::checks::Check;
use crate::records::id::RecordId;
use crate::records::review::Review;
use crate::records::verification_record::ChecksStatus;
use crate::records::{FieldMap, RecordKind};

/// The outcome of all checks on a record.
#[derive(Clone, Debug)]
pub struct CompletedChecks {
    pub status: ChecksStatus,
    pub checks: Vec<Check>,
    /// Biometric templates, where the settings keep them.
    pub face_templates: Option<Value>,
}

impl dyn Store + '_ {
    /// Stores the outcome of a record's checks; says whether it was still pending.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn complete_checks(
        &self,
        profile: RecordId,
        record: RecordId,
        completed: &CompletedChecks,
        event: AuditEvent,
    ) -> Result<bool> {
        let mut commit = Commit::default();
        // Every commit that writes both locks the profile first: then no two wait for each other.
        let exists = vec![Condition::exists(RecordKind::Profiles, Refusal::Missing)];
        let changed = fields([("updated", json!(event.at))]);
        commit.update(RecordKind::Profiles, profile.as_str(), exists, changed);
        let outcome = fields([
            ("checks_status", json!(completed.status)),
            ("checks", json!(completed.checks)),
            ("face_templates", completed.face_templates.clone().unwrap_or(Value::Null)),
            ("updated", json!(event.at)),
        ]);
        commit.update(RecordKind::VerificationHistory, record.as_str(), vec![pending()], outcome);
        if let Some(review) = self.review_of_record(record).await? {
            let id = review.id;
            commit.update(RecordKind::Reviews, id.as_str(), Vec::new(), finding_fields(review, completed));
        }
        let checked = EventBody::of_checks(record, completed.status, &completed.checks);
        commit.report(&event, profile, vec![checked])?;
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }
}

/// What the checks note in the review of their record.
fn finding_fields(mut review: Review, completed: &CompletedChecks) -> FieldMap {
    review.set_findings(KnownChecks::Done(completed.checks.clone()).worst_codes(usize::MAX));
    fields([("findings", json!(review.findings)), ("finding_words", json!(review.finding_words))])
}

fn pending() -> Condition {
    Condition::new("checks_status", Comparison::Is(ChecksStatus::Pending.word().into()), Refusal::Changed)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> FieldMap {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
