//! Users of the console: read, added, changed and removed, each change in one commit with the sessions and links that follow
//! from it.

use serde_json::json;

use super::super::deciders::{Reliance, rely_on_deciders, take_turn};
use super::super::{
    Commit, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Refusal, Result, WriteOutcome, fields_of,
};
use super::ConsoleStore;
use super::credentials::add_credential_changes;
use crate::records::audit_event::AuditEvent;
use crate::records::console_identity::ConsoleIdentity;
use crate::records::console_link::ConsoleLink;
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// The most users of the console. Invitations that run at once may exceed it by their number.
pub const MAX_CONSOLE_USERS: usize = 1_000;
/// Fields that a change never touches.
const FIXED_FIELDS: [&str; 3] = ["id", "email", "created"];

/// A change of a user, and what happens in the same commit.
#[derive(Default)]
pub struct UserWrite<'a> {
    /// The session that the request came with. It ends.
    pub closes: Option<RecordId>,
    pub opens: Option<&'a ConsoleSession>,
    /// The link that the request came with. It can be used once.
    pub uses: Option<&'a ConsoleLink>,
    /// A link that takes the place of an earlier one.
    pub offers: Option<&'a ConsoleLink>,
    /// A person at a provider who becomes the user's own. Refused with [`Refusal::AlreadyExists`] when it is another's.
    pub connects: Option<&'a ConsoleIdentity>,
    /// The person at a provider who is the user's own no more.
    pub disconnects: Option<RecordId>,
    /// Another super admin, who must still be one: the last one stays.
    pub while_admin: Option<RecordId>,
    /// Other people who decide reviews, who must be as they were read: four eyes need two. Refused with
    /// [`Refusal::DecidersChanged`].
    pub while_deciders: &'a [ConsoleUser],
}

impl ConsoleStore {
    /// Reads a user.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn user(&self, id: RecordId) -> Result<Option<ConsoleUser>> {
        self.records.read_record(id.as_str()).await
    }

    /// Reads the user of an e-mail address in lower case.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn user_of_email(&self, email: &str) -> Result<Option<ConsoleUser>> {
        let query = Query::of_kind(RecordKind::ConsoleUsers).filter("email", Comparison::Is(email.into()));
        self.records.read_one(query).await
    }

    /// Lists users, newest first.
    ///
    /// # Errors
    /// When the store cannot be read now, or the cursor is unknown.
    pub async fn list_users(&self, page: &PageRequest) -> Result<Page<ConsoleUser>> {
        self.records.read_page(Query::of_kind(RecordKind::ConsoleUsers).ordered(Order::Newest), page).await
    }

    /// Counts users, up to a limit.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_users(&self, limit: usize) -> Result<usize> {
        let query = Query::of_kind(RecordKind::ConsoleUsers).limited(limit);
        Ok(self.records.read(Query { keys_only: true, ..query }).await?.len())
    }

    /// Says whether there is a user who can sign in, or is invited to. Users who are disabled, such as those of demo data, do not count: the
    /// last super admin is never disabled.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn has_people(&self) -> Result<bool> {
        let disabled = Comparison::IsNot(ConsoleUserStatus::Disabled.word().into());
        let query = Query::of_kind(RecordKind::ConsoleUsers).filter("status", disabled).limited(1);
        Ok(!self.records.read(Query { keys_only: true, ..query }).await?.is_empty())
    }

    /// Notes that a user is sent an e-mail about overdue reviews now. `false` when another server has noted that first.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn claim_overdue_mail(&self, user: &ConsoleUser, now: Millis) -> Result<bool> {
        let unchanged = Comparison::Is(json!(user.overdue_mailed));
        let unchanged = Condition::new("overdue_mailed", unchanged, Refusal::Changed);
        let fields = FieldMap::from([("overdue_mailed", json!(now))]);
        let mut commit = Commit::default();
        commit.update(RecordKind::ConsoleUsers, user.id.as_str(), vec![unchanged], fields);
        Ok(self.records.commit(commit).await?.into_result().is_ok())
    }

    /// Finds a super admin who can sign in and is not that one.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn find_other_super_admin(&self, except: RecordId) -> Result<Option<RecordId>> {
        let query = Query::of_kind(RecordKind::ConsoleUsers)
            .filter("role", Comparison::Is(ConsoleRole::SuperAdmin.word().into()))
            .filter("status", Comparison::Is(ConsoleUserStatus::Active.word().into()))
            .filter("id", Comparison::IsNot(except.as_str().into()))
            .limited(1);
        let found: Option<ConsoleUser> = self.records.read_one(query).await?;
        Ok(found.map(|user| user.id))
    }

    /// Adds a user. Refused with [`Refusal::AlreadyExists`] when there is one of that e-mail address, and with
    /// [`Refusal::Missing`] when the link has been used.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_user(
        &self,
        user: &ConsoleUser,
        with: &UserWrite<'_>,
        audit: &[AuditEvent],
    ) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        with.add_to(&mut commit)?;
        commit.insert(user, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.commit(commit, audit).await
    }

    /// Replaces a user that was read before, and gives it as it is stored now. Refused with [`Refusal::Changed`] if it has
    /// changed since, and with [`Refusal::AlreadyExists`] if a new passkey is registered already.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn replace_user(
        &self,
        before: &ConsoleUser,
        after: ConsoleUser,
        with: &UserWrite<'_>,
        now: Millis,
        audit: &[AuditEvent],
    ) -> Result<WriteOutcome<ConsoleUser>> {
        // Each change has a time of its own, by which the next one knows what it changes.
        let after = ConsoleUser { updated: now.max(Millis(before.updated.0 + 1)), ..after };
        let mut fields = fields_of(&after)?;
        fields.retain_names(|name| !FIXED_FIELDS.contains(&name));
        let mut commit = Commit::default();
        commit.update(RecordKind::ConsoleUsers, before.id.as_str(), unchanged_since(before), fields);
        add_credential_changes(&mut commit, before, &after)?;
        with.add_to(&mut commit)?;
        Ok(self.commit(commit, audit).await?.map(|()| after))
    }

    /// Removes a user that was read before, with their sessions and links.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn delete_user(
        &self,
        before: &ConsoleUser,
        with: &UserWrite<'_>,
        audit: &[AuditEvent],
    ) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.delete(RecordKind::ConsoleUsers, before.id.as_str(), unchanged_since(before));
        for session in self.sessions_of(before.id).await? {
            commit.delete(RecordKind::ConsoleSessions, session.id.as_str(), Vec::new());
        }
        add_credential_changes(&mut commit, before, &before.clone().with_factors_reset())?;
        for link in self.links_of(before.id).await? {
            commit.delete(RecordKind::ConsoleLinks, link.id.as_str(), Vec::new());
        }
        if let Some(identity) = self.identity_of(before.id).await? {
            commit.delete(RecordKind::ConsoleIdentities, identity.id.as_str(), Vec::new());
        }
        with.add_to(&mut commit)?;
        self.commit(commit, audit).await
    }
}

