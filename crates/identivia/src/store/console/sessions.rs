//! Sessions of the console: read by the cookie's id, listed, kept alive and ended.

use serde_json::json;

use super::super::{Commit, Comparison, Condition, IfExists, Order, Query, Refusal, Result, WriteOutcome};
use super::ConsoleStore;
use crate::domain::console::session::{MAX_SESSIONS, SESSION_SECONDS};
use crate::records::audit_event::AuditEvent;
use crate::records::console_session::ConsoleSession;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// Ended sessions that are removed at once.
const REMOVED_AT_ONCE: usize = 50;

impl ConsoleStore {
    /// Reads a session.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn session(&self, id: RecordId) -> Result<Option<ConsoleSession>> {
        self.records.read_record(id.as_str()).await
    }

    /// Reads the sessions of a user, those that have ended too, oldest first.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn sessions_of(&self, user: RecordId) -> Result<Vec<ConsoleSession>> {
        let query = Query::of_kind(RecordKind::ConsoleSessions)
            .filter("console_user", Comparison::Is(user.as_str().into()))
            .ordered(Order::Oldest);
        self.records.read_all(query).await
    }

    /// Opens a session. The one that the request came with ends.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn open_session(
        &self,
        session: &ConsoleSession,
        closes: Option<RecordId>,
        audit: &[AuditEvent],
    ) -> Result<()> {
        let mut commit = Commit::default();
        if let Some(closed) = closes {
            commit.delete(RecordKind::ConsoleSessions, closed.as_str(), Vec::new());
        }
        commit.insert(session, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.commit(commit, audit).await.map(drop)
    }

    /// Replaces a session by the same one under another cookie. Refused when it is not open any more.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn renew_session(
        &self,
        before: RecordId,
        after: &ConsoleSession,
        audit: &[AuditEvent],
    ) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        let is_open = Condition::exists(RecordKind::ConsoleSessions, Refusal::Missing);
        commit.delete(RecordKind::ConsoleSessions, before.as_str(), vec![is_open]);
        commit.insert(after, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.commit(commit, audit).await
    }

    /// Stores when a session made its last request.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn touch_session(&self, id: RecordId, now: Millis) -> Result<()> {
        let seen = FieldMap::from([("last_seen", json!(now))]);
        let mut commit = Commit::default();
        commit.update(RecordKind::ConsoleSessions, id.as_str(), Vec::new(), seen);
        self.records.commit(commit).await.map(drop)
    }

    /// Ends sessions; says whether all of them were open.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn end_sessions(&self, ids: &[RecordId], audit: &[AuditEvent]) -> Result<bool> {
        let mut commit = Commit::default();
        for id in ids {
            let is_open = Condition::exists(RecordKind::ConsoleSessions, Refusal::Missing);
            commit.delete(RecordKind::ConsoleSessions, id.as_str(), vec![is_open]);
        }
        Ok(self.commit(commit, audit).await?.is_ok())
    }

    /// Removes the oldest sessions of a user who has as many as they may have, and some of other users that have ended by
    /// themselves.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn make_room_for_session(&self, user: RecordId, now: Millis) -> Result<()> {
        let own = self.sessions_of(user).await?;
        let surplus = own.len().saturating_sub(MAX_SESSIONS - 1);
        let mut ids: Vec<RecordId> = own.into_iter().take(surplus).map(|session| session.id).collect();
        let ended = Query::of_kind(RecordKind::ConsoleSessions)
            .filter("began", Comparison::Before(now.plus_seconds(-SESSION_SECONDS)))
            .ordered(Order::Oldest)
            .limited(REMOVED_AT_ONCE);
        let ended: Vec<ConsoleSession> = self.records.read_all(ended).await?;
        ids.extend(ended.into_iter().map(|session| session.id));
        if ids.is_empty() {
            return Ok(());
        }
        let mut commit = Commit::default();
        for id in ids {
            commit.delete(RecordKind::ConsoleSessions, id.as_str(), Vec::new());
        }
        self.records.commit(commit).await.map(drop)
    }
}
