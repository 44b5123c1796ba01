//! The statement of a list that follows an index. A key of the index that the list leaves open is read value by value: the first
//! rows of each, then the first of these. So such a list costs as much as there are values, not as there are rows.

use super::list_index::{IndexRows, KeyValues, ListKey, ListSource};
use super::select::{parse_column_cursor, push_cursor, push_filter, push_order};
use super::sql_value::SqlValue;
use super::table::Table;
use super::{Dialect, SqlStatement};
use crate::domain::search::search_tokens;
use crate::records::RecordKind;
use crate::store::{Comparison, Filter, Order, Query, Result, StoreError};

/// Writes the statements of one list.
pub(super) struct ListWriter<'q> {
    query: &'q Query,
    source: &'q ListSource,
    dialect: &'q Dialect,
    table: &'static Table,
    statement: SqlStatement,
    /// The keys with several values, as columns of the common table that holds their combinations.
    open_keys: Vec<usize>,
}

/// The statement of a list that begins there.
pub(super) fn list_statement(query: &Query, source: &ListSource, dialect: &Dialect) -> Result<SqlStatement> {
    let mut writer = ListWriter::new(query, source, dialect);
    writer.push_combinations()?;
    let list = if query.keys_only { &writer.table.key_list } else { &writer.table.select_list };
    let (name, has_streams) = (query.kind.name(), !writer.open_keys.is_empty());
    let is_in_order = source.rows_for(query) == IndexRows::InOrder;
    writer.push_text(&format!("select {list} from "));
    if !has_streams && matches!(source, ListSource::Index(_)) && is_in_order {
        writer.push_rows()?;
        return Ok(writer.statement);
    }
    if dialect.has_lateral {
        writer.push_text(&match has_streams {
            true => format!("{} k cross join lateral (select r.* from ", writer.last_table()),
            false => "(select r.* from ".to_owned(),
        });
        writer.push_rows()?;
        writer.push_text(") r");
        writer.push_known_combination();
        writer.push_end(false)?;
        return Ok(writer.statement);
    }
    // Only the rows of the page are read in whole: of all others their place in the order, which the index holds.
    writer.push_text(&format!("{name} r where r.seq in (select "));
    if has_streams {
        writer.push_places_of_streams()?;
    } else {
        writer.push_text("r.seq from ");
        writer.push_rows()?;
    }
    writer.push_text(")");
    push_order(&mut writer.statement, writer.table, query, dialect)?;
    Ok(writer.statement)
}

/// Counts the rows of a source, up to a limit. It leaves out the filters that the source does not know.
pub(super) fn count_statement(
    query: &Query,
    source: &ListSource,
    dialect: &Dialect,
    limit: i64,
) -> Result<SqlStatement> {
    let mut writer = ListWriter::new(query, source, dialect);
    writer.push_combinations()?;
    writer.push_text("select count(*) as n from (select 1 as found from ");
    let has_streams = !writer.open_keys.is_empty();
    if has_streams {
        writer.push_text(&format!("{} k cross join ", writer.last_table()));
        writer.push_text(if dialect.has_lateral { "lateral (select 1 from " } else { "" });
    }
    writer.push_source_table();
    writer.push_text(" where ");
    writer.push_key_conditions(writer.source.keys().len())?;
    writer.push_bounds()?;
    // In the order of the index: PostgreSQL would read the table in whole where it expects to find enough rows soon.
    writer.push_source_order()?;
    if has_streams {
        if dialect.has_lateral {
            writer.push_limit(limit);
            writer.push_text(") r");
            writer.push_known_combination();
        } else {
            writer.push_text(&format!(" and k.{} is not null", writer.last_column()));
        }
    }
    writer.push_limit(limit);
    writer.push_text(") counted");
    Ok(writer.statement)
}

impl<'q> ListWriter<'q> {
    fn new(query: &'q Query, source: &'q ListSource, dialect: &'q Dialect) -> Self {
        let open = |key: &ListKey| !matches!(key.values_in(query), KeyValues::One(_));
        let keys = source.keys().iter().enumerate();
        Self {
            query,
            source,
            dialect,
            table: Table::of_kind(query.kind),
            statement: SqlStatement::starting_with(""),
            open_keys: keys.filter(|(_, key)| open(key)).map(|(number, _)| number).collect(),
        }
    }

    fn push_text(&mut self, text: &str) {
        self.statement.push_text(text);
    }

    fn push_limit(&mut self, limit: i64) {
        self.push_text(" limit ");
        self.statement.push_value(SqlValue::Number(limit));
    }

    /// The common table with the combinations of all open keys.
    fn last_table(&self) -> String {
        format!("k{}", self.open_keys.last().copied().unwrap_or_default())
    }

    fn last_column(&self) -> String {
        format!("a{}", self.open_keys.last().copied().unwrap_or_default())
    }

    /// Leaves out the last row of a common table, which says that there is no further value.
    fn push_known_combination(&mut self) {
        if self.open_keys.is_empty() {
            return;
        }
        let column = self.last_column();
        self.push_text(&format!(" where k.{column} is not null"));
    }

