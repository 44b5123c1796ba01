//! What signing in to the console takes: whether a second factor is required, and whether there are passkeys.

use super::webauthn::RelyingParty;
use crate::records::console_session::{ConsoleSession, SessionStage};
use crate::records::console_user::ConsoleUser;

/// What signing in takes.
#[derive(Clone, Debug)]
pub struct SignInPolicy {
    pub requires_second_factor: bool,
    /// The server that passkeys are for; `None` where browsers have none.
    pub passkeys: Option<RelyingParty>,
}

impl SignInPolicy {
    /// The stage after the password. A user with a second factor is always asked for it.
    #[must_use]
    pub fn stage_after_password(&self, user: &ConsoleUser) -> SessionStage {
        match (user.has_second_factor(), self.requires_second_factor) {
            (true, _) => SessionStage::Factor,
            (false, true) => SessionStage::EnrolFactor,
            (false, false) => SessionStage::Full,
        }
    }

    /// Says whether the user's password confirms who they are, because they have nothing else.
    #[must_use]
    pub fn confirms_with_password(&self, user: &ConsoleUser) -> bool {
        self.stage_after_password(user) == SessionStage::Full
    }

    /// Says whether a session counts: one that began with a password alone ends when a second factor is required.
    #[must_use]
    pub fn admits(&self, session: &ConsoleSession) -> bool {
        !(session.password_only && self.requires_second_factor)
    }

    /// Says whether a user may go on with the factors that they have.
    #[must_use]
    pub fn has_enough_factors(&self, user: &ConsoleUser) -> bool {
        user.has_second_factor() || !self.requires_second_factor
    }
}
