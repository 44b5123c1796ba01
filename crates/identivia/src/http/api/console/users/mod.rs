//! Users of the console: who may manage whom, and the operations.

mod change;
mod invite;
mod list;
mod remove;
mod user_fields;
mod view;

use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub(super) use self::view::InvitationMail;
use super::console_call::{Person, last_super_admin, user_refusal};
use crate::http::error::ApiError;
use crate::http::state::HttpState;
use crate::records::console_user::{ConsoleRole, ConsoleUser};
use crate::records::id::RecordId;
use crate::store::Refusal;

/// The operations on users.
pub(super) fn user_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(list::list_console_users, invite::invite_console_user))
        .routes(routes!(change::change_console_user, remove::delete_console_user))
        .routes(routes!(invite::renew_invitation))
        .routes(routes!(change::reset_factors_of_user))
}

/// A user that a path names, whom the caller may manage.
struct ManagedUser {
    person: Person,
    user: ConsoleUser,
}

impl FromRequestParts<HttpState> for ManagedUser {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &HttpState) -> Result<Self, ApiError> {
        let person = Person::from_request_parts(parts, state).await?;
        let path = Path::<String>::from_request_parts(parts, state).await;
        let id = path.ok().and_then(|Path(text)| RecordId::parse(&text)).ok_or_else(user_not_found)?;
        let user = person.call.app.console.user(id).await?.filter(|user| reaches_user(&person, user));
        let user = user.ok_or_else(user_not_found)?;
        if user.id == person.user.id {
            return Err(ApiError::forbidden("Not your own account", "Another user must do this"));
        }
        refuse_role(&person, user.role)?;
        Ok(Self { person, user })
    }
}

/// Says whether all teams of a user are teams of the person.
fn reaches_user(person: &Person, user: &ConsoleUser) -> bool {
    reaches_teams(person, user.teams.as_deref())
}

fn reaches_teams(person: &Person, teams: Option<&[String]>) -> bool {
    match (&person.user.teams, teams) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(own), Some(teams)) => teams.iter().all(|team| own.contains(team)),
    }
}

/// Refuses to manage people of a role that the person may not manage.
fn refuse_role(person: &Person, role: ConsoleRole) -> Result<(), ApiError> {
    if person.user.role.may_manage(role) {
        return Ok(());
    }
    Err(ApiError::forbidden("Not your role to manage", "Admins manage reviewers and auditors, super admins everybody"))
}

/// Another super admin, if the user is one now and will be none: the last one stays.
async fn find_remaining_admin(
    person: &Person,
    before: &ConsoleUser,
    stays_admin: bool,
) -> Result<Option<RecordId>, ApiError> {
    if stays_admin || !before.is_active_super_admin() {
        return Ok(None);
    }
    let other = person.call.app.console.find_other_super_admin(before.id).await?;
    other.map(Some).ok_or_else(last_super_admin)
}

/// Maps a store refusal of another user's change to its API error.
fn managed_refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => user_not_found(),
        other => user_refusal(other),
    }
}

fn user_not_found() -> ApiError {
    ApiError::not_found("User not found", "GET /api/console/users lists the users")
}
