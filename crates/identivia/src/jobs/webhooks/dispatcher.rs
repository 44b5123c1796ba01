//! The dispatcher: makes a delivery of each event for each endpoint that wants it. Requests that cause events do not wait for
//! it: one more endpoint costs them nothing.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::{Webhooks, next_time};
use crate::domain::outbox::names_type;
use crate::domain::profile::Reach;
use crate::jobs::interval::wait_for_next_round;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::webhook_delivery::{DeliveryProgress, DeliveryTrigger, WebhookDelivery};
use crate::records::webhook_endpoint::WebhookEndpoint;
use crate::store::warn_unless_outage;
use crate::store::{EventFilter, StoreError};

/// How often new events are looked for. Other servers write events too, so only the store knows.
const LOOK_INTERVAL: Duration = Duration::from_millis(200);
/// Events that are dispatched in one commit.
const EVENTS_AT_ONCE: usize = 100;
/// Deliveries from which on a commit takes no further event.
const DELIVERIES_AT_ONCE: usize = 1_000;
/// How often the dispatcher checks that the event it stopped at is still kept.
const CHECK_INTERVAL: Duration = Duration::from_secs(60);
/// Under which id the dispatcher's progress is kept. No endpoint has it: their ids are random.
const DISPATCHER: &str = "dispatcher00000";

/// Dispatches events until `stop` becomes true.
pub(super) fn start_dispatcher(webhooks: Arc<Webhooks>, mut stop: watch::Receiver<bool>) {
    tokio::spawn(async move {
        let mut checked = Instant::now();
        let mut is_broken = false;
        while wait_for_next_round(LOOK_INTERVAL, &mut stop).await {
            let is_check_due = checked.elapsed() >= CHECK_INTERVAL;
            let outcome = if webhooks.board.list().is_empty() {
                webhooks.pass_over_events(is_check_due).await
            } else {
                webhooks.dispatch_new_events(is_check_due).await.map(drop)
            };
            if let Err(error) = &outcome
                && !is_broken
            {
                warn_unless_outage!(error, "events cannot be dispatched to webhooks now; trying again");
            }
            is_broken = outcome.is_err();
            if is_check_due {
                checked = Instant::now();
            }
        }
    });
}

