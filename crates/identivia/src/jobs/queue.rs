//! The job queue: one loop for all kinds of job. It claims a due job with a lease only when a worker is free, runs it, and
//! postpones it when the store, the files or a provider are not available.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::claim::{ClaimOutcome, ClaimRule, ClaimedJob, ClaimedJobs, JobColumns, JobSlot};
use super::job_metrics::{RunningJob, count_failed_run, start_counting};
use crate::clock::Clock;
use crate::files::FilesError;
use crate::providers::http_call::ProviderError;
use crate::records::Record;
use crate::records::time::Millis;
use crate::store::{Query, Store, StoreError};

/// The delay before a failed postponement is tried again; it doubles each time.
const POSTPONE_RETRY_DELAY: Duration = Duration::from_secs(1);

/// The limits of one kind of job.
#[derive(Clone, Copy, Debug)]
pub struct JobLimits {
    /// The most jobs that run at once in this process.
    pub workers: usize,
    /// How long a claim is valid, in seconds: several times what a job takes.
    pub lease_seconds: i64,
    /// The most attempts before [`JobKind::give_up`]. A job that crashes the server must not do so for ever.
    pub max_attempts: u32,
    /// How long a job is postponed when something that it needs is not available, in seconds.
    pub postpone_seconds: i64,
    /// How often due jobs are searched, such as those that another server has left.
    pub poll_interval: Duration,
    /// How long the queue pauses after a job has failed or was postponed, unless it is woken.
    pub pause_after_failure: Duration,
}

/// What the queue does with a job that has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobOutcome {
    /// Nothing: the job has changed its record so that it is no job any more.
    Settled,
    /// It takes the job off the queue.
    Close,
    /// It runs the job again at that time.
    RunAgain(Millis),
}

/// Why a job gave no result this time.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// Something outside of the job is not available. The job is postponed, to that time if one is given, and the attempt
    /// does not count. An outage of a service has a log line of its own.
    #[error("{cause}")]
    Unavailable { cause: String, retry_at: Option<Millis>, is_outage: bool },
    /// The job failed by something that may be repaired until then, when it is due again. The attempt counts.
    #[error("{cause}")]
    FailedUntil { cause: String, retry_at: Millis },
    /// The job itself failed. The attempt counts, and the job is due again when its lease has ended.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable { cause: error.to_string(), retry_at: None, is_outage: error.is_outage() }
    }
}

impl From<FilesError> for JobError {
    fn from(error: FilesError) -> Self {
        Self::Unavailable { cause: error.to_string(), retry_at: None, is_outage: error.is_outage() }
    }
}

impl From<ProviderError> for JobError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Failed(cause) => Self::Failed(cause),
            error => Self::Unavailable { cause: error.to_string(), retry_at: None, is_outage: error.is_outage() },
        }
    }
}

/// A kind of job. Running a job twice must be harmless.
#[async_trait]
pub trait JobKind: Send + Sync + 'static {
    type JobRecord: Record + Sync;

    /// Its name in logs and metrics.
    const NAME: &'static str;
    /// The records that are its queue.
    const COLUMNS: JobColumns;
    /// Whether the log gets a line for each run that fails. A kind with many jobs would fill the log in an outage.
    const LOGS_FAILED_RUNS: bool = true;
    /// The most jobs that are claimed at once, for as many free workers.
    const CLAIMED_AT_ONCE: usize = 1;

    fn limits(&self) -> JobLimits;

    /// The signal that starts due jobs at once.
    fn wake_signal(&self) -> &Notify;

    /// Makes jobs due, before each search for due jobs.
    async fn prepare_jobs(&self) -> Result<(), JobError> {
        Ok(())
    }

    /// Leaves due jobs out of the search that cannot run now.
    fn narrow_search(&self, query: Query) -> Query {
        query
    }

    /// Takes the place of a due job for as long as it runs; `None`: it cannot run now. Wake the queue when it can.
    fn admit_job(&self, _job: &Self::JobRecord) -> Option<JobSlot> {
        Some(Box::new(()))
    }

    /// Runs a claimed job.
    async fn run_job(&self, job: &ClaimedJob<Self::JobRecord>) -> Result<JobOutcome, JobError>;

    /// Ends a job that has reached [`JobLimits::max_attempts`] without a result.
    async fn give_up(&self, job: &ClaimedJob<Self::JobRecord>) -> Result<JobOutcome, JobError>;
}

