//! Machine clients that operators make through the API, and the tokens that clients have revoked.

use serde_json::json;

use super::{
    Commit, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Refusal, Result, Store, WriteOutcome,
    fields_of, parse_record,
};
use crate::domain::managed_client::client_key;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::client::ClientRecord;
use crate::records::id::RecordId;
use crate::records::revoked_token::RevokedToken;
use crate::records::time::Millis;

/// Ended revocations that are deleted in one commit: PocketBase makes at most 50 changes at once.
const DELETED_AT_ONCE: usize = 40;
/// Records read at once: PocketBase returns that many in one call.
const READ_AT_ONCE: usize = 500;

impl dyn Store + '_ {
    /// Reads every client. One whose record is damaged is left out, so that it ends alone.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn clients(&self) -> Result<Vec<ClientRecord>> {
        let mut clients = Vec::new();
        for stored in self.read_in_pages(Query::of_kind(RecordKind::Clients)).await? {
            match parse_record(&stored) {
                Ok(client) => clients.push(client),
                Err(error) => tracing::error!(%error, "a stored client is ignored; delete it, or restore its fields"),
            }
        }
        Ok(clients)
    }

    /// Reads the client of that id.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn client(&self, client_id: &str) -> Result<Option<ClientRecord>> {
        self.read_record(client_key(client_id).as_str()).await
    }

    /// Lists clients, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_clients(&self, page: &PageRequest) -> Result<Page<ClientRecord>> {
        self.read_page(Query::of_kind(RecordKind::Clients).ordered(Order::Newest), page).await
    }

    /// Counts clients, up to a limit.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_clients(&self, limit: usize) -> Result<usize> {
        self.count_keys(Query::of_kind(RecordKind::Clients), limit).await
    }

    /// Adds a client, unless there is one of that id.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_client(&self, client: &ClientRecord, event: AuditEvent) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.insert(client, IfExists::Refuse(Refusal::AlreadyExists))?;
        commit.insert(&event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Replaces a client that was read before, and gives it as it is stored now. Refused if it has changed since.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn replace_client(
        &self,
        before: &ClientRecord,
        after: ClientRecord,
        event: AuditEvent,
    ) -> Result<WriteOutcome<ClientRecord>> {
        // Each change has a time of its own, by which the next one knows what it changes.
        let after = ClientRecord { updated: event.at.max(Millis(before.updated.0 + 1)), ..after };
        let mut fields = fields_of(&after)?;
        fields.retain_names(|name| !["id", "client_id", "team", "created"].contains(&name));
        let mut commit = Commit::default();
        commit.update(RecordKind::Clients, before.id.as_str(), unchanged_since(before), fields);
        commit.insert(&event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result().map(|()| after))
    }

    /// Removes a client that was read before. Refused if it has changed since.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_client(&self, before: &ClientRecord, event: AuditEvent) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::Clients, before.id.as_str(), unchanged_since(before));
        commit.insert(&event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Reads the ids of the revoked tokens that would otherwise still be good.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn revoked_tokens(&self, now: Millis) -> Result<Vec<RecordId>> {
        let query = Query::of_kind(RecordKind::RevokedTokens).filter("expires", Comparison::After(now));
        let stored = self.read_in_pages(Query { keys_only: true, ..query }).await?;
        stored.iter().map(|json| parse_record(json).map(|Key { id }| id)).collect()
    }

    /// Counts the revoked tokens of a client that would otherwise still be good, up to a limit.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_revoked_tokens(&self, client: &str, now: Millis, limit: usize) -> Result<usize> {
        let query = Query::of_kind(RecordKind::RevokedTokens)
            .filter("client", Comparison::Is(client.into()))
            .filter("expires", Comparison::After(now));
        self.count_keys(query, limit).await
    }

    /// Revokes a token. One that is revoked already stays so.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn revoke_token(&self, token: &RevokedToken, event: AuditEvent) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(token, IfExists::Refuse(Refusal::AlreadyExists))?;
        commit.insert(&event, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Deletes revocations of tokens that have ended by themselves.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_ended_revocations(&self, before: Millis) -> Result<()> {
        loop {
            let query = Query::of_kind(RecordKind::RevokedTokens).filter("expires", Comparison::Before(before));
            let ended = self.read(Query { keys_only: true, ..query.limited(DELETED_AT_ONCE) }).await?;
            let mut commit = Commit::default();
            for stored in &ended {
                let Key { id } = parse_record(&stored.json)?;
                commit.delete(RecordKind::RevokedTokens, id.as_str(), Vec::new());
            }
            if !ended.is_empty() {
                self.commit(commit).await?;
            }
            if ended.len() < DELETED_AT_ONCE {
                return Ok(());
            }
        }
    }

    /// Reads all records of a query in pages, oldest first, as JSON.
    async fn read_in_pages(&self, query: Query) -> Result<Vec<String>> {
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let page = self.read(Query { after, ..query.clone().limited(READ_AT_ONCE) }).await?;
            let is_last = page.len() < READ_AT_ONCE;
            after = page.last().map(|last| last.cursor.clone());
            found.extend(page.into_iter().map(|stored| stored.json));
            if is_last {
                return Ok(found);
            }
        }
    }

    async fn count_keys(&self, query: Query, limit: usize) -> Result<usize> {
        Ok(self.read(Query { keys_only: true, ..query.limited(limit) }).await?.len())
    }
}

/// A record of which only the key was read.
#[derive(serde::Deserialize)]
struct Key {
    id: RecordId,
}

fn unchanged_since(before: &ClientRecord) -> Vec<Condition> {
    vec![
        Condition::exists(RecordKind::Clients, Refusal::Missing),
        Condition::new("updated", Comparison::Is(json!(before.updated)), Refusal::Changed),
    ]
}
