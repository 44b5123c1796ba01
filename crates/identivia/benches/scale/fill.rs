//! Fills a database as a year of use does: profiles with words, audit events, events, status records and reviews.
//!
//! What a list finds is meant to be hard. `team-19` has no rejected profile, `tiny` has 500 old ones, `ISL` is the country of one of
//! a thousand and `ATA` of none, `Zoe` is one of ten thousand, and every address ends in the same words.

use crate::database::Database;

/// How many teams there are beside `tiny`.
const TEAMS: u64 = 20;
/// A year in milliseconds, in which the rows were made one after the other.
const YEAR: u64 = 31_536_000_000;

pub(crate) async fn fill_database(database: &Database, rows: u64, now: i64) -> anyhow::Result<()> {
    let statements: Vec<String> = list_statements(rows, now).iter().map(|sql| database.adapt(sql, rows)).collect();
    database.run_statements(&statements).await
}

fn list_statements(rows: u64, now: i64) -> Vec<String> {
    let step = YEAR / rows;
    let first = now - i64::try_from(YEAR).unwrap_or_default();
    let created = format!("({first} + i * {step})");
    let team = format!("case when i <= 500 then 'tiny' else 'team-' || (i % {TEAMS}) end");
    let own = format!(
        "case when i % {TEAMS} = 19 and i % 7 = 0 then 'verified' when i % 7 = 0 then 'rejected' when i % 1000 = 1 then 'pending' \
         when i % 5 = 0 then 'unverified' else 'verified' end"
    );
    let recorded = "case when i % 5000 = 2 then 'in_review' when i % 11 = 0 then 'archived' end";
    let country = "case when i % 1000 = 0 then 'ISL' else substr('DEUFRAESPITAGBRPOLNLDBELAUTCHESWENORDNKFINPRTGRCIRLCZEHUNROU', cast(1 + 3 * (i * 31 % 20) as integer), 3) end";
    let first_name = "case when i % 10000 = 7 then 'Zoe' when i % 4 = 0 then 'Anna' when i % 4 = 1 then 'Maria' when i % 4 = 2 then 'Omar' else 'Li' end";
    let actor = "'client-' || (i % 3)";
    let kind = "case when i % 20000 = 3 then 'client.created' when i % 3 = 0 then 'profile.created' when i % 3 = 1 then 'status.recorded' else 'profile.updated' end";
    let event = "case when i % 50000 = 3 then 'webhook.test' when i % 3 = 0 then 'profile.created' when i % 3 = 1 then 'profile.started' else 'profile.verified' end";
    let state = "case when i % 100 < 95 then 'decided' when i % 100 < 98 then 'open' when i % 100 = 98 then 'waiting' else 'withdrawn' end";
    let body = "'{\"document_type\":\"passport\",\"security_level\":\"high\",\"gender\":\"unknown\",\"language\":\"en\",\"phone_number\":\"+4915100000000\"}'";
    let words = |word: &str, condition: &str| {
        format!(
            "insert into search_tokens (kind, team, created, seq, token) select 'profiles', team, created, seq, '{word}' from profiles \
             where {condition} order by team, created, seq"
        )
    };
    let mut statements = vec![
        format!(
            "insert into profiles (id, team, user_id, name, document_number, country, email, verification_status, recorded_status, attempts, created, updated, body) \
             select @profile, {team}, 'user-' || i, {first_name} || ' Specimen', 'C' || i, {country}, 'p' || i || '@example.com', {own}, {recorded}, 1, {created}, {created} + 3600000, {body} from @rows"
        ),
        format!(
            "insert into status_history (id, profile, new_status, created, body) select @record, @profile, {own}, {created}, '{{}}' from @rows"
        ),
        format!(
            "insert into audit_events (id, at, kind, actor, profile, team, object_id, address, body) \
             select @record, {created}, {kind}, {actor}, @profile, {team}, case when i % 3 = 1 then @record end, '192.0.2.' || (i % 5), '{{}}' from @rows"
        ),
        format!(
            "insert into outbox_events (id, event_type, team, profile, created, body) select @record, {event}, {team}, @profile, {created}, '{{}}' from @rows"
        ),
        format!(
            "insert into reviews (id, team, profile, verification, state, due_at, assignee, country, document_type, version, created, updated, body) \
             select @review, {team}, @profile, @record, {state}, {created} + 86400000, case when i % 100 = 98 then 'user-' || (i % 50) end, {country}, \
                 case i % 10 when 0 then 'driving_license' else 'passport' end, 1, {created}, {created}, '{{\"priority\":\"normal\",\"tries\":1,\"reopened\":0}}' from @rows"
        ),
    ];
    for name in ["Anna", "Maria", "Omar", "Li", "Zoe"] {
        statements.push(words(&name.to_lowercase(), &format!("name = '{name} Specimen'")));
    }
    for word in ["specimen", "user", "example", "com"] {
        statements.push(words(word, "1 = 1"));
    }
    // The words of each profile alone: its number, and its part of the address.
    statements.push(
        "insert into search_tokens (kind, team, created, seq, token) select 'profiles', p.team, p.created, p.seq, w.word from \
         (select seq, substr(user_id, 6) as word from profiles union all select seq, 'p' || substr(user_id, 6) from profiles) w \
         join profiles p on p.seq = w.seq order by w.word"
            .to_owned(),
    );
    statements
}
