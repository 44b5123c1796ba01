//! `POST /api/console/logout`: ends the session and has the browser forget what it holds of the console.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::console_call::Person;
use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::http::guard::console_session::remove_cookie;

/// An answer without data.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {}}))]
pub(crate) struct DoneResponse {
    success: bool,
    #[schema(value_type = Object)]
    data: NoData,
}

#[derive(Serialize)]
struct NoData {}

impl DoneResponse {
    pub(super) fn new() -> Self {
        Self { success: true, data: NoData {} }
    }
}

/// Sign out
///
/// The session ends, and the browser forgets its cookie and what it has stored of the console.
#[utoipa::path(post, path = "/api/console/logout", tag = "Console", security(("consoleSession" = ["console:sign_in"])),
    responses((status = 200, description = "Signed out", body = DoneResponse)))]
pub(crate) async fn sign_out(person: Person) -> Result<Response, ApiError> {
    let audit = [person.audit_own(EventKind::SessionEnded, "signed out")];
    person.call.app.console.end_sessions(&[person.session.id], &audit).await?;
    let mut response = Json(DoneResponse::new()).into_response();
    let headers = response.headers_mut();
    headers.insert(header::SET_COOKIE, remove_cookie(&person.call.app));
    let forget = HeaderValue::from_static("\"cache\", \"storage\"");
    headers.insert(HeaderName::from_static("clear-site-data"), forget);
    Ok(response)
}
