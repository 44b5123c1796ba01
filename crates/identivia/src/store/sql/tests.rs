//! The statements on both databases, and reads and commits end to end.

mod list_plans;
mod plans;

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Lines};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::{Mutex, OnceLock};

use serde_json::{Value, json};
use sqlx::{Connection as _, Executor as _, Row as _, SqlSafeStr as _};

use super::commit::DELETE_OPEN_INTENT;
use super::dialect::{DELETE_ENDED_COUNTS, Dialect, POSTGRES, SQLITE};
use super::file_store::{SELECT_FILE_STORE, change_statement};
use super::insert::{PreparedInsert, join_inserts};
use super::search_rows::SearchRows;
use super::select::select_statement;
use super::table::{ALL_KINDS, Table};
use super::{SqlStatement, SqlValue};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::{FieldFlag, FieldMap, FieldType, RecordKind};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{
    Change, Commit, CommitOutcome, Comparison, Condition, FileStoreChange, IfExists, Order, Query, Refusal, Store,
    StoreError, UploadedFiles,
};

const NOW: &str = "2026-03-21 00:00:00.000Z";
const LATER: &str = "2026-03-21 00:00:01.234Z";
const ID: &str = "abc123def456ghi";
const OTHER_ID: &str = "abc123def456ghj";

/// The PostgreSQL server of these tests. It ends with them: the system closes its standard input.
struct PostgresService {
    url: String,
    _process: Child,
    _output: Mutex<Lines<BufReader<ChildStdout>>>,
}

