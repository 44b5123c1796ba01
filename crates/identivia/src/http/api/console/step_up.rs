//! `POST /api/console/step_up`: shows the second factor again, for changes that need it.

use axum::response::Response;
use serde::Serialize;
use utoipa::ToSchema;

use super::console_call::{Person, user_refusal};
use super::second_factor::{SentCode, take_code, use_code};
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::time::Millis;
use crate::store::console::UserWrite;

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
/// Changes of users, clients and factors need it within 5 minutes. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/step_up", tag = "Console", security(("consoleSession" = ["console:self"])),
    request_body = SentCode,
    responses(
        (status = 200, description = "Confirmed", body = StepUpResponse),
        (status = 401, description = "Wrong code", body = ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn confirm_identity(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    let code = take_code(request).await?;
    let used = use_code(&person, &code).await?;
    let now = person.call.now();
    let (mut session, token) = person.session.renew(&used.user, person.session.stage, now);
    session.factor_confirmed_at = Some(now);
    let step_up_until = session.step_up_until(now);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let audit = [vec![person.audit_own(EventKind::SessionConfirmed, "")], used.audit].concat();
    let console = &person.call.app.console;
    console.replace_user(&person.user, used.user, &with, now, &audit).await?.map_err(user_refusal)?;
    person.call.complete_sign_in(&person.user.email);
    person.call.with_cookie(&token, StepUpResponse { success: true, data: StepUpData { step_up_until } })
}
