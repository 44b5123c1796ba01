//! `POST /api/webhooks/{id}/rotate_secret`: gives an endpoint new keys. The old ones sign too until they expire.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::ToSchema;

use super::endpoint_access::NamedEndpoint;
use super::endpoint_view::{WebhookSecretResponse, WebhookView};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::id::RecordId;
use crate::records::webhook_endpoint::SealedKey;

/// How long old keys sign, in seconds, unless the caller says otherwise, and at most.
const DEFAULT_OVERLAP: i64 = 86_400;
const MAX_OVERLAP: i64 = 604_800;
/// The most old keys that sign.
const MAX_OLD_KEYS: usize = 10;

/// How long the old keys go on signing.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"expires_in": 86_400}))]
pub(crate) struct RotateSecret {
    /// Seconds, from 0 (the old secret has leaked) to 604,800 (a week); 86,400 when left out.
    #[serde(default)]
    #[schema(value_type = Option<i64>, minimum = 0, maximum = 604_800)]
    expires_in: RawField,
}

/// Rotate the secret of a webhook
///
/// New keys sign at once; old ones sign too until they expire, so that a receiver can change over without a gap. The answer has the
/// new secret, which is not shown again.
#[utoipa::path(post, path = "/api/webhooks/{id}/rotate_secret", tag = "Webhooks",
    security(("machine" = ["webhooks:write"]), ("consoleSession" = ["webhooks:write"])),
    params(("id" = RecordId, Path, description = "The webhook's id")),
    request_body = RotateSecret,
    responses(
        (status = 200, description = "Rotated", body = WebhookSecretResponse),
        (status = 409, description = "Ten old secrets have not expired yet", body = ErrorBody),
    ))]
pub(crate) async fn rotate_webhook_secret(
    State(app): State<Arc<App>>,
    named: NamedEndpoint,
    request: WholeRequest,
) -> Result<Json<WebhookSecretResponse>, ApiError> {
    let seconds = check_overlap(json::read_json(request).await?)?;
    let (now, system_key) = (app.clock.now(), app.webhooks.system_key());
    let mut after = named.endpoint.clone();
    // Keys of a lost system key cannot sign any more.
    after.keys.retain(|key| key.expires.is_none_or(|end| end > now) && system_key.has_sealed(&key.secret));
    for key in &mut after.keys {
        let end = now.plus_seconds(seconds);
        key.expires = Some(key.expires.map_or(end, |known| known.min(end)));
    }
    after.keys.retain(|key| key.expires.is_none_or(|end| end > now));
    if after.keys.len() > MAX_OLD_KEYS {
        return Err(ApiError::conflict(
            "Too many old secrets",
            "Ten old secrets have not expired yet: rotate with expires_in 0, which ends them",
        ));
    }
    if !after.sealed_headers.is_empty() && !system_key.has_sealed(&after.sealed_headers) {
        (after.sealed_headers, after.header_names) = (String::new(), String::new());
    }
    let (key, secret) = SealedKey::draw(system_key, named.endpoint.id, now);
    after.keys.insert(0, key);
    let stored = named.replace(after, &named.audit(EventKind::WebhookSecretRotated, "")).await?;
    let progress = app.webhooks.deliveries().progress_of(stored.id).await?;
    let data = WebhookView::new(stored, progress.as_ref(), now);
    Ok(Json(WebhookSecretResponse { success: true, message: "Secret rotated", data, secret }))
}

fn check_overlap(body: RotateSecret) -> Result<i64, ApiError> {
    let Some(raw) = body.expires_in.filter(|value| !value.is_null()) else { return Ok(DEFAULT_OVERLAP) };
    let seconds = raw.as_i64().filter(|seconds| (0..=MAX_OVERLAP).contains(seconds));
    seconds.ok_or_else(|| {
        let mut checks = FieldChecks::default();
        checks.add_problem("expires_in", format!("must be a whole number of seconds from 0 to {MAX_OVERLAP}"));
        checks.finish().err().unwrap_or_else(ApiError::unknown_path)
    })
}
