//! The plans of every list that the API admits, with every pair of its filters: none reads a table in whole, and none sorts more
//! rows than a page has.

use sqlx::{Connection as _, Executor as _};

use super::{PostgresService, postgres_plan};
use crate::domain::event::EventKind;
use crate::domain::outbox::EventType;
use crate::domain::profile::{ProfileFilter, Reach};
use crate::domain::review::ReviewFilter;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::review::ReviewState;
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::webhook_delivery::DeliveryState;
use crate::store::outbox::newest_event_query;
use crate::store::postgres::Postgres;
use crate::store::profiles::filtered_profiles;
use crate::store::sql::SqlStatement;
use crate::store::sql::dialect::{Dialect, POSTGRES, SQLITE};
use crate::store::sql::list_index::{IndexRows, ListSource, in_index_order, list_sources};
use crate::store::sql::list_statement::{count_statement, list_statement};
use crate::store::sql::select::select_statement;
use crate::store::sqlite::Sqlite;
use crate::store::{AuditFilter, DeliveryFilter, EventFilter, Order, Query, Store};

const TIME: Millis = Millis(1_700_000_000_000);

/// What a caller reaches: everything, one team, several.
fn reaches() -> [Reach; 3] {
    let teams = |teams: &[&str]| Reach::Teams(teams.iter().map(|team| (*team).to_owned()).collect());
    [Reach::Every, teams(&["red"]), teams(&["red", "blue"])]
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The name of a filter, and what sets it.
type NamedFilter<'f, F> = (&'static str, &'f dyn Fn(&mut F));

/// A list without filters, with each of its filters, and with each pair of them.
fn with_pairs<F: Clone>(none: &F, filters: &[NamedFilter<'_, F>]) -> Vec<(String, F)> {
    let mut all = vec![("none".to_owned(), none.clone())];
    for (number, (name, set)) in filters.iter().enumerate() {
        let mut one = none.clone();
        set(&mut one);
        all.push(((*name).to_owned(), one.clone()));
        for (other, set_other) in filters.iter().skip(number + 1) {
            let mut both = one.clone();
            set_other(&mut both);
            all.push((format!("{name} and {other}"), both));
        }
    }
    all
}

fn profile_lists() -> Vec<(String, ProfileFilter)> {
    with_pairs(
        &ProfileFilter::default(),
        &[
            ("status", &|filter| filter.status = StatusWord::parse("pending")),
            ("verification_status", &|filter| filter.verification_status = Some(VerificationStatus::Rejected)),
            ("country", &|filter| filter.country = text("ISL")),
            ("userID", &|filter| filter.user_id = text("user-1")),
            ("q", &|filter| filter.q = text("anna@example.com")),
            ("created_after", &|filter| filter.created_after = Some(TIME)),
            ("created_before", &|filter| filter.created_before = Some(TIME)),
            ("updated_after", &|filter| filter.updated_after = Some(TIME)),
        ],
    )
}

fn audit_lists(reach: &Reach) -> Vec<(String, AuditFilter)> {
    let none = AuditFilter {
        reach: reach.clone(),
        actor: None,
        kinds: Vec::new(),
        profile: None,
        object: None,
        address: None,
        from: None,
        to: None,
    };
    with_pairs(
        &none,
        &[
            ("actor", &|filter| filter.actor = text("acme")),
            ("kind", &|filter| filter.kinds = vec![EventKind::ProfileCreated]),
            ("kinds", &|filter| filter.kinds = vec![EventKind::ProfileCreated, EventKind::ProfilesSearched]),
            ("profile", &|filter| filter.profile = RecordId::parse(super::ID)),
            ("object", &|filter| filter.object = text(super::ID)),
            ("address", &|filter| filter.address = text("192.0.2.1")),
            ("from", &|filter| filter.from = Some(TIME)),
            ("to", &|filter| filter.to = Some(TIME)),
        ],
    )
}

fn review_lists() -> Vec<(String, ReviewFilter)> {
    with_pairs(
        &ReviewFilter::default(),
        &[
            ("state", &|filter| filter.states = vec![ReviewState::Decided]),
            ("states", &|filter| filter.states = vec![ReviewState::Open, ReviewState::Escalated]),
            ("team", &|filter| filter.team = text("red")),
            ("assignee", &|filter| filter.assignee = text("user-1")),
            ("country", &|filter| filter.country = text("ISL")),
            ("document_type", &|filter| filter.document_type = text("visa")),
            ("finding", &|filter| filter.finding = text("glare")),
            ("due_before", &|filter| filter.due_before = Some(TIME)),
        ],
    )
}

/// Every list, by what it is.
async fn every_list(store: &dyn Store) -> Vec<(String, Query)> {
    let mut lists = Vec::new();
    for (number, reach) in reaches().iter().enumerate() {
        let mut add = |name: &str, filters: &str, query: Query| {
            lists.push((format!("{name} of reach {number} by {filters}"), query.limited(21)));
        };
        for (filters, filter) in profile_lists() {
            add("profiles", &filters, filtered_profiles(reach, filter));
        }
        for (filters, filter) in audit_lists(reach) {
            add("audit events", &filters, filter.to_query());
        }
        for (filters, filter) in review_lists() {
            let query = store.filtered_reviews(reach, &filter, TIME).await.unwrap().unwrap();
            add("reviews", &filters, query.clone().ordered(Order::Ascending("due_at")));
            add("decided reviews", &filters, query.ordered(Order::Descending("due_at")));
        }
        let none = EventFilter { reach: reach.clone(), types: Vec::new(), profile: None };
        let of_types =
            EventFilter { types: vec![EventType::ProfileCreated, EventType::ProfileStarted], ..none.clone() };
        let of_profile = EventFilter { profile: RecordId::parse(super::ID), ..of_types.clone() };
        for (filters, filter) in [("none", none), ("types", of_types), ("types and profile", of_profile)] {
            add("events", filters, filter.to_query());
        }
        add("newest event", "none", newest_event_query(reach));
    }
    let endpoint = RecordId::parse(super::ID).unwrap();
    let deliveries = with_pairs(
        &DeliveryFilter::default(),
        &[
            ("state", &|filter| filter.state = Some(DeliveryState::Exhausted)),
            ("event_type", &|filter| filter.event_type = text("profile.created")),
        ],
    );
    for (filters, filter) in deliveries {
        lists.push((format!("deliveries by {filters}"), filter.to_query(endpoint).limited(21)));
    }
    for kind in [RecordKind::StatusHistory, RecordKind::VerificationHistory] {
        let query = Query::of_kind(kind)
            .filter("profile", crate::store::Comparison::Is(super::ID.into()))
            .ordered(Order::Newest)
            .limited(21);
        lists.push((kind.name().to_owned(), query));
    }
    lists
}

/// The same list from a later page on.
fn later_page(query: &Query) -> Option<Query> {
    let after = match query.order {
        Order::LastCommitted => return None,
        Order::Committed => super::ID.to_owned(),
        Order::Newest | Order::Oldest => "5".to_owned(),
        Order::Ascending(_) | Order::Descending(_) => "5.5".to_owned(),
    };
    Some(Query { after: Some(after), ..query.clone() })
}

/// Every statement that a list may run, with the source that it begins at.
fn sourced_statements(query: &Query, dialect: &Dialect) -> Vec<(Option<ListSource>, SqlStatement)> {
    let sources = list_sources(query);
    if sources.is_empty() {
        return vec![(None, select_statement(query, dialect).unwrap())];
    }
    let mut statements = Vec::new();
    for source in &sources {
        statements.push((Some(source.clone()), list_statement(query, source, dialect).unwrap()));
        if sources.len() > 1 && !source.is_last_resort() {
            statements.push((None, count_statement(query, source, dialect, 100).unwrap()));
        }
    }
    statements
}

/// Every statement that a list may run.
pub(super) fn statements_of_list(query: &Query, dialect: &Dialect) -> Vec<SqlStatement> {
    let query = in_index_order(query.clone());
    sourced_statements(&query, dialect).into_iter().map(|(_, statement)| statement).collect()
}

/// A line of SQLite's plan.
struct PlanLine {
    id: i64,
    parent: i64,
    detail: String,
}

fn read_plan(sqlite: &rusqlite::Connection, statement: &SqlStatement) -> Vec<PlanLine> {
    let mut plan = sqlite
        .prepare(&format!("explain query plan {}", statement.text))
        .unwrap_or_else(|error| panic!("{error}: {}", statement.text));
    let values = statement.values.iter().map(|_| 1);
    let lines = plan.query_map(rusqlite::params_from_iter(values), |row| {
        Ok(PlanLine { id: row.get("id")?, parent: row.get("parent")?, detail: row.get("detail")? })
    });
    lines.unwrap().map(Result::unwrap).collect()
}

/// What is wrong with a plan: a table that is read in whole, or rows of an index that are sorted.
fn find_fault(plan: &[PlanLine], source: Option<&ListSource>, query: &Query) -> Option<&'static str> {
    let is_unfiltered = query.filters.is_empty() && query.search.is_none();
    // The first value of a key is the first row of its index. `k` has the values of keys, `v` those that the list names.
    let is_first_value = |line: &PlanLine| {
        let is_scalar = |parent: &PlanLine| parent.id == line.parent && parent.detail.starts_with("SCALAR SUBQUERY");
        line.detail.contains(" USING COVERING INDEX ") && plan.iter().any(is_scalar)
    };
    let reads_table = |line: &PlanLine| ["SCAN r", "SCAN w"].iter().any(|scan| line.detail.starts_with(scan));
    if !is_unfiltered && plan.iter().any(|line| reads_table(line) && !is_first_value(line)) {
        return Some("a table is read in whole");
    }
    let may_sort = source.is_some_and(|source| source.rows_for(query) != IndexRows::InOrder);
    for sort in plan.iter().filter(|line| line.detail.contains("TEMP B-TREE")) {
        let reads_index = |line: &PlanLine| {
            let is_range = line.detail.contains("SEARCH r USING") || line.detail.contains("SEARCH w USING");
            line.parent == sort.parent && is_range && !line.detail.contains("INTEGER PRIMARY KEY (rowid=?)")
        };
        if !may_sort && plan.iter().any(reads_index) {
            return Some("the rows of an index are sorted");
        }
    }
    None
}

#[tokio::test]
async fn no_list_reads_a_table_in_whole_or_sorts_it_in_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    let mut faults = Vec::new();
    for (name, query) in every_list(&store).await {
        let query = in_index_order(query);
        for query in later_page(&query).into_iter().chain([query]) {
            for (source, statement) in sourced_statements(&query, &SQLITE) {
                let plan = read_plan(&sqlite, &statement);
                if let Some(fault) = find_fault(&plan, source.as_ref(), &query) {
                    let lines: Vec<&str> = plan.iter().map(|line| line.detail.as_str()).collect();
                    faults.push(format!("{name}: {fault}: {lines:#?}\n{}", statement.text));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

#[tokio::test]
async fn no_list_reads_a_table_in_whole_in_postgres() {
    let url = PostgresService::create_database().await;
    let store = Postgres::open(&url, 2).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    // A table without rows is read in whole where that is allowed.
    connection.execute("set enable_seqscan = off").await.unwrap();
    let mut faults = Vec::new();
    for (name, query) in every_list(&store).await {
        let query = in_index_order(query);
        let is_unfiltered = query.filters.is_empty() && query.search.is_none();
        for query in later_page(&query).into_iter().chain([query]) {
            for (_, statement) in sourced_statements(&query, &POSTGRES) {
                let text = statement.text.clone();
                let plan = postgres_plan(&mut connection, statement).await;
                if plan.contains("Seq Scan") && !is_unfiltered {
                    faults.push(format!("{name}: {plan}\n{text}\n"));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}

/// Every list finds the same rows wherever it begins.
#[tokio::test]
async fn list_finds_the_same_rows_from_every_source() {
    super::on_both_databases(async |store| {
        let commit = |number: usize| {
            let mut commit = crate::store::Commit::default();
            let time = Millis(TIME.0 + i64::try_from(number / 2).unwrap_or_default()).to_string();
            let pick = |words: &[&'static str], by: usize| words[number / by % words.len()];
            super::insert(
                &mut commit,
                RecordKind::Profiles,
                super::fields(serde_json::json!({
                    "id": format!("{number:015}"), "team": pick(&["red", "blue", ""], 1), "user_id": format!("user-{}", number % 7 + number / 3 * 7),
                    "name": pick(&["Anna Li", "Omar", "Anna"], 2), "country": pick(&["ISL", "DEU", ""], 3),
                    "verification_status": pick(&["pending", "verified"], 5),
                    "recorded_status": pick(&["", "in_review"], 4),
                    "created": time, "updated": time,
                })),
                crate::store::IfExists::Refuse(crate::store::Refusal::AlreadyExists),
            );
            commit
        };
        for number in 0..90 {
            store.commit(commit(number)).await.unwrap();
        }
        for (name, mut filter) in profile_lists() {
            filter.user_id = filter.user_id.map(|_| "user-10".to_owned());
            filter.q = filter.q.map(|_| "anna".to_owned());
            filter.verification_status = filter.verification_status.map(|_| VerificationStatus::Verified);
            filter.created_after = filter.created_after.map(|_| Millis(TIME.0 + 9));
            filter.created_before = filter.created_before.map(|_| Millis(TIME.0 + 30));
            filter.updated_after = filter.updated_after.map(|_| Millis(TIME.0 + 20));
            for reach in reaches() {
                let expected: Vec<usize> = (0..90).rev().filter(|number| is_admitted(*number, &filter, &reach)).collect();
                let (mut found, mut cursor) = (Vec::new(), None);
                loop {
                    let page = crate::store::PageRequest { limit: 4, cursor };
                    let page = store.list_profiles(&reach, filter.clone(), &page).await.unwrap();
                    found.extend(page.items.iter().map(|profile| profile.id.as_str().parse::<usize>().unwrap()));
                    cursor = page.next;
                    if cursor.is_none() {
                        break;
                    }
                }
                assert_eq!(found, expected, "{name} of {reach:?}");
            }
        }
    })
    .await;
}

/// What the statements of the test above must admit, said once more without SQL.
fn is_admitted(number: usize, filter: &ProfileFilter, reach: &Reach) -> bool {
    let pick = |words: &[&'static str], by: usize| words[number / by % words.len()];
    let time = TIME.0 + i64::try_from(number / 2).unwrap_or_default();
    let own = pick(&["pending", "verified"], 5);
    let shown = if pick(&["", "in_review"], 4).is_empty() { own } else { "in_review" };
    reach.teams().is_none_or(|teams| teams.iter().any(|team| *team == pick(&["red", "blue", ""], 1)))
        && filter.status.as_ref().is_none_or(|status| status.as_str() == shown)
        && filter.verification_status.is_none_or(|_| own == "verified")
        && filter.country.as_ref().is_none_or(|_| pick(&["ISL", "DEU", ""], 3) == "ISL")
        && filter.user_id.as_ref().is_none_or(|_| number % 7 + number / 3 * 7 == 10)
        && filter.q.as_ref().is_none_or(|_| pick(&["Anna Li", "Omar", "Anna"], 2) != "Omar")
        && filter.created_after.is_none_or(|after| time > after.0)
        && filter.created_before.is_none_or(|before| time < before.0)
        && filter.updated_after.is_none_or(|after| time > after.0)
}