impl PostgresService {
    fn start() -> Self {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh");
        let mut command = Command::new(script);
        let mut process =
            command.args(["postgres", "--orders"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let url = output.find_map(|line| line.unwrap().strip_prefix("DATABASE_URL=").map(str::to_owned)).unwrap();
        Self { url, _process: process, _output: Mutex::new(output) }
    }

    /// A new database on the one server, by its URL.
    async fn create_database() -> String {
        static SERVICE: OnceLock<PostgresService> = OnceLock::new();
        let service = SERVICE.get_or_init(Self::start);
        let name = format!("sql_{}", RecordId::random());
        let mut connection = sqlx::PgConnection::connect(&service.url).await.unwrap();
        connection.execute(sqlx::AssertSqlSafe(format!("create database {name}"))).await.unwrap();
        format!("{}/{name}", service.url.rsplit_once('/').unwrap().0)
    }
}

/// The plan of a statement in PostgreSQL, with its values.
async fn postgres_plan(connection: &mut sqlx::PgConnection, statement: SqlStatement) -> String {
    let SqlStatement { text, values } = statement;
    let mut explain = sqlx::query(sqlx::AssertSqlSafe(format!("explain {text}")));
    for value in values {
        explain = match value {
            SqlValue::Text(text) => explain.bind(text.into_owned()),
            SqlValue::Number(number) => explain.bind(number),
            SqlValue::NullText => explain.bind(None::<String>),
            SqlValue::NullNumber => explain.bind(None::<i64>),
        };
    }
    let lines = explain.fetch_all(connection).await.unwrap();
    lines.iter().map(|line| line.get::<String, _>(0)).collect::<Vec<_>>().join("\n")
}

/// Every comparison with that column.
fn comparisons(kind: RecordKind, column: &'static str) -> Vec<Comparison> {
    let holds = kind.field(column).unwrap().holds;
    let is_time = holds == FieldType::Time;
    let value = || match holds {
        FieldType::Time => json!(NOW),
        FieldType::Count => json!(7),
        _ => json!("w"),
    };
    let mut comparisons = vec![Comparison::FirstKnownIs(column, value())];
    for unknown in [value(), Value::Null] {
        comparisons.push(Comparison::Is(unknown.clone()));
        comparisons.push(Comparison::IsNot(unknown.clone()));
        comparisons.push(Comparison::In(vec![value(), unknown.clone()]));
        comparisons.push(Comparison::NotIn(vec![value(), unknown.clone()]));
        comparisons.push(Comparison::In(vec![unknown.clone()]));
        comparisons.push(Comparison::NotIn(vec![unknown]));
    }
    comparisons.push(Comparison::In(Vec::new()));
    comparisons.push(Comparison::NotIn(Vec::new()));
    if is_time {
        let limits = [
            Comparison::After,
            Comparison::Before,
            Comparison::Until,
            Comparison::AfterOrUnknown,
            Comparison::UntilOrUnknown,
        ];
        comparisons.extend(limits.map(|limit| limit(Millis(1))));
    }
    comparisons
}

fn queries(kind: RecordKind) -> Vec<Query> {
    let columns = || kind.fields().iter().filter(|field| field.is_column()).map(|field| field.name);
    let mut queries = vec![Query::of_kind(kind), Query::by_key(kind, "w")];
    queries.push(Query { keys_only: true, ..Query::of_kind(kind) });
    for column in columns() {
        for comparison in comparisons(kind, column) {
            queries.push(Query::of_kind(kind).filter(column, comparison));
        }
        queries.push(Query::of_kind(kind).ordered(Order::Ascending(column)).limited(3));
        queries.push(Query::of_kind(kind).ordered(Order::Descending(column)).limited(3));
    }
    for order in [Order::Newest, Order::Oldest] {
        let search =
            kind.fields().iter().any(|field| field.has_flag(FieldFlag::Searched)).then(|| "one two".to_owned());
        queries.push(Query { search, after: Some("1".to_owned()), ..Query::of_kind(kind).ordered(order).limited(7) });
    }
    if kind == RecordKind::OutboxEvents {
        let committed = Query::of_kind(kind).ordered(Order::Committed).limited(7);
        queries.extend([committed.clone(), Query { after: Some("w".to_owned()), ..committed }]);
    }
    queries
}

/// A value of each field's type.
fn example_of(kind: RecordKind) -> FieldMap {
    let value = |holds| match holds {
        FieldType::Time => json!(NOW),
        FieldType::Number => json!(1.5),
        FieldType::Count => json!(7),
        FieldType::Flag => json!(true),
        FieldType::Document | FieldType::Json => json!({"a": [1, "ä\"\n"]}),
        _ => json!("w"),
    };
    kind.fields().iter().map(|field| (field.name.to_owned(), value(field.holds))).collect()
}

/// Every statement that a database of that dialect may run.
fn statements(dialect: &Dialect) -> Vec<String> {
    let mut statements = vec![DELETE_OPEN_INTENT.to_owned()];
    for kind in ALL_KINDS {
        let table = Table::of_kind(kind);
        statements.push(table.insert_row.clone());
        statements.extend(queries(kind).iter().map(|query| select_statement(query, dialect).unwrap().text));
        statements.extend(super::update::statements_of_kind(dialect, kind, example_of(kind)));
        if dialect.has_inserts_in_with {
            for if_exists in [IfExists::Skip, IfExists::Refuse(Refusal::Stale)] {
                let insert = |kind| PreparedInsert::prepare(kind, example_of(kind), if_exists).unwrap();
                statements.push(join_inserts(&mut [insert(kind)], dialect).text);
                let both = &mut [insert(kind), insert(RecordKind::AuditEvents)];
                statements.push(join_inserts(both, dialect).text);
            }
        }
    }
    let by_key = Query::by_key(RecordKind::Profiles, ID).filter("team", Comparison::Is("t".into()));
    let evidence = Query { with_newest_verification: true, ..by_key };
    statements.push(select_statement(&evidence, dialect).unwrap().text);
    statements
        .extend([SearchRows::push_insert, SearchRows::push_delete].map(|push| words_statement(push, dialect).text));
    let marker = || "m".to_owned();
    let changes =
        [FileStoreChange::Propose(marker()), FileStoreChange::Confirm(marker()), FileStoreChange::HoldUntil(Millis(1))];
    statements.push(SELECT_FILE_STORE.to_owned());
    statements.extend(changes.map(|change| change_statement(change).0.to_owned()));
    if let Some(count) = dialect.count_in_window {
        statements.extend([count, DELETE_ENDED_COUNTS].map(str::to_owned));
    }
    statements
}

/// The statement that adds or removes the words of a profile.
fn words_statement(push: fn(SearchRows, &mut SqlStatement, &Dialect), dialect: &Dialect) -> SqlStatement {
    let mut statement = SqlStatement::default();
    let rows = SearchRows::of_record(RecordKind::Profiles, &example_of(RecordKind::Profiles)).unwrap();
    push(rows, &mut statement, dialect);
    statement
}

/// SQLite numbers `$n` by first appearance and PostgreSQL by n: the text is the same for both only if these agree.
#[test]
fn placeholders_first_appear_in_order_of_their_number() {
    for statement in statements(&SQLITE).into_iter().chain(statements(&POSTGRES)) {
        let mut highest = 0;
        for piece in statement.split('$').skip(1) {
            let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
            let number: usize = digits.parse().unwrap();
            assert!(number <= highest + 1, "${number} comes too early in: {statement}");
            highest = highest.max(number);
        }
    }
}

#[tokio::test]
async fn every_statement_prepares_on_both_databases() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    for statement in statements(&SQLITE) {
        let prepared = sqlite.prepare(&statement);
        assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
    }

    let url = PostgresService::create_database().await;
    let _store = Postgres::open(&url, 2).await.unwrap();
    let mut postgres = sqlx::PgConnection::connect(&url).await.unwrap();
    for statement in statements(&POSTGRES) {
        let prepared = postgres.prepare(sqlx::AssertSqlSafe(statement.clone()).into_sql_str()).await;
        assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
    }
}

#[test]
fn rows_of_a_record_are_found_by_its_words() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    let statement = words_statement(SearchRows::push_delete, &SQLITE);
    let mut plan = sqlite.prepare(&format!("explain query plan {}", statement.text)).unwrap();
    let values = statement.values.iter().map(|_| 1);
    let plan = plan.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>("detail")).unwrap();
    let plan: Vec<String> = plan.map(Result::unwrap).collect();
    let whole_key = "token=? AND kind=? AND team=? AND created=? AND seq=?";
    assert!(plan.iter().any(|line| line.contains(whole_key)), "{plan:?}");
}

