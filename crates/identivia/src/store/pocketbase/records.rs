//! PocketBase's records as ours, and ours as PocketBase's. A field that is not there reads as unknown: an instance may
//! be older than we are.

use serde_json::{Map, Value, json};

use crate::domain::checks::{Checked, ChecksStatus, DueChecks, checks_of};
use crate::domain::event::Event;
use crate::domain::fingerprint::event_of;
use crate::domain::flow::{Consent, Draft, Journey};
use crate::domain::handoff::{Handed, Handoff};
use crate::domain::liveness::{ConfirmedBy, Details, SESSION_FILES, Session, SessionStatus};
use crate::domain::media::is_stored_name;
use crate::domain::profile::{
    FileField, NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFiles, ProfileView, VerificationStatus,
};
use crate::domain::status::StatusRecord;
use crate::domain::verification::{FIRST_STATUS, NewVerification, Summary, VerificationRecord};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Result, Setting, StoreError};

/// Where a profile's histories are found when it is read with them.
pub(super) const STATUSES: &str = "status_history_via_profile";
pub(super) const VERIFICATIONS: &str = "verification_history_via_profile";
/// PocketBase hands out no more of a profile's history records with it, and the first ones at that.
pub(super) const MOST_EXPANDED: usize = 1_000;

/// A field's text. Numbers and objects, which another program may have stored, as their JSON.
pub(super) fn text(record: &Value, field: &str) -> String {
    match &record[field] {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

pub(super) fn real(record: &Value, field: &str) -> Option<f64> {
    record[field].as_f64()
}

pub(super) fn millis(record: &Value, field: &str) -> Millis {
    record[field].as_str().and_then(Millis::parse).unwrap_or(Millis(0))
}

fn malformed(what: &str) -> StoreError {
    StoreError::Failed(format!("PocketBase has a record with {what} that is not one of ours"))
}

pub(super) fn id(record: &Value) -> Result<RecordId> {
    id_in(record, "id")
}

pub(super) fn id_in(record: &Value, field: &str) -> Result<RecordId> {
    record[field].as_str().and_then(RecordId::parse).ok_or_else(|| malformed("an id"))
}

/// The history records that came with a profile, oldest first.
fn expanded<'a>(profile: &'a Value, history: &str) -> &'a [Value] {
    profile["expand"][history].as_array().map_or(&[], Vec::as_slice)
}

/// The newest of some history records. Of those made in the same millisecond the last one given: they come in the order
/// of their making.
fn newest(records: &[Value]) -> Option<&Value> {
    records.iter().max_by_key(|record| record["created"].as_str().unwrap_or_default())
}

/// What the newest record of a history that came with a profile says; empty when it has none.
pub(super) fn newest_of(profile: &Value, history: &str, field: &str) -> String {
    newest(expanded(profile, history)).map(|record| text(record, field)).unwrap_or_default()
}

/// Says whether a profile came with so many history records that newer ones may have been left out.
pub(super) fn is_cut_off(profile: &Value) -> bool {
    [STATUSES, VERIFICATIONS].iter().any(|history| expanded(profile, history).len() >= MOST_EXPANDED)
}

/// The newest record's status, by the history itself; by what was noted in the profile where no history came with it.
fn recorded_status(profile: &Value) -> String {
    match newest(expanded(profile, STATUSES)) {
        Some(record) => text(record, "new_status"),
        None => text(profile, "recorded_status"),
    }
}

/// What a step of this profile's story follows: the newest status record, or the profile itself before the first.
pub(super) fn newest_step(profile: &Value) -> &Value {
    newest(expanded(profile, STATUSES)).map_or(&profile["id"], |record| &record["id"])
}

/// The profile's own status; another program's empty one is the first of ours.
pub(super) fn own_status(profile: &Value) -> String {
    let status = text(profile, "status");
    if status.is_empty() { VerificationStatus::Unverified.word().to_owned() } else { status }
}

pub(super) fn profile(record: &Value) -> Result<Profile> {
    let mut files = ProfileFiles::default();
    for field in FileField::ALL {
        // What another program keeps there, a PDF say, is no file of ours.
        let name = text(record, field.name());
        *files.get_mut(field) = if is_stored_name(&name) { name } else { String::new() };
    }
    Ok(Profile {
        id: id(record)?,
        team: text(record, "team"),
        verification_status: own_status(record),
        recorded_status: recorded_status(record),
        document_type: text(record, "document_type"),
        document_number: text(record, "document_number"),
        document_name: text(record, "document_name"),
        country: text(record, "country"),
        files,
        updated: millis(record, "updated"),
    })
}

