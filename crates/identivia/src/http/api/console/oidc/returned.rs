//! A sign-in that has come back from a provider, with what each way of ending it needs.

use super::super::console_call::ConsoleCall;
use crate::domain::console::oidc::claims::ProviderPerson;
use crate::domain::console::oidc::sign_in_secret::identity_key;
use crate::domain::console::session::ConsoleToken;
use crate::providers::oidc::OidcProvider;
use crate::records::console_identity::{ConsoleIdentity, ConsoleSignIn};
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::{ConsoleRole, ConsoleUser};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A sign-in that has come back, with the person whom the provider names.
#[derive(Clone, Copy)]
pub(super) struct ReturnedSignIn<'a> {
    pub(super) call: &'a ConsoleCall,
    pub(super) provider: &'a OidcProvider,
    pub(super) begun: &'a ConsoleSignIn,
    pub(super) person: &'a ProviderPerson,
    pub(super) now: Millis,
}

/// A sign-in that has worked.
pub(super) struct FinishedSignIn {
    /// The cookie of the session.
    pub(super) token: ConsoleToken,
    /// Where the browser goes on.
    pub(super) return_to: String,
}

impl ReturnedSignIn<'_> {
    /// What the audit trail says of how a user signed in: the provider, and how it knows them.
    pub(super) fn describe_way(&self) -> String {
        let (id, methods) = (&self.provider.settings.id, &self.person.methods);
        if methods.is_empty() { format!("with {id}") } else { format!("with {id}, {methods}") }
    }

    /// The identity that connects a user to the person.
    pub(super) fn identity_of(&self, user: RecordId, role_by_claim: bool) -> ConsoleIdentity {
        let ProviderPerson { issuer, subject, .. } = self.person;
        ConsoleIdentity { id: identity_key(issuer, subject), console_user: user, role_by_claim, created: self.now }
    }

    /// A new session. The second factor is the provider's part.
    pub(super) fn open_session(&self, user: &ConsoleUser) -> (ConsoleSession, ConsoleToken) {
        let (mut session, token) = self.call.begin_provider_session(user);
        session.factor_confirmed_at = self.person.factor_confirmed_at(self.begun.begun, self.now);
        (session, token)
    }

    pub(super) fn finish_with_session(&self, token: ConsoleToken) -> FinishedSignIn {
        FinishedSignIn { token, return_to: self.begun.return_to.clone() }
    }

    /// The teams of a user who was not invited: none where teams come from a claim, and all otherwise.
    pub(super) fn teams_of_new_user(&self, role: ConsoleRole) -> Option<Vec<String>> {
        let is_by_claim = self.provider.settings.teams_claim.is_some() && role != ConsoleRole::SuperAdmin;
        is_by_claim.then(Vec::new)
    }

    /// The role that the provider's claim gives.
    pub(super) fn claimed_role(&self) -> Option<ConsoleRole> {
        self.provider.settings.role_claim.as_ref().and_then(|claim| claim.find_role(&self.person.claims))
    }
}
