//! The filters of the audit trail, and what of it a caller reaches.

use std::net::IpAddr;

use crate::domain::event::EventKind;
use crate::domain::profile::Reach;
use crate::http::body::field_checks::{FieldChecks, none_if_empty};
use crate::http::body::list_query::ListQuery;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::console_user::ConsoleRole;
use crate::store::AuditFilter;

/// The names of the filters.
pub(super) const FILTERS: [&str; 7] = ["actor", "kind", "profile", "object", "address", "from", "to"];

/// Reads the filters.
pub(super) fn take_filter(query: &mut ListQuery, context: &RequestContext, checks: &mut FieldChecks) -> AuditFilter {
    let (from, to) = (query.take_time("from", checks), query.take_time("to", checks));
    if let (Some(from), Some(to)) = (from, to)
        && from >= to
    {
        checks.add_problem("to", "must be after from");
    }
    let actor = none_if_empty(query.take_text("actor", checks));
    let own = own_work_only(context);
    if own.is_some() && actor.is_some() && actor != own {
        checks.add_problem("actor", "must be left out, or your own id: reviewers see their own actions");
    }
    AuditFilter {
        // People see their own actions, also after a change of teams.
        reach: if own.is_some() { Reach::Every } else { context.authority.reach.clone() },
        actor: own.or(actor),
        kinds: parse_kinds(&query.take_text("kind", checks), checks),
        profile: query.take_id("profile", checks),
        object: none_if_empty(query.take_text("object", checks)),
        address: parse_address(&query.take_text("address", checks), checks),
        from,
        to,
    }
}

/// The id of a reviewer, who sees nothing but their own actions.
fn own_work_only(context: &RequestContext) -> Option<String> {
    let reviewer = context.authority.reviewer.as_ref()?;
    (reviewer.role == ConsoleRole::Reviewer).then(|| reviewer.user_id.to_string())
}

/// Bounds a filter by what the store can find. PocketBase cannot look up the team of an event's profile when it stores the event:
/// there a team names a profile of its own.
pub(super) async fn bound_filter(mut filter: AuditFilter, context: &RequestContext) -> Result<AuditFilter, ApiError> {
    if context.app.pocketbase.is_none() || filter.reach == Reach::Every {
        return Ok(filter);
    }
    let Some(profile) = filter.profile else {
        let problem = "is required while records are in PocketBase, for a client of a team";
        return Err(ApiError::invalid_fields([("profile", problem.to_owned())].into()));
    };
    let found = context.app.store.profile(profile, &filter.reach).await?;
    found.ok_or_else(ApiError::profile_not_found)?;
    filter.reach = Reach::Every;
    Ok(filter)
}

fn parse_kinds(text: &str, checks: &mut FieldChecks) -> Vec<EventKind> {
    let mut kinds = Vec::new();
    for pattern in text.split(',').filter(|_| !text.is_empty()) {
        let named = EventKind::list_named(pattern);
        if named.is_empty() {
            let advice = "must name kinds of GET /api/audit_events/kinds, or a group such as profile.*";
            checks.add_problem("kind", advice);
            break;
        }
        kinds.extend(named);
    }
    kinds
}

/// The address as events hold it.
fn parse_address(text: &str, checks: &mut FieldChecks) -> Option<String> {
    let address: Option<IpAddr> = text.parse().ok();
    if !text.is_empty() && address.is_none() {
        checks.add_problem("address", "must be an IPv4 or IPv6 address");
    }
    address.map(|address| address.to_string())
}
