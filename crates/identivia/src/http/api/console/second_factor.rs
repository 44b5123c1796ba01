//! Second factors: codes of an authenticator app and recovery codes, checked, enrolled and drawn again.

use axum::Json;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console_call::{Person, user_refusal};
use crate::domain::LINE;
use crate::domain::console::recovery_code::{draw_recovery_codes, parse_recovery_code, without_code};
use crate::domain::console::totp::{TotpSecret, is_totp_code};
use crate::domain::console::user::totp_purpose;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::audit_event::AuditEvent;
use crate::records::console_session::SessionStage;
use crate::records::console_user::{ConsoleUser, TotpFactor};
use crate::store::console::UserWrite;

/// How long a person may take to confirm a new authenticator, in seconds.
const ENROL_SECONDS: i64 = 15 * 60;

/// A code of the authenticator app, or a recovery code.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct SentCode {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    code: RawField,
}

/// The secret for an authenticator app.
#[derive(Serialize, ToSchema)]
pub(crate) struct TotpResponse {
    success: bool,
    data: TotpData,
}

#[derive(Serialize, ToSchema)]
struct TotpData {
    /// Base32, for typing.
    secret: String,
    /// For a QR code.
    uri: String,
}

/// New recovery codes, which are shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct RecoveryCodesResponse {
    success: bool,
    data: RecoveryCodesData,
}

#[derive(Serialize, ToSchema)]
struct RecoveryCodesData {
    recovery_codes: Vec<String>,
    stage: SessionStage,
}

/// A code that was right: the user as they are once it is used, and what the audit trail says beside the step itself.
pub(super) struct UsedCode {
    pub(super) user: ConsoleUser,
    pub(super) audit: Vec<AuditEvent>,
}

/// Reads the code that a request sends.
pub(super) async fn take_code(request: WholeRequest) -> Result<String, ApiError> {
    let body: SentCode = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let code = checks.required_text("code", body.code, LINE);
    checks.finish()?;
    Ok(code.trim().to_owned())
}

/// Checks a code of the person, and counts the failure of a wrong one. The caller stores that it is used.
pub(super) async fn use_code(person: &Person, code: &str) -> Result<UsedCode, ApiError> {
    let attempt = person.call.begin_attempt(&person.user.email)?;
    match find_code(person, code) {
        Ok(Some(used)) => {
            attempt.pass();
            Ok(used)
        }
        Ok(None) => Err(person.call.refuse_attempt(attempt, Some(person.user.id), "code").await?),
        Err(error) => {
            attempt.pass();
            Err(error)
        }
    }
}

fn find_code(person: &Person, code: &str) -> Result<Option<UsedCode>, ApiError> {
    let user = &person.user;
    if is_totp_code(code) {
        let Some(totp) = &user.totp else { return Ok(None) };
        let step = open_secret(person, totp)?.find_step(code, totp.last_step, person.call.now());
        return Ok(step.map(|step| {
            let totp = TotpFactor { last_step: Some(step), ..totp.clone() };
            UsedCode { user: ConsoleUser { totp: Some(totp), ..user.clone() }, audit: Vec::new() }
        }));
    }
    let left = parse_recovery_code(code).and_then(|used| without_code(&user.recovery_codes, &used));
    Ok(left.map(|left| {
        let audit = vec![person.audit_own(EventKind::RecoveryCodeUsed, format!("{} left", left.len()))];
        UsedCode { user: ConsoleUser { recovery_codes: left, ..user.clone() }, audit }
    }))
}

fn open_secret(person: &Person, totp: &TotpFactor) -> Result<TotpSecret, ApiError> {
    let opened = person.call.app.system_key.open(&totp_purpose(person.user.id), &totp.sealed_secret);
    let unreadable = || {
        ApiError::unavailable("The second factor cannot be read; have it reset with identivia console reset-factors")
    };
    let bytes = opened.map_err(|error| unreadable().with_cause(error))?;
    TotpSecret::from_bytes(&bytes).ok_or_else(unreadable)
}

/// Start with an authenticator app
///
/// The secret counts once a code has confirmed it. In place of an authenticator that is there, only with a fresh second
/// factor.
#[utoipa::path(post, path = "/api/console/me/totp", tag = "Console", security(("consoleSession" = ["console:sign_in"])),
    responses(
        (status = 200, description = "The secret, shown once", body = TotpResponse),
        (status = 409, description = "The session must show the present second factor first", body = ErrorBody),
    ))]
