//! `DELETE /api/console/me/passkeys/{id}`: removes a passkey of the own account.

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;

use super::super::console_call::{Person, user_refusal};
use super::super::logout::DoneResponse;
use super::passkey_not_found;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::records::id::RecordId;
use crate::store::console::UserWrite;

/// Remove a passkey
///
/// Other sessions end. The last second factor stays while one is required. Needs a fresh second factor. The answer sets another
/// cookie.
#[utoipa::path(delete, path = "/api/console/me/passkeys/{id}", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    params(("id" = RecordId, Path, description = "The passkey's id")),
    responses(
        (status = 200, description = "Removed", body = DoneResponse),
        (status = 409, description = "It is the last second factor", body = ErrorBody),
    ))]
pub(crate) async fn delete_own_passkey(
    person: Person,
    path: Result<Path<String>, PathRejection>,
) -> Result<Response, ApiError> {
    person.require_fresh_factor()?;
    let id = path.ok().and_then(|Path(text)| RecordId::parse(&text)).ok_or_else(passkey_not_found)?;
    if !person.user.passkeys.iter().any(|passkey| passkey.id == id) {
        return Err(passkey_not_found());
    }
    let after = person.user.clone().without_passkey(id).with_sessions_ended();
    if !person.call.app.sign_in.has_enough_factors(&after) {
        return Err(ApiError::conflict("Last second factor", "Add another one first"));
    }
    if !after.has_own_way_in() && after.oidc_subject.is_none() {
        return Err(ApiError::conflict("Only way to sign in", "Add another passkey, or connect a provider, first"));
    }
    let now = person.call.now();
    let (session, token) = person.session.renew(&after, person.session.stage, now);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let audit = [person.audit_own(EventKind::FactorRemoved, "passkey")];
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.with_cookie(&token, DoneResponse::new())
}
