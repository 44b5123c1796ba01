//! Claims of due jobs. A job is a record with a column for the time from which it is due. A claim moves that time to the end
//! of its lease and counts the attempt, in one commit. When a server dies, the lease ends and another server claims the job.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::records::time::Millis;
use crate::records::{FieldMap, Record, RecordKind};
use crate::store::{
    Commit, CommitOutcome, Comparison, Condition, Order, Query, Refusal, Store, StoreError, parse_record,
};

/// The most due records that one claim tries. Other servers may claim the first ones at the same moment.
const MAX_CLAIM_TRIES: usize = 16;
/// How far ahead a claim looks for the next due job, in seconds: longer than any queue waits.
const LOOK_AHEAD_SECONDS: i64 = 3_600;

/// The fields of a record kind that make it a queue.
#[derive(Clone, Copy, Debug)]
pub struct JobColumns {
    pub kind: RecordKind,
    /// The time from which the job is due; unknown in a record that is no job. Must be a column.
    pub due: &'static str,
    /// The number of attempts so far; `None` where attempts are not limited.
    pub attempts: Option<&'static str>,
    /// A column, and the word that it has while the job is open.
    pub open_word: Option<(&'static str, &'static str)>,
}

/// A claimed job.
#[derive(Clone, Debug)]
pub struct ClaimedJob<R> {
    /// The record as it was before the claim.
    pub record: R,
    /// The number of this attempt, from 1 on.
    pub attempt: u32,
    /// The end of the lease: from then on another server may claim the job.
    pub lease_end: Millis,
    key: String,
}

/// The place of a running job, which is free again when it is dropped.
pub type JobSlot = Box<dyn Send + Sync>;

/// Which of the due jobs a claim takes.
pub struct ClaimRule<'a, R> {
    /// The most jobs that are claimed at once. Each is run at once: a claimed job must not wait while its lease runs.
    pub count: usize,
    /// Leaves out jobs that cannot run now.
    pub narrow: &'a (dyn Fn(Query) -> Query + Sync),
    /// Takes the place of a job; `None`: it cannot run now.
    pub admit: &'a (dyn Fn(&R) -> Option<JobSlot> + Sync),
}

/// What a claim of several jobs has found.
pub struct ClaimedJobs<R> {
    pub jobs: Vec<(ClaimedJob<R>, JobSlot)>,
    /// When nothing is due: when the next job is, if that is within an hour.
    pub next_due: Option<Millis>,
}

/// A due job that was read and not claimed yet.
struct DueJob<R> {
    job: ClaimedJob<R>,
    due: Millis,
    slot: JobSlot,
}

/// The outcome of a claim.
pub enum ClaimOutcome<R> {
    Claimed(Box<ClaimedJob<R>>),
    /// No job is due now. The next one is due then, if it is due within an hour.
    NothingDue(Option<Millis>),
}

impl JobColumns {
    /// Selects the jobs that are due at that time, the one that has waited longest first.
    #[must_use]
    pub fn due_query(&self, until: Millis) -> Query {
        let query = Query::of_kind(self.kind)
            .filter(self.due, Comparison::IsNot(Value::Null))
            .filter(self.due, Comparison::Until(until))
            .ordered(Order::Ascending(self.due));
        match self.open_word {
            Some((field, word)) => query.filter(field, Comparison::Is(word.into())),
            None => query,
        }
    }

