//! The job queue: one loop for all kinds of job. It claims a due job with a lease only when a worker is free, runs it, and
//! postpones it when the store, the files or a provider are not available.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::sleep;

use super::claim::{ClaimOutcome, ClaimedJob, JobColumns};
use super::job_metrics::{RunningJob, count_failed_run, start_counting};
use crate::clock::Clock;
use crate::files::FilesError;
use crate::providers::http_call::ProviderError;
use crate::records::Record;
use crate::records::time::Millis;
use crate::store::{Store, StoreError};

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
    /// does not count.
    #[error("{cause}")]
    Unavailable { cause: String, retry_at: Option<Millis> },
    /// The job itself failed. The attempt counts, and the job is due again when its lease has ended.
    #[error("{0}")]
    Failed(String),
}

impl From<StoreError> for JobError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable { cause: error.to_string(), retry_at: None }
    }
}

impl From<FilesError> for JobError {
    fn from(error: FilesError) -> Self {
        Self::Unavailable { cause: error.to_string(), retry_at: None }
    }
}

impl From<ProviderError> for JobError {
    fn from(error: ProviderError) -> Self {
        match error {
            ProviderError::Failed(cause) => Self::Failed(cause),
            error => Self::Unavailable { cause: error.to_string(), retry_at: None },
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

    fn limits(&self) -> JobLimits;

    /// The signal that starts due jobs at once.
    fn wake_signal(&self) -> &Notify;

    /// Makes jobs due, before each search for due jobs.
    async fn prepare_jobs(&self) -> Result<(), JobError> {
        Ok(())
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
}

impl<K: JobKind> JobQueue<K> {
    /// The queue of that kind, on the records of that store. Nothing runs yet.
    #[must_use]
    pub fn new(kind: K, store: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        let workers = Arc::new(Semaphore::new(kind.limits().workers));
        Arc::new(Self { kind, store, clock, workers })
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
            if let Err(error) = self.kind.prepare_jobs().await {
                tracing::warn!(job = K::NAME, cause = %error, "could not prepare jobs; the queue tries again");
            }
            match self.claim_next().await {
                Ok(ClaimOutcome::Claimed(job)) => {
                    let running = self.clone().start_job(*job, worker);
                    if limits.workers == 1 && running.await != Ok(true) {
                        return limits.pause_after_failure;
                    }
                }
                Ok(ClaimOutcome::NothingDue(next)) => return self.time_until(next).min(limits.poll_interval),
                Err(error) => {
                    tracing::warn!(job = K::NAME, cause = %error, "could not claim a job; the queue tries again");
                    return limits.poll_interval;
                }
            }
        }
    }

    /// Runs a job in tasks of its own, so that a panic does not end the queue. The result says whether the job succeeded.
    fn start_job(
        self: Arc<Self>,
        job: ClaimedJob<K::JobRecord>,
        worker: OwnedSemaphorePermit,
    ) -> impl Future<Output = Result<bool, tokio::sync::oneshot::error::RecvError>> {
        let (done, is_done) = tokio::sync::oneshot::channel();
        tokio::spawn(async move {
            let _worker = worker;
            let queue = self.clone();
            let succeeded = match tokio::spawn(async move { queue.run_claimed(&job).await }).await {
                Ok(Ok(())) => true,
                Ok(Err(error)) => {
                    if K::LOGS_FAILED_RUNS {
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

    async fn run_claimed(&self, job: &ClaimedJob<K::JobRecord>) -> Result<(), JobError> {
        let _running = RunningJob::start(K::NAME);
        let result = self.run_or_give_up(job).await;
        if result.is_err() {
            count_failed_run(K::NAME);
        }
        if let Err(JobError::Unavailable { retry_at, .. }) = &result {
            let postponed = self.clock.now().plus_seconds(self.kind.limits().postpone_seconds);
            self.postpone_with_retries(job, retry_at.unwrap_or(postponed)).await;
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
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tempfile::TempDir;

    use super::*;
    use crate::domain::event::EventKind;
    use crate::records::RecordKind;
    use crate::records::audit_event::AuditEvent;
    use crate::records::liveness_session::LivenessSession;
    use crate::store::sqlite::Sqlite;
    use crate::store::{Commit, CommitOutcome, ProfileIdentity, Query, StoredRecord};

    const NOW: Millis = Millis(1_774_051_200_000);

    /// Fails as many commits as a test asks for.
    struct UnreliableStore {
        inner: Arc<dyn Store>,
        failing_commits: AtomicUsize,
    }

    #[async_trait]
    impl Store for UnreliableStore {
        async fn read(&self, query: Query) -> Result<Vec<StoredRecord>, StoreError> {
            self.inner.read(query).await
        }

        async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
            let failing = |count: usize| count.checked_sub(1);
            if self.failing_commits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, failing).is_ok() {
                return Err(StoreError::Unavailable("a test".to_owned()));
            }
            self.inner.commit(commit).await
        }

        async fn profile_identity(&self, team: &str, user_id: &str) -> Result<ProfileIdentity, StoreError> {
            self.inner.profile_identity(team, user_id).await
        }

        async fn check_ready(&self) -> Result<(), StoreError> {
            self.inner.check_ready().await
        }
    }

    /// Jobs that wait for a permit of the test and then end as the test says.
    struct TestJobs {
        wake: Notify,
        may_end: Arc<Semaphore>,
        started: Arc<AtomicUsize>,
        outcome: fn() -> Result<JobOutcome, JobError>,
    }

    #[async_trait]
    impl JobKind for TestJobs {
        type JobRecord = LivenessSession;

        const NAME: &'static str = "test";
        const COLUMNS: JobColumns = JobColumns {
            kind: RecordKind::LivenessSessions,
            due: "poll_due",
            attempts: Some("poll_attempts"),
            open_word: None,
        };

        fn limits(&self) -> JobLimits {
            JobLimits {
                workers: 1,
                lease_seconds: 60,
                max_attempts: 2,
                postpone_seconds: 10,
                poll_interval: Duration::from_millis(10),
                pause_after_failure: Duration::from_millis(10),
            }
        }

        fn wake_signal(&self) -> &Notify {
            &self.wake
        }

        async fn run_job(&self, _: &ClaimedJob<LivenessSession>) -> Result<JobOutcome, JobError> {
            self.started.fetch_add(1, Ordering::SeqCst);
            self.may_end.acquire().await.unwrap().forget();
            (self.outcome)()
        }

        async fn give_up(&self, _: &ClaimedJob<LivenessSession>) -> Result<JobOutcome, JobError> {
            Ok(JobOutcome::Close)
        }
    }

    struct TestedQueue {
        queue: Arc<JobQueue<TestJobs>>,
        store: Arc<UnreliableStore>,
        clock: Clock,
        may_end: Arc<Semaphore>,
        started: Arc<AtomicUsize>,
        _folder: TempDir,
    }

    impl TestedQueue {
        /// A queue with so many due jobs, at the time `NOW`.
        async fn with_due_jobs(count: usize, outcome: fn() -> Result<JobOutcome, JobError>) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let inner: Arc<dyn Store> = Arc::new(Sqlite::open(folder.path()).unwrap());
            for number in 0..count {
                let session = LivenessSession::new(format!("job {number}"), None, NOW);
                let session = LivenessSession { poll_due: Some(NOW.plus_seconds(-1)), ..session };
                let event = AuditEvent::new(EventKind::SessionCreated, NOW, "a test");
                inner.add_session(&session, event).await.unwrap().unwrap();
            }
            let clock = Clock::default();
            clock.advance((NOW.0 - clock.now().0) / 1_000);
            let (may_end, started) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
            let jobs = TestJobs { wake: Notify::new(), may_end: may_end.clone(), started: started.clone(), outcome };
            let store = Arc::new(UnreliableStore { inner, failing_commits: AtomicUsize::new(0) });
            let queue = JobQueue::new(jobs, store.clone(), clock.clone());
            Self { queue, store, clock, may_end, started, _folder: folder }
        }

        async fn read_job(&self, number: usize) -> LivenessSession {
            let store: &dyn Store = self.store.as_ref();
            store.session(&format!("job {number}")).await.unwrap().unwrap()
        }

        async fn count_claimed(&self, count: usize) -> usize {
            let mut claimed = 0;
            for number in 0..count {
                claimed += usize::from(self.read_job(number).await.poll_attempts.is_some());
            }
            claimed
        }

        async fn await_started(&self, count: usize) {
            for _ in 0..500 {
                if self.started.load(Ordering::SeqCst) >= count {
                    return;
                }
                sleep(Duration::from_millis(10)).await;
            }
            panic!("only {} jobs have started", self.started.load(Ordering::SeqCst));
        }
    }

    #[tokio::test]
    async fn nothing_is_claimed_without_a_free_worker() {
        let tested = TestedQueue::with_due_jobs(3, || Ok(JobOutcome::Close)).await;
        tested.queue.start_for_ever();
        tested.await_started(1).await;
        for _ in 0..5 {
            tested.queue.wake();
            sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(tested.count_claimed(3).await, 1, "the only worker is busy");
        tested.may_end.add_permits(1);
        tested.await_started(2).await;
        assert_eq!(tested.count_claimed(3).await, 2);
        tested.may_end.add_permits(2);
        tested.await_started(3).await;
    }

    #[tokio::test]
    async fn unavailable_store_postpones_a_job_without_counting_the_attempt() {
        let unavailable = || Err(StoreError::Unavailable("a test".to_owned()).into());
        let tested = TestedQueue::with_due_jobs(1, unavailable).await;
        tested.may_end.add_permits(1);
        let before = tested.clock.now();
        assert!(matches!(tested.queue.run_next().await, Err(JobError::Unavailable { .. })));
        let job = tested.read_job(0).await;
        assert_eq!(job.poll_attempts, Some(0));
        let postponed = job.poll_due.unwrap();
        assert!(postponed >= before.plus_seconds(10) && postponed < before.plus_seconds(30), "not the lease's end");
        assert!(!tested.queue.run_next().await.unwrap(), "it is due later");
    }

    #[tokio::test]
    async fn postponing_is_tried_again_while_the_store_is_unavailable() {
        let unavailable = || Err(StoreError::Unavailable("a test".to_owned()).into());
        let tested = TestedQueue::with_due_jobs(1, unavailable).await;
        let (queue, started) = (tested.queue.clone(), tested.started.clone());
        let running = tokio::spawn(async move { queue.run_next().await });
        while started.load(Ordering::SeqCst) == 0 {
            tokio::task::yield_now().await;
        }
        tested.store.failing_commits.store(1, Ordering::SeqCst);
        tested.may_end.add_permits(1);
        assert!(running.await.unwrap().is_err());
        assert_eq!(tested.read_job(0).await.poll_attempts, Some(0));
    }

    #[tokio::test]
    async fn failed_attempts_count_and_the_job_is_given_up_after_the_last() {
        let tested = TestedQueue::with_due_jobs(1, || Err(JobError::Failed("a test".to_owned()))).await;
        tested.may_end.add_permits(2);
        for attempt in 1..=2 {
            assert!(matches!(tested.queue.run_next().await, Err(JobError::Failed(_))));
            assert_eq!(tested.read_job(0).await.poll_attempts, Some(attempt));
            assert!(!tested.queue.run_next().await.unwrap(), "the lease runs");
            tested.clock.advance(61);
        }
        assert!(tested.queue.run_next().await.unwrap(), "given up");
        assert_eq!(tested.started.load(Ordering::SeqCst), 2);
        assert_eq!(tested.read_job(0).await.poll_due, None);
    }
}
