//! The table `search_tokens`: one row for each word of a record, written in the commit of the record. A record of a searched
//! kind has a team and a time at which it was made: the rows of a word are in that order.

use super::{Dialect, SqlStatement, SqlTransaction, SqlValue};
use crate::domain::search::search_tokens;
use crate::records::{FieldMap, RecordKind};
use crate::store::Result;
use crate::store::search::{record_tokens, searched_fields};

/// The words of one record.
pub(super) struct SearchRows {
    kind: RecordKind,
    key: String,
    words: Vec<String>,
}

impl SearchRows {
    /// The rows of a record; `None` where its kind is not searched, or it has no words.
    pub(super) fn of_record(kind: RecordKind, fields: &FieldMap) -> Option<Self> {
        searched_fields(kind).next()?;
        let key = fields.get(kind.key_field())?.as_str()?;
        Self::of_words(kind, key, &record_tokens(kind, fields))
    }

    /// The rows of some words of a record; `None` where there is no word.
    pub(super) fn of_words<'w>(
        kind: RecordKind,
        key: &str,
        words: impl IntoIterator<Item = &'w String>,
    ) -> Option<Self> {
        let words: Vec<String> = words.into_iter().cloned().collect();
        (!words.is_empty()).then(|| Self { kind, key: key.to_owned(), words })
    }

    /// Adds the rows of a stored record.
    pub(super) async fn insert_rows(self, transaction: &mut dyn SqlTransaction, dialect: &Dialect) -> Result<()> {
        let mut statement = SqlStatement::default();
        self.push_insert(&mut statement, dialect);
        transaction.execute(&statement.text, &statement.values).await.map(drop)
    }

    /// Removes the rows of a record, which must be stored still.
    pub(super) async fn delete_rows(self, transaction: &mut dyn SqlTransaction, dialect: &Dialect) -> Result<()> {
        let mut statement = SqlStatement::default();
        self.push_delete(&mut statement, dialect);
        transaction.execute(&statement.text, &statement.values).await.map(drop)
    }

    /// Adds the statement that inserts the rows of a stored record.
    pub(super) fn push_insert(self, statement: &mut SqlStatement, dialect: &Dialect) {
        let Self { kind, key, words } = self;
        push_words(statement, dialect, kind, words);
        statement.push_text(&format!(", {} r where r.{} = ", kind.name(), kind.key_field()));
        statement.push_value(SqlValue::from_text(key));
        statement.push_text(" on conflict do nothing");
    }

    /// Adds the statement that removes the rows of a stored record. It names their words: the table has no index by record.
    pub(super) fn push_delete(self, statement: &mut SqlStatement, dialect: &Dialect) {
        let Self { kind, key, words } = self;
        let name = kind.name();
        statement
            .push_text(&format!("delete from search_tokens where kind = '{name}' and token in (select w.value from "));
        push_word_table(statement, dialect, words);
        statement.push_text(")");
        for column in ["team", "created", "seq"] {
            let value = if column == "team" { "coalesce(team, '')" } else { column };
            statement.push_text(&format!(" and {column} = (select {value} from {name} where {} = ", kind.key_field()));
            statement.push_value(SqlValue::from_text(key.as_str()));
            statement.push_text(")");
        }
    }

    /// Adds the statement that inserts the rows of a record that the same statement inserts: `record` names that part of it,
    /// which returns [`RETURNED`].
    pub(super) fn push_joined_insert(self, statement: &mut SqlStatement, dialect: &Dialect, record: &str) {
        push_words(statement, dialect, self.kind, self.words);
        statement.push_text(&format!(", {record} r on conflict do nothing"));
    }
}

/// What an insert returns of a record for the rows of its words.
pub(super) const RETURNED: &str = "seq, team, created";

/// The part of an insert that is the same for all records: each word with the place of `r` in lists.
fn push_words(statement: &mut SqlStatement, dialect: &Dialect, kind: RecordKind, words: Vec<String>) {
    statement.push_text("insert into search_tokens (kind, team, created, seq, token) select '");
    statement.push_text(kind.name());
    statement.push_text("', coalesce(r.team, ''), r.created, r.seq, w.value from ");
    push_word_table(statement, dialect, words);
}

/// The words as the column `value` of the table `w`.
fn push_word_table(statement: &mut SqlStatement, dialect: &Dialect, words: Vec<String>) {
    if let Some([before, behind]) = dialect.split_words {
        statement.push_text(before);
        statement.push_value(SqlValue::from_text(words.join(" ")));
        statement.push_text(behind);
        return;
    }
    statement.push_text("(select column1 as value from (values ");
    for (number, word) in words.into_iter().enumerate() {
        statement.push_text(if number == 0 { "(" } else { "), (" });
        statement.push_value(SqlValue::from_text(word));
    }
    statement.push_text("))) w");
}

/// Adds the condition that a record has every word of a text. A text without a word finds nothing.
pub(super) fn push_search(statement: &mut SqlStatement, kind: RecordKind, text: &str) {
    let words = search_tokens([text]);
    if words.is_empty() {
        statement.push_text("1 = 0");
    }
    for (number, word) in words.into_iter().enumerate() {
        statement.push_text(if number == 0 { "r.seq" } else { " and r.seq" });
        statement.push_text(" in (select w.seq from search_tokens w where w.kind = '");
        statement.push_text(kind.name());
        statement.push_text("' and w.token = ");
        statement.push_value(SqlValue::from_text(word));
        statement.push_text(")");
    }
}