/// The plan of a query in SQLite.
fn plan_of_query(sqlite: &rusqlite::Connection, query: &Query) -> String {
    let statement = select_statement(query, &SQLITE).unwrap();
    let mut plan = sqlite.prepare(&format!("explain query plan {}", statement.text)).unwrap();
    let values = statement.values.iter().map(|_| 1);
    let lines = plan.query_map(rusqlite::params_from_iter(values), |row| row.get::<_, String>("detail")).unwrap();
    lines.map(Result::unwrap).collect::<Vec<_>>().join("; ")
}

#[test]
fn reports_read_totals_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    for team in [None, Some("red")] {
        let days = crate::store::analytics::days_query(Millis(1), Millis(2), team);
        let plan = plan_of_query(&sqlite, &days);
        assert!(plan.starts_with("SEARCH r USING INDEX analytics_days_team (team=? AND day>? AND day<?)"), "{plan}");
        let active = crate::store::analytics::active_query(Millis(1), team, 10);
        let plan = plan_of_query(&sqlite, &active);
        assert!(plan.starts_with("SEARCH r USING INDEX analytics_profiles_"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

/// SQLite may give the number of the last record to the next one, which must not be found by the words of the removed one.
#[tokio::test]
async fn words_of_a_removed_record_are_removed() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    let count = || sqlite.query_row("select count(*) from search_tokens", [], |row| row.get::<_, i64>(0)).unwrap();
    let (kind, fields) = (RecordKind::Profiles, example_of(RecordKind::Profiles));
    let key = fields["id"].as_str().unwrap().to_owned();
    let mut add = Commit::default();
    add.changes.push(Change::Insert { kind, fields, if_exists: IfExists::Refuse(Refusal::AlreadyExists) });
    store.commit(add).await.unwrap();
    assert!(count() > 0);
    let mut remove = Commit::default();
    remove.delete(kind, &key, Vec::new());
    store.commit(remove).await.unwrap();
    assert_eq!(count(), 0);
}

#[test]
fn tables_are_found_by_their_kind() {
    for kind in ALL_KINDS {
        assert_eq!(Table::of_kind(kind).kind, kind);
    }
}

/// The migration is written by hand: it must have the columns that the descriptions ask for, and no other.
#[test]
fn tables_have_the_columns_of_their_record_kind() {
    let folder = tempfile::tempdir().unwrap();
    let _store = Sqlite::open(folder.path()).unwrap();
    let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
    for kind in ALL_KINDS {
        let mut columns = sqlite.prepare("select name, type from pragma_table_info($1)").unwrap();
        let columns = columns.query_map([kind.name()], |row| Ok((row.get("name")?, row.get("type")?))).unwrap();
        let columns: BTreeSet<(String, String)> = columns.map(|column| column.unwrap()).collect();
        let table = Table::of_kind(kind);
        let type_of = |is_number| if is_number { "BIGINT" } else { "TEXT" };
        let of_fields = table.columns.iter().map(|column| (column.field.name, type_of(column.is_number())));
        let of_parts = table.parts.iter().map(|part| (part.name, "TEXT"));
        let expected = [("seq", "INTEGER")].into_iter().chain(of_fields).chain(of_parts);
        let expected: BTreeSet<(String, String)> =
            expected.map(|(name, word)| (name.to_owned(), word.to_owned())).collect();
        let columns: BTreeSet<(String, String)> =
            columns.into_iter().map(|(name, word)| (name, word.to_uppercase())).collect();
        assert_eq!(columns, expected, "{}", kind.name());
        assert!(
            table.columns.iter().all(|column| column.is_number() || is_text(column.field.holds)),
            "{}",
            kind.name()
        );
    }
}

fn is_text(holds: FieldType) -> bool {
    matches!(holds, FieldType::Line | FieldType::Paragraph | FieldType::ProfileLink)
}

/// Runs a test on a new database of each kind.
async fn on_both_databases(test: impl AsyncFn(&dyn Store)) {
    let folder = tempfile::tempdir().unwrap();
    test(&Sqlite::open(folder.path()).unwrap()).await;
    let url = PostgresService::create_database().await;
    test(&Postgres::open(&url, 2).await.unwrap()).await;
}

fn fields(value: Value) -> FieldMap {
    serde_json::from_value(value).unwrap()
}

fn profile(id: &str, user: &str) -> FieldMap {
    fields(json!({
        "id": id, "team": "", "user_id": user, "name": "Ä \"quoted\"\n", "country": null, "phone_number": "",
        "liveness_confidence": 99.123_456_789_012_34, "consent": {"version": "1", "language": "de"},
        "document_front": "front.png", "verification_status": "unverified", "created": NOW, "updated": NOW,
    }))
}

fn audit_event(id: &str) -> FieldMap {
    fields(json!({"id": id, "at": NOW, "kind": "profile.created", "actor": "a"}))
}

fn insert(commit: &mut Commit, kind: RecordKind, fields: FieldMap, if_exists: IfExists) {
    commit.changes.push(crate::store::Change::Insert { kind, fields, if_exists });
}

async fn add(store: &dyn Store, kind: RecordKind, fields: FieldMap) -> CommitOutcome {
    let mut commit = Commit::default();
    insert(&mut commit, kind, fields, IfExists::Refuse(Refusal::AlreadyExists));
    store.commit(commit).await.unwrap()
}

async fn read_by_key(store: &dyn Store, kind: RecordKind, key: &str) -> Value {
    let stored = store.read(Query::by_key(kind, key)).await.unwrap();
    stored.first().map_or(Value::Null, |stored| serde_json::from_str(&stored.json).unwrap())
}

async fn count(store: &dyn Store, kind: RecordKind) -> usize {
    store.read(Query::of_kind(kind)).await.unwrap().len()
}

/// One commit with one update of the profile [`ID`].
async fn update_profile(store: &dyn Store, conditions: Vec<Condition>, changed: Value) -> CommitOutcome {
    let mut commit = Commit::default();
    commit.update(RecordKind::Profiles, ID, conditions, fields(changed));
    store.commit(commit).await.unwrap()
}

fn is_refused(outcome: &CommitOutcome, with: Refusal) -> bool {
    matches!(outcome, CommitOutcome::Refused(refusal) if *refusal == with)
}

#[tokio::test]
async fn every_kind_reads_as_it_was_written() {
    on_both_databases(async |store| {
        for kind in [RecordKind::Profiles].into_iter().chain(ALL_KINDS) {
            let mut example = example_of(kind);
            if kind == RecordKind::Profiles && count(store, kind).await == 0 {
                // The profile of the histories' foreign key is the example itself.
                assert!(matches!(add(store, kind, example).await, CommitOutcome::Done(_)));
                continue;
            }
            if kind == RecordKind::Profiles {
                example.insert("id".to_owned(), json!("other"));
                example.insert("user_id".to_owned(), json!("other"));
                example.insert("handoff_code".to_owned(), json!("other"));
            }
            assert!(matches!(add(store, kind, example.clone()).await, CommitOutcome::Done(_)), "{}", kind.name());
            let key = example[kind.key_field()].as_str().unwrap();
            assert_eq!(read_by_key(store, kind, key).await, json!(example), "{}", kind.name());
            assert!(is_refused(&add(store, kind, example).await, Refusal::AlreadyExists), "{}", kind.name());
        }
    })
    .await;
}

#[tokio::test]
async fn unknown_values_are_absent_and_texts_are_escaped() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let mut expected = profile(ID, "u");
        for unknown in ["team", "country", "phone_number"] {
            expected.remove(unknown);
        }
        assert_eq!(read_by_key(store, RecordKind::Profiles, ID).await, json!(expected));
    })
    .await;
}

