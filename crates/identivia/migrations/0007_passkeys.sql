-- Challenges that wait for the answer of a passkey. The id follows from the challenge.
create table console_challenges (
    seq integer primary key,
    id text not null unique,
    holder text not null,
    expires bigint not null,
    body text not null
);
create index console_challenges_holder on console_challenges (holder, expires);
create index console_challenges_expires on console_challenges (expires);

-- Whose a passkey is: a passkey belongs to one user. The id follows from the credential's; the rest is in console_users.
create table console_credentials (
    seq integer primary key,
    id text not null unique,
    console_user text not null,
    body text not null
);
