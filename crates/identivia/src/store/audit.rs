//! Audit records without a change, and the owner of a stored file.

use serde_json::Value;

use super::{Collection, Commit, Comparison, IfExists, Query, Reach, Result, Store, StoreError};
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;

impl dyn Store + '_ {
    /// Adds an audit record that belongs to no change: a refusal.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_event(&self, event: &AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(event, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Finds the profile whose record names that file.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<RecordId>> {
        let kind = collection.kind();
        let key = if kind == RecordKind::LivenessSessions { "files_id" } else { kind.key_field() };
        let query = Query::of_kind(kind).filter(key, Comparison::Is(record.as_str().into())).limited(1);
        let Some(stored) = self.read(query).await?.into_iter().next() else { return Ok(None) };
        let fields: Value = serde_json::from_str(&stored.json)
            .map_err(|_| StoreError::Failed("a stored record is no JSON".to_owned()))?;
        let names_file = |field: &&crate::records::Field| field.holds.is_file() && fields[field.name] == name;
        let owner = if kind == RecordKind::Profiles { &fields["id"] } else { &fields["profile"] };
        let owner = owner.as_str().and_then(RecordId::parse);
        match owner.filter(|_| !name.is_empty() && kind.fields().iter().any(|field| names_file(&field))) {
            Some(owner) => Ok(self.profile(owner, reach).await?.map(|profile| profile.id)),
            None => Ok(None),
        }
    }
}
