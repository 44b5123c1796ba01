//! What a browser is asked for: a new passkey, or the use of one. The names are those of WebAuthn's JSON form.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::console::challenge::CHALLENGE_SECONDS;
use crate::domain::console::session::ConsoleToken;
use crate::domain::console::webauthn::{ALGORITHMS, RelyingParty};
use crate::records::console_user::ConsoleUser;

/// How long the browser waits for the person, in milliseconds.
const TIMEOUT: i64 = CHALLENGE_SECONDS * 1_000;
/// What WebAuthn calls such credentials.
const PUBLIC_KEY: &str = "public-key";

/// What `navigator.credentials.get` is asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyRequestResponse {
    success: bool,
    data: PasskeyRequestData,
}

#[derive(Serialize, ToSchema)]
struct PasskeyRequestData {
    public_key: PasskeyRequest,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyRequest {
    /// 32 random bytes in base64url.
    challenge: String,
    timeout: i64,
    rp_id: String,
    user_verification: &'static str,
    /// Empty: any passkey of this server.
    allow_credentials: Vec<KnownCredential>,
}

/// What `navigator.credentials.create` is asked for.
#[derive(Serialize, ToSchema)]
pub(crate) struct PasskeyCreationResponse {
    success: bool,
    data: PasskeyCreationData,
}

#[derive(Serialize, ToSchema)]
struct PasskeyCreationData {
    public_key: PasskeyCreation,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct PasskeyCreation {
    rp: CreationServer,
    user: CreationUser,
    challenge: String,
    pub_key_cred_params: Vec<CreationAlgorithm>,
    timeout: i64,
    exclude_credentials: Vec<KnownCredential>,
    authenticator_selection: AuthenticatorSelection,
    attestation: &'static str,
}

#[derive(Serialize, ToSchema)]
struct CreationServer {
    id: String,
    name: &'static str,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct CreationUser {
    /// The user's id in base64url.
    id: String,
    name: String,
    display_name: String,
}

#[derive(Serialize, ToSchema)]
struct CreationAlgorithm {
    r#type: &'static str,
    alg: i64,
}

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AuthenticatorSelection {
    resident_key: &'static str,
    require_resident_key: bool,
    user_verification: &'static str,
}

/// A credential by its id.
#[derive(Serialize, ToSchema)]
struct KnownCredential {
    r#type: &'static str,
    /// In base64url.
    id: String,
}

impl PasskeyRequestResponse {
    /// Asks for a passkey of that user, or for any.
    pub(super) fn new(party: &RelyingParty, challenge: &ConsoleToken, user: Option<&ConsoleUser>) -> Self {
        let public_key = PasskeyRequest {
            challenge: challenge.as_text().to_owned(),
            timeout: TIMEOUT,
            rp_id: party.id.clone(),
            user_verification: "required",
            allow_credentials: user.map(list_credentials).unwrap_or_default(),
        };
        Self { success: true, data: PasskeyRequestData { public_key } }
    }
}

impl PasskeyCreationResponse {
    /// Asks for a new passkey of that user, on an authenticator that has none of theirs.
    pub(super) fn new(party: &RelyingParty, challenge: &ConsoleToken, user: &ConsoleUser) -> Self {
        let public_key = PasskeyCreation {
            rp: CreationServer { id: party.id.clone(), name: "Identivia" },
            user: CreationUser {
                id: URL_SAFE_NO_PAD.encode(user.id.as_str()),
                name: user.email.clone(),
                display_name: user.name.clone(),
            },
            challenge: challenge.as_text().to_owned(),
            pub_key_cred_params: ALGORITHMS.map(|alg| CreationAlgorithm { r#type: PUBLIC_KEY, alg }).into(),
            timeout: TIMEOUT,
            exclude_credentials: list_credentials(user),
            authenticator_selection: AuthenticatorSelection {
                resident_key: "preferred",
                require_resident_key: false,
                user_verification: "required",
            },
            attestation: "none",
        };
        Self { success: true, data: PasskeyCreationData { public_key } }
    }
}

fn list_credentials(user: &ConsoleUser) -> Vec<KnownCredential> {
    let ids = user.passkeys.iter().map(|passkey| passkey.credential_id.clone());
    ids.map(|id| KnownCredential { r#type: PUBLIC_KEY, id }).collect()
}
