//! `PATCH /api/console/me/passkeys/{id}`: gives a passkey of the own account another name.

use axum::Json;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::console_call::{Person, user_refusal};
use super::creation::NAME_LETTERS;
use super::{PasskeyView, passkey_not_found};
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::store::console::UserWrite;

/// The new name of a passkey.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Work laptop"}))]
pub(crate) struct RenamePasskey {
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 60, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    name: RawField,
}

/// A passkey of the own account.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyResponse {
    success: bool,
    data: PasskeyView,
}

/// Rename a passkey
///
/// Sessions stay.
#[utoipa::path(patch, path = "/api/console/me/passkeys/{id}", tag = "Console",
    security(("consoleSession" = ["console:self"])),
    params(("id" = RecordId, Path, description = "The passkey's id")),
    request_body = RenamePasskey,
    responses((status = 200, description = "Renamed", body = PasskeyResponse)))]
pub(crate) async fn rename_own_passkey(
    person: Person,
    path: Result<Path<String>, PathRejection>,
    request: WholeRequest,
) -> Result<Json<PasskeyResponse>, ApiError> {
    let id = path.ok().and_then(|Path(text)| RecordId::parse(&text)).ok_or_else(passkey_not_found)?;
    let body: RenamePasskey = json::read_json(request).await?;
    let mut checks = FieldChecks::default();
    let name = checks.required_text("name", body.name, NAME_LETTERS).trim().to_owned();
    if name.is_empty() && !checks.has_problem("name") {
        checks.add_problem("name", "must not be empty");
    }
    checks.finish()?;
    let mut after = person.user.clone();
    let passkey = after.passkeys.iter_mut().find(|passkey| passkey.id == id).ok_or_else(passkey_not_found)?;
    if passkey.name == name {
        return Ok(passkey_response(PasskeyView::from(&*passkey)));
    }
    passkey.name = name;
    let view = PasskeyView::from(&*passkey);
    let audit = [person.audit_own(EventKind::AccountChanged, "name of a passkey")];
    let (console, now) = (&person.call.app.console, person.call.now());
    let written = console.replace_user(&person.user, after, &UserWrite::default(), now, &audit).await?;
    written.map_err(user_refusal)?;
    Ok(passkey_response(view))
}

const fn passkey_response(data: PasskeyView) -> Json<PasskeyResponse> {
    Json(PasskeyResponse { success: true, data })
}
