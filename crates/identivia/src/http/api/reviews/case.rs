//! `GET /api/reviews/{id}`: a review with everything that its reviewer needs, masked by who looks.

use axum::Json;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::access::{NamedReview, decider_of};
use super::case_fields::{CaseView, ReadSource, list_read_sources, shown_checks, shown_profile, shown_record};
use super::case_history::{CaseEvent, EarlierTry, list_earlier_tries, list_timeline};
use super::case_images::{CaseImage, list_images};
use super::note::NoteView;
use super::row::ReviewRow;
use crate::domain::breakdown::{BreakdownNode, KnownChecks, break_down};
use crate::domain::event::EventKind;
use crate::domain::reason::ReasonCode;
use crate::domain::review::is_same_person;
use crate::domain::review_settings::ReviewSettings;
use crate::domain::scope::Scope;
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::review::{Proposal, ReviewOutcome, ReviewState};
use crate::records::time::Millis;

/// A review as a case.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewResponse {
    success: bool,
    data: ReviewCase,
}

/// A review with what the person sent, what was found, and what may be done.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewCase)]
struct ReviewCase {
    #[serde(flatten)]
    row: ReviewRow,
    /// Whether the caller holds it.
    mine: bool,
    /// For its holder alone: what changes of it name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    claim_id: Option<String>,
    #[schema(value_type = Vec<ReasonCode>)]
    reasons: Vec<String>,
    steps: Vec<String>,
    #[schema(required = true)]
    message: Option<String>,
    /// What the first of two people has decided; `null` before that, or where the caller must not know it.
    #[schema(required = true)]
    proposal: Option<CaseProposal>,
    /// What the profile says, masked.
    #[schema(value_type = Object)]
    profile_data: Map<String, Value>,
    /// What the person sent, masked.
    #[schema(value_type = Object)]
    record: Map<String, Value>,
    /// What was read of the document, masked.
    read: Vec<ReadSource>,
    /// The tree over the checks; `null` while they have no result.
    #[schema(required = true)]
    breakdown: Option<Vec<BreakdownNode>>,
    /// The checks. Their findings rest on no values but figures, and on none for those who do not hold the review.
    #[schema(value_type = Vec<crate::records::checks::Check>)]
    checks: Value,
    /// For its holder, and for admins.
    images: Vec<CaseImage>,
    /// Earlier records of the profile, the newest first.
    tries_before: Vec<EarlierTry>,
    /// What happened to the profile, the newest first.
    timeline: Vec<CaseEvent>,
    notes: Vec<NoteView>,
    #[schema(required = true)]
    undo_until: Option<Millis>,
    /// What the caller may do with it now.
    may: Vec<&'static str>,
}

/// A decision that has not taken effect.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewProposal)]
struct CaseProposal {
    outcome: ReviewOutcome,
    /// The name of its maker.
    by: String,
    at: Millis,
}

