//! Rows of the database as the records they are.

use super::Columns;
use crate::domain::checks::{DueChecks, checks_of};
use crate::domain::fingerprint::event_of;
use crate::domain::flow::{Consent, Draft, Journey};
use crate::domain::handoff::Handed;
use crate::domain::liveness::{Details, Session, SessionStatus};
use crate::domain::profile::{Profile, ProfileEntry, ProfileFiles, ProfileView};
use crate::domain::status::StatusRecord;
use crate::domain::verification::{Summary, VerificationRecord};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Collection, Counted, FileIntent, Page, Result, Setting, StoreError};

/// A row of a history: its place in the order, and the record.
pub(super) type Placed<T> = (i64, T);

fn id(row: &dyn Columns, column: usize) -> Result<RecordId> {
    RecordId::parse(&row.text(column)?).ok_or_else(|| malformed(column))
}

fn malformed(column: usize) -> StoreError {
    StoreError::Failed(format!("column {column} of a row holds a value that is not one of ours"))
}

fn millis(row: &dyn Columns, column: usize) -> Result<Millis> {
    row.number(column).map(Millis)
}

pub(super) fn profile(row: &dyn Columns) -> Result<Profile> {
    Ok(Profile {
        id: id(row, 0)?,
        team: row.text(1)?,
        verification_status: row.text(2)?,
        recorded_status: row.text(3)?,
        document_type: row.text(4)?,
        document_number: row.text(5)?,
        document_name: row.text(6)?,
        country: row.text(7)?,
        files: ProfileFiles {
            document_front: row.text(8)?,
            document_back: row.text(9)?,
            facial_photo: row.text(10)?,
            facial_video: row.text(11)?,
        },
        updated: millis(row, 12)?,
    })
}

pub(super) fn journey(row: &dyn Columns) -> Result<Journey> {
    // Zero is no time: nothing of ours was made in 1970.
    let made = |column| Ok::<_, StoreError>(Some(millis(row, column)?).filter(|time| time.0 != 0));
    Ok(Journey {
        profile: profile(row)?,
        language: row.text(13)?,
        consent: Consent::of_json(&row.text(14)?),
        draft: Draft::of_json(&row.text(15)?),
        redirect_url: row.text(16)?,
        submitted: made(17)?,
        status_recorded: made(18)?,
    })
}

pub(super) fn handed(row: &dyn Columns) -> Result<Handed> {
    Ok(Handed { profile: id(row, 0)?, token_ends: millis(row, 1)?, scope: row.text(2)? })
}

pub(super) fn profile_view(row: &dyn Columns) -> Result<ProfileView> {
    let verification_status = row.text(6)?;
    let recorded = row.text(7)?;
    Ok(ProfileView {
        name: row.text(1)?,
        document_type: row.text(2)?,
        document_number: row.text(3)?,
        country: row.text(4)?,
        language: row.text(5)?,
        status: if recorded.is_empty() { verification_status.clone() } else { recorded },
        verification_status,
        security_level: row.text(8)?,
        created_at: millis(row, 9)?,
        verification_history: row.maybe_text(10)?.map(|newest| summary(&newest, row)).transpose()?,
        consent: Consent::of_json(&row.text(23)?),
    })
}

fn summary(newest: &str, row: &dyn Columns) -> Result<Summary> {
    Ok(Summary {
        id: RecordId::parse(newest).ok_or_else(|| malformed(10))?,
        profile: id(row, 0)?,
        status: row.text(11)?,
        liveness_session_id: row.text(12)?,
        liveness_confidence: row.maybe_real(13)?,
        liveness_status: row.text(14)?,
        document_type: row.text(15)?,
        name: row.text(16)?,
        document_number: row.text(17)?,
        country: row.text(18)?,
        created: millis(row, 19)?,
        updated: millis(row, 20)?,
        checks_status: row.text(21)?,
        checks: checks_of(&row.text(22)?),
    })
}

pub(super) fn the_id(row: &dyn Columns) -> Result<RecordId> {
    id(row, 0)
}

pub(super) fn the_text(row: &dyn Columns) -> Result<String> {
    row.text(0)
}

pub(super) fn setting(row: &dyn Columns) -> Result<Setting> {
    Ok(Setting { key: row.text(0)?, value: row.text(1)?, public: row.number(2)? != 0 })
}

