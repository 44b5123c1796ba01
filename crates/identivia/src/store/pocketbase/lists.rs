//! PocketBase's lists: filtered, ordered, in pages that continue at a cursor.

use serde_json::Value;

use super::answers::{is_too_large, unexpected_answer};
use super::field_mapping::{PROFILE_VERSION, id_of, is_large_document, listed_fields, text_of};
use super::filter::{MAX_FILTER_BYTES, filtered_field, query_filter, text_literal};
use super::record_reading::{ProfileParts, STATUSES, VERIFICATIONS, profile_fields};
use super::schema::outdated_version;
use super::shape::FieldForm;
use super::{PocketBase, records_path};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::{Field, FieldFlag, FieldType, RecordKind};
use crate::store::{Comparison, Order, Query, Result, StoreError};

/// Records read beyond a page, so that those of its cursor's millisecond seldom take another call.
const EXTRA_RECORDS: usize = 9;
/// The most records in one call where a caller wants some. PocketBase itself returns 1,000 at most.
const MAX_LIMIT: usize = 500;
const MAX_PAGE_SIZE: usize = 1_000;
/// Records read at once where a caller wants all. Settings may be 64 KiB each, and an answer has a size limit.
const PAGE_SIZE: usize = 120;
const SETTINGS_PAGE_SIZE: usize = 40;
/// Whole records that have large documents, read at once.
const WHOLE_PAGE_SIZE: usize = 40;

/// The order of a list.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListOrder {
    /// PocketBase's name of the field.
    field: &'static str,
    is_time: bool,
    is_descending: bool,
}

impl ListOrder {
    /// The order in which PocketBase stored the records, the last first. A list in this order has one page only.
    const NEWEST_ROW: Self = Self { field: "@rowid", is_time: false, is_descending: true };

    /// PocketBase's order for a query's.
    pub(super) fn of_query(kind: RecordKind, order: Order) -> Result<Self> {
        let (field, is_descending) = match order {
            Order::Newest | Order::LastCommitted => (time_of_making(kind)?, true),
            Order::Oldest | Order::Committed => (time_of_making(kind)?, false),
            Order::Ascending(name) => (filtered_field(kind, name)?, false),
            Order::Descending(name) => (filtered_field(kind, name)?, true),
        };
        Ok(Self { field: field.in_pocketbase, is_time: field.holds == FieldType::Time, is_descending })
    }

    /// PocketBase's `sort`. Records of one millisecond are in the order in which PocketBase stored them.
    fn sort(self) -> String {
        let sign = if self.is_descending { "-" } else { "" };
        let field = self.field;
        if self.is_time { format!("{sign}{field},{sign}@rowid") } else { format!("{sign}{field}") }
    }

    /// The place of a record in this order.
    pub(super) fn cursor(self, record: &Value) -> Result<String> {
        if !self.is_time {
            return Ok(text_of(record, self.field));
        }
        let time = record[self.field].as_str().and_then(Millis::parse).unwrap_or(Millis(0));
        Ok(time_cursor(time, id_of(record)?))
    }
}

/// The field by which records are in the order in which they were made: their creation or, where they have none, the
/// first of their times.
fn time_of_making(kind: RecordKind) -> Result<&'static Field> {
    let is_time = |field: &&Field| field.holds == FieldType::Time && field.has_flag(FieldFlag::Column);
    let time = kind.field("created").or_else(|| kind.fields().iter().find(is_time));
    time.ok_or_else(|| StoreError::Failed(format!("{} have no time", kind.name())))
}

/// A list of records.
pub(super) struct RecordList {
    pub(super) kind: RecordKind,
    pub(super) filter: String,
    pub(super) order: ListOrder,
    pub(super) limit: usize,
    pub(super) after: Option<String>,
    pub(super) parts: ListedParts,
}

/// How much a list reads of each record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ListedParts {
    /// Its key and its place in the order.
    Key,
    /// All but large documents.
    Fields,
    /// Everything; of a profile also its histories.
    Whole,
}

impl RecordList {
    /// Says whether it reads profiles with their histories.
    fn has_histories(&self) -> bool {
        self.kind == RecordKind::Profiles && self.parts == ListedParts::Whole
    }
}

/// One call's part of a list.
struct ListedPage<'a> {
    filter: &'a str,
    size: usize,
    /// Counted from 1.
    number: usize,
}

impl PocketBase {
    /// Reads a list.
    pub(super) async fn list(&self, list: &RecordList) -> Result<Vec<Value>> {
        let mut found = match &list.after {
            Some(cursor) if list.order.is_time => self.list_after_time(list, parse_time_cursor(cursor)?).await?,
            Some(value) => {
                let operator = if list.order.is_descending { "<" } else { ">" };
                let rest = format!("{} && {} {operator} {}", list.filter, list.order.field, text_literal(value));
                self.list_from_start(list, &rest).await?
            }
            None => self.list_from_start(list, &list.filter).await?,
        };
        found.truncate(list.limit);
        Ok(found)
    }

