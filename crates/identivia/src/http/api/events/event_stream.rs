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

use super::event_query::EventQuery;
use crate::app::App;
use crate::domain::event_message::Event;
use crate::jobs::event_feed::{NewsListener, ReaderPlace};
use crate::records::outbox_event::EventId;
use crate::records::time::Millis;

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
    ends: Instant,
    next_comment: Instant,
    pending: VecDeque<Bytes>,
    listener: NewsListener,
    _place: ReaderPlace,
}

/// Streams the events behind that one until the token ends, at most for half an hour.
pub(super) fn stream_events(
    app: Arc<App>,
    query: EventQuery,
    after: Option<EventId>,
    place: ReaderPlace,
    token_ends: Millis,
) -> Response {
    let now = Instant::now();
    let token_left = Duration::from_millis(u64::try_from(token_ends.0 - app.clock.now().0).unwrap_or_default());
    let stream = EventStream {
        app,
        query,
        after,
        ends: now + LONGEST_STREAM.min(token_left),
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
            self.read_events().await?;
            if !self.pending.is_empty() {
                continue;
            }
            if Instant::now() >= self.next_comment {
                self.pending.push_back(Bytes::from_static(b": no news\n\n"));
                continue;
            }
            let left = self.ends.min(self.next_comment).saturating_duration_since(Instant::now());
            if !self.listener.wait(left).await {
                return None;
            }
        }
    }

    /// Reads what is new. A store that cannot be read ends the stream: its reader connects again, and goes on where it was.
    async fn read_events(&mut self) -> Option<()> {
        let events = self.app.store.read_events(&self.query.filter, self.after.as_ref(), EVENTS_AT_ONCE).await;
        let events =
            events.inspect_err(|error| tracing::warn!(%error, "a stream of events ends: the store cannot be read"));
        for event in events.ok()? {
            self.after = Some(event.event_id.clone());
            self.pending.push_back(to_message(&Event::from(event)));
        }
        Some(())
    }
}

/// An event as a message: its JSON has no line break.
fn to_message(event: &Event) -> Bytes {
    let data = serde_json::to_string(event).unwrap_or_default();
    format!("id: {}\nevent: {}\ndata: {data}\n\n", event.id, event.event_type).into()
}
