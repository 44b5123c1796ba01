//! `GET /api/analytics/{report}`: the rows of a report, as JSON or CSV.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use super::window::{Window, WindowDays};
use crate::app::App;
use crate::domain::analytics::count_names::GROUPS;
use crate::domain::analytics::reports::{ReportRow, rates_by_day};
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::console_user::ConsoleRole;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::word_schema::describe_words;

/// The reports.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ReportName {
    Funnel,
    Rates,
    Times,
    Reasons,
    Breakdown,
    Reviewers,
}

impl ReportName {
    const ALL: [Self; 6] = [Self::Funnel, Self::Rates, Self::Times, Self::Reasons, Self::Breakdown, Self::Reviewers];

    const fn word(self) -> &'static str {
        match self {
            Self::Funnel => "funnel",
            Self::Rates => "rates",
            Self::Times => "times",
            Self::Reasons => "reasons",
            Self::Breakdown => "breakdown",
            Self::Reviewers => "reviewers",
        }
    }

    /// The words of `by` that it takes.
    const fn groups(self) -> &'static [&'static str] {
        match self {
            Self::Breakdown => &GROUPS,
            Self::Rates => &["day"],
            Self::Funnel | Self::Times | Self::Reasons | Self::Reviewers => &[],
        }
    }

    fn make_rows(self, days: &WindowDays, by: &str, only: Option<&str>) -> Vec<ReportRow> {
        match self {
            Self::Funnel => days.sum().funnel(),
            Self::Rates if by == "day" => {
                let name = |day: &Millis| day.to_string().chars().take(10).collect::<String>();
                rates_by_day(&days.0.iter().map(|(day, counts)| (name(day), counts.clone())).collect::<Vec<_>>())
            }
            Self::Rates => days.sum().rates(),
            Self::Times => days.sum().times(),
            Self::Reasons => days.sum().reasons(),
            Self::Reviewers => days.sum().reviewers(only),
            Self::Breakdown => days.sum().breakdown(if by.is_empty() { GROUPS[0] } else { by }),
        }
    }
}

describe_words!(ReportName, "AnalyticsReport", "A report.", ReportName::ALL.map(ReportName::word));

/// A report.
#[derive(Serialize, ToSchema)]
#[schema(as = AnalyticsReportData)]
struct ReportData {
    /// Everything before that is counted; `null` until the server has counted for the first time.
    #[schema(value_type = Option<String>, required = true, example = "2026-03-21 00:00:00.000Z")]
    counted_at: Option<Millis>,
    #[schema(value_type = String, example = "2026-02-20 00:00:00.000Z")]
    from: Millis,
    #[schema(value_type = String, example = "2026-03-22 00:00:00.000Z")]
    to: Millis,
    /// Which part of the profiles that were created in the window is not decided yet; `null` when none was.
    #[schema(required = true)]
    open_share: Option<f64>,
    rows: Vec<ReportRow>,
}

/// The answer with it.
#[derive(Serialize, ToSchema)]
#[schema(as = AnalyticsReportResponse)]
pub(crate) struct ReportResponse {
    success: bool,
    data: ReportData,
}

/// Get a report
///
/// Of the last 30 days unless others are named, at most 366. Rates have a 95 % interval. Groups of fewer than ten show no
/// numbers.
#[utoipa::path(get, path = "/api/analytics/{report}", tag = "Analytics", security(("machine" = ["analytics:read"]), ("consoleSession" = ["analytics:read"])),
    params(
        ("report" = inline(ReportName), Path, description = "The report"),
        ("from" = Option<String>, Query, format = DateTime, description = "The first day (UTC)"),
        ("to" = Option<String>, Query, format = DateTime, description = "The day behind the last one"),
        ("team" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Only of that team"),
        ("by" = Option<String>, Query, pattern = "^(country|document_type|day)$", description = "`breakdown`: `country` or `document_type`; `rates`: `day`"),
        ("format" = Option<String>, Query, pattern = "^(json|csv)$", description = "`json` or `csv` (`json`)"),
    ),
    responses((status = 200, description = "The report", content((ReportResponse = "application/json"), (String = "text/csv")))))]
