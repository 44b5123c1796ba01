//! Passkeys at the console: added, used to sign in and to confirm who the user is, renamed and removed.

mod answers;
mod challenges;
mod creation;
mod removal;
mod rename;
mod request_options;
mod sign_in;
mod step_up;

use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::domain::console::webauthn::RelyingParty;
use crate::http::error::ApiError;
use crate::http::state::HttpState;
use crate::records::console_user::PasskeyFactor;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The operations on passkeys.
pub(super) fn passkey_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(sign_in::start_passkey_sign_in))
        .routes(routes!(sign_in::finish_passkey_sign_in))
        .routes(routes!(creation::start_passkey))
        .routes(routes!(creation::finish_passkey))
        .routes(routes!(rename::rename_own_passkey, removal::delete_own_passkey))
        .routes(routes!(step_up::start_passkey_step_up))
        .routes(routes!(step_up::finish_passkey_step_up))
}

/// A passkey of the own account.
#[derive(Serialize, ToSchema)]
#[schema(as = ConsolePasskey)]
pub(super) struct PasskeyView {
    id: RecordId,
    name: String,
    created: Millis,
    /// `null` while it was never used to sign in.
    #[schema(required = true)]
    last_used: Option<Millis>,
}

impl From<&PasskeyFactor> for PasskeyView {
    fn from(passkey: &PasskeyFactor) -> Self {
        let PasskeyFactor { id, name, created, last_used, .. } = passkey.clone();
        Self { id, name, created, last_used }
    }
}

/// 404 for a passkey that is not the caller's own.
fn passkey_not_found() -> ApiError {
    ApiError::not_found("Passkey not found", "GET /api/console/me lists the own passkeys")
}

/// The server that passkeys are for.
fn relying_party(app: &App) -> Result<&RelyingParty, ApiError> {
    app.sign_in.passkeys.as_ref().ok_or_else(|| {
        ApiError::conflict(
            "Passkeys are off",
            "Set PUBLIC_URL to https:// and a host name, or to http://localhost and the port for trying out",
        )
    })
}
