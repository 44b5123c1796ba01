//! The history of a case: earlier records of its profile, and what the audit trail says of it.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::event::EventKind;
use crate::domain::reason::ReasonCode;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::review::Review;
use crate::records::time::Millis;
use crate::store::PageRequest;

/// The most earlier records and events of a case.
const EARLIER_TRIES: usize = 20;
const EVENTS: usize = 100;

/// An earlier record of the profile.
#[derive(Serialize, ToSchema)]
#[schema(as = EarlierTry)]
pub(super) struct EarlierTry {
    verification: RecordId,
    created: Millis,
    /// The last status that a status record about it has set; `null` where none has.
    #[schema(required = true)]
    outcome: Option<String>,
    #[schema(value_type = Vec<ReasonCode>)]
    reasons: Vec<String>,
}

/// Something that happened to the profile.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewEvent)]
pub(super) struct CaseEvent {
    at: Millis,
    kind: String,
    actor: CaseActor,
    detail: String,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReviewEventActor)]
struct CaseActor {
    kind: ActorKind,
    /// Of a user of the console; else its id.
    name: String,
}

/// The records of the profile that are older than the review's, the newest first.
pub(super) async fn list_earlier_tries(context: &RequestContext, review: &Review) -> Result<Vec<EarlierTry>, ApiError> {
    let store = &context.app.store;
    let page = |limit| PageRequest { limit, cursor: None };
    let (tries, statuses) = (page(EARLIER_TRIES), page(EVENTS));
    let records = store.list_verification_records(review.profile, &tries);
    let (records, statuses) = tokio::try_join!(records, store.list_status_records(review.profile, &statuses))?;
    let is_own = |id: &RecordId| *id == review.verification;
    let earlier =
        records.items.into_iter().skip_while(|record| !is_own(&record.id)).filter(|record| !is_own(&record.id));
    let tries = earlier.map(|record| {
        let about = statuses.items.iter().find(|status| status.verification == Some(record.id));
        EarlierTry {
            verification: record.id,
            created: record.created,
            outcome: about.map(|status| status.new_status.as_str().to_owned()),
            reasons: about.map(|status| status.reasons.clone()).unwrap_or_default(),
        }
    });
    Ok(tries.collect())
}

/// What the audit trail says of the profile, the newest first. Without the outcomes of this review for one who must not know
/// them yet.
pub(super) async fn list_timeline(
    context: &RequestContext,
    review: &Review,
    is_blind: bool,
) -> Result<Vec<CaseEvent>, ApiError> {
    let events = context.app.store.profile_timeline(review.profile, EVENTS).await?;
    let mut names: HashMap<String, String> = HashMap::new();
    for event in events.iter().filter(|event| event.actor_kind == ActorKind::User) {
        if !names.contains_key(&event.actor) {
            names.insert(event.actor.clone(), user_name(context, &event.actor).await?);
        }
    }
    let to_event = |event: AuditEvent| CaseEvent {
        detail: if is_blind && names_outcome(&event, review) { String::new() } else { event.detail.clone() },
        at: event.at,
        actor: CaseActor { kind: event.actor_kind, name: names.get(&event.actor).cloned().unwrap_or(event.actor) },
        kind: event.kind,
    };
    Ok(events.into_iter().map(to_event).collect())
}

/// Says whether the detail of an event is a decision of this review.
fn names_outcome(event: &AuditEvent, review: &Review) -> bool {
    let kinds = [EventKind::ReviewProposed, EventKind::ReviewDeciding].map(EventKind::word);
    kinds.contains(&&*event.kind) && event.object_id == review.id.as_str()
}

/// The name of a user of the console, else the id.
async fn user_name(context: &RequestContext, id: &str) -> Result<String, ApiError> {
    let Some(user) = RecordId::parse(id) else { return Ok(id.to_owned()) };
    let user = context.app.console.user(user).await?;
    Ok(user.map_or_else(|| id.to_owned(), |user| if user.name.is_empty() { user.email } else { user.name }))
}
