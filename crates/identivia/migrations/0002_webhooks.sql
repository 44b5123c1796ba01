-- Where events are sent. The secrets in `body` are sealed with the system key.
create table webhook_endpoints (
    seq integer primary key,
    id text not null unique,
    team text,
    created bigint not null,
    updated bigint not null,
    body text not null
);

-- One event for one endpoint. The id follows from both. Deliveries with the state `due` are a queue.
create table webhook_deliveries (
    seq integer primary key,
    id text not null unique,
    endpoint text not null,
    event_type text not null,
    profile text,
    state text not null,
    due_at bigint,
    created bigint not null,
    finished bigint,
    body text not null
);
-- A claim skips endpoints that are busy or paused: the endpoint is read from the index.
create index webhook_deliveries_due on webhook_deliveries (state, due_at, endpoint);
create index webhook_deliveries_endpoint on webhook_deliveries (endpoint, event_type, seq);
-- Endpoints that want the events of a profile one after the other.
create index webhook_deliveries_profile on webhook_deliveries (profile, endpoint, state) where profile is not null;
create index webhook_deliveries_finished on webhook_deliveries (finished) where finished is not null;

create table webhook_attempts (
    seq integer primary key,
    id text not null unique,
    delivery text not null,
    at bigint not null,
    body text not null
);
create index webhook_attempts_delivery on webhook_attempts (delivery, seq);
create index webhook_attempts_at on webhook_attempts (at);

-- How far the dispatcher has come, and how each endpoint that fails is doing.
create table delivery_progress (
    seq integer primary key,
    id text not null unique,
    updated bigint not null,
    body text not null
);
