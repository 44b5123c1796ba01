//! The indexes that lists follow, and which of them can serve a list. What a list costs must not grow with the table: so each
//! filter that the API admits has an index in the order of the list, or finds a few rows.

use serde_json::Value;

use super::sql_value::is_unknown;
use crate::domain::search::search_tokens;
use crate::records::RecordKind;
use crate::store::{Comparison, Filter, Order, Query};

/// The most words of a search that are tried as its start.
const MAX_WORDS_TRIED: usize = 8;

/// An index of a table: its keys, behind them what a list is ordered by.
#[derive(Clone, Copy, Debug)]
pub(super) struct ListIndex {
    pub(super) name: &'static str,
    pub(super) keys: &'static [ListKey],
    /// Filters of which a list must have one; empty where any list can follow the index.
    anchors: &'static [&'static str],
    pub(super) rows: IndexRows,
    /// The condition of the index, or one that always holds.
    pub(super) condition: &'static str,
    /// What its rows are ordered by, where that is not the order of the list.
    pub(super) sorted_by: &'static str,
}

/// Which rows an index gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum IndexRows {
    /// In the order of the list: reading ends with the page.
    InOrder,
    /// In another order: all of them are read and sorted, so there must not be many.
    Unordered,
    /// A few, also in a large table.
    Few,
}

/// A key of an index.
#[derive(Debug)]
pub(super) struct ListKey {
    /// The field whose filter gives its value.
    pub(super) field: &'static str,
    /// The key, of the table as `r`.
    pub(super) expression: &'static str,
}

