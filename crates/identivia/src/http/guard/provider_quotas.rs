//! Quotas of calls to providers for each profile, counted together with all servers that share the records, and the budgets
//! of the local engines for each link and team.
//!
//! Such calls cost money and have quotas of their own. Only callers that are bound to one profile have a quota here: a
//! company's server is trusted to limit itself. Quotas are charged before a body is read, so that a request that fails counts
//! too.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;

use super::rate_limiter::{ConcurrencyLimiter, ConcurrencyPermit, RateLimiter};
use super::request_context::RequestContext;
use crate::domain::liveness::{pause, pauses_look_back};
use crate::http::error::{ApiError, RefusalKind};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::work::cpu_ledger::CpuLedger;

/// How long a request may wait until its call is counted with the other servers.
const SHARED_COUNT_TIMEOUT: Duration = Duration::from_secs(1);

/// Readings of one profile at once: one link must not take all permits of the reader.
const MAX_READINGS: u32 = 2;

/// A permit for a profile's work, held while the work lasts; `None` for callers without a quota.
pub(crate) type LinkPermit = Option<ConcurrencyPermit<RecordId>>;

/// An operation of a provider that has a quota.
#[derive(Clone, Copy)]
pub(crate) enum ProviderOperation {
    /// Temporary credentials: enough for AWS's own limit of 5 failed checks in 3 minutes.
    Credentials,
    CreateSession,
    GetResults,
    ReadDocument,
    JudgeFrames,
}

impl ProviderOperation {
    /// Its name in the store's counters and in answers.
    const fn counter_name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::CreateSession => "sessions",
            Self::GetResults => "results",
            Self::ReadDocument => "readings",
            Self::JudgeFrames => "frames",
        }
    }

    /// Says whether the other servers' counts are worth a write to the store.
    const fn is_counted_in_store(self) -> bool {
        !matches!(self, Self::GetResults)
    }
}

/// The quotas of each profile.
pub(crate) struct ProviderQuotas {
    credentials: RateLimiter<RecordId>,
    sessions: RateLimiter<RecordId>,
    results: RateLimiter<RecordId>,
    readings: RateLimiter<RecordId>,
    frames: RateLimiter<RecordId>,
    running_readings: ConcurrencyLimiter<RecordId>,
    /// Work of the local engines.
    running_engine_work: ConcurrencyLimiter<RecordId>,
    cpu_ledger: Arc<CpuLedger>,
}

impl ProviderQuotas {
    /// Starts with nothing charged but what the ledger says.
    #[must_use]
    pub(crate) fn new(cpu_ledger: Arc<CpuLedger>) -> Self {
        Self {
            credentials: RateLimiter::new(5, 180),
            sessions: RateLimiter::new(30, 180),
            results: RateLimiter::new(120, 60),
            readings: RateLimiter::new(30, 600),
            frames: RateLimiter::new(30, 600),
            running_readings: ConcurrencyLimiter::new(MAX_READINGS),
            running_engine_work: ConcurrencyLimiter::new(1),
            cpu_ledger,
        }
    }

    /// Charges an operation to the caller's profile; 429 when its quota is used up.
    pub(crate) async fn charge(&self, context: &RequestContext, operation: ProviderOperation) -> Result<(), ApiError> {
        let Some(profile) = context.authority.own_profile else { return Ok(()) };
        let (limiter, now) = (self.limiter(operation), context.app.clock.now());
        if !limiter.try_event(profile, now) {
            return Err(quota_used_up(operation, limiter, &profile, now));
        }
        if !operation.is_counted_in_store() {
            return Ok(());
        }
        let (limit, window) = limiter.limit();
        let key = format!("{} of {profile}", operation.counter_name());
        let counted = tokio::time::timeout(SHARED_COUNT_TIMEOUT, context.app.store.count_in_window(&key, now, window));
        // Without the store each server's own count holds.
        if let Ok(Ok(Some(counted))) = counted.await
            && counted.count > limit
        {
            limiter.block_until(profile, counted.ends);
            return Err(quota_used_up(operation, limiter, &profile, now));
        }
        Ok(())
    }

    /// A permit for reading a document.
    pub(crate) fn acquire_reading(&self, context: &RequestContext) -> Result<LinkPermit, ApiError> {
        acquire_permit(&self.running_readings, context)
    }

    /// A permit for work of the local engines, for callers whose link and team have processor time left. Hold it until the work
    /// is done, even when the caller no longer waits: one link must not take all engines.
    pub(crate) fn acquire_engine_work(&self, context: &RequestContext) -> Result<LinkPermit, ApiError> {
        if let Some(seconds) = self.cpu_ledger.seconds_over_budget(&context.authority.work_holder()) {
            return Err(over_engine_budget(seconds));
        }
        acquire_permit(&self.running_engine_work, context)
    }

    fn limiter(&self, operation: ProviderOperation) -> &RateLimiter<RecordId> {
        match operation {
            ProviderOperation::Credentials => &self.credentials,
            ProviderOperation::CreateSession => &self.sessions,
            ProviderOperation::GetResults => &self.results,
            ProviderOperation::ReadDocument => &self.readings,
            ProviderOperation::JudgeFrames => &self.frames,
        }
    }
}

fn acquire_permit(limiter: &ConcurrencyLimiter<RecordId>, context: &RequestContext) -> Result<LinkPermit, ApiError> {
    let Some(profile) = context.authority.own_profile else { return Ok(None) };
    limiter.try_acquire(profile).map(Some).ok_or_else(|| too_many_requests().retry_after(1))
}

/// Refuses a new liveness check while the profile must pause after several failed ones, on any server.
pub(crate) async fn refuse_during_pause(context: &RequestContext, profile: RecordId) -> Result<(), ApiError> {
    let (app, now) = (&context.app, context.app.clock.now());
    let sessions = app.store.sessions_of_profile(profile, pauses_look_back(now)).await?;
    let Some(seconds) = pause(&sessions, app.liveness.rule(), now) else { return Ok(()) };
    let refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many failed liveness checks");
    Err(refusal
        .with_message("Several checks have failed within a few minutes; try again when Retry-After has passed")
        .retry_after(seconds.unsigned_abs())
        .with_kind(RefusalKind::Quota))
}

fn quota_used_up(
    operation: ProviderOperation,
    limiter: &RateLimiter<RecordId>,
    profile: &RecordId,
    now: Millis,
) -> ApiError {
    let seconds = limiter.seconds_blocked(profile, now).unwrap_or(1);
    too_many_requests().with_rate_limit(operation.counter_name(), limiter.limit(), seconds)
}

fn too_many_requests() -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
        .with_message("This link has asked for that too often; try again when Retry-After has passed")
        .with_kind(RefusalKind::Quota)
}

fn over_engine_budget(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
        .with_message("Pictures of this link or team have taken their share of this server's time; try again when Retry-After has passed")
        .retry_after(seconds)
        .with_kind(RefusalKind::EngineTime)
}
