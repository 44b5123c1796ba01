//! Session polling: fetches the results of liveness sessions before the provider forgets them, whether or not a browser
//! asks for them.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::claim::{ClaimedJob, JobColumns};
use super::queue::{JobError, JobKind, JobLimits, JobOutcome};
use crate::clock::Clock;
use crate::providers::liveness::LivenessSessions;
use crate::records::RecordKind;
use crate::records::liveness_session::{LivenessSession, SessionStatus};

/// Polls unfinished sessions at the times that [`LivenessSessions`] sets.
pub struct SessionPolling {
    sessions: Arc<LivenessSessions>,
    clock: Clock,
}

impl SessionPolling {
    /// Polls those sessions.
    #[must_use]
    pub fn new(sessions: Arc<LivenessSessions>, clock: Clock) -> Self {
        Self { sessions, clock }
    }
}

#[async_trait]
impl JobKind for SessionPolling {
    type JobRecord = LivenessSession;

    const NAME: &'static str = "session_polling";
    const COLUMNS: JobColumns = JobColumns {
        kind: RecordKind::LivenessSessions,
        due: "poll_due",
        attempts: Some("poll_attempts"),
        open_word: None,
    };
    const LOGS_FAILED_RUNS: bool = false;

    fn limits(&self) -> JobLimits {
        JobLimits {
            workers: 8,
            // A provider's call takes 12 s at most, and waits 2 s for a permit and 2 s for another call of its session.
            lease_seconds: 20,
            max_attempts: 5,
            postpone_seconds: 5,
            poll_interval: Duration::from_secs(15),
            pause_after_failure: Duration::ZERO,
        }
    }

    fn wake_signal(&self) -> &Notify {
        self.sessions.polling_wake()
    }

    async fn run_job(&self, job: &ClaimedJob<LivenessSession>) -> Result<JobOutcome, JobError> {
        let session = &job.record;
        if self.clock.now() >= session.expires {
            return Ok(JobOutcome::Close);
        }
        let refreshed = self.sessions.refresh_session(session.clone()).await;
        let next = self.sessions.next_poll_time(session.expires);
        match (refreshed, next) {
            (Ok(Some(session)), Some(next)) if is_open(session.status) => Ok(JobOutcome::RunAgain(next)),
            (Ok(_), _) => Ok(JobOutcome::Close),
            (Err(error), Some(next)) => {
                Err(JobError::Unavailable { cause: error.to_string(), retry_at: Some(next), is_outage: true })
            }
            (Err(error), None) => {
                tracing::warn!(cause = %error, "could not fetch the result of a liveness session before its end");
                Ok(JobOutcome::Close)
            }
        }
    }

    async fn give_up(&self, _: &ClaimedJob<LivenessSession>) -> Result<JobOutcome, JobError> {
        tracing::error!("polling a liveness session gave no result in all attempts");
        Ok(JobOutcome::Close)
    }
}

fn is_open(status: SessionStatus) -> bool {
    !status.is_finished() && status != SessionStatus::Expired
}
