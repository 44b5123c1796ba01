//! `POST /api/reviews/{id}/notes`: adds a note, which never leaves the console.

use axum::Json;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::access::NamedReview;
use crate::domain::PARAGRAPH;
use crate::domain::event::EventKind;
use crate::domain::review::MAX_NOTES;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::review::ReviewNote;
use crate::records::time::Millis;

/// A note to add.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"text": "Asked the team about this kind of permit"}))]
pub(crate) struct NewNote {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 2000, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    text: RawField,
}

/// A note of a review.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewNote)]
pub(super) struct NoteView {
    id: RecordId,
    at: Millis,
    /// The name of its author.
    by: String,
    text: String,
}

impl From<ReviewNote> for NoteView {
    fn from(note: ReviewNote) -> Self {
        Self { id: note.id, at: note.at, by: note.by_name, text: note.text }
    }
}

/// A new note.
#[derive(Serialize, ToSchema)]
pub(crate) struct NoteResponse {
    success: bool,
    data: NoteView,
}

/// Add a note to a review
///
/// For other reviewers: the person never sees it.
#[utoipa::path(post, path = "/api/reviews/{id}/notes", tag = "Reviews",
    security(("machine" = ["reviews:decide"]), ("consoleSession" = ["reviews:decide"])),
    params(("id" = RecordId, Path, description = "The review's id")),
    request_body = NewNote,
    responses(
        (status = 201, description = "Added", body = NoteResponse),
        (status = 409, description = "It has 200 notes", body = ErrorBody),
    ))]
pub(crate) async fn add_review_note(
    named: NamedReview,
    request: WholeRequest,
) -> Result<(StatusCode, Json<NoteResponse>), ApiError> {
    let body: NewNote = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let text = checks.required_text("text", body.text, PARAGRAPH);
    checks.finish()?;
    let store = &named.context.app.store;
    if store.review_notes(named.review.id).await?.len() >= MAX_NOTES {
        return Err(ApiError::conflict("Too many notes", "A review has at most 200"));
    }
    let note = named.note(text);
    store.add_review_note(&note, &named.audit(EventKind::ReviewNoted, "")).await?;
    Ok((StatusCode::CREATED, Json(NoteResponse { success: true, data: note.into() })))
}
