-- What was found out after a record was made, and what was shown before a camera.

-- `checks` is JSON. `checks_due` is the time from which the checks may be run: a claim moves it on, and counts. A record
-- made before this has no checks and gets none. `face_templates` is JSON, empty unless templates are kept.
alter table verification_history add column checks_status text not null default '';
alter table verification_history add column checks text not null default '';
alter table verification_history add column checks_due bigint not null default 0;
alter table verification_history add column checks_attempts double precision;
alter table verification_history add column face_templates text not null default '';
create index verification_history_checks on verification_history (checks_due) where checks_status = 'pending';

create index liveness_sessions_profile on liveness_sessions (profile, expires);

-- Frames that have been judged, by their hash: one that comes again is a replay.
create table liveness_frames (
    seq bigint generated always as identity primary key,
    id text not null unique,
    session text not null,
    created bigint not null
);
