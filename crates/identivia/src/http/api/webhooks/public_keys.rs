//! `GET /.well-known/webhook-keys`: the public keys of all endpoints that are signed with `v1a`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::error::ApiError;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::webhook_endpoint::SignatureScheme;

/// The public keys.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"keys": [{"id": "abc123def456ghi", "webhook_id": "def456ghi789jkl",
    "public_key": "whpk_gR1mDM4d3z1G2JtlxkLIcQ3mHOFxJK5v5tGMR1xDP5k=", "valid_from": "2026-03-21 00:00:00.000Z",
    "valid_until": null}]}))]
pub(crate) struct PublicKeyList {
    keys: Vec<PublicKey>,
}

/// A public key (Ed25519) that verifies the `v1a` signatures of one webhook.
#[derive(Serialize, ToSchema)]
#[schema(as = WebhookPublicKey)]
pub(crate) struct PublicKey {
    id: RecordId,
    webhook_id: RecordId,
    #[schema(pattern = "^whpk_[A-Za-z0-9+/]+=*$")]
    public_key: String,
    valid_from: Millis,
    /// `null` for the newest of a webhook.
    #[schema(required = true)]
    valid_until: Option<Millis>,
}

/// List the public keys of webhooks
///
/// With them anybody can verify a `v1a` signature, also later: no secret is needed. Configure the key of your webhook: do not take
/// it from a request.
#[utoipa::path(get, path = "/.well-known/webhook-keys", tag = "Webhooks", security(()),
    responses((status = 200, description = "The keys in use", body = PublicKeyList)))]
pub(crate) async fn list_webhook_keys(State(app): State<Arc<App>>) -> Result<Json<PublicKeyList>, ApiError> {
    let now = app.clock.now();
    let endpoints = app.webhooks.public_endpoints().await?;
    let signed = endpoints.iter().filter(|endpoint| endpoint.signature != SignatureScheme::V1 && !endpoint.disabled);
    let keys = signed.flat_map(|endpoint| {
        endpoint.active_keys(now).map(|key| PublicKey {
            id: key.id,
            webhook_id: endpoint.id,
            public_key: key.public_key.clone(),
            valid_from: key.created,
            valid_until: key.expires,
        })
    });
    Ok(Json(PublicKeyList { keys: keys.collect() }))
}