pub(super) fn journey(record: &Value) -> Result<Journey> {
    let made = |history| newest(expanded(record, history)).map(|newest| millis(newest, "created"));
    Ok(Journey {
        profile: profile(record)?,
        language: text(record, "language"),
        consent: Consent::of_json(&text(record, "consent")),
        draft: Draft::of_json(&text(record, "details_draft")),
        redirect_url: text(record, "redirect_url"),
        submitted: made(VERIFICATIONS),
        status_recorded: made(STATUSES),
    })
}

pub(super) fn handed(record: &Value) -> Result<Handed> {
    Ok(Handed {
        profile: id(record)?,
        token_ends: millis(record, "handoff_token_ends"),
        scope: text(record, "handoff_scope"),
    })
}

/// What is kept of a code that is given out.
pub(super) fn handoff_fields(handoff: &Handoff) -> Value {
    json!({
        "handoff_code": handoff.code_hash,
        "handoff_ends": handoff.ends,
        "handoff_token_ends": handoff.token_ends,
        "handoff_scope": handoff.scope,
    })
}

pub(super) fn profile_view(record: &Value) -> Result<ProfileView> {
    let verification_status = own_status(record);
    let recorded = recorded_status(record);
    Ok(ProfileView {
        name: text(record, "name"),
        document_type: text(record, "document_type"),
        document_number: text(record, "document_number"),
        country: text(record, "country"),
        language: text(record, "language"),
        status: if recorded.is_empty() { verification_status.clone() } else { recorded },
        verification_status,
        security_level: text(record, "security_level"),
        created_at: millis(record, "created"),
        verification_history: newest(expanded(record, VERIFICATIONS)).map(summary).transpose()?,
        consent: Consent::of_json(&text(record, "consent")),
    })
}

fn summary(record: &Value) -> Result<Summary> {
    Ok(Summary {
        id: id(record)?,
        profile: id_in(record, "profile")?,
        status: text(record, "status"),
        liveness_session_id: text(record, "liveness_session_id"),
        liveness_confidence: real(record, "liveness_confidence"),
        liveness_status: text(record, "liveness_status"),
        document_type: text(record, "document_type"),
        name: text(record, "name"),
        document_number: text(record, "document_number"),
        country: text(record, "country"),
        created: millis(record, "created"),
        updated: millis(record, "updated"),
        checks_status: text(record, "checks_status"),
        checks: checks_of(&text(record, "checks")),
    })
}

/// An entry of the list of profiles, whose histories are not read: its status is what was noted in the profile.
pub(super) fn profile_entry(record: &Value) -> Result<ProfileEntry> {
    let verification_status = own_status(record);
    let recorded = text(record, "recorded_status");
    Ok(ProfileEntry {
        id: id(record)?,
        user_id: text(record, "userID"),
        team: text(record, "team"),
        name: text(record, "name"),
        document_type: text(record, "document_type"),
        document_number: text(record, "document_number"),
        country: text(record, "country"),
        status: if recorded.is_empty() { verification_status.clone() } else { recorded },
        verification_status,
        created_at: millis(record, "created"),
        updated: millis(record, "updated"),
    })
}

pub(super) fn status_record(record: &Value) -> Result<StatusRecord> {
    Ok(StatusRecord {
        id: id(record)?,
        profile: id_in(record, "profile")?,
        updated_by: text(record, "updated_by"),
        previous_status: text(record, "previous_status"),
        new_status: text(record, "new_status"),
        notes: text(record, "notes"),
        verification: text(record, "verification"),
        created: millis(record, "created"),
    })
}

/// A date field of PocketBase's shows a time behind the date.
pub(super) fn date_of_birth(record: &Value) -> String {
    text(record, "date_of_birth").chars().take("YYYY-MM-DD".len()).collect()
}