#[tokio::test]
async fn same_user_without_team_is_refused_and_nothing_is_stored() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let mut commit = Commit::default();
        insert(&mut commit, RecordKind::Profiles, profile(OTHER_ID, "u"), IfExists::Refuse(Refusal::AlreadyExists));
        insert(&mut commit, RecordKind::AuditEvents, audit_event("e1"), IfExists::Skip);
        assert!(is_refused(&store.commit(commit).await.unwrap(), Refusal::AlreadyExists));
        assert_eq!(count(store, RecordKind::AuditEvents).await, 0);

        let mut commit = Commit::default();
        insert(&mut commit, RecordKind::Profiles, profile(OTHER_ID, "v"), IfExists::Refuse(Refusal::AlreadyExists));
        insert(&mut commit, RecordKind::AuditEvents, audit_event("e1"), IfExists::Skip);
        insert(&mut commit, RecordKind::AuditEvents, audit_event("e1"), IfExists::Skip);
        let CommitOutcome::Done(stored) = store.commit(commit).await.unwrap() else { panic!("refused") };
        assert!(stored[0].is_some() && stored[1].is_some() && stored[2].is_none(), "{stored:?}");
    })
    .await;
}

#[tokio::test]
async fn update_changes_its_fields_only_and_returns_the_record() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let changed = json!({"country": "DE", "name": null, "language": "de", "consent": null, "updated": LATER});
        let conditions = vec![Condition::exists(RecordKind::Profiles, Refusal::Missing)];
        let CommitOutcome::Done(stored) = update_profile(store, conditions, changed).await else { panic!("refused") };
        let read = read_by_key(store, RecordKind::Profiles, ID).await;
        let returned = stored[0].clone().unwrap().into_iter();
        let returned: FieldMap = returned.filter(|(_, value)| !value.is_null()).collect();
        assert_eq!(json!(returned), read);
        let mut expected = profile(ID, "u");
        for unknown in ["team", "phone_number", "name", "consent"] {
            expected.remove(unknown);
        }
        expected.extend(fields(json!({"country": "DE", "language": "de", "updated": LATER})));
        assert_eq!(read, json!(expected));
    })
    .await;
}

