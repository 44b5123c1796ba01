//! Statistics: counts events behind the requests that cause them. A request that makes an event does nothing for it.

mod count_batch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::watch;
use tokio::time::Instant;

use self::count_batch::CountBatch;
use crate::clock::Clock;
use crate::domain::analytics::event_counting::{Increment, STEP_KINDS};
use crate::domain::analytics::review_counting::FollowedReviews;
use crate::domain::event::EventKind;
use crate::domain::profile::Reach;
use crate::jobs::interval::wait_for_next_round;
use crate::records::analytics::{AnalyticsDay, AnalyticsProgress};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::store::warn_unless_outage;
use crate::store::{EventFilter, PageRequest, Store, StoreError};

/// How often new events are counted.
const INTERVAL: Duration = Duration::from_secs(10);
/// Events that are counted in one commit.
const EVENTS_AT_ONCE: usize = 100;
/// After a commit the job rests that many times as long as it took, so that requests have nine tenths of the database.
const REST_FACTOR: u32 = 9;
/// Steps of persons are read again for that long: an event can be committed after a later one. Each counts once.
const OVERLAP_SECONDS: i64 = 60;
/// The audit events of reviews.
const REVIEW_KINDS: &str = "review.*";
/// Under which id the progress is kept.
const PROGRESS: &str = "analytics000000";

/// The statistics of this server's records.
pub struct Analytics {
    /// Where events and records are.
    records: Arc<dyn Store>,
    /// Where totals are: the same store, or with PocketBase a database in the data folder.
    totals: Arc<dyn Store>,
    clock: Clock,
    /// When all events were counted last.
    counted_at: AtomicI64,
}

/// Whether there may be more to count at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Batch {
    Full,
    Last,
}

impl Analytics {
    /// The statistics over these stores. Nothing is counted yet.
    #[must_use]
    pub fn new(records: Arc<dyn Store>, totals: Arc<dyn Store>, clock: Clock) -> Arc<Self> {
        Arc::new(Self { records, totals, clock, counted_at: AtomicI64::new(0) })
    }