pub(super) fn verification_record(record: &Value) -> Result<VerificationRecord> {
    Ok(VerificationRecord {
        id: id(record)?,
        profile: id_in(record, "profile")?,
        status: text(record, "status"),
        liveness_session_id: text(record, "liveness_session_id"),
        liveness_confidence: real(record, "liveness_confidence"),
        liveness_status: text(record, "liveness_status"),
        liveness_confirmed_by: text(record, "liveness_confirmed_by"),
        claimed_liveness_confidence: real(record, "claimed_confidence"),
        claimed_liveness_status: text(record, "claimed_status"),
        document_type: text(record, "document_type"),
        document_number: text(record, "document_number"),
        country: text(record, "country"),
        name: text(record, "name"),
        address: text(record, "address"),
        gender: text(record, "gender"),
        date_of_birth: date_of_birth(record),
        ip_address: text(record, "ip_address"),
        facial_photo: text(record, "facial_photo"),
        document_front: text(record, "document_front"),
        document_back: text(record, "document_back"),
        created: millis(record, "created"),
        updated: millis(record, "updated"),
        fingerprint_status: text(record, "fingerprint_status"),
        fingerprint_event: event_of(&text(record, "fingerprint_event")),
        checks_status: text(record, "checks_status"),
        checks: checks_of(&text(record, "checks")),
    })
}

pub(super) fn due_checks(record: &Value) -> Result<DueChecks> {
    let attempt = real(record, "checks_attempts").unwrap_or_default() as u32;
    Ok(DueChecks { record: verification_record(record)?, attempt })
}

pub(super) fn session(record: &Value) -> Result<Session> {
    Ok(Session {
        id: text(record, "session_id"),
        profile: RecordId::parse(&text(record, "profile")),
        team: text(record, "team"),
        status: SessionStatus::of(&text(record, "status")).ok_or_else(|| malformed("a session status"))?,
        confidence: real(record, "confidence"),
        expires: millis(record, "expires"),
        used: !text(record, "used_by").is_empty(),
        details: Details::of_json(&text(record, "details")),
        files: SESSION_FILES.map(|field| text(record, field)),
    })
}

pub(super) fn setting(record: &Value) -> Setting {
    Setting {
        key: text(record, "key"),
        value: record["value"].to_string(),
        public: record["public"].as_bool().unwrap_or_default(),
    }
}

pub(super) fn new_profile(id: RecordId, new: &NewProfile, now: Millis) -> Value {
    json!({
        "id": id,
        "team": new.team,
        "userID": new.user_id,
        "name": new.name,
        "document_type": new.document_type,
        "document_number": new.document_number,
        "country": new.country,
        "phone_number": new.phone_number,
        "email": new.email,
        "security_level": new.security_level,
        "gender": new.gender,
        "ip_address": new.ip_address,
        "language": new.language,
        "redirect_url": new.redirect_url,
        "status": VerificationStatus::Unverified.word(),
        "created": now,
        "updated": now,
    })
}

/// What a change sets, its files left out: they travel beside it.
pub(super) fn profile_change(change: &ProfileChange, now: Millis) -> Value {
    let mut fields = Map::new();
    fields.insert("updated".to_owned(), json!(now));
    let texts = [
        ("status", change.verification_status.map(VerificationStatus::word)),
        ("document_type", change.document_type.as_deref()),
        ("document_number", change.document_number.as_deref()),
        ("document_name", change.document_name.as_deref()),
        ("country", change.country.as_deref()),
    ];
    for (name, value) in texts {
        if let Some(value) = value {
            fields.insert(name.to_owned(), json!(value));
        }
    }
    if let Some(consent) = &change.consent {
        fields.insert("consent".to_owned(), json!(consent.to_json()));
    }
    if let Some(draft) = &change.draft {
        fields.insert("details_draft".to_owned(), json!(draft.to_json()));
    }
    if let Some(claim) = &change.claim {
        set_given(&mut fields, "claimed_session_id", &claim.session_id);
        set_given(&mut fields, "claimed_status", &claim.status);
        set_given(&mut fields, "face_liveness_result", &change.claimed_result);
        set_confidence(&mut fields, "claimed_confidence", claim.confidence);
    }
    if let Some((session, confirmed)) = &change.confirmed {
        if confirmed.by == ConfirmedBy::Provider {
            // The provider's finding replaces all that stood; a trusted server's word only what it said.
            for field in ["face_liveness_session_id", "face_liveness_status", "face_liveness_confidence"] {
                fields.insert(field.to_owned(), Value::Null);
            }
        }
        set_given(&mut fields, "face_liveness_session_id", session);
        set_given(&mut fields, "face_liveness_status", &confirmed.status);
        set_confidence(&mut fields, "face_liveness_confidence", confirmed.confidence);
        fields.insert("liveness_confirmed_by".to_owned(), json!(confirmed.by.word()));
    }
    Value::Object(fields)
}

