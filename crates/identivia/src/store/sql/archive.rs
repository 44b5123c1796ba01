//! Whole records of an SQL database. The statements are made of the lists of columns.

use async_trait::async_trait;
use futures_util::FutureExt as _;

use super::steps::clear_intent;
use super::{
    Bind as _, Columns, Database, Read, Records, SETTLE_SESSION, SETTLE_STATUS, SETTLE_VERIFICATION, Tx, Value, values,
};
use crate::domain::liveness::session_key;
use crate::store::archive::{Archive, Cell, Holds, Kind, Record};
use crate::store::{Attached, Result, StoreError};

/// Ids read at once.
const IDS: usize = 5_000;

/// Asks for the ids behind a place, which is a row's number, or the id itself where rows have none.
pub(super) fn ids_statement(kind: Kind) -> String {
    let (table, key) = (kind.name(), key(kind));
    let place = if is_numbered(kind) { "seq" } else { key };
    let number = if is_numbered(kind) { "seq" } else { "cast(0 as bigint)" };
    format!("select {key}, {number} from {table} where {place} > $1 order by {place} limit {IDS}")
}

pub(super) fn records_statement(kind: Kind, ids: usize) -> String {
    let columns: Vec<&str> = kind.columns().iter().map(|column| column.name).collect();
    let (columns, table, key) = (columns.join(", "), kind.name(), key(kind));
    format!("select {columns} from {table} where {key} in ({})", placeholders(ids))
}

pub(super) fn add_statement(kind: Kind) -> String {
    let columns = kind.columns().iter().filter(|column| column.holds != Holds::Shown);
    let columns: Vec<&str> = columns.map(|column| column.name).collect();
    let (table, values) = (kind.name(), placeholders(columns.len()));
    format!("insert into {table} ({}) values ({values}) on conflict do nothing", columns.join(", "))
}

fn placeholders(count: usize) -> String {
    (1..=count).map(|number| format!("${number}")).collect::<Vec<_>>().join(", ")
}

fn key(kind: Kind) -> &'static str {
    kind.columns()[0].name
}

/// Says whether the table numbers its rows in the order of their making.
fn is_numbered(kind: Kind) -> bool {
    kind.has_record_ids()
}

fn placed_id(row: &dyn Columns) -> Result<(String, i64)> {
    Ok((row.text(0)?, row.number(1)?))
}

fn reader(kind: Kind) -> Read<Record> {
    match kind {
        Kind::Profiles => |row| record(Kind::Profiles, row),
        Kind::LivenessSessions => |row| record(Kind::LivenessSessions, row),
        Kind::VerificationHistory => |row| record(Kind::VerificationHistory, row),
        Kind::LivenessFrames => |row| record(Kind::LivenessFrames, row),
        Kind::StatusHistory => |row| record(Kind::StatusHistory, row),
        Kind::Settings => |row| record(Kind::Settings, row),
        Kind::Events => |row| record(Kind::Events, row),
    }
}

fn record(kind: Kind, row: &dyn Columns) -> Result<Record> {
    let cell = |(number, holds)| match holds {
        Holds::Real => row.maybe_real(number).map(Cell::Real),
        Holds::Time | Holds::Flag => row.number(number).map(Cell::Number),
        Holds::Json => {
            let value = serde_json::from_str(&row.text(number)?);
            value.map(Cell::Json).map_err(|_| StoreError::Failed("a setting's value is no JSON".to_owned()))
        }
        Holds::Text | Holds::Document | Holds::File | Holds::Shown => row.text(number).map(Cell::Text),
    };
    let holds = kind.columns().iter().map(|column| column.holds);
    Ok(Record { kind, cells: holds.enumerate().map(cell).collect::<Result<_>>()? })
}

fn bound(record: &Record) -> Vec<Value<'static>> {
    let stored = record.columns().filter(|(column, _)| column.holds != Holds::Shown);
    let value = |cell: &Cell| match cell {
        Cell::Text(text) => text.value().into_owned(),
        Cell::Number(number) => Value::Number(*number),
        Cell::Real(real) => Value::MaybeReal(*real),
        Cell::Json(json) => Value::Text(json.to_string().into()),
    };
    stored.map(|(_, cell)| value(cell)).collect()
}

/// Adds a record unless something is in its way, and what follows from it: its profile shows the newest of its history, a
/// session knows where its files are.
async fn add(tx: &mut dyn Tx, record: &Record) -> Result<bool> {
    let added = tx.execute(&add_statement(record.kind), &bound(record)).await? == 1;
    let profile = record.text("profile");
    match record.kind {
        Kind::StatusHistory if added => tx.execute(SETTLE_STATUS, values![profile]).await?,
        Kind::VerificationHistory if added => tx.execute(SETTLE_VERIFICATION, values![profile]).await?,
        Kind::LivenessSessions if added => {
            tx.execute(SETTLE_SESSION, values![session_key(record.id()), record.id()]).await?
        }
        _ => 0,
    };
    Ok(added)
}

#[async_trait]
impl<D: Database> Archive for Records<D> {
    async fn ids(&self, kind: Kind) -> Result<Vec<String>> {
        let mut ids: Vec<String> = Vec::new();
        let mut place = if is_numbered(kind) { Value::Number(0) } else { "".value() };
        loop {
            let found = self.database.search(ids_statement(kind), vec![place], placed_id).await?;
            let is_last = found.len() < IDS;
            let Some((id, number)) = found.last() else { return Ok(ids) };
            place = if is_numbered(kind) { Value::Number(*number) } else { id.value().into_owned() };
            ids.extend(found.into_iter().map(|(id, _)| id));
            if is_last {
                return Ok(ids);
            }
        }
    }

    async fn records(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        let values = ids.iter().map(|id| id.value().into_owned()).collect();
        self.database.search(records_statement(kind, ids.len()), values, reader(kind)).await
    }

    async fn keep(&self, records: Vec<Record>, attached: Attached) -> Result<Vec<bool>> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    clear_intent(tx, attached.mark.as_deref()).await?;
                    let mut kept = Vec::new();
                    for record in &records {
                        kept.push(add(tx, record).await?);
                    }
                    if attached.mark.is_some() && kept.contains(&false) {
                        // Undone, so that the note of its files stands until they are gone.
                        return Err(StoreError::Refused("another record is in its way".to_owned()));
                    }
                    Ok(kept)
                }
                .boxed()
            }))
            .await
    }

    async fn filled_in(&self, _: Kind) -> Result<Vec<&'static str>> {
        Ok(Vec::new())
    }
}
