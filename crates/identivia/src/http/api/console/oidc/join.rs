//! A person's first sign-in with a provider: they accept an invitation with it, or a claim of the provider gives them a role.

use super::failure::SignInFailure;
use super::returned::{FinishedSignIn, ReturnedSignIn};
use super::teams::follow_teams_claim;
use crate::domain::console::oidc::problem::SignInProblem;
use crate::domain::event::EventKind;
use crate::records::console_link::LinkPurpose;
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::store::Refusal;
use crate::store::console::{MAX_CONSOLE_USERS, UserWrite};

/// Makes a user of a person to whom a claim gives a role.
pub(super) async fn create_user_of_claim(
    returned: ReturnedSignIn<'_>,
    role: ConsoleRole,
) -> Result<FinishedSignIn, SignInFailure> {
    let ReturnedSignIn { call, person, now, .. } = returned;
    let console = &call.app.console;
    let email = person.email.clone().ok_or(SignInProblem::NoEmail)?;
    if console.user_of_email(&email).await?.is_some() {
        return Err(SignInProblem::EmailTaken.into());
    }
    if console.count_users(MAX_CONSOLE_USERS).await? >= MAX_CONSOLE_USERS {
        return Err(SignInProblem::TooManyUsers.into());
    }
    let name = person.name.clone().unwrap_or_else(|| email.clone());
    let user = ConsoleUser {
        status: ConsoleUserStatus::Active,
        last_sign_in: Some(now),
        teams: returned.teams_of_new_user(role),
        ..ConsoleUser::invited(email, name, role, now).connected_to(&person.issuer, &person.subject)
    };
    let user = follow_teams_claim(returned, user).await?;
    let identity = returned.identity_of(user.id, true);
    let (session, token) = returned.open_session(&user);
    let with = UserWrite { opens: Some(&session), connects: Some(&identity), ..UserWrite::default() };
    let audit = [
        call.audit(
            EventKind::UserJoined,
            user.id,
            user.id,
            format!("role {}, by a claim of the provider", role.word()),
        ),
        call.audit(EventKind::SessionStarted, user.id, user.id, returned.describe_way()),
    ];
    let written = console.add_user(&user, &with, &audit).await?;
    written.map_err(|refusal| match refusal {
        Refusal::AlreadyExists => SignInProblem::EmailTaken,
        _ => SignInProblem::Unavailable,
    })?;
    Ok(returned.finish_with_session(token))
}

/// Accepts an invitation: the invited user is this person, also when the provider gives another address.
pub(super) async fn accept_with_person(returned: ReturnedSignIn<'_>) -> Result<FinishedSignIn, SignInFailure> {
    let ReturnedSignIn { call, person, now, begun, .. } = returned;
    let console = &call.app.console;
    let not_valid = || SignInFailure::from(SignInProblem::InvitationNotValid);
    let link = console.link_of_hash(begun.link.as_ref().ok_or_else(not_valid)?).await?.ok_or_else(not_valid)?;
    let user = console.user(link.console_user.ok_or_else(not_valid)?).await?.ok_or_else(not_valid)?;
    let is_usable = link.purpose == LinkPurpose::Invitation && now < link.expires;
    if !is_usable || user.status != ConsoleUserStatus::Invited {
        return Err(not_valid());
    }
    let names = [Some(&begun.name), Some(&user.name), person.name.as_ref(), Some(&user.email)];
    let name = names.into_iter().flatten().find(|name| !name.is_empty()).cloned().unwrap_or_default();
    let after = ConsoleUser { name, status: ConsoleUserStatus::Active, last_sign_in: Some(now), ..user.clone() };
    let after = after.connected_to(&person.issuer, &person.subject).with_sessions_ended();
    let after = follow_teams_claim(returned, after).await?;
    let identity = returned.identity_of(user.id, false);
    let (session, token) = returned.open_session(&after);
    let with =
        UserWrite { uses: Some(&link), opens: Some(&session), connects: Some(&identity), ..UserWrite::default() };
    let audit = [
        call.audit(EventKind::UserJoined, user.id, user.id, returned.describe_way()),
        call.audit(EventKind::SessionStarted, user.id, user.id, returned.describe_way()),
    ];
    let written = console.replace_user(&user, after, &with, now, &audit).await?;
    written.map_err(|refusal| match refusal {
        Refusal::AlreadyExists => SignInProblem::IdentityTaken,
        Refusal::Missing => SignInProblem::InvitationNotValid,
        _ => SignInProblem::Unavailable,
    })?;
    Ok(returned.finish_with_session(token))
}
