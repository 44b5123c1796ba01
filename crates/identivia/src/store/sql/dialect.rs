//! The few words in which the SQL of SQLite and PostgreSQL differs.

/// The words of one database.
pub struct Dialect {
    /// Follows a `select` in a step: other transactions cannot change the row until the step ends.
    pub(super) row_lock: &'static str,
    /// Around a text of words with a blank between them: its words as the column `value` of the table `w`.
    pub(super) split_words: [&'static str; 2],
    /// Says whether a statement can hold several inserts: then a commit of inserts needs no transaction around it.
    pub(super) has_inserts_in_with: bool,
    /// Counts what happens in a window, where several servers share the database. SQLite's server counts in memory: each
    /// wrong guess would cost it a sync.
    pub(super) count_in_window: Option<&'static str>,
}

pub(in crate::store) const SQLITE: Dialect = Dialect {
    row_lock: "",
    split_words: ["json_each('[\"' || replace(", ", ' ', '\",\"') || '\"]') w"],
    has_inserts_in_with: false,
    count_in_window: None,
};

pub(in crate::store) const POSTGRES: Dialect = Dialect {
    row_lock: " for update",
    split_words: ["unnest(string_to_array(", ", ' ')) as w(value)"],
    has_inserts_in_with: true,
    count_in_window: Some(
        "insert into token_failures (key, count, ends) values ($1, 1, $2) on conflict (key) do update set \
            count = case when token_failures.ends <= $3 then 1 else token_failures.count + 1 end, \
            ends = case when token_failures.ends <= $3 then excluded.ends else token_failures.ends end \
        returning count, ends",
    ),
};

/// Removes counts whose window has ended, in a database that counts.
pub(super) const DELETE_ENDED_COUNTS: &str = "delete from token_failures where ends <= $1";
