//! Reviews: made with their verification record, read, listed and changed. Each change names the version that it was made
//! from: of two that start from the same one is stored.

use serde_json::{Value, json};

use super::{
    Commit, Comparison, Condition, HolderQuota, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result,
    Store, WriteOutcome, fields_of, parse_record,
};
use crate::domain::resubmission::is_resubmission;
use crate::domain::review::{MAX_CLAIMS, MAX_NOTES, ReviewFilter, StateFilter, finding_word};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::review::{Review, ReviewNote, ReviewOutcome, ReviewState};
use crate::records::status_record::StatusRecord;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::records::{FieldMap, RecordKind};

/// Fields that a change of a review never touches: those that never change, and what the checks note.
const FIXED_FIELDS: [&str; 9] =
    ["id", "team", "profile", "verification", "created", "country", "document_type", "findings", "finding_words"];
/// The most profiles that a search for reviews looks at: those that match and were made last.
const SEARCHED_PROFILES: usize = 100;
/// The most open reviews of one profile that are read at once. There is one, unless a client makes more.
const OPEN_OF_PROFILE: usize = 20;
/// The most due reviews that a claim of the next one tries.
const TRIED_AT_ONCE: usize = 16;

/// When reviews were made that are counted: at any time where nothing is named.
#[derive(Clone, Copy, Default)]
pub struct MadeBetween {
    pub after: Option<Millis>,
    pub until: Option<Millis>,
}

