//! Ends a sign-in whose person the provider has named: opens a session, connects the provider, or confirms who is signed in.

use super::failure::SignInFailure;
use super::join::{accept_with_person, create_user_of_claim};
use super::returned::{FinishedSignIn, ReturnedSignIn};
use super::teams::follow_teams_claim;
use crate::domain::console::oidc::problem::SignInProblem;
use crate::domain::event::EventKind;
use crate::records::console_identity::{ConsoleIdentity, SignInPurpose};
use crate::records::console_session::{ConsoleSession, SessionStage};
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::store::Refusal;
use crate::store::console::UserWrite;

/// Ends a sign-in according to what it is for.
pub(super) async fn finish_sign_in(returned: ReturnedSignIn<'_>) -> Result<FinishedSignIn, SignInFailure> {
    match returned.begun.purpose {
        SignInPurpose::SignIn => sign_in_person(returned).await,
        SignInPurpose::Invitation => accept_with_person(returned).await,
        SignInPurpose::Connect => connect_person(returned).await,
        SignInPurpose::StepUp => confirm_person(returned).await,
    }
}

/// Signs in the user who is connected to the person. A person without an account becomes a user only if a claim gives
/// them a role. The e-mail address decides nothing: a provider may give an address to another person.
async fn sign_in_person(returned: ReturnedSignIn<'_>) -> Result<FinishedSignIn, SignInFailure> {
    let ReturnedSignIn { call, person, now, .. } = returned;
    let console = &call.app.console;
    let Some((identity, user)) = console.user_of_person(&person.issuer, &person.subject).await? else {
        return match returned.claimed_role() {
            Some(role) => create_user_of_claim(returned, role).await,
            None => Err(SignInProblem::NoAccount.into()),
        };
    };
    let problem_of_user = |problem: SignInProblem| SignInFailure::from(problem).of_user(user.id);
    if user.status != ConsoleUserStatus::Active {
        return Err(problem_of_user(SignInProblem::Disabled));
    }
    let change = follow_claim(returned, &identity, &user).await?;
    let after = follow_teams_claim(returned, change.user).await?;
    let after = ConsoleUser { last_sign_in: Some(now), ..after };
    console.make_room_for_session(user.id, now).await?;
    let (session, token) = returned.open_session(&after);
    let with = UserWrite { opens: Some(&session), while_admin: change.while_admin, ..UserWrite::default() };
    let mut audit = vec![call.audit(EventKind::SessionStarted, user.id, user.id, returned.describe_way())];
    if after.role != user.role {
        let detail = format!("role {} to {}, by a claim of the provider", user.role.word(), after.role.word());
        audit.push(call.audit(EventKind::UserChanged, user.id, user.id, detail));
    }
    if after.teams != user.teams {
        audit.push(call.audit(EventKind::UserChanged, user.id, user.id, "teams, by a claim of the provider"));
    }
    let written = console.replace_user(&user, after, &with, now, &audit).await?;
    written.map_err(|_| problem_of_user(SignInProblem::Unavailable))?;
    Ok(returned.finish_with_session(token))
}

/// The user with the role that the claim gives now.
struct RoleByClaim {
    user: ConsoleUser,
    /// The super admin who must still be one.
    while_admin: Option<RecordId>,
}

/// Users whose role comes from a claim have the role that it gives now. Another role ends their older sessions; without a role
/// they do not get in. The last super admin stays one.
async fn follow_claim(
    returned: ReturnedSignIn<'_>,
    identity: &ConsoleIdentity,
    user: &ConsoleUser,
) -> Result<RoleByClaim, SignInFailure> {
    let unchanged = || RoleByClaim { user: user.clone(), while_admin: None };
    let claimed = returned.claimed_role();
    if !identity.role_by_claim || returned.provider.settings.role_claim.is_none() || claimed == Some(user.role) {
        return Ok(unchanged());
    }
    let while_admin = match user.role {
        ConsoleRole::SuperAdmin => match returned.call.app.console.find_other_super_admin(user.id).await? {
            Some(other) => Some(other),
            None => return Ok(unchanged()),
        },
        _ => None,
    };
    let Some(role) = claimed else { return Err(end_sessions_without_role(returned, user).await?) };
    // Super admins reach every team.
    let teams = if role == ConsoleRole::SuperAdmin { None } else { user.teams.clone() };
    let user = ConsoleUser { role, teams, ..user.clone() }.with_sessions_ended();
    Ok(RoleByClaim { user, while_admin })
}

