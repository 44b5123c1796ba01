//! `GET /api/reviews`: the queue.

use axum::Json;
use axum::extract::RawQuery;

use super::access::{decider_of, require_reviews};
use super::row::{ReviewRow, to_rows};
use crate::domain::event::EventKind;
use crate::domain::review::ReviewFilter;
use crate::http::body::field_checks::{FieldChecks, none_if_empty};
use crate::http::body::list_query::{ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::finding_code::FINDING_CODES;
use crate::records::review::ReviewState;
use crate::records::time::Millis;
use crate::store::Page;

const FILTERS: [&str; 8] = ["state", "team", "assignee", "country", "document_type", "finding", "due_before", "q"];

pub(super) type ReviewList = PageResponse<ReviewRow>;

/// List reviews
///
/// Those that are due first; where only `decided` and `withdrawn` are asked for, the newest. A claim that has ended reads as `open`. `q` looks at the 100 newest profiles that match.
#[utoipa::path(get, path = "/api/reviews", tag = "Reviews",
    security(("machine" = ["reviews:read"]), ("consoleSession" = ["reviews:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
        ("state" = Option<String>, Query, pattern = "^[a-z_]+(,[a-z_]+)*$", description = "States, with commas between them"),
        ("team" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Of that team"),
        ("assignee" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "`me`, or the id of a user or client"),
        ("country" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that country"),
        ("document_type" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that kind"),
        ("finding" = Option<String>, Query, pattern = "^[a-z_]{1,64}$", description = "The code of a finding that is no pass"),
        ("due_before" = Option<String>, Query, format = DateTime, description = "RFC 3339, the API's own form, or a date"),
        ("q" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Whole words of the profile, as in `GET /api/profiles`"),
    ),
    responses((status = 200, description = "A page of reviews", body = ReviewList)))]
pub(crate) async fn list_reviews(
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Json<ReviewList>, ApiError> {
    require_reviews(&context)?;
    let mut query = ListQuery::parse(query.as_deref(), &FILTERS)?;
    let mut checks = FieldChecks::default();
    let page = query.take_page(&mut checks);
    let filter = take_filter(&mut query, &mut checks, &context);
    checks.finish()?;
    if filter.q.is_some() {
        context.audit_read(context.audit_event(EventKind::ReviewsSearched, None, "q")).await?;
    }
    let (app, reach) = (&context.app, &context.authority.reach);
    let list = app.store.list_reviews(reach, &filter, app.clock.now(), &page);
    let Page { items, next } = if filter.q.is_some() { context.run_search(list).await? } else { list.await? };
    let mut rows = to_rows(app, &items).await?;
    let items = items.iter().filter_map(|review| rows.remove(&review.id)).collect();
    Ok(Json(PageResponse::new(Page { items, next }, &context.authority, |row| row)))
}

fn take_filter(query: &mut ListQuery, checks: &mut FieldChecks, context: &RequestContext) -> ReviewFilter {
    let states = query.take_text("state", checks);
    let named: Vec<&str> = states.split(',').filter(|word| !word.is_empty()).collect();
    let known_states: Vec<ReviewState> = named.iter().filter_map(|word| ReviewState::from_word(word)).collect();
    if known_states.len() != named.len() {
        let words = ReviewState::ALL.map(ReviewState::word).join(", ");
        checks.add_problem("state", format!("must be one or more, with commas between them, of: {words}"));
    }
    let assignee = query.take_text("assignee", checks);
    let finding = query.take_text("finding", checks);
    if !finding.is_empty() && !FINDING_CODES.contains(&finding.as_str()) {
        checks.add_problem("finding", "must be the code of a finding");
    }
    let due = query.take_text("due_before", checks);
    let due_before = Millis::parse(&due);
    if !due.is_empty() && due_before.is_none() {
        checks.add_problem("due_before", "must be a time such as 2026-03-21T00:00:00Z, or a date");
    }
    ReviewFilter {
        states: known_states,
        team: none_if_empty(query.take_text("team", checks)),
        assignee: if assignee == "me" { Some(decider_of(context).id) } else { none_if_empty(assignee) },
        country: none_if_empty(query.take_text("country", checks)),
        document_type: none_if_empty(query.take_text("document_type", checks)),
        finding: none_if_empty(finding),
        due_before,
        q: none_if_empty(query.take_text("q", checks)),
    }
}
