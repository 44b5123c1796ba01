//! Webhook deliveries, their attempts, and how far the dispatcher and each endpoint have come.

use serde_json::{Value, json};

use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Refusal, Result, Store,
    fields_of, parse_record,
};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::webhook_delivery::{
    DeliveryProgress, DeliveryState, DeliveryTrigger, WebhookAttempt, WebhookDelivery,
};
use crate::records::{FieldMap, RecordKind};

/// Records that one commit of a clean-up removes or changes.
const CHANGED_AT_ONCE: usize = 200;
/// Attempts of a delivery that are read: the schedule has ten, and resends add some.
const READ_ATTEMPTS: usize = 100;

/// Which deliveries of an endpoint are listed.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter {
    pub state: Option<DeliveryState>,
    pub event_type: Option<String>,
}

impl DeliveryFilter {
    /// The query of a list of an endpoint's deliveries.
    pub(super) fn to_query(&self, endpoint: RecordId) -> Query {
        let mut query = of_endpoint(endpoint).ordered(Order::Newest);
        if let Some(state) = self.state {
            query = query.filter("state", Comparison::Is(state.word().into()));
        }
        if let Some(event_type) = &self.event_type {
            query = query.filter("event_type", Comparison::Is(event_type.as_str().into()));
        }
        query
    }
}

