-- What the providers found, kept when they forget it.

-- `team` is that of whoever made it: it decides who reaches a session that names no profile.
alter table liveness_sessions add column team text not null default '';
-- `files_id` is the id under which a session's files are kept: its own is the provider's, in whatever form. `details` is
-- JSON: the challenge, what stood in the way of a good picture, and where the face is in each image.
alter table liveness_sessions add column files_id text not null default '';
alter table liveness_sessions add column details text not null default '';
alter table liveness_sessions add column reference_image text not null default '';
alter table liveness_sessions add column audit_image_1 text not null default '';
alter table liveness_sessions add column audit_image_2 text not null default '';
alter table liveness_sessions add column audit_image_3 text not null default '';
alter table liveness_sessions add column audit_image_4 text not null default '';
create index liveness_sessions_files on liveness_sessions (files_id);
create index liveness_sessions_expires on liveness_sessions (expires);

-- What Fingerprint says of the visitor data beside it: a word of ours, and its event as JSON.
alter table verification_history add column fingerprint_status text not null default '';
alter table verification_history add column fingerprint_event text not null default '';
