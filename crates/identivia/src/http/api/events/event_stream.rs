//! Events as a stream of server-sent events (WHATWG HTML, 9.2).

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::{HeaderValue, header};
use axum::response::Response;
use futures_util::stream;
use tokio::time::Instant;

use super::console_stream::ConsoleStream;
use super::event_query::EventQuery;
use crate::app::App;
use crate::domain::event_message::Event;
use crate::http::guard::authority::{Authority, Shown};
use crate::jobs::event_feed::{NewsListener, ReaderPlace};
use crate::records::outbox_event::EventId;
use crate::store::warn_unless_outage;

/// A stream ends after this, so that its reader's token is checked again.
const LONGEST_STREAM: Duration = Duration::from_secs(30 * 60);
/// A silent stream carries a comment this often: proxies close connections that carry nothing.
const COMMENT_INTERVAL: Duration = Duration::from_secs(15);
/// Events read at once.
const EVENTS_AT_ONCE: usize = 50;
/// How long a reader waits before it connects again, in milliseconds.
const START: &str = "retry: 5000\n\n";

struct EventStream {
    app: Arc<App>,
    query: EventQuery,
    after: Option<EventId>,
    authority: Arc<Authority>,
    /// What it also does for a person at the console.
    console: Option<ConsoleStream>,
    ends: Instant,
    next_comment: Instant,
    pending: VecDeque<Bytes>,
    listener: NewsListener,
    _place: ReaderPlace,
}

/// Streams the events behind that one until the token or the session ends, at most for half an hour.
pub(super) fn stream_events(
    app: Arc<App>,
    query: EventQuery,
    after: Option<EventId>,
    place: ReaderPlace,
    authority: Arc<Authority>,
) -> Response {
    let now = Instant::now();
    let console = authority.reviewer.as_ref().map(|reviewer| ConsoleStream::new(&app, &authority.reach, reviewer));
    let stream = EventStream {
        ends: now + time_left(&app, &authority, console.is_some()),
        app,
        query,
        after,
        authority,
        console,
        next_comment: now + COMMENT_INTERVAL,
        pending: VecDeque::from([Bytes::from_static(START.as_bytes())]),
        listener: place.listen(),
        _place: place,
    };
    let chunks = stream::unfold(stream, |mut stream| async move {
        let chunk = stream.next_chunk().await?;
        Some((Ok::<_, Infallible>(chunk), stream))
    });
    let mut response = Response::new(Body::from_stream(chunks));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}

/// How long the stream may last. A session's end moves on with each request: the stream looks whether it is still open.
fn time_left(app: &App, authority: &Authority, is_session: bool) -> Duration {
    let credentials_left = u64::try_from(authority.expires.0 - app.clock.now().0).unwrap_or_default();
    if is_session { LONGEST_STREAM } else { LONGEST_STREAM.min(Duration::from_millis(credentials_left)) }
}

impl EventStream {
    /// The next part of the answer; `None` ends it.
    async fn next_chunk(&mut self) -> Option<Bytes> {
        loop {
            if let Some(chunk) = self.pending.pop_front() {
                self.next_comment = Instant::now() + COMMENT_INTERVAL;
                return Some(chunk);
            }
            if Instant::now() >= self.ends {
                return None;
            }
            if let Some(console) = &mut self.console {
                console.check_session(&self.app).await?;
                self.pending.extend(console.take_news());
            }
            self.read_events().await?;
            if !self.pending.is_empty() {
                continue;
            }
            if Instant::now() >= self.next_comment {
                self.pending.push_back(Bytes::from_static(b": no news\n\n"));
                continue;
            }
            let left = self.ends.min(self.next_comment).saturating_duration_since(Instant::now());
            if !self.wait_for_news(left).await {
                return None;
            }
        }
    }

    /// Waits until there may be news, at most that long. Says whether the server goes on.
    async fn wait_for_news(&mut self, at_most: Duration) -> bool {
        match &mut self.console {
            None => self.listener.wait(at_most).await,
            Some(console) => tokio::select! {
                () = console.wait_for_news() => true,
                goes_on = self.listener.wait(at_most) => goes_on,
            },
        }
    }

    /// Reads what is new. A store that cannot be read ends the stream: its reader connects again, and goes on where it was.
    async fn read_events(&mut self) -> Option<()> {
        let events = self.app.store.read_events(&self.query.filter, self.after.as_ref(), EVENTS_AT_ONCE).await;
        let events =
            events.inspect_err(|error| warn_unless_outage!(error, "a stream of events ends: the store cannot be read"));
        for event in events.ok()? {
            self.after = Some(event.event_id.clone());
            let (id, event_type) = (event.event_id.clone(), event.event_type.clone());
            self.pending.push_back(to_message(&id, &event_type, &self.authority.show(Event::from(event))));
        }
        Some(())
    }
}

/// An event as a message: its JSON has no line break.
fn to_message(id: &EventId, event_type: &str, event: &Shown<Event>) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {id}\nevent: {event_type}\ndata: {data}\n\n").into()
}
