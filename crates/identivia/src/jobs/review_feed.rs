//! News of reviews: finds out which ones have changed, on any server that shares the store, and tells the console's streams.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, watch};

use crate::jobs::interval::wait_for_next_round;
use crate::records::id::RecordId;
use crate::records::review::Review;
use crate::store::Store;

/// How often reviews are read while there is a listener.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// How many of the reviews that changed last are compared with those of the round before. A transaction that ends late has an
/// older time than others that were seen already, and is found all the same as long as it is among them.
const COMPARED: usize = 50;
/// Changes that wait for a listener. A slower one hears that it has missed some.
const WAITING_CHANGES: usize = 256;

/// A review that has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedReview {
    pub review: RecordId,
    pub profile: RecordId,
    pub team: String,
}

/// What a listener hears.
#[derive(Clone, Debug)]
pub enum ReviewNews {
    Changed(ChangedReview),
    /// More have changed than can be named.
    Many,
}

/// Tells which reviews have changed.
pub struct ReviewFeed {
    store: Arc<dyn Store>,
    news: broadcast::Sender<ReviewNews>,
    /// The reviews that had changed last when they were last read, with their versions; `None` while there is no listener.
    known: Mutex<Option<HashSet<(RecordId, u64)>>>,
}

impl ReviewFeed {
    /// A feed over that store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        Arc::new(Self { store, news: broadcast::Sender::new(WAITING_CHANGES), known: Mutex::default() })
    }

    /// Looks for changes while there is a listener, until the server stops.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        if !self.store.keeps_reviews() {
            return;
        }
        let feed = self.clone();
        tokio::spawn(async move {
            while wait_for_next_round(LOOK_INTERVAL, &mut stop).await {
                feed.look_for_changes().await;
            }
        });
    }

    /// Starts to listen.
    #[must_use]
    pub fn listen(&self) -> broadcast::Receiver<ReviewNews> {
        self.news.subscribe()
    }

    async fn look_for_changes(&self) {
        if self.news.receiver_count() == 0 {
            *self.lock_known() = None;
            return;
        }
        // A store that cannot be read now is no news: the next round compares with the same reviews.
        let Ok(newest) = self.store.newest_review_changes(COMPARED).await else { return };
        let seen = newest.iter().map(|review| (review.id, review.version)).collect();
        let before = self.lock_known().replace(seen);
        for news in compare_reviews(before.as_ref(), newest) {
            // An error means that the last listener has gone.
            let _ = self.news.send(news);
        }
    }

    fn lock_known(&self) -> std::sync::MutexGuard<'_, Option<HashSet<(RecordId, u64)>>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What has changed between two rounds. In the first round anything may have: its listener has just begun.
fn compare_reviews(before: Option<&HashSet<(RecordId, u64)>>, newest: Vec<Review>) -> Vec<ReviewNews> {
    let Some(before) = before else { return vec![ReviewNews::Many] };
    let count = newest.len();
    let changed = newest.into_iter().filter(|review| !before.contains(&(review.id, review.version)));
    let changed: Vec<ReviewNews> = changed
        .map(|review| {
            ReviewNews::Changed(ChangedReview { review: review.id, profile: review.profile, team: review.team })
        })
        .collect();
    // Where all of them are new, others may be new too that were not read.
    if changed.len() == COMPARED && count == COMPARED { vec![ReviewNews::Many] } else { changed }
}