#[tokio::test]
async fn first_broken_condition_refuses_the_whole_commit() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let is = |field, value: Value, refusal| Condition::new(field, Comparison::Is(value), refusal);
        let cases = [
            (
                vec![is("team", json!("t"), Refusal::Missing), is("country", json!("DE"), Refusal::Stale)],
                Refusal::Missing,
            ),
            (
                vec![is("team", Value::Null, Refusal::Missing), is("country", json!("DE"), Refusal::Stale)],
                Refusal::Stale,
            ),
            (vec![is("language", json!("de"), Refusal::Decided)], Refusal::Decided),
            (vec![Condition::new("updated", Comparison::After(Millis(i64::MAX)), Refusal::Changed)], Refusal::Changed),
        ];
        for (conditions, refusal) in cases {
            let mut commit = Commit::default();
            insert(&mut commit, RecordKind::AuditEvents, audit_event("e1"), IfExists::Skip);
            commit.update(RecordKind::Profiles, ID, conditions, fields(json!({"country": "FR"})));
            assert!(is_refused(&store.commit(commit).await.unwrap(), refusal));
        }
        assert_eq!(count(store, RecordKind::AuditEvents).await, 0);
        assert_eq!(read_by_key(store, RecordKind::Profiles, ID).await["country"], Value::Null);
    })
    .await;
}

