//! The teams that a claim of the provider gives: those of its values that name a team here.

use super::failure::SignInFailure;
use super::returned::ReturnedSignIn;
use crate::domain::console::oidc::role_claim::find_teams;
use crate::records::console_user::{ConsoleRole, ConsoleUser};

/// The user with the teams that the claim names now, and other sessions ended if they are others. Unchanged without the claim, and
/// for super admins, who reach every team.
pub(super) async fn follow_teams_claim(
    returned: ReturnedSignIn<'_>,
    user: ConsoleUser,
) -> Result<ConsoleUser, SignInFailure> {
    let claim = returned.provider.settings.teams_claim.as_deref();
    let named = claim.and_then(|claim| find_teams(&returned.person.claims, claim));
    let Some(named) = named.filter(|_| user.role != ConsoleRole::SuperAdmin) else { return Ok(user) };
    let teams = Some(keep_known_teams(returned, named).await?);
    if user.teams == teams {
        return Ok(user);
    }
    Ok(ConsoleUser { teams, ..user }.with_sessions_ended())
}

/// Those that a client or a profile has. A value that names none is no team: groups of other services are in the claim too.
async fn keep_known_teams(returned: ReturnedSignIn<'_>, named: Vec<String>) -> Result<Vec<String>, SignInFailure> {
    let app = &returned.call.app;
    let (mut known, count) = (Vec::new(), named.len());
    for team in named {
        if app.clients.has_team(&team).await? || app.store.has_profiles_of_team(&team).await? {
            known.push(team);
        }
    }
    let unknown = count - known.len();
    if unknown > 0 {
        let provider = returned.provider.settings.id.as_str();
        tracing::warn!(provider, unknown, "values of OIDC_TEAMS_CLAIM name no team here, and are ignored");
    }
    Ok(known)
}
