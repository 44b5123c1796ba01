//! `GET /api/audit_events`: what was done, newest first.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use super::audit_entry::AuditEntry;
use super::audit_query::{FILTERS, bound_filter, take_filter};
use crate::app::App;
use crate::http::body::field_checks::FieldChecks;
use crate::http::body::list_query::{ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::store::StoreError;

type AuditEventList = PageResponse<AuditEntry>;

/// List audit events
///
/// Newest first. A client of a team gets the events of its team's profiles, a reviewer their own actions.
#[utoipa::path(get, path = "/api/audit_events", tag = "Audit", security(("machine" = ["audit:read"]), ("consoleSession" = ["audit:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
        ("actor" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that actor's id"),
        ("kind" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[a-z0-9_.*,]+$", description = "Only these, with a comma between; `profile.*` names a group"),
        ("profile" = Option<String>, Query, pattern = "^[a-z0-9]{15}$", description = "Only about that profile"),
        ("object" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Only what was done to the object of exactly that id"),
        ("address" = Option<String>, Query, format = "ip", description = "Only from that address"),
        ("from" = Option<String>, Query, format = DateTime, description = "Not before that: RFC 3339, the API's own form, or a date"),
        ("to" = Option<String>, Query, format = DateTime, description = "Before that"),
    ),
    responses((status = 200, description = "A page of audit events", body = AuditEventList)))]
pub(crate) async fn list_audit_events(
    State(app): State<Arc<App>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Json<AuditEventList>, ApiError> {
    let mut query = ListQuery::parse(query.as_deref(), &FILTERS)?;
    let mut checks = FieldChecks::default();
    let is_search = !query.filter_names().is_empty();
    let page = query.take_page(&mut checks);
    let filter = take_filter(&mut query, &context, &mut checks);
    checks.finish()?;
    let filter = bound_filter(filter, &context).await?;
    let list = app.store.list_audit_events(&filter, &page);
    let page = if is_search { context.run_search(list).await? } else { list.await? };
    let names = read_user_names(&context, &page.items).await?;
    Ok(Json(PageResponse::new(page, &context.authority, |event| AuditEntry::from(event).with_name_of(&names))))
}

/// The names of the console users of a page, by their ids. Only the console shows them: who works for the operator is nothing for a
/// team's server.
async fn read_user_names(
    context: &RequestContext,
    events: &[AuditEvent],
) -> Result<HashMap<String, String>, StoreError> {
    let mut names = HashMap::new();
    if context.authority.reviewer.is_none() {
        return Ok(names);
    }
    let users = events.iter().filter(|event| event.actor_kind == ActorKind::User);
    let ids: BTreeSet<RecordId> = users.filter_map(|event| RecordId::parse(&event.actor)).collect();
    for id in ids {
        if let Some(user) = context.app.console.user(id).await? {
            names.insert(id.to_string(), user.name);
        }
    }
    Ok(names)
}
