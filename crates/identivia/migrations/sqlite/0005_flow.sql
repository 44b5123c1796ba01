-- A person's way through their verification: what they agreed to, how far they are, and on which device they go on.

-- `consent` and `details_draft` are JSON, or empty.
alter table profiles add column consent text not null default '';
alter table profiles add column details_draft text not null default '';
-- Where the person's browser goes when all is done; empty for nowhere.
alter table profiles add column redirect_url text not null default '';
-- The one code with which another device may go on, as a keyed hash, and until when it may be taken. The token that is
-- given for it has the scopes of the one that asked for it, and ends with it.
alter table profiles add column handoff_code text not null default '';
alter table profiles add column handoff_ends bigint not null default 0;
alter table profiles add column handoff_token_ends bigint not null default 0;
alter table profiles add column handoff_scope text not null default '';
create unique index profiles_handoff on profiles (handoff_code) where handoff_code <> '';
