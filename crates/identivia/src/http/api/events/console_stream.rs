//! What a stream of events does for a person at the console: it ends with their session, and tells which reviews have changed.

use std::collections::VecDeque;
use std::time::Duration;

use axum::body::Bytes;
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::time::Instant;

use crate::app::App;
use crate::domain::console::reviewer::Reviewer;
use crate::domain::profile::Reach;
use crate::http::guard::console_session::is_session_open;
use crate::jobs::review_feed::ReviewNews;
use crate::records::id::RecordId;

/// How often a stream looks whether its session is still open.
const SESSION_INTERVAL: Duration = Duration::from_secs(2);

/// The console's side of a stream.
pub(super) struct ConsoleStream {
    session: RecordId,
    reach: Reach,
    next_check: Instant,
    reviews: Receiver<ReviewNews>,
    heard: VecDeque<ReviewNews>,
}

impl ConsoleStream {
    /// A stream for the session of that reviewer, whose request was let in just now.
    pub(super) fn new(app: &App, reach: &Reach, reviewer: &Reviewer) -> Self {
        Self {
            session: reviewer.session_id,
            reach: reach.clone(),
            next_check: Instant::now() + SESSION_INTERVAL,
            reviews: app.event_feed.reviews.listen(),
            heard: VecDeque::new(),
        }
    }

    /// Looks now and then whether the session is open; `None` when it is not, or when that cannot be read.
    pub(super) async fn check_session(&mut self, app: &App) -> Option<()> {
        if Instant::now() < self.next_check {
            return Some(());
        }
        self.next_check = Instant::now() + SESSION_INTERVAL;
        is_session_open(app, self.session).await.ok().filter(|is_open| *is_open).map(drop)
    }

    /// Waits until a review has changed.
    pub(super) async fn wait_for_news(&mut self) {
        match self.reviews.recv().await {
            Ok(news) => self.heard.push_back(news),
            Err(RecvError::Lagged(_)) => self.heard.push_back(ReviewNews::Many),
            // The feed lives as long as the server.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }

    /// What the stream says of the reviews that have changed since the last time.
    pub(super) fn take_news(&mut self) -> Vec<Bytes> {
        loop {
            match self.reviews.try_recv() {
                Ok(news) => self.heard.push_back(news),
                Err(TryRecvError::Lagged(_)) => self.heard.push_back(ReviewNews::Many),
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
        self.heard.drain(..).filter_map(|news| to_signal(&self.reach, &news)).collect()
    }
}

/// A change as a message. It has no id: a reader that connects again reads its reviews again. `None` for another team's.
fn to_signal(reach: &Reach, news: &ReviewNews) -> Option<Bytes> {
    let (signal, data): (&str, Value) = match news {
        ReviewNews::Changed(changed) if !reach.has_team(&changed.team) => return None,
        ReviewNews::Changed(changed) => ("review.changed", json!({"id": changed.profile, "review_id": changed.review})),
        ReviewNews::Many => ("reviews.changed", json!({})),
    };
    Some(format!("event: {signal}\ndata: {}\n\n", json!({"type": signal, "data": data})).into())
}