impl UserWrite<'_> {
    fn add_to(&self, commit: &mut Commit) -> Result<()> {
        rely_on_deciders(commit, self.while_deciders, Reliance::Condition);
        if let Some(admin) = self.while_admin {
            let is = |field, word: &str| Condition::new(field, Comparison::Is(word.into()), Refusal::Stale);
            let conditions =
                vec![is("role", ConsoleRole::SuperAdmin.word()), is("status", ConsoleUserStatus::Active.word())];
            take_turn(commit);
            commit.update(RecordKind::ConsoleUsers, admin.as_str(), conditions, FieldMap::new());
        }
        if let Some(link) = self.uses {
            let is_unused = Condition::new("hash", Comparison::Is(json!(link.hash)), Refusal::Missing);
            commit.delete(RecordKind::ConsoleLinks, link.id.as_str(), vec![is_unused]);
        }
        if let Some(link) = self.offers {
            commit.delete(RecordKind::ConsoleLinks, link.id.as_str(), Vec::new());
            commit.insert(link, IfExists::Refuse(Refusal::AlreadyExists))?;
        }
        if let Some(identity) = self.disconnects {
            let exists = Condition::exists(RecordKind::ConsoleIdentities, Refusal::Missing);
            commit.delete(RecordKind::ConsoleIdentities, identity.as_str(), vec![exists]);
        }
        if let Some(identity) = self.connects {
            commit.insert(identity, IfExists::Refuse(Refusal::AlreadyExists))?;
        }
        if let Some(session) = self.closes {
            let is_open = Condition::exists(RecordKind::ConsoleSessions, Refusal::Missing);
            commit.delete(RecordKind::ConsoleSessions, session.as_str(), vec![is_open]);
        }
        if let Some(session) = self.opens {
            commit.insert(session, IfExists::Refuse(Refusal::AlreadyExists))?;
        }
        Ok(())
    }
}

fn unchanged_since(before: &ConsoleUser) -> Vec<Condition> {
    vec![
        Condition::exists(RecordKind::ConsoleUsers, Refusal::Missing),
        Condition::new("updated", Comparison::Is(json!(before.updated)), Refusal::Changed),
    ]
}
