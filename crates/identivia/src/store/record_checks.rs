//! Checks on verification records: completed once.

use serde_json::{Value, json};

use super::{Commit, CommitOutcome, Comparison, Condition, IfExists, Refusal, Result, Store};
use crate::records::audit_event::AuditEvent;
use crate::records::checks::Check;
use crate::records::id::RecordId;
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
        record: RecordId,
        completed: &CompletedChecks,
        event: AuditEvent,
    ) -> Result<bool> {
        let mut commit = Commit::default();
        let outcome = fields([
            ("checks_status", json!(completed.status)),
            ("checks", json!(completed.checks)),
            ("face_templates", completed.face_templates.clone().unwrap_or(Value::Null)),
            ("updated", json!(event.at)),
        ]);
        commit.update(RecordKind::VerificationHistory, record.as_str(), vec![pending()], outcome);
        commit.insert(&event, IfExists::Skip)?;
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }
}

fn pending() -> Condition {
    Condition::new("checks_status", Comparison::Is(ChecksStatus::Pending.word().into()), Refusal::Changed)
}

fn fields<const N: usize>(fields: [(&str, Value); N]) -> FieldMap {
    fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
