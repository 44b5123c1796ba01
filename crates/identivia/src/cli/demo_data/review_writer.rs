//! Writes what the invented reviewers have done with a review, by the rules and steps of a real one.

use std::sync::Arc;

use anyhow::anyhow;

use super::demo_staff::DemoStaff;
use crate::domain::event::EventKind;
use crate::domain::review::ReviewRefusal;
use crate::records::RecordKind;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::review::{Decider, Proposal, Review, ReviewNote, ReviewOutcome};
use crate::records::time::Millis;
use crate::store::{Reach, ReviewDecision, Store, WriteOutcome};

/// How long a reviewer holds a review before they decide, in seconds.
const HELD_SECONDS: i64 = 240;
/// How long the second person takes, in seconds.
const SECOND_SECONDS: i64 = 900;

/// Writes the work of invented reviewers.
pub(super) struct ReviewWriter {
    pub(super) store: Arc<dyn Store>,
    pub(super) staff: DemoStaff,
}

/// What is decided, why, and when.
pub(super) struct DemoDecision {
    pub(super) outcome: ReviewOutcome,
    pub(super) reasons: Vec<String>,
    pub(super) steps: Vec<String>,
    pub(super) at: Millis,
}

impl ReviewWriter {
    /// The review of a person's newest record; `None` where the store keeps none.
    pub(super) async fn find_review(&self, profile: RecordId) -> anyhow::Result<Option<Review>> {
        Ok(self.store.reviews_of_profile(profile, 1).await?.pop())
    }

    /// Has the reviewer of that number claim a review and decide it.
    pub(super) async fn decide(&self, review: Review, number: usize, decision: DemoDecision) -> anyhow::Result<Review> {
        let by = self.staff.decider(number);
        let claimed = self.claim(review, &by, decision.at.plus_seconds(-HELD_SECONDS)).await?;
        let kind = match decision.outcome {
            ReviewOutcome::RequestResubmission => EventKind::ReviewResubmissionRequested,
            ReviewOutcome::Approve | ReviewOutcome::Reject => EventKind::ReviewDecided,
        };
        self.put_into_effect(claimed, decision.into_proposal(by), kind).await
    }

    /// Has one reviewer propose a decision, which waits for another one.
    pub(super) async fn propose(
        &self,
        review: Review,
        number: usize,
        decision: DemoDecision,
    ) -> anyhow::Result<Review> {
        let by = self.staff.decider(number);
        let at = decision.at;
        let claimed = self.claim(review, &by, at.plus_seconds(-HELD_SECONDS)).await?;
        let event = by_user(EventKind::ReviewProposed, at, &claimed, &by);
        let proposal = decision.into_proposal(by);
        self.change(claimed, event, |review| review.ask_second(proposal)).await
    }

    /// Has another reviewer agree with what was proposed.
    pub(super) async fn agree(&self, mut review: Review, number: usize) -> anyhow::Result<Review> {
        let first = review.proposal.clone().ok_or_else(|| anyhow!("nothing was proposed"))?;
        let (by, at) = (self.staff.decider(number), first.at.plus_seconds(SECOND_SECONDS));
        review.require_other_person(&by).map_err(|refusal| broken_rule(&refusal))?;
        review.second = Some(Proposal { by: by.clone(), at, ..first.clone() });
        let event = by_user(EventKind::ReviewDecided, at, &review, &by).with_detail(first.outcome.word());
        let decision = ReviewDecision::of_proposal(&review, first, None, at);
        expect_written(self.store.decide_review(decision, event).await?)
    }

    /// Has another reviewer not agree: a third one must decide.
    pub(super) async fn disagree(&self, review: Review, number: usize, reasons: Vec<String>) -> anyhow::Result<Review> {
        let first = review.proposal.clone().ok_or_else(|| anyhow!("nothing was proposed"))?;
        let (by, at) = (self.staff.decider(number), first.at.plus_seconds(SECOND_SECONDS));
        review.require_other_person(&by).map_err(|refusal| broken_rule(&refusal))?;
        let event = by_user(EventKind::ReviewEscalated, at, &review, &by).with_detail(first.outcome.word());
        let own = Proposal { outcome: first.outcome.opposite(), reasons, by, at, ..first };
        self.change(review, event, |review| {
            review.escalate(own);
            Ok(())
        })
        .await
    }

    /// Has a reviewer open a decided review again.
    pub(super) async fn reopen(&self, review: Review, number: usize, at: Millis) -> anyhow::Result<Review> {
        let by = self.staff.decider(number);
        let mut after = review.clone();
        after.reopen(at.plus_seconds(24 * 3_600)).map_err(|refusal| broken_rule(&refusal))?;
        let note = ReviewNote {
            id: RecordId::random(),
            review: review.id,
            at,
            by: by.id.clone(),
            by_name: by.name.clone(),
            text: "Demo data: decided too fast".to_owned(),
        };
        let event = by_user(EventKind::ReviewReopened, at, &review, &by);
        let decision = ReviewDecision::of_reopening(&review, after, &by, note, at);
        expect_written(self.store.decide_review(decision, event).await?)
    }

    async fn claim(&self, review: Review, by: &Decider, at: Millis) -> anyhow::Result<Review> {
        let event = by_user(EventKind::ReviewClaimed, at, &review, by);
        self.change(review, event, |review| review.claim(by, false, at)).await
    }

    async fn change(
        &self,
        review: Review,
        event: AuditEvent,
        rule: impl FnOnce(&mut Review) -> Result<(), ReviewRefusal>,
    ) -> anyhow::Result<Review> {
        let mut after = review.clone();
        rule(&mut after).map_err(|refusal| broken_rule(&refusal))?;
        expect_written(self.store.change_review(&review, after, &event, None).await?)?;
        // Fields that a change leaves alone may have been set by the checks.
        let stored = self.store.review(review.id, &Reach::Every).await?;
        stored.ok_or_else(|| anyhow!("a demo review is gone"))
    }

    async fn put_into_effect(&self, review: Review, proposal: Proposal, kind: EventKind) -> anyhow::Result<Review> {
        let at = proposal.at;
        let event = by_user(kind, at, &review, &proposal.by).with_detail(proposal.outcome.word());
        let decision = ReviewDecision::of_proposal(&review, proposal, None, at);
        expect_written(self.store.decide_review(decision, event).await?)
    }
}

impl DemoDecision {
    fn into_proposal(self, by: Decider) -> Proposal {
        let Self { outcome, reasons, steps, at } = self;
        Proposal { outcome, reasons, steps, message: None, by, at }
    }
}

fn by_user(kind: EventKind, at: Millis, review: &Review, by: &Decider) -> AuditEvent {
    let event = AuditEvent::new(kind, at, by.id.clone()).by(ActorKind::User).about(Some(review.profile));
    event.on(RecordKind::Reviews, review.id.as_str())
}

fn broken_rule(refusal: &ReviewRefusal) -> anyhow::Error {
    anyhow!("a demo review does not follow the rules ({refusal:?})")
}

/// An error when another program writes the same review.
fn expect_written(written: WriteOutcome<Review>) -> anyhow::Result<Review> {
    written.map_err(|refusal| anyhow!("another program writes the same review ({refusal:?}); stop it"))
}
