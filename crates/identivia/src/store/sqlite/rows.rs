//! Rows of the database as the records they are.

use rusqlite::{Connection, Row, ToSql, params};

use crate::domain::event::Event;
use crate::domain::id::RecordId;
use crate::domain::liveness::{Session, SessionStatus};
use crate::domain::profile::{Profile, ProfileEntry, ProfileFiles, ProfileView};
use crate::domain::status::StatusRecord;
use crate::domain::time::Millis;
use crate::domain::verification::{Summary, VerificationRecord};
use crate::store::{Collection, FileIntent, Page, sql};

/// A row of a history: its place in the order, and the record.
pub(super) type Placed<T> = (i64, T);

pub(super) fn id(row: &Row<'_>, column: usize) -> rusqlite::Result<RecordId> {
    let text = row.get_ref(column)?.as_str()?;
    RecordId::parse(text).ok_or_else(|| malformed(column))
}

fn malformed(column: usize) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Text, "not one of our values".into())
}

fn millis(row: &Row<'_>, column: usize) -> rusqlite::Result<Millis> {
    row.get(column).map(Millis)
}

pub(super) fn profile(row: &Row<'_>) -> rusqlite::Result<Profile> {
    Ok(Profile {
        id: id(row, 0)?,
        team: row.get(1)?,
        verification_status: row.get(2)?,
        recorded_status: row.get(3)?,
        document_type: row.get(4)?,
        document_number: row.get(5)?,
        document_name: row.get(6)?,
        country: row.get(7)?,
        files: ProfileFiles {
            document_front: row.get(8)?,
            document_back: row.get(9)?,
            facial_photo: row.get(10)?,
            facial_video: row.get(11)?,
        },
        updated: millis(row, 12)?,
    })
}

pub(super) fn profile_view(profile: RecordId, row: &Row<'_>) -> rusqlite::Result<ProfileView> {
    let verification_status: String = row.get(5)?;
    let recorded: String = row.get(6)?;
    let verification_history = match row.get_ref(9)? {
        rusqlite::types::ValueRef::Null => None,
        _ => Some(summary(profile, row)?),
    };
    Ok(ProfileView {
        name: row.get(0)?,
        document_type: row.get(1)?,
        document_number: row.get(2)?,
        country: row.get(3)?,
        language: row.get(4)?,
        status: if recorded.is_empty() { verification_status.clone() } else { recorded },
        verification_status,
        security_level: row.get(7)?,
        created_at: millis(row, 8)?,
        verification_history,
    })
}

fn summary(profile: RecordId, row: &Row<'_>) -> rusqlite::Result<Summary> {
    Ok(Summary {
        id: id(row, 9)?,
        profile,
        status: row.get(10)?,
        liveness_session_id: row.get(11)?,
        liveness_confidence: row.get(12)?,
        liveness_status: row.get(13)?,
        document_type: row.get(14)?,
        name: row.get(15)?,
        document_number: row.get(16)?,
        country: row.get(17)?,
        created: millis(row, 18)?,
        updated: millis(row, 19)?,
    })
}

pub(super) fn profile_entry(row: &Row<'_>) -> rusqlite::Result<Placed<ProfileEntry>> {
    let entry = ProfileEntry {
        id: id(row, 1)?,
        user_id: row.get(2)?,
        team: row.get(3)?,
        name: row.get(4)?,
        document_type: row.get(5)?,
        document_number: row.get(6)?,
        country: row.get(7)?,
        verification_status: row.get(8)?,
        status: row.get(9)?,
        created_at: millis(row, 10)?,
        updated: millis(row, 11)?,
    };
    Ok((row.get(0)?, entry))
}

pub(super) fn status_record(row: &Row<'_>) -> rusqlite::Result<Placed<StatusRecord>> {
    let record = StatusRecord {
        id: id(row, 1)?,
        profile: id(row, 2)?,
        updated_by: row.get(3)?,
        previous_status: row.get(4)?,
        new_status: row.get(5)?,
        notes: row.get(6)?,
        verification: row.get(7)?,
        created: millis(row, 8)?,
    };
    Ok((row.get(0)?, record))
}

pub(super) fn verification_record(row: &Row<'_>) -> rusqlite::Result<Placed<VerificationRecord>> {
    let record = VerificationRecord {
        id: id(row, 1)?,
        profile: id(row, 2)?,
        status: row.get(3)?,
        liveness_session_id: row.get(4)?,
        liveness_confidence: row.get(5)?,
        liveness_status: row.get(6)?,
        liveness_confirmed_by: row.get(7)?,
        claimed_liveness_confidence: row.get(8)?,
        claimed_liveness_status: row.get(9)?,
        document_type: row.get(10)?,
        document_number: row.get(11)?,
        country: row.get(12)?,
        name: row.get(13)?,
        address: row.get(14)?,
        gender: row.get(15)?,
        date_of_birth: row.get(16)?,
        ip_address: row.get(17)?,
        facial_photo: row.get(18)?,
        document_front: row.get(19)?,
        document_back: row.get(20)?,
        created: millis(row, 21)?,
        updated: millis(row, 22)?,
    };
    Ok((row.get(0)?, record))
}

pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    let profile: String = row.get(1)?;
    let status: String = row.get(2)?;
    let used_by: String = row.get(5)?;
    Ok(Session {
        id: row.get(0)?,
        profile: RecordId::parse(&profile),
        status: SessionStatus::of(&status).ok_or_else(|| malformed(2))?,
        confidence: row.get(3)?,
        expires: millis(row, 4)?,
        used: !used_by.is_empty(),
    })
}

pub(super) fn intent(row: &Row<'_>) -> rusqlite::Result<FileIntent> {
    let collection: String = row.get(1)?;
    Ok(FileIntent {
        mark: row.get(0)?,
        collection: Collection::named(&collection).ok_or_else(|| malformed(1))?,
        record: id(row, 2)?,
        name: row.get(3)?,
    })
}

pub(super) fn add_event(connection: &Connection, event: &Event) -> rusqlite::Result<usize> {
    execute(
        connection,
        sql::ADD_EVENT,
        params![
            event.at.0,
            event.kind.word(),
            event.actor,
            event.profile.as_ref().map_or("", RecordId::as_str),
            event.request_id,
            event.detail
        ],
    )
}

/// Runs a statement, prepared once for each connection.
pub(super) fn execute(connection: &Connection, sql: &str, values: &[&dyn ToSql]) -> rusqlite::Result<usize> {
    connection.prepare_cached(sql)?.execute(values)
}

/// The first row of a query, if there is one.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Option<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(values)?;
    rows.next()?.map(read).transpose()
}

/// All rows of a query.
pub(super) fn all<T>(
    connection: &Connection,
    sql: &str,
    values: &[&dyn ToSql],
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare_cached(sql)?.query_map(values, read)?.collect()
}

/// Makes a page of `limit` out of a query that asked for one more. Its cursor is the place of its last row.
pub(super) fn page<T>(mut placed: Vec<Placed<T>>, limit: usize) -> Page<T> {
    let more = placed.len() > limit;
    placed.truncate(limit);
    let next = placed.last().filter(|_| more).map(|(place, _)| place.to_string());
    Page { items: placed.into_iter().map(|(_, item)| item).collect(), next }
}