#[tokio::test]
async fn history_of_a_missing_profile_is_refused_by_the_condition() {
    on_both_databases(async |store| {
        let status = fields(json!({"id": OTHER_ID, "profile": ID, "new_status": "pending", "created": NOW}));
        let mut commit = Commit::default();
        insert(&mut commit, RecordKind::StatusHistory, status, IfExists::Refuse(Refusal::Stale));
        let exists = vec![Condition::exists(RecordKind::Profiles, Refusal::Missing)];
        commit.update(RecordKind::Profiles, ID, exists, fields(json!({"recorded_status": "pending"})));
        assert!(is_refused(&store.commit(commit).await.unwrap(), Refusal::Missing));
    })
    .await;
}

#[tokio::test]
async fn update_to_a_taken_unique_value_is_refused() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let mut other = profile(OTHER_ID, "v");
        other.insert("handoff_code".to_owned(), json!("code"));
        add(store, RecordKind::Profiles, other).await;
        let outcome = update_profile(store, Vec::new(), json!({"handoff_code": "code"})).await;
        assert!(is_refused(&outcome, Refusal::AlreadyExists));
        assert!(matches!(
            update_profile(store, Vec::new(), json!({"handoff_code": "c"})).await,
            CommitOutcome::Done(_)
        ));
    })
    .await;
}

#[tokio::test]
async fn update_of_a_missing_record_is_skipped_without_conditions() {
    on_both_databases(async |store| {
        let mut commit = Commit::default();
        commit.update(RecordKind::Settings, "none", Vec::new(), fields(json!({"updated": NOW})));
        commit.update(RecordKind::FileIntents, "none", Vec::new(), fields(json!({"removable_from": NOW})));
        commit.delete(RecordKind::FileIntents, "none", Vec::new());
        let CommitOutcome::Done(stored) = store.commit(commit).await.unwrap() else { panic!("refused") };
        assert_eq!(stored, [None, None, None]);
    })
    .await;
}

