-- Verification records that a person looks at. A claim that has ended still says so here: readers compare its time.
create table reviews (
    seq integer primary key,
    id text not null unique,
    team text,
    profile text not null,
    verification text not null,
    state text not null,
    due_at bigint not null,
    assignee text,
    claim_until bigint,
    decide_due bigint,
    decided_at bigint,
    country text,
    document_type text,
    version bigint not null,
    created bigint not null,
    updated bigint not null,
    body text not null
);
-- A verification record has one review.
create unique index reviews_verification on reviews (verification);
create index reviews_profile on reviews (profile, seq);
create index reviews_state on reviews (state, due_at, seq);
create index reviews_team on reviews (team, state, due_at, seq);
create index reviews_assignee on reviews (assignee, state, due_at) where assignee is not null;
-- Finds decisions that take effect.
create index reviews_decisions on reviews (state, decide_due) where decide_due is not null;

create table review_notes (
    seq integer primary key,
    id text not null unique,
    review text not null,
    at bigint not null,
    body text not null
);
create index review_notes_review on review_notes (review, seq);
