//! Parts of writing steps: what they read and change inside the writer's transaction.

use super::{
    ADD_EVENT, ADD_VERIFICATION, AMEND_LIVENESS, CHANGE_PROFILE, CLAIM_LIVENESS, CLEAR_INTENT, CONFIRM_LIVENESS,
    Dialect, OPEN_INTENT, PROFILE, SESSION, SHOW_VERIFICATION, Tx, UPDATE_SESSION, USE_SESSION, first, rows, values,
};
use crate::domain::checks::ChecksStatus;
use crate::domain::event::Event;
use crate::domain::flow::{Consent, Draft};
use crate::domain::liveness::{ConfirmedBy, Session};
use crate::domain::profile::{FileField, Profile, ProfileChange, VerificationStatus};
use crate::domain::verification::{FIRST_STATUS, NewVerification};
use crate::records::id::{RecordId, random_text};
use crate::records::time::Millis;
use crate::store::{Collection, OnlyIf, Refusal, Result, StoreError, Written};

/// Reads a profile as it stands within a writing step, and says what forbids the write.
pub(super) async fn writable(
    tx: &mut dyn Tx,
    dialect: &Dialect,
    id: RecordId,
    team: Option<&str>,
    only_if: OnlyIf,
) -> Result<Written<Profile>> {
    let statement = format!("{PROFILE}{}", dialect.lock);
    let found = first(tx, &statement, values![id.as_str(), team], rows::profile).await?;
    Ok(match found {
        None => Err(Refusal::Missing),
        Some(profile) if only_if == OnlyIf::Undecided && profile.is_decided() => Err(Refusal::Decided),
        Some(profile) => Ok(profile),
    })
}

/// Takes the mark off an upload whose files are about to be named. If the sweeper was first, the step fails: the files
/// are gone, and the caller is asked to send them again.
pub(super) async fn clear_intent(tx: &mut dyn Tx, mark: Option<&str>) -> Result<()> {
    match mark {
        Some(mark) if tx.execute(CLEAR_INTENT, values![mark]).await? != 1 => Err(StoreError::Busy),
        _ => Ok(()),
    }
}

pub(super) async fn change_rows(tx: &mut dyn Tx, id: RecordId, change: &ProfileChange, now: Millis) -> Result<()> {
    let files = &change.files;
    tx.execute(
        CHANGE_PROFILE,
        values![
            now,
            change.verification_status.map(VerificationStatus::word),
            change.document_type,
            change.document_number,
            change.document_name,
            change.country,
            files.document_front,
            files.document_back,
            files.facial_photo,
            files.facial_video,
            change.consent.as_ref().map(Consent::to_json),
            change.draft.as_ref().map(Draft::to_json),
            id,
        ],
    )
    .await?;
    if let Some(claim) = &change.claim {
        let values = values![claim.session_id, claim.confidence, claim.status, change.claimed_result, id];
        tx.execute(CLAIM_LIVENESS, values).await?;
    }
    if let Some((session, confirmed)) = &change.confirmed {
        let statement = match confirmed.by {
            ConfirmedBy::Provider => CONFIRM_LIVENESS,
            ConfirmedBy::MachineToken => AMEND_LIVENESS,
        };
        let by = confirmed.by.word();
        tx.execute(statement, values![session, confirmed.confidence, confirmed.status, by, id]).await?;
    }
    Ok(())
}

/// Notes the files that a change has replaced as the sweeper's.
pub(super) async fn doom_replaced(
    tx: &mut dyn Tx,
    before: &Profile,
    change: &ProfileChange,
    now: Millis,
) -> Result<()> {
    for field in FileField::ALL {
        let replaced = before.files.get(field);
        if !change.files.get(field).is_empty() && !replaced.is_empty() {
            let (mark, collection) = (random_text::<12>(), Collection::Profiles.name());
            tx.execute(OPEN_INTENT, values![mark, collection, before.id, replaced, 1, now]).await?;
        }
    }
    Ok(())
}

pub(super) async fn add_verification(tx: &mut dyn Tx, record: &NewVerification) -> Result<()> {
    let evidence = &record.evidence;
    let (claim, confirmed) = (&evidence.claim, &evidence.confirmed);
    tx.execute(
        ADD_VERIFICATION,
        values![
            record.id,
            record.profile,
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
            evidence.device.status_word(),
            evidence.device.event,
            evidence.ip_address,
            record.facial_photo,
            record.document_front,
            record.document_back,
            record.created_by,
            record.created,
            ChecksStatus::Pending.word(),
        ],
    )
    .await?;
    tx.execute(SHOW_VERIFICATION, values![record.id, record.profile]).await?;
    Ok(())
}

/// Uses a record's liveness session up, or says what forbids it. A session that we never made is none of ours to refuse:
/// only a machine token gets this far with it.
pub(super) async fn use_session(tx: &mut dyn Tx, record: &NewVerification, team: Option<&str>) -> Result<Written<()>> {
    let session = &record.evidence.claim.session_id;
    let Some(known) = first(tx, SESSION, values![session], rows::session).await? else {
        return Ok(Ok(()));
    };
    if !known.may_serve(record.profile, team) {
        return Ok(Err(Refusal::ForeignSession));
    }
    let used = tx.execute(USE_SESSION, values![record.id, session]).await?;
    Ok(if used == 1 { Ok(()) } else { Err(Refusal::SessionUsed) })
}

/// Keeps what has become of a session, unless a result stands; says whether it did.
pub(super) async fn change_session(tx: &mut dyn Tx, session: &Session) -> Result<bool> {
    let (status, details, [reference, one, two, three, four]) =
        (session.status.word(), session.details.to_json(), &session.files);
    let values = values![status, session.confidence, details, reference, one, two, three, four, session.id];
    Ok(tx.execute(UPDATE_SESSION, values).await? == 1)
}

pub(super) async fn add_event(tx: &mut dyn Tx, event: &Event) -> Result<()> {
    let kind = event.kind.word();
    let values = values![event.id, event.at, kind, event.actor, event.profile, event.request_id, event.detail];
    tx.execute(ADD_EVENT, values).await?;
    Ok(())
}
