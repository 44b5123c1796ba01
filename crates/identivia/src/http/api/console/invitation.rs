//! `POST /api/console/invitation`: accepts an invitation, or sets a new password, with a link that can be used once.

use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::console_call::ConsoleCall;
use super::login::StageResponse;
use super::own_password::take_new_password;
use super::set_up::{find_link, link_not_valid, link_refusal};
use crate::domain::LINE;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_link::LinkPurpose;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::store::console::UserWrite;

/// What an invited person sends.
#[derive(Deserialize, ToSchema)]
pub(crate) struct AcceptInvitation {
    /// The part of the link after `#token=`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    token: RawField,
    /// Left out, the name stays.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: RawField,
    /// At least 12 characters, and none of the first that attackers try.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 12, max_length = 256, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    password: RawField,
}

/// Accept an invitation
///
/// The link can be used once, within 72 hours. The answer sets a cookie with which the second factor can be shown or enrolled.
#[utoipa::path(post, path = "/api/console/invitation", tag = "Console", security(()),
    request_body = AcceptInvitation,
    responses(
        (status = 200, description = "Accepted", body = StageResponse),
        (status = 403, description = "The link is unknown, used or too old", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn accept_invitation(call: ConsoleCall, request: WholeRequest) -> Result<Response, ApiError> {
    let body: AcceptInvitation = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let token = checks.required_text("token", body.token, LINE);
    let name = checks.line_or_empty("name", body.name).trim().to_owned();
    checks.finish()?;
    let link = find_link(&call, &token, LinkPurpose::Invitation).await?;
    let console = &call.app.console;
    let user = match link.console_user {
        Some(id) => console.user(id).await?,
        None => None,
    };
    let before = user.filter(|user| user.status != ConsoleUserStatus::Disabled).ok_or_else(link_not_valid)?;
    let mut checks = FieldChecks::default();
    let password = take_new_password(&mut checks, "password", body.password, &before.email);
    if name.is_empty() && before.name.is_empty() {
        checks.add_missing("name");
    }
    checks.finish()?;
    let is_new = before.status == ConsoleUserStatus::Invited;
    let after = ConsoleUser {
        name: if name.is_empty() { before.name.clone() } else { name },
        status: ConsoleUserStatus::Active,
        password: Some(call.hash_password(password).await?),
        ..before.clone()
    };
    let after = after.with_sessions_ended();
    let (session, token) = call.begin_session(&after);
    let (after, started) = call.note_sign_in(&session, after);
    let with = UserWrite { uses: Some(&link), opens: Some(&session), ..UserWrite::default() };
    let kind = if is_new { EventKind::UserJoined } else { EventKind::PasswordChanged };
    let audit =
        [vec![call.audit(kind, before.id, before.id, if is_new { "" } else { "with a link" })], started].concat();
    console.replace_user(&before, after, &with, call.now(), &audit).await?.map_err(link_refusal)?;
    call.with_cookie(&token, StageResponse::new(session.stage))
}
