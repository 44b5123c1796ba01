//! Runs a request with an idempotency key once: claims the key, does the work under a lease, and stores the answer; or
//! replays the stored answer; or rebuilds the answer of a write whose server died before it was stored.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body::Body as _;

use super::answer_rebuild::{RebuiltOperation, rebuild_answer};
use super::body_fingerprint::BodyFingerprint;
use super::key_claim::{KeyClaim, LEASE_SECONDS, claim_key, key_of_another_request};
use super::key_header::{REPLAYED, read_idempotency_key};
use super::key_ring::{KeyHolder, KeyRing, KeySecrets};
use super::stored_answer::{parse_answer, read_answer};
use crate::app::App;
use crate::http::body::form_parts;
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::authority::Authority;
use crate::http::guard::request_context::{RequestContext, RequestStore};
use crate::records::idempotency_key::IdempotencyKey;
use crate::store::warn_unless_outage;
use crate::store::{KeyedStore, KeyedWork, StoreError, WorkState};

/// How often a running attempt renews its lease: three times within it.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(20);
/// The longest an attempt may run, which goes on when its caller has gone.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(660);

/// Answers a request that was sent with an idempotency key.
pub(crate) async fn answer_keyed_request(
    app: &Arc<App>,
    ring: &Arc<KeyRing>,
    authority: &Arc<Authority>,
    request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let key = read_idempotency_key(request.headers())?;
    let secrets = ring.derive_secrets(&KeyHolder::of_caller(authority), &key);
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let target_hash = secrets.hash_target(request.method().as_str(), target);
    let claim = claim_key(app, ring, &secrets, &target_hash).await?;
    remove_expired_keys(app, ring);
    let (is_first, key) = match claim {
        KeyClaim::Answered(found) => return replay_answer(&secrets, &found, request).await,
        KeyClaim::Held(key) => (true, key),
        KeyClaim::TakenOver(key) => (false, key),
    };
    let context = RequestContext::from_extensions(app.clone(), request.extensions())?;
    let attempt = KeyedAttempt::new(context, ring, secrets, (key, is_first), &request);
    // In its own task: the answer is stored also when the caller no longer waits for it.
    let answering = tokio::spawn(async move {
        if attempt.is_first { attempt.run_work(request, next).await } else { attempt.resume_work(request, next).await }
    });
    match answering.await {
        Ok(response) => Ok(response),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(ApiError::unavailable("The request was cut off; try again")),
    }
}

/// Removes expired keys once in a while, behind the request.
fn remove_expired_keys(app: &Arc<App>, ring: &KeyRing) {
    let now = app.clock.now();
    if ring.begin_removal(now) {
        let store = app.store.clone();
        tokio::spawn(async move {
            if let Err(error) = store.remove_expired_keys(now).await {
                warn_unless_outage!(error, "expired idempotency keys were not removed; a later request removes them");
            }
        });
    }
}

/// The stored answer, if the request's body is the first one's.
async fn replay_answer(secrets: &KeySecrets, found: &IdempotencyKey, request: Request) -> Result<Response, ApiError> {
    refuse_other_body(secrets, found.body_hash.as_deref(), request).await?;
    let plain = found.answer.as_deref().and_then(|answer| secrets.answer_key.decrypt(found.id, answer));
    let response = plain
        .and_then(|plain| parse_answer(&plain))
        .ok_or_else(|| ApiError::internal(StoreError::Failed("a stored answer cannot be decrypted".to_owned())))?;
    Ok(add_replayed_header(response))
}

