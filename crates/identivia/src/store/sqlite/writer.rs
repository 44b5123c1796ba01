//! The one writer (group commit): it takes the steps that wait, runs each, commits once, answers all.
//!
//! A commit costs one fsync for all steps that share it, so a busier server pays less for each write. A step that may be
//! refused after it has written runs in a savepoint, which undoes it alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::checkpoint::LogCheckpoints;
use super::error::to_store_error;
use super::log_space::LogSpace;
use crate::store::StoreError;
use crate::store::sql::{StepEnd, StepUndo};

/// The most steps that wait; further callers get "busy" and retry.
const MAX_QUEUED_STEPS: usize = 4_096;
/// The most steps in one commit: bounds how long the first of them waits.
const MAX_BATCH_STEPS: usize = 512;
/// How long a step may wait for a place in the queue.
const QUEUE_TIMEOUT: Duration = Duration::from_secs(5);

/// Runs a step. Its caller is answered after the commit.
type QueuedStep = Box<dyn FnOnce(&mut Connection) -> CompletedStep + Send>;
/// Answers the caller of a step with the outcome of the commit.
type StepAnswer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

struct CompletedStep {
    answer: StepAnswer,
    error: Option<StoreError>,
}

/// The handle of the writer's thread. The thread answers all steps and ends when the last handle is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<QueuedStep>,
    broken: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread, which owns the connection.
    pub(super) fn start(mut connection: Connection) -> std::io::Result<Self> {
        let (queue, steps) = mpsc::channel(MAX_QUEUED_STEPS);
        let broken = Arc::new(AtomicBool::new(false));
        let flag = broken.clone();
        thread::Builder::new()
            .name("sqlite-writer".to_owned())
            .spawn(move || run_writer(&mut connection, steps, &flag))?;
        Ok(Self { queue, broken })
    }

    /// Runs one step; when this answers, it is on disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        undo: StepUndo,
        work: impl FnOnce(&mut Connection) -> Result<StepEnd<T>, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.is_broken() {
            return Err(StoreError::Broken);
        }
        let (answer, reply) = oneshot::channel();
        let step: QueuedStep = Box::new(move |connection| {
            let outcome = run_step(connection, undo, work);
            let error = outcome.as_ref().err().cloned();
            // The receiver is gone when the request was cancelled; the step is committed all the same.
            let answer: StepAnswer = Box::new(move |commit| drop(answer.send(commit.and(outcome))));
            CompletedStep { answer, error }
        });
        self.queue.send_timeout(step, QUEUE_TIMEOUT).await.map_err(|_| StoreError::Busy)?;
        reply.await.unwrap_or(Err(StoreError::Broken))
    }

    /// Says whether a sync has failed: then nothing is acknowledged until a restart.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

fn run_writer(connection: &mut Connection, mut steps: mpsc::Receiver<QueuedStep>, broken: &AtomicBool) {
    let mut checkpoints = LogCheckpoints::default();
    let mut space = LogSpace::of_database(connection);
    while let Some(first) = steps.blocking_recv() {
        let begun =
            if broken.load(Ordering::Relaxed) { Err(StoreError::Broken) } else { begin_transaction(connection) };
        let mut answers = Vec::new();
        let commit = match begun {
            Ok(()) => {
                if checkpoints.has_copied() {
                    space.extend_if_short();
                }
                run_batch(connection, first, &mut steps, &mut answers)
            }
            Err(error) => {
                // Outside a transaction a step changes nothing and only returns its answer. Those that wait behind it get
                // the same: one after the other, each would wait for the same lock again.
                answers.push(first(connection).answer);
                while let Ok(step) = steps.try_recv() {
                    answers.push(step(connection).answer);
                }
                Err(error)
            }
        };
        note_failed_disk(&commit, broken);
        for answer in answers {
            answer(commit.clone());
        }
        if commit.is_ok() {
            let copied = checkpoints.copy_if_due(connection);
            note_failed_disk(&copied, broken);
            if let Err(error) = copied {
                tracing::warn!(%error, "could not copy the log into the database; trying again");
            }
        }
    }
}

/// Refuses writes from now on if the disk has failed.
fn note_failed_disk(outcome: &Result<(), StoreError>, broken: &AtomicBool) {
    if matches!(outcome, Err(StoreError::Broken)) && !broken.swap(true, Ordering::Relaxed) {
        tracing::error!("a write to the database's disk failed: writes are refused until a restart");
    }
}

/// Runs the first step and those that wait behind it, and commits them together.
fn run_batch(
    connection: &mut Connection,
    first: QueuedStep,
    steps: &mut mpsc::Receiver<QueuedStep>,
    answers: &mut Vec<StepAnswer>,
) -> Result<(), StoreError> {
    let mut next = Some(first);
    while let Some(step) = next {
        let CompletedStep { answer, error } = step(connection);
        answers.push(answer);
        if connection.is_autocommit() {
            // A full disk or a failed write makes SQLite roll the whole transaction back by itself.
            return Err(error.unwrap_or(StoreError::Full));
        }
        next = if answers.len() < MAX_BATCH_STEPS { steps.try_recv().ok() } else { None };
    }
    commit_transaction(connection)
}