    /// Adds the common tables: one for each open key, with its values for each combination of the keys before it.
    fn push_combinations(&mut self) -> Result<()> {
        for (place, number) in self.open_keys.clone().into_iter().enumerate() {
            self.push_text(if place == 0 { "with recursive " } else { ", " });
            let before: Vec<usize> = self.open_keys.iter().copied().take(place).collect();
            let columns: Vec<String> = before.iter().chain([&number]).map(|number| format!("a{number}")).collect();
            self.push_text(&format!("k{number} ({}) as (", columns.join(", ")));
            let parent = before.last().map(|last| (format!("k{last}"), format!("a{last}")));
            let (source, query) = (self.source, self.query);
            let Some(key) = source.keys().get(number) else { continue };
            match key.values_in(query) {
                KeyValues::Several(values) => self.push_listed_values(key, values, &before, parent.as_ref())?,
                _ => self.push_found_values(key, number, &before, parent.as_ref())?,
            }
            self.push_text(")");
        }
        if !self.open_keys.is_empty() {
            self.push_text(" ");
        }
        Ok(())
    }

    fn push_listed_values(
        &mut self,
        key: &ListKey,
        values: &[serde_json::Value],
        before: &[usize],
        parent: Option<&(String, String)>,
    ) -> Result<()> {
        let inherited: String = before.iter().map(|number| format!("k.a{number}, ")).collect();
        self.push_text(&format!("select {inherited}v.column1 from (values "));
        for (number, value) in values.iter().enumerate() {
            self.push_text(if number == 0 { "(" } else { "), (" });
            self.push_key_value(key, value)?;
        }
        self.push_text(")) v");
        if let Some((table, column)) = parent {
            self.push_text(&format!(" cross join {table} k where k.{column} is not null"));
        }
        Ok(())
    }

    /// Adds the values that there are, each found by the index behind the one before.
    fn push_found_values(
        &mut self,
        key: &ListKey,
        number: usize,
        before: &[usize],
        parent: Option<&(String, String)>,
    ) -> Result<()> {
        let inherited: String = before.iter().map(|number| format!("k.a{number}, ")).collect();
        for is_next in [false, true] {
            self.push_text(if is_next { " union all " } else { "" });
            self.push_text(&format!("select {inherited}(select {} from ", key.expression));
            self.push_source_table();
            self.push_text(" where ");
            self.push_key_conditions(number)?;
            if is_next {
                self.push_text(&format!(" and {} > k.a{number}", key.expression));
            }
            self.push_text(&format!(" order by {} limit 1)", key.expression));
            let from = if is_next { Some((format!("k{number}"), format!("a{number}"))) } else { parent.cloned() };
            if let Some((table, column)) = from {
                self.push_text(&format!(" from {table} k where k.{column} is not null"));
            }
        }
        Ok(())
    }

    /// Adds the table or the words, by the index.
    fn push_source_table(&mut self) {
        match self.source {
            ListSource::Word(_) => self.push_text("search_tokens w"),
            ListSource::Index(index) => {
                let hint = if self.dialect.takes_index { format!(" indexed by {}", index.name) } else { String::new() };
                self.push_text(&format!("{} r{hint}", self.query.kind.name()));
            }
        }
    }

    /// Adds the conditions on the first keys.
    fn push_key_conditions(&mut self, count: usize) -> Result<()> {
        let (source, query) = (self.source, self.query);
        match source {
            ListSource::Word(word) => {
                self.push_text(&format!("w.kind = '{}' and w.token = ", query.kind.name()));
                self.statement.push_value(SqlValue::from_text(word.as_str()));
            }
            ListSource::Index(index) => self.push_text(index.condition),
        }
        for (number, key) in source.keys().iter().enumerate().take(count) {
            self.push_text(&format!(" and {} = ", key.expression));
            match key.values_in(query) {
                KeyValues::One(value) => self.push_key_value(key, value)?,
                _ => self.push_text(&format!("k.a{number}")),
            }
        }
        Ok(())
    }

    fn push_key_value(&mut self, key: &ListKey, value: &serde_json::Value) -> Result<()> {
        let missing = || StoreError::Failed(format!("{} has no column {}", self.query.kind.name(), key.field));
        let value = self.table.column(key.field).ok_or_else(missing)?.to_sql_value(value)?;
        self.statement.push_value(value);
        Ok(())
    }

    /// Adds the rows that a list wants of one combination of keys: a source, all conditions, the order and the limit.
    fn push_rows(&mut self) -> Result<()> {
        let (source, query) = (self.source, self.query);
        self.push_source_table();
        if matches!(source, ListSource::Word(_)) {
            self.push_text(&format!(" cross join {} r", query.kind.name()));
        }
        self.push_text(" where ");
        self.push_key_conditions(source.keys().len())?;
        if matches!(source, ListSource::Word(_)) {
            self.push_text(" and r.seq = w.seq");
            self.push_bounds()?;
        }
        self.push_other_conditions()?;
        self.push_end(true)
    }

