//! Who users are at OpenID Connect providers: found by issuer and subject, or by their user.

use super::super::{Comparison, Query, Result};
use super::ConsoleStore;
use crate::domain::console::oidc::sign_in_secret::identity_key;
use crate::records::RecordKind;
use crate::records::console_identity::ConsoleIdentity;
use crate::records::id::RecordId;

impl ConsoleStore {
    /// Finds the identity of a person at a provider.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn identity(&self, issuer: &str, subject: &str) -> Result<Option<ConsoleIdentity>> {
        let found: Option<ConsoleIdentity> = self.records.read_record(identity_key(issuer, subject).as_str()).await?;
        Ok(found.filter(|identity| identity.issuer == issuer && identity.subject == subject))
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
