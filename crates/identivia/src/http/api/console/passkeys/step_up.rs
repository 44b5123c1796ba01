//! `POST /api/console/step_up/passkey/start` and `…/finish`: confirms with a passkey who the user is.

use axum::Json;
use axum::response::Response;

use super::super::console_call::Person;
use super::super::step_up::{StepUpResponse, confirm_session};
use super::answers::{ExpectedAnswer, SentAssertion, take_answer, use_passkey};
use super::challenges::give_to_person;
use super::relying_party;
use super::request_options::PasskeyRequestResponse;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_challenge::ChallengePurpose;

/// Start to confirm with a passkey
///
/// Gives what `navigator.credentials.get` needs: one of the own passkeys.
#[utoipa::path(post, path = "/api/console/step_up/passkey/start", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    responses(
        (status = 200, description = "What the browser is asked for", body = PasskeyRequestResponse),
        (status = 409, description = "The user has no passkey, or the server's URL has no name for passkeys",
            body = ErrorBody),
    ))]
pub(crate) async fn start_passkey_step_up(person: Person) -> Result<Json<PasskeyRequestResponse>, ApiError> {
    let party = relying_party(&person.call.app)?;
    if person.user.passkeys.is_empty() {
        return Err(ApiError::conflict(
            "No passkey",
            "Add one to the account, or send a code to POST /api/console/step_up",
        ));
    }
    let challenge = give_to_person(&person, ChallengePurpose::StepUp).await?;
    Ok(Json(PasskeyRequestResponse::new(party, &challenge, Some(&person.user))))
}

/// Confirm with a passkey
///
/// Counts as a code at `POST /api/console/step_up`. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/step_up/passkey/finish", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    request_body = SentAssertion,
    responses(
        (status = 200, description = "Confirmed", body = StepUpResponse),
        (status = 401, description = "Something is wrong with the passkey", body = ErrorBody),
        (status = 409, description = "The server's URL has no name for passkeys", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn finish_passkey_step_up(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    relying_party(&person.call.app)?;
    let answer = take_answer(request).await?;
    let expected = ExpectedAnswer { purpose: ChallengePurpose::StepUp, session: Some(person.session.id) };
    let used = use_passkey(&person.call, answer, Some(person.user.clone()), expected).await?;
    confirm_session(&person, used, Vec::new(), "passkey").await
}
