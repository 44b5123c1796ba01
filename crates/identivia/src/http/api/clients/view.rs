//! A client as the API shows it: without its secrets.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::client::Client;
use crate::http::guard::authority::RestrictedView;
use crate::records::client::{ClientRecord, StoredSecret};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// A machine client. Secrets are shown once, when they are made.
#[derive(Serialize, ToSchema)]
#[schema(as = MachineClient)]
#[schema(example = json!({
    "client_id": "billing", "name": "Billing backend", "description": "Reads outcomes every night", "team": "acme",
    "scopes": ["profiles:read", "verification_history:read"], "allowed_addresses": ["203.0.113.0/24"],
    "expires_at": "2027-03-21 00:00:00.000Z", "disabled": false, "source": "api",
    "secrets": [{"id": "abc123def456ghi", "created": "2026-03-21 00:00:00.000Z"}],
    "created": "2026-03-21 00:00:00.000Z", "updated": "2026-03-21 00:00:00.000Z",
}))]
pub(crate) struct ClientView {
    client_id: String,
    name: String,
    #[schema(required = true)]
    description: Option<String>,
    /// `null` for an operator's client, which sees every team.
    #[schema(required = true)]
    team: Option<String>,
    scopes: Vec<String>,
    /// Addresses and networks from which it may call; empty: from everywhere.
    allowed_addresses: Vec<String>,
    #[schema(required = true)]
    expires_at: Option<Millis>,
    disabled: bool,
    source: ClientSource,
    /// Two at most; of a client of the configuration none is shown.
    secrets: Vec<SecretView>,
    #[schema(required = true)]
    created: Option<Millis>,
    #[schema(required = true)]
    updated: Option<Millis>,
}

/// Where a client comes from.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ClientSource {
    /// `JWT_CLIENTS_JSON`, or the first start: the API does not change it.
    Configuration,
    Api,
}

/// A secret, without the secret itself.
#[derive(Serialize, ToSchema)]
#[schema(as = MachineClientSecret)]
pub(crate) struct SecretView {
    id: RecordId,
    created: Millis,
}

impl From<&StoredSecret> for SecretView {
    fn from(secret: &StoredSecret) -> Self {
        Self { id: secret.id, created: secret.created }
    }
}

impl From<&ClientRecord> for ClientView {
    fn from(record: &ClientRecord) -> Self {
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect();
        Self {
            client_id: record.client_id.clone(),
            name: record.name.clone(),
            description: record.description.clone(),
            team: record.team.clone(),
            scopes: words(&record.scopes),
            allowed_addresses: words(&record.allowed_addresses),
            expires_at: record.expires_at,
            disabled: record.disabled,
            source: ClientSource::Api,
            secrets: record.secrets.iter().map(SecretView::from).collect(),
            created: Some(record.created),
            updated: Some(record.updated),
        }
    }
}

impl From<&Client> for ClientView {
    fn from(client: &Client) -> Self {
        Self {
            client_id: client.id.clone(),
            name: client.id.clone(),
            description: None,
            team: client.team.clone(),
            scopes: client.scopes.clone(),
            allowed_addresses: Vec::new(),
            expires_at: None,
            disabled: false,
            source: ClientSource::Configuration,
            secrets: Vec::new(),
            created: None,
            updated: None,
        }
    }
}

impl RestrictedView for ClientView {
    /// No operation shows a client to a flow token.
    fn hide_from_flow(&mut self) {}

    fn mask_for_console(&mut self) {}
}

/// A client.
#[derive(Serialize, ToSchema)]
pub(crate) struct ClientResponse {
    pub(super) success: bool,
    pub(super) message: &'static str,
    pub(super) data: ClientView,
}
