//! PocketBase's lists: filtered, in order, in pages.

use serde_json::Value;

use super::filter::{MAX_BYTES, containing, literal};
use super::records::{self, text};
use super::{PocketBase, records_path, unexpected};
use crate::domain::profile::{ProfileFilter, Reach};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Page, PageRequest, Result, StoreError};

/// Records asked for beyond a page, so that those of its cursor's millisecond seldom take another call.
const SPARE: usize = 9;
/// What lists read of any record: not the JSON documents beside them, of which a page could hold megabytes, but for the
/// short ones that Fingerprint gave.
const LISTED_FIELDS: &str = "id,profile,userID,team,status,recorded_status,name,document_type,document_number,country,\
    liveness_session_id,liveness_confidence,liveness_status,liveness_confirmed_by,claimed_confidence,claimed_status,\
    address,gender,date_of_birth,ip_address,facial_photo,document_front,document_back,\
    updated_by,previous_status,new_status,notes,verification,created,updated,\
    fingerprint_status,fingerprint_event,checks_status,checks,checks_attempts,session_id,confidence,expires,used_by,\
    session,imprint,handoff_ends,handoff_token_ends,handoff_scope";

impl PocketBase {
    /// Records that a filter lets through, at most 1,000.
    pub(super) async fn list(&self, collection: &str, filter: &str, sort: &str, limit: usize) -> Result<Vec<Value>> {
        self.list_page(collection, filter, sort, (limit, 1)).await
    }

    /// The page of that number, counted from 1.
    async fn list_page(
        &self,
        collection: &str,
        filter: &str,
        sort: &str,
        (limit, number): (usize, usize),
    ) -> Result<Vec<Value>> {
        if filter.len() > MAX_BYTES {
            return Err(StoreError::Refused("the search is longer than PocketBase takes; shorten it".to_owned()));
        }
        if !self.reads_literals(collection).await? {
            return Err(StoreError::Unavailable("PocketBase is older than 0.39.9: update it".to_owned()));
        }
        let (limit, number) = (limit.to_string(), number.to_string());
        let mut query =
            vec![("filter", filter), ("sort", sort), ("perPage", &limit), ("page", &number), ("skipTotal", "1")];
        // Where PocketBase picks fields, it rounds the numbers in them: a setting's value must stay what it is.
        if collection != "settings" {
            query.push(("fields", LISTED_FIELDS));
        }
        items(self.get(&records_path(collection), &query).await?)
    }

    /// All records of a collection, in that order: so many at once, since an answer has its limit.
    pub(super) async fn list_all(&self, collection: &str, sort: &str, at_once: usize) -> Result<Vec<Value>> {
        let mut found = Vec::new();
        for number in 1.. {
            let listed = self.list_page(collection, "id != \"\"", sort, (at_once, number)).await?;
            let is_last = listed.len() < at_once;
            found.extend(listed);
            if is_last {
                break;
            }
        }
        Ok(found)
    }

    /// A page of a list, newest first; of one millisecond the last made first. No filter can ask for that order, so the
    /// records of the cursor's own time are listed again, and passed over up to the one that it names.
    pub(super) async fn page<T>(
        &self,
        collection: &str,
        mut filter: String,
        page: &PageRequest,
        read: fn(&Value) -> Result<T>,
    ) -> Result<Page<T>> {
        let mut wanted = place(page)?;
        if let Some((time, _)) = &wanted {
            filter.push_str(&format!(" && created <= {}", literal(time)));
        }
        let at_once = page.limit + 1 + SPARE;
        let mut found = Vec::new();
        for number in 1.. {
            let listed = self.list_page(collection, &filter, "-created,-@rowid", (at_once, number)).await?;
            let is_last = listed.len() < at_once;
            found.extend(listed);
            if let Some((time, id)) = &wanted {
                let place = found.iter().position(|record| text(record, "id") == id.as_str());
                found.drain(..place.map_or(0, |place| place + 1));
                let is_behind = found.last().is_some_and(|record| text(record, "created") != *time);
                wanted = wanted.filter(|_| place.is_none() && !is_behind);
            }
            if is_last || (wanted.is_none() && found.len() > page.limit) {
                break;
            }
        }
        page_of(found, page.limit, read)
    }

