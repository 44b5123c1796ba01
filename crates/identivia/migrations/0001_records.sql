-- The tables of the records, one text for SQLite and PostgreSQL. src/store/sql/migrations.rs replaces the three phrases that
-- PostgreSQL writes in another way: the type of `seq`, the name of the collation that compares bytes, and `without rowid`.
--
-- A table has a column for each field that src/records/ flags as `Column`: what is searched, ordered by or unique. All
-- other fields are in `body`, one JSON object; biometric ones are in `biometric`, so that they can be erased alone. No
-- statement looks inside of either. An unknown value is null in a column and absent in JSON. Times are milliseconds since
-- 1970 UTC. `seq` is the order in which rows were made: lists use it, because times can be the same.

create table profiles (
    seq integer primary key,
    id text not null unique,
    -- Both are never null, because a unique index does not compare nulls: '' is the team of a profile without one.
    team text not null,
    user_id text not null,
    name text,
    document_number text,
    country text,
    email text,
    verification_status text,
    -- What the newest status record and the newest verification record say. The transaction that adds a record also writes
    -- them, so that reading a profile needs neither a search nor a second statement.
    recorded_status text,
    newest_status text,
    status_recorded_at bigint,
    newest_verification text,
    submitted_at bigint,
    -- The verification record with which the link has closed for writes.
    closed_by text,
    handoff_code text,
    handoff_ends bigint,
    -- How many events have reported the profile, how many verification records it has, and when its link was first opened.
    event_version bigint,
    attempts bigint,
    started bigint,
    created bigint not null,
    updated bigint not null,
    body text not null
);
-- The userID comes first: it also finds the profiles of a userID in every team.
create unique index profiles_user on profiles (user_id, team);
-- Lists are newest first. A list that leaves a column of its index open reads one row after the other of each value of it
-- (src/store/sql/list_statement.rs): so one index serves a team and all of them, and both kinds of status.
create index profiles_team on profiles (team, created, seq);
-- The status that lists show is the newest record's, else the profile's own.
create index profiles_status on profiles (
    team, coalesce(verification_status, ''), coalesce(recorded_status, verification_status, ''), created, seq);
create index profiles_country on profiles (
    team, country, coalesce(verification_status, ''), coalesce(recorded_status, verification_status, ''), created, seq)
    where country is not null;
-- Creation is here for lists that read nothing else of most rows.
create index profiles_updated on profiles (team, updated, created, seq);
-- A code belongs to one profile.
create unique index profiles_handoff on profiles (handoff_code) where handoff_code is not null;

-- The words by which records are found: of each searched field, in one case, without accents. The rows of a word are in the
-- order of lists, for each team: `created` and `seq` rise, so the rows of a team's frequent word are added at one place of the
-- index. Behind `created`, the team would make a team that lacks a frequent word read the rows of all others.
-- The key is the only index: whoever removes rows knows their words from the record. It begins with the word, because most
-- comparisons of keys end there; the kinds are few.
create table search_tokens (
    token text not null,
    kind text not null,
    -- '' for a record without one.
    team text not null,
    created bigint not null,
    seq bigint not null,
    primary key (token, kind, team, created, seq)
) without rowid;

create table status_history (
    seq integer primary key,
    id text not null unique,
    profile text not null references profiles (id),
    new_status text,
    created bigint not null,
    follows text,
    body text not null
);
create index status_history_profile on status_history (profile, seq);
-- Of two steps of a link that start from the same record, one is stored.
create unique index status_history_follows on status_history (profile, follows) where follows is not null;

create table verification_history (
    seq integer primary key,
    id text not null unique,
    profile text not null references profiles (id),
    created bigint not null,
    updated bigint not null,
    checks_status text,
    checks_due bigint,
    session_claim text,
    body text not null,
    biometric text
);
create index verification_history_profile on verification_history (profile, seq);
-- Finds due checks. `checks_status` is a column of the index, not its condition: the planner cannot compare a condition
-- with a bound value, and a completed record keeps its `checks_due`.
create index verification_history_checks on verification_history (checks_status, checks_due)
    where checks_due is not null;
-- A liveness session serves one record.
create unique index verification_history_session on verification_history (session_claim)
    where session_claim is not null;

