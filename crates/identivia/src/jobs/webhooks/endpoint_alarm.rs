//! Tells a team's other endpoints that one of them fails, and disables it in the end.

use serde_json::{Value, json};

use super::{Webhooks, next_time};
use crate::domain::event::EventKind;
use crate::domain::outbox::EventType;
use crate::domain::profile::Reach;
use crate::domain::scope::Scope;
use crate::domain::staff_mail::MailKind;
use crate::domain::webhook::endpoint_health::{FailedTry, HealthStep};
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::webhook_delivery::DeliveryProgress;
use crate::records::webhook_endpoint::{DisabledBecause, WebhookEndpoint};
use crate::store::StoreError;

/// How often a change is tried that others make at the same time.
const MAX_CHANGES: usize = 5;
/// Who changes endpoints in the audit trail.
const ACTOR: &str = "identivia";

impl Webhooks {
    /// Notes that a delivery has succeeded: earlier failures of its endpoint are forgotten.
    pub(super) async fn note_success(&self, endpoint: RecordId) -> Result<(), StoreError> {
        if !self.board.has_failures(endpoint) {
            return Ok(());
        }
        for _ in 0..MAX_CHANGES {
            let Some(before) = self.deliveries.progress_of(endpoint).await?.filter(DeliveryProgress::has_failures)
            else {
                return Ok(());
            };
            let after = before.after_success(next_time(&before, self.clock.now()));
            if self.deliveries.replace_progress(&before, &after).await? {
                self.board.note_progress(&after);
                self.wake.notify_one();
                return Ok(());
            }
        }
        Ok(())
    }

    /// Notes that a try has failed, and warns the other endpoints when it is time. The warning comes first: after a crash it
    /// comes once more rather than never.
    pub(super) async fn note_failure(&self, endpoint: &WebhookEndpoint, failed: &FailedTry) -> Result<(), StoreError> {
        let lock = self.board.lock_of(endpoint.id);
        let _noting = lock.lock().await;
        let mut told = HealthStep::Nothing;
        for _ in 0..MAX_CHANGES {
            let before = match self.deliveries.progress_of(endpoint.id).await? {
                Some(before) => before,
                None => {
                    let first = DeliveryProgress::new(endpoint.id, failed.at);
                    self.deliveries.add_progress(&first).await?;
                    first
                }
            };
            let (mut after, step) = before.after_failure(failed);
            after.updated = next_time(&before, after.updated);
            if step != told {
                self.take_step(endpoint, &after, step).await?;
                told = step;
            }
            if self.deliveries.replace_progress(&before, &after).await? {
                self.board.note_progress(&after);
                return Ok(());
            }
        }
        Ok(())
    }

    async fn take_step(
        &self,
        endpoint: &WebhookEndpoint,
        progress: &DeliveryProgress,
        step: HealthStep,
    ) -> Result<(), StoreError> {
        let since = progress.failing_since;
        match step {
            HealthStep::Nothing => Ok(()),
            HealthStep::Warn => self.report_failing(endpoint, since, None).await,
            HealthStep::WarnLastTime { disabled_from } => {
                self.report_failing(endpoint, since, Some(disabled_from)).await
            }
            HealthStep::Disable => self.disable_endpoint(endpoint.id, DisabledBecause::Failing, since).await,
        }
    }

    async fn report_failing(
        &self,
        endpoint: &WebhookEndpoint,
        since: Option<Millis>,
        disabled_from: Option<Millis>,
    ) -> Result<(), StoreError> {
        tracing::warn!(
            endpoint = %endpoint.id, disabled_from = ?disabled_from.map(Millis::rfc3339),
            "deliveries to a webhook endpoint fail: see its deliveries for the cause"
        );
        let now = self.clock.now();
        let more = json!({"since": since.map(Millis::rfc3339), "disabled_from": disabled_from.map(Millis::rfc3339)});
        let event = OutboxEvent::about_endpoint(EventType::EndpointFailing, &endpoint.team, endpoint.id, now, more);
        let audit = AuditEvent::new(EventKind::WebhookFailing, now, ACTOR).with_detail(endpoint.id.as_str());
        let audit = audit.on(RecordKind::WebhookEndpoints, endpoint.id.as_str());
        self.events.report_endpoint(&event, &audit).await?;
        self.notify_staff(MailKind::EndpointFailing, endpoint);
        Ok(())
    }

    fn notify_staff(&self, kind: MailKind, endpoint: &WebhookEndpoint) {
        let name = ("endpoint", endpoint.id.to_string());
        self.staff_mail.send_notice(kind, Scope::WebhooksWrite, &endpoint.team, "settings/webhooks", name);
    }

    /// Disables an endpoint, unless it is disabled or gone: of all servers one does.
    pub(super) async fn disable_endpoint(
        &self,
        id: RecordId,
        because: DisabledBecause,
        since: Option<Millis>,
    ) -> Result<(), StoreError> {
        for _ in 0..MAX_CHANGES {
            let found = self.events.webhook_endpoint(id, &Reach::Every).await?;
            let Some(before) = found.filter(|endpoint| !endpoint.disabled) else { return Ok(()) };
            let now = self.clock.now();
            let after = WebhookEndpoint {
                disabled: true,
                disabled_at: Some(now),
                disabled_because: Some(because),
                ..before.clone()
            };
            let more = json!({"since": since.map_or(Value::Null, |since| json!(since.rfc3339())), "reason": because});
            let event = OutboxEvent::about_endpoint(EventType::EndpointDisabled, &before.team, id, now, more);
            let audit = AuditEvent::new(EventKind::WebhookDisabled, now, ACTOR)
                .on(RecordKind::WebhookEndpoints, id.as_str())
                .with_detail(format!("{id}: {}", because.word()));
            if self.events.replace_webhook_endpoint(&before, after, &audit, Some(&event)).await?.is_ok() {
                tracing::error!(
                    endpoint = %id, reason = because.word(),
                    "a webhook endpoint is disabled and gets no more events: enable it when its receiver is well"
                );
                self.notify_staff(MailKind::EndpointDisabled, &before);
                return self.read_endpoints().await;
            }
        }
        Ok(())
    }
}