fn begin_transaction(connection: &Connection) -> Result<(), StoreError> {
    run_statement(connection, "begin immediate")
}

/// Commits. After an error too, no transaction is left open.
fn commit_transaction(connection: &Connection) -> Result<(), StoreError> {
    let committed = run_statement(connection, "commit");
    if committed.is_err() && !connection.is_autocommit() {
        let _ = run_statement(connection, "rollback");
    }
    committed
}

fn run_step<T>(
    connection: &mut Connection,
    undo: StepUndo,
    work: impl FnOnce(&mut Connection) -> Result<StepEnd<T>, StoreError>,
) -> Result<T, StoreError> {
    if connection.is_autocommit() {
        // The transaction is gone, so this step cannot run; the commit's error answers it.
        return Err(StoreError::Busy);
    }
    if undo == StepUndo::Savepoint {
        run_statement(connection, "savepoint step")?;
    }
    let changes_before = connection.total_changes();
    let (outcome, keeps_changes) = match work(connection) {
        Ok(StepEnd::Commit(value)) => (Ok(value), true),
        Ok(StepEnd::RollBack(value)) => (Ok(value), false),
        Err(error) => (Err(error), false),
    };
    if connection.is_autocommit() {
        return outcome.and(Err(StoreError::Full));
    }
    match undo {
        StepUndo::Savepoint => {
            if !keeps_changes {
                run_statement(connection, "rollback to step")?;
            }
            run_statement(connection, "release step")?;
        }
        StepUndo::Unneeded if !keeps_changes && connection.total_changes() != changes_before => {
            // What it has written cannot be told from what its neighbours have: all of them must be repeated.
            tracing::error!("a write was refused after it had written; the writes beside it are undone too");
            run_statement(connection, "rollback")?;
            return outcome.and(Err(StoreError::Busy));
        }
        StepUndo::Unneeded => {}
    }
    outcome
}

fn run_statement(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| to_store_error(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn start_writer(folder: &tempfile::TempDir) -> Writer {
        let connection = Connection::open(folder.path().join("test.db")).unwrap();
        connection.execute_batch("pragma journal_mode = wal; create table t (n integer primary key);").unwrap();
        Writer::start(connection).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn failed_step_does_not_undo_its_neighbours() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Arc::new(start_writer(&folder).await);
        let steps = (0..200).map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move {
                writer
                    .write(StepUndo::Savepoint, move |connection| {
                        let insert = || connection.execute("insert into t values ($1)", [n]);
                        // Every fourth step fails after it has written.
                        let outcome = insert().and_then(|one| if n % 4 == 0 { insert() } else { Ok(one) });
                        outcome.map(StepEnd::Commit).map_err(|error| to_store_error(&error))
                    })
                    .await
                    .is_ok()
            })
        });
        let mut stored = 0;
        for (n, step) in steps.collect::<Vec<_>>().into_iter().enumerate() {
            let ok = step.await.unwrap();
            assert_eq!(ok, n % 4 != 0, "step {n}");
            stored += i64::from(ok);
        }
        assert_eq!(count_rows(&writer).await, stored);
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn write_before_a_refusal_without_a_savepoint_is_undone_with_its_neighbours_and_all_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Arc::new(start_writer(&folder).await);
        let insert = |n: i64| {
            move |connection: &mut Connection| {
                connection.execute("insert into t values ($1)", [n]).map_err(|error| to_store_error(&error))
            }
        };
        // The first step waits until the others are queued: all three are one batch.
        let (started, has_started) = std::sync::mpsc::channel::<()>();
        let (queued, are_queued) = std::sync::mpsc::channel::<()>();
        let wait_and_insert = move |connection: &mut Connection| {
            started.send(()).unwrap();
            are_queued.recv().unwrap();
            insert(1)(connection).map(StepEnd::Commit)
        };
        let shared = writer.clone();
        let first = tokio::spawn(async move { shared.write(StepUndo::Unneeded, wait_and_insert).await });
        has_started.recv().unwrap();
        let refused_before_write = writer.write(StepUndo::Unneeded, |_| Ok(StepEnd::RollBack(0)));
        let refused_after_write = writer
            .write(StepUndo::Unneeded, move |connection: &mut Connection| insert(2)(connection).map(StepEnd::RollBack));
        let release = async { queued.send(()).unwrap() };
        let (before, after, ()) = tokio::join!(refused_before_write, refused_after_write, release);
        for outcome in [first.await.unwrap(), before, after] {
            assert!(matches!(outcome, Err(StoreError::Busy)), "{outcome:?}");
        }
        assert_eq!(count_rows(&writer).await, 0);
        // The next ones are written.
        writer.write(StepUndo::Unneeded, move |connection| insert(1)(connection).map(StepEnd::Commit)).await.unwrap();
        writer.write(StepUndo::Unneeded, |_| Ok(StepEnd::RollBack(()))).await.unwrap();
        assert_eq!(count_rows(&writer).await, 1);
    }

    async fn count_rows(writer: &Writer) -> i64 {
        let count = |connection: &mut Connection| {
            let count = connection.query_row("select count(*) from t", [], |row| row.get(0));
            count.map(StepEnd::Commit).map_err(|error| to_store_error(&error))
        };
        writer.write(StepUndo::Unneeded, count).await.unwrap()
    }
}
