//! `GET /api/verification_history/{id}`: lists a profile's verification records.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::breakdown::{BreakdownNode, KnownChecks, break_down};
use crate::http::body::list_query::{ListEntry, ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::http::guard::authority::RestrictedView;
use crate::http::guard::profile_access::{ProfilePath, load_profile};
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;
use crate::records::verification_record::VerificationRecord;

/// A record in a list, with the tree over its checks.
#[derive(Serialize, ToSchema)]
pub(crate) struct VerificationEntry {
    #[serde(flatten)]
    record: VerificationRecord,
    /// The tree over its checks; `null` while they have no result. Nodes that were not asked for are `not_applicable`.
    #[schema(required = true)]
    breakdown: Option<Vec<BreakdownNode>>,
}

impl From<VerificationRecord> for VerificationEntry {
    fn from(record: VerificationRecord) -> Self {
        let breakdown = break_down(&record, &KnownChecks::of_record(&record));
        Self { record, breakdown }
    }
}

/// The tree is made of the whole record, and names no value of it.
impl RestrictedView for VerificationEntry {
    fn hide_internal(&mut self) {
        self.record.hide_internal();
    }

    fn hide_from_flow(&mut self) {
        self.record.hide_from_flow();
        self.breakdown = None;
    }

    fn mask_for_console(&mut self) {
        self.record.mask_for_console();
    }
}

impl ListEntry for VerificationEntry {
    const LIST_NAME: &'static str = "VerificationRecordList";
}

type VerificationRecordList = PageResponse<VerificationEntry>;

/// List a profile's verification records
///
/// Newest first.
#[utoipa::path(get, path = "/api/verification_history/{id}", tag = "Verification history",
    security(("machine" = ["verification_history:read"]), ("consoleSession" = ["verification_history:read"])),
    params(
        ("id" = RecordId, Path, description = "The profile's id"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of records", body = VerificationRecordList)))]
pub(crate) async fn list_verification_records(
    State(app): State<Arc<App>>,
    context: RequestContext,
    ProfilePath(id): ProfilePath,
    RawQuery(query): RawQuery,
) -> Result<Json<VerificationRecordList>, ApiError> {
    let page = ListQuery::parse_page_only(query.as_deref())?;
    load_profile(&context, id).await?;
    let page = app.store.list_verification_records(id, &page).await?;
    Ok(Json(PageResponse::new(page.map(VerificationEntry::from), &context.authority, |entry| entry)))
}
