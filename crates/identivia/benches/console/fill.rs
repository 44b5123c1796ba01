//! Fills a database with reviews, their records and profiles, and the rows of statistics, by SQL that makes the values itself.

use identivia::records::time::Millis;

use crate::database::Database;
use crate::totals::{TEAMS, list_day_totals};

/// How many rows there are of each kind, and the time that they are spread before.
pub(crate) struct Rows {
    pub(crate) reviews: u64,
    pub(crate) profiles: u64,
    pub(crate) now: Millis,
}

pub(crate) async fn fill_database(database: &Database, rows: &Rows) -> anyhow::Result<()> {
    let mut statements = list_statements(database, rows);
    statements.extend(list_day_totals(rows.now));
    database.run_statements(&statements).await
}

/// A third of the reviews is open, and a few in each other state; one of a thousand is of a rare country.
fn list_statements(database: &Database, rows: &Rows) -> Vec<String> {
    let now = rows.now.0;
    let created = format!("({now} - (i * 7919 % 2592000) * 1000)");
    let country = "case when i % 1000 = 0 then 'ISL' else substr('DEUFRAESPITAGBRPOLNLDBELAUTCHESWENORDNKFINPRTGRCIRLCZEHUNROU', cast(1 + 3 * (i * 31 % 20) as integer), 3) end";
    let name = "case i % 4 when 0 then 'Anna' when 1 then 'Maria' when 2 then 'Omar' else 'Li' end";
    let kind = "case i % 10 when 0 then 'driving_license' when 1 then 'national_id' when 2 then 'national_id' else 'passport' end";
    let team = format!("'team-' || (i % {TEAMS})");
    let profiles = format!(
        "insert into profiles (id, team, user_id, name, country, verification_status, recorded_status, newest_verification, attempts, created, updated, body)
         select @profile, {team}, 'user-' || i, {name} || ' Specimen', {country}, 'pending', null, case when i <= {reviews} then @record end, 1, {created}, {created}, '{{}}' from @rows",
        reviews = rows.reviews
    );
    let body = format!(
        "'{{\"liveness_session_id\":\"s\",\"liveness_confidence\":92,\"liveness_status\":\"SUCCEEDED\",\"facial_photo\":\"a.jpg\",\"document_front\":\"b.jpg\",\"name\":\"' || {name} || ' Specimen\",\"document_number\":\"C01X00T47\",\"date_of_birth\":\"1990-01-15\",\"country\":\"' || {country} || '\",\"document_type\":\"' || {kind} || '\"}}'"
    );
    let records = format!(
        "insert into verification_history (id, profile, created, updated, body) select @record, @profile, {created}, {created}, {body} from @rows"
    );
    let step = "i * 7919 % 100";
    let state = format!(
        "case when {step} < 34 then 'open' when {step} < 38 then 'claimed' when {step} < 40 then 'second_look' when {step} < 44 then 'waiting' when {step} < 96 then 'decided' else 'withdrawn' end"
    );
    let findings = "case when i % 500 = 0 then '\"screen\"' when i % 3 = 0 then '\"glare\"' else '' end";
    let reviews = format!(
        "insert into reviews (id, team, profile, verification, state, due_at, assignee, claim_until, decided_at, country, document_type, version, created, updated, body)
         select @review, {team}, @profile, @record, {state}, {created} + 86400000, case when {step} between 34 and 37 then 'user' || (i % 50) end,
            case when {step} between 34 and 35 then {now} + 600000 when {step} between 36 and 37 then {now} - 600000 end,
            case when {step} between 44 and 95 then {created} + 3600000 end, {country}, {kind}, 1, {created}, {created},
            '{{\"priority\":\"normal\",\"tries\":1,\"reopened\":0,\"findings\":[' || {findings} || ']}}' from @rows"
    );
    let active = format!(
        "insert into analytics_profiles (id, team, active_at, body)
         select @profile, {team}, {created}, '{{\"steps\":{{}},\"records\":1,\"waited\":0}}' from @rows"
    );
    let words = |kind: &str, word: &str, condition: &str| {
        format!(
            "insert into search_tokens (kind, team, created, seq, token) select '{kind}', team, created, seq, '{word}' from {kind} where {condition} order by team, created, seq"
        )
    };
    let names = ["Anna", "Maria", "Omar", "Li"]
        .map(|name| words("profiles", &name.to_lowercase(), &format!("name = '{name} Specimen'")));
    let found = [("screen", "%screen%"), ("glare", "%glare%")]
        .map(|(word, like)| words("reviews", word, &format!("body like '{like}'")));
    let made = [
        database.adapt(&profiles, rows.profiles),
        database.adapt(&records, rows.reviews),
        database.adapt(&reviews, rows.reviews),
        database.adapt(&active, rows.profiles),
    ];
    made.into_iter().chain(names).chain(found).collect()
}