    /// Reads pages until there are enough. Where an answer would be too large, it reads half as many records at once.
    async fn list_from_start(&self, list: &RecordList, filter: &str) -> Result<Vec<Value>> {
        let mut size = first_page_size(list);
        let mut found = Vec::new();
        while found.len() < list.limit {
            // The page size is reduced by halves, so the records that were read are always whole pages.
            let page = ListedPage { filter, size, number: found.len() / size + 1 };
            match self.list_page(list, &page).await {
                Ok(listed) => {
                    let is_last = listed.len() < size;
                    found.extend(listed);
                    if is_last {
                        break;
                    }
                }
                Err(error) if is_too_large(&error) && size > 1 => size = next_smaller_size(size, found.len()),
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Reads what follows a record in an order by time. No filter can express that order within a millisecond, so the
    /// records of the cursor's own time are listed again and skipped up to the one that it names.
    async fn list_after_time(&self, list: &RecordList, (time, id): (String, RecordId)) -> Result<Vec<Value>> {
        let field = list.order.field;
        let operator = if list.order.is_descending { "<=" } else { ">=" };
        let filter = format!("{} && {field} {operator} {}", list.filter, text_literal(&time));
        let size = (first_page_size(list) + EXTRA_RECORDS).min(MAX_PAGE_SIZE);
        let mut is_found = false;
        let mut found = Vec::new();
        for number in 1.. {
            let listed = self.list_page(list, &ListedPage { filter: &filter, size, number }).await?;
            let is_last = listed.len() < size;
            found.extend(listed);
            if !is_found {
                let place = found.iter().position(|record| text_of(record, "id") == id.as_str());
                found.drain(..place.map_or(0, |place| place + 1));
                // The record that the cursor names may have been removed.
                let is_behind = found.last().is_some_and(|record| text_of(record, field) != time);
                is_found = place.is_some() || is_behind;
            }
            if is_last || (is_found && found.len() >= list.limit) {
                break;
            }
        }
        Ok(found)
    }

    async fn list_page(&self, list: &RecordList, page: &ListedPage<'_>) -> Result<Vec<Value>> {
        let mut found = self.request_page(list, page).await?;
        if list.has_histories() {
            for profile in &mut found {
                self.complete_histories(profile).await?;
            }
        }
        Ok(found)
    }

    /// Reads the newest record of a profile's history.
    pub(super) async fn newest_history_record(&self, kind: RecordKind, profile: RecordId) -> Result<Vec<Value>> {
        let query = Query::of_kind(kind).filter("profile", Comparison::Is(profile.as_str().into()));
        let shape = self.instance_shape().await?;
        let filter = query_filter(&shape, &query)?;
        // One that was added by hand may have no time: PocketBase's own order counts.
        let is_timed = shape.of_kind(kind).field("created").form == FieldForm::Autodate;
        let order = if is_timed { ListOrder::of_query(kind, Order::Newest)? } else { ListOrder::NEWEST_ROW };
        let list = RecordList { kind, filter, order, limit: 1, after: None, parts: ListedParts::Fields };
        self.request_page(&list, &ListedPage { filter: &list.filter, size: 1, number: 1 }).await
    }

    /// Reads one page; profiles with the history records that PocketBase returns with them.
    async fn request_page(&self, list: &RecordList, page: &ListedPage<'_>) -> Result<Vec<Value>> {
        if page.filter.len() > MAX_FILTER_BYTES {
            return Err(StoreError::Refused("the search is longer than PocketBase takes; shorten it".to_owned()));
        }
        let collection = list.kind.name();
        if !self.reads_literals(collection).await? {
            return Err(outdated_version());
        }
        let (size, number, sort) = (page.size.to_string(), page.number.to_string(), list.order.sort());
        let mut query =
            vec![("filter", page.filter), ("sort", &sort), ("perPage", &size), ("page", &number), ("skipTotal", "1")];
        let fields = list_fields(list);
        // Where PocketBase picks fields, it rounds the numbers in them: a setting's value must stay what it is.
        if let Some(fields) = &fields {
            query.push(("fields", fields));
        }
        let expand = expanded_histories();
        if list.has_histories() {
            query.push(("expand", &expand));
        }
        self.get_items(collection, &query).await
    }

    /// Reads the records of a list's answer.
    pub(super) async fn get_items(&self, collection: &str, query: &[(&str, &str)]) -> Result<Vec<Value>> {
        match self.get(&records_path(collection), query).await? {
            Some(Value::Object(mut body)) => match body.remove("items") {
                Some(Value::Array(items)) => Ok(items),
                _ => Err(unexpected_answer()),
            },
            None => Err(StoreError::Unavailable(format!(
                "PocketBase has no collection {collection}; run: identivia pocketbase init"
            ))),
            Some(_) => Err(unexpected_answer()),
        }
    }
}

/// PocketBase's `expand` for a profile with its histories.
pub(super) fn expanded_histories() -> String {
    format!("{STATUSES},{VERIFICATIONS}")
}

fn list_fields(list: &RecordList) -> Option<String> {
    match (list.parts, list.kind) {
        (ListedParts::Key, kind) => {
            let key = kind.field(kind.key_field()).map_or("", |key| key.in_pocketbase);
            Some(format!("id,{key},{}", list.order.field))
        }
        (_, RecordKind::Settings) => None,
        (ListedParts::Fields, RecordKind::Profiles) => {
            Some([listed_fields(RecordKind::Profiles), vec![PROFILE_VERSION]].concat().join(","))
        }
        (ListedParts::Fields, kind) => Some(listed_fields(kind).join(",")),
        (ListedParts::Whole, RecordKind::Profiles) => {
            Some(profile_fields(ProfileParts { whole: true, with_verifications: false }))
        }
        (ListedParts::Whole, _) => None,
    }
}

fn first_page_size(list: &RecordList) -> usize {
    let has_large_documents = list.kind.fields().iter().any(is_large_document);
    let size = match (list.parts, list.kind) {
        (ListedParts::Key, _) => MAX_PAGE_SIZE,
        (_, RecordKind::Settings) => SETTINGS_PAGE_SIZE,
        (ListedParts::Whole, _) if has_large_documents => WHOLE_PAGE_SIZE,
        _ if list.limit > MAX_LIMIT => PAGE_SIZE,
        _ => list.limit,
    };
    size.min(list.limit).max(1)
}

/// The largest smaller page size of which the records read so far are whole pages.
fn next_smaller_size(size: usize, read: usize) -> usize {
    (1..=size / 2).rev().find(|smaller| read.is_multiple_of(*smaller)).unwrap_or(1)
}

/// The bits of a cursor that hold an id; the time is above them.
const ID_BITS: u32 = 80;
/// The time of a record that has none, which another program may have made: the largest number there is room for.
const UNKNOWN_TIME: u64 = (1 << (u128::BITS - ID_BITS)) - 1;

/// A cursor of an order by time: the time and id of the last record before it, as one number.
fn time_cursor(time: Millis, id: RecordId) -> String {
    let time = if time.0 == 0 { UNKNOWN_TIME } else { time.0.unsigned_abs() };
    ((u128::from(time) << ID_BITS) | id.number()).to_string()
}

/// The time and id that a cursor names.
fn parse_time_cursor(cursor: &str) -> Result<(String, RecordId)> {
    let number: u128 = cursor.parse().map_err(|_| StoreError::BadCursor)?;
    let time = match number >> ID_BITS {
        time if time == u128::from(UNKNOWN_TIME) => String::new(),
        time => Millis(i64::try_from(time).ok().filter(|time| *time > 0).ok_or(StoreError::BadCursor)?).to_string(),
    };
    let id = RecordId::of_number(number & ((1 << ID_BITS) - 1)).ok_or(StoreError::BadCursor)?;
    Ok((time, id))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn cursor_names_time_and_id() {
        let id = RecordId::random();
        let order = ListOrder::of_query(RecordKind::Profiles, Order::Newest).unwrap();
        for (created, expected) in [("2026-03-21 00:00:00.001Z", "2026-03-21 00:00:00.001Z"), ("", "")] {
            let cursor = order.cursor(&json!({"id": id, "created": created})).unwrap();
            assert_eq!(parse_time_cursor(&cursor).unwrap(), (expected.to_owned(), id));
        }
        for foreign in ["", "x", "-1", "0", "340282366920938463463374607431768211455"] {
            assert!(matches!(parse_time_cursor(foreign), Err(StoreError::BadCursor)), "{foreign}");
        }
    }

    #[test]
    fn every_kind_has_an_order_of_making() {
        let sort = |kind, order| ListOrder::of_query(kind, order).unwrap().sort();
        assert_eq!(sort(RecordKind::Profiles, Order::Newest), "-created,-@rowid");
        assert_eq!(sort(RecordKind::AuditEvents, Order::Oldest), "at,@rowid");
        assert_eq!(sort(RecordKind::LivenessSessions, Order::Oldest), "expires,@rowid");
        assert_eq!(sort(RecordKind::Settings, Order::Ascending("key")), "key");
        for kind in RecordKind::COPIED {
            sort(kind, Order::Oldest);
        }
    }

    #[test]
    fn smaller_pages_continue_where_larger_ones_ended() {
        assert_eq!(next_smaller_size(120, 240), 60);
        assert_eq!(next_smaller_size(15, 45), 5);
        assert_eq!(next_smaller_size(3, 7), 1);
    }
}
