//! Decisions: `verified` or `rejected`, about the newest verification record, stored in one commit with all that they set.

use serde_json::json;

use super::{Commit, Comparison, Condition, Refusal};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::{FieldMap, RecordKind};

/// The notes of a status record that a change of the profile's own status makes.
const NOTE_OF_PROFILE_CHANGE: &str = "Set with verification_status";

/// The status record of a decision that is made by changing a profile's status; `None` where the change decides nothing new.
/// The decision is about the newest verification record.
pub(super) fn decide(
    profile: &Profile,
    status: VerificationStatus,
    named: Option<RecordId>,
    event: &AuditEvent,
) -> std::result::Result<Option<StatusRecord>, Refusal> {
    if !status.is_decided() {
        return Ok(None);
    }
    let newest = choose_evidence(profile, named)?;
    let stands = profile.verification_status == status
        && profile.shown_status() == status.word()
        && profile.decided_verification == newest;
    Ok((!stands).then(|| StatusRecord {
        id: RecordId::random_at(event.at),
        profile: profile.id,
        updated_by: event.actor.clone(),
        previous_status: StatusWord::from(profile.shown_status().to_owned()),
        new_status: status.into(),
        notes: Some(NOTE_OF_PROFILE_CHANGE.to_owned()),
        verification: newest,
        reasons: Vec::new(),
        steps: Vec::new(),
        message: None,
        created: event.at,
        follows: None,
    }))
}

/// The verification record that a decision is about: the newest, which is also the one that the decision names, if it names
/// one.
pub(super) fn choose_evidence(
    profile: &Profile,
    named: Option<RecordId>,
) -> std::result::Result<Option<RecordId>, Refusal> {
    let newest = profile.newest_verification;
    if named.is_some() && named != newest { Err(Refusal::EvidenceChanged) } else { Ok(newest) }
}

/// The condition that no other verification record has been added since that one.
pub(super) fn still_newest(newest: Option<RecordId>) -> Condition {
    Condition::new("newest_verification", Comparison::Is(json!(newest)), Refusal::EvidenceChanged)
}

/// The fields of a profile that a decision sets, about its newest verification record.
pub(super) fn decision_fields(word: &StatusWord, newest: Option<RecordId>) -> FieldMap {
    FieldMap::from([("verification_status", json!(word)), ("decided_verification", json!(newest))])
}

/// Adds to a commit that the verification record of a decision has that status too.
pub(super) fn add_decision_of_record(commit: &mut Commit, decision: &StatusRecord) {
    let Some(decided) = decision.verification.filter(|_| decision.new_status.is_decided()) else { return };
    let fields = [("status", json!(decision.new_status)), ("updated", json!(decision.created))];
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    commit.update(RecordKind::VerificationHistory, decided.as_str(), Vec::new(), fields);
}
