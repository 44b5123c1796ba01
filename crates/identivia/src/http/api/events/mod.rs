//! Events of a team: listed, awaited (long poll) and streamed (server-sent events), in the order of their commits. People at the
//! console get only ids and kinds, and in a stream also which reviews have changed.

mod console_stream;
mod event_query;
mod event_stream;

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use tokio::time::Instant;
use utoipa::ToSchema;

use self::event_query::EventQuery;
use crate::app::App;
use crate::domain::event_message::Event;
use crate::http::error::{ApiError, ErrorBody, RefusalKind};
use crate::http::guard::authority::{Authority, RestrictedView, Shown};
use crate::http::guard::request_context::RequestContext;
use crate::jobs::event_feed::{ReaderHolder, ReaderPlace};
use crate::records::outbox_event::{EventId, OutboxEvent};

/// Seconds after which a caller tries again when too many wait.
const RETRY_AFTER_SECONDS: u64 = 5;

/// A page of events.
#[derive(Serialize, ToSchema)]
#[schema(as = EventList)]
pub(crate) struct EventPage {
    success: bool,
    #[schema(value_type = Vec<Event>)]
    data: Vec<Shown<Event>>,
    has_more: bool,
    /// Send it as `after` for what comes next, also on the last page; `null` when there is no event yet.
    #[schema(required = true)]
    next_cursor: Option<EventId>,
}

/// List or stream events
///
/// Oldest first, in the order in which they happened, without gaps. With `wait` the request is held until there is an event.
/// With `Accept: text/event-stream` they are streamed; `Last-Event-ID` is `after`. Events are kept for `EVENTS_KEPT_DAYS`. A session
/// of the console gets ids and types only, and in its stream `review.changed` and `reviews.changed`, which have no id.
#[utoipa::path(get, path = "/api/events", tag = "Events", security(("machine" = ["events:read"]), ("consoleSession" = ["events:read"])),
    params(
        ("after" = Option<String>, Query, pattern = "^(evt_[a-z0-9]{26}|latest)$", description = "The event after which to start: `next_cursor` of the page before. `latest` starts with the next one"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Events a page (20)"),
        ("types" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[a-z0-9_.*,]+$", description = "Only these, with a comma between; `profile.*` names a group"),
        ("profile" = Option<String>, Query, pattern = "^[a-z0-9]{15}$", description = "Only of that profile"),
        ("wait" = Option<u32>, Query, minimum = 0, maximum = 25, description = "Seconds to wait for an event where there is none (0)"),
    ),
    responses(
        (status = 200, description = "A page of events, or their stream", content((EventPage = "application/json"), (String = "text/event-stream"))),
        (status = 410, description = "The event `after` is not kept any more: what followed it may be missing. `oldest` is where to start again", body = ErrorBody),
        (status = 429, description = "Too many readers of the team or of the person wait", body = ErrorBody),
    ))]
pub(crate) async fn list_events(
    State(app): State<Arc<App>>,
    context: RequestContext,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let wants_stream = accepts_stream(&headers);
    let query = EventQuery::parse(query.as_deref(), &headers, &context, wants_stream)?;
    let after = query.find_start(&app).await?;
    if wants_stream {
        let place = admit_reader(&app, &context.authority)?;
        return Ok(event_stream::stream_events(app, query, after, place, context.authority));
    }
    let events = read_or_wait(&app, &query, after.as_ref(), &context.authority).await?;
    Ok(Json(to_page(events, after, query.limit, &context.authority)).into_response())
}

/// Lets the caller wait, if not too many of its team or of its tabs do.
fn admit_reader(app: &App, authority: &Authority) -> Result<ReaderPlace, ApiError> {
    let holder = match &authority.reviewer {
        Some(reviewer) => ReaderHolder::Person(reviewer.user_id),
        None => ReaderHolder::of_reach(&authority.reach),
    };
    app.event_feed.admit_reader(holder).ok_or_else(too_many_readers)
}

impl RestrictedView for Event {
    fn hide_from_flow(&mut self) {
        self.keep_ids();
    }

    fn mask_for_console(&mut self) {
        self.keep_ids();
    }
}

fn accepts_stream(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|entry| entry.split(';').next().unwrap_or_default().trim() == "text/event-stream")
}

/// Reads one event more than the page holds, which tells whether there is another page. Waits for the first one as long as the
/// caller wants to.
async fn read_or_wait(
    app: &Arc<App>,
    query: &EventQuery,
    after: Option<&EventId>,
    authority: &Authority,
) -> Result<Vec<OutboxEvent>, ApiError> {
    let events = app.store.read_events(&query.filter, after, query.limit + 1).await?;
    if !events.is_empty() || query.wait.is_zero() {
        return Ok(events);
    }
    let place = admit_reader(app, authority)?;
    let mut listener = place.listen();
    let ends = Instant::now() + query.wait;
    loop {
        let events = app.store.read_events(&query.filter, after, query.limit + 1).await?;
        let left = ends.saturating_duration_since(Instant::now());
        if !events.is_empty() || left.is_zero() || !listener.wait(left).await {
            return Ok(events);
        }
    }
}

fn to_page(mut events: Vec<OutboxEvent>, after: Option<EventId>, limit: usize, authority: &Authority) -> EventPage {
    let has_more = events.len() > limit;
    events.truncate(limit);
    let next_cursor = events.last().map(|last| last.event_id.clone()).or(after);
    let data = events.into_iter().map(|event| authority.show(Event::from(event))).collect();
    EventPage { success: true, data, has_more, next_cursor }
}

fn too_many_readers() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many readers")
        .with_message(
            "At most 20 readers of a team, and 6 of a person, wait for events at once; close one, or ask without wait",
        )
        .retry_after(RETRY_AFTER_SECONDS)
        .with_kind(RefusalKind::Connections)
}
