//! What the databases read for the lists of people who are limited to several teams: no table in whole, and no rows of other
//! words, teams or profiles.

use sqlx::{Connection as _, Executor as _};

use super::list_plans::statements_of_list;
use super::{PostgresService, postgres_plan};
use crate::domain::profile::Reach;
use crate::domain::review::ReviewFilter;
use crate::records::RecordKind;
use crate::records::review::ReviewState;
use crate::records::time::Millis;
use crate::store::postgres::Postgres;
use crate::store::sql::dialect::POSTGRES;
use crate::store::sqlite::Sqlite;
use crate::store::{Order, Query, Store};

/// How many profiles there are; a third of them has a review that waits.
const PROFILES: usize = 60_000;

fn two_teams() -> Reach {
    Reach::Teams(vec!["team-1".to_owned(), "team-2".to_owned()])
}

/// The search of `GET /api/profiles` and of the queue.
fn search_query(words: &str, order: Order) -> Query {
    let query = Query::of_kind(RecordKind::Profiles).ordered(order).within(&two_teams()).limited(100);
    Query { search: Some(words.to_owned()), keys_only: true, ..query }
}

/// The queue with each of its filters, and without any.
async fn queue_queries(store: &dyn Store) -> Vec<(&'static str, Query)> {
    let text = |text: &str| Some(text.to_owned());
    let open = || ReviewFilter { states: vec![ReviewState::Open], ..ReviewFilter::default() };
    let filters = [
        ("open", open()),
        ("decided", ReviewFilter { states: vec![ReviewState::Decided], ..open() }),
        ("every state", ReviewFilter::default()),
        ("q", ReviewFilter { q: text("anna"), ..open() }),
        ("q in every state", ReviewFilter { q: text("anna"), ..ReviewFilter::default() }),
        ("team", ReviewFilter { team: text("team-1"), ..open() }),
        ("country", ReviewFilter { country: text("ISL"), ..open() }),
        ("document_type", ReviewFilter { document_type: text("visa"), ..open() }),
        ("assignee", ReviewFilter { assignee: text("user-1"), ..open() }),
        ("finding", ReviewFilter { finding: text("glare"), ..open() }),
        ("due_before", ReviewFilter { due_before: Some(Millis(5_000)), ..open() }),
    ];
    let mut queries = Vec::new();
    for (name, filter) in filters {
        let query = store.filtered_reviews(&two_teams(), &filter, Millis(9)).await.unwrap().unwrap();
        queries.push((name, query.ordered(Order::Ascending("due_at")).limited(50)));
    }
    queries
}

/// Every fourth profile is an Anna, in ten teams; the newest are first in none.
fn fill_statements(numbers: &str, pad: &str) -> Vec<String> {
    let team = "'team-' || (i % 10)";
    vec![
        format!(
            "insert into profiles (id, team, user_id, name, created, updated, body)
             select 'p' || {pad}, {team}, 'user-' || i, case i % 4 when 0 then 'Anna' else 'Omar' end, i, i, '{{}}' from {numbers}"
        ),
        "insert into search_tokens (kind, team, created, seq, token) select 'profiles', team, created, seq, lower(name) from profiles".to_owned(),
        "insert into search_tokens (kind, team, created, seq, token) select 'profiles', team, created, seq, 'rare' from profiles where seq % 997 = 0".to_owned(),
        format!(
            "insert into reviews (id, team, profile, verification, state, due_at, assignee, country, document_type, version, created, updated, body)
             select 'r' || {pad}, {team}, 'p' || {pad}, 'v' || {pad}, case i % 3 when 0 then 'open' else 'decided' end, i * 7919 % 100000, 'user-' || (i % 50),
                 case i % 1000 when 0 then 'ISL' else 'DEU' end, case i % 500 when 0 then 'visa' else 'passport' end, 1, i, i, '{{}}' from {numbers}"
        ),
        "insert into search_tokens (kind, team, created, seq, token) select 'reviews', team, created, seq, 'glare' from reviews where seq % 3 = 0".to_owned(),
    ]
}

#[tokio::test]
async fn search_of_several_teams_finds_the_newest_rows_of_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    let numbers = format!(
        "(with recursive n (i) as (select 1 union all select i + 1 from n where i < {PROFILES}) select i from n) n"
    );
    for statement in fill_statements(&numbers, "substr('00000000000000' || i, -14)") {
        sqlite.execute_batch(&statement).unwrap();
    }
    let (found, words) = (store.read(search_query("Anna", Order::Newest)).await.unwrap(), ["anna", "rare"].join(" "));
    assert_eq!(found.len(), 100);
    // The numbers of team-2 that 4 divides, from the end: 59992, 59972, …; team-1 has odd ones.
    assert!(
        found[0].json.contains("p00000000059992") && found[1].json.contains("p00000000059972"),
        "{}",
        found[0].json
    );
    assert_eq!(found[1].cursor, "59972");
    let rare = store.read(search_query(&words, Order::Newest)).await.unwrap();
    // 4 × 997 × k with the end 2: 11964 × …
    let expected = (1..=PROFILES).filter(|i| i % 4 == 0 && i % 997 == 0 && [1, 2].contains(&(i % 10))).count();
    assert_eq!((rare.len(), expected > 0), (expected, true));
}

#[tokio::test]
async fn postgres_scans_no_table_for_a_person_of_several_teams() {
    let url = PostgresService::create_database().await;
    let store = Postgres::open(&url, 2).await.unwrap();
    let mut connection = sqlx::PgConnection::connect(&url).await.unwrap();
    let numbers = format!("generate_series(1::bigint, {PROFILES}) n (i)");
    let filled = fill_statements(&numbers, "lpad(i::text, 14, '0')");
    for statement in filled.into_iter().chain(["analyze".to_owned()]) {
        connection.execute(sqlx::AssertSqlSafe(statement)).await.unwrap();
    }
    for words in ["anna", "anna rare", "rare"] {
        for statement in statements_of_list(&search_query(words, Order::Newest), &POSTGRES) {
            let plan = postgres_plan(&mut connection, statement).await;
            assert!(!plan.contains("Seq Scan"), "{words}: {plan}");
        }
    }
    for (name, query) in queue_queries(&store).await {
        for statement in statements_of_list(&query, &POSTGRES) {
            let plan = postgres_plan(&mut connection, statement).await;
            assert!(!plan.contains("Seq Scan on reviews"), "{name}: {plan}");
        }
    }
    let found = store.read(search_query("anna", Order::Newest)).await.unwrap();
    assert_eq!((found.len(), found[0].cursor.as_str()), (100, "59992"));
}
