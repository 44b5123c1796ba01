//! Select statements: a query's filters, search, order and page as SQL.

use serde_json::Value;

use super::search_rows::push_search;
use super::sql_value::is_unknown;
use super::table::{Column, Table};
use super::{Dialect, SqlStatement, SqlValue};
use crate::records::RecordKind;
use crate::store::{Comparison, Filter, Order, Query, Result, StoreError};

/// Columns by which an index finds a few rows. Other queries may take long.
const NARROW_COLUMNS: [&str; 9] =
    ["profile", "session", "files_id", "imprint_key", "handoff_code", "session_claim", "email", "hash", "console_user"];

/// The statement of a query.
pub(super) fn select_statement(query: &Query, dialect: &Dialect) -> Result<SqlStatement> {
    let table = Table::of_kind(query.kind);
    let mut statement = SqlStatement::starting_with("select ");
    statement.push_text(if query.keys_only { &table.key_list } else { &table.select_list });
    if query.with_newest_verification {
        statement.push_text(", ");
        statement.push_text(&Table::of_kind(RecordKind::VerificationHistory).joined_list);
    }
    statement.push_text(" from ");
    statement.push_text(query.kind.name());
    statement.push_text(" r");
    if let Some(index) = query.index.filter(|_| dialect.takes_index) {
        statement.push_text(" indexed by ");
        statement.push_text(index);
    }
    if query.with_newest_verification {
        statement.push_text(" left join verification_history v on v.id = r.newest_verification");
    }
    let mut separator = " where ";
    for filter in &query.filters {
        statement.push_text(separator);
        push_filter(&mut statement, table, filter)?;
        separator = " and ";
    }
    if let Some(text) = &query.search {
        statement.push_text(separator);
        push_search(&mut statement, query.kind, text);
        separator = " and ";
    }
    if let Some(cursor) = &query.after {
        statement.push_text(separator);
        push_cursor(&mut statement, table, query, cursor, dialect)?;
        separator = " and ";
    }
    if query.order == Order::Committed {
        statement.push_text(separator);
        statement.push_text(dialect.event_order.settled);
    }
    if is_by_key(query) {
        // There is one row at most.
        return Ok(statement);
    }
    push_order(&mut statement, table, query, dialect)?;
    if let Ok(limit) = i64::try_from(query.limit) {
        statement.push_text(" limit ");
        statement.push_value(SqlValue::Number(limit));
    }
    Ok(statement)
}

/// Says whether an index finds the query's rows, and they are few.
pub(super) fn is_narrow(query: &Query) -> bool {
    let has_exact = |name: &str| query.filters.iter().any(|filter| filter.field == name && is_exact(filter));
    query.kind == RecordKind::Settings
        || is_by_key(query)
        || NARROW_COLUMNS.into_iter().any(has_exact)
        || has_exact("user_id")
}

fn is_by_key(query: &Query) -> bool {
    let is_key = |filter: &Filter| {
        filter.field == query.kind.key_field() && matches!(&filter.comparison, Comparison::Is(key) if !is_unknown(key))
    };
    query.filters.iter().any(is_key)
}

fn is_exact(filter: &Filter) -> bool {
    matches!(&filter.comparison, Comparison::Is(_) | Comparison::In(_))
}

fn find_column<'t>(table: &'t Table, name: &str) -> Result<&'t Column> {
    let missing = || StoreError::Failed(format!("{} has no column {name}", table.kind.name()));
    table.column(name).ok_or_else(missing)
}

pub(super) fn push_filter(statement: &mut SqlStatement, table: &Table, filter: &Filter) -> Result<()> {
    let column = find_column(table, filter.field)?;
    let name = column.field.name;
    let compare_time = |statement: &mut SqlStatement, operator: &str, millis: i64| {
        statement.push_text(&format!("r.{name} {operator} "));
        statement.push_value(SqlValue::Number(millis));
    };
    match &filter.comparison {
        Comparison::Is(value) => push_equality(statement, column, value, ["is null", "= "])?,
        Comparison::IsNot(value) => push_equality(statement, column, value, ["is not null", "is distinct from "])?,
        Comparison::In(values) => push_list(statement, column, values, true)?,
        Comparison::NotIn(values) => push_list(statement, column, values, false)?,
        Comparison::After(time) => compare_time(statement, ">", time.0),
        Comparison::Before(time) => compare_time(statement, "<", time.0),
        Comparison::Until(time) => compare_time(statement, "<=", time.0),
        Comparison::AfterOrUnknown(time) | Comparison::UntilOrUnknown(time) => {
            let is_after = matches!(&filter.comparison, Comparison::AfterOrUnknown(_));
            statement.push_text(&format!("(r.{name} is null or "));
            compare_time(statement, if is_after { ">" } else { "<=" }, time.0);
            statement.push_text(")");
        }
        Comparison::FirstKnownIs(other, value) => {
            let other = find_column(table, other)?.field.name;
            statement.push_text(&format!("coalesce(r.{name}, r.{other}) = "));
            statement.push_value(column.to_sql_value(value)?);
        }
    }
    Ok(())
}

