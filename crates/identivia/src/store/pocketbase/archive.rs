//! Whole records of a PocketBase, as they are copied from one store to another.

use async_trait::async_trait;
use serde_json::{Map, Value, json};

use super::client::{Answer, Role};
use super::filter::literal;
use super::records::{self, STATUSES, VERIFICATIONS, millis, newest_of, real, text};
use super::{Change, PocketBase, batch, by_field, is_taken, items, record_path, records_path, single, unexpected};
use crate::domain::liveness::session_key;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::archive::{Archive, Cell, Column, Holds, Kind, Record};
use crate::store::{Attached, Result};

/// The most records in one answer.
const MOST_LISTED: usize = 1_000;
/// Records asked for at once: few of those that hold documents, since an answer has its limit.
const MOST: usize = 40;
const MOST_WITH_DOCUMENTS: usize = 8;
/// Records added at once. One with its profile makes two requests, and a batch takes 50.
const ADDED_TOGETHER: usize = 25;

const fn collection(kind: Kind) -> &'static str {
    match kind {
        Kind::Events => "audit_events",
        _ => kind.name(),
    }
}

/// The field that tells when a record was made, where there is one.
const fn made(kind: Kind) -> &'static str {
    match kind {
        Kind::Profiles | Kind::VerificationHistory | Kind::StatusHistory | Kind::LivenessFrames => "created",
        Kind::Events => "at",
        Kind::LivenessSessions | Kind::Settings => "",
    }
}

/// What finds a record by what tells it from others.
fn is(kind: Kind, id: &str) -> String {
    match kind {
        Kind::LivenessSessions => format!("id = {}", literal(session_key(id).as_str())),
        Kind::Settings => format!("key = {}", literal(id)),
        _ => format!("id = {}", literal(id)),
    }
}

fn most(kind: Kind) -> usize {
    let has_documents = kind.columns().iter().any(|column| matches!(column.holds, Holds::Document | Holds::Json));
    if has_documents { MOST_WITH_DOCUMENTS } else { MOST }
}

fn record(kind: Kind, found: &Value) -> Record {
    let cells = kind.columns().iter().map(|column| cell(kind, column, found)).collect();
    Record { kind, cells }
}

fn cell(kind: Kind, column: &Column, found: &Value) -> Cell {
    let field = column.in_pocketbase;
    match (kind, column.name) {
        (Kind::Profiles, "verification_status") => return Cell::Text(records::own_status(found)),
        (Kind::Profiles, "recorded_status") => return Cell::Text(newest_of(found, STATUSES, "new_status")),
        (Kind::Profiles, "newest_verification") => return Cell::Text(newest_of(found, VERIFICATIONS, "id")),
        (Kind::VerificationHistory, "date_of_birth") => return Cell::Text(records::date_of_birth(found)),
        _ => {}
    }
    match column.holds {
        Holds::Text | Holds::Document | Holds::File | Holds::Shown => Cell::Text(text(found, field)),
        Holds::Json => Cell::Json(found[field].clone()),
        Holds::Real => Cell::Real(real(found, field)),
        Holds::Time => Cell::Number(millis(found, field).0),
        Holds::Flag => Cell::Number(i64::from(found[field].as_bool().unwrap_or_default())),
    }
}

/// A record's fields. Its files travel beside them.
fn fields(record: &Record) -> Value {
    let mut fields = Map::new();
    for (column, cell) in record.columns() {
        let value = match (column.holds, cell) {
            (Holds::File | Holds::Shown, _) => continue,
            (Holds::Time, Cell::Number(millis)) => json!(Millis(*millis)),
            (_, Cell::Number(flag)) => json!(*flag != 0),
            (_, Cell::Text(text)) => json!(text),
            (_, Cell::Real(real)) => json!(real),
            // A text in a JSON field is read as JSON.
            (_, Cell::Json(json)) => json!(json.to_string()),
        };
        fields.insert(column.in_pocketbase.to_owned(), value);
    }
    match record.kind {
        Kind::LivenessSessions => fields.insert("id".to_owned(), json!(session_key(record.id()))),
        Kind::Settings => fields.insert("id".to_owned(), json!(RecordId::random())),
        Kind::StatusHistory => {
            fields.get("created").cloned().and_then(|made| fields.insert("updated".to_owned(), made))
        }
        _ => None,
    };
    Value::Object(fields)
}

