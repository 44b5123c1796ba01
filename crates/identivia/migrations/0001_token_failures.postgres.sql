-- Failed token requests, counted over all servers: by a keyed hash of address and client, until the window ends. A server
-- with SQLite is the only one, and counts in memory.
create table token_failures (
    key text primary key,
    count bigint not null,
    ends bigint not null
);
create index token_failures_ends on token_failures (ends);
