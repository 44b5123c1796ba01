//! `DELETE /api/console/me/oidc`: disconnects the provider from the own account.

use axum::response::Response;

use super::super::console_call::{Person, user_refusal};
use super::super::logout::DoneResponse;
use super::begin::not_connected;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::records::console_user::ConsoleUser;
use crate::store::console::UserWrite;

/// Disconnect the provider from the own account
///
/// Needs a fresh second factor, and another way to sign in. Other sessions end, and the answer sets another cookie.
#[utoipa::path(delete, path = "/api/console/me/oidc", tag = "Console", security(("consoleSession" = ["console:self"])),
    responses(
        (status = 200, description = "Disconnected", body = DoneResponse),
        (status = 404, description = "No provider is connected", body = ErrorBody),
        (status = 409, description = "It is the only way to sign in", body = ErrorBody),
    ))]
pub(crate) async fn disconnect_provider(person: Person) -> Result<Response, ApiError> {
    person.require_fresh_factor()?;
    let console = &person.call.app.console;
    let identity = console.identity_of(person.user.id).await?.ok_or_else(not_connected)?;
    if !person.user.has_own_way_in() {
        return Err(ApiError::conflict(
            "Only way to sign in",
            "Add a passkey first, or set a password: identivia console reset-password on the server prints a link for it",
        ));
    }
    let now = person.call.now();
    let after = ConsoleUser { oidc_issuer: None, oidc_subject: None, ..person.user.clone() }.with_sessions_ended();
    let (session, token) = person.session.renew(&after, person.session.stage, now);
    let with = UserWrite {
        closes: Some(person.session.id),
        opens: Some(&session),
        disconnects: Some(identity.id),
        ..UserWrite::default()
    };
    let audit = [person.audit_own(EventKind::FactorRemoved, "sign-in with a provider")];
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.with_cookie(&token, DoneResponse::new())
}