    /// Adds what a select gives for the first rows of all combinations of keys: their seq. SQLite has no lateral join, but a
    /// function whose value is a table: each combination's places go through it as JSON.
    fn push_places_of_streams(&mut self) -> Result<()> {
        let (table, column) = (self.last_table(), self.last_column());
        let (place, direction) = match self.query.order {
            Order::Ascending(name) => (name, ""),
            Order::Descending(name) => (name, " desc"),
            Order::Newest | Order::LastCommitted => ("seq", " desc"),
            Order::Oldest | Order::Committed => ("seq", ""),
        };
        let alias = if self.is_by_word() { "w" } else { "r" };
        self.push_text(&format!(
            "v.value ->> 1 from {table} k cross join json_each((select json_group_array(json_array(p.place, p.seq)) \
             from (select {alias}.{place} as place, {alias}.seq as seq from "
        ));
        self.push_rows()?;
        self.push_text(&format!(
            ") p)) v where k.{column} is not null order by v.value ->> 0{direction}, v.value ->> 1{direction}"
        ));
        self.push_limit(i64::try_from(self.query.limit).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Says whether the rows of a word are in the order of the list.
    fn is_by_word(&self) -> bool {
        matches!(self.source, ListSource::Word(_)) && is_by_creation(self.query)
    }

    /// Adds the filters that the keys have not settled, the other words, and the cursor.
    fn push_other_conditions(&mut self) -> Result<()> {
        let (source, query) = (self.source, self.query);
        let settled: Vec<&Filter> = source.keys().iter().filter_map(|key| key.filter_in(query)).collect();
        for filter in &query.filters {
            if !settled.iter().any(|other| std::ptr::eq(*other, filter)) {
                self.push_text(" and ");
                push_filter(&mut self.statement, self.table, filter)?;
            }
        }
        for word in query.search.iter().flat_map(|text| search_tokens([text.as_str()])) {
            if !matches!(source, ListSource::Word(first) if *first == word) {
                self.push_word_condition(word);
            }
        }
        if let Some(cursor) = &query.after {
            self.push_text(" and ");
            push_cursor(&mut self.statement, self.table, query, cursor, self.dialect)?;
        }
        if query.order == Order::Committed {
            self.push_text(&format!(" and {}", self.dialect.event_order.settled));
        }
        Ok(())
    }

    /// Adds the condition that a record has a word: one row of the index. `in` would read all rows of the word first.
    fn push_word_condition(&mut self, word: String) {
        let kind = self.query.kind.name();
        self.push_text(&format!(
            " and (select 1 from search_tokens v where v.kind = '{kind}' and v.team = coalesce(r.team, '') \
             and v.created = r.created and v.seq = r.seq and v.token = "
        ));
        self.statement.push_value(SqlValue::from_text(word));
        self.push_text(") is not null");
    }

    /// Adds the bounds of what the source is ordered by: the times between which its rows are.
    fn push_bounds(&mut self) -> Result<()> {
        let (source, query) = (self.source, self.query);
        let is_word = matches!(source, ListSource::Word(_));
        for filter in &query.filters {
            let is_bound = match filter.field {
                "created" => query.kind == RecordKind::Profiles,
                "updated" => matches!(source, ListSource::Index(index) if index.rows == IndexRows::Unordered),
                "at" | "due_at" => !is_word,
                _ => false,
            };
            if !is_bound {
                continue;
            }
            if is_word {
                let (operator, time) = match &filter.comparison {
                    Comparison::After(time) => (">", time),
                    Comparison::Before(time) => ("<", time),
                    _ => continue,
                };
                self.push_text(&format!(" and w.created {operator} "));
                self.statement.push_value(SqlValue::Number(time.0));
            } else {
                self.push_text(" and ");
                push_filter(&mut self.statement, self.table, filter)?;
            }
        }
        if is_word
            && is_by_creation(query)
            && let Some(cursor) = &query.after
        {
            let (time, seq) = parse_column_cursor(cursor).ok_or(StoreError::BadCursor)?;
            self.push_text(" and (w.created, w.seq) < (");
            self.statement.push_values([SqlValue::Number(time), SqlValue::Number(seq)]);
            self.push_text(")");
        }
        Ok(())
    }

    /// Adds the order in which a source has its rows, where the database does not choose the index by its name.
    fn push_source_order(&mut self) -> Result<()> {
        if self.dialect.takes_index {
            return Ok(());
        }
        match self.source {
            ListSource::Word(_) => self.push_text(" order by w.created, w.seq"),
            ListSource::Index(index) if index.sorted_by.is_empty() => {
                push_order(&mut self.statement, self.table, self.query, self.dialect)?;
            }
            ListSource::Index(index) => self.push_text(&format!(" order by {}", index.sorted_by)),
        }
        Ok(())
    }

    /// Adds the order and the limit: of the rows of a source, or of what several have given.
    fn push_end(&mut self, is_of_source: bool) -> Result<()> {
        if is_of_source && self.is_by_word() {
            self.push_text(" order by w.created desc, w.seq desc");
        } else {
            push_order(&mut self.statement, self.table, self.query, self.dialect)?;
        }
        self.push_limit(i64::try_from(self.query.limit).unwrap_or(i64::MAX));
        Ok(())
    }
}

fn is_by_creation(query: &Query) -> bool {
    query.order == Order::Descending("created")
}
