-- Statistics. Events are counted behind the requests that cause them: src/jobs/analytics/ reads them in order.

-- How far each profile has come, so that a step is counted once.
create table analytics_profiles (
    seq integer primary key,
    id text not null unique,
    team text,
    active_at bigint,
    body text not null
);
create index analytics_profiles_active on analytics_profiles (active_at) where active_at is not null;
create index analytics_profiles_team on analytics_profiles (team, active_at) where team is not null and active_at is not null;

-- What was counted on one day, of one team; without a team of all. An answer reads these rows and no others.
create table analytics_days (
    seq integer primary key,
    id text not null unique,
    day bigint not null,
    team text,
    body text not null
);
create index analytics_days_team on analytics_days (team, day);

-- How far the events are counted. A server that counts changes it in the same step: of several servers one counts an event.
create table analytics_progress (
    seq integer primary key,
    id text not null unique,
    updated bigint not null,
    body text not null
);
