//! `POST /api/console/login/passkey/start` and `…/finish`: signing in with a passkey, which is both factors.

use axum::Json;
use axum::http::HeaderMap;
use axum::response::Response;

use super::super::console_call::{ConsoleCall, user_refusal};
use super::super::login::StageResponse;
use super::answers::{ExpectedAnswer, SentAssertion, take_answer, use_passkey};
use super::challenges::{give_to_address, give_to_session};
use super::relying_party;
use super::request_options::PasskeyRequestResponse;
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::console_session::{Credentials, OpenSession, find_session};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_challenge::ChallengePurpose;
use crate::records::console_session::SessionStage;
use crate::records::console_user::ConsoleUser;
use crate::store::console::UserWrite;

/// The session of a user who has shown the password, and whose second factor is asked for.
async fn find_half_session(call: &ConsoleCall, headers: &HeaderMap) -> Result<Option<OpenSession>, ApiError> {
    match Credentials::of_request(&call.app, headers)? {
        Credentials::Token => Ok(None),
        Credentials::Cookie(token) => {
            let open = find_session(&call.app, token.as_ref()).await?;
            Ok(open.filter(|open| open.session.stage == SessionStage::Factor))
        }
    }
}

/// Start to sign in with a passkey
///
/// Gives what `navigator.credentials.get` needs. No e-mail address is asked for: the passkey names its user. After the password,
/// in place of a code, the passkeys of that user are asked for.
#[utoipa::path(post, path = "/api/console/login/passkey/start", tag = "Console", security(()),
    responses(
        (status = 200, description = "What the browser is asked for", body = PasskeyRequestResponse),
        (status = 403, description = "Not from a page of this server", body = ErrorBody),
        (status = 409, description = "The server's URL has no name for passkeys", body = ErrorBody),
        (status = 429, description = "Too many wait; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn start_passkey_sign_in(
    call: ConsoleCall,
    headers: HeaderMap,
) -> Result<Json<PasskeyRequestResponse>, ApiError> {
    let party = relying_party(&call.app)?;
    let half = find_half_session(&call, &headers).await?;
    let challenge = match &half {
        Some(open) => give_to_session(&call, &open.session, ChallengePurpose::SignIn).await?,
        None => give_to_address(&call).await?,
    };
    Ok(Json(PasskeyRequestResponse::new(party, &challenge, half.as_ref().map(|open| &open.user))))
}

/// Sign in with a passkey
///
/// The answer sets the cookie of a session that is signed in. Every fault gets the answer of a wrong password, and it
/// counts as a failure.
#[utoipa::path(post, path = "/api/console/login/passkey/finish", tag = "Console", security(()),
    request_body = SentAssertion,
    responses(
        (status = 200, description = "Signed in", body = StageResponse),
        (status = 401, description = "Unknown passkey, or something is wrong with it", body = ErrorBody),
        (status = 403, description = "Not from a page of this server", body = ErrorBody),
        (status = 409, description = "The server's URL has no name for passkeys", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn finish_passkey_sign_in(
    call: ConsoleCall,
    headers: HeaderMap,
    request: WholeRequest,
) -> Result<Response, ApiError> {
    relying_party(&call.app)?;
    let half = find_half_session(&call, &headers).await?;
    let answer = take_answer(request).await?;
    let before = match answer.named_user {
        Some(Some(id)) => call.app.console.user(id).await?,
        Some(None) => None,
        None => half.as_ref().map(|open| open.user.clone()),
    };
    let session = half.map(|open| open.session);
    let expected =
        ExpectedAnswer { purpose: ChallengePurpose::SignIn, session: session.as_ref().map(|session| session.id) };
    let used = use_passkey(&call, answer, before.clone(), expected).await?;
    let before = before.unwrap_or_else(|| used.clone());
    let now = call.now();
    call.app.console.make_room_for_session(used.id, now).await?;
    let after = ConsoleUser { last_sign_in: Some(now), ..used };
    let (opened, token) = call.begin_passkey_session(&after);
    let closes = session.filter(|session| session.console_user == after.id).map(|session| session.id);
    let with = UserWrite { closes, opens: Some(&opened), ..UserWrite::default() };
    let audit = [call.audit(EventKind::SessionStarted, after.id, after.id, "passkey")];
    call.app.console.replace_user(&before, after, &with, now, &audit).await?.map_err(user_refusal)?;
    call.with_cookie(&token, StageResponse::new(SessionStage::Full))
}
