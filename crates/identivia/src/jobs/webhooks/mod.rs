//! Webhooks: events are dispatched to endpoints as deliveries, which the job queue sends, signed, until a receiver takes them.

mod backlog;
mod delivery_job;
mod dispatcher;
mod endpoint_alarm;
mod endpoint_board;
mod manual_sends;
mod retention;
mod signed_request;

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use aws_lc_rs::digest;
use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::WebhookSettings;
use crate::jobs::queue::JobQueue;
use crate::jobs::staff_mail::StaffMail;
use crate::providers::webhook_receiver::{HostLookup, WebhookReceivers};
use crate::records::id::{RecordId, letters_of};
use crate::records::outbox_event::{EventId, OutboxEvent};
use crate::records::time::Millis;
use crate::records::webhook_delivery::{DeliveryProgress, DeliveryState, DeliveryTrigger, WebhookDelivery};
use crate::records::webhook_endpoint::WebhookEndpoint;
use crate::store::{Store, StoreError};
use crate::system_key::SystemKey;
pub use delivery_job::DeliveryJob;
pub use manual_sends::{ReplayError, ReplayRequest};
pub use signed_request::SealedHeaders;

use endpoint_board::EndpointBoard;

/// Everything that webhooks need. The HTTP layer and the queue share it.
pub struct Webhooks {
    /// Events and endpoints.
    events: Arc<dyn Store>,
    /// Deliveries, attempts and progress. With PocketBase it is a database in the data folder, else the same store.
    deliveries: Arc<dyn Store>,
    receivers: WebhookReceivers,
    system_key: Arc<SystemKey>,
    clock: Clock,
    board: EndpointBoard,
    /// Starts due deliveries at once.
    wake: Arc<Notify>,
    /// The last event that this server has dispatched, and the stored progress that it belongs to.
    place: Mutex<Option<(Millis, EventId)>>,
    /// While there is no endpoint: the newest event when it was looked for last.
    passed: Mutex<Option<EventId>>,
    settings: WebhookSettings,
    /// Whether deliveries wait that should have been tried long ago.
    is_late: AtomicBool,
    /// Tells the staff of endpoints that fail.
    staff_mail: Arc<StaffMail>,
}

impl Webhooks {
    /// Webhooks over these stores. Nothing is sent yet.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub fn open(
        events: Arc<dyn Store>,
        deliveries: Arc<dyn Store>,
        system_key: Arc<SystemKey>,
        clock: Clock,
        settings: &WebhookSettings,
        lookup: Arc<dyn HostLookup>,
        staff_mail: Arc<StaffMail>,
    ) -> anyhow::Result<Arc<Self>> {
        let wake = Arc::new(Notify::new());
        Ok(Arc::new(Self {
            events,
            deliveries,
            receivers: WebhookReceivers::open(settings, lookup)?,
            board: EndpointBoard::new(settings.per_endpoint, system_key.clone(), wake.clone()),
            system_key,
            clock,
            wake,
            place: Mutex::default(),
            passed: Mutex::default(),
            settings: settings.clone(),
            is_late: AtomicBool::new(false),
            staff_mail,
        }))
    }

    /// Dispatches events, sends deliveries and removes old ones until `stop` becomes true. A server that sends no webhooks
    /// does none of it.
    pub async fn start(self: &Arc<Self>, stop: watch::Receiver<bool>) -> Option<Arc<JobQueue<DeliveryJob>>> {
        if !self.settings.is_sender {
            return None;
        }
        self.warn_of_other_keys().await;
        // Before the first request: the events of the first start are not skipped.
        if let Err(error) = self.load_dispatcher().await {
            tracing::warn!(%error, "webhooks begin once the store can be read: events until then may not be sent");
        }
        let queue = JobQueue::new(DeliveryJob::new(self.clone()), self.deliveries.clone(), self.clock.clone());
        queue.start(stop.clone());
        dispatcher::start_dispatcher(self.clone(), stop.clone());
        backlog::start_backlog_checks(self.clone(), stop.clone());
        retention::start_delivery_retention(self.clone(), stop);
        Some(queue)
    }

    /// The store of deliveries.
    #[must_use]
    pub fn deliveries(&self) -> &dyn Store {
        &*self.deliveries
    }

    /// The receivers, and where they may be.
    #[must_use]
    pub fn receivers(&self) -> &WebhookReceivers {
        &self.receivers
    }

    /// The key that seals the secrets of endpoints.
    #[must_use]
    pub fn system_key(&self) -> &SystemKey {
        &self.system_key
    }

    /// The endpoints whose public keys are published. A server that sends knows them; another one reads them.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn public_endpoints(&self) -> Result<Vec<Arc<WebhookEndpoint>>, StoreError> {
        if self.settings.is_sender {
            return Ok(self.board.list());
        }
        Ok(self.events.webhook_endpoints().await?.into_iter().map(Arc::new).collect())
    }

    /// A delivery that is due now.
    fn new_delivery(
        &self,
        endpoint: &WebhookEndpoint,
        event: &OutboxEvent,
        trigger: DeliveryTrigger,
    ) -> WebhookDelivery {
        let now = self.clock.now();
        WebhookDelivery {
            id: delivery_key(endpoint.id, &event.event_id),
            endpoint: endpoint.id,
            event_id: event.event_id.clone(),
            event_type: event.event_type.clone(),
            profile: event.profile,
            state: DeliveryState::Due,
            trigger,
            attempts: 0,
            due_at: Some(now),
            last_status: None,
            last_error: None,
            created: now,
            finished: None,
        }
    }

    /// Says at the start when endpoints were made with another system key: this server cannot sign for them.
    async fn warn_of_other_keys(&self) {
        let Ok(endpoints) = self.events.webhook_endpoints().await else { return };
        let others = endpoints.iter().filter(|endpoint| !endpoint_board::has_key(endpoint, &self.system_key)).count();
        if others > 0 {
            tracing::error!(
                endpoints = others,
                system_key = self.system_key.id(),
                "webhook endpoints were made with another system key, and this server sends them nothing: copy system.key from \
                 the server that made them, or set SYSTEM_KEY_FILE; if it is lost, rotate their secrets"
            );
        }
    }
}

/// The id of the delivery of an event to an endpoint: two servers that dispatch an event make one delivery.
fn delivery_key(endpoint: RecordId, event: &EventId) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, format!("delivery {endpoint} {event}").as_bytes()).as_ref())
}

/// The time of a change of a progress: each has another one, by which the next change knows what it changes.
fn next_time(before: &DeliveryProgress, now: Millis) -> Millis {
    now.max(Millis(before.updated.0 + 1))
}
