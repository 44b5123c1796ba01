//! The statements, one text for every SQL database: `$1` placeholders in order of their number, text ids, millisecond
//! times, `returning`, `on conflict`. The few words that differ stand in [`Dialect`].

macro_rules! create_profile {
    () => {
        "insert into profiles (id, team, user_id, name, document_type, document_number, country, phone_number, email, \
            security_level, gender, ip_address, language, redirect_url, verification_status, created, updated) \
        values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'unverified', $15, $15) \
        on conflict (team, user_id) do nothing"
    };
}

/// The words in which databases differ.
pub struct Dialect {
    /// Follows a `select` in a step: keeps others from changing the row until the step is over.
    pub(super) lock: &'static str,
    /// Follows the `select` of a claim: passes over rows that others are claiming.
    pub(super) skip_locked: &'static str,
    /// What stands before and behind `$n` in the condition that a profile's texts hold that term, in any case of A to Z.
    pub(super) search: (&'static str, &'static str),
    /// Makes a profile and notes the event in one statement. Without it the step takes two.
    pub(super) create_and_note: Option<&'static str>,
    /// Counts what happens, where other servers may count with this one: elsewhere every wrong guess would cost a sync.
    pub(super) count_within: Option<&'static str>,
}

pub(in crate::store) const SQLITE: Dialect = Dialect {
    lock: "",
    skip_locked: "",
    search: (
        " and instr(lower(name || char(10) || user_id || char(10) || document_number || char(10) || email), lower(",
        ")) > 0",
    ),
    create_and_note: None,
    count_within: None,
};

/// The collation makes `lower` leave all but A to Z alone, as SQLite's does, whatever the database's own language.
pub(in crate::store) const POSTGRES: Dialect = Dialect {
    lock: " for update",
    skip_locked: " for update skip locked",
    search: (
        " and strpos(lower((name || chr(10) || user_id || chr(10) || document_number || chr(10) || email) \
            collate \"C\"), lower(",
        " collate \"C\")) > 0",
    ),
    create_and_note: Some(concat!(
        "with made as (",
        create_profile!(),
        " returning id), noted as (insert into events (id, at, kind, actor, profile, request_id, detail) ",
        "select $16, $15, $17, $18, $1, $19, $20 from made) select id from made"
    )),
    count_within: Some(
        "insert into token_failures (key, count, ends) values ($1, 1, $2) on conflict (key) do update set \
            count = case when token_failures.ends <= $3 then 1 else token_failures.count + 1 end, \
            ends = case when token_failures.ends <= $3 then excluded.ends else token_failures.ends end \
        returning count, ends",
    ),
};

/// For databases that count failures.
pub(super) const FORGET_FAILURES: &str = "delete from token_failures where ends <= $1";

/// The status shown: the newest record's, else the profile's own.
macro_rules! shown_status {
    () => {
        "case when recorded_status = '' then verification_status else recorded_status end"
    };
}

pub(super) const CREATE_PROFILE: &str = create_profile!();

pub(super) const PROFILE_OF_USER: &str = "select id from profiles where team = $1 and user_id = $2";

pub(super) const PROFILE_VIEW: &str = "\
    select p.id, p.name, p.document_type, p.document_number, p.country, p.language, p.verification_status, \
        p.recorded_status, p.security_level, p.created, \
        v.id, v.status, v.liveness_session_id, v.liveness_confidence, v.liveness_status, v.document_type, v.name, \
        v.document_number, v.country, v.created, v.updated, v.checks_status, v.checks, p.consent \
    from profiles p left join verification_history v on v.id = p.newest_verification \
    where p.id = $1 and p.team = coalesce($2, p.team)";

macro_rules! profile_columns {
    () => {
        "select id, team, verification_status, recorded_status, document_type, document_number, document_name, country, \
            document_front, document_back, facial_photo, facial_video, updated"
    };
}

pub(super) const PROFILE: &str =
    concat!(profile_columns!(), " from profiles where id = $1 and team = coalesce($2, team)");

pub(super) const JOURNEY: &str = concat!(
    profile_columns!(),
    ", language, consent, details_draft, redirect_url, \
        coalesce((select created from verification_history where id = newest_verification), 0), \
        coalesce((select created from status_history where profile = profiles.id order by seq desc limit 1), 0) \
    from profiles where id = $1 and team = coalesce($2, team)"
);