    /// Claims the job that has waited longest, until the end of the lease. Of all concurrent callers one gets it. In
    /// PocketBase several may, so running a job twice must be harmless.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn claim_due_job<R: Record>(
        &self,
        store: &dyn Store,
        now: Millis,
        lease_end: Millis,
    ) -> Result<ClaimOutcome<R>, StoreError> {
        let rule = ClaimRule { count: 1, narrow: &|query| query, admit: &|_| Some(Box::new(())) };
        let mut claimed = self.claim_due_jobs(store, now, lease_end, rule).await?;
        Ok(match claimed.jobs.pop() {
            Some((job, _)) => ClaimOutcome::Claimed(Box::new(job)),
            None => ClaimOutcome::NothingDue(claimed.next_due),
        })
    }

    /// Claims several jobs, those first that have waited longest.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn claim_due_jobs<R: Record>(
        &self,
        store: &dyn Store,
        now: Millis,
        lease_end: Millis,
        rule: ClaimRule<'_, R>,
    ) -> Result<ClaimedJobs<R>, StoreError> {
        let query = (rule.narrow)(self.due_query(now.plus_seconds(LOOK_AHEAD_SECONDS)));
        let mut found = store.read(query.limited(rule.count.max(MAX_CLAIM_TRIES))).await?.into_iter();
        let mut next_due = None;
        loop {
            let mut tried = Vec::new();
            for stored in found.by_ref() {
                let fields: FieldMap = parse_record(&stored.json)?;
                let due: Millis = read_field(&fields, self.due)?;
                if due > now {
                    next_due = Some(due);
                    break;
                }
                tried.extend(self.admit_due_job(&stored.json, &fields, due, lease_end, &rule)?);
                if tried.len() == rule.count {
                    break;
                }
            }
            if tried.is_empty() {
                return Ok(ClaimedJobs { jobs: Vec::new(), next_due });
            }
            // Each is a commit of its own: where another server was first, the others are claimed all the same.
            let claims = join_all(tried.into_iter().map(|due| self.try_claim(store, due))).await;
            let jobs: Vec<_> = claims.into_iter().collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect();
            if !jobs.is_empty() {
                return Ok(ClaimedJobs { jobs, next_due: None });
            }
        }
    }

    fn admit_due_job<R: Record>(
        &self,
        json: &str,
        fields: &FieldMap,
        due: Millis,
        lease_end: Millis,
        rule: &ClaimRule<'_, R>,
    ) -> Result<Option<DueJob<R>>, StoreError> {
        let attempt = match self.attempts.and_then(|name| fields.get(name)) {
            Some(count) if !count.is_null() => parse_record::<u32>(&count.to_string())? + 1,
            _ => 1,
        };
        let key: String = read_field(fields, self.kind.key_field())?;
        let record = parse_record(json)?;
        let slot = (rule.admit)(&record);
        Ok(slot.map(|slot| DueJob { job: ClaimedJob { record, attempt, lease_end, key }, due, slot }))
    }

    async fn try_claim<R>(
        &self,
        store: &dyn Store,
        DueJob { job, due, slot }: DueJob<R>,
    ) -> Result<Option<(ClaimedJob<R>, JobSlot)>, StoreError> {
        let mut commit = Commit::default();
        commit.update(self.kind, &job.key, self.conditions(due), self.claim_fields(job.lease_end, job.attempt));
        let is_claimed = matches!(store.commit(commit).await?, CommitOutcome::Done(_));
        Ok(is_claimed.then_some((job, slot)))
    }

    /// Postpones a claimed job. The attempt does not count, because the cause was outside of the job.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn postpone_job<R>(
        &self,
        store: &dyn Store,
        job: &ClaimedJob<R>,
        until: Millis,
    ) -> Result<(), StoreError> {
        self.update_claimed(store, job, self.claim_fields(until, job.attempt.saturating_sub(1))).await
    }

    /// Schedules the next attempt at a claimed job that has failed. The attempt counts.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn defer_job<R>(&self, store: &dyn Store, job: &ClaimedJob<R>, until: Millis) -> Result<(), StoreError> {
        self.update_claimed(store, job, self.claim_fields(until, job.attempt)).await
    }

    /// Schedules the next run of a claimed job that has succeeded.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn reschedule_job<R>(
        &self,
        store: &dyn Store,
        job: &ClaimedJob<R>,
        due: Millis,
    ) -> Result<(), StoreError> {
        self.update_claimed(store, job, self.claim_fields(due, 0)).await
    }

    /// Takes a claimed job off the queue.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn close_job<R>(&self, store: &dyn Store, job: &ClaimedJob<R>) -> Result<(), StoreError> {
        self.update_claimed(store, job, FieldMap::from([(self.due, Value::Null)])).await
    }

    /// Changes a job's fields unless another server has claimed it since.
    async fn update_claimed<R>(
        &self,
        store: &dyn Store,
        job: &ClaimedJob<R>,
        fields: FieldMap,
    ) -> Result<(), StoreError> {
        let mut commit = Commit::default();
        commit.update(self.kind, &job.key, self.conditions(job.lease_end), fields);
        store.commit(commit).await.map(drop)
    }

    /// The conditions under which a claimed job is still held by its claimer.
    #[must_use]
    pub fn holding_conditions<R>(&self, job: &ClaimedJob<R>) -> Vec<Condition> {
        self.conditions(job.lease_end)
    }

    fn conditions(&self, due: Millis) -> Vec<Condition> {
        let mut conditions = vec![Condition::new(self.due, Comparison::Is(json!(due)), Refusal::Changed)];
        if let Some((field, word)) = self.open_word {
            conditions.push(Condition::new(field, Comparison::Is(word.into()), Refusal::Changed));
        }
        conditions
    }

    fn claim_fields(&self, due: Millis, attempts: u32) -> FieldMap {
        let attempts = self.attempts.map(|name| (name.to_owned(), json!(attempts)));
        [(self.due.to_owned(), json!(due))].into_iter().chain(attempts).collect()
    }
}

fn read_field<T: serde::de::DeserializeOwned>(fields: &FieldMap, name: &str) -> Result<T, StoreError> {
    let missing = || StoreError::Failed(format!("a job has no {name}"));
    parse_record(&fields.get(name).ok_or_else(missing)?.to_string())
}
