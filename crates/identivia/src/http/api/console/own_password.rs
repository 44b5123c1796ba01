//! `POST /api/console/me/password`: another password, which ends all other sessions.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::console_call::{Person, user_refusal};
use super::logout::DoneResponse;
use crate::domain::console::password::{MAX_PASSWORD, check_new_password};
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_user::ConsoleUser;
use crate::store::console::UserWrite;

/// The present password and the new one.
#[derive(Deserialize, ToSchema)]
pub(crate) struct ChangePassword {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 256, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    current_password: RawField,
    /// At least 12 characters, and none of the first that attackers try.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 12, max_length = 256, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    new_password: RawField,
}

/// Reads a new password and notes what is wrong with it.
pub(super) fn take_new_password(checks: &mut FieldChecks, name: &'static str, sent: RawField, email: &str) -> String {
    let password = checks.required_text(name, sent, MAX_PASSWORD);
    if !password.is_empty()
        && let Err(problem) = check_new_password(&password, email)
    {
        checks.add_problem(name, problem.to_string());
    }
    password
}

/// Change the own password
///
/// All other sessions end. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/me/password", tag = "Console", security(("consoleSession" = ["console:self"])),
    request_body = ChangePassword,
    responses(
        (status = 200, description = "Changed", body = DoneResponse),
        (status = 401, description = "The present password is wrong", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn change_own_password(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    let body: ChangePassword = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let current = checks.required_text("current_password", body.current_password, MAX_PASSWORD);
    let new = take_new_password(&mut checks, "new_password", body.new_password, &person.user.email);
    if !new.is_empty() && new == current {
        checks.add_problem("new_password", "must be another one");
    }
    checks.finish()?;
    person.check_own_password(current).await?;
    let after = ConsoleUser { password: Some(person.call.hash_password(new).await?), ..person.user.clone() };
    let after = after.with_sessions_ended();
    let now = person.call.now();
    let (session, token) = person.session.renew(&after, person.session.stage, now);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let audit = [person.audit_own(EventKind::PasswordChanged, "")];
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.with_cookie(&token, DoneResponse::new())
}
