//! What this server knows of all webhook endpoints: their settings, how they are doing, and how many tries of each run. It
//! decides which endpoint may be tried now.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::domain::webhook::endpoint_health::FAILURES_BEFORE_PAUSES;
use crate::jobs::claim::JobSlot;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::webhook_delivery::DeliveryProgress;
use crate::records::webhook_endpoint::WebhookEndpoint;
use crate::system_key::SystemKey;

/// Tries of an endpoint at once after one has failed, and once it gets pauses.
const TRIES_AFTER_FAILURE: usize = 2;
const TRIES_WITH_PAUSES: usize = 1;

/// The endpoints, as they were read last.
pub(super) struct EndpointBoard {
    entries: Arc<Mutex<HashMap<RecordId, BoardEntry>>>,
    /// The most tries of one endpoint at once.
    limit: usize,
    /// The system key with which this server opens the endpoints' secrets.
    system_key: Arc<SystemKey>,
    /// Wakes the queue when an endpoint that was busy can be tried again.
    wake: Arc<Notify>,
}

#[derive(Default)]
struct BoardEntry {
    /// `None`: it was not there when the endpoints were read last.
    endpoint: Option<Arc<WebhookEndpoint>>,
    progress: Option<DeliveryProgress>,
    running: usize,
    /// Held while a failure is noted: of failures at the same time each sees the one before.
    noting: Arc<tokio::sync::Mutex<()>>,
}

/// The place of a try.
struct TrySlot {
    entries: Arc<Mutex<HashMap<RecordId, BoardEntry>>>,
    endpoint: RecordId,
    was_last: bool,
    wake: Arc<Notify>,
}

impl EndpointBoard {
    pub(super) fn new(limit: usize, system_key: Arc<SystemKey>, wake: Arc<Notify>) -> Self {
        Self { entries: Arc::default(), limit, system_key, wake }
    }

    /// Replaces what is known.
    pub(super) fn replace(&self, endpoints: Vec<WebhookEndpoint>, progress: Vec<DeliveryProgress>) {
        let mut entries = self.lock();
        for entry in entries.values_mut() {
            (entry.endpoint, entry.progress) = (None, None);
        }
        for endpoint in endpoints {
            let id = endpoint.id;
            entries.entry(id).or_default().endpoint = Some(Arc::new(endpoint));
        }
        for progress in progress {
            if let Some(entry) = entries.get_mut(&progress.id) {
                entry.progress = Some(progress);
            }
        }
        entries.retain(|_, entry| entry.endpoint.is_some() || entry.running > 0);
    }

    /// Remembers how an endpoint is doing until all are read again.
    pub(super) fn note_progress(&self, progress: &DeliveryProgress) {
        if let Some(entry) = self.lock().get_mut(&progress.id) {
            entry.progress = Some(progress.clone());
        }
    }

    pub(super) fn find(&self, endpoint: RecordId) -> Option<Arc<WebhookEndpoint>> {
        self.lock().get(&endpoint)?.endpoint.clone()
    }

    /// The lock of those who note failures of an endpoint.
    pub(super) fn lock_of(&self, endpoint: RecordId) -> Arc<tokio::sync::Mutex<()>> {
        self.lock().entry(endpoint).or_default().noting.clone()
    }

    /// Every endpoint.
    pub(super) fn list(&self) -> Vec<Arc<WebhookEndpoint>> {
        self.lock().values().filter_map(|entry| entry.endpoint.clone()).collect()
    }

    /// Says whether failures of an endpoint are remembered.
    pub(super) fn has_failures(&self, endpoint: RecordId) -> bool {
        let entries = self.lock();
        let progress = entries.get(&endpoint).and_then(|entry| entry.progress.as_ref());
        progress.is_some_and(DeliveryProgress::has_failures)
    }

    /// The endpoints that cannot be tried now.
    pub(super) fn list_busy(&self, now: Millis) -> Vec<RecordId> {
        let entries = self.lock();
        let busy = entries.iter().filter(|(_, entry)| entry.running >= self.limit_of(entry, now));
        busy.map(|(id, _)| *id).collect()
    }

    /// The endpoints that are disabled.
    pub(super) fn list_disabled(&self) -> Vec<RecordId> {
        let entries = self.lock();
        let disabled = entries.iter().filter(|(_, entry)| entry.endpoint.as_ref().is_some_and(|known| known.disabled));
        disabled.map(|(id, _)| *id).collect()
    }

    /// Takes the place of a try; `None` when the endpoint has no free place.
    pub(super) fn take_place(&self, endpoint: RecordId, now: Millis) -> Option<JobSlot> {
        let mut entries = self.lock();
        let entry = entries.entry(endpoint).or_default();
        let limit = self.limit_of(entry, now);
        if entry.running >= limit {
            return None;
        }
        entry.running += 1;
        let was_last = entry.running == limit;
        Some(Box::new(TrySlot { entries: self.entries.clone(), endpoint, was_last, wake: self.wake.clone() }))
    }

    /// The endpoints by state: those in use, those that fail, those that are disabled.
    pub(super) fn count_by_state(&self) -> [(&'static str, usize); 3] {
        let entries = self.lock();
        let count = |wanted: &str| entries.values().filter(|entry| entry.state() == Some(wanted)).count();
        ["enabled", "failing", "disabled"].map(|state| (state, count(state)))
    }

    fn limit_of(&self, entry: &BoardEntry, now: Millis) -> usize {
        let Some(endpoint) = &entry.endpoint else { return self.limit };
        if endpoint.disabled || !has_key(endpoint, &self.system_key) {
            return 0;
        }
        match &entry.progress {
            Some(progress) if progress.paused_until.is_some_and(|until| until > now) => 0,
            Some(progress) if progress.failures >= FAILURES_BEFORE_PAUSES => TRIES_WITH_PAUSES,
            Some(progress) if progress.failures > 0 => TRIES_AFTER_FAILURE.min(self.limit),
            _ => self.limit,
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RecordId, BoardEntry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl BoardEntry {
    fn state(&self) -> Option<&'static str> {
        let endpoint = self.endpoint.as_ref()?;
        Some(match &self.progress {
            _ if endpoint.disabled => "disabled",
            Some(progress) if progress.has_failures() => "failing",
            _ => "enabled",
        })
    }
}

/// Says whether all keys of an endpoint were sealed with that system key.
pub(super) fn has_key(endpoint: &WebhookEndpoint, system_key: &SystemKey) -> bool {
    endpoint.keys.iter().all(|key| system_key.has_sealed(&key.secret))
}

impl Drop for TrySlot {
    fn drop(&mut self) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = entries.get_mut(&self.endpoint) {
            entry.running = entry.running.saturating_sub(1);
        }
        if self.was_last {
            self.wake.notify_one();
        }
    }
}