    /// Counts events until `stop` becomes true.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let analytics = self.clone();
        tokio::spawn(async move {
            let mut is_broken = false;
            while wait_for_next_round(INTERVAL, &mut stop).await {
                let outcome = analytics.count_round(&mut stop).await;
                if let Err(error) = &outcome
                    && !is_broken
                {
                    warn_unless_outage!(error, "events cannot be counted for statistics now; trying again");
                }
                is_broken = outcome.is_err();
            }
        });
    }

    /// Counts everything that is new, with rests.
    async fn count_round(&self, stop: &mut watch::Receiver<bool>) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.repair_cursor().await?;
        for batch in [true, false] {
            loop {
                let begun = Instant::now();
                let counted = if batch { self.count_events().await? } else { self.count_steps(&mut None).await? };
                if counted == Batch::Last {
                    break;
                }
                if !wait_for_next_round(begun.elapsed() * REST_FACTOR, stop).await {
                    return Ok(());
                }
            }
        }
        self.counted_at.store(now.0, Ordering::Release);
        Ok(())
    }

    /// Counts everything that is new at once.
    ///
    /// # Errors
    /// When a store cannot be read or written now.
    pub async fn count_all(&self) -> Result<(), StoreError> {
        let now = self.clock.now();
        self.repair_cursor().await?;
        while self.count_events().await? == Batch::Full {}
        let mut place = None;
        while self.count_steps(&mut place).await? == Batch::Full {}
        self.counted_at.store(now.0, Ordering::Release);
        Ok(())
    }

    /// When everything before that was counted; `None` before the first time.
    #[must_use]
    pub fn counted_at(&self) -> Option<Millis> {
        Some(self.counted_at.load(Ordering::Acquire)).filter(|time| *time > 0).map(Millis)
    }

    /// The totals of the days from one to before another, of a team or of all.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn read_days(
        &self,
        from: Millis,
        to: Millis,
        team: Option<&str>,
    ) -> Result<Vec<AnalyticsDay>, StoreError> {
        self.totals.analytics_days(from, to, team).await
    }

    /// How many persons have been at work since that time: that many at most.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_active(&self, since: Millis, team: Option<&str>, at_most: usize) -> Result<usize, StoreError> {
        self.totals.count_active_profiles(since, team, at_most).await
    }

    async fn load_progress(&self) -> Result<AnalyticsProgress, StoreError> {
        let id = RecordId::parse(PROGRESS).unwrap_or_default();
        if let Some(found) = self.totals.analytics_progress(id).await? {
            return Ok(found);
        }
        let first = AnalyticsProgress {
            id,
            cursor: None,
            audited_until: None,
            counted_reviews: BTreeMap::new(),
            followed_reviews: Value::Null,
            updated: self.clock.now(),
        };
        self.totals.add_analytics_progress(&first).await?;
        Ok(self.totals.analytics_progress(id).await?.unwrap_or(first))
    }

    /// Begins with the oldest event when the one where counting stopped is kept no more: then all before it are gone too.
    async fn repair_cursor(&self) -> Result<(), StoreError> {
        let before = self.load_progress().await?;
        let Some(cursor) = &before.cursor else { return Ok(()) };
        if self.records.has_event(cursor, &Reach::Every).await? {
            return Ok(());
        }
        let after = AnalyticsProgress { cursor: None, updated: self.clock.now(), ..before.clone() };
        self.totals.store_counts(&crate::store::CountedChanges::default(), &before, &after).await.map(drop)
    }

    /// Counts the next outbox events, each once.
    async fn count_events(&self) -> Result<Batch, StoreError> {
        let before = self.load_progress().await?;
        let every = EventFilter { reach: Reach::Every, types: Vec::new(), profile: None };
        let events = self.records.read_events(&every, before.cursor.as_ref(), EVENTS_AT_ONCE).await?;
        let Some(last) = events.last() else { return Ok(Batch::Last) };
        let cursor = Some(last.event_id.clone());
        let named: Vec<RecordId> = events.iter().filter_map(submitted_record).collect();
        let records = self.records.verification_records_with_ids(&named).await?;
        let mut batch = CountBatch::load(&*self.totals, events.iter().filter_map(|event| event.profile)).await?;
        for event in &events {
            let record = submitted_record(event).and_then(|id| records.iter().find(|record| record.id == id));
            batch.count_event(event, record);
        }
        let after = AnalyticsProgress { cursor, updated: self.clock.now(), ..before.clone() };
        let changes = batch.into_changes(&*self.totals, self.clock.now()).await?;
        // Where another server was first, the next batch reads what it has counted.
        self.totals.store_counts(&changes, &before, &after).await?;
        Ok(if events.len() < EVENTS_AT_ONCE { Batch::Last } else { Batch::Full })
    }

    /// Counts the next steps of persons that only the audit trail reports. `place` is where the batch before ended.
    async fn count_steps(&self, place: &mut Option<String>) -> Result<Batch, StoreError> {
        let before = self.load_progress().await?;
        let since = before.audited_until.map(|until| until.plus_seconds(-OVERLAP_SECONDS));
        let page = PageRequest { limit: EVENTS_AT_ONCE, cursor: place.clone() };
        let kinds = [&STEP_KINDS[..], &EventKind::list_named(REVIEW_KINDS)].concat();
        let page = self.records.audit_events_since(since, &kinds, &page).await?;
        let Some(last) = page.items.last() else { return Ok(Batch::Last) };
        let audited_until = before.audited_until.max(Some(last.at));
        let mut batch = CountBatch::load(&*self.totals, page.items.iter().filter_map(|event| event.profile)).await?;
        let mut reviews = ReviewWork::resume(&before);
        for event in &page.items {
            batch.count_step(event);
            batch.add(reviews.count_event(event), &event.team);
        }
        if batch.has_changes() || audited_until != before.audited_until {
            let after = AnalyticsProgress { audited_until, updated: self.clock.now(), ..before.clone() };
            let after = reviews.note_progress(after)?;
            let changes = batch.into_changes(&*self.totals, self.clock.now()).await?;
            if !self.totals.store_counts(&changes, &before, &after).await? {
                return Ok(Batch::Full);
            }
        }
        place.clone_from(&page.next);
        Ok(if page.next.is_some() { Batch::Full } else { Batch::Last })
    }
}

/// The counting of reviewers' work, from where it stopped.
struct ReviewWork {
    followed: FollowedReviews,
    /// What is counted of the part of the audit trail that is read again.
    counted: BTreeMap<RecordId, Millis>,
}

impl ReviewWork {
    fn resume(progress: &AnalyticsProgress) -> Self {
        let followed = serde_json::from_value(progress.followed_reviews.clone()).unwrap_or_default();
        Self { followed, counted: progress.counted_reviews.clone() }
    }

    /// Counts an event of a review, once.
    fn count_event(&mut self, event: &AuditEvent) -> Vec<Increment> {
        let is_of_review = event.kind.starts_with(REVIEW_KINDS.trim_end_matches('*'));
        if !is_of_review || self.counted.insert(event.id, event.at).is_some() {
            return Vec::new();
        }
        self.followed.count_event(event)
    }

    fn note_progress(self, progress: AnalyticsProgress) -> Result<AnalyticsProgress, StoreError> {
        // What is read again next time begins after the last minute; a second more does no harm.
        let kept_from = progress.audited_until.map(|until| until.plus_seconds(-OVERLAP_SECONDS - 1));
        let counted = self.counted.into_iter().filter(|(_, at)| Some(*at) >= kept_from).collect();
        let followed = serde_json::to_value(self.followed).map_err(|error| StoreError::Failed(error.to_string()))?;
        Ok(AnalyticsProgress { counted_reviews: counted, followed_reviews: followed, ..progress })
    }
}

/// The verification record that an event says was sent.
fn submitted_record(event: &OutboxEvent) -> Option<RecordId> {
    event.data.get("attempt")?;
    RecordId::parse(event.data.get("verification_id")?.as_str()?)
}
