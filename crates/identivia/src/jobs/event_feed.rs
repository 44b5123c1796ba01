//! News of outbox events: wakes the readers that wait for the next one, and limits how many may wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::domain::profile::Reach;
use crate::jobs::interval::wait_for_next_round;
use crate::records::id::RecordId;
use crate::store::Store;

/// How often the newest event is read while readers wait. Other servers write events too, so only the store knows.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// The longest wait of a reader before it looks itself: an event may become readable later than it was written.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How many readers of one team may wait at once, and how many in all.
const READERS_PER_TEAM: usize = 20;
const READERS: usize = 200;

/// Wakes readers of events.
pub struct EventFeed {
    store: Arc<dyn Store>,
    newest: watch::Sender<Option<RecordId>>,
    /// The waiting readers of each team; operators are of the team `""`.
    readers: Mutex<HashMap<String, usize>>,
    stopping: watch::Sender<bool>,
}

/// The place of a waiting reader, which is free again when this is dropped.
pub struct ReaderPlace {
    feed: Arc<EventFeed>,
    team: String,
}

impl EventFeed {
    /// A feed over that store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        let (newest, stopping) = (watch::Sender::new(None), watch::Sender::new(false));
        Arc::new(Self { store, newest, readers: Mutex::default(), stopping })
    }

    /// Looks for new events while readers wait, until the server stops.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let feed = self.clone();
        tokio::spawn(async move {
            while wait_for_next_round(LOOK_INTERVAL, &mut stop).await {
                if feed.newest.receiver_count() > 0 {
                    feed.look_for_news().await;
                }
            }
            feed.stopping.send_replace(true);
        });
    }

    async fn look_for_news(&self) {
        // A store that cannot be read now is no news: each reader meets the error itself.
        if let Ok(found) = self.store.newest_event(&Reach::Every).await {
            let newest = found.map(|event| event.id);
            self.newest.send_if_modified(|known| {
                let is_news = *known != newest;
                *known = newest;
                is_news
            });
        }
    }

    /// Lets a reader wait; `None` when too many wait already.
    #[must_use]
    pub fn admit_reader(self: &Arc<Self>, reach: &Reach) -> Option<ReaderPlace> {
        let team = reach.teams().unwrap_or_default().join(", ");
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let of_team = readers.get(&team).copied().unwrap_or_default();
        if of_team >= READERS_PER_TEAM || readers.values().sum::<usize>() >= READERS {
            return None;
        }
        readers.insert(team.clone(), of_team + 1);
        metrics::gauge!("event_readers").increment(1.0);
        Some(ReaderPlace { feed: self.clone(), team })
    }
}

impl ReaderPlace {
    /// Starts to listen for news. What happens from now on wakes [`NewsListener::wait`].
    #[must_use]
    pub fn listen(&self) -> NewsListener {
        NewsListener { newest: self.feed.newest.subscribe(), stopping: self.feed.stopping.subscribe() }
    }
}

impl Drop for ReaderPlace {
    fn drop(&mut self) {
        let mut readers = self.feed.readers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = readers.get_mut(&self.team) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.team);
            }
        }
        metrics::gauge!("event_readers").decrement(1.0);
    }
}

/// Hears of news.
pub struct NewsListener {
    newest: watch::Receiver<Option<RecordId>>,
    stopping: watch::Receiver<bool>,
}

impl NewsListener {
    /// Waits until there may be news, at most that long. Says whether the server goes on.
    pub async fn wait(&mut self, at_most: Duration) -> bool {
        tokio::select! {
            _ = timeout(at_most.min(LONGEST_WAIT), self.newest.changed()) => true,
            _ = self.stopping.wait_for(|stopping| *stopping) => false,
        }
    }
}
