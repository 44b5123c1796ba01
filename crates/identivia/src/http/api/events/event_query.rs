//! The query of `GET /api/events`: where to start, and which events are wanted.

use std::time::Duration;

use axum::http::{HeaderMap, StatusCode};

use crate::app::App;
use crate::domain::outbox::EventType;
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;
use crate::records::outbox_event::EventId;
use crate::store::EventFilter;

/// How long a wait may be.
const LONGEST_WAIT: Duration = Duration::from_secs(25);
/// The word for "start with the next event".
const LATEST: &str = "latest";

/// Where a reader starts.
enum StartPoint {
    Oldest,
    Latest,
    After(EventId),
}

/// The parsed query.
pub(super) struct EventQuery {
    pub(super) filter: EventFilter,
    pub(super) limit: usize,
    pub(super) wait: Duration,
    start: StartPoint,
}

impl EventQuery {
    pub(super) fn parse(
        query: Option<&str>,
        headers: &HeaderMap,
        context: &RequestContext,
        wants_stream: bool,
    ) -> Result<Self, ApiError> {
        let mut query = ListQuery::parse(query, &["after", "types", "profile", "wait"])?;
        let mut checks = FieldChecks::default();
        let page = query.take_page(&mut checks);
        let sent = query.take_text("after", &mut checks);
        // A browser that connects again says what it has seen last.
        let last_seen = headers.get("last-event-id").filter(|_| wants_stream).and_then(|id| id.to_str().ok());
        let after = match (last_seen, sent.as_str(), page.cursor) {
            (Some(id), ..) if !id.is_empty() => Some(id.to_owned()),
            (_, "", cursor) => cursor,
            (_, sent, _) => Some(sent.to_owned()),
        };
        let start = parse_start(after.as_deref(), &mut checks);
        let types = parse_types(&query.take_text("types", &mut checks), &mut checks);
        let profile = query.take_text("profile", &mut checks);
        let profile_id = RecordId::parse(&profile);
        if !profile.is_empty() && profile_id.is_none() {
            checks.add_problem("profile", "must be the id of a profile");
        }
        let wait = parse_wait(&query.take_text("wait", &mut checks), &mut checks);
        checks.finish()?;
        let filter = EventFilter { reach: context.authority.reach.clone(), types, profile: profile_id };
        Ok(Self { filter, limit: page.limit, wait, start })
    }

    /// The event behind which the reader starts; `None`: with the oldest.
    pub(super) async fn find_start(&self, app: &App) -> Result<Option<EventId>, ApiError> {
        match &self.start {
            StartPoint::Oldest => Ok(None),
            StartPoint::Latest => Ok(app.store.newest_event(&self.filter.reach).await?.map(|event| event.event_id)),
            StartPoint::After(id) if app.store.has_event(id, &self.filter.reach).await? => Ok(Some(id.clone())),
            StartPoint::After(_) => {
                let all = EventFilter { types: Vec::new(), profile: None, ..self.filter.clone() };
                let oldest = app.store.read_events(&all, None, 1).await?.pop();
                Err(cursor_expired(oldest.map(|event| event.event_id)))
            }
        }
    }
}

/// 410: events behind that one may be gone, so that going on would skip them silently.
fn cursor_expired(oldest: Option<EventId>) -> ApiError {
    ApiError::new(StatusCode::GONE, "Cursor expired")
        .with_message("Events after it may be missing: read the profiles again, then start without after")
        .with_oldest_event(oldest)
}

fn parse_start(after: Option<&str>, checks: &mut FieldChecks) -> StartPoint {
    match after {
        None => StartPoint::Oldest,
        Some(LATEST) => StartPoint::Latest,
        Some(text) => match EventId::parse(text) {
            Some(id) => StartPoint::After(id),
            None => {
                checks.add_problem("after", "must be the id of an event (evt_ and 26 characters), or latest");
                StartPoint::Oldest
            }
        },
    }
}

fn parse_types(text: &str, checks: &mut FieldChecks) -> Vec<EventType> {
    let mut types = Vec::new();
    for pattern in text.split(',').filter(|_| !text.is_empty()) {
        match EventType::parse_pattern(pattern) {
            Some(named) => types.extend(named),
            None => {
                let known: Vec<&str> = EventType::ALL.into_iter().map(EventType::word).collect();
                checks.add_problem(
                    "types",
                    format!("must name known types, or a group such as profile.*: {}", known.join(", ")),
                );
                break;
            }
        }
    }
    types
}

fn parse_wait(text: &str, checks: &mut FieldChecks) -> Duration {
    let longest = LONGEST_WAIT.as_secs();
    match text.parse::<u64>() {
        Ok(seconds) if seconds <= longest => Duration::from_secs(seconds),
        Err(_) if text.is_empty() => Duration::ZERO,
        _ => {
            checks.add_problem("wait", format!("must be a whole number of seconds from 0 to {longest}"));
            Duration::ZERO
        }
    }
}