    pub(super) async fn history<T>(
        &self,
        collection: &str,
        profile: RecordId,
        page: &PageRequest,
        read: fn(&Value) -> Result<T>,
    ) -> Result<Page<T>> {
        self.page(collection, format!("profile = {}", literal(profile.as_str())), page, read).await
    }
}

/// The records of a list's answer.
pub(super) fn items(body: Option<Value>) -> Result<Vec<Value>> {
    match body {
        Some(Value::Object(mut body)) => match body.remove("items") {
            Some(Value::Array(items)) => Ok(items),
            _ => Err(unexpected()),
        },
        _ => Err(unexpected()),
    }
}

/// The bits of a cursor that hold an id; the time stands above them.
const ID_BITS: u32 = 80;
/// Stands for the time of a record that has none, which another program may have made: the largest there is room for.
const NO_TIME: u64 = (1 << (u128::BITS - ID_BITS)) - 1;

/// A cursor is the time and id of the last record before it, as one number.
fn cursor(time: Millis, id: RecordId) -> String {
    let time = if time.0 == 0 { NO_TIME } else { time.0.unsigned_abs() };
    ((u128::from(time) << ID_BITS) | id.number()).to_string()
}

/// The time and id that a cursor names.
fn place(page: &PageRequest) -> Result<Option<(String, RecordId)>> {
    let Some(cursor) = &page.cursor else { return Ok(None) };
    let number: u128 = cursor.parse().map_err(|_| StoreError::BadCursor)?;
    let time = match number >> ID_BITS {
        time if time == u128::from(NO_TIME) => String::new(),
        time => Millis(i64::try_from(time).ok().filter(|time| *time > 0).ok_or(StoreError::BadCursor)?).to_string(),
    };
    let id = RecordId::of_number(number & ((1 << ID_BITS) - 1)).ok_or(StoreError::BadCursor)?;
    Ok(Some((time, id)))
}

/// Makes a page of `limit` out of a list that holds what follows it too.
fn page_of<T>(mut records: Vec<Value>, limit: usize, read: fn(&Value) -> Result<T>) -> Result<Page<T>> {
    let more = records.len() > limit;
    records.truncate(limit);
    let last = records.last().filter(|_| more);
    let next = last.map(|record| records::id(record).map(|id| cursor(records::millis(record, "created"), id)));
    let next = next.transpose()?;
    Ok(Page { items: records.iter().map(read).collect::<Result<_>>()?, next })
}

pub(super) fn profiles_filter(reach: &Reach, filter: &ProfileFilter) -> String {
    let mut conditions = vec!["id != \"\"".to_owned()];
    let mut equal = |field: &str, value: &str| conditions.push(format!("{field} = {}", literal(value)));
    if let Some(team) = reach.team() {
        equal("team", team);
    }
    let words = [("status", &filter.verification_status), ("country", &filter.country), ("userID", &filter.user_id)];
    for (field, word) in words.into_iter().filter(|(_, word)| !word.is_empty()) {
        equal(field, word);
    }
    if !filter.status.is_empty() {
        let word = literal(&filter.status);
        conditions.push(format!("(recorded_status = {word} || (recorded_status = \"\" && status = {word}))"));
    }
    if let Some(after) = filter.created_after {
        conditions.push(format!("created > {}", literal(&after.to_string())));
    }
    if let Some(before) = filter.created_before {
        conditions.push(format!("created < {}", literal(&before.to_string())));
    }
    if !filter.q.is_empty() {
        let pattern = containing(&filter.q);
        conditions.push(format!(
            "(name ~ {pattern} || userID ~ {pattern} || document_number ~ {pattern} || email ~ {pattern})"
        ));
    }
    conditions.join(" && ")
}
