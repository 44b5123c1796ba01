//! Parts of writing steps: what they read and change inside the writer's transaction.

use rusqlite::{Connection, params};

use super::rows;
use crate::domain::id::{RecordId, random_text};
use crate::domain::liveness::ConfirmedBy;
use crate::domain::profile::{FileField, Profile, ProfileChange};
use crate::domain::time::Millis;
use crate::domain::verification::{FIRST_STATUS, NewVerification};
use crate::store::{Collection, OnlyIf, Written, sql};

/// Reads a profile as it stands within a writing step, and says what forbids the write.
pub(super) fn writable(
    connection: &Connection,
    id: RecordId,
    team: Option<&str>,
    only_if: OnlyIf,
) -> rusqlite::Result<std::result::Result<Profile, Written<()>>> {
    let found = rows::first(connection, sql::PROFILE, params![id.as_str(), team], rows::profile)?;
    Ok(match found {
        None => Err(Written::Missing),
        Some(profile) if only_if == OnlyIf::Undecided && profile.is_decided() => Err(Written::Decided),
        Some(profile) => Ok(profile),
    })
}

/// Takes the mark off an upload whose files are about to be named. If the sweeper was first, the step fails.
pub(super) fn clear_intent(connection: &Connection, mark: Option<&str>) -> rusqlite::Result<()> {
    match mark {
        Some(mark) if rows::execute(connection, sql::CLEAR_INTENT, params![mark])? != 1 => {
            Err(rusqlite::Error::StatementChangedRows(0))
        }
        _ => Ok(()),
    }
}

pub(super) fn change_rows(
    connection: &Connection,
    id: RecordId,
    change: &ProfileChange,
    now: Millis,
) -> rusqlite::Result<()> {
    let files = &change.files;
    rows::execute(
        connection,
        sql::CHANGE_PROFILE,
        params![
            now.0,
            change.verification_status.map(|status| status.word()),
            change.document_type,
            change.document_number,
            change.document_name,
            change.country,
            files.document_front,
            files.document_back,
            files.facial_photo,
            files.facial_video,
            id.as_str(),
        ],
    )?;
    if let Some(claim) = &change.claim {
        let values = params![claim.session_id, claim.confidence, claim.status, change.claimed_result, id.as_str()];
        rows::execute(connection, sql::CLAIM_LIVENESS, values)?;
    }
    if let Some((session, confirmed)) = &change.confirmed {
        let values = params![session, confirmed.confidence, confirmed.status, confirmed.by.word(), id.as_str()];
        let statement = match confirmed.by {
            ConfirmedBy::Provider => sql::CONFIRM_LIVENESS,
            ConfirmedBy::MachineToken => sql::AMEND_LIVENESS,
        };
        rows::execute(connection, statement, values)?;
    }
    Ok(())
}

pub(super) fn doom_replaced(
    connection: &Connection,
    before: &Profile,
    change: &ProfileChange,
    now: Millis,
) -> rusqlite::Result<()> {
    for field in FileField::ALL {
        let replaced = before.files.get(field);
        if !change.files.get(field).is_empty() && !replaced.is_empty() {
            let values =
                params![random_text::<12>(), Collection::Profiles.name(), before.id.as_str(), replaced, 1, now.0];
            rows::execute(connection, sql::OPEN_INTENT, values)?;
        }
    }
    Ok(())
}

pub(super) fn add_verification(connection: &Connection, record: &NewVerification) -> rusqlite::Result<()> {
    let evidence = &record.evidence;
    let (claim, confirmed) = (&evidence.claim, &evidence.confirmed);
    rows::execute(
        connection,
        sql::ADD_VERIFICATION,
        params![
            record.id.as_str(),
            record.profile.as_str(),
            FIRST_STATUS,
            claim.session_id,
            confirmed.confidence,
            confirmed.status,
            confirmed.by.word(),
            claim.confidence,
            claim.status,
            evidence.document_type,
            evidence.document_number,
            evidence.country,
            evidence.name,
            evidence.address,
            evidence.gender,
            evidence.date_of_birth,
            evidence.fingerprint,
            evidence.ip_address,
            record.facial_photo,
            record.document_front,
            record.document_back,
            record.created_by,
            record.created.0,
        ],
    )?;
    rows::execute(connection, sql::SHOW_VERIFICATION, params![record.id.as_str(), record.profile.as_str()])?;
    Ok(())
}

/// Uses a record's liveness session up, and says what forbids it. A session that we never made is none of ours to refuse:
/// only a machine token gets this far with it.
pub(super) fn use_session(connection: &Connection, record: &NewVerification) -> rusqlite::Result<Option<Written<()>>> {
    let session = &record.evidence.claim.session_id;
    let Some(known) = rows::first(connection, sql::SESSION, params![session], rows::session)? else {
        return Ok(None);
    };
    if known.profile.is_some_and(|profile| profile != record.profile) {
        return Ok(Some(Written::ForeignSession));
    }
    let used = rows::execute(connection, sql::USE_SESSION, params![record.id.as_str(), session])?;
    Ok((used != 1).then_some(Written::SessionUsed))
}