/// Get a review
///
/// A reviewer who holds it sees name, date of birth and pictures. Number, e-mail address, telephone and address stay masked until they
/// are revealed.
#[utoipa::path(get, path = "/api/reviews/{id}", tag = "Reviews",
    security(("machine" = ["reviews:read"]), ("consoleSession" = ["reviews:read"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    responses((status = 200, description = "The review", body = ReviewResponse)))]
pub(crate) async fn get_review(named: NamedReview) -> Result<Json<ReviewResponse>, ApiError> {
    named.context.audit_read(named.audit(EventKind::ReviewOpened, "")).await?;
    answer_case(named).await
}

/// The answer with a whole case.
pub(super) async fn answer_case(named: NamedReview) -> Result<Json<ReviewResponse>, ApiError> {
    let (context, review, now) = (&named.context, &named.review, named.now());
    let (store, reach) = (&context.app.store, &context.authority.reach);
    let by = decider_of(context);
    let is_held = review.is_held_by(&by.id, now);
    let reviewer = context.authority.reviewer.as_ref();
    let view = CaseView {
        is_whole: reviewer.is_none(),
        is_held,
        shows_images: reviewer.is_none_or(|reviewer| is_held || reviewer.is_admin()),
    };
    let (profile, record, settings, notes) = tokio::try_join!(
        store.profile(review.profile, reach),
        store.verification_record(review.verification),
        store.review_settings(&review.team),
        store.review_notes(review.id),
    )?;
    let profile = profile.ok_or_else(ApiError::profile_not_found)?;
    let record = record.ok_or_else(ApiError::profile_not_found)?;
    let checks = KnownChecks::of_record(&record);
    let is_blind = named.is_blind_to(&by, settings);
    let decision = review.decision.as_ref().or(review.proposal.as_ref()).filter(|_| !is_blind);
    let data = ReviewCase {
        row: ReviewRow::new(review, Some(&record), now),
        mine: is_held,
        claim_id: review.claim_id.clone().filter(|_| is_held),
        reasons: decision.map(|decision| decision.reasons.clone()).unwrap_or_default(),
        steps: decision.map(|decision| decision.steps.clone()).unwrap_or_default(),
        message: decision.and_then(|decision| decision.message.clone()),
        proposal: review.proposal.as_ref().filter(|_| !is_blind && review.decision.is_none()).map(CaseProposal::new),
        profile_data: shown_profile(&profile, view)?,
        record: shown_record(&record, view)?,
        read: list_read_sources(&checks, view),
        breakdown: break_down(&record, &checks),
        checks: shown_checks(&checks, view)?,
        images: if view.shows_images { list_images(context, &record, &checks).await? } else { Vec::new() },
        tries_before: list_earlier_tries(context, review).await?,
        timeline: list_timeline(context, review, is_blind).await?,
        notes: notes
            .into_iter()
            .filter(|note| !(is_blind && review.is_of_proposal(note)))
            .map(NoteView::from)
            .collect(),
        undo_until: review.undo_until.filter(|until| *until > now),
        may: named.list_actions(settings),
    };
    Ok(Json(ReviewResponse { success: true, data }))
}

impl CaseProposal {
    fn new(proposal: &Proposal) -> Self {
        Self { outcome: proposal.outcome, by: proposal.by.name.clone(), at: proposal.at }
    }
}

impl NamedReview {
    /// Says whether the caller must not know what the first person has decided: they are to look themselves.
    fn is_blind_to(&self, by: &crate::records::review::Decider, settings: ReviewSettings) -> bool {
        let is_own = self.review.proposal.as_ref().is_some_and(|proposal| is_same_person(&proposal.by, by));
        let is_client = self.context.authority.reviewer.is_none();
        self.review.state == ReviewState::SecondLook && settings.blind_second_look && !is_own && !is_client
    }

    /// What the caller may do with the review now.
    fn list_actions(&self, settings: ReviewSettings) -> Vec<&'static str> {
        let has = |scope| self.context.authority.scopes.has(scope);
        let (review, now, by) = (&self.review, self.now(), decider_of(&self.context));
        let is_person = self.context.authority.reviewer.is_some();
        let mut actions = Vec::new();
        match review.shown_state(now) {
            ReviewState::Open if has(Scope::ReviewsDecide) => actions.push("claim"),
            ReviewState::Claimed if review.is_held_by(&by.id, now) && has(Scope::ReviewsDecide) => {
                actions.extend(["renew", "release", "request_resubmission"]);
                if is_person || !settings.four_eyes {
                    actions.extend(["approve", "reject"]);
                }
                if is_person && has(Scope::PiiReveal) {
                    actions.push("reveal");
                }
            }
            ReviewState::Claimed if has(Scope::ReviewsOverride) => actions.push("take_over"),
            ReviewState::Deciding if review.clone().undo_decision(&by, now).is_ok() => actions.push("undo"),
            ReviewState::SecondLook if has(Scope::ReviewsSecond) && review.require_other_person(&by).is_ok() => {
                actions.push("second");
            }
            ReviewState::Escalated if has(Scope::ReviewsOverride) && review.require_other_person(&by).is_ok() => {
                actions.push("second");
            }
            ReviewState::Decided if is_person && has(Scope::ReviewsOverride) => actions.push("reopen"),
            _ => {}
        }
        actions
    }
}
