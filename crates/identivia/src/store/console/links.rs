//! Links of the console that can be used once: found by the hash of their token, offered and removed.

use super::super::{Commit, Comparison, IfExists, Query, Refusal, Result};
use super::ConsoleStore;
use crate::domain::console::session::ConsoleToken;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::client::SecretHash;
use crate::records::console_link::{ConsoleLink, LinkPurpose};
use crate::records::id::RecordId;
use crate::records::time::Millis;

impl ConsoleStore {
    /// Finds the link whose token has that hash.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn link_of_hash(&self, hash: &SecretHash) -> Result<Option<ConsoleLink>> {
        let query = Query::of_kind(RecordKind::ConsoleLinks).filter("hash", Comparison::Is(hash.0.as_str().into()));
        self.records.read_one(query).await
    }

    /// Reads the links of a user.
    pub(super) async fn links_of(&self, user: RecordId) -> Result<Vec<ConsoleLink>> {
        let query =
            Query::of_kind(RecordKind::ConsoleLinks).filter("console_user", Comparison::Is(user.as_str().into()));
        self.records.read_all(query).await
    }

    /// Makes the link for the first user; `None` when there are users.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_setup_link(&self, now: Millis) -> Result<Option<ConsoleToken>> {
        if self.has_people().await? {
            return Ok(None);
        }
        let (link, token) = ConsoleLink::draw(LinkPurpose::Setup, None, now);
        self.offer_link(&link, &[]).await?;
        Ok(Some(token))
    }

    /// Stores a link in the place of the one before of the same purpose and user.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_link(&self, link: &ConsoleLink, audit: &[AuditEvent]) -> Result<()> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::ConsoleLinks, link.id.as_str(), Vec::new());
        commit.insert(link, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.commit(commit, audit).await.map(drop)
    }
}