impl PocketBase {
    async fn listed(&self, kind: Kind, query: &[(&str, &str)]) -> Result<Vec<Value>> {
        items(self.get(&records_path(collection(kind)), query).await?)
    }

    async fn found(&self, kind: Kind, ids: &[String]) -> Result<Vec<Value>> {
        let filter = ids.iter().map(|id| is(kind, id)).collect::<Vec<_>>().join(" || ");
        let limit = MOST_LISTED.to_string();
        let mut query = vec![("filter", filter.as_str()), ("perPage", limit.as_str()), ("skipTotal", "1")];
        let expand = format!("{STATUSES},{VERIFICATIONS}");
        let fields = format!(
            "*,expand.{STATUSES}.id,expand.{STATUSES}.new_status,expand.{STATUSES}.created,\
            expand.{VERIFICATIONS}.id,expand.{VERIFICATIONS}.created"
        );
        if kind == Kind::Profiles {
            query.extend([("expand", expand.as_str()), ("fields", fields.as_str())]);
        }
        let mut found = self.listed(kind, &query).await?;
        match kind {
            Kind::Profiles => {
                for profile in &mut found {
                    self.complete_histories(profile).await?;
                }
            }
            Kind::LivenessSessions => self.complete_use(&mut found).await?,
            _ => {}
        }
        Ok(found)
    }

    /// Says of sessions which record has used them. That may stand in the record alone: the two are not always written
    /// together.
    async fn complete_use(&self, sessions: &mut [Value]) -> Result<()> {
        let unused = sessions.iter_mut().filter(|session| text(session, "used_by").is_empty());
        let mut unused: Vec<&mut Value> = unused.collect();
        let claims: Vec<String> =
            unused.iter().map(|session| format!("session_claim = {}", literal(&text(session, "id")))).collect();
        if claims.is_empty() {
            return Ok(());
        }
        let (filter, limit) = (claims.join(" || "), MOST_LISTED.to_string());
        let query = [
            ("filter", filter.as_str()),
            ("perPage", limit.as_str()),
            ("skipTotal", "1"),
            ("fields", "id,session_claim"),
        ];
        for record in self.listed(Kind::VerificationHistory, &query).await? {
            let claimed = text(&record, "session_claim");
            if let Some(session) = unused.iter_mut().find(|session| text(session, "id") == claimed) {
                session["used_by"] = record["id"].clone();
            }
        }
        Ok(())
    }

    /// The requests that add a record, itself last: what is noted beside it can be repeated.
    async fn additions(&self, record: &Record, attached: Attached) -> Result<Vec<Change>> {
        let mut added = Change::add(collection(record.kind), fields(record));
        added.path.push_str("?fields=id");
        added.files = by_field(attached, record.files());
        if record.kind == Kind::StatusHistory {
            let shown = json!({"recorded_status": record.text("new_status")});
            let mut shown = Change::set("profiles", record.text("profile"), shown);
            shown.path.push_str("?fields=id");
            return Ok(vec![shown, added]);
        }
        if record.kind == Kind::VerificationHistory {
            added.body["session_claim"] = self.claim(record).await?.into();
        }
        Ok(vec![added])
    }

    /// The key of the session that a record has used up, or nothing.
    async fn claim(&self, record: &Record) -> Result<String> {
        let session = record.text("liveness_session_id");
        if session.is_empty() {
            return Ok(String::new());
        }
        let key = session_key(session);
        let found = self.get(&record_path("liveness_sessions", key.as_str()), &[("fields", "used_by")]).await?;
        let is_its_own = found.is_some_and(|session| text(&session, "used_by") == record.id());
        Ok(if is_its_own { key.to_string() } else { String::new() })
    }

