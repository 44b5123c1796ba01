//! `DELETE /api/console/users/{id}`: deletes a user with their sessions and links. What they did stays in the audit trail.

use axum::Json;

use super::super::logout::DoneResponse;
use super::{ManagedUser, find_remaining_admin, managed_refusal};
use crate::domain::event::EventKind;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::four_eyes::{TRIES, require_deciders};
use crate::records::id::RecordId;
use crate::store::Refusal;
use crate::store::console::UserWrite;

/// Delete a user
///
/// Their sessions end. Needs a fresh second factor.
#[utoipa::path(delete, path = "/api/console/users/{id}", tag = "Console", security(("consoleSession" = ["users:manage"])),
    params(("id" = RecordId, Path, description = "The user's id")),
    responses(
        (status = 200, description = "Deleted", body = DoneResponse),
        (status = 409, description = "No super admin would be left, or four eyes would have fewer than two people", body = ErrorBody),
    ))]
pub(crate) async fn delete_console_user(
    ManagedUser { person, user }: ManagedUser,
) -> Result<Json<DoneResponse>, ApiError> {
    let audit = [person.call.audit(EventKind::UserDeleted, person.user.id, user.id, user.role.word())];
    let app = &person.call.app;
    for _ in 0..TRIES {
        let while_admin = find_remaining_admin(&person, &user, false).await?;
        let while_deciders = &require_deciders(app, &user, None).await?;
        let with = UserWrite { while_admin, while_deciders, ..UserWrite::default() };
        match app.console.delete_user(&user, &with, &audit).await? {
            Err(Refusal::DecidersChanged) => {}
            written => {
                written.map_err(managed_refusal)?;
                return Ok(Json(DoneResponse::new()));
            }
        }
    }
    Err(managed_refusal(Refusal::DecidersChanged))
}