pub(crate) async fn get_analytics_report(
    State(app): State<Arc<App>>,
    context: RequestContext,
    path: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Result<Response, ApiError> {
    let Ok(Path(word)) = path else { return Err(report_not_found()) };
    let report = ReportName::ALL.into_iter().find(|report| report.word() == word).ok_or_else(report_not_found)?;
    let mut query = ListQuery::parse_filters(query.as_deref(), &["from", "to", "team", "by", "format"])?;
    let mut checks = FieldChecks::default();
    let window = Window::take(&mut query, app.clock.now(), &mut checks);
    let by = query.take_text("by", &mut checks);
    if !by.is_empty() && !report.groups().contains(&&*by) {
        let problem = match report.groups() {
            [] => "must be left out: this report has no groups".to_owned(),
            groups => format!("must be left out, or one of: {}", groups.join(", ")),
        };
        checks.add_problem("by", problem);
    }
    let form = query.take_text("format", &mut checks);
    if !["", "json", "csv"].contains(&&*form) {
        checks.add_problem("format", "must be json or csv");
    }
    checks.finish()?;
    let only = own_work_only(&context, report)?;
    let window = window.within_reach(&context)?;
    let days = window.read(&app).await?;
    let mut rows = report.make_rows(&days, &by, only.as_deref());
    if report == ReportName::Reviewers && context.authority.reviewer.is_some() {
        name_reviewers(&app, &mut rows).await?;
    }
    if form == "csv" {
        return to_csv(report, &rows);
    }
    let open_share = days.sum().open_share();
    let data =
        ReportData { counted_at: app.analytics.counted_at(), from: window.from, to: window.to, open_share, rows };
    Ok(Json(ReportResponse { success: true, data }).into_response())
}

/// The id of a reviewer, who sees their own work alone: one report is about it.
fn own_work_only(context: &RequestContext, report: ReportName) -> Result<Option<String>, ApiError> {
    match &context.authority.reviewer {
        Some(reviewer) if reviewer.role == ConsoleRole::Reviewer && report == ReportName::Reviewers => {
            Ok(Some(reviewer.user_id.to_string()))
        }
        Some(reviewer) if reviewer.role == ConsoleRole::Reviewer => {
            Err(ApiError::forbidden("Not allowed for reviewers", "Ask an admin or an auditor for this report"))
        }
        _ => Ok(None),
    }
}

/// Adds the names of the people whom the rows are about. One who was deleted, and a client, keep their id alone.
async fn name_reviewers(app: &App, rows: &mut [ReportRow]) -> Result<(), ApiError> {
    let mut names: HashMap<String, Option<String>> = HashMap::new();
    for row in rows {
        let Some(group) = row.group.clone() else { continue };
        if !names.contains_key(&group) {
            let user = match RecordId::parse(&group) {
                Some(id) => app.console.user(id).await?,
                None => None,
            };
            let name = user.map(|user| if user.name.is_empty() { user.email } else { user.name });
            names.insert(group.clone(), name);
        }
        row.label = names.get(&group).cloned().flatten();
    }
    Ok(())
}

fn to_csv(report: ReportName, rows: &[ReportRow]) -> Result<Response, ApiError> {
    let text: String = std::iter::once(ReportRow::csv_head()).chain(rows.iter().map(ReportRow::to_csv_row)).collect();
    let mut response = Response::new(Body::from(text));
    let name = format!("attachment; filename=\"{}.csv\"", report.word());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8; header=present"));
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(ApiError::internal)?);
    Ok(response)
}

fn report_not_found() -> ApiError {
    ApiError::not_found("Report not found", "The reports are funnel, rates, times, reasons, breakdown and reviewers")
}
