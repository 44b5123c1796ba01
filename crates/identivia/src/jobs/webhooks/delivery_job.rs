//! The delivery job: sends one event to one endpoint, and schedules the next try when that fails.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::json;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::{Webhooks, endpoint_board};
use crate::domain::profile::Reach;
use crate::domain::webhook::endpoint_health::FailedTry;
use crate::domain::webhook::retry_schedule::{MAX_TRIES, draw_jitter, next_try};
use crate::jobs::claim::{ClaimedJob, JobColumns, JobSlot};
use crate::jobs::queue::{JobError, JobKind, JobLimits, JobOutcome};
use crate::providers::webhook_receiver::WebhookAnswer;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::webhook_delivery::{DeliveryState, DeliveryTrigger, WebhookAttempt, WebhookDelivery};
use crate::records::webhook_endpoint::{DisabledBecause, WebhookEndpoint};
use crate::store::{Comparison, Query, StoreError};

/// Tries at once, of all endpoints.
const MAX_RUNNING: usize = 500;
/// Deliveries that are claimed at once, for as many free workers.
const CLAIMED_AT_ONCE: usize = 64;
/// Longer than the longest try, which takes 15 s.
const LEASE_SECONDS: i64 = 60;
/// How often the endpoints are read again: a change of an endpoint holds from then on.
const READ_INTERVAL: Duration = Duration::from_secs(1);
/// How long an event waits while an earlier one of its profile is being sent, in seconds.
const ORDER_WAIT: i64 = 2;

/// Sends due deliveries.
pub struct DeliveryJob {
    webhooks: Arc<Webhooks>,
    read_at: Mutex<Option<Instant>>,
}

impl DeliveryJob {
    pub(super) fn new(webhooks: Arc<Webhooks>) -> Self {
        Self { webhooks, read_at: Mutex::default() }
    }

    /// Says whether it is time to read the endpoints, and if so starts the next interval.
    fn begin_read(&self) -> bool {
        let mut read_at = self.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        let is_due = read_at.is_none_or(|at| at.elapsed() >= READ_INTERVAL);
        if is_due {
            *read_at = Some(Instant::now());
        }
        is_due
    }

    /// Records the end of a delivery that is not tried.
    async fn end_untried(
        &self,
        job: &ClaimedJob<WebhookDelivery>,
        state: DeliveryState,
        why: &str,
    ) -> Result<JobOutcome, JobError> {
        let mut after = job.record.clone();
        after.attempts = job.attempt.saturating_sub(1);
        after.last_error = Some(why.to_owned());
        end_delivery(&mut after, state, self.webhooks.clock.now());
        count_outcome(state);
        self.webhooks.record_attempt(job, &after, None).await
    }

    /// When an event must wait for an earlier one of its profile.
    async fn find_wait(
        &self,
        endpoint: &WebhookEndpoint,
        job: &ClaimedJob<WebhookDelivery>,
    ) -> Result<Option<Millis>, StoreError> {
        let Some(profile) = job.record.profile.filter(|_| endpoint.ordered) else { return Ok(None) };
        let first = self.webhooks.deliveries.first_due_delivery(endpoint.id, profile).await?;
        let Some(first) = first.filter(|first| first.id != job.record.id) else { return Ok(None) };
        let now = self.webhooks.clock.now();
        let is_running = first.due_at.is_none_or(|due| due <= now.plus_seconds(LEASE_SECONDS));
        Ok(if is_running { Some(now.plus_seconds(ORDER_WAIT)) } else { first.due_at })
    }
}

#[async_trait]
impl JobKind for DeliveryJob {
    type JobRecord = WebhookDelivery;

    const NAME: &'static str = "webhook_delivery";
    const COLUMNS: JobColumns = JobColumns {
        kind: RecordKind::WebhookDeliveries,
        due: "due_at",
        attempts: Some("attempts"),
        open_word: Some(("state", DeliveryState::Due.word())),
    };
    const LOGS_FAILED_RUNS: bool = false;
    const CLAIMED_AT_ONCE: usize = CLAIMED_AT_ONCE;

