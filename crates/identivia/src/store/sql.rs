//! The statements, one text for every SQL database: `$1` placeholders in order of their number, text ids, millisecond
//! times, `returning`, `on conflict`.

/// The status shown: the newest record's, else the profile's own.
macro_rules! shown_status {
    () => {
        "case when recorded_status = '' then verification_status else recorded_status end"
    };
}

pub(super) const CREATE_PROFILE: &str = "\
    insert into profiles (id, team, user_id, name, document_type, document_number, country, phone_number, email, \
        security_level, gender, ip_address, language, verification_status, created, updated) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, 'unverified', $14, $14) \
    on conflict (team, user_id) do nothing";

pub(super) const PROFILE_OF_USER: &str = "select id from profiles where team = $1 and user_id = $2";

pub(super) const PROFILE_VIEW: &str = "\
    select p.name, p.document_type, p.document_number, p.country, p.language, p.verification_status, \
        p.recorded_status, p.security_level, p.created, \
        v.id, v.status, v.liveness_session_id, v.liveness_confidence, v.liveness_status, v.document_type, v.name, \
        v.document_number, v.country, v.created, v.updated \
    from profiles p left join verification_history v on v.id = p.newest_verification \
    where p.id = $1 and ($2 is null or p.team = $2)";

pub(super) const PROFILE: &str = "\
    select id, team, verification_status, recorded_status, document_type, document_number, document_name, country, \
        document_front, document_back, facial_photo, facial_video, updated \
    from profiles where id = $1 and ($2 is null or team = $2)";

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
        facial_video = coalesce(nullif($10, ''), facial_video) \
    where id = $11";

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
        address, gender, date_of_birth, fingerprint, ip_address, facial_photo, document_front, document_back, \
        created_by, created, updated) \
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, \
        $23, $23)";

pub(super) const SHOW_VERIFICATION: &str = "update profiles set newest_verification = $1 where id = $2";

pub(super) const VERIFICATION_RECORDS: &str = "\
    select seq, id, profile, status, liveness_session_id, liveness_confidence, liveness_status, \
        liveness_confirmed_by, claimed_confidence, claimed_status, document_type, document_number, country, name, \
        address, gender, date_of_birth, ip_address, facial_photo, document_front, document_back, created, updated \
    from verification_history where profile = $1 and seq < $2 order by seq desc limit $3";

pub(super) const PROFILE_FILE_OWNER: &str = "\
    select id from profiles where id = $1 and ($2 is null or team = $2) \
        and $3 in (document_front, document_back, facial_photo, facial_video)";

pub(super) const VERIFICATION_FILE_OWNER: &str = "\
    select v.profile from verification_history v join profiles p on p.id = v.profile \
    where v.id = $1 and ($2 is null or p.team = $2) and $3 in (v.facial_photo, v.document_front, v.document_back)";

pub(super) const ADD_SESSION: &str =
    "insert into liveness_sessions (id, profile, status, confidence, expires) values ($1, $2, $3, $4, $5)";

pub(super) const SESSION: &str =
    "select id, profile, status, confidence, expires, used_by from liveness_sessions where id = $1";

pub(super) const UPDATE_SESSION: &str = "\
    update liveness_sessions set status = $1, confidence = $2 \
    where id = $3 and status not in ('SUCCEEDED', 'FAILED')";

pub(super) const USE_SESSION: &str = "update liveness_sessions set used_by = $1 where id = $2 and used_by = ''";

pub(super) const SETTINGS: &str = "select key, value, public from settings order by key";

pub(super) const PUT_SETTING: &str = "\
    insert into settings (key, value, public, updated) values ($1, $2, $3, $4) \
    on conflict (key) do update set value = excluded.value, public = excluded.public, updated = excluded.updated";

pub(super) const DELETE_SETTING: &str = "delete from settings where key = $1";

pub(super) const ADD_EVENT: &str = "\
    insert into events (at, kind, actor, profile, request_id, detail) values ($1, $2, $3, $4, $5, $6)";

pub(super) const OPEN_INTENT: &str = "\
    insert into file_intents (mark, collection, record, name, doomed, created) values ($1, $2, $3, $4, $5, $6)";

/// Only an intent that the sweeper has not taken can be cleared: else the record would name files about to go.
pub(super) const CLEAR_INTENT: &str = "delete from file_intents where mark = $1 and doomed = 0";

pub(super) const DOOM_INTENT: &str = "update file_intents set doomed = 1 where mark = $1";

pub(super) const DOOM_INTENTS_BEFORE: &str = "update file_intents set doomed = 1 where doomed = 0 and created < $1";

pub(super) const DOOMED_INTENTS: &str =
    "select mark, collection, record, name from file_intents where doomed = 1 order by created limit 500";

pub(super) const FORGET_INTENT: &str = "delete from file_intents where mark = $1";

#[cfg(test)]
mod tests {
    use super::*;

    /// SQLite numbers `$n` by first appearance and PostgreSQL by n: the text is one for both only if they agree.
    #[test]
    fn placeholders_first_appear_in_order_of_their_number() {
        let statements = [
            CREATE_PROFILE,
            PROFILE_OF_USER,
            PROFILE_VIEW,
            PROFILE,
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
            ADD_SESSION,
            SESSION,
            UPDATE_SESSION,
            USE_SESSION,
            SETTINGS,
            PUT_SETTING,
            DELETE_SETTING,
            ADD_EVENT,
            OPEN_INTENT,
            CLEAR_INTENT,
            DOOM_INTENT,
            DOOM_INTENTS_BEFORE,
            DOOMED_INTENTS,
            FORGET_INTENT,
            CHANGE_PROFILE,
        ];
        for statement in statements {
            let mut highest = 0;
            for piece in statement.split('$').skip(1) {
                let digits: String = piece.chars().take_while(char::is_ascii_digit).collect();
                let number: usize = digits.parse().unwrap();
                assert!(number <= highest + 1, "${number} comes too early in: {statement}");
                highest = highest.max(number);
            }
        }
    }
}