-- The id of a session is the provider's, of any form. Its files are stored under `files_id`.
create table liveness_sessions (
    seq integer primary key,
    id text not null unique,
    profile text,
    status text not null,
    expires bigint not null,
    poll_due bigint,
    used_by text,
    files_id text not null,
    body text not null
);
create index liveness_sessions_profile on liveness_sessions (profile, expires);
create index liveness_sessions_expires on liveness_sessions (expires);
create index liveness_sessions_files on liveness_sessions (files_id);
-- Finds sessions to poll.
create index liveness_sessions_polls on liveness_sessions (poll_due) where poll_due is not null;

-- Frames that have been judged. The id is the hash of the pixels: a frame that comes again is a replay. Similar frames
-- mostly share their `imprint_key`.
create table liveness_frames (
    seq integer primary key,
    id text not null unique,
    session text not null,
    imprint_key text,
    created bigint not null,
    body text not null,
    biometric text
);
create index liveness_frames_key on liveness_frames (imprint_key, seq);
create index liveness_frames_session on liveness_frames (session);

create table settings (
    seq integer primary key,
    -- Lists order by it, the same in both databases.
    key text collate binary not null unique,
    updated bigint not null,
    body text not null
);

-- Machine clients that were made through the API. The id follows from the client's own. Of secrets the hashes are in `body`.
create table clients (
    seq integer primary key,
    id text not null unique,
    created bigint not null,
    updated bigint not null,
    body text not null
);

-- Machine tokens that their clients have ended before their time, until that time. The id follows from the token's `jti`.
create table revoked_tokens (
    seq integer primary key,
    id text not null unique,
    client text not null,
    expires bigint not null,
    created bigint not null,
    body text not null
);
create index revoked_tokens_client on revoked_tokens (client, expires);
create index revoked_tokens_expires on revoked_tokens (expires);

-- The audit trail: names of fields, never what a person sent.
create table audit_events (
    seq integer primary key,
    id text not null unique,
    at bigint not null,
    kind text not null,
    actor text,
    profile text,
    -- The team of the profile.
    team text,
    object_id text,
    address text,
    body text not null
);
-- Lists are by time: each filter has an index in that order. Events of one millisecond are in the order of their commits.
-- Kinds are few: a list of every kind reads the rows of each in turn.
create index audit_events_at on audit_events (at, seq);
create index audit_events_kind on audit_events (coalesce(team, ''), kind, at, seq);
create index audit_events_actor on audit_events (actor, kind, at, seq) where actor is not null;
create index audit_events_profile on audit_events (profile, at, seq) where profile is not null;
create index audit_events_object on audit_events (object_id, at, seq) where object_id is not null;
create index audit_events_address on audit_events (address, kind, at, seq) where address is not null;

-- What happened, in the order in which it was committed: webhooks and `GET /api/events` read it. PostgreSQL has a column
-- more (0001_outbox.postgres.sql), because its `seq` is not that order.
create table outbox_events (
    seq integer primary key,
    id text not null unique,
    event_type text not null,
    team text,
    profile text,
    created bigint not null,
    body text not null
);

-- A reader of one profile, and one of a team or of some types. PostgreSQL has its own, in the order of commits.
create index outbox_events_profile on outbox_events (profile, seq) where profile is not null;
create index outbox_events_team on outbox_events (coalesce(team, ''), event_type, seq);

-- Files that may be stored without a record: an upload under way (all names that carry the mark), or a replaced file (one
-- name). From `removable_from` on the sweeper may remove them; such an upload can no longer be recorded.
create table file_intents (
    seq integer primary key,
    mark text not null unique,
    removable_from bigint,
    created bigint not null,
    body text not null
);

-- Keys of requests that may be repeated, for a day, and the receipts of their work. A receipt is inserted in the commit of
-- the work and its id is drawn with the key, so that no repetition writes again. Answers in `body` are encrypted with a key that
-- only the caller's idempotency key gives.
create table idempotency_keys (
    seq integer primary key,
    id text not null unique,
    -- Who has sent the key; null for a receipt.
    holder text,
    attempt text,
    created bigint not null,
    expires bigint not null,
    body text not null
);
create index idempotency_keys_holder on idempotency_keys (holder, expires) where holder is not null;
create index idempotency_keys_expires on idempotency_keys (expires);
