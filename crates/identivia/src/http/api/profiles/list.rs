//! Lists and filters profiles, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::profile::{ProfileFilter, Word as _};
use crate::domain::profile_view::ProfileEntry;
use crate::http::body::field_checks::{FieldChecks, none_if_empty};
use crate::http::body::list_query::{ListEntry, ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::status_word::{StatusWord, VerificationStatus};

impl ListEntry for ProfileEntry {
    const LIST_NAME: &'static str = "ProfileList";
}

type ProfileList = PageResponse<ProfileEntry>;

/// List profiles
///
/// Newest first. `cursor` is the `next_cursor` of the page before; pages stay stable while profiles are added.
#[utoipa::path(get, path = "/api/profiles", tag = "Profiles", security(("machine" = ["profiles:read"]), ("consoleSession" = ["profiles:read"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
        ("status" = Option<StatusWord>, Query, description = "The status shown"),
        ("verification_status" = Option<VerificationStatus>, Query, description = "The profile's own status"),
        ("country" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that country"),
        ("userID" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Exactly that userID"),
        ("q" = Option<String>, Query, min_length = 1, max_length = 255, pattern = "^[^\\u0000]*$", description = "Whole words of name, e-mail address, document number or userID: all of them, in any order, case and normal form, with or without accents. Letters and digits make a word"),
        ("created_after" = Option<String>, Query, format = DateTime, description = "RFC 3339, the API's own form, or a date"),
        ("created_before" = Option<String>, Query, format = DateTime, description = "The same"),
        ("updated_after" = Option<String>, Query, format = DateTime, description = "Changed after that: by a write, a record or checks that have ended"),
    ),
    responses((status = 200, description = "A page of profiles", body = ProfileList)))]
pub(crate) async fn list_profiles(
    State(app): State<Arc<App>>,
    context: RequestContext,
    RawQuery(query): RawQuery,
) -> Result<Json<ProfileList>, ApiError> {
    const FILTERS: [&str; 8] =
        ["status", "verification_status", "country", "userID", "q", "created_after", "created_before", "updated_after"];
    let mut query = ListQuery::parse(query.as_deref(), &FILTERS)?;
    let mut checks = FieldChecks::default();
    let filters = query.filter_names();
    let page = query.take_page(&mut checks);
    let filter = take_filter(&mut query, &mut checks);
    checks.finish()?;
    let is_search = !filters.is_empty();
    context.audit_read(context.audit_event(EventKind::ProfilesSearched, None, filters)).await?;
    let list = app.store.list_profiles(&context.authority.reach, filter, &page);
    let page = if is_search { context.run_search(list).await? } else { list.await? };
    Ok(Json(PageResponse::new(page, &context.authority, ProfileEntry::from)))
}

fn take_filter(query: &mut ListQuery, checks: &mut FieldChecks) -> ProfileFilter {
    let text = query.take_text("status", checks);
    let status = StatusWord::parse(&text);
    if !text.is_empty() && status.is_none() {
        checks.add_problem("status", "must be a status word: 1 to 64 of a-z, 0-9 and _");
    }
    let text = query.take_text("verification_status", checks);
    let verification_status = VerificationStatus::of(&text);
    if !text.is_empty() && verification_status.is_none() {
        checks.add_problem("verification_status", "must be one of: unverified, pending, verified, rejected");
    }
    ProfileFilter {
        status,
        verification_status,
        country: none_if_empty(query.take_text("country", checks)),
        user_id: none_if_empty(query.take_text("userID", checks)),
        q: none_if_empty(query.take_text("q", checks)),
        created_after: query.take_time("created_after", checks),
        created_before: query.take_time("created_before", checks),
        updated_after: query.take_time("updated_after", checks),
    }
}
