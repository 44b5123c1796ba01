//! The reviewer: the person who is signed in to the console and makes a request.

use super::session::STEP_UP_SECONDS;
use crate::records::console_session::ConsoleSession;
use crate::records::console_user::{ConsoleRole, ConsoleUser};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A person who is signed in to the console.
#[derive(Clone, Debug)]
pub struct Reviewer {
    pub user_id: RecordId,
    pub name: String,
    pub email: String,
    /// Who they are with the OpenID Connect provider, if they sign in with one: issuer and subject.
    pub oidc_subject: Option<String>,
    pub role: ConsoleRole,
    /// Whether a reviewer may decide as the second person.
    pub senior: bool,
    pub session_id: RecordId,
    /// When they showed a second factor last.
    pub factor_confirmed_at: Option<Millis>,
}

impl Reviewer {
    /// The person of a session.
    #[must_use]
    pub fn new(user: &ConsoleUser, session: &ConsoleSession) -> Self {
        Self {
            user_id: user.id,
            name: user.name.clone(),
            email: user.email.clone(),
            oidc_subject: user.provider_person(),
            role: user.role,
            senior: user.senior,
            session_id: session.id,
            factor_confirmed_at: session.factor_confirmed_at,
        }
    }

    /// Says whether a second factor was shown within the last minutes.
    #[must_use]
    pub fn has_fresh_factor(&self, now: Millis) -> bool {
        self.factor_confirmed_at.is_some_and(|at| now < at.plus_seconds(STEP_UP_SECONDS))
    }

    /// Says whether they administer: an admin or a super admin.
    #[must_use]
    pub fn is_admin(&self) -> bool {
        matches!(self.role, ConsoleRole::SuperAdmin | ConsoleRole::Admin)
    }
}