    fn limits(&self) -> JobLimits {
        JobLimits {
            workers: MAX_RUNNING,
            lease_seconds: LEASE_SECONDS,
            // The schedule limits the tries: a resend is one more.
            max_attempts: u32::MAX,
            postpone_seconds: 60,
            poll_interval: READ_INTERVAL,
            pause_after_failure: READ_INTERVAL,
        }
    }

    fn wake_signal(&self) -> &Notify {
        &self.webhooks.wake
    }

    async fn prepare_jobs(&self) -> Result<(), JobError> {
        if self.begin_read() {
            self.webhooks.read_endpoints().await?;
        }
        Ok(())
    }

    fn narrow_search(&self, query: Query) -> Query {
        leave_out_endpoints(query, &self.webhooks.board.list_busy(self.webhooks.clock.now()))
    }

    fn admit_job(&self, delivery: &WebhookDelivery) -> Option<JobSlot> {
        self.webhooks.board.take_place(delivery.endpoint, self.webhooks.clock.now())
    }

    async fn run_job(&self, job: &ClaimedJob<WebhookDelivery>) -> Result<JobOutcome, JobError> {
        let (webhooks, delivery) = (&self.webhooks, &job.record);
        let Some(endpoint) = webhooks.find_endpoint(delivery.endpoint).await? else {
            return self.end_untried(job, DeliveryState::Dropped, "the endpoint was deleted").await;
        };
        if endpoint.disabled || !endpoint_board::has_key(&endpoint, &webhooks.system_key) {
            return Err(JobError::Unavailable {
                cause: "the endpoint cannot be used now".to_owned(),
                retry_at: None,
                is_outage: false,
            });
        }
        if job.attempt > MAX_TRIES && delivery.trigger != DeliveryTrigger::Manual {
            return self.end_untried(job, DeliveryState::Exhausted, "the last try did not end").await;
        }
        let Some(event) = webhooks.events.read_record::<OutboxEvent>(delivery.event_id.record_id().as_str()).await?
        else {
            return self.end_untried(job, DeliveryState::Dropped, "the event is kept no more").await;
        };
        if let Some(retry_at) = self.find_wait(&endpoint, job).await? {
            let cause = "an earlier event of its profile comes first".to_owned();
            return Err(JobError::Unavailable { cause, retry_at: Some(retry_at), is_outage: false });
        }
        let started = webhooks.clock.now();
        let answer = webhooks.send_event(&endpoint, event, started).await?;
        let attempt = to_attempt(delivery, job.attempt, started, &answer);
        let after = to_next_state(job, &answer, webhooks.clock.now());
        log_try(&after, &attempt);
        let outcome = webhooks.record_attempt(job, &after, Some(&attempt)).await?;
        webhooks.note_result(&endpoint, &after, &answer).await?;
        Ok(outcome)
    }

    async fn give_up(&self, job: &ClaimedJob<WebhookDelivery>) -> Result<JobOutcome, JobError> {
        self.end_untried(job, DeliveryState::Exhausted, "the last try did not end").await
    }
}

impl Webhooks {
    /// Reads all endpoints, and how they are doing.
    pub(super) async fn read_endpoints(&self) -> Result<(), StoreError> {
        let endpoints = self.events.webhook_endpoints().await?;
        self.board.replace(endpoints, self.deliveries.delivery_progress().await?);
        for (state, count) in self.board.count_by_state() {
            metrics::gauge!("identivia_webhook_endpoints", "state" => state).set(count as f64);
        }
        Ok(())
    }

    /// The endpoint as it was read last; one that was made since is read.
    async fn find_endpoint(&self, id: RecordId) -> Result<Option<Arc<WebhookEndpoint>>, StoreError> {
        match self.board.find(id) {
            Some(endpoint) => Ok(Some(endpoint)),
            None => Ok(self.events.webhook_endpoint(id, &Reach::Every).await?.map(Arc::new)),
        }
    }

    /// Signs and sends an event once.
    pub(super) async fn send_event(
        &self,
        endpoint: &WebhookEndpoint,
        event: OutboxEvent,
        now: Millis,
    ) -> Result<WebhookAnswer, JobError> {
        let request = self.sign_request(endpoint, event, now).map_err(|error| JobError::Unavailable {
            cause: error.to_string(),
            retry_at: None,
            is_outage: false,
        })?;
        let answer = self.receivers.send(request, now).await;
        metrics::histogram!("identivia_webhook_attempt_seconds").record(answer.duration.as_secs_f64());
        if answer.is_refused {
            metrics::counter!("identivia_webhook_refused_total").increment(1);
        }
        Ok(answer)
    }

