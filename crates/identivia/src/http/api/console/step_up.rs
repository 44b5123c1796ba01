//! `POST /api/console/step_up`: shows the second factor again, for changes that need it.

use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::console_call::{Person, user_refusal};
use super::second_factor::use_code;
use crate::domain::LINE;
use crate::domain::console::password::MAX_PASSWORD;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::audit_event::AuditEvent;
use crate::records::console_user::ConsoleUser;
use crate::records::time::Millis;
use crate::store::console::UserWrite;

/// A code, or the password of a user who has no second factor.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "287082"}))]
pub(crate) struct StepUp {
    /// A code of the authenticator app, or a recovery code.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    code: RawField,
    /// Counts only for a user without a second factor, where none is required.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 256, pattern = "^[^\\u0000]*$")]
    password: RawField,
}

/// Until when changes that need a second factor are taken.
#[derive(Serialize, ToSchema)]
pub(crate) struct StepUpResponse {
    success: bool,
    data: StepUpData,
}

#[derive(Serialize, ToSchema)]
struct StepUpData {
    #[schema(required = true)]
    step_up_until: Option<Millis>,
}

/// Show the second factor again
///
/// Changes of users, clients and factors need it within 5 minutes. Users without a second factor, where none is required, send
/// their password. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/step_up", tag = "Console", security(("consoleSession" = ["console:self"])),
    request_body = StepUp,
    responses(
        (status = 200, description = "Confirmed", body = StepUpResponse),
        (status = 401, description = "Wrong code or password", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn confirm_identity(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    let body: StepUp = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    if person.call.app.sign_in.confirms_with_password(&person.user) {
        let password = checks.required_text("password", body.password, MAX_PASSWORD);
        checks.finish()?;
        person.check_own_password(password).await?;
        return confirm_session(&person, person.user.clone(), Vec::new(), "password").await;
    }
    let code = checks.required_text("code", body.code, LINE);
    checks.finish()?;
    let used = use_code(&person, code.trim()).await?;
    confirm_session(&person, used.user, used.audit, "").await
}

/// Renews the session of a person who has confirmed who they are. `how` is a detail of the audit trail.
pub(super) async fn confirm_session(
    person: &Person,
    after: ConsoleUser,
    used: Vec<AuditEvent>,
    how: &'static str,
) -> Result<Response, ApiError> {
    let now = person.call.now();
    let (mut session, token) = person.session.renew(&after, person.session.stage, now);
    session.factor_confirmed_at = Some(now);
    let step_up_until = session.step_up_until(now);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let audit = [vec![person.audit_own(EventKind::SessionConfirmed, how)], used].concat();
    let console = &person.call.app.console;
    console.replace_user(&person.user, after, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.complete_sign_in(&person.user.email);
    person.call.with_cookie(&token, StepUpResponse { success: true, data: StepUpData { step_up_until } })
}
