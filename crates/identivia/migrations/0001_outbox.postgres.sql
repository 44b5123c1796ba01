-- A transaction may draw a smaller `seq` than another one and commit after it. Readers go by `xid` instead, and only up to the
-- oldest transaction that is still open: so no event appears behind what they have read.
--
-- A transaction may also get its id before it waits for the profile that another one has locked. Its events take the `xid` of
-- the profile's newest event then: so the events of a profile are in the order of their versions.
alter table outbox_events add column xid xid8 not null default pg_current_xact_id();
drop index outbox_events_profile;
drop index outbox_events_team;
create index outbox_events_order on outbox_events (xid, seq);
create index outbox_events_profile on outbox_events (profile, xid, seq);
create index outbox_events_team on outbox_events (coalesce(team, ''), event_type, xid, seq);

create function keep_order_of_profile() returns trigger language plpgsql as $body$
begin
    new.xid := greatest(
        new.xid, (select e.xid from outbox_events e where e.profile = new.profile order by e.xid desc limit 1));
    return new;
end
$body$;
create trigger outbox_events_keep_order before insert on outbox_events
    for each row execute function keep_order_of_profile();