/// Nothing is kept where the code is another profile's.
pub(super) const OFFER_HANDOFF: &str = "\
    update profiles set handoff_code = $1, handoff_ends = $2, handoff_token_ends = $3, handoff_scope = $4 \
    where id = $5 and not exists \
        (select 1 from profiles other where other.handoff_code = $1 and other.handoff_code <> '' and other.id <> $5)";

/// Of all who take a code at once one does: for the others it is not there any more.
pub(super) const TAKE_HANDOFF: &str = "\
    update profiles set handoff_code = '' where handoff_code = $1 and handoff_code <> '' and handoff_ends > $2 \
    returning id, handoff_token_ends, handoff_scope";

/// Followed by conditions, [`PROFILES_ORDER`] and a limit.
pub(super) const PROFILES: &str = concat!(
    "select seq, id, user_id, team, name, document_type, document_number, country, verification_status, ",
    shown_status!(),
    ", created, updated from profiles where seq < $1"
);
pub(super) const PROFILES_OF_STATUS: &str = concat!(" and ", shown_status!(), " = ");
pub(super) const PROFILES_ORDER: &str = " order by seq desc limit ";

pub(super) const CHANGE_PROFILE: &str = "\
    update profiles set \
        updated = $1, \
        verification_status = coalesce($2, verification_status), \
        document_type = coalesce($3, document_type), \
        document_number = coalesce($4, document_number), \
        document_name = coalesce($5, document_name), \
        country = coalesce($6, country), \
        document_front = coalesce(nullif($7, ''), document_front), \
        document_back = coalesce(nullif($8, ''), document_back), \
        facial_photo = coalesce(nullif($9, ''), facial_photo), \
        facial_video = coalesce(nullif($10, ''), facial_video), \
        consent = coalesce($11, consent), \
        details_draft = coalesce($12, details_draft) \
    where id = $13";

pub(super) const CLAIM_LIVENESS: &str = "\
    update profiles set \
        claimed_session_id = coalesce(nullif($1, ''), claimed_session_id), \
        claimed_confidence = coalesce($2, claimed_confidence), \
        claimed_status = coalesce(nullif($3, ''), claimed_status), \
        claimed_result = coalesce(nullif($4, ''), claimed_result) \
    where id = $5";

/// A trusted server's word: only what it said changes.
pub(super) const AMEND_LIVENESS: &str = "\
    update profiles set \
        liveness_session_id = coalesce(nullif($1, ''), liveness_session_id), \
        liveness_confidence = coalesce($2, liveness_confidence), \
        liveness_status = coalesce(nullif($3, ''), liveness_status), \
        liveness_confirmed_by = $4 \
    where id = $5";

/// The provider's finding: replaces all that stood.
pub(super) const CONFIRM_LIVENESS: &str = "\
    update profiles set liveness_session_id = $1, liveness_confidence = $2, liveness_status = $3, \
        liveness_confirmed_by = $4 \
    where id = $5";

pub(super) const ADD_STATUS: &str = "\
    insert into status_history (id, profile, updated_by, previous_status, new_status, notes, verification, created) \
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

pub(super) const SHOW_STATUS: &str = "update profiles set recorded_status = $1 where id = $2";

pub(super) const STATUS_RECORDS: &str = "\
    select seq, id, profile, updated_by, previous_status, new_status, notes, verification, created \
    from status_history where profile = $1 and seq < $2 order by seq desc limit $3";

pub(super) const IS_VERIFICATION_OF: &str = "select 1 from verification_history where id = $1 and profile = $2";

pub(super) const ADD_VERIFICATION: &str = "\
    insert into verification_history (id, profile, status, liveness_session_id, liveness_confidence, liveness_status, \
        liveness_confirmed_by, claimed_confidence, claimed_status, document_type, document_number, country, name, \
        address, gender, date_of_birth, fingerprint, fingerprint_status, fingerprint_event, ip_address, facial_photo, \
        document_front, document_back, created_by, created, updated, checks_status, checks_due) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
        $23, $24, $25, $25, $26, $25)";

pub(super) const SHOW_VERIFICATION: &str = "update profiles set newest_verification = $1 where id = $2";

/// For records that come from elsewhere: what is newest by the order of rows.
pub(super) const SETTLE_STATUS: &str = "\
    update profiles set recorded_status = \
        (select new_status from status_history where profile = $1 order by seq desc limit 1) \
    where id = $1";

pub(super) const SETTLE_VERIFICATION: &str = "\
    update profiles set newest_verification = \
        (select id from verification_history where profile = $1 order by seq desc limit 1) \
    where id = $1";

