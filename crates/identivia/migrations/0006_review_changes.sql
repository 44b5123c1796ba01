-- Finds the reviews that have changed last.
create index reviews_updated on reviews (updated, seq);
