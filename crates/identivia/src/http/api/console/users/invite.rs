//! `POST /api/console/users` and `…/{id}/invite`: invites a user with a link that can be used once.

use axum::Json;
use axum::http::StatusCode;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::console_call::{Person, user_refusal};
use super::user_fields::{SentTeams, check_teams_of_role, read_role, read_sent, read_teams};
use super::view::InvitedUserResponse;
use super::{ManagedUser, reaches_teams, refuse_role};
use crate::domain::console::link::link_url;
use crate::domain::console::session::ConsoleToken;
use crate::domain::console::user::normalize_email;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_link::{ConsoleLink, LinkPurpose};
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::store::console::{MAX_CONSOLE_USERS, UserWrite};

/// A person to invite.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"email": "ama@example.com", "role": "reviewer", "teams": ["acme"]}))]
pub(crate) struct InviteUser {
    #[serde(default)]
    #[schema(value_type = String, required = true, format = "email", max_length = 255)]
    email: RawField,
    /// The person may change it.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = ConsoleRole, required = true)]
    role: RawField,
    /// The teams whose records they reach. Left out: those of who invites.
    #[serde(default, deserialize_with = "read_sent")]
    #[schema(value_type = Option<Vec<String>>)]
    teams: SentTeams,
    /// Whether a reviewer may decide as the second person.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    senior: RawField,
}

/// Invite a user
///
/// The answer has a link, shown once, with which the person sets their password. Admins invite reviewers and auditors, super
/// admins everybody. Needs a fresh second factor.
#[utoipa::path(post, path = "/api/console/users", tag = "Console", security(("consoleSession" = ["users:manage"])),
    request_body = InviteUser,
    responses(
        (status = 201, description = "Invited", body = InvitedUserResponse),
        (status = 409, description = "The address is taken, or there are 1,000 users", body = ErrorBody),
    ))]
pub(crate) async fn invite_console_user(
    person: Person,
    request: WholeRequest,
) -> Result<(StatusCode, Json<InvitedUserResponse>), ApiError> {
    let user = check_invitation(json::read_json(request).await?, &person)?;
    refuse_role(&person, user.role)?;
    if !reaches_teams(&person, user.teams.as_deref()) {
        return Err(ApiError::forbidden("Not your team", "Name your own teams only"));
    }
    let console = &person.call.app.console;
    if console.count_users(MAX_CONSOLE_USERS).await? >= MAX_CONSOLE_USERS {
        return Err(ApiError::conflict("Too many users", "A server can have 1,000: delete those that are not needed"));
    }
    let (link, token) = ConsoleLink::draw(LinkPurpose::Invitation, Some(user.id), person.call.now());
    let with = UserWrite { offers: Some(&link), ..UserWrite::default() };
    let audit = [person.call.audit(EventKind::UserInvited, person.user.id, user.id, user.role.word())];
    console.add_user(&user, &with, &audit).await?.map_err(user_refusal)?;
    Ok((StatusCode::CREATED, Json(send_invitation(&person, user, &token).await)))
}

/// Sends the link by e-mail where the server can. The answer has it in any case: the e-mail may not arrive.
async fn send_invitation(person: &Person, user: ConsoleUser, token: &ConsoleToken) -> InvitedUserResponse {
    let app = &person.call.app;
    let url = link_url(&app.public_url, LinkPurpose::Invitation, token);
    let hours = LinkPurpose::Invitation.valid_hours();
    let mail = app.staff_mail.send_invitation(&user, &url, hours).await;
    InvitedUserResponse::new(user, url, mail)
}

fn check_invitation(body: InviteUser, person: &Person) -> Result<ConsoleUser, ApiError> {
    let mut checks = FieldChecks::default();
    let email = normalize_email(&checks.email_or_empty("email", body.email));
    if email.is_empty() && !checks.has_problem("email") {
        checks.add_missing("email");
    }
    let name = checks.line_or_empty("name", body.name).trim().to_owned();
    if body.role.is_none() {
        checks.add_missing("role");
    }
    let role = read_role(&mut checks, body.role);
    let teams = read_teams(&mut checks, body.teams);
    let senior = checks.optional_flag("senior", body.senior).unwrap_or(false);
    let teams = match role {
        Some(ConsoleRole::SuperAdmin) => teams.flatten(),
        _ => teams.unwrap_or_else(|| person.user.teams.clone()),
    };
    if let Some(role) = role {
        check_teams_of_role(&mut checks, role, teams.as_ref());
    }
    checks.finish()?;
    let role = role.unwrap_or(ConsoleRole::Auditor);
    Ok(ConsoleUser { teams, senior, ..ConsoleUser::invited(email, name, role, person.call.now()) })
}

/// Give an invited user another link
///
/// The link before counts no more. A user who has a password sets another one by `identivia console reset-password`.
#[utoipa::path(post, path = "/api/console/users/{id}/invite", tag = "Console",
    security(("consoleSession" = ["users:manage"])),
    params(("id" = crate::records::id::RecordId, Path, description = "The user's id")),
    responses(
        (status = 200, description = "The link, shown once", body = InvitedUserResponse),
        (status = 409, description = "The user has accepted an invitation", body = ErrorBody),
    ))]
pub(crate) async fn renew_invitation(
    ManagedUser { person, user }: ManagedUser,
) -> Result<Json<InvitedUserResponse>, ApiError> {
    if user.status != ConsoleUserStatus::Invited {
        return Err(ApiError::conflict(
            "Invitation was accepted",
            "A password is set anew with identivia console reset-password on the server",
        ));
    }
    let (link, token) = ConsoleLink::draw(LinkPurpose::Invitation, Some(user.id), person.call.now());
    let audit = [person.call.audit(EventKind::UserInvited, person.user.id, user.id, "another link")];
    person.call.app.console.offer_link(&link, &audit).await?;
    Ok(Json(send_invitation(&person, user, &token).await))
}
