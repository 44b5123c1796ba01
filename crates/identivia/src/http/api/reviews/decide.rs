//! Decisions of a review by its holder: approval, rejection, and a request for another try.

use axum::Json;

use super::access::{NamedReview, decider_of, refusal_answer};
use super::case::{ReviewResponse, answer_case};
use super::decision_body::{CheckedDecision, DecideReview, RequestResubmission};
use crate::domain::event::EventKind;
use crate::domain::review::ReviewRefusal;
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::review::{DeciderKind, Proposal, ReviewOutcome};
use crate::store::ReviewDecision;

/// Approve a review
///
/// It takes effect after `review_undo_seconds`; where two people must agree, once a second one has.
#[utoipa::path(post, path = "/api/reviews/{id}/approve", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = DecideReview,
    responses(
        (status = 200, description = "Decided, or put before a second person", body = ReviewResponse),
        (status = 409, description = "The claim has ended, the review has changed, or there is a newer record", body = ErrorBody),
    ))]
pub(crate) async fn approve_review(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<ReviewResponse>, ApiError> {
    let body: DecideReview = json::read_json(request).await?;
    decide(named, body.check(ReviewOutcome::Approve)?, ReviewOutcome::Approve).await
}

/// Reject a review
///
/// With at least one reason. It takes effect as an approval does.
#[utoipa::path(post, path = "/api/reviews/{id}/reject", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = DecideReview,
    responses(
        (status = 200, description = "Decided, or put before a second person", body = ReviewResponse),
        (status = 409, description = "The claim has ended, the review has changed, or there is a newer record", body = ErrorBody),
    ))]
pub(crate) async fn reject_review(named: NamedReview, request: WholeRequest) -> Result<Json<ReviewResponse>, ApiError> {
    let body: DecideReview = json::read_json(request).await?;
    decide(named, body.check(ReviewOutcome::Reject)?, ReviewOutcome::Reject).await
}

/// Request a resubmission
///
/// The person is asked for these steps again, at once. The review waits until they send a new record, which has its own.
#[utoipa::path(post, path = "/api/reviews/{id}/request_resubmission", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = RequestResubmission,
    responses(
        (status = 200, description = "Requested", body = ReviewResponse),
        (status = 409, description = "The claim has ended, the review has changed, or the person has been asked too often", body = ErrorBody),
    ))]
pub(crate) async fn request_resubmission(
    named: NamedReview,
    request: WholeRequest,
) -> Result<Json<ReviewResponse>, ApiError> {
    let body: RequestResubmission = json::read_json(request).await?;
    decide(named, body.check()?, ReviewOutcome::RequestResubmission).await
}

async fn decide(
    named: NamedReview,
    decision: CheckedDecision,
    outcome: ReviewOutcome,
) -> Result<Json<ReviewResponse>, ApiError> {
    let (by, now) = (decider_of(&named.context), named.now());
    let review = &named.review;
    review.require_claim(&by, &decision.claim_id, now).map_err(refusal_answer)?;
    review.require_version(decision.version).map_err(refusal_answer)?;
    named.require_newest_evidence().await?;
    let settings = named.context.app.store.review_settings(&review.team).await?;
    let proposal = decision.to_proposal(outcome, by, now);
    let note = decision.internal_note.clone().map(|text| named.note(text));
    let decided = if outcome == ReviewOutcome::RequestResubmission {
        named.put_into_effect(proposal, note, EventKind::ReviewResubmissionRequested).await?
    } else if settings.four_eyes {
        if proposal.by.kind == DeciderKind::Client {
            return Err(refusal_answer(ReviewRefusal::SameReviewer));
        }
        // Without the outcome: the second person may read the audit trail, and is to look themselves. The row that ends the
        // second look names it.
        named.change(EventKind::ReviewProposed, "", note, |review| review.ask_second(proposal)).await?
    } else if settings.undo_seconds == 0 {
        named.put_into_effect(proposal, note, EventKind::ReviewDecided).await?
    } else {
        let detail = proposal.outcome.word();
        let start = |review: &mut crate::records::review::Review| {
            review.start_decision(proposal, settings.undo_seconds);
            Ok(())
        };
        let started = named.change(EventKind::ReviewDeciding, detail, note, start).await?;
        started.context.app.review_decisions.wake();
        started
    };
    answer_case(decided).await
}

impl NamedReview {
    /// Refuses a decision about a record that is no longer the newest of its profile.
    pub(super) async fn require_newest_evidence(&self) -> Result<(), ApiError> {
        let profile = self.context.app.store.profile(self.review.profile, &self.context.authority.reach).await?;
        let newest = profile.ok_or_else(ApiError::profile_not_found)?.newest_verification;
        if newest == Some(self.review.verification) { Ok(()) } else { Err(ApiError::evidence_changed(newest)) }
    }

    /// Stores a decision with all that it sets.
    pub(super) async fn put_into_effect(
        self,
        proposal: Proposal,
        note: Option<crate::records::review::ReviewNote>,
        kind: EventKind,
    ) -> Result<Self, ApiError> {
        let now = self.now();
        let event = self.audit(kind, proposal.outcome.word());
        let decision = ReviewDecision::of_proposal(&self.review, proposal, note, now);
        let written = self.context.app.store.decide_review(decision, event).await?;
        self.after_write(written).await
    }
}