/// Where its files are: what tells it follows from the session's id.
pub(super) const SETTLE_SESSION: &str = "update liveness_sessions set files_id = $1 where id = $2";

macro_rules! verification_columns {
    () => {
        "seq, id, profile, status, liveness_session_id, liveness_confidence, liveness_status, liveness_confirmed_by, \
            claimed_confidence, claimed_status, document_type, document_number, country, name, address, gender, \
            date_of_birth, ip_address, facial_photo, document_front, document_back, created, updated, \
            fingerprint_status, fingerprint_event, checks_status, checks"
    };
}

pub(super) const VERIFICATION_RECORDS: &str = concat!(
    "select ",
    verification_columns!(),
    " from verification_history where profile = $1 and seq < $2 order by seq desc limit $3"
);

/// `checks_due` is the time from which the checks may be run. A claim moves it on, so that no two run them at once, and
/// what a server that died had claimed comes back.
pub(super) const CLAIM_CHECKS: &str = "\
    update verification_history set checks_due = $1, checks_attempts = coalesce(checks_attempts, 0) + 1 where id in \
        (select id from verification_history where checks_status = 'pending' and checks_due <= $2 \
        order by checks_due limit 1";
pub(super) const CLAIMED_CHECKS: &str = concat!(") returning ", verification_columns!(), ", checks_attempts");

/// The attempt does not count: it was not the record's fault.
pub(super) const POSTPONE_CHECKS: &str = "\
    update verification_history set checks_due = $1, checks_attempts = checks_attempts - 1 \
    where id = $2 and checks_status = 'pending'";

pub(super) const KEEP_CHECKS: &str = "\
    update verification_history set checks_status = $1, checks = $2, face_templates = $3, updated = $4 \
    where id = $5 and checks_status = 'pending'";

pub(super) const PROFILE_FILE_OWNER: &str = "\
    select id from profiles where id = $1 and team = coalesce($2, team) \
        and $3 in (document_front, document_back, facial_photo, facial_video)";

pub(super) const VERIFICATION_FILE_OWNER: &str = "\
    select v.profile from verification_history v join profiles p on p.id = v.profile \
    where v.id = $1 and p.team = coalesce($2, p.team) and $3 in (v.facial_photo, v.document_front, v.document_back)";

pub(super) const SESSION_FILE_OWNER: &str = "\
    select p.id from liveness_sessions s join profiles p on p.id = s.profile \
    where s.files_id = $1 and p.team = coalesce($2, p.team) \
        and $3 in (s.reference_image, s.audit_image_1, s.audit_image_2, s.audit_image_3, s.audit_image_4)";

pub(super) const ADD_SESSION: &str = "\
    insert into liveness_sessions (id, profile, team, status, confidence, expires, files_id, details) \
    values ($1, $2, $3, $4, $5, $6, $7, $8)";

macro_rules! session_columns {
    () => {
        "select id, profile, status, confidence, expires, used_by, details, reference_image, audit_image_1, \
            audit_image_2, audit_image_3, audit_image_4, team from liveness_sessions where "
    };
}

pub(super) const SESSION: &str = concat!(session_columns!(), "id = $1");

pub(super) const OPEN_SESSIONS: &str =
    concat!(session_columns!(), "expires > $1 and status in ('CREATED', 'IN_PROGRESS')");

pub(super) const UPDATE_SESSION: &str = "\
    update liveness_sessions set status = $1, confidence = $2, details = $3, reference_image = $4, \
        audit_image_1 = $5, audit_image_2 = $6, audit_image_3 = $7, audit_image_4 = $8 \
    where id = $9 and status not in ('SUCCEEDED', 'FAILED')";

/// Of all who begin a session at once one does.
pub(super) const BEGIN_SESSION: &str =
    "update liveness_sessions set status = 'IN_PROGRESS' where id = $1 and status = 'CREATED' and expires > $2";

pub(super) const ADD_FRAME: &str =
    "insert into liveness_frames (id, session, created) values ($1, $2, $3) on conflict (id) do nothing";

pub(super) const KEEP_IMPRINT: &str =
    "update liveness_frames set imprint_key = $1, imprint = $2 where id = $3 and session = $4";

/// The sessions of frames of a key or of its mirror image's, the newest first.
pub(super) const SESSIONS_OF_KEYS: &str = "\
    select session from liveness_frames where imprint_key in ($1, $2) and session <> $3 order by seq desc limit $4";