fn set_given(fields: &mut Map<String, Value>, name: &str, value: &str) {
    if !value.is_empty() {
        fields.insert(name.to_owned(), json!(value));
    }
}

fn set_confidence(fields: &mut Map<String, Value>, name: &str, value: Option<f64>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), json!(value));
    }
}

pub(super) fn new_status(record: &StatusRecord) -> Value {
    json!({
        "id": record.id,
        "profile": record.profile,
        "updated_by": record.updated_by,
        "previous_status": record.previous_status,
        "new_status": record.new_status,
        "notes": record.notes,
        "verification": record.verification,
        "created": record.created,
        "updated": record.created,
    })
}

/// A new verification record, its files left out. `claim` is the id of the session that it uses up, or empty.
pub(super) fn new_verification(record: &NewVerification, claim: &str) -> Value {
    let evidence = &record.evidence;
    json!({
        "id": record.id,
        "profile": record.profile,
        "status": FIRST_STATUS,
        "liveness_session_id": evidence.claim.session_id,
        "session_claim": claim,
        "liveness_confidence": evidence.confirmed.confidence,
        "liveness_status": evidence.confirmed.status,
        "liveness_confirmed_by": evidence.confirmed.by.word(),
        "claimed_confidence": evidence.claim.confidence,
        "claimed_status": evidence.claim.status,
        "document_type": evidence.document_type,
        "document_number": evidence.document_number,
        "country": evidence.country,
        "name": evidence.name,
        "address": evidence.address,
        "gender": evidence.gender,
        "date_of_birth": evidence.date_of_birth,
        "fingerprint": evidence.fingerprint,
        "fingerprint_status": evidence.device.status_word(),
        "fingerprint_event": evidence.device.event,
        "ip_address": evidence.ip_address,
        "created_by": record.created_by,
        "created": record.created,
        "updated": record.created,
        "checks_status": ChecksStatus::Pending.word(),
        "checks_due": record.created,
    })
}

/// What the checks on a record have come to.
pub(super) fn checked(checked: &Checked, now: Millis) -> Value {
    json!({
        "checks_status": checked.status.word(),
        "checks": checked.to_json(),
        "face_templates": checked.face_templates,
        "updated": now,
    })
}

pub(super) fn session_fields(session: &Session) -> Value {
    json!({
        "session_id": session.id,
        "profile": session.profile.as_ref().map_or("", RecordId::as_str),
        "team": session.team,
        "status": session.status.word(),
        "confidence": session.confidence,
        "expires": session.expires,
        "details": session.details.to_json(),
    })
}

/// What has become of a session, its files left out.
pub(super) fn session_result(session: &Session) -> Value {
    let status = session.status.word();
    if !session.status.is_finished() {
        return json!({"status": status});
    }
    json!({"status": status, "confidence": session.confidence, "details": session.details.to_json()})
}

pub(super) fn new_event(event: &Event) -> Value {
    json!({
        "id": event.id,
        "at": event.at,
        "kind": event.kind.word(),
        "actor": event.actor,
        "profile": event.profile.as_ref().map_or("", RecordId::as_str),
        "request_id": event.request_id,
        "detail": event.detail,
    })
}

/// What replaces or makes a setting. PocketBase reads a text in a JSON field as JSON, so the value goes as its JSON text:
/// then even a text of digits stays a text.
pub(super) fn setting_fields(setting: &Setting, now: Millis) -> Value {
    json!({"key": setting.key, "value": setting.value, "public": setting.public, "updated": now})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_none_of_ours_is_not_there_to_be_copied() {
        let id = RecordId::random();
        let read = profile(&json!({"id": id, "document_front": "scan_0f72x8h4bh.pdf", "document_back": ["a_1.png"],
            "facial_photo": "photo_0f72x8h4bh.PNG"}));
        let files = read.unwrap().files;
        assert_eq!(files.get(FileField::DocumentFront), "");
        assert_eq!(files.get(FileField::DocumentBack), "");
        assert_eq!(files.get(FileField::FacialPhoto), "photo_0f72x8h4bh.PNG");
    }
}
