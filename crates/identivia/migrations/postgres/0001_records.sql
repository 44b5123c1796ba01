-- Times are milliseconds since 1970 UTC. Empty text means unknown; numbers that may be unknown are null. `seq` is the
-- order in which rows were made, which lists go by: times can be the same.

create table profiles (
    seq bigint generated always as identity primary key,
    id text not null unique,
    team text not null,
    user_id text not null,
    name text not null,
    document_type text not null,
    document_number text not null,
    document_name text not null default '',
    country text not null,
    phone_number text not null,
    email text not null,
    security_level text not null,
    gender text not null,
    ip_address text not null,
    language text not null,
    verification_status text not null,
    -- new_status of the newest status record, and the id of the newest verification record. Both are written in the
    -- transaction that adds the record, so that reading a profile needs neither a search nor a second statement.
    recorded_status text not null default '',
    newest_verification text not null default '',
    -- What counts of liveness, and what a caller claimed.
    liveness_session_id text not null default '',
    liveness_confidence double precision,
    liveness_status text not null default '',
    liveness_confirmed_by text not null default '',
    claimed_session_id text not null default '',
    claimed_confidence double precision,
    claimed_status text not null default '',
    claimed_result text not null default '',
    document_front text not null default '',
    document_back text not null default '',
    facial_photo text not null default '',
    facial_video text not null default '',
    created bigint not null,
    updated bigint not null
);
create unique index profiles_team_user on profiles (team, user_id);
create index profiles_team on profiles (team, seq);
create index profiles_status on profiles
    ((case when recorded_status = '' then verification_status else recorded_status end), seq);

create table status_history (
    seq bigint generated always as identity primary key,
    id text not null unique,
    profile text not null references profiles (id),
    updated_by text not null,
    previous_status text not null,
    new_status text not null,
    notes text not null,
    verification text not null,
    created bigint not null
);
create index status_history_profile on status_history (profile, seq);

create table verification_history (
    seq bigint generated always as identity primary key,
    id text not null unique,
    profile text not null references profiles (id),
    status text not null,
    liveness_session_id text not null,
    liveness_confidence double precision,
    liveness_status text not null,
    liveness_confirmed_by text not null,
    claimed_confidence double precision,
    claimed_status text not null,
    document_type text not null,
    document_number text not null,
    country text not null,
    name text not null,
    address text not null,
    gender text not null,
    date_of_birth text not null,
    fingerprint text not null,
    ip_address text not null,
    facial_photo text not null,
    document_front text not null,
    document_back text not null,
    created_by text not null,
    created bigint not null,
    updated bigint not null
);
create index verification_history_profile on verification_history (profile, seq);

-- A session is the provider's; we remember whose it is and which record it served.
create table liveness_sessions (
    id text primary key,
    profile text not null,
    status text not null,
    confidence double precision,
    expires bigint not null,
    used_by text not null default ''
);

create table settings (
    key text collate "C" primary key,
    value text not null,
    public bigint not null,
    updated bigint not null
);

-- The audit trail: names of fields, never what a person sent.
create table events (
    seq bigint generated always as identity primary key,
    id text not null unique,
    at bigint not null,
    kind text not null,
    actor text not null,
    profile text not null,
    request_id text not null,
    detail text not null
);
create index events_profile on events (profile, seq);

-- Files that may be stored without a record: an upload under way (all names that carry the mark), or a replaced file (one
-- name). Doomed ones are a sweeper's from the time in `doomed` on (0: not doomed); an upload whose intent is doomed can no
-- longer be recorded.
create table file_intents (
    mark text primary key,
    collection text not null,
    record text not null,
    name text not null,
    doomed bigint not null,
    created bigint not null
);

-- Failed token requests, counted over all servers: by a keyed hash of address and client, until the window ends.
create table token_failures (
    key text primary key,
    count bigint not null,
    ends bigint not null
);
create index token_failures_ends on token_failures (ends);