pub(super) const IMPRINTS: &str = "select imprint from liveness_frames where session = $1 and imprint <> ''";

pub(super) const SESSIONS_OF_PROFILE: &str = concat!(session_columns!(), "profile = $1 and expires > $2");

pub(super) const UNUSED_SESSIONS: &str = concat!(
    session_columns!(),
    "profile = $1 and expires > $2 and status = 'SUCCEEDED' and used_by = '' order by expires desc limit 50"
);

pub(super) const USE_SESSION: &str = "update liveness_sessions set used_by = $1 where id = $2 and used_by = ''";

pub(super) const SETTINGS: &str = "select key, value, public from settings order by key";

pub(super) const PUT_SETTING: &str = "\
    insert into settings (key, value, public, updated) values ($1, $2, $3, $4) \
    on conflict (key) do update set value = excluded.value, public = excluded.public, updated = excluded.updated";

pub(super) const DELETE_SETTING: &str = "delete from settings where key = $1";

pub(super) const ADD_EVENT: &str = "\
    insert into events (id, at, kind, actor, profile, request_id, detail) values ($1, $2, $3, $4, $5, $6, $7)";

pub(super) const OPEN_INTENT: &str = "\
    insert into file_intents (mark, collection, record, name, doomed, created) values ($1, $2, $3, $4, $5, $6)";

/// Only an intent that the sweeper has not taken can be cleared: else the record would name files about to go.
pub(super) const CLEAR_INTENT: &str = "delete from file_intents where mark = $1 and doomed = 0";

/// Takes up the note that an interrupted copy has left, unless a sweeper is at its files.
pub(super) const REOPEN_INTENT: &str = "\
    update file_intents set created = $1 where mark = $2 and doomed = 0 returning mark, collection, record, name";

pub(super) const IS_NOTED: &str = "select 1 from file_intents where mark = $1";

pub(super) const DOOM_INTENT: &str = "update file_intents set doomed = 1 where mark = $1";

/// Claims that a dead process has left behind among them.
pub(super) const DOOM_INTENTS_BEFORE: &str = "update file_intents set doomed = 1 where created < $1";

/// `doomed` is the time from which a sweeper may take it. A claim moves it on by a minute, so that no two work on the
/// same files, and what a sweeper that died had claimed comes back.
pub(super) const CLAIM_DOOMED: &str = "\
    update file_intents set doomed = $1 where mark in \
        (select mark from file_intents where doomed between 1 and $2 order by created limit 500";
pub(super) const CLAIMED: &str = ") returning mark, collection, record, name";

