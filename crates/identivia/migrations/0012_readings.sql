-- What the local engines read on the pictures of a profile's document. Rows are few for each profile, and go with it.
create table document_readings (
    seq integer primary key,
    id text not null unique,
    profile text not null,
    created bigint not null,
    expires bigint not null,
    body text not null,
    biometric text
);
create index document_readings_profile on document_readings (profile, seq);
create index document_readings_expires on document_readings (expires);
