//! Decisions of reviews: the review, the status record, the profile, its verification record, events and audit record in one
//! commit.

use serde_json::json;

use super::decisions::{add_decision_of_record, decision_fields, still_newest};
use super::profiles::profile_conditions;
use super::reviews::{changed_fields, unchanged_since};
use super::statuses::reopening_fields;
use super::{
    Commit, Comparison, Condition, IfExists, Reach, Refusal, Result, Store, WriteCondition, WriteOutcome, fields_of,
    newest_record_fields,
};
use crate::domain::outbox::{DecidedBy, EventBody};
use crate::domain::resubmission::{RESUBMISSION_WORD, is_resubmission};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::review::{Decider, DeciderKind, Proposal, Review, ReviewNote, ReviewOutcome};
use crate::records::status_record::StatusRecord;
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// The notes of the status records that reviews make.
const DECIDED_NOTE: &str = "Decided in a review";
const REOPENED_NOTE: &str = "Opened again in a review";

/// What a review does to its profile.
pub struct ReviewDecision {
    pub before: Review,
    /// The review after it. The store raises its version.
    pub after: Review,
    /// The new status. The store completes it with what the profile says.
    pub record: StatusRecord,
    pub set_by: DecidedBy,
    /// What must hold of the review beside its version.
    pub held: Vec<Condition>,
    pub note: Option<ReviewNote>,
}

impl ReviewDecision {
    /// The decision of a review.
    #[must_use]
    pub fn of_proposal(review: &Review, proposal: Proposal, note: Option<ReviewNote>, now: Millis) -> Self {
        let mut after = review.clone();
        after.finish(proposal.outcome, now);
        let word = match proposal.outcome {
            ReviewOutcome::Approve => VerificationStatus::Verified.into(),
            ReviewOutcome::Reject => VerificationStatus::Rejected.into(),
            ReviewOutcome::RequestResubmission => StatusWord::from(RESUBMISSION_WORD.to_owned()),
        };
        let record = StatusRecord {
            reasons: proposal.reasons.clone(),
            steps: proposal.steps.clone(),
            message: proposal.message.clone(),
            ..new_record(review, &proposal.by, word, DECIDED_NOTE, now)
        };
        let set_by = set_by(&proposal.by);
        after.proposal = after.proposal.or_else(|| Some(proposal.clone()));
        after.decision = Some(proposal);
        Self { before: review.clone(), after, record, set_by, held: Vec::new(), note }
    }

    /// The reopening of a decided review. `after` is the review that is open again.
    #[must_use]
    pub fn of_reopening(review: &Review, after: Review, by: &Decider, note: ReviewNote, now: Millis) -> Self {
        let record = new_record(review, by, VerificationStatus::Pending.into(), REOPENED_NOTE, now);
        Self { before: review.clone(), after, record, set_by: set_by(by), held: Vec::new(), note: Some(note) }
    }
}

const fn set_by(decider: &Decider) -> DecidedBy {
    match decider.kind {
        DeciderKind::User => DecidedBy::Reviewer,
        DeciderKind::Client => DecidedBy::Client,
    }
}

/// A status record of a review. The store completes it with what the profile says.
fn new_record(review: &Review, by: &Decider, word: StatusWord, note: &str, now: Millis) -> StatusRecord {
    StatusRecord {
        id: RecordId::random_at(now),
        profile: review.profile,
        updated_by: by.id.clone(),
        previous_status: StatusWord::default(),
        new_status: word,
        notes: Some(note.to_owned()),
        verification: Some(review.verification),
        reasons: Vec::new(),
        steps: Vec::new(),
        message: None,
        created: now,
        follows: None,
    }
}

impl dyn Store + '_ {
    /// Makes a decision of a review. It is refused if the review has changed, or if its verification record is no longer the
    /// newest of its profile.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn decide_review(&self, decision: ReviewDecision, event: AuditEvent) -> Result<WriteOutcome<Review>> {
        let ReviewDecision { before, after, mut record, set_by, held, note } = decision;
        let Some(profile) = self.profile(before.profile, &Reach::Every).await? else {
            return Ok(Err(Refusal::Missing));
        };
        if profile.newest_verification != Some(before.verification) {
            return Ok(Err(Refusal::EvidenceChanged));
        }
        record.previous_status = StatusWord::from(profile.shown_status().to_owned());
        record.verification = Some(before.verification);
        let mut conditions = profile_conditions(&Reach::Every, WriteCondition::Always);
        conditions.push(still_newest(Some(before.verification)));
        let newest = Comparison::Is(json!(profile.newest_status));
        conditions.push(Condition::new("newest_status", newest, Refusal::Changed));
        if is_resubmission(&record.new_status) {
            match self.check_resubmissions(before.profile, &Reach::Every).await? {
                Ok(still) => conditions.push(still),
                Err(refusal) => return Ok(Err(refusal)),
            }
        }
        let mut commit = Commit::default();
        commit.insert(&record, IfExists::Refuse(Refusal::Changed))?;
        let fields = profile_fields(&profile, &record)?;
        commit.update(RecordKind::Profiles, before.profile.as_str(), conditions, fields);
        add_status_of_record(&mut commit, &record);
        let after = Review { version: before.version + 1, updated: event.at, ..after };
        let unchanged = unchanged_since(&before).into_iter().chain(held).collect();
        commit.update(RecordKind::Reviews, before.id.as_str(), unchanged, changed_fields(&after)?);
        if let Some(note) = &note {
            commit.insert(note, IfExists::Skip)?;
        }
        commit.report(&event, before.profile, EventBody::list_of_status(&record, set_by))?;
        Ok(self.commit(commit).await?.into_result().map(|()| after))
    }
}

/// The fields of the profile that a new status of a review sets.
fn profile_fields(profile: &Profile, record: &StatusRecord) -> Result<FieldMap> {
    let mut fields = if record.new_status.is_decided() {
        decision_fields(&record.new_status, record.verification)
    } else if is_resubmission(&record.new_status) {
        reopening_fields(record)
    } else {
        // A decision that is opened again: the profile is no longer decided.
        FieldMap::from([
            ("verification_status", json!(VerificationStatus::Pending)),
            ("decided_verification", json!(null)),
        ])
    };
    if is_resubmission(&record.new_status) && profile.verification_status.is_decided() {
        fields.insert("verification_status".to_owned(), json!(VerificationStatus::Pending));
    }
    fields.extend(newest_record_fields(RecordKind::StatusHistory, &fields_of(record)?).unwrap_or_default());
    fields.insert("updated".to_owned(), json!(record.created));
    Ok(fields)
}

/// Adds that the verification record has the status too: that of a decision, or `pending` once it is opened again.
fn add_status_of_record(commit: &mut Commit, record: &StatusRecord) {
    add_decision_of_record(commit, record);
    let is_opened_again = !record.new_status.is_decided() && !is_resubmission(&record.new_status);
    if let Some(verification) = record.verification.filter(|_| is_opened_again) {
        let fields = [("status", json!(record.new_status)), ("updated", json!(record.created))];
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        commit.update(RecordKind::VerificationHistory, verification.as_str(), Vec::new(), fields);
    }
}
