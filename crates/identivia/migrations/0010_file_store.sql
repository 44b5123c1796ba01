-- The file store that belongs to these records: one row. The store holds the same marker. Until hold_until no file is removed.
create table file_store (
    name text primary key,
    marker text not null,
    confirmed bigint not null,
    hold_until bigint not null
);
