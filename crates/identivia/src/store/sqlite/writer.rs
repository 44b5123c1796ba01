//! The one writer: takes the steps that wait, runs each in its own savepoint, commits once, answers all.
//!
//! A commit costs one fsync however many steps share it, so the busier the server the cheaper a write.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rusqlite::{Connection, ErrorCode};
use tokio::sync::{mpsc, oneshot};

use crate::store::StoreError;

/// Steps that may wait; past that callers are told to come again.
const QUEUE: usize = 4_096;
/// The most steps in one commit: bounds how long the first of them waits.
const BATCH: usize = 512;
/// How long a step may wait for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(5);

/// Runs a step and leaves behind how to answer it, once the commit's fate is known.
type Step = Box<dyn FnOnce(&mut Connection) -> Ran + Send>;
type Answer = Box<dyn FnOnce(Result<(), StoreError>) + Send>;

struct Ran {
    answer: Answer,
    error: Option<StoreError>,
}

/// The way to the writer's thread. The thread ends, with everything answered, when the last handle is dropped.
pub(super) struct Writer {
    queue: mpsc::Sender<Step>,
    broken: Arc<AtomicBool>,
}

impl Writer {
    /// Starts the thread, which owns the connection.
    pub(super) fn start(mut connection: Connection) -> std::io::Result<Self> {
        let (queue, steps) = mpsc::channel(QUEUE);
        let broken = Arc::new(AtomicBool::new(false));
        let flag = broken.clone();
        thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || run(&mut connection, steps, &flag))?;
        Ok(Self { queue, broken })
    }

    /// Runs one step; when this answers, it is on disk.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        if self.is_broken() {
            return Err(StoreError::Broken);
        }
        let (answer, reply) = oneshot::channel();
        let step: Step = Box::new(move |connection| {
            let outcome = in_savepoint(connection, work);
            let error = outcome.as_ref().err().cloned();
            // Nobody listens any more when the request was cancelled; the step stands all the same.
            let answer: Answer = Box::new(move |commit| drop(answer.send(commit.and(outcome))));
            Ran { answer, error }
        });
        self.queue.send_timeout(step, PATIENCE).await.map_err(|_| StoreError::Busy)?;
        reply.await.unwrap_or(Err(StoreError::Broken))
    }

    /// Says whether a sync has failed: then nothing is acknowledged until a restart.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Relaxed)
    }
}

fn run(connection: &mut Connection, mut steps: mpsc::Receiver<Step>, broken: &AtomicBool) {
    while let Some(first) = steps.blocking_recv() {
        let begun = if broken.load(Ordering::Relaxed) { Err(StoreError::Broken) } else { begin(connection) };
        let mut answers = Vec::new();
        let commit = match begun {
            Ok(()) => run_batch(connection, first, &mut steps, &mut answers),
            Err(error) => {
                // Outside a transaction a step does nothing but leave its answer behind.
                answers.push(first(connection).answer);
                Err(error)
            }
        };
        if matches!(commit, Err(StoreError::Broken)) && !broken.swap(true, Ordering::Relaxed) {
            tracing::error!("a write to the database's disk failed: writes are refused until a restart");
        }
        for answer in answers {
            answer(commit.clone());
        }
    }
}

/// Runs the first step and those that wait behind it, and commits them together.
fn run_batch(
    connection: &mut Connection,
    first: Step,
    steps: &mut mpsc::Receiver<Step>,
    answers: &mut Vec<Answer>,
) -> Result<(), StoreError> {
    let mut next = Some(first);
    while let Some(step) = next {
        let Ran { answer, error } = step(connection);
        answers.push(answer);
        if connection.is_autocommit() {
            // A full disk or a failed write makes SQLite roll the whole transaction back by itself.
            return Err(error.unwrap_or(StoreError::Full));
        }
        next = if answers.len() < BATCH { steps.try_recv().ok() } else { None };
    }
    commit(connection)
}

fn begin(connection: &Connection) -> Result<(), StoreError> {
    run_plain(connection, "begin immediate")
}

/// Commits; whatever goes wrong, no transaction is left open.
fn commit(connection: &Connection) -> Result<(), StoreError> {
    let committed = run_plain(connection, "commit");
    if committed.is_err() && !connection.is_autocommit() {
        let _ = run_plain(connection, "rollback");
    }
    committed
}

fn in_savepoint<T>(
    connection: &mut Connection,
    work: impl FnOnce(&mut Connection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    if connection.is_autocommit() {
        // The transaction is gone, so this step has nothing to stand in; the commit's error answers it.
        return Err(StoreError::Busy);
    }
    run_plain(connection, "savepoint step")?;
    let outcome = work(connection);
    if connection.is_autocommit() {
        return outcome.and(Err(StoreError::Full));
    }
    if outcome.is_err() {
        run_plain(connection, "rollback to step")?;
    }
    run_plain(connection, "release step")?;
    outcome
}

fn run_plain(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute([]))
        .map(|_| ())
        .map_err(|error| store_error(&error))
}

/// What an error of SQLite means for the caller. Its text names tables and columns at most, never values.
pub(super) fn store_error(error: &rusqlite::Error) -> StoreError {
    match error.sqlite_error_code() {
        // A database that was open before cannot be opened again when file handles run out.
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked | ErrorCode::CannotOpen) => StoreError::Busy,
        Some(ErrorCode::DiskFull) => StoreError::Full,
        Some(ErrorCode::SystemIoFailure) => StoreError::Broken,
        _ => StoreError::Failed(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn writer(folder: &tempfile::TempDir) -> Writer {
        let connection = Connection::open(folder.path().join("test.db")).unwrap();
        connection.execute_batch("pragma journal_mode = wal; create table t (n integer primary key);").unwrap();
        Writer::start(connection).unwrap()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_failed_step_takes_none_of_its_neighbours_with_it() {
        let folder = tempfile::tempdir().unwrap();
        let writer = Arc::new(writer(&folder).await);
        let steps = (0..200).map(|n| {
            let writer = writer.clone();
            tokio::spawn(async move {
                writer
                    .write(move |connection| {
                        let insert = || connection.execute("insert into t values ($1)", [n]);
                        // Every fourth step fails after it has written.
                        let outcome = insert().and_then(|one| if n % 4 == 0 { insert() } else { Ok(one) });
                        outcome.map_err(|error| store_error(&error))
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
        let count = writer.write(|connection| {
            let count = connection.query_row("select count(*) from t", [], |row| row.get(0));
            count.map_err(|error| store_error(&error))
        });
        let count: i64 = count.await.unwrap();
        assert_eq!(count, stored);
    }
}