impl dyn Store + '_ {
    /// Reads a review within reach.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn review(&self, id: RecordId, reach: &Reach) -> Result<Option<Review>> {
        self.read_one(Query::by_key(RecordKind::Reviews, id.as_str()).within(reach)).await
    }

    /// Reads the review of a verification record.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn review_of_record(&self, verification: RecordId) -> Result<Option<Review>> {
        if !self.keeps_reviews() {
            return Ok(None);
        }
        let of_record = Comparison::Is(verification.as_str().into());
        self.read_one(Query::of_kind(RecordKind::Reviews).filter("verification", of_record)).await
    }

    /// Reads the newest reviews of a profile.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn reviews_of_profile(&self, profile: RecordId, limit: usize) -> Result<Vec<Review>> {
        if !self.keeps_reviews() {
            return Ok(Vec::new());
        }
        self.read_all(of_profile(profile).ordered(Order::Newest).limited(limit)).await
    }

    /// Lists reviews within reach, those that are due first; of those that are over the newest.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_reviews(
        &self,
        reach: &Reach,
        filter: &ReviewFilter,
        now: Millis,
        page: &PageRequest,
    ) -> Result<Page<Review>> {
        let Some(query) = self.filtered_reviews(reach, filter, now).await? else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let are_over = !filter.states.is_empty() && filter.states.iter().all(|state| state.is_over());
        let order = if are_over { Order::Descending("due_at") } else { Order::Ascending("due_at") };
        self.read_page(query.ordered(order), page).await
    }

    /// Counts reviews, up to that many.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_reviews(
        &self,
        reach: &Reach,
        filter: &ReviewFilter,
        made: MadeBetween,
        now: Millis,
        most: usize,
    ) -> Result<usize> {
        let Some(mut query) = self.filtered_reviews(reach, filter, now).await? else { return Ok(0) };
        // In the order of an index, so that the database stops at the limit.
        query = query.ordered(Order::Ascending("due_at"));
        if let Some(after) = made.after {
            query = query.filter("created", Comparison::After(after)).ordered(Order::Ascending("created"));
            query.index = Some("reviews_created");
        }
        if let Some(until) = made.until {
            query = query.filter("created", Comparison::Until(until));
        }
        Ok(self.read(Query { keys_only: true, ..query.limited(most) }).await?.len())
    }

    /// The query of a filter; `None` where nothing can match.
    pub(super) async fn filtered_reviews(
        &self,
        reach: &Reach,
        filter: &ReviewFilter,
        now: Millis,
    ) -> Result<Option<Query>> {
        let mut query = Query::of_kind(RecordKind::Reviews).within(reach);
        if let Some(states) = StateFilter::of_shown(&filter.states) {
            let stored = states.stored.iter().map(|state| state.word().into()).collect();
            query = query.filter("state", Comparison::In(stored));
            query = match states.claims_are_good {
                Some(true) => query.filter("claim_until", Comparison::AfterOrUnknown(now)),
                Some(false) => query.filter("claim_until", Comparison::UntilOrUnknown(now)),
                None => query,
            };
        }
        let exact = [
            ("team", &filter.team),
            ("assignee", &filter.assignee),
            ("country", &filter.country),
            ("document_type", &filter.document_type),
        ];
        for (column, wanted) in exact {
            if let Some(wanted) = wanted {
                query = query.filter(column, Comparison::Is(wanted.as_str().into()));
            }
        }
        if let Some(before) = filter.due_before {
            query = query.filter("due_at", Comparison::Before(before));
        }
        query.search = filter.finding.as_deref().map(finding_word);
        if let Some(words) = &filter.q {
            let profiles = self.search_profiles(reach, words).await?;
            if profiles.is_empty() {
                return Ok(None);
            }
            query = query.filter("profile", Comparison::In(profiles));
        }
        Ok(Some(query))
    }

    /// The ids of the newest profiles with these words.
    async fn search_profiles(&self, reach: &Reach, words: &str) -> Result<Vec<Value>> {
        let query = Query::of_kind(RecordKind::Profiles).ordered(Order::Newest).within(reach);
        let query = Query { search: Some(words.to_owned()), keys_only: true, ..query.limited(SEARCHED_PROFILES) };
        let found = self.read(query).await?;
        let id = |json: &str| Ok(parse_record::<FieldMap>(json)?.get("id").cloned().unwrap_or_default());
        found.iter().map(|stored| id(&stored.json)).collect()
    }

    /// The reviews that have changed last, the newest change first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn newest_review_changes(&self, limit: usize) -> Result<Vec<Review>> {
        self.read_all(Query::of_kind(RecordKind::Reviews).ordered(Order::Descending("updated")).limited(limit)).await
    }

    /// The reviews that are overdue, of all teams.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn overdue_reviews(&self, now: Millis, limit: usize) -> Result<Vec<Review>> {
        if !self.keeps_reviews() {
            return Ok(Vec::new());
        }
        let undecided = [ReviewState::Open, ReviewState::Claimed, ReviewState::SecondLook, ReviewState::Escalated];
        let undecided = undecided.map(|state| state.word().into()).to_vec();
        let query = Query::of_kind(RecordKind::Reviews)
            .filter("state", Comparison::In(undecided))
            .filter("due_at", Comparison::Before(now));
        self.read_all(query.ordered(Order::Descending("due_at")).limited(limit)).await
    }

    /// The reviews that are free and due first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn next_reviews(&self, reach: &Reach, team: Option<String>, now: Millis) -> Result<Vec<Review>> {
        let filter = ReviewFilter { states: vec![ReviewState::Open], team, ..ReviewFilter::default() };
        let page = PageRequest { limit: TRIED_AT_ONCE, cursor: None };
        Ok(self.list_reviews(reach, &filter, now, &page).await?.items)
    }

    /// Says whether that user holds a review of that profile now.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn holds_review_of(&self, profile: RecordId, holder: &str, now: Millis) -> Result<bool> {
        if !self.keeps_reviews() {
            return Ok(false);
        }
        let query = of_profile(profile)
            .filter("assignee", Comparison::Is(holder.into()))
            .filter("state", Comparison::Is(ReviewState::Claimed.word().into()))
            .filter("claim_until", Comparison::After(now));
        Ok(!self.read(Query { keys_only: true, ..query.limited(1) }).await?.is_empty())
    }

    /// Adds a review; refused if its verification record has one.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_review(&self, review: &Review, event: &AuditEvent) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.insert(review, IfExists::Refuse(Refusal::AlreadyExists))?;
        commit.insert(event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Changes a review that was read before, unless it has changed since. Returns it as it is stored then. A
    /// change that gives it to another holder is refused if that one has as many as is allowed.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn change_review(
        &self,
        before: &Review,
        after: Review,
        event: &AuditEvent,
        note: Option<&ReviewNote>,
    ) -> Result<WriteOutcome<Review>> {
        let after = Review { version: before.version + 1, updated: event.at, ..after };
        let is_claim = after.state == ReviewState::Claimed && after.claim_id != before.claim_id;
        let holder = after.assignee.as_deref().filter(|_| is_claim);
        let quota = holder.map(|holder| claim_quota(holder, before.id, event.at));
        let mut commit = Commit { quota, ..Commit::default() };
        commit.update(RecordKind::Reviews, before.id.as_str(), unchanged_since(before), changed_fields(&after)?);
        if let Some(note) = note {
            commit.insert(note, IfExists::Skip)?;
        }
        commit.insert(event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result().map(|()| after))
    }

    /// The notes of a review, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn review_notes(&self, review: RecordId) -> Result<Vec<ReviewNote>> {
        let of_review = Comparison::Is(review.as_str().into());
        self.read_all(Query::of_kind(RecordKind::ReviewNotes).filter("review", of_review).limited(MAX_NOTES)).await
    }

    /// Adds a note to a review.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_review_note(&self, note: &ReviewNote, event: &AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(note, IfExists::Skip)?;
        commit.insert(event, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Reads verification records by their ids.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn verification_records(&self, ids: &[RecordId]) -> Result<Vec<VerificationRecord>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = ids.iter().map(|id| id.as_str().into()).collect();
        self.read_all(Query::of_kind(RecordKind::VerificationHistory).filter("id", Comparison::In(ids))).await
    }

    /// Adds to a commit that the open reviews of a profile follow a status that was set elsewhere: a decision withdraws them, a
    /// request for another try leaves them waiting.
    pub(super) async fn settle_reviews(&self, commit: &mut Commit, record: &StatusRecord) -> Result<()> {
        let is_request = is_resubmission(&record.new_status);
        if !is_request && !record.new_status.is_decided() {
            return Ok(());
        }
        for review in self.open_reviews_of(record.profile).await? {
            add_review_change(commit, &review, record.created, |review| match is_request {
                true => review.finish(ReviewOutcome::RequestResubmission, record.created),
                false => review.withdraw(),
            })?;
        }
        Ok(())
    }

    /// Prolongs a claim, unless the review has changed. Its version stays: nothing else of it changes.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn renew_review_claim(&self, read: &Review, until: Option<Millis>) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        let fields = FieldMap::from([("claim_until", json!(until))]);
        commit.update(RecordKind::Reviews, read.id.as_str(), unchanged_since(read), fields);
        Ok(self.commit(commit).await?.into_result())
    }

    /// What the audit trail says of a profile, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn profile_timeline(&self, profile: RecordId, limit: usize) -> Result<Vec<AuditEvent>> {
        let of_profile = Comparison::Is(profile.as_str().into());
        let query = Query::of_kind(RecordKind::AuditEvents).filter("profile", of_profile);
        self.read_all(query.ordered(Order::Descending("at")).limited(limit)).await
    }

    /// The reviews of a profile that are not over.
    pub(super) async fn open_reviews_of(&self, profile: RecordId) -> Result<Vec<Review>> {
        if !self.keeps_reviews() {
            return Ok(Vec::new());
        }
        let over = [ReviewState::Decided, ReviewState::Withdrawn].map(|state| state.word().into()).to_vec();
        self.read_all(of_profile(profile).filter("state", Comparison::NotIn(over)).limited(OPEN_OF_PROFILE)).await
    }
}

