//! The review that a path names, within the caller's reach; who decides; and the refusals of changes.

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;

use crate::domain::event::EventKind;
use crate::domain::review::ReviewRefusal;
use crate::domain::scope::Scope;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::http::state::HttpState;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::review::{Decider, DeciderKind, Review, ReviewNote};
use crate::records::time::Millis;
use crate::records::{RecordKind, review::ReviewState};
use crate::store::{Refusal, WriteOutcome};

/// A review within the caller's reach, with the request's context.
pub(crate) struct NamedReview {
    pub(super) context: RequestContext,
    pub(super) review: Review,
}

impl FromRequestParts<HttpState> for NamedReview {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let context = RequestContext::from_request_parts(parts, state).await?;
        require_reviews(&context)?;
        let Path(text) = Path::<String>::from_request_parts(parts, state).await.map_err(|_| review_not_found())?;
        let id = RecordId::parse(&text).ok_or_else(review_not_found)?;
        let review = context.app.store.review(id, &context.authority.reach).await?.ok_or_else(review_not_found)?;
        Ok(Self { context, review })
    }
}

/// Refuses reviews where the records are in a PocketBase without its batch API.
pub(super) fn require_reviews(context: &RequestContext) -> Result<(), ApiError> {
    if context.app.store.keeps_reviews() {
        return Ok(());
    }
    Err(ApiError::not_configured(
        "Reviews need the batch API",
        "The records are in PocketBase: the operator turns it on in its settings (Application, Batch API) and restarts this server; \
         until then decide with status records",
    ))
}

/// 404 for a review that does not exist, or is another team's.
pub(super) fn review_not_found() -> ApiError {
    ApiError::not_found("Review not found", "GET /api/reviews lists the reviews")
}

/// Who decides: the person at the console, or the client of a machine token.
pub(super) fn decider_of(context: &RequestContext) -> Decider {
    let authority = &context.authority;
    match &authority.reviewer {
        Some(reviewer) => Decider {
            kind: DeciderKind::User,
            id: reviewer.user_id.to_string(),
            name: if reviewer.name.is_empty() { reviewer.email.clone() } else { reviewer.name.clone() },
            email: Some(reviewer.email.clone()),
            oidc_subject: reviewer.oidc_subject.clone(),
        },
        None => Decider {
            kind: DeciderKind::Client,
            id: authority.actor.id.clone(),
            name: authority.actor.id.clone(),
            email: None,
            oidc_subject: None,
        },
    }
}

/// The answer to a caller whom a rule of reviews refuses.
pub(super) fn refusal_answer(refusal: ReviewRefusal) -> ApiError {
    match refusal {
        ReviewRefusal::Claimed { holder, until } => {
            ApiError::conflict("Held by another reviewer", "Wait until it is free, or take another one")
                .with_code("review_claimed")
                .with_holder(holder, until)
        }
        ReviewRefusal::Changed { version } => {
            ApiError::conflict("Review has changed", "Read it again").with_code("review_changed").with_version(version)
        }
        ReviewRefusal::ClaimEnded => {
            ApiError::conflict("Claim has ended", "Claim the review again").with_code("claim_ended")
        }
        ReviewRefusal::SameReviewer => {
            ApiError::forbidden("Another person must decide", "A person decides once, and a client is no person")
                .with_code("same_reviewer")
        }
        ReviewRefusal::WrongState(state) => {
            ApiError::conflict("Not possible in this state", state_advice(state)).with_code("wrong_state")
        }
        ReviewRefusal::TooManyClaims => {
            ApiError::conflict("Too many claims", "Decide or release one of those that you hold")
                .with_code("too_many_claims")
        }
    }
}

const fn state_advice(state: ReviewState) -> &'static str {
    match state {
        ReviewState::Open => "The review is open: claim it first",
        ReviewState::Claimed => "The review is claimed",
        ReviewState::Deciding => "The review is decided, and can still be undone",
        ReviewState::SecondLook => "The review waits for a second person",
        ReviewState::Escalated => "The review waits for a third person",
        ReviewState::Waiting => "The review waits for another try of the person",
        ReviewState::Decided => "The review is decided",
        ReviewState::Withdrawn => "The review was withdrawn",
    }
}

impl NamedReview {
    pub(super) fn now(&self) -> Millis {
        self.context.app.clock.now()
    }

    /// Refuses a caller without a permission that only some need for this.
    pub(super) fn require_permission(&self, scope: Scope) -> Result<(), ApiError> {
        if self.context.authority.scopes.has(scope) {
            return Ok(());
        }
        Err(ApiError::insufficient_permission(scope.name()))
    }

    /// An audit event about the review. `detail` names fields and words, never what a person sent.
    pub(super) fn audit(&self, kind: EventKind, detail: &str) -> AuditEvent {
        self.context
            .audit_event(kind, Some(self.review.profile), detail)
            .on(RecordKind::Reviews, self.review.id.as_str())
    }

    /// A note by the caller.
    pub(super) fn note(&self, text: String) -> ReviewNote {
        let by = decider_of(&self.context);
        ReviewNote { id: RecordId::random(), review: self.review.id, at: self.now(), by: by.id, by_name: by.name, text }
    }

    /// Changes the review by a rule, unless it has changed meanwhile.
    pub(super) async fn change(
        self,
        kind: EventKind,
        detail: &str,
        note: Option<ReviewNote>,
        rule: impl FnOnce(&mut Review) -> Result<(), ReviewRefusal>,
    ) -> Result<Self, ApiError> {
        let mut after = self.review.clone();
        rule(&mut after).map_err(refusal_answer)?;
        let event = self.audit(kind, detail);
        let written = self.context.app.store.change_review(&self.review, after, &event, note.as_ref()).await?;
        self.after_write(written).await
    }

    /// The review after a write, or why there was none.
    pub(super) async fn after_write(self, written: WriteOutcome<Review>) -> Result<Self, ApiError> {
        match written {
            Ok(review) => Ok(Self { context: self.context, review }),
            Err(Refusal::Changed | Refusal::AlreadyExists) => Err(self.changed_answer().await?),
            Err(Refusal::TooManyClaims) => Err(refusal_answer(ReviewRefusal::TooManyClaims)),
            Err(refusal) => Err(self.context.refusal_error(self.review.profile, refusal).await),
        }
    }

    /// The answer to a caller who was too late.
    async fn changed_answer(&self) -> Result<ApiError, ApiError> {
        let reach = &self.context.authority.reach;
        let Some(now) = self.context.app.store.review(self.review.id, reach).await? else {
            return Ok(review_not_found());
        };
        let by = decider_of(&self.context);
        let is_others = now.holder(self.now()).is_some_and(|holder| holder != by.id);
        Ok(refusal_answer(if is_others {
            ReviewRefusal::Claimed { holder: now.assignee_name.clone().unwrap_or_default(), until: now.claim_until }
        } else {
            ReviewRefusal::Changed { version: now.version }
        }))
    }
}
