//! `GET /api/analytics/overview`: the numbers of the first page.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use super::window::Window;
use crate::app::App;
use crate::domain::analytics::wilson_interval::Rate;
use crate::domain::review::ReviewFilter;
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::review::ReviewState;
use crate::records::time::Millis;
use crate::store::{MadeBetween, StoreError};

/// A person is active who has done something within that time, in seconds.
const ACTIVE_SECONDS: i64 = 30 * 60;
/// The most persons that are counted.
const MAX_ACTIVE: usize = 10_000;
/// The most reviews that are counted.
const MAX_PENDING: usize = 1_000;
/// The states of a review in which the console has to act.
const PENDING: [ReviewState; 5] =
    [ReviewState::Open, ReviewState::Claimed, ReviewState::Deciding, ReviewState::SecondLook, ReviewState::Escalated];

/// The numbers of the first page.
#[derive(Serialize, ToSchema)]
#[schema(as = AnalyticsOverview)]
struct Overview {
    /// Everything before that is counted; `null` until the server has counted for the first time.
    #[schema(value_type = Option<String>, required = true, example = "2026-03-21 00:00:00.000Z")]
    counted_at: Option<Millis>,
    #[schema(value_type = String, example = "2026-02-20 00:00:00.000Z")]
    from: Millis,
    #[schema(value_type = String, example = "2026-03-22 00:00:00.000Z")]
    to: Millis,
    /// Verification records made in the window.
    total_verifications: u64,
    /// Verified of all profiles whose first final status is in the window.
    success_rate: Rate,
    /// Reviews that wait for people at the console: 1,000 at most. `null` where the server keeps no reviews.
    #[schema(required = true)]
    pending_reviews: Option<usize>,
    /// Persons who have done something in the last 30 minutes: 10,000 at most.
    active_users: usize,
}

/// The answer with them.
#[derive(Serialize, ToSchema)]
#[schema(as = AnalyticsOverviewResponse, example = json!({"success": true, "data": {
    "counted_at": "2026-03-21 00:00:00.000Z", "from": "2026-02-20 00:00:00.000Z", "to": "2026-03-22 00:00:00.000Z",
    "total_verifications": 412, "pending_reviews": 12, "success_rate": {"value": 0.93, "low": 0.9, "high": 0.951, "of": 371}, "active_users": 7,
}}))]
pub(crate) struct OverviewResponse {
    success: bool,
    data: Overview,
}

/// Get the overview
///
/// Of the last 30 days unless others are named, from totals that are at most some seconds old.
#[utoipa::path(get, path = "/api/analytics/overview", tag = "Analytics", security(("machine" = ["analytics:read"]), ("consoleSession" = ["analytics:read"])),
    params(
        ("from" = Option<String>, Query, format = DateTime, description = "The first day (UTC)"),
        ("to" = Option<String>, Query, format = DateTime, description = "The day behind the last one"),
        ("team" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Only of that team"),
    ),
    responses((status = 200, description = "The overview", body = OverviewResponse)))]
pub(crate) async fn get_analytics_overview(
    State(app): State<Arc<App>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Json<OverviewResponse>, ApiError> {
    let mut query = ListQuery::parse_filters(query.as_deref(), &["from", "to", "team"])?;
    let mut checks = FieldChecks::default();
    let now = app.clock.now();
    let window = Window::take(&mut query, now, &mut checks);
    checks.finish()?;
    let window = window.within_reach(&context)?;
    let counts = window.read(&app).await?.sum();
    let since = now.plus_seconds(-ACTIVE_SECONDS);
    let mut active_users = 0;
    for team in &window.teams {
        active_users += app.analytics.count_active(since, team.as_deref(), MAX_ACTIVE).await?;
    }
    let data = Overview {
        counted_at: app.analytics.counted_at(),
        from: window.from,
        to: window.to,
        total_verifications: counts.records(),
        pending_reviews: count_pending_reviews(&context, &window, now).await?,
        success_rate: counts.success_rate(),
        active_users,
    };
    Ok(Json(OverviewResponse { success: true, data }))
}

/// Counts the reviews of the window's teams that are pending now. `None` where the store keeps none.
async fn count_pending_reviews(
    context: &RequestContext,
    window: &Window,
    now: Millis,
) -> Result<Option<usize>, StoreError> {
    let store = &context.app.store;
    if !store.keeps_reviews() {
        return Ok(None);
    }
    let mut pending = 0;
    for team in &window.teams {
        let filter = ReviewFilter { states: PENDING.to_vec(), team: team.clone(), ..ReviewFilter::default() };
        pending +=
            store.count_reviews(&context.authority.reach, &filter, MadeBetween::default(), now, MAX_PENDING).await?;
    }
    Ok(Some(pending.min(MAX_PENDING)))
}
