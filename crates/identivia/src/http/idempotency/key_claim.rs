//! Claims an idempotency key before the work: a new key runs, a known one is answered, a running one is 409.

use axum::http::StatusCode;

use super::key_ring::{KeyRing, KeySecrets};
use crate::app::App;
use crate::http::error::ApiError;
use crate::records::id::{RecordId, random_text};
use crate::records::idempotency_key::IdempotencyKey;
use crate::records::time::Millis;

/// How long a key is kept, in seconds.
const KEEP_SECONDS: i64 = 24 * 3_600;
/// How long an attempt holds a key without renewing its lease, in seconds. So long a repetition waits after a server has died.
pub(super) const LEASE_SECONDS: i64 = 60;
/// The seconds after which to repeat a request that is still running.
const RETRY_SECONDS: u64 = 1;
/// How often a claim is tried. Each try fails only when another caller changes the same key at that moment.
const MAX_CLAIM_TRIES: usize = 4;

/// What to do with a request.
pub(super) enum KeyClaim {
    /// This attempt holds the key: do the work.
    Held(IdempotencyKey),
    /// This attempt holds the key after an earlier one, which may have written.
    TakenOver(IdempotencyKey),
    /// The key has its answer.
    Answered(IdempotencyKey),
}

/// Claims a key for a request with that method, path and query.
pub(super) async fn claim_key(
    app: &App,
    ring: &KeyRing,
    secrets: &KeySecrets,
    target_hash: &str,
) -> Result<KeyClaim, ApiError> {
    for _ in 0..MAX_CLAIM_TRIES {
        let now = app.clock.now();
        let fresh = new_key(secrets, target_hash, now);
        let is_allowed = ring.live_keys.reserve_key(&*app.store, &secrets.holder, secrets.limit, now).await?;
        if is_allowed {
            if app.store.claim_idempotency_key(&fresh).await? {
                return Ok(KeyClaim::Held(fresh));
            }
            ring.live_keys.release_key(&secrets.holder);
        }
        match app.store.idempotency_key(secrets.id).await? {
            None if is_allowed => {}
            None => return Err(too_many_keys(secrets.limit)),
            Some(found) => {
                if let Some(claim) = claim_known_key(app, found, fresh).await? {
                    return Ok(claim);
                }
            }
        }
    }
    Err(still_running())
}

/// Claims a key that was sent before. `None` when another caller has changed it meanwhile.
async fn claim_known_key(
    app: &App,
    found: IdempotencyKey,
    fresh: IdempotencyKey,
) -> Result<Option<KeyClaim>, ApiError> {
    let now = fresh.created;
    if found.expires <= now {
        let is_taken = app.store.take_over_idempotency_key(&found, &fresh).await?;
        return Ok(is_taken.then_some(KeyClaim::Held(fresh)));
    }
    if found.target_hash != fresh.target_hash {
        return Err(key_of_another_request());
    }
    if found.answer.is_some() {
        return Ok(Some(KeyClaim::Answered(found)));
    }
    if found.lease_ends.is_some_and(|ends| ends > now) {
        return Err(still_running());
    }
    let next = IdempotencyKey { attempt: fresh.attempt, lease_ends: fresh.lease_ends, ..found.clone() };
    let is_taken = app.store.take_over_idempotency_key(&found, &next).await?;
    Ok(is_taken.then_some(KeyClaim::TakenOver(next)))
}

fn new_key(secrets: &KeySecrets, target_hash: &str, now: Millis) -> IdempotencyKey {
    IdempotencyKey {
        id: secrets.id,
        holder: secrets.holder.clone(),
        attempt: random_text::<15>(),
        lease_ends: Some(now.plus_seconds(LEASE_SECONDS)),
        receipt: Some(RecordId::random()),
        target_hash: target_hash.to_owned(),
        body_hash: None,
        written: String::new(),
        answer: None,
        created: now,
        expires: now.plus_seconds(KEEP_SECONDS),
    }
}

/// 422: the key belongs to another request.
pub(super) fn key_of_another_request() -> ApiError {
    ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, "Idempotency-Key already used").with_message(
        "This key was sent with another request; repeat a request with the same method, path, query and body, and send a new \
         request with a new key",
    )
}

/// 409: the first request has no answer yet.
fn still_running() -> ApiError {
    ApiError::conflict(
        "Request still running",
        "The first request with this Idempotency-Key has no answer yet; repeat it when Retry-After has passed",
    )
    .retry_after(RETRY_SECONDS)
}

fn too_many_keys(limit: usize) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many idempotency keys")
        .with_message(format!(
            "At most {limit} keys of a caller are kept, each for 24 hours; send the request without a key, or later"
        ))
        .retry_after(60)
}
