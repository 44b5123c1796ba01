//! `GET /api/clients`: lists the clients of the configuration by id, then all others, newest first.

use std::sync::Arc;

use axum::Json;
use axum::extract::{RawQuery, State};

use super::access::OperatorContext;
use super::view::ClientView;
use crate::app::App;
use crate::http::body::list_query::{ListEntry, ListQuery, PageResponse};
use crate::http::error::ApiError;
use crate::store::{Page, PageRequest, StoreError};

/// Begins a cursor among the clients of the configuration. How many of them have been listed follows.
const CONFIGURATION_CURSOR: &str = "configuration-";

impl ListEntry for ClientView {
    const LIST_NAME: &'static str = "MachineClientList";
}

type MachineClientList = PageResponse<ClientView>;

/// List clients
///
/// Those of the configuration come first, then all others, newest first.
#[utoipa::path(get, path = "/api/clients", tag = "Clients", security(("machine" = ["clients:manage"]), ("consoleSession" = ["clients:manage"])),
    params(
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 100, description = "Entries a page (20)"),
        ("cursor" = Option<String>, Query, format = "cursor", description = "`next_cursor` of the page before"),
    ),
    responses((status = 200, description = "A page of clients", body = MachineClientList)))]
pub(crate) async fn list_clients(
    State(app): State<Arc<App>>,
    OperatorContext(context): OperatorContext,
    RawQuery(query): RawQuery,
) -> Result<Json<MachineClientList>, ApiError> {
    let page = ListQuery::parse_page_only(query.as_deref())?;
    let page = read_client_page(&app, page).await?;
    Ok(Json(PageResponse::new(page, &context.authority, |view| view)))
}

async fn read_client_page(app: &App, page: PageRequest) -> Result<Page<ClientView>, StoreError> {
    let listed = match page.cursor.as_deref() {
        None => 0,
        Some(cursor) => match cursor.strip_prefix(CONFIGURATION_CURSOR) {
            Some(number) => number.parse().map_err(|_| StoreError::BadCursor)?,
            None => return Ok(app.store.list_clients(&page).await?.map(|record| ClientView::from(&record))),
        },
    };
    let configured = app.clients.configured.list_by_id();
    let views = configured.iter().skip(listed).take(page.limit).map(|client| ClientView::from(*client));
    let mut items: Vec<ClientView> = views.collect();
    let room = page.limit - items.len();
    let next = if listed + items.len() < configured.len() {
        Some(format!("{CONFIGURATION_CURSOR}{}", listed + items.len()))
    } else if room == 0 {
        let has_others = app.store.count_clients(1).await? > 0;
        has_others.then(|| format!("{CONFIGURATION_CURSOR}{}", configured.len()))
    } else {
        let others = app.store.list_clients(&PageRequest { limit: room, cursor: None }).await?;
        items.extend(others.items.iter().map(ClientView::from));
        others.next
    };
    Ok(Page { items, next })
}
