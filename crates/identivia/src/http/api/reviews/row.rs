//! A review as lists show it: nothing that identifies the person in full.

use std::collections::HashMap;

use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::list_query::ListEntry;
use crate::http::error::ApiError;
use crate::http::guard::authority::RestrictedView;
use crate::records::id::RecordId;
use crate::records::masking::{Mask, mask_text};
use crate::records::review::{Review, ReviewOutcome, ReviewPriority, ReviewState};
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;

/// A review in a list.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewRow)]
#[schema(example = json!({
    "id": "abc123def456ghi", "profile": "abc123def456ghi", "verification": "vh23def456ghi78", "team": "acme", "state": "open",
    "priority": "normal", "due_at": "2026-03-22 00:00:00.000Z", "created": "2026-03-21 00:00:00.000Z", "decided_at": null,
    "version": 1, "country": "CHE", "document_type": "passport", "findings": ["glare"], "initials": "A. O.",
    "birth_year": 1990, "document_number_end": "678", "holder": null, "claim_until": null, "tries": 1, "outcome": null,
}))]
pub(crate) struct ReviewRow {
    pub(super) id: RecordId,
    profile: RecordId,
    verification: RecordId,
    /// Empty for a profile of no team.
    team: String,
    state: ReviewState,
    priority: ReviewPriority,
    due_at: Millis,
    created: Millis,
    #[schema(required = true)]
    decided_at: Option<Millis>,
    /// Name it in a change: of two that start from the same one is made.
    version: u64,
    country: String,
    document_type: String,
    /// Codes of findings that are no pass, the worst first, at most 5.
    findings: Vec<String>,
    initials: String,
    #[schema(required = true)]
    birth_year: Option<u32>,
    /// The last three characters of a number that has more than six.
    #[schema(required = true)]
    document_number_end: Option<String>,
    /// Who holds it now.
    #[schema(required = true)]
    holder: Option<ReviewHolder>,
    #[schema(required = true)]
    claim_until: Option<Millis>,
    /// The number of the record among those of its profile.
    tries: u64,
    #[schema(required = true)]
    outcome: Option<ReviewOutcome>,
}

/// Who holds a review.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewHolder)]
struct ReviewHolder {
    id: String,
    name: String,
}

impl ReviewRow {
    /// The row of a review; `record` is its verification record.
    pub(super) fn new(review: &Review, record: Option<&VerificationRecord>, now: Millis) -> Self {
        let text = |value: &Option<String>| value.clone().unwrap_or_default();
        let known = |value: fn(&VerificationRecord) -> Option<&String>| record.and_then(value).map(String::as_str);
        let name = known(|record| record.name.as_ref()).unwrap_or_default();
        let born = known(|record| record.date_of_birth.as_ref()).and_then(|date| date.get(..4)?.parse().ok());
        let number = known(|record| record.document_number.as_ref());
        Self {
            id: review.id,
            profile: review.profile,
            verification: review.verification,
            team: review.team.clone(),
            state: review.shown_state(now),
            priority: review.priority,
            due_at: review.due_at,
            created: review.created,
            decided_at: review.decided_at,
            version: review.version,
            country: text(&review.country),
            document_type: text(&review.document_type),
            findings: review.findings.clone(),
            initials: if name.is_empty() { String::new() } else { mask_text(name, Mask::Initials) },
            birth_year: born,
            document_number_end: number.and_then(shown_end),
            holder: review.holder(now).map(|id| ReviewHolder { id: id.to_owned(), name: text(&review.assignee_name) }),
            claim_until: review.claim_until.filter(|until| *until > now),
            tries: review.tries,
            outcome: review.outcome,
        }
    }
}

/// The characters of a number that its mask shows.
fn shown_end(number: &str) -> Option<String> {
    let masked = mask_text(number, Mask::LastThree);
    let end = masked.trim_start_matches('•');
    (!end.is_empty()).then(|| end.to_owned())
}

/// The rows of reviews, with what is shown of their records.
pub(super) async fn to_rows(app: &App, reviews: &[Review]) -> Result<HashMap<RecordId, ReviewRow>, ApiError> {
    let ids: Vec<RecordId> = reviews.iter().map(|review| review.verification).collect();
    let records = app.store.verification_records(&ids).await?;
    let now = app.clock.now();
    let record_of = |review: &Review| records.iter().find(|record| record.id == review.verification);
    Ok(reviews.iter().map(|review| (review.id, ReviewRow::new(review, record_of(review), now))).collect())
}

impl ListEntry for ReviewRow {
    const LIST_NAME: &'static str = "ReviewList";
}

/// A row shows the same to everybody.
impl RestrictedView for ReviewRow {
    fn hide_from_flow(&mut self) {}

    fn mask_for_console(&mut self) {}
}