#[tokio::test]
async fn replaced_file_is_left_to_the_sweeper() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        update_profile(store, Vec::new(), json!({"document_front": "new.png", "document_back": "back.png"})).await;
        let intents = store.read(Query::of_kind(RecordKind::FileIntents)).await.unwrap();
        let intents: Vec<Value> = intents.iter().map(|stored| serde_json::from_str(&stored.json).unwrap()).collect();
        assert_eq!(intents.len(), 1, "{intents:?}");
        assert_eq!(intents[0]["name"], "front.png");
        assert_eq!(intents[0]["collection"], "profiles");
        assert_eq!(intents[0]["record"], ID);
    })
    .await;
}

#[tokio::test]
async fn upload_whose_intent_was_claimed_is_busy() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let intent = json!({"mark": "m", "collection": "profiles", "record": ID, "created": NOW});
        add(store, RecordKind::FileIntents, fields(intent)).await;
        let record_upload = async || {
            let files = UploadedFiles { mark: Some("m".to_owned()), staged: Vec::new() };
            let mut commit = Commit { files, ..Commit::default() };
            commit.update(RecordKind::Profiles, ID, Vec::new(), fields(json!({"document_back": "m.png"})));
            store.commit(commit).await
        };
        let mut claim = Commit::default();
        claim.update(RecordKind::FileIntents, "m", Vec::new(), fields(json!({"removable_from": NOW})));
        store.commit(claim).await.unwrap();
        assert!(matches!(record_upload().await, Err(StoreError::Busy)));
        let mut release = Commit::default();
        release.update(RecordKind::FileIntents, "m", Vec::new(), fields(json!({"removable_from": null})));
        store.commit(release).await.unwrap();
        assert!(matches!(record_upload().await, Ok(CommitOutcome::Done(_))));
        assert_eq!(count(store, RecordKind::FileIntents).await, 0);
    })
    .await;
}

#[tokio::test]
async fn two_updates_of_one_record_keep_each_others_fields() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let mut commit = Commit::default();
        commit.update(RecordKind::Profiles, ID, Vec::new(), fields(json!({"language": "de"})));
        commit.update(RecordKind::Profiles, ID, Vec::new(), fields(json!({"gender": "f", "country": "DE"})));
        store.commit(commit).await.unwrap();
        let read = read_by_key(store, RecordKind::Profiles, ID).await;
        assert_eq!([&read["language"], &read["gender"], &read["country"]], ["de", "f", "DE"]);
    })
    .await;
}

