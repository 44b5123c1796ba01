//! Outbox events: read in the order of their commits, and removed when they are old.

use super::{Commit, Comparison, Order, Query, Reach, Result, Store};
use crate::domain::outbox::EventType;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::records::outbox_event::{EventId, OutboxEvent};
use crate::records::time::Millis;

/// Old events that are removed in one commit: PocketBase takes no more changes in one batch.
const REMOVED_AT_ONCE: usize = 50;

/// Which events a reader wants.
#[derive(Clone, Debug)]
pub struct EventFilter {
    pub reach: Reach,
    /// Empty: of every type.
    pub types: Vec<EventType>,
    pub profile: Option<RecordId>,
}

impl EventFilter {
    /// The query of a list of events.
    pub(super) fn to_query(&self) -> Query {
        let mut query = Query::of_kind(RecordKind::OutboxEvents).ordered(Order::Committed).within(&self.reach);
        if !self.types.is_empty() {
            let types = self.types.iter().map(|event_type| event_type.word().into()).collect();
            query = query.filter("event_type", Comparison::In(types));
        }
        if let Some(profile) = self.profile {
            query = query.filter("profile", Comparison::Is(profile.as_str().into()));
        }
        query
    }
}

impl dyn Store + '_ {
    /// Reads events in the order in which they were committed, from behind a known one on.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn read_events(
        &self,
        filter: &EventFilter,
        after: Option<&EventId>,
        limit: usize,
    ) -> Result<Vec<OutboxEvent>> {
        let after = after.map(|id| id.record_id().to_string());
        self.read_all(Query { after, ..filter.to_query().limited(limit) }).await
    }

    /// Says whether an event within reach is still kept.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn has_event(&self, id: &EventId, reach: &Reach) -> Result<bool> {
        let query = Query::by_key(RecordKind::OutboxEvents, id.record_id().as_str()).within(reach);
        let found: Option<OutboxEvent> = self.read_one(query).await?;
        Ok(found.is_some_and(|event| event.event_id == *id))
    }

    /// The newest event within reach, whether or not it may be read yet.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn newest_event(&self, reach: &Reach) -> Result<Option<OutboxEvent>> {
        self.read_one(newest_event_query(reach).limited(1)).await
    }

    /// Removes events that were made before that time; returns how many. There may be more.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn remove_events_before(&self, time: Millis) -> Result<usize> {
        let oldest = Query::of_kind(RecordKind::OutboxEvents).limited(REMOVED_AT_ONCE);
        let mut oldest: Vec<OutboxEvent> = self.read_all(oldest).await?;
        oldest.retain(|event| event.created < time);
        let mut commit = Commit::default();
        for event in &oldest {
            commit.delete(RecordKind::OutboxEvents, event.id.as_str(), Vec::new());
        }
        if !oldest.is_empty() {
            self.commit(commit).await?;
        }
        Ok(oldest.len())
    }
}

/// The query for the newest event. That of all needs no index; those of a team are found in the order of commits.
pub(super) fn newest_event_query(reach: &Reach) -> Query {
    let order = if reach.teams().is_some() { Order::LastCommitted } else { Order::Newest };
    Query::of_kind(RecordKind::OutboxEvents).ordered(order).within(reach)
}
