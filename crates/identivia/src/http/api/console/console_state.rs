//! `GET /api/console/state`: what the console's page shows first.

use axum::Json;
use axum::http::HeaderMap;
use serde::Serialize;
use utoipa::ToSchema;

use super::console_call::ConsoleCall;
use crate::config::OidcSettings;
use crate::http::error::ApiError;
use crate::http::guard::console_session::{Credentials, find_session};
use crate::records::console_session::SessionStage;

/// What the platform is called.
const PLATFORM_NAME: &str = "Identivia";

/// What the console's page shows first.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConsoleStateResponse {
    success: bool,
    data: ConsoleState,
}

#[derive(Serialize, ToSchema)]
struct ConsoleState {
    /// Whether there is no user yet.
    setup_needed: bool,
    /// Whether the caller is signed in, with the second factor.
    signed_in: bool,
    /// How far a sign-in is; `null` without a session.
    #[schema(required = true)]
    stage: Option<SessionStage>,
    /// Other services that people can sign in with.
    providers: Vec<SignInProvider>,
    /// Whether people can sign in with passkeys: not at an IP address, and on http only at localhost.
    passkeys: bool,
    platform_name: &'static str,
}

/// A service that people can sign in with.
#[derive(Serialize, ToSchema)]
pub(super) struct SignInProvider {
    id: String,
    name: String,
}

impl SignInProvider {
    /// A provider that is not in the configuration any more.
    pub(super) fn of_unknown_issuer(issuer: &str) -> Self {
        Self { id: String::new(), name: issuer.to_owned() }
    }
}

impl From<&OidcSettings> for SignInProvider {
    fn from(provider: &OidcSettings) -> Self {
        Self { id: provider.id.clone(), name: provider.name.clone() }
    }
}

/// Get what the console's page shows first
///
/// Whether the first user is still to be made, and how far this browser's sign-in is.
#[utoipa::path(get, path = "/api/console/state", tag = "Console", security(()),
    responses((status = 200, description = "The state", body = ConsoleStateResponse)))]
pub(crate) async fn get_console_state(
    call: ConsoleCall,
    headers: HeaderMap,
) -> Result<Json<ConsoleStateResponse>, ApiError> {
    let open = match Credentials::of_request(&call.app, &headers)? {
        Credentials::Cookie(token) => find_session(&call.app, token.as_ref()).await?,
        Credentials::Token => None,
    };
    let stage = open.map(|open| open.session.stage);
    let data = ConsoleState {
        setup_needed: stage.is_none() && !call.app.console.has_people().await?,
        signed_in: stage == Some(SessionStage::Full),
        stage,
        providers: call.app.oidc.iter().map(|provider| SignInProvider::from(&provider.settings)).collect(),
        passkeys: call.app.sign_in.passkeys.is_some(),
        platform_name: PLATFORM_NAME,
    };
    Ok(Json(ConsoleStateResponse { success: true, data }))
}