    /// Adds records in one batch; says whether that was done. What hinders it shows when they are added one by one.
    async fn added_together(&self, changes: &[Change]) -> Result<bool> {
        if changes.len() < 2 || self.is_batch_off() {
            return Ok(false);
        }
        match self.call(|client| batch(client, changes)).await {
            Ok(Answer::Done(_)) => Ok(true),
            Ok(Answer::BatchOff) => {
                self.note_that_batch_is_off();
                Ok(false)
            }
            Ok(_) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn added_alone(&self, changes: &[Change]) -> Result<bool> {
        let Some((added, beside)) = changes.split_last() else { return Err(unexpected()) };
        for change in beside {
            self.call(|client| single(client, change)).await?;
        }
        match self.call(|client| single(client, added)).await? {
            Answer::Invalid(faults) if ["id", "userID", "key"].iter().any(|field| is_taken(&faults, field)) => {
                Ok(false)
            }
            answer => answer.kept()?.map(|_| true).ok_or_else(unexpected),
        }
    }
}

#[async_trait]
impl Archive for PocketBase {
    /// By time, as its lists go; within a millisecond by the order in which it took them.
    async fn ids(&self, kind: Kind) -> Result<Vec<String>> {
        let key = kind.columns()[0].in_pocketbase;
        let (limit, fields) = (MOST_LISTED.to_string(), format!("{key},{}", made(kind)));
        let mut found: Vec<(String, String)> = Vec::new();
        for page in 1_usize.. {
            let page = page.to_string();
            let query = [
                ("page", page.as_str()),
                ("perPage", limit.as_str()),
                ("sort", "@rowid"),
                ("skipTotal", "1"),
                ("fields", fields.as_str()),
            ];
            let listed = self.listed(kind, &query).await?;
            found.extend(listed.iter().map(|record| (text(record, made(kind)), text(record, key))));
            if listed.len() < MOST_LISTED {
                break;
            }
        }
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    async fn records(&self, kind: Kind, ids: &[String]) -> Result<Vec<Record>> {
        let mut records = Vec::new();
        for ids in ids.chunks(most(kind)) {
            records.extend(self.found(kind, ids).await?.iter().map(|found| record(kind, found)));
        }
        Ok(records)
    }

    async fn keep(&self, records: Vec<Record>, mut attached: Attached) -> Result<Vec<bool>> {
        let mut kept = Vec::new();
        for together in records.chunks(ADDED_TOGETHER) {
            let mut additions = Vec::new();
            for record in together {
                additions.push(self.additions(record, std::mem::take(&mut attached)).await?);
            }
            let ends: Vec<usize> = additions.iter().map(Vec::len).collect();
            let changes: Vec<Change> = additions.into_iter().flatten().collect();
            if self.added_together(&changes).await? {
                kept.extend(together.iter().map(|_| true));
                continue;
            }
            let mut rest = changes.as_slice();
            for end in ends {
                let (record, others) = rest.split_at(end);
                kept.push(self.added_alone(record).await?);
                rest = others;
            }
        }
        Ok(kept)
    }

    async fn filled_in(&self, kind: Kind) -> Result<Vec<&'static str>> {
        if self.client.session().await?.role != Role::Superuser {
            return Ok(Vec::new());
        }
        let there = self.get(&format!("/api/collections/{}", collection(kind)), &[]).await?.unwrap_or_default();
        let is_filled_in = |column: &&Column| {
            let mut fields = there["fields"].as_array().into_iter().flatten();
            fields.any(|field| field["name"] == column.in_pocketbase && field["type"] == "autodate")
        };
        Ok(kind.columns().iter().filter(is_filled_in).map(|column| column.name).collect())
    }
}
