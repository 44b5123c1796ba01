//! `POST /api/console/setup`: makes the first user, with the link that the server prints at its start.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::console_call::{ConsoleCall, user_refusal};
use super::login::StageResponse;
use super::own_password::take_new_password;
use crate::domain::LINE;
use crate::domain::console::session::ConsoleToken;
use crate::domain::console::user::normalize_email;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_link::{ConsoleLink, LinkPurpose};
use crate::records::console_user::{ConsoleRole, ConsoleUser, ConsoleUserStatus};
use crate::store::Refusal;
use crate::store::console::UserWrite;

/// The first user.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SetUpConsole {
    /// The part of the link after `#token=`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    token: RawField,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
    #[serde(default)]
    #[schema(value_type = String, required = true, format = "email", max_length = 255)]
    email: RawField,
    /// At least 12 characters, and none of the first that attackers try.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 12, max_length = 256, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    password: RawField,
}

/// Make the first user
///
/// Only while there is no user, with the link that the server prints at its start. The user is a super admin. The answer sets a
/// cookie with which the second factor can be enrolled.
#[utoipa::path(post, path = "/api/console/setup", tag = "Console", security(()),
    request_body = SetUpConsole,
    responses(
        (status = 200, description = "Made", body = StageResponse),
        (status = 403, description = "The link is unknown, used or too old", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn set_up_console(call: ConsoleCall, request: WholeRequest) -> Result<Response, ApiError> {
    let body: SetUpConsole = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let token = checks.required_text("token", body.token, LINE);
    let name = checks.required_text("name", body.name, LINE).trim().to_owned();
    let email = normalize_email(&checks.email_or_empty("email", body.email));
    if email.is_empty() && !checks.has_problem("email") {
        checks.add_missing("email");
    }
    let password = take_new_password(&mut checks, "password", body.password, &email);
    checks.finish()?;
    let link = find_link(&call, &token, LinkPurpose::Setup).await?;
    if call.app.console.has_people().await? {
        return Err(link_not_valid());
    }
    let now = call.now();
    let user = ConsoleUser {
        status: ConsoleUserStatus::Active,
        password: Some(call.hash_password(password).await?),
        ..ConsoleUser::invited(email, name, ConsoleRole::SuperAdmin, now)
    };
    let (session, token) = call.begin_session(&user);
    let (user, started) = call.note_sign_in(&session, user);
    let with = UserWrite { uses: Some(&link), opens: Some(&session), ..UserWrite::default() };
    let audit = [vec![call.audit(EventKind::ConsoleSetUp, user.id, user.id, "")], started].concat();
    call.app.console.add_user(&user, &with, &audit).await?.map_err(link_refusal)?;
    call.with_cookie(&token, StageResponse::new(session.stage))
}

/// The usable link of a token. Wrong tokens count as failures of the address.
pub(super) async fn find_link(call: &ConsoleCall, token: &str, purpose: LinkPurpose) -> Result<ConsoleLink, ApiError> {
    // Links belong to no account: together they count as one.
    let attempt = call.begin_attempt(&format!("links at {}", call.address_text()))?;
    let Some(token) = ConsoleToken::parse(token) else { return Err(link_not_valid()) };
    let found = match call.app.console.link_of_hash(&token.hash()).await {
        Ok(found) => found.filter(|link| link.is_usable(purpose, &token, call.now())),
        Err(error) => {
            attempt.pass();
            return Err(error.into());
        }
    };
    if found.is_some() {
        attempt.pass();
    }
    found.ok_or_else(link_not_valid)
}

/// 403 for a link that is unknown, used or too old: the answer is the same.
pub(super) fn link_not_valid() -> ApiError {
    ApiError::forbidden("Link is not valid", "The link is unknown, used or too old: ask for a new one")
}

/// Maps a store refusal of what a link does to its API error.
pub(super) fn link_refusal(refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Missing => link_not_valid(),
        other => user_refusal(other),
    }
}
