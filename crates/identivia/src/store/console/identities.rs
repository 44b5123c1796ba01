//! Who users are at OpenID Connect providers: found by issuer and subject, or by their user.

use super::super::{Comparison, Query, Result};
use super::ConsoleStore;
use crate::domain::console::oidc::sign_in_secret::identity_key;
use crate::records::RecordKind;
use crate::records::console_identity::ConsoleIdentity;
use crate::records::console_user::ConsoleUser;
use crate::records::id::RecordId;

impl ConsoleStore {
    /// Finds the user who is that person at a provider, with their identity. The identity's id is a hash, so the user's record
    /// must name the same person.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn user_of_person(&self, issuer: &str, subject: &str) -> Result<Option<(ConsoleIdentity, ConsoleUser)>> {
        let found: Option<ConsoleIdentity> = self.records.read_record(identity_key(issuer, subject).as_str()).await?;
        let Some(identity) = found else { return Ok(None) };
        let user = self.user(identity.console_user).await?;
        Ok(user.filter(|user| user.is_person(issuer, subject)).map(|user| (identity, user)))
    }

    /// Reads the identity of a user.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn identity_of(&self, user: RecordId) -> Result<Option<ConsoleIdentity>> {
        let query =
            Query::of_kind(RecordKind::ConsoleIdentities).filter("console_user", Comparison::Is(user.as_str().into()));
        self.records.read_one(query).await
    }
}
