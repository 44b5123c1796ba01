//! Webhook endpoints: made, read, changed and removed by their teams, and disabled by the server.

use serde_json::json;

use super::{
    Commit, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Reach, Refusal, Result, Store,
    WriteOutcome, fields_of,
};
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::webhook_endpoint::WebhookEndpoint;

/// The most endpoints of a server.
pub const MAX_ENDPOINTS: usize = 1_000;
/// Fields that a change never touches.
const FIXED_FIELDS: [&str; 3] = ["id", "team", "created"];

impl dyn Store + '_ {
    /// Reads every endpoint.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn webhook_endpoints(&self) -> Result<Vec<WebhookEndpoint>> {
        self.read_all(Query::of_kind(RecordKind::WebhookEndpoints).limited(MAX_ENDPOINTS)).await
    }

    /// Reads an endpoint within reach.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn webhook_endpoint(&self, id: RecordId, reach: &Reach) -> Result<Option<WebhookEndpoint>> {
        self.read_one(Query::by_key(RecordKind::WebhookEndpoints, id.as_str()).within(reach)).await
    }

    /// Lists endpoints within reach, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_webhook_endpoints(&self, reach: &Reach, page: &PageRequest) -> Result<Page<WebhookEndpoint>> {
        self.read_page(Query::of_kind(RecordKind::WebhookEndpoints).ordered(Order::Newest).within(reach), page).await
    }

    /// Adds an endpoint.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_webhook_endpoint(&self, endpoint: &WebhookEndpoint, audit: &AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(endpoint, IfExists::Refuse(Refusal::AlreadyExists))?;
        commit.insert(audit, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Replaces an endpoint that was read before, and gives it as it is stored now. Refused if it has changed since.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn replace_webhook_endpoint(
        &self,
        before: &WebhookEndpoint,
        after: WebhookEndpoint,
        audit: &AuditEvent,
        event: Option<&OutboxEvent>,
    ) -> Result<WriteOutcome<WebhookEndpoint>> {
        // Each change has a time of its own, by which the next one knows what it changes.
        let after = WebhookEndpoint { updated: audit.at.max(Millis(before.updated.0 + 1)), ..after };
        let mut fields = fields_of(&after)?;
        fields.retain_names(|name| !FIXED_FIELDS.contains(&name));
        let mut commit = Commit::default();
        commit.update(RecordKind::WebhookEndpoints, before.id.as_str(), unchanged_since(before), fields);
        match event {
            Some(event) => commit.report_endpoint(audit, event)?,
            None => commit.insert(audit, IfExists::Skip)?,
        }
        Ok(self.commit(commit).await?.into_result().map(|()| after))
    }

    /// Removes an endpoint that was read before. Refused if it has changed since.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_webhook_endpoint(
        &self,
        before: &WebhookEndpoint,
        audit: &AuditEvent,
    ) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::WebhookEndpoints, before.id.as_str(), unchanged_since(before));
        commit.insert(audit, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Tells others what happened to an endpoint.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn report_endpoint(&self, event: &OutboxEvent, audit: &AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.report_endpoint(audit, event)?;
        self.commit(commit).await.map(drop)
    }
}

fn unchanged_since(before: &WebhookEndpoint) -> Vec<Condition> {
    vec![
        Condition::exists(RecordKind::WebhookEndpoints, Refusal::Missing),
        Condition::new("updated", Comparison::Is(json!(before.updated)), Refusal::Changed),
    ]
}
