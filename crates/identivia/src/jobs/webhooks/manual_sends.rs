//! What clients send by hand: a test, one delivery again, and the events of a time again.

use std::collections::BTreeSet;

use super::Webhooks;
use super::delivery_job::{end_delivery, to_attempt};
use super::dispatcher::wants_event;
use crate::domain::outbox::EventType;
use crate::jobs::queue::JobError;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::webhook_delivery::{DeliveryState, DeliveryTrigger, WebhookAttempt, WebhookDelivery};
use crate::records::webhook_endpoint::WebhookEndpoint;
use crate::store::{Comparison, DeliveryFilter, PageRequest, Query, StoreError};

/// The most events that one replay sends.
const MAX_REPLAYED: usize = 10_000;
/// Events that are read at once, and deliveries that one commit makes due.
const AT_ONCE: usize = 100;

/// Which events a replay sends again.
#[derive(Clone, Debug)]
pub struct ReplayRequest {
    pub since: Millis,
    pub until: Millis,
    /// Empty: of every type that the endpoint gets.
    pub types: Vec<EventType>,
    /// Only those that were given up.
    pub only_failed: bool,
}

/// Why nothing was sent again.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("more than 10,000 events")]
    TooMany,
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Webhooks {
    /// Sends an event of that type at once, and records it as a delivery with one try.
    ///
    /// # Errors
    /// When it cannot be signed or recorded. A receiver that does not take it is no error.
    pub async fn send_test(
        &self,
        endpoint: &WebhookEndpoint,
        event_type: EventType,
    ) -> Result<(WebhookDelivery, WebhookAttempt), JobError> {
        let started = self.clock.now();
        let event = OutboxEvent::sample(event_type, &endpoint.team, endpoint.id, started);
        let mut delivery = self.new_delivery(endpoint, &event, DeliveryTrigger::Test);
        let answer = self.send_event(endpoint, event, started).await?;
        delivery.profile = None;
        delivery.attempts = 1;
        let state = if answer.is_success() { DeliveryState::Delivered } else { DeliveryState::Exhausted };
        end_delivery(&mut delivery, state, self.clock.now());
        (delivery.last_status, delivery.last_error) = (answer.status, answer.error.clone());
        let attempt = to_attempt(&delivery, 1, started, &answer);
        self.deliveries.add_webhook_delivery(&delivery, &attempt).await?;
        Ok((delivery, attempt))
    }

    /// Makes a delivery due at once; says whether it was found as it was read.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn resend(&self, delivery: &WebhookDelivery) -> Result<bool, StoreError> {
        let is_made = self.deliveries.resend_delivery(delivery, self.clock.now()).await?;
        self.wake.notify_one();
        Ok(is_made)
    }

    /// Makes the events of a time due again for an endpoint; returns how many. They keep their ids.
    ///
    /// # Errors
    /// When there are too many, or a store cannot do it now. A part may be due then; the same call goes on.
    pub async fn replay(&self, endpoint: &WebhookEndpoint, request: &ReplayRequest) -> Result<usize, ReplayError> {
        let found = if request.only_failed {
            self.find_failed(endpoint, request).await?
        } else {
            self.find_events(endpoint, request).await?
        };
        for part in found.chunks(AT_ONCE) {
            self.deliveries.repeat_deliveries(part).await?;
        }
        self.wake.notify_one();
        Ok(found.len())
    }

    /// Drops what waits for an endpoint, and forgets its failures.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn drop_waiting(&self, endpoint: RecordId) -> Result<usize, StoreError> {
        self.deliveries.drop_due_deliveries(endpoint, self.clock.now()).await
    }

    /// Forgets the failures of an endpoint, which begins anew or is gone.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn forget_failures(&self, endpoint: RecordId) -> Result<(), StoreError> {
        self.deliveries.delete_progress(endpoint).await?;
        self.read_endpoints().await?;
        self.wake.notify_one();
        Ok(())
    }

    /// The deliveries of a time that were given up, ready to be due again.
    async fn find_failed(
        &self,
        endpoint: &WebhookEndpoint,
        request: &ReplayRequest,
    ) -> Result<Vec<WebhookDelivery>, ReplayError> {
        let mut found = Vec::new();
        for state in [DeliveryState::Exhausted, DeliveryState::Dropped] {
            let filter = DeliveryFilter { state: Some(state), event_type: None };
            let mut page = PageRequest { limit: AT_ONCE, cursor: None };
            loop {
                let listed = self.deliveries.list_webhook_deliveries(endpoint.id, &filter, &page).await?;
                // Newest first: what was made before the time ends the search.
                let is_past = listed.items.last().is_some_and(|delivery| delivery.created < request.since);
                let wanted = listed.items.into_iter().filter(|delivery| self.is_wanted(delivery, request));
                found.extend(wanted.map(|delivery| self.to_repeated(delivery)));
                if found.len() > MAX_REPLAYED {
                    return Err(ReplayError::TooMany);
                }
                page.cursor = listed.next;
                if page.cursor.is_none() || is_past {
                    break;
                }
            }
        }
        Ok(found)
    }

    fn is_wanted(&self, delivery: &WebhookDelivery, request: &ReplayRequest) -> bool {
        (request.since..=request.until).contains(&delivery.created)
            && delivery.trigger != DeliveryTrigger::Test
            && is_of_types(&delivery.event_type, &request.types)
    }

    /// The same delivery, due now with the whole schedule before it.
    fn to_repeated(&self, delivery: WebhookDelivery) -> WebhookDelivery {
        WebhookDelivery {
            state: DeliveryState::Due,
            trigger: DeliveryTrigger::Replay,
            attempts: 0,
            due_at: Some(self.clock.now()),
            finished: None,
            ..delivery
        }
    }

    /// The deliveries of all events of a time that the endpoint wants.
    async fn find_events(
        &self,
        endpoint: &WebhookEndpoint,
        request: &ReplayRequest,
    ) -> Result<Vec<WebhookDelivery>, ReplayError> {
        let (mut found, mut after, mut seen) = (Vec::new(), None, BTreeSet::new());
        loop {
            let query = Query::of_kind(RecordKind::OutboxEvents)
                .filter("created", Comparison::After(Millis(request.since.0 - 1)))
                .filter("created", Comparison::Until(request.until));
            let page = self.events.read(Query { after, ..query.limited(AT_ONCE) }).await?;
            let is_last = page.len() < AT_ONCE;
            after = page.last().map(|stored| stored.cursor.clone());
            for stored in &page {
                let event: OutboxEvent = crate::store::parse_record(&stored.json)?;
                let is_wanted = wants_event(endpoint, &event) && is_of_types(&event.event_type, &request.types);
                if is_wanted && seen.insert(event.event_id.to_string()) {
                    found.push(self.new_delivery(endpoint, &event, DeliveryTrigger::Replay));
                }
            }
            if found.len() > MAX_REPLAYED {
                return Err(ReplayError::TooMany);
            }
            if is_last {
                return Ok(found);
            }
        }
    }
}

fn is_of_types(event_type: &str, types: &[EventType]) -> bool {
    types.is_empty() || types.iter().any(|wanted| wanted.word() == event_type)
}
