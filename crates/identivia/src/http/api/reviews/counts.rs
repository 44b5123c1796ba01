//! `GET /api/reviews/counts`: how many reviews wait, up to a thousand of each kind.

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::access::{decider_of, require_reviews};
use crate::domain::review::ReviewFilter;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::review::ReviewState;
use crate::store::MadeBetween;

/// The most that is counted of each kind.
const MOST: usize = 1_000;
const HOUR: i64 = 3_600;

/// How many reviews there are.
#[derive(Serialize, ToSchema)]
pub(crate) struct ReviewCountsResponse {
    success: bool,
    data: ReviewCounts,
}

/// Each at most 1,000.
#[derive(Serialize, ToSchema)]
struct ReviewCounts {
    open: usize,
    /// Those that the caller holds, and those whose decision of the caller can still be undone.
    mine: usize,
    /// Those that wait for a second or a third person.
    second_look: usize,
    waiting: usize,
    decided: usize,
    /// The open ones by the time since they were made.
    ages: ReviewAges,
    /// Whether there are more than were counted.
    more: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = ReviewAges)]
struct ReviewAges {
    #[serde(rename = "1h")]
    one_hour: usize,
    #[serde(rename = "4h")]
    four_hours: usize,
    #[serde(rename = "24h")]
    one_day: usize,
    older: usize,
}

/// Count reviews
///
/// Those within the caller's reach, by state and by age: at most 1,000 of each are counted.
#[utoipa::path(get, path = "/api/reviews/counts", tag = "Reviews",
    security(("machine" = ["reviews:read"]), ("consoleSession" = ["reviews:read"])),
    responses((status = 200, description = "Counts of the reviews within reach", body = ReviewCountsResponse)))]
pub(crate) async fn count_reviews(context: RequestContext) -> Result<Json<ReviewCountsResponse>, ApiError> {
    use ReviewState::{Claimed, Decided, Deciding, Escalated, Open, SecondLook, Waiting};
    require_reviews(&context)?;
    let now = context.app.clock.now();
    let me = decider_of(&context).id;
    let of_states = |states: &[ReviewState]| ReviewFilter { states: states.to_vec(), ..ReviewFilter::default() };
    let mine = ReviewFilter { assignee: Some(me), ..of_states(&[Claimed, Deciding]) };
    let count = |filter: ReviewFilter, from: Option<i64>, to: Option<i64>| {
        let context = &context;
        async move {
            let time = |hours: i64| now.plus_seconds(-hours * HOUR);
            let made = MadeBetween { after: from.map(time), until: to.map(time) };
            context.app.store.count_reviews(&context.authority.reach, &filter, made, now, MOST + 1).await
        }
    };
    let open = || of_states(&[Open]);
    let counted = tokio::try_join!(
        count(open(), None, None),
        count(mine, None, None),
        count(of_states(&[SecondLook, Escalated]), None, None),
        count(of_states(&[Waiting]), None, None),
        count(of_states(&[Decided]), None, None),
        count(open(), Some(1), None),
        count(open(), Some(4), Some(1)),
        count(open(), Some(24), Some(4)),
        count(open(), None, Some(24)),
    )?;
    let (open, mine, second_look, waiting, decided, one_hour, four_hours, one_day, older) = counted;
    let all = [open, mine, second_look, waiting, decided, one_hour, four_hours, one_day, older];
    let most = |count: usize| count.min(MOST);
    let ages = ReviewAges {
        one_hour: most(one_hour),
        four_hours: most(four_hours),
        one_day: most(one_day),
        older: most(older),
    };
    let data = ReviewCounts {
        open: most(open),
        mine: most(mine),
        second_look: most(second_look),
        waiting: most(waiting),
        decided: most(decided),
        ages,
        more: all.into_iter().any(|count| count > MOST),
    };
    Ok(Json(ReviewCountsResponse { success: true, data }))
}