/// The queue of one kind of job.
pub struct JobQueue<K> {
    kind: K,
    store: Arc<dyn Store>,
    clock: Clock,
    workers: Arc<Semaphore>,
    /// Whether the store does not answer, and the log says so.
    is_out: AtomicBool,
}

impl<K: JobKind> JobQueue<K> {
    /// The queue of that kind, on the records of that store. Nothing runs yet.
    #[must_use]
    pub fn new(kind: K, store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        let workers = Arc::new(Semaphore::new(kind.limits().workers));
        Arc::new(Self { kind, store, clock, workers, is_out: AtomicBool::new(false) })
    }

    /// The kind of its jobs.
    #[must_use]
    pub fn kind(&self) -> &K {
        &self.kind
    }

    /// Starts due jobs at once.
    pub fn wake(&self) {
        self.kind.wake_signal().notify_one();
    }

    /// Runs due jobs until `stop` becomes true. A job that runs then goes on until the process ends.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let queue = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = queue.run_due_jobs() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }

    /// Runs due jobs until the process ends.
    pub fn start_for_ever(self: &Arc<Self>) {
        let queue = self.clone();
        tokio::spawn(async move { queue.run_due_jobs().await });
    }

    /// Counts its due jobs for the metrics until `stop` becomes true.
    pub fn start_metrics(&self, stop: watch::Receiver<bool>) {
        start_counting(K::NAME, K::COLUMNS, self.store.clone(), self.clock.clone(), stop);
    }

    /// Runs the job that has been due longest; says whether there was one.
    ///
    /// # Errors
    /// When the job gave no result. It is due again later.
    pub async fn run_next(&self) -> Result<bool, JobError> {
        self.kind.prepare_jobs().await?;
        match self.claim_next().await? {
            ClaimOutcome::NothingDue(_) => Ok(false),
            ClaimOutcome::Claimed(job) => self.run_claimed(&job).await.map(|()| true),
        }
    }

    async fn run_due_jobs(self: Arc<Self>) {
        let mut wait = Duration::ZERO;
        loop {
            tokio::select! {
                () = sleep(wait) => {}
                () = self.kind.wake_signal().notified() => {}
            }
            wait = self.run_until_nothing_due().await;
        }
    }

    /// Runs one due job after the other; says how long to wait before the next claim.
    async fn run_until_nothing_due(self: &Arc<Self>) -> Duration {
        let limits = self.kind.limits();
        loop {
            // No claim without a free worker: a claimed job must not wait while its lease runs.
            let Ok(worker) = self.workers.clone().acquire_owned().await else { return limits.poll_interval };
            let mut workers = vec![worker];
            while workers.len() < K::CLAIMED_AT_ONCE
                && let Ok(worker) = self.workers.clone().try_acquire_owned()
            {
                workers.push(worker);
            }
            let prepared = self.kind.prepare_jobs().await;
            if let Err(error) = &prepared {
                self.warn_of_failure(error, "could not prepare jobs; the queue tries again");
            }
            let ClaimedJobs { jobs, next_due } = match self.claim_jobs(workers.len()).await {
                Ok(claimed) => {
                    self.is_out.fetch_and(prepared.is_err(), Ordering::Relaxed);
                    claimed
                }
                Err(error) => {
                    self.warn_of_failure(&error.into(), "could not claim a job; the queue tries again");
                    return limits.poll_interval;
                }
            };
            if jobs.is_empty() {
                return self.time_until(next_due).min(limits.poll_interval);
            }
            for ((job, slot), worker) in jobs.into_iter().zip(workers) {
                let running = self.clone().start_job(job, slot, worker);
                if limits.workers == 1 && running.await != Ok(true) {
                    return limits.pause_after_failure;
                }
            }
        }
    }