pub(crate) async fn start_totp(person: Person) -> Result<Json<TotpResponse>, ApiError> {
    refuse_enrolment(&person)?;
    let (secret, now) = (TotpSecret::random(), person.call.now());
    let sealed_secret = person.call.app.system_key.seal(&totp_purpose(person.user.id), secret.as_bytes());
    let pending = TotpFactor { sealed_secret, last_step: None, created: now };
    let after = ConsoleUser { pending_totp: Some(pending), ..person.user.clone() };
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &UserWrite::default(), now, &[]).await?.map_err(user_refusal)?;
    let data = TotpData { secret: secret.to_base32(), uri: secret.to_uri(&person.user.email) };
    Ok(Json(TotpResponse { success: true, data }))
}

/// Who has shown the password alone may enrol a first factor; who has one must have shown it within minutes.
pub(super) fn refuse_enrolment(person: &Person) -> Result<(), ApiError> {
    match person.session.stage {
        SessionStage::EnrolFactor if !person.user.has_second_factor() => Ok(()),
        SessionStage::Full => person.require_fresh_factor(),
        SessionStage::Factor | SessionStage::EnrolFactor => {
            Err(ApiError::conflict("Second factor is asked for", "Send a code to POST /api/console/login/totp first"))
        }
    }
}

/// Confirm an authenticator app
///
/// Other sessions end, and recovery codes are drawn, which are shown once. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/me/totp/confirm", tag = "Console",
    security(("consoleSession" = ["console:sign_in"])),
    request_body = SentCode,
    responses(
        (status = 200, description = "Signed in", body = RecoveryCodesResponse),
        (status = 401, description = "Wrong code", body = ErrorBody),
        (status = 409, description = "No authenticator app waits to be confirmed", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn confirm_totp(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    refuse_enrolment(&person)?;
    let code = take_code(request).await?;
    let now = person.call.now();
    let pending = person.user.pending_totp.clone().filter(|totp| now < totp.created.plus_seconds(ENROL_SECONDS));
    let no_pending = || ApiError::conflict("No authenticator to confirm", "Start with POST /api/console/me/totp");
    let pending = pending.ok_or_else(no_pending)?;
    let secret = open_secret(&person, &pending)?;
    let attempt = person.call.begin_attempt(&person.user.email)?;
    let Some(step) = secret.find_step(&code, None, now) else {
        return Err(person.call.refuse_attempt(attempt, Some(person.user.id), "new code").await?);
    };
    attempt.complete();
    let (codes, recovery_codes) = draw_recovery_codes();
    let after = ConsoleUser {
        totp: Some(TotpFactor { last_step: Some(step), ..pending }),
        pending_totp: None,
        recovery_codes,
        last_sign_in: Some(now),
        ..person.user.clone()
    };
    let after = after.with_sessions_ended();
    let (mut session, token) = person.session.renew(&after, SessionStage::Full, now);
    (session.factor_confirmed_at, session.password_only) = (Some(now), false);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let mut audit = vec![person.audit_own(EventKind::FactorAdded, "totp")];
    if person.session.stage == SessionStage::EnrolFactor {
        audit.push(person.audit_own(EventKind::SessionStarted, ""));
    }
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.with_cookie(&token, to_codes(codes))
}

fn to_codes(recovery_codes: Vec<String>) -> RecoveryCodesResponse {
    RecoveryCodesResponse { success: true, data: RecoveryCodesData { recovery_codes, stage: SessionStage::Full } }
}

/// Draw new recovery codes
///
/// The ones before count no more. Needs a fresh second factor.
#[utoipa::path(post, path = "/api/console/me/recovery_codes", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    responses((status = 200, description = "The codes, shown once", body = RecoveryCodesResponse)))]
pub(crate) async fn draw_new_recovery_codes(person: Person) -> Result<Json<RecoveryCodesResponse>, ApiError> {
    person.require_fresh_factor()?;
    let (codes, recovery_codes) = draw_recovery_codes();
    let after = ConsoleUser { recovery_codes, ..person.user.clone() };
    let audit = [person.audit_own(EventKind::RecoveryCodesDrawn, "")];
    let (console, now) = (&person.call.app.console, person.call.now());
    console.replace_user(&person.user, after, &UserWrite::default(), now, &audit).await?.map_err(user_refusal)?;
    Ok(Json(to_codes(codes)))
}
