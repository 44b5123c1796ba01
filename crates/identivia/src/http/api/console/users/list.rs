//! `GET /api/console/users`: lists users, newest first.

use axum::Json;
use axum::extract::RawQuery;

use super::super::console_call::Person;
use super::reaches_user;
use super::view::UserView;
use crate::http::body::list_query::{ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::store::Page;

type ConsoleUserList = PageResponse<UserView>;

/// List users
///
/// Newest first. An admin of some teams sees users of these teams alone, so a page may hold fewer entries than its limit.
#[utoipa::path(get, path = "/api/console/users", tag = "Console", security(("consoleSession" = ["users:manage"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of users", body = ConsoleUserList)))]
pub(crate) async fn list_console_users(
    person: Person,
    RawQuery(query): RawQuery,
) -> Result<Json<ConsoleUserList>, ApiError> {
    let page = ListQuery::parse_page_only(query.as_deref())?;
    let Page { items, next } = person.call.app.console.list_users(&page).await?;
    let items = items.into_iter().filter(|user| reaches_user(&person, user)).map(UserView::from).collect();
    Ok(Json(PageResponse::new(Page { items, next }, &person.context.authority, |view| view)))
}
