//! How answers show a user.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::list_query::ListEntry;
use crate::http::guard::authority::RestrictedView;
use crate::jobs::staff_mail::MailOutcome;
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A user of the console.
#[derive(Serialize, ToSchema)]
#[schema(as = ConsoleUser)]
pub(crate) struct UserView {
    id: RecordId,
    name: String,
    email: String,
    role: ConsoleRole,
    /// The teams whose records they reach; `null`: every team's.
    #[schema(required = true)]
    teams: Option<Vec<String>>,
    /// Whether a reviewer may decide as the second person.
    senior: bool,
    status: ConsoleUserStatus,
    /// Second factors and other ways to sign in: `totp` and `passkey`, and `oidc` for a provider.
    factors: Vec<&'static str>,
    #[schema(required = true)]
    last_sign_in: Option<Millis>,
    created: Millis,
}

impl From<ConsoleUser> for UserView {
    fn from(user: ConsoleUser) -> Self {
        let factors = list_factors(&user);
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            role: user.role,
            teams: user.teams,
            senior: user.senior,
            status: user.status,
            factors,
            last_sign_in: user.last_sign_in,
            created: user.created,
        }
    }
}

fn list_factors(user: &ConsoleUser) -> Vec<&'static str> {
    let factors =
        [("totp", user.totp.is_some()), ("passkey", !user.passkeys.is_empty()), ("oidc", user.oidc_subject.is_some())];
    factors.into_iter().filter(|(_, has)| *has).map(|(name, _)| name).collect()
}

impl ListEntry for UserView {
    const LIST_NAME: &'static str = "ConsoleUserList";
}

/// Only those who manage users are shown them.
impl RestrictedView for UserView {
    fn hide_from_flow(&mut self) {}

    fn mask_for_console(&mut self) {}
}

/// A user.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserResponse {
    success: bool,
    data: UserView,
}

/// A user, and the link that is shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct InvitedUserResponse {
    success: bool,
    data: UserView,
    /// The link with which the person sets their password, once, within 72 hours.
    invitation_url: String,
    /// Whether the person was sent the link.
    mail: InvitationMail,
}

/// Whether an invitation was sent by e-mail.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum InvitationMail {
    /// The server has no `SMTP_URL`: pass the link on.
    Off,
    Sent,
    /// The SMTP server did not accept it: pass the link on.
    Failed,
}

impl From<MailOutcome> for InvitationMail {
    fn from(outcome: MailOutcome) -> Self {
        match outcome {
            MailOutcome::Off => Self::Off,
            MailOutcome::Sent => Self::Sent,
            MailOutcome::Failed => Self::Failed,
        }
    }
}

impl UserResponse {
    pub(super) fn new(user: ConsoleUser) -> Self {
        Self { success: true, data: user.into() }
    }
}

impl InvitedUserResponse {
    pub(super) fn new(user: ConsoleUser, invitation_url: String, mail: MailOutcome) -> Self {
        Self { success: true, data: user.into(), invitation_url, mail: mail.into() }
    }
}