/// Reads the body of a repeated request and compares it with the first one. Nothing of it is stored.
async fn refuse_other_body(
    secrets: &KeySecrets,
    first_hash: Option<&str>,
    mut request: Request,
) -> Result<(), ApiError> {
    // The first body was not read, so the answer does not depend on it.
    let Some(first_hash) = first_hash else { return Ok(()) };
    let fingerprint = BodyFingerprint::new(&secrets.hash_key);
    let hash = fingerprint.finished();
    request.extensions_mut().insert(fingerprint);
    if form_parts::is_form(&request) {
        form_parts::skip_form(request).await?;
    } else {
        json::skip_body(request).await?;
    }
    if hash.get().is_some_and(|hash| hash == first_hash) { Ok(()) } else { Err(key_of_another_request()) }
}

fn add_replayed_header(mut response: Response) -> Response {
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

/// Says whether an answer is the answer to every repetition. The others say that nothing was done, or that it is unknown
/// what was done: then the next attempt finds out.
fn is_final(status: StatusCode) -> bool {
    let may_change = [
        StatusCode::UNAUTHORIZED,
        StatusCode::REQUEST_TIMEOUT,
        StatusCode::PAYLOAD_TOO_LARGE,
        StatusCode::TOO_MANY_REQUESTS,
    ];
    !status.is_server_error() && !may_change.contains(&status)
}

/// One attempt at a key that this request holds.
struct KeyedAttempt {
    ring: Arc<KeyRing>,
    secrets: KeySecrets,
    key: IdempotencyKey,
    /// Whether no other attempt has been made, whose commit could still be under way.
    is_first: bool,
    fingerprint: BodyFingerprint,
    work: Arc<KeyedWork>,
    operation: Option<RebuiltOperation>,
    /// What the answer is rebuilt with.
    context: RequestContext,
}

impl KeyedAttempt {
    fn new(
        context: RequestContext,
        ring: &Arc<KeyRing>,
        secrets: KeySecrets,
        (key, is_first): (IdempotencyKey, bool),
        request: &Request,
    ) -> Self {
        let fingerprint = BodyFingerprint::new(&secrets.hash_key);
        if request.body().is_end_stream() {
            fingerprint.add_whole_body(b"");
        }
        let receipt = key.receipt.unwrap_or(key.id);
        let work = Arc::new(KeyedWork::new(receipt, key.expires, fingerprint.finished()));
        let path = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str);
        let operation = RebuiltOperation::of_route(request.method(), path);
        Self { ring: ring.clone(), secrets, key, is_first, fingerprint, work, operation, context }
    }

    /// Runs the handler and stores its answer.
    async fn run_work(self, mut request: Request, next: Next) -> Response {
        let app = &self.context.app;
        let store = KeyedStore::new(app.store.clone(), self.work.clone(), app.clock.clone());
        request.extensions_mut().insert(self.fingerprint.clone());
        request.extensions_mut().insert(RequestStore(Arc::new(store)));
        let response = self.hold_lease(tokio::time::timeout(ATTEMPT_TIMEOUT, next.run(request))).await;
        let response = response.unwrap_or_else(|_| ApiError::unavailable("The request took too long").into_response());
        match self.work.state() {
            WorkState::WrittenBefore => match self.find_receipt().await {
                Ok(Some(receipt)) if self.has_body_of(&receipt) => self.answer_from_receipt(&receipt).await,
                Ok(Some(_)) => self.end_attempt(key_of_another_request().into_response()).await,
                Ok(None) => self.end_attempt(response).await,
                Err(error) => self.end_attempt(error.into_response()).await,
            },
            _ => self.settle_answer(response).await,
        }
    }

    /// Says whether this request's body is the one that a receipt was written for.
    fn has_body_of(&self, receipt: &IdempotencyKey) -> bool {
        receipt.body_hash.is_none() || self.fingerprint.finished().get() == receipt.body_hash.as_ref()
    }

    /// Goes on where an earlier attempt has ended: rebuilds its answer if it has written, else does the work.
    async fn resume_work(self, request: Request, next: Next) -> Response {
        match self.find_receipt().await {
            Ok(None) => self.run_work(request, next).await,
            Ok(Some(receipt)) => match refuse_other_body(&self.secrets, receipt.body_hash.as_deref(), request).await {
                Ok(()) => self.answer_from_receipt(&receipt).await,
                Err(refusal) => self.end_attempt(refusal.into_response()).await,
            },
            Err(error) => self.end_attempt(error.into_response()).await,
        }
    }

    async fn find_receipt(&self) -> Result<Option<IdempotencyKey>, ApiError> {
        match self.key.receipt {
            Some(receipt) => Ok(self.context.app.store.idempotency_key(receipt).await?),
            None => Ok(None),
        }
    }

    /// The answer to what an earlier attempt has written, from the records as they are now.
    async fn answer_from_receipt(&self, receipt: &IdempotencyKey) -> Response {
        match rebuild_answer(self.operation, &self.context, &receipt.written).await {
            Ok(response) => add_replayed_header(self.store_answer(response, receipt.body_hash.as_deref()).await),
            Err(error) => self.end_attempt(error.into_response()).await,
        }
    }

    /// Waits for the work and renews the lease meanwhile.
    async fn hold_lease<T>(&self, work: impl Future<Output = T>) -> T {
        tokio::select! {
            done = work => done,
            never = self.renew_lease() => match never {},
        }
    }

    async fn renew_lease(&self) -> Infallible {
        let app = &self.context.app;
        loop {
            tokio::time::sleep(RENEWAL_INTERVAL).await;
            let ends = app.clock.now().plus_seconds(LEASE_SECONDS);
            // A lease that cannot be renewed may end: the receipt still keeps a second attempt from writing.
            let _ = app.store.set_lease_end(self.key.id, &self.key.attempt, ends).await;
        }
    }

    /// Stores the handler's answer, or ends the attempt so that the next request makes another one.
    async fn settle_answer(&self, response: Response) -> Response {
        let state = self.work.state();
        let is_body_known = self.fingerprint.finished().get().is_some();
        if !is_final(response.status()) || state == WorkState::Uncertain {
            return self.end_attempt(response).await;
        }
        // A refusal made before the body was read may not be repeated for another body.
        if state == WorkState::Unwritten && !is_body_known && !response.status().is_success() {
            return self.end_attempt(response).await;
        }
        let hash = self.fingerprint.finished();
        self.store_answer(response, hash.get().map(String::as_str)).await
    }

    /// Stores an answer and gives it back. Where it cannot be stored, the lease ends by itself, and the next request finds
    /// the receipt.
    async fn store_answer(&self, response: Response, body_hash: Option<&str>) -> Response {
        let answer = match read_answer(response).await {
            Ok(answer) => answer,
            Err(response) => return response,
        };
        if let Ok(sealed) = self.secrets.answer_key.encrypt(self.key.id, &answer.plain) {
            let (store, attempt) = (&self.context.app.store, &self.key.attempt);
            if let Err(error) = store.store_answer(self.key.id, attempt, body_hash, &sealed).await {
                let id: &str = &self.context.request_id;
                warn_unless_outage!(error, request.id = id, "the answer to an idempotency key was not stored");
            }
        }
        answer.response
    }

    /// Ends an attempt without an answer that lasts. A key whose attempt has written nothing is free again; otherwise only
    /// its lease ends, and the next attempt finds out what was written.
    async fn end_attempt(&self, response: Response) -> Response {
        let (store, id, attempt) = (&self.context.app.store, self.key.id, &self.key.attempt);
        let ended = if self.work.state() == WorkState::Unwritten && self.is_first {
            self.ring.live_keys.release_key(&self.secrets.holder);
            store.free_idempotency_key(id, attempt).await
        } else {
            store.set_lease_end(id, attempt, self.context.app.clock.now()).await.map(drop)
        };
        if let Err(error) = ended {
            let id: &str = &self.context.request_id;
            warn_unless_outage!(
                error,
                request.id = id,
                "an idempotency key was not freed; it is free when its lease ends"
            );
        }
        response
    }
}