/// Where a list begins: with an index, or with the rows of a word.
#[derive(Clone, Debug)]
pub(super) enum ListSource {
    Index(&'static ListIndex),
    Word(String),
}

/// What a list says about a key.
pub(super) enum KeyValues<'q> {
    One(&'q Value),
    Several(&'q [Value]),
    /// Nothing: each value that there is.
    Every,
}

/// A key of an index.
const fn key(field: &'static str, expression: &'static str) -> ListKey {
    ListKey { field, expression }
}

const TEAM: ListKey = key("team", "r.team");
const KNOWN_TEAM: ListKey = key("team", "coalesce(r.team, '')");
const VERIFICATION_STATUS: ListKey = key("verification_status", "coalesce(r.verification_status, '')");
/// The status that lists show: the newest record's, else the profile's own.
const SHOWN_STATUS: ListKey = key("recorded_status", "coalesce(r.recorded_status, r.verification_status, '')");
const KIND: ListKey = key("kind", "r.kind");
const STATE: ListKey = key("state", "r.state");
const PROFILE: ListKey = key("profile", "r.profile");

/// An index in the order of its lists.
const fn in_order(name: &'static str, keys: &'static [ListKey], anchors: &'static [&'static str]) -> ListIndex {
    ListIndex { name, keys, anchors, rows: IndexRows::InOrder, condition: "1 = 1", sorted_by: "" }
}

/// An index of rows in which a column is known.
const fn in_order_where(condition: &'static str, index: ListIndex) -> ListIndex {
    ListIndex { condition, ..index }
}

const PROFILES: [ListIndex; 5] = [
    ListIndex {
        name: "profiles_user",
        keys: &[key("user_id", "r.user_id")],
        anchors: &["user_id"],
        rows: IndexRows::Few,
        condition: "1 = 1",
        sorted_by: "r.user_id",
    },
    // Before that of both statuses, which it holds too: of two that find many rows the first is followed.
    in_order_where(
        "r.country is not null",
        in_order(
            "profiles_country",
            &[TEAM, key("country", "r.country"), VERIFICATION_STATUS, SHOWN_STATUS],
            &["country"],
        ),
    ),
    in_order(
        "profiles_status",
        &[TEAM, VERIFICATION_STATUS, SHOWN_STATUS],
        &["verification_status", "recorded_status"],
    ),
    ListIndex {
        name: "profiles_updated",
        keys: &[TEAM],
        anchors: &["updated"],
        rows: IndexRows::Unordered,
        condition: "1 = 1",
        sorted_by: "r.updated",
    },
    in_order("profiles_team", &[TEAM], &[]),
];
const AUDIT_EVENTS: [ListIndex; 6] = [
    in_order_where("r.profile is not null", in_order("audit_events_profile", &[PROFILE], &["profile"])),
    in_order_where(
        "r.object_id is not null",
        in_order("audit_events_object", &[key("object_id", "r.object_id")], &["object_id"]),
    ),
    in_order_where("r.actor is not null", in_order("audit_events_actor", &[key("actor", "r.actor"), KIND], &["actor"])),
    in_order_where(
        "r.address is not null",
        in_order("audit_events_address", &[key("address", "r.address"), KIND], &["address"]),
    ),
    in_order("audit_events_kind", &[KNOWN_TEAM, KIND], &["team", "kind"]),
    in_order("audit_events_at", &[], &[]),
];
const REVIEWS: [ListIndex; 6] = [
    in_order("reviews_profile", &[PROFILE, STATE], &["profile"]),
    in_order_where(
        "r.assignee is not null",
        in_order("reviews_assignee", &[key("assignee", "r.assignee"), STATE], &["assignee"]),
    ),
    in_order("reviews_country", &[KNOWN_TEAM, key("country", "r.country"), STATE], &["country"]),
    in_order(
        "reviews_document_type",
        &[KNOWN_TEAM, key("document_type", "r.document_type"), STATE],
        &["document_type"],
    ),
    in_order("reviews_team", &[TEAM, STATE], &["team"]),
    in_order("reviews_state", &[STATE], &[]),
];
const OUTBOX_EVENTS: [ListIndex; 2] = [
    in_order_where("r.profile is not null", in_order("outbox_events_profile", &[PROFILE], &["profile"])),
    in_order("outbox_events_team", &[KNOWN_TEAM, key("event_type", "r.event_type")], &["team", "event_type"]),
];
const DELIVERIES: [ListIndex; 2] = [
    ListIndex {
        name: "webhook_deliveries_due",
        keys: &[STATE],
        anchors: &["state"],
        rows: IndexRows::Unordered,
        condition: "1 = 1",
        sorted_by: "r.due_at",
    },
    in_order(
        "webhook_deliveries_endpoint",
        &[key("endpoint", "r.endpoint"), key("event_type", "r.event_type")],
        &["endpoint"],
    ),
];

/// The indexes of a kind's lists. One that finds a few rows comes first, and the one for lists without a filter last.
fn indexes_of(kind: RecordKind) -> &'static [ListIndex] {
    match kind {
        RecordKind::Profiles => &PROFILES,
        RecordKind::AuditEvents => &AUDIT_EVENTS,
        RecordKind::Reviews => &REVIEWS,
        RecordKind::OutboxEvents => &OUTBOX_EVENTS,
        RecordKind::WebhookDeliveries => &DELIVERIES,
        _ => &[],
    }
}

/// Says whether the indexes of a kind are in that order.
fn is_list_order(kind: RecordKind, order: Order) -> bool {
    match kind {
        RecordKind::Profiles => order == Order::Descending("created"),
        RecordKind::AuditEvents => order == Order::Descending("at"),
        RecordKind::Reviews => matches!(order, Order::Ascending("due_at") | Order::Descending("due_at")),
        RecordKind::OutboxEvents => matches!(order, Order::Committed | Order::LastCommitted),
        RecordKind::WebhookDeliveries => order == Order::Newest,
        _ => false,
    }
}

/// A query as the indexes know it. Lists of profiles are in the order of their creation: with a filter that is a column, without
/// one the order of the rows.
pub(super) fn in_index_order(query: Query) -> Query {
    let is_list = query.kind == RecordKind::Profiles && query.order == Order::Newest;
    let is_filtered = !query.filters.is_empty() || query.search.is_some();
    if is_list && is_filtered { query.ordered(Order::Descending("created")) } else { query }
}

