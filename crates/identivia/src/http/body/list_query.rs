//! Query strings of lists: a closed set of names, each once, each checked.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::{Ref, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::field_checks::{FieldChecks, RawField};
use crate::domain::LINE;
use crate::http::error::ApiError;
use crate::http::guard::authority::{Authority, RestrictedView, Shown};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Page, PageRequest};

const DEFAULT_LIMIT: usize = 20;
const MAX_LIMIT: usize = 100;
/// The longest cursor, in characters.
const MAX_CURSOR: usize = 64;

/// An entry of a list.
pub(crate) trait ListEntry: ToSchema {
    /// The list's name in the OpenAPI document.
    const LIST_NAME: &'static str;
}

/// One page of a list.
#[derive(Serialize)]
pub(crate) struct PageResponse<T> {
    success: bool,
    data: Vec<Shown<T>>,
    has_more: bool,
    next_cursor: Option<String>,
}

impl<T: ListEntry> ToSchema for PageResponse<T> {
    fn name() -> Cow<'static, str> {
        T::LIST_NAME.into()
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}

/// Derived, the schema would hold a copy of the entry's in the place of its name.
impl<T: ListEntry> PartialSchema for PageResponse<T> {
    fn schema() -> RefOr<Schema> {
        let flag = || ObjectBuilder::new().schema_type(Type::Boolean);
        let cursor = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("Send it as `cursor` for the next page; `null` on the last."));
        let page = ObjectBuilder::new()
            .schema_type(Type::Object)
            .description(Some("One page of a list."))
            .property("success", flag())
            .property("data", ArrayBuilder::new().items(Ref::from_schema_name(T::name())))
            .property("has_more", flag())
            .property("next_cursor", cursor);
        let names = ["success", "data", "has_more", "next_cursor"];
        Schema::Object(names.into_iter().fold(page, ObjectBuilder::required).build()).into()
    }
}

impl<T> PageResponse<T> {
    /// A page of records, as the caller may see them. `to_entry` makes a list entry of a record.
    pub(crate) fn new<R: RestrictedView>(page: Page<R>, authority: &Authority, to_entry: impl Fn(R) -> T) -> Self {
        let data = page.items.into_iter().map(|record| authority.show(record).map(&to_entry)).collect();
        Self { success: true, data, has_more: page.next.is_some(), next_cursor: page.next }
    }
}

/// The parsed query string of a list.
pub(crate) struct ListQuery(BTreeMap<&'static str, String>);

impl ListQuery {
    /// Parses a query string that may hold `limit`, `cursor` and the given names. A misspelt filter would show
    /// everything, so other names are refused.
    pub(crate) fn parse(query: Option<&str>, names: &[&'static str]) -> Result<Self, ApiError> {
        Self::parse_filters(query, &[&["limit", "cursor"], names].concat())
    }

    /// The same without pages.
    pub(crate) fn parse_filters(query: Option<&str>, names: &[&'static str]) -> Result<Self, ApiError> {
        let mut values = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            let Some(known) = names.iter().find(|known| **known == name) else {
                return Err(ApiError::bad_request(
                    "Unknown query parameter",
                    format!("This list takes {}", names.join(", ")),
                ));
            };
            if values.insert(*known, value.into_owned()).is_some() {
                return Err(ApiError::bad_request("Repeated query parameter", "Send every parameter once"));
            }
        }
        Ok(Self(values))
    }

    /// Parses a query string without filters.
    pub(crate) fn parse_page_only(query: Option<&str>) -> Result<PageRequest, ApiError> {
        let mut checks = FieldChecks::default();
        let page = Self::parse(query, &[])?.take_page(&mut checks);
        checks.finish()?;
        Ok(page)
    }

    /// The names of the filters that are set, for the audit trail. What they seek is not in it.
    pub(crate) fn filter_names(&self) -> String {
        let filters = self.0.keys().filter(|name| !["limit", "cursor", "format"].contains(*name));
        filters.copied().collect::<Vec<_>>().join(" ")
    }

    /// A point in time; `None` when not given.
    pub(crate) fn take_time(&mut self, name: &'static str, checks: &mut FieldChecks) -> Option<Millis> {
        let text = self.take_text(name, checks);
        let moment = Millis::parse(&text);
        if !text.is_empty() && moment.is_none() {
            checks.add_problem(name, "must be a time such as 2026-03-21T00:00:00Z, or a date");
        }
        moment
    }

    /// The id of a record; `None` when not given.
    pub(crate) fn take_id(&mut self, name: &'static str, checks: &mut FieldChecks) -> Option<RecordId> {
        let text = self.take_text(name, checks);
        let id = RecordId::parse(&text);
        if !text.is_empty() && id.is_none() {
            checks.add_problem(name, "must be an id: 15 of a-z and 0-9");
        }
        id
    }

    /// The value of a parameter, as a field to check.
    fn take_raw(&mut self, name: &str) -> RawField {
        self.0.remove(name).map(serde_json::Value::String)
    }

    /// Which page is wanted.
    pub(crate) fn take_page(&mut self, checks: &mut FieldChecks) -> PageRequest {
        let limit = match self.0.remove("limit").map(|text| text.parse::<usize>()) {
            None => DEFAULT_LIMIT,
            Some(Ok(limit)) if (1..=MAX_LIMIT).contains(&limit) => limit,
            Some(_) => {
                checks.add_problem("limit", format!("must be a whole number from 1 to {MAX_LIMIT}"));
                DEFAULT_LIMIT
            }
        };
        let cursor = self.0.remove("cursor");
        if cursor.as_ref().is_some_and(|cursor| cursor.is_empty() || cursor.len() > MAX_CURSOR) {
            checks.add_problem("cursor", "must be the next_cursor of the page before, unchanged");
        }
        PageRequest { limit, cursor }
    }

    /// A text filter; empty when not given.
    pub(crate) fn take_text(&mut self, name: &'static str, checks: &mut FieldChecks) -> String {
        let raw = self.take_raw(name);
        if raw.as_ref().is_some_and(|value| value == "") {
            checks.add_problem(name, "must not be empty; leave it out");
        }
        checks.optional_text(name, raw, LINE).unwrap_or_default()
    }
}
