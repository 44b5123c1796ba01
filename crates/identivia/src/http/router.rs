//! The router: every route on one screen, behind the guard.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Router, routing};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::api::{
    aws, documents, files, flow, frames, health, liveness, profile_update, profiles, settings, status_history, token,
    verification_history,
};
use super::error::{method_not_allowed, unknown_path};
use super::guard::access::{self, AccessTable, UndeclaredAccess};
use super::middleware;
use super::openapi;
use super::pages::{api_docs, person_page};
use crate::app::App;

/// Every operation. What it asks of a caller stands on its handler.
fn operations() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(token::issue_token))
        .routes(routes!(health::report))
        .routes(routes!(health::health))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(profiles::create_profile))
        .routes(routes!(profiles::list_profiles))
        .routes(routes!(profiles::get_profile, profile_update::update_profile))
        .routes(routes!(liveness::create_session))
        .routes(routes!(liveness::get_results))
        .routes(routes!(frames::send_frames))
        .routes(routes!(documents::analyze_document))
        .routes(routes!(aws::get_credentials))
        .routes(routes!(settings::get_settings))
        .routes(routes!(settings::put_setting, settings::delete_setting))
        .routes(routes!(status_history::create_status_record, status_history::list_status_records))
        .routes(routes!(verification_history::create_verification, verification_history::list_verifications))
        .routes(routes!(files::get_file))
        .merge(flow_operations())
        .routes(routes!(api_docs::openapi_document))
}

/// What a person's page asks beside them.
fn flow_operations() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(flow::get_flow))
        .routes(routes!(flow::accept_consent))
        .routes(routes!(flow::put_details))
        .routes(routes!(flow::offer_handoff))
        .routes(routes!(flow::redeem_code))
}

/// The OpenAPI document, as published.
#[must_use]
pub fn openapi_document() -> utoipa::openapi::OpenApi {
    openapi::completed(operations().into_openapi())
}

/// The whole service: operations behind the guard, pages beside them, JSON for everything else.
///
/// # Errors
/// When an operation does not declare who may call it.
pub fn router(app: &Arc<App>) -> Result<Router, UndeclaredAccess> {
    let document = serde_json::to_value(openapi_document()).unwrap_or_default();
    let table = Arc::new(AccessTable::from_openapi(&document)?);
    let (operations, _) = operations().split_for_parts();
    let router = operations
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn_with_state((app.clone(), table), access::guard))
        .merge(api_docs::docs_routes())
        .merge(person_page::pages())
        .route("/robots.txt", routing::get(|| async { "User-agent: *\nDisallow: /\n" }))
        .method_not_allowed_fallback(method_not_allowed)
        .route_layer(from_fn(middleware::named))
        .fallback(unknown_path)
        // Each reader of a body has a limit of its own; see `input` and `form`.
        .layer(DefaultBodyLimit::disable());
    Ok(router.with_state(app.clone()))
}