#[tokio::test]
async fn lists_follow_their_cursor_and_search() {
    on_both_databases(async |store| {
        for number in 0..5 {
            add(store, RecordKind::Profiles, profile(&format!("id{number}"), &format!("User-{number}"))).await;
        }
        let ids = async |query: Query| {
            let stored = store.read(query).await.unwrap();
            let id = |json: &str| serde_json::from_str::<Value>(json).unwrap()["id"].as_str().unwrap().to_owned();
            stored.iter().map(|stored| (id(&stored.json), stored.cursor.clone())).collect::<Vec<_>>()
        };
        let newest = || Query::of_kind(RecordKind::Profiles).ordered(Order::Newest).limited(2);
        let first = ids(newest()).await;
        let second = ids(Query { after: Some(first[1].1.clone()), ..newest() }).await;
        let names: Vec<&str> = first.iter().chain(&second).map(|(id, _)| id.as_str()).collect();
        assert_eq!(names, ["id4", "id3", "id2", "id1"]);
        for cursor in ["", "x", "0", "-1"] {
            let read = store.read(Query { after: Some(cursor.to_owned()), ..newest() }).await;
            assert!(matches!(read, Err(StoreError::BadCursor)), "{cursor}");
        }
        assert_eq!(ids(Query { search: Some("uSER-3".to_owned()), ..newest() }).await[0].0, "id3");
        let search = async |text: &str| ids(Query { search: Some(text.to_owned()), ..newest() }).await.len();
        assert_eq!((search("a QUOTED").await, search("quote").await, search("\"").await), (2, 0, 0));
        add(store, RecordKind::Profiles, profile(ID, "changed")).await;
        update_profile(store, Vec::new(), json!({"name": "New name"})).await;
        assert_eq!((search("changed quoted").await, search("changed new").await), (0, 1));
        update_profile(store, Vec::new(), json!({"name": null, "country": "UT"})).await;
        assert_eq!((search("new").await, search("changed").await), (0, 1));
        let again = profile(ID, "another");
        assert!(is_refused(&add(store, RecordKind::Profiles, again).await, Refusal::AlreadyExists));
        assert_eq!(search("another").await, 0, "a refused record has no words");
        let mut commit = Commit::default();
        commit.delete(RecordKind::Profiles, ID, Vec::new());
        store.commit(commit).await.unwrap();
        add(store, RecordKind::Profiles, profile(ID, "reborn")).await;
        assert_eq!((search("changed").await, search("reborn").await), (0, 1), "words go with their record");
        let shown = Comparison::FirstKnownIs("verification_status", json!("unverified"));
        assert_eq!(ids(newest().filter("recorded_status", shown)).await.len(), 2);
    })
    .await;
}

#[tokio::test]
async fn profile_is_read_with_its_newest_verification() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        let with_evidence = || Query { with_newest_verification: true, ..Query::by_key(RecordKind::Profiles, ID) };
        assert!(store.read(with_evidence()).await.unwrap()[0].newest_verification.is_none());
        let record = json!({
            "id": OTHER_ID, "profile": ID, "status": "submitted", "created": NOW, "updated": NOW,
            "checks": [{"n": 1.0}], "face_templates": ["t"],
        });
        let mut commit = Commit::default();
        insert(&mut commit, RecordKind::VerificationHistory, fields(record.clone()), IfExists::Skip);
        commit.update(RecordKind::Profiles, ID, Vec::new(), fields(json!({"newest_verification": OTHER_ID})));
        store.commit(commit).await.unwrap();
        let stored = store.read(with_evidence()).await.unwrap().remove(0);
        let newest: Value = serde_json::from_str(&stored.newest_verification.unwrap()).unwrap();
        let mut expected = record.clone();
        expected.as_object_mut().unwrap().remove("face_templates");
        assert_eq!(newest, expected);
        assert_eq!(read_by_key(store, RecordKind::VerificationHistory, OTHER_ID).await, record);
    })
    .await;
}

/// SQL evaluates filters, this program evaluates conditions: both must say the same of known and unknown values.
#[tokio::test]
async fn filters_and_conditions_agree() {
    on_both_databases(async |store| {
        add(store, RecordKind::Profiles, profile(ID, "u")).await;
        for known in [Value::Null, json!("w"), json!("other")] {
            update_profile(store, Vec::new(), json!({"country": known, "team": known})).await;
            update_profile(store, Vec::new(), json!({"submitted_at": known.is_string().then_some(LATER)})).await;
            for field in ["country", "team", "submitted_at", "updated"] {
                for comparison in comparisons(RecordKind::Profiles, field) {
                    let query = Query::of_kind(RecordKind::Profiles).filter(field, comparison.clone());
                    let is_found = !store.read(query).await.unwrap().is_empty();
                    let condition = Condition::new(field, comparison.clone(), Refusal::Changed);
                    let outcome = update_profile(store, vec![condition], json!({})).await;
                    let holds = matches!(outcome, CommitOutcome::Done(_));
                    assert_eq!(is_found, holds, "{field} {comparison:?} where it is {known}");
                }
            }
        }
    })
    .await;
}
