//! How answers show a user.

use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::list_query::ListEntry;
use crate::http::guard::authority::RestrictedView;
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
    /// Such as `totp`.
    factors: Vec<&'static str>,
    #[schema(required = true)]
    last_sign_in: Option<Millis>,
    created: Millis,
}

impl From<ConsoleUser> for UserView {
    fn from(user: ConsoleUser) -> Self {
        Self {
            id: user.id,
            name: user.name,
            email: user.email,
            role: user.role,
            teams: user.teams,
            senior: user.senior,
            status: user.status,
            factors: user.totp.iter().map(|_| "totp").collect(),
            last_sign_in: user.last_sign_in,
            created: user.created,
        }
    }
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
}

impl UserResponse {
    pub(super) fn new(user: ConsoleUser) -> Self {
        Self { success: true, data: user.into() }
    }
}

impl InvitedUserResponse {
    pub(super) fn new(user: ConsoleUser, invitation_url: String) -> Self {
        Self { success: true, data: user.into(), invitation_url }
    }
}