/// Adds a change of a review to a commit that also changes its profile.
pub(super) fn add_review_change(
    commit: &mut Commit,
    before: &Review,
    now: Millis,
    change: impl FnOnce(&mut Review),
) -> Result<()> {
    let mut after = before.clone();
    change(&mut after);
    (after.version, after.updated) = (before.version + 1, now);
    commit.update(RecordKind::Reviews, before.id.as_str(), unchanged_since(before), changed_fields(&after)?);
    Ok(())
}

pub(super) fn unchanged_since(before: &Review) -> Vec<Condition> {
    vec![Condition::new("version", Comparison::Is(json!(before.version)), Refusal::Changed)]
}

pub(super) fn changed_fields(after: &Review) -> Result<FieldMap> {
    let mut fields = fields_of(after)?;
    fields.retain_names(|name| !FIXED_FIELDS.contains(&name));
    Ok(fields)
}

/// The limit on the reviews that a user holds, beside that one.
fn claim_quota(holder: &str, beside: RecordId, now: Millis) -> HolderQuota {
    let records = Query::of_kind(RecordKind::Reviews)
        .filter("assignee", Comparison::Is(holder.into()))
        .filter("state", Comparison::Is(ReviewState::Claimed.word().into()))
        .filter("claim_until", Comparison::After(now))
        .filter("id", Comparison::IsNot(beside.as_str().into()));
    HolderQuota { holder: holder.to_owned(), records, most: MAX_CLAIMS, refusal: Refusal::TooManyClaims }
}

fn of_profile(profile: RecordId) -> Query {
    Query::of_kind(RecordKind::Reviews).filter("profile", Comparison::Is(profile.as_str().into()))
}