pub(super) fn profile_entry(row: &dyn Columns) -> Result<Placed<ProfileEntry>> {
    let entry = ProfileEntry {
        id: id(row, 1)?,
        user_id: row.text(2)?,
        team: row.text(3)?,
        name: row.text(4)?,
        document_type: row.text(5)?,
        document_number: row.text(6)?,
        country: row.text(7)?,
        verification_status: row.text(8)?,
        status: row.text(9)?,
        created_at: millis(row, 10)?,
        updated: millis(row, 11)?,
    };
    Ok((row.number(0)?, entry))
}

pub(super) fn status_record(row: &dyn Columns) -> Result<Placed<StatusRecord>> {
    let record = StatusRecord {
        id: id(row, 1)?,
        profile: id(row, 2)?,
        updated_by: row.text(3)?,
        previous_status: row.text(4)?,
        new_status: row.text(5)?,
        notes: row.text(6)?,
        verification: row.text(7)?,
        created: millis(row, 8)?,
    };
    Ok((row.number(0)?, record))
}

pub(super) fn verification_record(row: &dyn Columns) -> Result<Placed<VerificationRecord>> {
    let record = VerificationRecord {
        id: id(row, 1)?,
        profile: id(row, 2)?,
        status: row.text(3)?,
        liveness_session_id: row.text(4)?,
        liveness_confidence: row.maybe_real(5)?,
        liveness_status: row.text(6)?,
        liveness_confirmed_by: row.text(7)?,
        claimed_liveness_confidence: row.maybe_real(8)?,
        claimed_liveness_status: row.text(9)?,
        document_type: row.text(10)?,
        document_number: row.text(11)?,
        country: row.text(12)?,
        name: row.text(13)?,
        address: row.text(14)?,
        gender: row.text(15)?,
        date_of_birth: row.text(16)?,
        ip_address: row.text(17)?,
        facial_photo: row.text(18)?,
        document_front: row.text(19)?,
        document_back: row.text(20)?,
        created: millis(row, 21)?,
        updated: millis(row, 22)?,
        fingerprint_status: row.text(23)?,
        fingerprint_event: event_of(&row.text(24)?),
        checks_status: row.text(25)?,
        checks: checks_of(&row.text(26)?),
    };
    Ok((row.number(0)?, record))
}

pub(super) fn due_checks(row: &dyn Columns) -> Result<DueChecks> {
    let (_, record) = verification_record(row)?;
    let attempt = row.maybe_real(27)?.unwrap_or_default();
    Ok(DueChecks { record, attempt: attempt as u32 })
}

pub(super) fn session(row: &dyn Columns) -> Result<Session> {
    let profile: String = row.text(1)?;
    let status: String = row.text(2)?;
    let used_by: String = row.text(5)?;
    Ok(Session {
        id: row.text(0)?,
        profile: RecordId::parse(&profile),
        status: SessionStatus::of(&status).ok_or_else(|| malformed(2))?,
        confidence: row.maybe_real(3)?,
        expires: millis(row, 4)?,
        used: !used_by.is_empty(),
        details: Details::of_json(&row.text(6)?),
        team: row.text(12)?,
        files: [row.text(7)?, row.text(8)?, row.text(9)?, row.text(10)?, row.text(11)?],
    })
}

pub(super) fn counted(row: &dyn Columns) -> Result<Counted> {
    Ok(Counted { count: u32::try_from(row.number(0)?).unwrap_or(u32::MAX), ends: millis(row, 1)? })
}

pub(super) fn intent(row: &dyn Columns) -> Result<FileIntent> {
    let collection: String = row.text(1)?;
    Ok(FileIntent {
        mark: row.text(0)?,
        collection: Collection::named(&collection).ok_or_else(|| malformed(1))?,
        record: id(row, 2)?,
        name: row.text(3)?,
    })
}

/// Makes a page of `limit` out of a query that asked for one more. Its cursor is the place of its last row.
pub(super) fn page<T>(mut placed: Vec<Placed<T>>, limit: usize) -> Page<T> {
    let more = placed.len() > limit;
    placed.truncate(limit);
    let next = placed.last().filter(|_| more).map(|(place, _)| place.to_string());
    Page { items: placed.into_iter().map(|(_, item)| item).collect(), next }
}
