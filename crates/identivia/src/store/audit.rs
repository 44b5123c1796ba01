//! Audit records without a change, and the owner of a stored file.

use serde_json::Value;

use super::{
    Collection, Commit, Comparison, IfExists, Order, Page, PageRequest, Query, Reach, Result, Store, StoreError,
};
use crate::domain::event::EventKind;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Which audit events are wanted.
#[derive(Clone, Debug)]
pub struct AuditFilter {
    /// The teams of the profiles that they are about.
    pub reach: Reach,
    pub actor: Option<String>,
    /// Empty: of every kind.
    pub kinds: Vec<EventKind>,
    pub profile: Option<RecordId>,
    pub object: Option<String>,
    pub address: Option<String>,
    pub from: Option<Millis>,
    /// Not that time itself.
    pub to: Option<Millis>,
}

impl AuditFilter {
    /// The query of a list of audit events.
    pub(super) fn to_query(&self) -> Query {
        let mut query = Query::of_kind(RecordKind::AuditEvents).ordered(Order::Descending("at")).within(&self.reach);
        let texts = [
            ("actor", self.actor.as_deref()),
            ("profile", self.profile.as_ref().map(RecordId::as_str)),
            ("object_id", self.object.as_deref()),
            ("address", self.address.as_deref()),
        ];
        for (field, text) in texts {
            if let Some(text) = text {
                query = query.filter(field, Comparison::Is(text.into()));
            }
        }
        match &self.kinds[..] {
            [] => {}
            [kind] => query = query.filter("kind", Comparison::Is(kind.word().into())),
            kinds => {
                let words = kinds.iter().map(|kind| kind.word().into()).collect();
                query = query.filter("kind", Comparison::In(words));
            }
        }
        if let Some(from) = self.from {
            query = query.filter("at", Comparison::After(Millis(from.0.saturating_sub(1))));
        }
        if let Some(to) = self.to {
            query = query.filter("at", Comparison::Before(to));
        }
        query
    }
}

impl dyn Store + '_ {
    /// Lists audit events, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_audit_events(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEvent>> {
        self.read_page(filter.to_query(), page).await
    }

    /// Adds an audit record that belongs to no change: a refusal.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_event(&self, event: &AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(event, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Finds the profile whose record names that file, and the field that names it.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<(RecordId, &'static str)>> {
        let kind = collection.kind();
        let key = if kind == RecordKind::LivenessSessions { "files_id" } else { kind.key_field() };
        let query = Query::of_kind(kind).filter(key, Comparison::Is(record.as_str().into())).limited(1);
        let Some(stored) = self.read(query).await?.into_iter().next() else { return Ok(None) };
        let fields: Value = serde_json::from_str(&stored.json)
            .map_err(|_| StoreError::Failed("a stored record is no JSON".to_owned()))?;
        let names_file = |field: &&crate::records::Field| field.holds.is_file() && fields[field.name] == name;
        let owner = if kind == RecordKind::Profiles { &fields["id"] } else { &fields["profile"] };
        let owner = owner.as_str().and_then(RecordId::parse);
        let field = kind.fields().iter().find(names_file).filter(|_| !name.is_empty());
        match owner.zip(field) {
            Some((owner, field)) => Ok(self.profile(owner, reach).await?.map(|profile| (profile.id, field.name))),
            None => Ok(None),
        }
    }
}
