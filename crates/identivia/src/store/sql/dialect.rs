//! The few words in which the SQL of SQLite and PostgreSQL differs.

/// The words of one database.
pub struct Dialect {
    /// Follows a `select` in a step: other transactions cannot change the row until the step ends.
    pub(super) row_lock: &'static str,
    /// Around a text of words with a blank between them: its words as the column `value` of the table `w`. `None` where the
    /// words are better given one by one: SQLite would parse the text as JSON, which takes as long as adding the rows.
    pub(super) split_words: Option<[&'static str; 2]>,
    /// Has steps of the same holder wait for each other, where steps run at once.
    pub(super) holder_lock: Option<&'static str>,
    /// The order in which events were committed.
    pub(super) event_order: EventOrder,
    /// Says whether a statement can hold several inserts: then a commit of inserts needs no transaction around it.
    pub(super) has_inserts_in_with: bool,
    /// Counts what happens in a window, where several servers share the database. SQLite's server counts in memory: each
    /// wrong guess would cost it a sync.
    pub(super) count_in_window: Option<&'static str>,
    /// Says whether a query may name its index. SQLite keeps no statistics, and guesses.
    pub(super) takes_index: bool,
    /// Says whether a join may have a query that reads the rows before it.
    pub(super) has_lateral: bool,
    /// Before a statement whose plan is asked for, and the column of the answer that has it.
    pub(super) explain: &'static str,
    pub(super) plan_column: usize,
}

/// The order in which events were committed, as parts of a statement over `outbox_events r`.
pub(super) struct EventOrder {
    /// Which events may be read: none may be committed before these later on.
    pub(super) settled: &'static str,
    /// The order itself.
    pub(super) columns: &'static str,
    /// The place of the event whose id follows.
    pub(super) place_of_id: [&'static str; 2],
}

pub(in crate::store) const SQLITE: Dialect = Dialect {
    row_lock: "",
    split_words: None,
    holder_lock: None,
    // There is one writer: `seq` is the order of commits.
    event_order: EventOrder {
        settled: "1 = 1",
        columns: "r.seq",
        place_of_id: ["r.seq > (select e.seq from outbox_events e where e.id = ", ")"],
    },
    has_inserts_in_with: false,
    count_in_window: None,
    takes_index: true,
    has_lateral: false,
    explain: "explain query plan",
    plan_column: 3,
};

pub(in crate::store) const POSTGRES: Dialect = Dialect {
    row_lock: " for update",
    // The same statement for any number of words: each connection prepares it once.
    split_words: Some(["unnest(string_to_array(", ", ' ')) as w(value)"]),
    holder_lock: Some("select pg_advisory_xact_lock(hashtextextended($1, 0))"),
    event_order: EventOrder {
        settled: "r.xid < pg_snapshot_xmin(pg_current_snapshot())",
        columns: "r.xid, r.seq",
        place_of_id: ["(r.xid, r.seq) > (select e.xid, e.seq from outbox_events e where e.id = ", ")"],
    },
    has_inserts_in_with: true,
    count_in_window: Some(
        "insert into token_failures (key, count, ends) values ($1, 1, $2) on conflict (key) do update set \
            count = case when token_failures.ends <= $3 then 1 else token_failures.count + 1 end, \
            ends = case when token_failures.ends <= $3 then excluded.ends else token_failures.ends end \
        returning count, ends",
    ),
    takes_index: false,
    has_lateral: true,
    explain: "explain",
    plan_column: 0,
};

/// Removes counts whose window has ended, in a database that counts.
pub(super) const DELETE_ENDED_COUNTS: &str = "delete from token_failures where ends <= $1";