/// Adds a comparison with one value. `words` are those for an unknown and for a known value.
fn push_equality(statement: &mut SqlStatement, column: &Column, value: &Value, words: [&str; 2]) -> Result<()> {
    let [unknown, known] = words;
    statement.push_text("r.");
    statement.push_text(column.field.name);
    statement.push_text(" ");
    match column.to_sql_value(value)? {
        SqlValue::NullText | SqlValue::NullNumber => statement.push_text(unknown),
        value => {
            statement.push_text(known);
            statement.push_value(value);
        }
    }
    Ok(())
}

/// Adds the condition that the value is, or is not, one of a list. An unknown value is in a list that holds `Value::Null`.
fn push_list(statement: &mut SqlStatement, column: &Column, values: &[Value], is_in: bool) -> Result<()> {
    let mut known = Vec::with_capacity(values.len());
    let mut has_unknown = false;
    for value in values {
        match column.to_sql_value(value)? {
            SqlValue::NullText | SqlValue::NullNumber => has_unknown = true,
            value => known.push(value),
        }
    }
    let name = column.field.name;
    let joined = match (is_in, has_unknown) {
        (true, true) => format!("(r.{name} is null or "),
        (true, false) => "(".to_owned(),
        (false, true) => format!("(r.{name} is not null and "),
        (false, false) => format!("(r.{name} is null or "),
    };
    statement.push_text(&joined);
    if known.is_empty() {
        // `in ()` is no SQL in PostgreSQL.
        statement.push_text(if is_in { "1 = 0)" } else { "1 = 1)" });
        return Ok(());
    }
    statement.push_text(&format!("r.{name} {}in (", if is_in { "" } else { "not " }));
    statement.push_values(known);
    statement.push_text("))");
    Ok(())
}

/// Adds the condition that a row comes after the page before. A cursor is the `seq` of that page's last row; in the order of
/// a time also that time, and in the order of commits its id.
pub(super) fn push_cursor(
    statement: &mut SqlStatement,
    table: &Table,
    query: &Query,
    cursor: &str,
    dialect: &Dialect,
) -> Result<()> {
    let order = query.order;
    if order == Order::Committed {
        let [before, after] = dialect.event_order.place_of_id;
        statement.push_text(before);
        statement.push_value(SqlValue::from_text(cursor));
        statement.push_text(after);
        return Ok(());
    }
    if let Order::Ascending(name) | Order::Descending(name) = order
        && find_column(table, name)?.is_number()
    {
        let (number, seq) = parse_column_cursor(cursor).ok_or(StoreError::BadCursor)?;
        let operator = if matches!(order, Order::Ascending(_)) { ">" } else { "<" };
        statement.push_text(&format!("(r.{name}, r.seq) {operator} ("));
        statement.push_values([SqlValue::Number(number), SqlValue::Number(seq)]);
        statement.push_text(")");
        return Ok(());
    }
    let seq = cursor.parse().ok().filter(|seq| *seq > 0).ok_or(StoreError::BadCursor)?;
    statement.push_text("r.seq");
    statement.push_text(match order {
        Order::Newest => " < ",
        Order::Oldest => " > ",
        Order::Committed | Order::LastCommitted | Order::Ascending(_) | Order::Descending(_) => {
            return Err(StoreError::Failed("a list in that order has no pages".to_owned()));
        }
    });
    statement.push_value(SqlValue::Number(seq));
    Ok(())
}

/// The cursor of a row in the order of a number: the number and the row's `seq`.
pub(super) fn column_cursor(number: i64, seq: i64) -> String {
    format!("{number}.{seq}")
}

pub(super) fn parse_column_cursor(cursor: &str) -> Option<(i64, i64)> {
    let (number, seq) = cursor.split_once('.')?;
    Some((number.parse().ok()?, seq.parse().ok().filter(|seq| *seq > 0)?))
}

pub(super) fn push_order(statement: &mut SqlStatement, table: &Table, query: &Query, dialect: &Dialect) -> Result<()> {
    match query.order {
        Order::Newest => statement.push_text(" order by r.seq desc"),
        Order::Oldest => statement.push_text(" order by r.seq"),
        Order::Committed => {
            statement.push_text(" order by ");
            statement.push_text(dialect.event_order.columns);
        }
        Order::LastCommitted => {
            statement.push_text(" order by ");
            statement.push_text(&dialect.event_order.columns.replace(',', " desc,"));
            statement.push_text(" desc");
        }
        Order::Ascending(column) => {
            let name = find_column(table, column)?.field.name;
            statement.push_text(&format!(" order by r.{name}, r.seq"));
        }
        Order::Descending(column) => {
            let name = find_column(table, column)?.field.name;
            statement.push_text(&format!(" order by r.{name} desc, r.seq desc"));
        }
    }
    Ok(())
}
