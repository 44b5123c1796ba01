//! `GET /api/audit_events/export`: the audit trail as a file, read and sent page by page.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{RawQuery, State};
use axum::http::{HeaderValue, Response, header};
use futures_util::stream;
use tokio::sync::OwnedSemaphorePermit;

use super::audit_entry::AuditEntry;
use super::audit_query::{FILTERS, bound_filter, take_filter};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::ListQuery;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::export_permits::ExportPermits;
use crate::http::guard::request_context::RequestContext;
use crate::store::{AuditFilter, PageRequest, StoreError};

/// The most entries of an export.
const MAX_ENTRIES: usize = 100_000;
/// Entries that are read and sent at once.
const PAGE: usize = 500;

/// The form of an export.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ExportForm {
    JsonLines,
    Csv,
}

impl ExportForm {
    const fn word(self) -> &'static str {
        match self {
            Self::JsonLines => "jsonl",
            Self::Csv => "csv",
        }
    }

    fn parse(word: &str, checks: &mut FieldChecks) -> Self {
        match word {
            "" | "jsonl" => Self::JsonLines,
            "csv" => Self::Csv,
            _ => {
                checks.add_problem("format", "must be jsonl or csv");
                Self::JsonLines
            }
        }
    }

    const fn media_type(self) -> &'static str {
        match self {
            Self::JsonLines => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8; header=present",
        }
    }
}

/// An export under way.
struct Export {
    app: Arc<App>,
    filter: AuditFilter,
    form: ExportForm,
    cursor: Option<String>,
    sent: usize,
    is_begun: bool,
    is_ended: bool,
    /// Given back before the last part is sent: a caller who has it all may ask for the next export at once.
    permit: Option<OwnedSemaphorePermit>,
}

/// Export audit events
///
/// A file of the same entries, newest first: at most 100,000, so name a time for more. The export is an audit event itself. In
/// CSV a cell that a spreadsheet could run as a formula begins with an apostrophe.
#[utoipa::path(get, path = "/api/audit_events/export", tag = "Audit", security(("machine" = ["audit:read"]), ("consoleSession" = ["audit:read"])),
    params(
        ("format" = Option<String>, Query, pattern = "^(jsonl|csv)$", description = "`jsonl` (one JSON object a line) or `csv` (`jsonl`)"),
        ("actor" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that actor's id"),
        ("kind" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[a-z0-9_.*,]+$", description = "Only these, with a comma between; `profile.*` names a group"),
        ("profile" = Option<String>, Query, pattern = "^[a-z0-9]{15}$", description = "Only about that profile"),
        ("object" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Only what was done to the object of exactly that id"),
        ("address" = Option<String>, Query, format = "ip", description = "Only from that address"),
        ("from" = Option<String>, Query, format = DateTime, description = "Not before that"),
        ("to" = Option<String>, Query, format = DateTime, description = "Before that"),
    ),
    responses(
        (status = 200, description = "The entries, as a download", content(
            (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 429, description = "Two exports run already; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn export_audit_events(
    State(app): State<Arc<App>>,
    State(permits): State<ExportPermits>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Response<Body>, ApiError> {
    let mut query = ListQuery::parse_filters(query.as_deref(), &[&["format"], &FILTERS[..]].concat())?;
    let mut checks = FieldChecks::default();
    let names = query.filter_names();
    let form = ExportForm::parse(&query.take_text("format", &mut checks), &mut checks);
    let filter = take_filter(&mut query, &context, &mut checks);
    checks.finish()?;
    let filter = bound_filter(filter, &context).await?;
    let permit = Some(permits.acquire_export()?);
    let detail = [form.word(), &names].join(" ");
    app.store.record_event(&context.audit_event(EventKind::AuditExported, None, detail.trim_end())).await?;
    let export = Export { app, filter, form, cursor: None, sent: 0, is_begun: false, is_ended: false, permit };
    let mut response = Response::new(Body::from_stream(stream::try_unfold(export, send_next_page)));
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(form.media_type()));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let name = format!("attachment; filename=\"audit-events.{}\"", form.word());
    headers.insert(header::CONTENT_DISPOSITION, HeaderValue::from_str(&name).map_err(ApiError::internal)?);
    Ok(response)
}

/// Reads the next page. An error ends the answer before its end, so that no caller takes a part for the whole.
async fn send_next_page(mut export: Export) -> Result<Option<(Bytes, Export)>, StoreError> {
    if export.is_ended {
        return Ok(None);
    }
    let page = PageRequest { limit: PAGE.min(MAX_ENTRIES - export.sent), cursor: export.cursor.take() };
    let page = export.app.store.list_audit_events(&export.filter, &page).await?;
    export.sent += page.items.len();
    export.cursor = page.next;
    export.is_ended = export.cursor.is_none() || export.sent >= MAX_ENTRIES;
    export.permit = export.permit.filter(|_| !export.is_ended);
    let mut text = String::new();
    if export.form == ExportForm::Csv && !export.is_begun {
        text.push_str(&AuditEntry::csv_head());
    }
    export.is_begun = true;
    for event in page.items {
        let entry = AuditEntry::from(event);
        match export.form {
            ExportForm::Csv => text.push_str(&entry.to_csv_row()),
            ExportForm::JsonLines => {
                text.push_str(&serde_json::to_string(&entry).map_err(|error| StoreError::Failed(error.to_string()))?);
                text.push('\n');
            }
        }
    }
    Ok(Some((Bytes::from(text), export)))
}
