//! What a person's browser may ask of providers, whose calls cost money and have quotas of their own: so often a profile,
//! over all servers that share the records.

use std::time::Duration;

use axum::http::StatusCode;

use super::access::By;
use super::rate_limiter::{AtOnce, Limiter, Place};
use crate::app::App;
use crate::domain::liveness::{pause, pauses_look_back};
use crate::domain::token::CallerKind;
use crate::http::error::ApiError;
use crate::records::id::RecordId;

/// How long it may take to count with the other servers.
const COUNTING_PATIENCE: Duration = Duration::from_secs(1);

/// Readings of one profile at the same moment: one link must not take all the places there are.
const READING: u32 = 2;

/// What is asked for.
#[derive(Clone, Copy)]
pub(crate) enum Asked {
    /// Temporary credentials: enough for AWS's own most of 5 failed checks in 3 minutes.
    Credentials,
    Session,
    Results,
    Reading,
}

impl Asked {
    const fn name(self) -> &'static str {
        match self {
            Self::Credentials => "credentials",
            Self::Session => "sessions",
            Self::Results => "results",
            Self::Reading => "readings",
        }
    }

    /// Whether other servers' counts matter enough for a write in the records.
    const fn is_counted_by_all(self) -> bool {
        !matches!(self, Self::Results)
    }
}

/// Counts what browsers ask for, by profile.
pub struct Quotas {
    credentials: Limiter<RecordId>,
    sessions: Limiter<RecordId>,
    results: Limiter<RecordId>,
    readings: Limiter<RecordId>,
    /// Readings under way.
    reading: AtOnce<RecordId>,
    /// Work of the local engines under way.
    engines: AtOnce<RecordId>,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            credentials: Limiter::new(5, 180),
            sessions: Limiter::new(30, 180),
            results: Limiter::new(120, 60),
            readings: Limiter::new(30, 600),
            reading: AtOnce::new(READING),
            engines: AtOnce::new(1),
        }
    }
}

impl Quotas {
    /// A place for a browser's reading, to be held while it lasts.
    pub(crate) fn reading(&self, by: &By) -> Result<Option<Place<RecordId>>, ApiError> {
        place(&self.reading, by)
    }

    /// A place for a browser's work for the local engines, to be held until that is done, whether or not the browser waits
    /// for it: one link must not take all the turns there are.
    pub(crate) fn engines(&self, by: &By) -> Result<Option<Place<RecordId>>, ApiError> {
        place(&self.engines, by)
    }

    fn of(&self, asked: Asked) -> &Limiter<RecordId> {
        match asked {
            Asked::Credentials => &self.credentials,
            Asked::Session => &self.sessions,
            Asked::Results => &self.results,
            Asked::Reading => &self.readings,
        }
    }
}

/// A browser's place among its profile's; machine tokens need none.
fn place(places: &AtOnce<RecordId>, by: &By) -> Result<Option<Place<RecordId>>, ApiError> {
    match by.caller.kind {
        CallerKind::Machine { .. } => Ok(None),
        CallerKind::Flow { profile } => places.enter(profile).map(Some).ok_or_else(|| too_often(1)),
    }
}

/// Counts what a browser asks for; 429 once it was too much. Machine tokens are a trusted server's, which has its own
/// reasons.
pub(crate) async fn take(app: &App, by: &By, asked: Asked) -> Result<(), ApiError> {
    let CallerKind::Flow { profile } = by.caller.kind else { return Ok(()) };
    let (limiter, now) = (app.quotas.of(asked), app.clock.now());
    if !limiter.take(profile, now) {
        return Err(too_often(limiter.blocked(&profile, now).unwrap_or(1)));
    }
    if !asked.is_counted_by_all() {
        return Ok(());
    }
    let (most, seconds) = limiter.bounds();
    let key = format!("{} of {profile}", asked.name());
    let counted = tokio::time::timeout(COUNTING_PATIENCE, app.store.count_within(&key, now, seconds)).await;
    // Without the store each server's own count holds.
    if let Ok(Ok(Some(counted))) = counted
        && counted.count > most
    {
        limiter.block(profile, counted.ends);
        return Err(too_often(limiter.blocked(&profile, now).unwrap_or(1)));
    }
    Ok(())
}

/// After several failed sessions within a short time a profile must pause, whichever server they were made at.
pub(crate) async fn refuse_while_pausing(app: &App, profile: RecordId) -> Result<(), ApiError> {
    let now = app.clock.now();
    let sessions = app.store.sessions_of(profile, pauses_look_back(now)).await?;
    let Some(seconds) = pause(&sessions, app.liveness_threshold, now) else { return Ok(()) };
    let refusal = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many failed liveness checks");
    Err(refusal
        .advice("Several checks have failed within a few minutes; try again when Retry-After has passed")
        .retry_after(seconds.unsigned_abs()))
}

fn too_often(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests")
        .advice("This link has asked for that too often; try again when Retry-After has passed")
        .retry_after(seconds)
}