    /// Runs a job in tasks of its own, so that a panic does not end the queue. The result says whether the job succeeded.
    fn start_job(
        self: Arc<Self>,
        job: ClaimedJob<K::JobRecord>,
        slot: JobSlot,
        worker: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<bool, tokio::sync::oneshot::error::RecvError>> {
        let (done, is_done) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let (_slot, _worker) = (slot, worker);
            let queue = self.clone();
            let succeeded = match tokio::spawn(async move { queue.run_claimed(&job).await }).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    if matches!(error, JobError::Unavailable { is_outage: true, .. }) {
                        tracing::debug!(job = K::NAME, cause = %error, "a job was postponed");
                    } else if K::LOGS_FAILED_RUNS {
                        tracing::warn!(job = K::NAME, cause = %error, "a job gave no result; it runs again later");
                    }
                    false
                }
                Err(_) => {
                    tracing::error!(job = K::NAME, "a job panicked; it runs again later");
                    count_failed_run(K::NAME);
                    false
                }
            };
            let _ = done.send(succeeded);
        });
        is_done
    }

    async fn claim_next(&self) -> Result<ClaimOutcome<K::JobRecord>, StoreError> {
        let now = self.clock.now();
        K::COLUMNS.claim_due_job(self.store.as_ref(), now, now.plus_seconds(self.kind.limits().lease_seconds)).await
    }

    /// Warns once of a failure that lasts: a queue may look for jobs every second. An outage of the store has a log line of
    /// its own.
    fn warn_of_failure(&self, error: &JobError, what: &'static str) {
        if self.is_out.swap(true, Ordering::Relaxed) {
            return;
        }
        if matches!(error, JobError::Unavailable { is_outage: true, .. }) {
            tracing::debug!(job = K::NAME, cause = %error, "{what}");
        } else {
            tracing::warn!(job = K::NAME, cause = %error, "{what}");
        }
    }

    /// Claims jobs for that many free workers.
    async fn claim_jobs(&self, count: usize) -> Result<ClaimedJobs<K::JobRecord>, StoreError> {
        let now = self.clock.now();
        let rule = ClaimRule {
            count,
            narrow: &|query| self.kind.narrow_search(query),
            admit: &|job| self.kind.admit_job(job),
        };
        let lease_end = now.plus_seconds(self.kind.limits().lease_seconds);
        K::COLUMNS.claim_due_jobs(self.store.as_ref(), now, lease_end, rule).await
    }

    async fn run_claimed(&self, job: &ClaimedJob<K::JobRecord>) -> Result<(), JobError> {
        let _running = RunningJob::start(K::NAME);
        let started = std::time::Instant::now();
        let result = self.run_or_give_up(job).await;
        metrics::histogram!("identivia_job_seconds", "kind" => K::NAME).record(started.elapsed().as_secs_f64());
        if result.is_err() {
            count_failed_run(K::NAME);
        }
        match &result {
            Err(JobError::Unavailable { retry_at, .. }) => {
                let postponed = self.clock.now().plus_seconds(self.kind.limits().postpone_seconds);
                self.postpone_with_retries(job, retry_at.unwrap_or(postponed)).await;
            }
            // If this fails, the job is due again when its lease has ended.
            Err(JobError::FailedUntil { retry_at, .. }) => {
                let _ = K::COLUMNS.defer_job(self.store.as_ref(), job, *retry_at).await;
            }
            _ => {}
        }
        result
    }

    async fn run_or_give_up(&self, job: &ClaimedJob<K::JobRecord>) -> Result<(), JobError> {
        let outcome = if job.attempt > self.kind.limits().max_attempts {
            self.kind.give_up(job).await?
        } else {
            self.kind.run_job(job).await?
        };
        let (columns, store) = (K::COLUMNS, self.store.as_ref());
        match outcome {
            JobOutcome::Settled => Ok(()),
            JobOutcome::Close => Ok(columns.close_job(store, job).await?),
            JobOutcome::RunAgain(due) => Ok(columns.reschedule_job(store, job, due).await?),
        }
    }

    /// Postpones a job. While the store does not answer, this tries again until the lease ends.
    async fn postpone_with_retries(&self, job: &ClaimedJob<K::JobRecord>, until: Millis) {
        let mut delay = POSTPONE_RETRY_DELAY;
        while K::COLUMNS.postpone_job(self.store.as_ref(), job, until).await.is_err()
            && self.clock.now() < job.lease_end
        {
            sleep(delay).await;
            delay *= 2;
        }
    }

    fn time_until(&self, due: Option<Millis>) -> Duration {
        let Some(due) = due else { return Duration::MAX };
        Duration::from_millis(u64::try_from(due.0 - self.clock.now().0).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
