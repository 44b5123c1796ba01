//! `GET` and `DELETE /api/console/me/sessions`: where a user is signed in.

use axum::Json;
use axum::extract::Path;
use serde::Serialize;
use utoipa::ToSchema;

use super::console_call::Person;
use super::logout::DoneResponse;
use crate::domain::event::EventKind;
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The sessions of the own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct SessionList {
    success: bool,
    data: Vec<SessionEntry>,
    /// There is one page: a person has at most 10 sessions.
    has_more: bool,
    #[schema(required = true)]
    next_cursor: Option<String>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ConsoleSessionEntry)]
struct SessionEntry {
    id: RecordId,
    /// Whether this request came with it.
    current: bool,
    /// When the person signed in.
    created: Millis,
    last_seen: Millis,
    address: String,
    browser: String,
}

/// List the own sessions
///
/// Newest first.
#[utoipa::path(get, path = "/api/console/me/sessions", tag = "Console", security(("consoleSession" = ["console:self"])),
    responses((status = 200, description = "The sessions that have not ended", body = SessionList)))]
pub(crate) async fn list_own_sessions(person: Person) -> Result<Json<SessionList>, ApiError> {
    let sessions = person.call.app.console.sessions_of(person.user.id).await?;
    let now = person.call.now();
    let alive = sessions.into_iter().rev().filter(|session| session.is_alive(&person.user, now));
    let to_entry = |session: crate::records::console_session::ConsoleSession| SessionEntry {
        id: session.id,
        current: session.id == person.session.id,
        created: session.began,
        last_seen: session.last_seen,
        address: session.address,
        browser: session.browser,
    };
    let data = alive.map(to_entry).collect();
    Ok(Json(SessionList { success: true, data, has_more: false, next_cursor: None }))
}

/// End an own session
///
/// The browser that has it is signed out at its next request.
#[utoipa::path(delete, path = "/api/console/me/sessions/{id}", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    params(("id" = RecordId, Path, description = "The session's id")),
    responses((status = 200, description = "Ended", body = DoneResponse)))]
pub(crate) async fn end_own_session(
    person: Person,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<DoneResponse>, ApiError> {
    let not_found = || ApiError::not_found("Session not found", "GET /api/console/me/sessions lists the own sessions");
    let id = path.ok().and_then(|Path(text)| RecordId::parse(&text)).ok_or_else(not_found)?;
    let console = &person.call.app.console;
    let own = console.session(id).await?.filter(|session| session.console_user == person.user.id);
    let own = own.ok_or_else(not_found)?;
    let audit = [person.audit_own(EventKind::SessionEnded, "ended from another session")];
    console.end_sessions(&[own.id], &audit).await?;
    Ok(Json(DoneResponse::new()))
}
