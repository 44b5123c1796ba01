-- Finds the reviews of a filter without a look at each that is open.
-- The team comes first: a reviewer's list is of their teams.
create index reviews_country on reviews (coalesce(team, ''), country, state, due_at, seq);
create index reviews_document_type on reviews (coalesce(team, ''), document_type, state, due_at, seq);
drop index reviews_profile;
create index reviews_profile on reviews (profile, state, due_at, seq);
-- Counts the open ones by their age. The time comes first: with the state first, SQLite would take it for the queue, which has
-- another order.
create index reviews_created on reviews (created, state, claim_until);