pub(super) const FORGET_INTENT: &str = "delete from file_intents where mark = $1";

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader};
    use std::process::{Command, Stdio};

    use sqlx::{Connection as _, Executor as _, SqlSafeStr as _};

    use super::super::{archive, lists};
    use super::*;
    use crate::domain::profile::{ProfileFilter, Reach};
    use crate::records::time::Millis;
    use crate::store::archive::Kind;
    use crate::store::postgres::Postgres;
    use crate::store::sqlite::Sqlite;

    /// Constants with their names.
    macro_rules! named {
        ($($constant:ident),* $(,)?) => { [$((stringify!($constant), $constant)),*] };
    }

    const WHOLE: &[(&str, &str)] = &named![
        CREATE_PROFILE,
        PROFILE_OF_USER,
        PROFILE_VIEW,
        PROFILE,
        JOURNEY,
        OFFER_HANDOFF,
        TAKE_HANDOFF,
        CHANGE_PROFILE,
        CLAIM_LIVENESS,
        AMEND_LIVENESS,
        CONFIRM_LIVENESS,
        ADD_STATUS,
        SHOW_STATUS,
        STATUS_RECORDS,
        IS_VERIFICATION_OF,
        ADD_VERIFICATION,
        SHOW_VERIFICATION,
        VERIFICATION_RECORDS,
        PROFILE_FILE_OWNER,
        VERIFICATION_FILE_OWNER,
        SESSION_FILE_OWNER,
        ADD_SESSION,
        SESSION,
        OPEN_SESSIONS,
        UPDATE_SESSION,
        BEGIN_SESSION,
        ADD_FRAME,
        KEEP_IMPRINT,
        SESSIONS_OF_KEYS,
        IMPRINTS,
        SESSIONS_OF_PROFILE,
        UNUSED_SESSIONS,
        USE_SESSION,
        KEEP_CHECKS,
        POSTPONE_CHECKS,
        SETTINGS,
        PUT_SETTING,
        DELETE_SETTING,
        ADD_EVENT,
        OPEN_INTENT,
        CLEAR_INTENT,
        DOOM_INTENT,
        DOOM_INTENTS_BEFORE,
        FORGET_INTENT,
        SETTLE_STATUS,
        SETTLE_VERIFICATION,
        SETTLE_SESSION,
        REOPEN_INTENT,
        IS_NOTED,
    ];
    /// Parts of those that [`composed`] puts together.
    const PARTS: [&str; 8] = [
        "PROFILES",
        "PROFILES_OF_STATUS",
        "PROFILES_ORDER",
        "CLAIM_DOOMED",
        "CLAIMED",
        "CLAIM_CHECKS",
        "CLAIMED_CHECKS",
        "FORGET_FAILURES",
    ];

    /// Statements that are made at run time, at their longest.
    fn composed(dialect: &Dialect) -> Vec<String> {
        let word = || "w".to_owned();
        let filter = ProfileFilter {
            status: word(),
            verification_status: word(),
            country: word(),
            user_id: word(),
            created_after: Some(Millis(1)),
            created_before: Some(Millis(2)),
            q: word(),
        };
        let (search, _) = lists::profiles_query(dialect, &Reach::Team(word()), filter, 1, 1);
        let writable = format!("{PROFILE}{}", dialect.lock);
        let claim = format!("{CLAIM_DOOMED}{}{CLAIMED}", dialect.skip_locked);
        let more = [dialect.create_and_note, dialect.count_within, dialect.count_within.and(Some(FORGET_FAILURES))];
        let copied = Kind::ALL.into_iter().flat_map(|kind| {
            [archive::ids_statement(kind), archive::records_statement(kind, 12), archive::add_statement(kind)]
        });
        let checks = format!("{CLAIM_CHECKS}{}{CLAIMED_CHECKS}", dialect.skip_locked);
        let made = [search, writable, claim, checks].into_iter().chain(copied);
        made.chain(more.into_iter().flatten().map(str::to_owned)).collect()
    }

    /// Every statement that a database of that dialect is sent.
    fn statements(dialect: &Dialect) -> Vec<String> {
        WHOLE.iter().map(|(_, text)| (*text).to_owned()).chain(composed(dialect)).collect()
    }

    /// SQLite numbers `$n` by first appearance and PostgreSQL by n: the text is one for both only if they agree.
    #[test]
    fn placeholders_first_appear_in_order_of_their_number() {
        for statement in statements(&SQLITE).into_iter().chain(composed(&POSTGRES)) {
            let mut highest = 0;
            for piece in statement.split('$').skip(1) {
                let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
                let number: usize = digits.parse().unwrap();
                assert!(number <= highest + 1, "${number} comes too early in: {statement}");
                highest = highest.max(number);
            }
        }
    }

    #[test]
    fn no_statement_is_left_out_of_these_tests() {
        let constants = include_str!("statements.rs").lines().filter_map(|line| line.strip_prefix("pub(super) const "));
        for name in constants.filter_map(|rest| rest.split_once(": &str = ").map(|(name, _)| name)) {
            let tested = WHOLE.iter().any(|(whole, _)| *whole == name) || PARTS.contains(&name);
            assert!(tested, "{name}");
        }
    }

    #[tokio::test]
    async fn every_statement_prepares_on_both_databases() {
        let folder = tempfile::tempdir().unwrap();
        let _store = Sqlite::open(folder.path()).unwrap();
        let sqlite = rusqlite::Connection::open(folder.path().join("identivia.db")).unwrap();
        for statement in statements(&SQLITE) {
            assert!(sqlite.prepare(&statement).is_ok(), "{statement}");
        }

        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/services.sh");
        let mut command = Command::new(script);
        let mut service =
            command.args(["postgres", "--orders"]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(service.stdout.take().unwrap()).lines().map(|line| line.unwrap());
        let url = said.find_map(|line| line.strip_prefix("DATABASE_URL=").map(str::to_owned)).unwrap();
        let _store = Postgres::open(&url, 2).await.unwrap();
        let mut postgres = sqlx::PgConnection::connect(&url).await.unwrap();
        for statement in statements(&POSTGRES) {
            let prepared = postgres.prepare(sqlx::AssertSqlSafe(statement.clone()).into_sql_str()).await;
            assert!(prepared.is_ok(), "{statement}: {:?}", prepared.err());
        }
        drop(service.stdin.take());
        service.wait().unwrap();
    }
}