async fn end_sessions_without_role(
    returned: ReturnedSignIn<'_>,
    user: &ConsoleUser,
) -> Result<SignInFailure, SignInFailure> {
    let ReturnedSignIn { call, now, .. } = returned;
    let console = &call.app.console;
    let has_session = console.sessions_of(user.id).await?.iter().any(|session| session.is_alive(user, now));
    if has_session {
        let audit = [call.audit(
            EventKind::UserChanged,
            user.id,
            user.id,
            "sessions ended, no role by a claim of the provider",
        )];
        let after = user.clone().with_sessions_ended();
        let written = console.replace_user(user, after, &UserWrite::default(), now, &audit).await?;
        written.map_err(|_| SignInProblem::Unavailable)?;
    }
    Ok(SignInFailure::from(SignInProblem::NoRole).of_user(user.id))
}

/// The session that has begun the sign-in, if it has not ended, and its user.
async fn find_own_session(returned: ReturnedSignIn<'_>) -> Result<(ConsoleSession, ConsoleUser), SignInFailure> {
    let console = &returned.call.app.console;
    let ended = || SignInFailure::from(SignInProblem::SessionEnded);
    let session = console.session(returned.begun.session.ok_or_else(ended)?).await?.ok_or_else(ended)?;
    let user = console.user(session.console_user).await?.ok_or_else(ended)?;
    let is_alive = session.stage == SessionStage::Full && session.is_alive(&user, returned.now);
    if is_alive { Ok((session, user)) } else { Err(ended()) }
}

/// Connects the person to the user whose session has asked for it, with a fresh second factor. Other sessions end.
async fn connect_person(returned: ReturnedSignIn<'_>) -> Result<FinishedSignIn, SignInFailure> {
    let ReturnedSignIn { call, person, now, provider, .. } = returned;
    let (session, user) = find_own_session(returned).await?;
    let taken = || SignInFailure::from(SignInProblem::IdentityTaken).of_user(user.id);
    if user.oidc_subject.is_some() {
        return Err(taken());
    }
    let identity = returned.identity_of(user.id, false);
    let after = user.clone().connected_to(&person.issuer, &person.subject).with_sessions_ended();
    let (renewed, token) = session.renew(&after, SessionStage::Full, now);
    let with = UserWrite {
        closes: Some(session.id),
        opens: Some(&renewed),
        connects: Some(&identity),
        ..UserWrite::default()
    };
    let detail = format!("sign-in with {}", provider.settings.id);
    let audit = [call.audit(EventKind::FactorAdded, user.id, user.id, detail)];
    let written = call.app.console.replace_user(&user, after, &with, now, &audit).await?;
    written.map_err(|refusal| match refusal {
        Refusal::AlreadyExists => taken(),
        Refusal::Missing => SignInProblem::SessionEnded.into(),
        _ => SignInProblem::Unavailable.into(),
    })?;
    Ok(returned.finish_with_session(token))
}

/// Confirms who is signed in: the same person, whom the provider has asked again just now.
async fn confirm_person(returned: ReturnedSignIn<'_>) -> Result<FinishedSignIn, SignInFailure> {
    let ReturnedSignIn { call, person, now, begun, .. } = returned;
    let (session, user) = find_own_session(returned).await?;
    let problem_of_user = |problem: SignInProblem| SignInFailure::from(problem).of_user(user.id);
    if !user.is_person(&person.issuer, &person.subject) {
        return Err(problem_of_user(SignInProblem::OtherPerson));
    }
    if !person.has_authenticated_since(begun.begun) {
        return Err(problem_of_user(SignInProblem::NotAskedAgain));
    }
    let (mut renewed, token) = session.renew(&user, SessionStage::Full, now);
    (renewed.factor_confirmed_at, renewed.password_only) = (Some(now), false);
    let audit = [call.audit(EventKind::SessionConfirmed, user.id, user.id, returned.describe_way())];
    let written = call.app.console.renew_session(session.id, &renewed, &audit).await?;
    written.map_err(|_| SignInProblem::SessionEnded)?;
    Ok(returned.finish_with_session(token))
}
