//! Users of the console: new ones, and what ends their sessions and factors.

use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The most teams of a user.
pub const MAX_TEAMS: usize = 100;

impl ConsoleUser {
    /// A user who has not accepted their invitation yet.
    #[must_use]
    pub fn invited(email: String, name: String, role: ConsoleRole, now: Millis) -> Self {
        Self {
            id: RecordId::random(),
            email,
            name,
            role,
            status: ConsoleUserStatus::Invited,
            teams: None,
            senior: false,
            language: String::new(),
            shortcuts: true,
            mutes_overdue: false,
            overdue_mailed: None,
            epoch: 0,
            password: None,
            totp: None,
            pending_totp: None,
            passkeys: Vec::new(),
            recovery_codes: Vec::new(),
            oidc_issuer: None,
            oidc_subject: None,
            last_sign_in: None,
            created: now,
            updated: now,
        }
    }

    /// The same user in another epoch: every session that they have ends.
    #[must_use]
    pub fn with_sessions_ended(self) -> Self {
        Self { epoch: self.epoch + 1, ..self }
    }

    /// The same user without second factors: the next sign-in asks for a new one.
    #[must_use]
    pub fn with_factors_reset(self) -> Self {
        let (passkeys, recovery_codes) = (Vec::new(), Vec::new());
        Self { totp: None, pending_totp: None, passkeys, recovery_codes, ..self }.with_sessions_ended()
    }

    /// The same user without a password: a link sets a new one.
    #[must_use]
    pub fn with_password_reset(self) -> Self {
        Self { password: None, ..self }.with_sessions_ended()
    }

    /// Says whether they have an authenticator app or a passkey.
    #[must_use]
    pub fn has_second_factor(&self) -> bool {
        self.totp.is_some() || !self.passkeys.is_empty()
    }

    /// The same user, who is that person at a provider.
    #[must_use]
    pub fn connected_to(self, issuer: &str, subject: &str) -> Self {
        Self { oidc_issuer: Some(issuer.to_owned()), oidc_subject: Some(subject.to_owned()), ..self }
    }

    /// Says whether they are that person at a provider.
    #[must_use]
    pub fn is_person(&self, issuer: &str, subject: &str) -> bool {
        self.oidc_issuer.as_deref() == Some(issuer) && self.oidc_subject.as_deref() == Some(subject)
    }

    /// Who they are at an OpenID Connect provider: issuer and subject. The same subject of another issuer is another person.
    #[must_use]
    pub fn provider_person(&self) -> Option<String> {
        let subject = self.oidc_subject.as_deref().filter(|subject| !subject.is_empty())?;
        Some(format!("{} {subject}", self.oidc_issuer.as_deref().unwrap_or_default()))
    }

    /// Says whether they can sign in without a provider.
    #[must_use]
    pub fn has_own_way_in(&self) -> bool {
        self.password.is_some() || !self.passkeys.is_empty()
    }

    /// Says whether they are a super admin who can sign in.
    #[must_use]
    pub fn is_active_super_admin(&self) -> bool {
        self.role == ConsoleRole::SuperAdmin && self.status == ConsoleUserStatus::Active
    }
}

/// An e-mail address as users are found by: without spaces around it, in lower case.
#[must_use]
pub fn normalize_email(text: &str) -> String {
    text.trim().to_lowercase()
}

/// The purpose that a user's authenticator secret is sealed for.
#[must_use]
pub fn totp_purpose(user: RecordId) -> String {
    format!("console totp {user}")
}
