//! News of outbox events and of reviews: wakes the readers that wait for the next one, and limits how many may wait.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use crate::domain::profile::Reach;
use crate::jobs::interval::wait_for_next_round;
use crate::jobs::review_feed::ReviewFeed;
use crate::records::id::RecordId;
use crate::store::Store;

/// How often the newest event is read while readers wait. Other servers write events too, so only the store knows.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// The longest wait of a reader before it looks itself: an event may become readable later than it was written.
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How many readers of one team may wait at once, and how many of one person at the console: a person has a few tabs.
const READERS_PER_TEAM: usize = 20;
const READERS_PER_PERSON: usize = 6;
/// How many servers may wait at once, and as many people beside them: neither takes the other's places.
const READERS: usize = 200;

/// Wakes readers of events.
pub struct EventFeed {
    store: Arc<dyn Store>,
    newest: watch::Sender<Option<RecordId>>,
    /// Which reviews have changed, for people at the console.
    pub reviews: Arc<ReviewFeed>,
    readers: Mutex<HashMap<ReaderHolder, usize>>,
    stopping: watch::Sender<bool>,
}

/// Whose place a waiting reader takes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ReaderHolder {
    /// A team's servers; operators are of the team `""`.
    Team(String),
    /// A person at the console.
    Person(RecordId),
}

impl ReaderHolder {
    /// The holder of a server's reader.
    #[must_use]
    pub fn of_reach(reach: &Reach) -> Self {
        Self::Team(reach.teams().unwrap_or_default().join(", "))
    }

    const fn is_person(&self) -> bool {
        matches!(self, Self::Person(_))
    }
}

/// The place of a waiting reader, which is free again when this is dropped.
pub struct ReaderPlace {
    feed: Arc<EventFeed>,
    holder: ReaderHolder,
}

impl EventFeed {
    /// A feed over that store.
    #[must_use]
    pub fn new(store: Arc<dyn Store>) -> Arc<Self> {
        let (newest, stopping) = (watch::Sender::new(None), watch::Sender::new(false));
        let reviews = ReviewFeed::new(store.clone());
        Arc::new(Self { store, newest, reviews, readers: Mutex::default(), stopping })
    }

    /// Looks for new events while readers wait, until the server stops.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        self.reviews.start(stop.clone());
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
    pub fn admit_reader(self: &Arc<Self>, holder: ReaderHolder) -> Option<ReaderPlace> {
        let mut readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner);
        let own = readers.get(&holder).copied().unwrap_or_default();
        let of_kind = readers.iter().filter(|(other, _)| other.is_person() == holder.is_person());
        let most = if holder.is_person() { READERS_PER_PERSON } else { READERS_PER_TEAM };
        if own >= most || of_kind.map(|(_, count)| count).sum::<usize>() >= READERS {
            return None;
        }
        readers.insert(holder.clone(), own + 1);
        metrics::gauge!("event_readers").increment(1.0);
        Some(ReaderPlace { feed: self.clone(), holder })
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
        if let Some(count) = readers.get_mut(&self.holder) {
            *count -= 1;
            if *count == 0 {
                readers.remove(&self.holder);
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
