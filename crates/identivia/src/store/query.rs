//! What is read: records of one kind, selected by their columns, in an order and in pages.

use serde_json::Value;

use crate::domain::profile::Reach;
use crate::records::RecordKind;
use crate::records::time::Millis;

/// Selects records of one kind by their columns.
#[derive(Clone, Debug)]
pub struct Query {
    pub kind: RecordKind,
    /// All of them must hold.
    pub filters: Vec<Filter>,
    /// Its words must all be among those of the fields flagged `Searched`: whole, in any case and normal form, with or
    /// without accents.
    pub search: Option<String>,
    pub order: Order,
    pub limit: usize,
    /// Where the page before ended: a [`StoredRecord::cursor`].
    pub after: Option<String>,
    /// Also reads the record's newest verification record (profiles only).
    pub with_newest_verification: bool,
    /// Only the key is needed: the store may leave all other fields out.
    pub keys_only: bool,
    /// The index to use, for a database that keeps no statistics by which it would find it.
    pub index: Option<&'static str>,
}

/// A condition on one column.
#[derive(Clone, Debug)]
pub struct Filter {
    pub field: &'static str,
    pub comparison: Comparison,
}

/// How a field compares. `Value::Null` is an unknown value.
#[derive(Clone, Debug)]
pub enum Comparison {
    Is(Value),
    IsNot(Value),
    In(Vec<Value>),
    NotIn(Vec<Value>),
    After(Millis),
    Before(Millis),
    /// Not after: earlier or the same time.
    Until(Millis),
    /// The same two, or unknown.
    AfterOrUnknown(Millis),
    UntilOrUnknown(Millis),
    /// The first of two fields that is known: this one, else that one, is the value.
    FirstKnownIs(&'static str, Value),
}

/// The order of a query's records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In the order in which they were made, the last first.
    Newest,
    /// In the order in which they were made.
    Oldest,
    /// In the order in which their commits ended, and only those before which no other commit can end any more (outbox
    /// events only). A cursor is the id of a record.
    Committed,
    /// The same from the end on, with those that others may still precede. It has one page only.
    LastCommitted,
    /// By a column, smallest first.
    Ascending(&'static str),
    /// By a column, largest first.
    Descending(&'static str),
}

/// A record as a store hands it out.
#[derive(Clone, Debug)]
pub struct StoredRecord {
    /// The record as JSON.
    pub json: String,
    /// Its place in the order, for the next page. A query ordered by a text has one page only.
    pub cursor: String,
    /// The newest verification record as JSON, where the query asks for it and there is one.
    pub newest_verification: Option<String>,
}

/// One page of a list.
pub struct Page<T> {
    pub items: Vec<T>,
    /// Where the next page starts; `None` on the last.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// The same page of other items.
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page { items: self.items.into_iter().map(convert).collect(), next: self.next }
    }
}

/// Which page of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// 1 to 100.
    pub limit: usize,
    /// What the page before gave as its `next`.
    pub cursor: Option<String>,
}

impl Query {
    /// All records of a kind, in the order in which they were made.
    #[must_use]
    pub fn of_kind(kind: RecordKind) -> Self {
        Self {
            kind,
            filters: Vec::new(),
            search: None,
            order: Order::Oldest,
            limit: usize::MAX,
            after: None,
            with_newest_verification: false,
            keys_only: false,
            index: None,
        }
    }

    /// The one record with that key.
    #[must_use]
    pub fn by_key(kind: RecordKind, key: &str) -> Self {
        Self { limit: 1, ..Self::of_kind(kind).filter(kind.key_field(), Comparison::Is(key.into())) }
    }

    /// Adds a condition.
    #[must_use]
    pub fn filter(mut self, field: &'static str, comparison: Comparison) -> Self {
        self.filters.push(Filter { field, comparison });
        self
    }

    /// Adds the condition that a profile is within reach.
    #[must_use]
    pub fn within(self, reach: &Reach) -> Self {
        match reach.teams() {
            Some([team]) => self.filter("team", Comparison::Is(team.as_str().into())),
            Some(teams) => self.filter("team", Comparison::In(teams.iter().map(|team| team.as_str().into()).collect())),
            None => self,
        }
    }

    /// Sets the order.
    #[must_use]
    pub fn ordered(self, order: Order) -> Self {
        Self { order, ..self }
    }

    /// Sets the most records that are read.
    #[must_use]
    pub fn limited(self, limit: usize) -> Self {
        Self { limit, ..self }
    }
}
