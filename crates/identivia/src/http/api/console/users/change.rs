//! `PATCH /api/console/users/{id}` and `POST …/reset_factors`: changes a user. Another role, other teams and disabling end
//! their sessions.

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::console_call::Person;
use super::user_fields::{SentTeams, check_teams_of_role, read_role, read_sent, read_teams};
use super::view::UserResponse;
use super::{ManagedUser, find_remaining_admin, managed_refusal, reaches_teams, refuse_role};
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::four_eyes::{TRIES, require_deciders};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;
use crate::store::Refusal;
use crate::store::console::UserWrite;

/// The fields of a user to change. Fields that are left out stay as they are.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"role": "reviewer", "senior": true}))]
pub(crate) struct ChangeUser {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = Option<ConsoleRole>)]
    role: RawField,
    /// `null`: every team.
    #[serde(default, deserialize_with = "read_sent")]
    #[schema(value_type = Option<Vec<String>>)]
    teams: SentTeams,
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    senior: RawField,
    /// Disabling ends every session at once.
    #[serde(default)]
    #[schema(value_type = Option<bool>)]
    disabled: RawField,
}

/// Change a user
///
/// Users cannot change their own role, and the last super admin stays one. Needs a fresh second factor.
#[utoipa::path(patch, path = "/api/console/users/{id}", tag = "Console", security(("consoleSession" = ["users:manage"])),
    params(("id" = RecordId, Path, description = "The user's id")),
    request_body = ChangeUser,
    responses(
        (status = 200, description = "Changed", body = UserResponse),
        (status = 409, description = "No super admin would be left, or four eyes would have fewer than two people", body = ErrorBody),
    ))]
pub(crate) async fn change_console_user(
    ManagedUser { person, user: before }: ManagedUser,
    request: WholeRequest,
) -> Result<Json<UserResponse>, ApiError> {
    let after = check_change(json::read_json(request).await?, &before)?;
    refuse_role(&person, after.role)?;
    if !reaches_teams(&person, after.teams.as_deref()) {
        return Err(ApiError::forbidden("Not your team", "Name your own teams only"));
    }
    let changed = name_changes(&before, &after);
    if changed.is_empty() {
        return Ok(Json(UserResponse::new(before)));
    }
    let ends_sessions = before.role != after.role
        || before.teams != after.teams
        || before.senior != after.senior
        || before.status != after.status;
    let after = if ends_sessions { after.with_sessions_ended() } else { after };
    let stored = replace_user(&person, &before, after, EventKind::UserChanged, changed.join(", ")).await?;
    Ok(Json(UserResponse::new(stored)))
}

fn check_change(body: ChangeUser, before: &ConsoleUser) -> Result<ConsoleUser, ApiError> {
    let mut checks = FieldChecks::default();
    let mut after = before.clone();
    if let Some(name) = checks.optional_text("name", body.name, LINE) {
        if name.trim().is_empty() {
            checks.add_problem("name", "must not be empty");
        }
        name.trim().clone_into(&mut after.name);
    }
    if let Some(role) = read_role(&mut checks, body.role) {
        after.role = role;
    }
    if let Some(teams) = read_teams(&mut checks, body.teams) {
        after.teams = teams;
    }
    check_teams_of_role(&mut checks, after.role, after.teams.as_ref());
    if let Some(senior) = checks.optional_flag("senior", body.senior) {
        after.senior = senior;
    }
    match checks.optional_flag("disabled", body.disabled) {
        Some(true) => after.status = ConsoleUserStatus::Disabled,
        Some(false) if after.status == ConsoleUserStatus::Disabled => {
            let has_joined = after.has_own_way_in() || after.oidc_subject.is_some();
            after.status = if has_joined { ConsoleUserStatus::Active } else { ConsoleUserStatus::Invited };
        }
        _ => {}
    }
    checks.finish()?;
    Ok(after)
}

/// The names of the fields that differ, with the words of roles and states: nothing of it identifies a person.
fn name_changes(before: &ConsoleUser, after: &ConsoleUser) -> Vec<String> {
    let words = |name: &str, old: &str, new: &str| (old != new).then(|| format!("{name} {old} to {new}"));
    let field = |name: &str, is_changed: bool| is_changed.then(|| name.to_owned());
    let changes = [
        field("name", before.name != after.name),
        words("role", before.role.word(), after.role.word()),
        field("teams", before.teams != after.teams),
        field("senior", before.senior != after.senior),
        words("status", before.status.word(), after.status.word()),
    ];
    changes.into_iter().flatten().collect()
}

/// Replaces a user, and keeps a super admin and two people for four eyes.
async fn replace_user(
    person: &Person,
    before: &ConsoleUser,
    after: ConsoleUser,
    kind: EventKind,
    detail: String,
) -> Result<ConsoleUser, ApiError> {
    let audit = [person.call.audit(kind, person.user.id, before.id, detail)];
    let (app, now) = (&person.call.app, person.call.now());
    for _ in 0..TRIES {
        let while_admin = find_remaining_admin(person, before, after.is_active_super_admin()).await?;
        let while_deciders = &require_deciders(app, before, Some(&after)).await?;
        let with = UserWrite { while_admin, while_deciders, ..UserWrite::default() };
        match app.console.replace_user(before, after.clone(), &with, now, &audit).await? {
            Err(Refusal::DecidersChanged) => {}
            written => return written.map_err(managed_refusal),
        }
    }
    Err(managed_refusal(Refusal::DecidersChanged))
}

/// Remove a user's second factors
///
/// Their sessions end. At the next sign-in they enrol a new authenticator app. Needs a fresh second factor.
#[utoipa::path(post, path = "/api/console/users/{id}/reset_factors", tag = "Console",
    security(("consoleSession" = ["users:manage"])),
    params(("id" = RecordId, Path, description = "The user's id")),
    responses((status = 200, description = "Removed", body = UserResponse)))]
pub(crate) async fn reset_factors_of_user(
    ManagedUser { person, user: before }: ManagedUser,
) -> Result<Json<UserResponse>, ApiError> {
    let after = before.clone().with_factors_reset();
    let stored = replace_user(&person, &before, after, EventKind::FactorsReset, String::new()).await?;
    Ok(Json(UserResponse::new(stored)))
}
