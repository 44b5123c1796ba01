//! Decisions of reviews that take effect once the time has passed in which they can be undone.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::claim::{ClaimedJob, JobColumns};
use super::queue::{JobError, JobKind, JobLimits, JobOutcome, JobQueue};
use crate::clock::Clock;
use crate::domain::event::EventKind;
use crate::records::RecordKind;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::review::{DeciderKind, Proposal, Review, ReviewState};
use crate::store::{Refusal, ReviewDecision, Store};

/// Puts decisions of reviews into effect.
pub struct ReviewDecisions {
    store: Arc<dyn Store>,
    clock: Clock,
    wake: Notify,
}

impl ReviewDecisions {
    /// The queue of the decisions of that store. Nothing runs yet.
    #[must_use]
    pub fn queue(store: &Arc<dyn Store>, clock: &Clock) -> Arc<JobQueue<Self>> {
        let kind = Self { store: store.clone(), clock: clock.clone(), wake: Notify::new() };
        JobQueue::new(kind, store.clone(), clock.clone())
    }

    /// An audit record of what its decider has done.
    fn audit(&self, review: &Review, proposal: &Proposal, kind: EventKind) -> AuditEvent {
        let actor_kind = match proposal.by.kind {
            DeciderKind::User => ActorKind::User,
            DeciderKind::Client => ActorKind::Client,
        };
        AuditEvent::new(kind, self.clock.now(), proposal.by.id.clone())
            .by(actor_kind)
            .about(Some(review.profile))
            .on(RecordKind::Reviews, review.id.as_str())
            .with_detail(proposal.outcome.word())
    }

    /// Gives a review back whose decision cannot take effect, so that a reviewer decides it again.
    async fn give_back(&self, review: &Review, proposal: &Proposal) -> Result<JobOutcome, JobError> {
        let event = self.audit(review, proposal, EventKind::ReviewUndone);
        let mut after = review.clone();
        after.fail_decision();
        let _ = self.store.change_review(review, after, &event, None).await?;
        Ok(JobOutcome::Settled)
    }
}

#[async_trait]
impl JobKind for ReviewDecisions {
    type JobRecord = Review;

    const NAME: &'static str = "review_decisions";
    const COLUMNS: JobColumns = JobColumns {
        kind: RecordKind::Reviews,
        due: "decide_due",
        attempts: Some("decide_attempts"),
        open_word: Some(("state", ReviewState::Deciding.word())),
    };

    fn limits(&self) -> JobLimits {
        JobLimits {
            workers: 2,
            lease_seconds: 30,
            max_attempts: 20,
            postpone_seconds: 5,
            poll_interval: Duration::from_secs(5),
            pause_after_failure: Duration::from_secs(5),
        }
    }

    fn wake_signal(&self) -> &Notify {
        &self.wake
    }

    async fn run_job(&self, job: &ClaimedJob<Review>) -> Result<JobOutcome, JobError> {
        let Some(proposal) = job.record.proposal.clone() else {
            return Err(JobError::Failed("a review has no decision to put into effect".to_owned()));
        };
        let event = self.audit(&job.record, &proposal, EventKind::ReviewDecided);
        let decision = ReviewDecision::of_proposal(&job.record, proposal.clone(), None, event.at);
        let decision = ReviewDecision { held: Self::COLUMNS.holding_conditions(job), ..decision };
        match self.store.decide_review(decision, event).await? {
            // Undone or withdrawn meanwhile; else the lease ends, and it is tried again.
            Ok(_) | Err(Refusal::Changed) => Ok(JobOutcome::Settled),
            Err(_) => self.give_back(&job.record, &proposal).await,
        }
    }

    async fn give_up(&self, job: &ClaimedJob<Review>) -> Result<JobOutcome, JobError> {
        tracing::error!(review.id = %job.record.id, "a decision of a review could not take effect in all attempts");
        match &job.record.proposal {
            Some(proposal) => self.give_back(&job.record, proposal).await,
            None => Ok(JobOutcome::Close),
        }
    }
}