    /// Records a try. Another server may hold the delivery by now: its word counts then.
    async fn record_attempt(
        &self,
        job: &ClaimedJob<WebhookDelivery>,
        after: &WebhookDelivery,
        attempt: Option<&WebhookAttempt>,
    ) -> Result<JobOutcome, JobError> {
        let held = DeliveryJob::COLUMNS.holding_conditions(job);
        if !self.deliveries.record_attempt(after, held, attempt).await? {
            metrics::counter!("identivia_webhook_claims_lost_total").increment(1);
            tracing::warn!(
                endpoint = %after.endpoint, event = %after.event_id,
                "a try of a webhook ended after another server had taken the delivery over; its result is not recorded"
            );
        }
        Ok(JobOutcome::Settled)
    }

    /// Notes for the endpoint what a try has shown.
    async fn note_result(
        &self,
        endpoint: &WebhookEndpoint,
        after: &WebhookDelivery,
        answer: &WebhookAnswer,
    ) -> Result<(), StoreError> {
        if answer.is_success() {
            return self.note_success(endpoint.id).await;
        }
        if answer.is_gone() {
            return self.disable_endpoint(endpoint.id, DisabledBecause::Gone, None).await;
        }
        if after.trigger == DeliveryTrigger::Manual {
            return Ok(());
        }
        let failed = FailedTry { event: after.event_id.clone(), number: after.attempts, at: self.clock.now() };
        self.note_failure(endpoint, &failed).await
    }
}

/// Leaves the deliveries of these endpoints out.
pub(super) fn leave_out_endpoints(query: Query, endpoints: &[RecordId]) -> Query {
    if endpoints.is_empty() {
        return query;
    }
    query.filter("endpoint", Comparison::NotIn(endpoints.iter().map(|id| json!(id)).collect()))
}

/// The record of a try.
pub(super) fn to_attempt(
    delivery: &WebhookDelivery,
    number: u32,
    at: Millis,
    answer: &WebhookAnswer,
) -> WebhookAttempt {
    WebhookAttempt {
        id: RecordId::random(),
        delivery: delivery.id,
        number,
        trigger: delivery.trigger,
        at,
        status: answer.status,
        duration_ms: u32::try_from(answer.duration.as_millis()).unwrap_or(u32::MAX),
        error: answer.error.clone(),
        response: answer.response.clone(),
    }
}

/// The delivery after a try.
fn to_next_state(job: &ClaimedJob<WebhookDelivery>, answer: &WebhookAnswer, now: Millis) -> WebhookDelivery {
    let mut after = job.record.clone();
    after.attempts = job.attempt;
    after.last_status = answer.status;
    after.last_error.clone_from(&answer.error);
    let is_single = after.trigger == DeliveryTrigger::Manual;
    let next = next_try(now, job.attempt, answer.hints, draw_jitter()).filter(|_| !is_single && !answer.is_success());
    match next {
        Some(due) => after.due_at = Some(due),
        None => {
            let state = if answer.is_success() { DeliveryState::Delivered } else { DeliveryState::Exhausted };
            end_delivery(&mut after, state, now);
            count_outcome(state);
        }
    }
    after
}

pub(super) fn end_delivery(delivery: &mut WebhookDelivery, state: DeliveryState, now: Millis) {
    (delivery.state, delivery.due_at, delivery.finished) = (state, None, Some(now));
}

fn count_outcome(state: DeliveryState) {
    metrics::counter!("identivia_webhook_deliveries_total", "outcome" => state.word()).increment(1);
}

fn log_try(delivery: &WebhookDelivery, attempt: &WebhookAttempt) {
    let (endpoint, event) = (delivery.endpoint, &delivery.event_id);
    let (number, status, ms) = (attempt.number, attempt.status, attempt.duration_ms);
    match &attempt.error {
        None => tracing::debug!(%endpoint, %event, attempt = number, status, ms, "webhook delivered"),
        Some(cause) => tracing::info!(%endpoint, %event, attempt = number, status, ms, %cause, "webhook not delivered"),
    }
}
