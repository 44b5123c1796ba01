-- Signing in to the console with OpenID Connect.

-- Who a user is at a provider. The id follows from issuer and subject, so that two users cannot have the same.
create table console_identities (
    seq integer primary key,
    id text not null unique,
    console_user text not null,
    body text not null
);
create unique index console_identities_user on console_identities (console_user);

-- Sign-ins that are under way. The id follows from the parameter `state`; a row is used once.
create table console_sign_ins (
    seq integer primary key,
    id text not null unique,
    address text not null,
    expires bigint not null,
    body text not null
);
create index console_sign_ins_address on console_sign_ins (address);
create index console_sign_ins_expires on console_sign_ins (expires);
