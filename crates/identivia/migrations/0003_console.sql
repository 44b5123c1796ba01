-- People who sign in to the console. The secrets in `body` are hashed, or sealed with the system key.
create table console_users (
    seq integer primary key,
    id text not null unique,
    email text not null,
    role text not null,
    status text not null,
    created bigint not null,
    updated bigint not null,
    body text not null
);
create unique index console_users_email on console_users (email);

-- The id follows from the hash of the cookie's value.
create table console_sessions (
    seq integer primary key,
    id text not null unique,
    console_user text not null,
    began bigint not null,
    last_seen bigint not null,
    body text not null
);
create index console_sessions_user on console_sessions (console_user, seq);
create index console_sessions_began on console_sessions (began);

-- Links that are used once: for the first user, for invited users, and to set a new password.
create table console_links (
    seq integer primary key,
    id text not null unique,
    hash text not null,
    console_user text,
    expires bigint not null,
    body text not null
);
create unique index console_links_hash on console_links (hash);
create index console_links_user on console_links (console_user) where console_user is not null;
