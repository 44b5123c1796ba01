//! The queue with jobs that end as a test says, on a store that fails as a test says.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// Whether they fail because it is out of order.
    is_out: AtomicBool,
}

#[async_trait]
impl Store for UnreliableStore {
    async fn read(&self, query: Query) -> Result<Vec<StoredRecord>, StoreError> {
        self.inner.read(query).await
    }

    async fn commit(&self, commit: Commit) -> Result<CommitOutcome, StoreError> {
        let failing = |count: usize| count.checked_sub(1);
        if self.failing_commits.fetch_update(Ordering::SeqCst, Ordering::SeqCst, failing).is_ok() {
            let cause = "a test".to_owned();
            let is_out = self.is_out.load(Ordering::SeqCst);
            return Err(if is_out { StoreError::Unavailable(cause) } else { StoreError::Failed(cause) });
        }
        self.inner.commit(commit).await
    }

    async fn profile_identity(&self, team: &str, user_id: &str, at: Millis) -> Result<ProfileIdentity, StoreError> {
        self.inner.profile_identity(team, user_id, at).await
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
        let store =
            Arc::new(UnreliableStore { inner, failing_commits: AtomicUsize::new(0), is_out: AtomicBool::new(true) });
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

/// What the code under test logs, as text.
#[derive(Clone, Default)]
struct LogLines(Arc<std::sync::Mutex<Vec<u8>>>);

impl LogLines {
    fn count(&self, text: &str) -> usize {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap().matches(text).count()
    }
}

impl std::io::Write for LogLines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// The first run asks for another one at `NOW` and a minute, the second at `NOW` and two, and so on.
fn run_again_a_minute_later() -> Result<JobOutcome, JobError> {
    static RUNS: std::sync::atomic::AtomicI64 = std::sync::atomic::AtomicI64::new(0);
    let runs = RUNS.fetch_add(1, Ordering::SeqCst) + 1;
    Ok(JobOutcome::RunAgain(NOW.plus_seconds(60 * runs)))
}

#[tokio::test]
async fn each_failure_of_the_store_that_lasts_is_one_log_line_and_its_outages_none() {
    let log = LogLines::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let tested = TestedQueue::with_due_jobs(1, run_again_a_minute_later).await;
    tested.may_end.add_permits(3);
    // The store itself reports an outage.
    for (round, is_out, lines) in [(1, false, 1), (2, true, 1), (3, false, 2)] {
        tested.store.is_out.store(is_out, Ordering::SeqCst);
        tested.store.failing_commits.store(3, Ordering::SeqCst);
        for _ in 0..3 {
            tested.queue.run_until_nothing_due().await;
        }
        assert_eq!(log.count("could not claim a job"), lines);
        // The store answers again: the queue claims what is due.
        tested.queue.run_until_nothing_due().await;
        assert_eq!(tested.started.load(Ordering::SeqCst), round);
        tested.clock.advance(61);
    }
}