impl dyn Store + '_ {
    /// Reads a delivery of an endpoint.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn webhook_delivery(&self, endpoint: RecordId, id: RecordId) -> Result<Option<WebhookDelivery>> {
        let query = Query::by_key(RecordKind::WebhookDeliveries, id.as_str());
        self.read_one(query.filter("endpoint", Comparison::Is(endpoint.as_str().into()))).await
    }

    /// Lists deliveries of an endpoint, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_webhook_deliveries(
        &self,
        endpoint: RecordId,
        filter: &DeliveryFilter,
        page: &PageRequest,
    ) -> Result<Page<WebhookDelivery>> {
        self.read_page(filter.to_query(endpoint), page).await
    }

    /// The attempts of a delivery, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn webhook_attempts(&self, delivery: RecordId) -> Result<Vec<WebhookAttempt>> {
        let query = Query::of_kind(RecordKind::WebhookAttempts)
            .filter("delivery", Comparison::Is(delivery.as_str().into()))
            .limited(READ_ATTEMPTS);
        self.read_all(query).await
    }

    /// Adds deliveries and moves the dispatcher on, in one commit; says whether no other server did so first. A delivery that
    /// exists already stays as it is.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn dispatch_deliveries(
        &self,
        deliveries: &[WebhookDelivery],
        before: &DeliveryProgress,
        after: &DeliveryProgress,
    ) -> Result<bool> {
        let mut commit = Commit::default();
        for delivery in deliveries {
            commit.insert(delivery, IfExists::Skip)?;
        }
        commit.update(
            RecordKind::DeliveryProgress,
            before.id.as_str(),
            unchanged_since(before),
            changed_fields(after)?,
        );
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// Adds a delivery, unless it exists.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_webhook_delivery(&self, delivery: &WebhookDelivery, attempt: &WebhookAttempt) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(delivery, IfExists::Skip)?;
        commit.insert(attempt, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Makes deliveries due again with that trigger, or adds them. One that a server tries at this moment is tried again.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn repeat_deliveries(&self, deliveries: &[WebhookDelivery]) -> Result<()> {
        let mut commit = Commit::default();
        for delivery in deliveries {
            commit.insert(delivery, IfExists::Skip)?;
            commit.update(RecordKind::WebhookDeliveries, delivery.id.as_str(), Vec::new(), changed_fields(delivery)?);
        }
        self.commit(commit).await.map(drop)
    }

    /// Makes one delivery due at once, for a single try if it was not due; says whether it was found as it was read.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn resend_delivery(&self, read: &WebhookDelivery, now: Millis) -> Result<bool> {
        let is_due = read.state == DeliveryState::Due;
        let trigger = if is_due { read.trigger } else { DeliveryTrigger::Manual };
        let fields = [
            ("state", json!(DeliveryState::Due)),
            ("trigger", json!(trigger)),
            ("due_at", json!(now)),
            ("finished", Value::Null),
        ];
        let unchanged = Condition::new("due_at", Comparison::Is(json!(read.due_at)), Refusal::Changed);
        let mut commit = Commit::default();
        commit.update(RecordKind::WebhookDeliveries, read.id.as_str(), vec![unchanged], to_map(fields));
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// Records a try and what follows from it, unless another server holds the delivery by now: then it says `false`.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_attempt(
        &self,
        after: &WebhookDelivery,
        held: Vec<Condition>,
        attempt: Option<&WebhookAttempt>,
    ) -> Result<bool> {
        let mut fields = changed_fields(after)?;
        // A resend may have changed it meanwhile: what started the tries is not this try's to say.
        fields.remove("trigger");
        let mut commit = Commit::default();
        commit.update(RecordKind::WebhookDeliveries, after.id.as_str(), held, fields);
        if let Some(attempt) = attempt {
            commit.insert(attempt, IfExists::Skip)?;
        }
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// The delivery of a profile that an endpoint must get first: the oldest that is due.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn first_due_delivery(&self, endpoint: RecordId, profile: RecordId) -> Result<Option<WebhookDelivery>> {
        let query = of_endpoint(endpoint)
            .filter("profile", Comparison::Is(profile.as_str().into()))
            .filter("state", Comparison::Is(DeliveryState::Due.word().into()));
        self.read_one(query).await
    }

    /// Drops the due deliveries of an endpoint.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn drop_due_deliveries(&self, endpoint: RecordId, now: Millis) -> Result<usize> {
        let mut all = 0;
        loop {
            let query = of_endpoint(endpoint).filter("state", Comparison::Is(DeliveryState::Due.word().into()));
            let due: Vec<WebhookDelivery> = self.read_all(query.limited(CHANGED_AT_ONCE)).await?;
            let mut commit = Commit::default();
            for delivery in &due {
                let fields =
                    [("state", json!(DeliveryState::Dropped)), ("due_at", Value::Null), ("finished", json!(now))];
                commit.update(RecordKind::WebhookDeliveries, delivery.id.as_str(), Vec::new(), to_map(fields));
            }
            if due.is_empty() {
                return Ok(all);
            }
            self.commit(commit).await?;
            all += due.len();
        }
    }

    /// How far the dispatcher and all endpoints have come.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn delivery_progress(&self) -> Result<Vec<DeliveryProgress>> {
        self.read_all(Query::of_kind(RecordKind::DeliveryProgress)).await
    }

    /// Reads the progress of the dispatcher or of one endpoint.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn progress_of(&self, id: RecordId) -> Result<Option<DeliveryProgress>> {
        self.read_record(id.as_str()).await
    }

    /// Adds a progress, unless there is one.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_progress(&self, progress: &DeliveryProgress) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(progress, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Replaces a progress that was read before; says whether no other server did so first. Each has a time of its own.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn replace_progress(&self, before: &DeliveryProgress, after: &DeliveryProgress) -> Result<bool> {
        let after = DeliveryProgress { updated: after.updated.max(Millis(before.updated.0 + 1)), ..after.clone() };
        let mut commit = Commit::default();
        commit.update(
            RecordKind::DeliveryProgress,
            before.id.as_str(),
            unchanged_since(before),
            changed_fields(&after)?,
        );
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// Removes what an endpoint's failures were, for an endpoint that begins anew or is gone.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_progress(&self, endpoint: RecordId) -> Result<()> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::DeliveryProgress, endpoint.as_str(), Vec::new());
        self.commit(commit).await.map(drop)
    }

    /// Removes deliveries that ended before that time; returns how many. There may be more.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_deliveries_before(&self, time: Millis) -> Result<usize> {
        let query = Query::of_kind(RecordKind::WebhookDeliveries)
            .filter("finished", Comparison::Before(time))
            .ordered(Order::Ascending("finished"));
        self.remove_records(query).await
    }

    /// Removes attempts that were made before that time; returns how many. There may be more.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_attempts_before(&self, time: Millis) -> Result<usize> {
        let query = Query::of_kind(RecordKind::WebhookAttempts)
            .filter("at", Comparison::Before(time))
            .ordered(Order::Ascending("at"));
        self.remove_records(query).await
    }

    async fn remove_records(&self, query: Query) -> Result<usize> {
        let kind = query.kind;
        let found = self.read(Query { keys_only: true, ..query.limited(CHANGED_AT_ONCE) }).await?;
        let mut commit = Commit::default();
        for stored in &found {
            let fields: FieldMap = parse_record(&stored.json)?;
            let key = fields.get("id").and_then(Value::as_str).unwrap_or_default();
            commit.delete(kind, key, Vec::new());
        }
        if !found.is_empty() {
            self.commit(commit).await?;
        }
        Ok(found.len())
    }
}

fn of_endpoint(endpoint: RecordId) -> Query {
    Query::of_kind(RecordKind::WebhookDeliveries).filter("endpoint", Comparison::Is(endpoint.as_str().into()))
}

fn to_map<const N: usize>(fields: [(&str, Value); N]) -> FieldMap {
    fields.map(|(name, value)| (name.to_owned(), value)).into_iter().collect()
}

/// A record's fields without those that never change.
fn changed_fields(record: &impl crate::records::Record) -> Result<FieldMap> {
    let mut fields = fields_of(record)?;
    fields.retain_names(|name| !["id", "created"].contains(&name));
    Ok(fields)
}

fn unchanged_since(before: &DeliveryProgress) -> Vec<Condition> {
    vec![Condition::new("updated", Comparison::Is(json!(before.updated)), Refusal::Changed)]
}
