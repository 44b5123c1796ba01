//! The window of a report: which days, and of which team.

use std::collections::BTreeMap;

use crate::app::App;
use crate::domain::analytics::event_counting::day_of;
use crate::domain::analytics::reports::WindowCounts;
use crate::http::body::field_checks::{FieldChecks, none_if_empty};
use crate::http::body::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::time::Millis;
use crate::store::StoreError;

/// The days that are shown unless others are named.
const DEFAULT_DAYS: i64 = 30;
/// The most days of a window.
const MAX_DAYS: i64 = 366;

/// Whole days (UTC), and the teams that they are counted of.
pub(super) struct Window {
    pub(super) from: Millis,
    /// The first millisecond behind it.
    pub(super) to: Millis,
    /// The team that the query names.
    named: Option<String>,
    /// The totals that are added up: those of a team, or of all. Several are those of a person at the console.
    pub(super) teams: Vec<Option<String>>,
}

/// The counts of each day of a window that has any, oldest first.
pub(super) struct WindowDays(pub(super) Vec<(Millis, WindowCounts)>);

impl Window {
    /// Reads the window. A part of a day counts as the whole day.
    pub(super) fn take(query: &mut ListQuery, now: Millis, checks: &mut FieldChecks) -> Self {
        let to = query.take_time("to", checks).map_or(now, |to| Millis(to.0.saturating_sub(1)));
        let to = day_of(to).plus_days(1);
        let from = query.take_time("from", checks).map_or_else(|| to.plus_days(-DEFAULT_DAYS), day_of);
        if from >= to {
            checks.add_problem("to", "must be after from");
        } else if from < to.plus_days(-MAX_DAYS) {
            checks.add_problem("from", format!("must be at most {MAX_DAYS} days before to"));
        }
        Self { from, to, named: none_if_empty(query.take_text("team", checks)), teams: Vec::new() }
    }

    /// Bounds the window by the caller's own teams.
    pub(super) fn within_reach(mut self, context: &RequestContext) -> Result<Self, ApiError> {
        let reach = &context.authority.reach;
        self.teams = match (self.named.take(), reach.teams()) {
            (Some(named), _) if !reach.has_team(&named) => {
                return Err(ApiError::forbidden("Not your team", "Leave team out, or name your own"));
            }
            (Some(named), _) => vec![Some(named)],
            (None, None) => vec![None],
            (None, Some(own)) => own.iter().cloned().map(Some).collect(),
        };
        Ok(self)
    }

    /// Reads the counts.
    pub(super) async fn read(&self, app: &App) -> Result<WindowDays, StoreError> {
        let mut days: BTreeMap<Millis, WindowCounts> = BTreeMap::new();
        for team in &self.teams {
            for day in app.analytics.read_days(self.from, self.to, team.as_deref()).await? {
                days.entry(day.day).or_default().add_day(&day.counts);
            }
        }
        Ok(WindowDays(days.into_iter().collect()))
    }
}

impl WindowDays {
    /// The counts of all days together.
    pub(super) fn sum(&self) -> WindowCounts {
        let mut sum = WindowCounts::default();
        for (_, counts) in &self.0 {
            sum.add(counts);
        }
        sum
    }
}