/// Where a list can begin, the best guess first. Empty for a query that is no list, or needs no choice.
pub(super) fn list_sources(query: &Query) -> Vec<ListSource> {
    let is_empty = query.filters.is_empty() && query.search.is_none() && query.kind != RecordKind::Reviews;
    if query.index.is_some()
        || i64::try_from(query.limit).is_err()
        || is_empty
        || !is_list_order(query.kind, query.order)
    {
        return Vec::new();
    }
    let is_named = |name: &&str| query.filters.iter().any(|filter| filter.field == *name && is_anchor(filter));
    let mut words: Vec<String> = query.search.iter().flat_map(|text| search_tokens([text.as_str()])).collect();
    if words.is_empty() && query.search.is_some() {
        // Nothing is found by a text without a word.
        return Vec::new();
    }
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.truncate(MAX_WORDS_TRIED);
    let mut sources: Vec<ListSource> = words.into_iter().map(ListSource::Word).collect();
    for index in indexes_of(query.kind) {
        let is_in_order = |source: &ListSource| source.rows_for(query) == IndexRows::InOrder;
        let is_needed = if index.anchors.is_empty() {
            !sources.iter().any(is_in_order)
        } else {
            index.anchors.iter().any(is_named)
        };
        match index.rows {
            _ if !is_needed => {}
            IndexRows::Few => return vec![ListSource::Index(index)],
            _ => sources.push(ListSource::Index(index)),
        }
    }
    sources
}

fn is_anchor(filter: &Filter) -> bool {
    match &filter.comparison {
        Comparison::Is(value) => !is_unknown(value),
        Comparison::In(values) => !values.is_empty() && !values.iter().any(is_unknown),
        Comparison::FirstKnownIs(..) => true,
        Comparison::After(_) => filter.field == "updated",
        _ => false,
    }
}

impl ListKey {
    /// The filter that gives its value. A list may have two of one field: what a caller reaches, and what they ask for.
    pub(super) fn filter_in<'q>(&self, query: &'q Query) -> Option<&'q Filter> {
        let of_key = |filter: &&Filter| {
            let is_shown_status = matches!(filter.comparison, Comparison::FirstKnownIs(..));
            filter.field == self.field && is_anchor(filter) && is_shown_status == (self.field == "recorded_status")
        };
        let is_one = |filter: &&Filter| !matches!(filter.comparison, Comparison::In(_));
        let mut filters = query.filters.iter().filter(of_key);
        filters.clone().find(is_one).or_else(|| filters.next())
    }

    /// The values that a list admits.
    pub(super) fn values_in<'q>(&self, query: &'q Query) -> KeyValues<'q> {
        match self.filter_in(query).map(|filter| &filter.comparison) {
            Some(Comparison::Is(value) | Comparison::FirstKnownIs(_, value)) => KeyValues::One(value),
            Some(Comparison::In(values)) => KeyValues::Several(values),
            _ => KeyValues::Every,
        }
    }
}

impl ListSource {
    pub(super) fn keys(&self) -> &'static [ListKey] {
        const OF_WORD: [ListKey; 1] = [key("team", "w.team")];
        match self {
            Self::Index(index) => index.keys,
            Self::Word(_) => &OF_WORD,
        }
    }

    /// Says which rows it gives for a query. The rows of a word are in the order of creation.
    pub(super) fn rows_for(&self, query: &Query) -> IndexRows {
        match self {
            Self::Index(index) => index.rows,
            Self::Word(_) if matches!(query.order, Order::Descending("created")) => IndexRows::InOrder,
            Self::Word(_) => IndexRows::Unordered,
        }
    }

    /// Says whether lists without a filter begin here.
    pub(super) fn is_last_resort(&self) -> bool {
        matches!(self, Self::Index(index) if index.anchors.is_empty())
    }
}
