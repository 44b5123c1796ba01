//! Signing in: first the password, then the second factor.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console_call::{ConsoleCall, Person, user_refusal};
use super::second_factor::{SentCode, take_code, use_code};
use crate::domain::LINE;
use crate::domain::console::password::{MAX_PASSWORD, is_outdated};
use crate::domain::console::user::normalize_email;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_session::SessionStage;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::store::console::UserWrite;

/// E-mail address and password.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"email": "ama@example.com", "password": "gravel-lantern-otter"}))]
pub(crate) struct SignIn {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    email: RawField,
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 256, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    password: RawField,
}

/// How far a sign-in is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {"stage": "factor"}}))]
pub(crate) struct StageResponse {
    success: bool,
    data: StageData,
}

#[derive(Serialize, ToSchema)]
struct StageData {
    stage: SessionStage,
}

impl StageResponse {
    pub(super) fn new(stage: SessionStage) -> Self {
        Self { success: true, data: StageData { stage } }
    }
}

/// Sign in with a password
///
/// The answer sets a cookie with which only the second factor can be shown; where none is required, the user is signed in. An unknown account and a wrong password give the
/// same answer. After 5 failures of an account, or 20 of an address, each further try must wait.
#[utoipa::path(post, path = "/api/console/login", tag = "Console", security(()),
    request_body = SignIn,
    responses(
        (status = 200, description = "The password is right", body = StageResponse),
        (status = 401, description = "Unknown account or wrong password", body = ErrorBody),
        (status = 403, description = "Not from a page of this server", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn sign_in(call: ConsoleCall, request: WholeRequest) -> Result<Response, ApiError> {
    let body: SignIn = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let email = normalize_email(&checks.required_text("email", body.email, LINE));
    let password = checks.required_text("password", body.password, MAX_PASSWORD);
    checks.finish()?;
    let attempt = call.begin_attempt(&email)?;
    let checked = check_password(&call, &email, password.clone()).await;
    match checked {
        Err(error) => {
            attempt.pass();
            Err(error)
        }
        Ok((known, false)) => {
            Err(call.refuse_attempt(attempt, known.map(|user| user.id), "password").await.unwrap_or_else(|error| error))
        }
        Ok((None, true)) => Err(super::console_call::wrong_credentials()),
        Ok((Some(user), true)) => {
            let is_signed_in = call.app.sign_in.stage_after_password(&user) == SessionStage::Full;
            if is_signed_in {
                attempt.complete();
            } else {
                attempt.pass();
            }
            open_session(&call, user, password).await
        }
    }
}

/// The user of an address, and whether the password is theirs and they can sign in. The work is the same for every address.
async fn check_password(
    call: &ConsoleCall,
    email: &str,
    password: String,
) -> Result<(Option<ConsoleUser>, bool), ApiError> {
    let user = call.app.console.user_of_email(email).await?;
    let is_active = |user: &&ConsoleUser| user.status == ConsoleUserStatus::Active;
    let hash = user.as_ref().filter(is_active).and_then(|user| user.password.clone());
    let is_right = call.is_password_right(password, hash).await?;
    Ok((user, is_right))
}

/// Opens a session that can show the second factor, or is signed in where none is required. A hash of less work than today's is replaced.
async fn open_session(call: &ConsoleCall, user: ConsoleUser, password: String) -> Result<Response, ApiError> {
    let console = &call.app.console;
    console.make_room_for_session(user.id, call.now()).await?;
    let (session, token) = call.begin_session(&user);
    let (mut after, audit) = call.note_sign_in(&session, user.clone());
    let is_outdated = user.password.as_ref().is_some_and(is_outdated);
    if is_outdated {
        after.password = Some(call.hash_password(password).await?);
    }
    if is_outdated || session.stage == SessionStage::Full {
        let with = UserWrite { opens: Some(&session), ..UserWrite::default() };
        console.replace_user(&user, after, &with, call.now(), &audit).await?.map_err(user_refusal)?;
    } else {
        console.open_session(&session, None, &audit).await?;
    }
    call.with_cookie(&token, StageResponse::new(session.stage))
}

/// Show the second factor
///
/// A code of the authenticator app, or a recovery code. Each counts once. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/login/totp", tag = "Console", security(("consoleSession" = ["console:sign_in"])),
    request_body = SentCode,
    responses(
        (status = 200, description = "Signed in", body = StageResponse),
        (status = 401, description = "Wrong code, or the password was shown too long ago", body = ErrorBody),
        (status = 409, description = "The session is signed in already, or has no second factor yet", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn show_second_factor(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    if person.session.stage != SessionStage::Factor {
        return Err(ApiError::conflict("No code is asked for", "GET /api/console/state tells how far the sign-in is"));
    }
    let code = take_code(request).await?;
    let used = use_code(&person, &code).await?;
    let now = person.call.now();
    let after = ConsoleUser { last_sign_in: Some(now), ..used.user };
    let (mut session, token) = person.session.renew(&after, SessionStage::Full, now);
    session.factor_confirmed_at = Some(now);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let audit = [vec![person.audit_own(EventKind::SessionStarted, "")], used.audit].concat();
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.complete_sign_in(&person.user.email);
    person.call.with_cookie(&token, StageResponse::new(SessionStage::Full))
}