impl Webhooks {
    /// Makes the deliveries of all events that are new; returns how many events there were. `is_check_due`: the event where
    /// it stopped may have been removed since; then it starts with the oldest that is kept.
    ///
    /// # Errors
    /// When a store cannot be read or written now.
    pub async fn dispatch_new_events(&self, is_check_due: bool) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let stored = self.load_dispatcher().await?;
            let before = self.go_on_from(&stored);
            let every = EventFilter { reach: Reach::Every, types: Vec::new(), profile: None };
            let events = self.events.read_events(&every, before.cursor.as_ref(), EVENTS_AT_ONCE).await?;
            // The endpoints are read after the events: so an endpoint that was made before an event gets it.
            let endpoints = if events.is_empty() { Vec::new() } else { self.events.webhook_endpoints().await? };
            let (mut deliveries, mut cursor, mut count) = (Vec::new(), None, 0);
            for event in &events {
                deliveries.extend(self.list_deliveries(event, &endpoints));
                (cursor, count) = (Some(event.event_id.clone()), count + 1);
                if deliveries.len() >= DELIVERIES_AT_ONCE {
                    break;
                }
            }
            if cursor.is_none() {
                if is_check_due {
                    self.store_place(&stored, &before).await?;
                }
                return Ok(all);
            }
            let after = DeliveryProgress { cursor, updated: next_time(&stored, self.clock.now()), ..stored.clone() };
            if deliveries.is_empty() {
                // Nothing is lost when this place is forgotten: the same events make the same deliveries, none.
                self.note_place(&stored, &after);
            } else if self.deliveries.dispatch_deliveries(&deliveries, &stored, &after).await? {
                self.wake.notify_one();
            } else {
                continue;
            }
            all += count;
            note_dispatched(events.iter().take(count));
        }
    }

    /// Moves on while there is no endpoint, so that the first one does not wait until all earlier events are read. It stays a
    /// minute behind: an event can become readable later than one that is newer.
    async fn pass_over_events(&self, is_check_due: bool) -> Result<(), StoreError> {
        if !is_check_due {
            return Ok(());
        }
        // The board is also empty while the endpoints could not be read yet: their events must not be passed over.
        if !self.events.webhook_endpoints().await?.is_empty() {
            return Ok(());
        }
        let stored = self.load_dispatcher().await?;
        let newest = self.events.newest_event(&Reach::Every).await?.map(|event| event.event_id);
        let passed = std::mem::replace(&mut *self.passed.lock().unwrap_or_else(PoisonError::into_inner), newest);
        if passed.is_some() && passed != stored.cursor {
            let updated = next_time(&stored, self.clock.now());
            let after = DeliveryProgress { cursor: passed, updated, ..stored.clone() };
            self.deliveries.replace_progress(&stored, &after).await?;
        }
        Ok(())
    }

    /// The stored place, or a later one that only this server knows. Another server may have stored a later one since.
    fn go_on_from(&self, stored: &DeliveryProgress) -> DeliveryProgress {
        let place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        match &*place {
            Some((known, cursor)) if *known == stored.updated => {
                DeliveryProgress { cursor: Some(cursor.clone()), ..stored.clone() }
            }
            _ => stored.clone(),
        }
    }

    fn note_place(&self, stored: &DeliveryProgress, after: &DeliveryProgress) {
        let place = after.cursor.clone().map(|cursor| (stored.updated, cursor));
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = place;
    }

    /// Where the dispatcher has come to. It begins with the first event after the server's first start.
    pub(super) async fn load_dispatcher(&self) -> Result<DeliveryProgress, StoreError> {
        let id = dispatcher_id();
        if let Some(found) = self.deliveries.progress_of(id).await? {
            return Ok(found);
        }
        let newest = self.events.newest_event(&Reach::Every).await?.map(|event| event.event_id);
        let first = DeliveryProgress { cursor: newest, ..DeliveryProgress::new(id, self.clock.now()) };
        self.deliveries.add_progress(&first).await?;
        Ok(self.deliveries.progress_of(id).await?.unwrap_or(first))
    }

    /// Stores the place, now and then: events in between are read again after a restart. It is the oldest event when the one
    /// where the dispatcher stopped is kept no more; deliveries that exist are not made again.
    async fn store_place(&self, stored: &DeliveryProgress, place: &DeliveryProgress) -> Result<(), StoreError> {
        let Some(cursor) = &place.cursor else { return Ok(()) };
        let is_kept = self.events.has_event(cursor, &Reach::Every).await?;
        if is_kept && stored.cursor == place.cursor {
            return Ok(());
        }
        let cursor = place.cursor.clone().filter(|_| is_kept);
        let after = DeliveryProgress { cursor, updated: next_time(stored, self.clock.now()), ..stored.clone() };
        self.deliveries.replace_progress(stored, &after).await.map(drop)
    }

    fn list_deliveries<'a>(
        &'a self,
        event: &'a OutboxEvent,
        endpoints: &'a [WebhookEndpoint],
    ) -> impl Iterator<Item = WebhookDelivery> + 'a {
        let wanting = endpoints
            .iter()
            .filter(|endpoint| !endpoint.disabled && event.created >= endpoint.created && wants_event(endpoint, event));
        wanting.map(|endpoint| self.new_delivery(endpoint, event, DeliveryTrigger::Schedule))
    }
}

fn note_dispatched<'a>(events: impl Iterator<Item = &'a OutboxEvent>) {
    for event in events {
        metrics::counter!("identivia_events_total", "type" => event.event_type.clone()).increment(1);
    }
}

fn dispatcher_id() -> RecordId {
    RecordId::parse(DISPATCHER).unwrap_or_default()
}

/// Says whether an endpoint gets events of that type and team. What happened to an endpoint its team's other endpoints learn.
pub(super) fn wants_event(endpoint: &WebhookEndpoint, event: &OutboxEvent) -> bool {
    let is_within_reach = endpoint.team.is_empty() || endpoint.team == event.team;
    let is_about_itself = event.data.get("endpoint_id").is_some_and(|id| id.as_str() == Some(endpoint.id.as_str()));
    is_within_reach && !is_about_itself && endpoint.events.iter().any(|pattern| names_type(pattern, &event.event_type))
}
