//! The dispatcher: makes a delivery of each event for each endpoint that wants it. Requests that cause events do not wait for
//! it: one more endpoint costs them nothing.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};

use super::{Webhooks, next_time};
use crate::domain::outbox::names_type;
use crate::domain::profile::Reach;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::webhook_delivery::{DeliveryProgress, DeliveryTrigger, WebhookDelivery};
use crate::records::webhook_endpoint::WebhookEndpoint;
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
        while timeout(LOOK_INTERVAL, stop.wait_for(|stop| *stop)).await.is_err() {
            let is_check_due = checked.elapsed() >= CHECK_INTERVAL;
            let outcome = webhooks.dispatch_new_events(is_check_due).await;
            if let Err(error) = &outcome
                && !is_broken
            {
                tracing::warn!(%error, "events cannot be dispatched to webhooks now; trying again");
            }
            is_broken = outcome.is_err();
            if is_check_due {
                checked = Instant::now();
            }
        }
    });
}

impl Webhooks {
    /// Makes the deliveries of all events that are new; returns how many events there were. `checks_place`: the event where
    /// it stopped may have been removed since; then it starts with the oldest that is kept.
    ///
    /// # Errors
    /// When a store cannot be read or written now.
    pub async fn dispatch_new_events(&self, checks_place: bool) -> Result<usize, StoreError> {
        let mut all = 0;
        loop {
            let before = self.load_dispatcher().await?;
            let every = EventFilter { reach: Reach::Every, types: Vec::new(), profile: None };
            let events = self.events.read_events(&every, before.cursor.as_ref(), EVENTS_AT_ONCE).await?;
            // The endpoints are read after the events: so an endpoint that was made before an event gets it.
            let endpoints = self.events.webhook_endpoints().await?;
            let (mut deliveries, mut cursor, mut count) = (Vec::new(), None, 0);
            for event in &events {
                deliveries.extend(self.list_deliveries(event, &endpoints));
                (cursor, count) = (Some(event.event_id.clone()), count + 1);
                if deliveries.len() >= DELIVERIES_AT_ONCE {
                    break;
                }
            }
            if cursor.is_none() {
                if checks_place {
                    self.leave_removed_event(&before).await?;
                }
                return Ok(all);
            }
            let after = DeliveryProgress { cursor, updated: next_time(&before, self.clock.now()), ..before.clone() };
            if self.deliveries.dispatch_deliveries(&deliveries, &before, &after).await? {
                all += count;
                note_dispatched(events.iter().take(count));
                if !deliveries.is_empty() {
                    self.wake.notify_one();
                }
            }
        }
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

    /// Starts with the oldest event when the one where it stopped is kept no more. Deliveries that exist are not made again.
    async fn leave_removed_event(&self, before: &DeliveryProgress) -> Result<(), StoreError> {
        let Some(cursor) = &before.cursor else { return Ok(()) };
        if !self.events.has_event(cursor, &Reach::Every).await? {
            let after =
                DeliveryProgress { cursor: None, updated: next_time(before, self.clock.now()), ..before.clone() };
            self.deliveries.replace_progress(before, &after).await?;
        }
        Ok(())
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
