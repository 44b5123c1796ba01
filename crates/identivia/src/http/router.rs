//! The router: every route on one screen, behind the guard.

use std::sync::Arc;

use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::{Extension, Router, routing};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt as _};
use utoipa_axum::routes;

use super::api::{
    analytics, audit, auth, aws, clients, console, documents, events, files, flow, health, liveness, profiles,
    provider_test, reviews, settings, status_history, verification_history, webhooks,
};
use super::error::ApiError;
use super::guard::access_table::{AccessTable, UndeclaredAccess};
use super::guard::authenticate::{self, Guard};
use super::openapi;
use super::pages::api_docs::{self, OpenApiText};
use super::pages::person_page::{self, PersonPage};
use super::pages::{console_page, embed_loader, sign_in_page};
use super::request_log;
use super::state::HttpState;
use crate::app::App;

/// Every operation. Each handler declares the scope and the kinds of caller it takes.
fn operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::with_openapi(openapi::document_frame())
        .merge(auth_operations())
        .merge(health_operations())
        .routes(routes!(profiles::create::create_profile))
        .routes(routes!(profiles::list::list_profiles))
        .routes(routes!(profiles::get::get_profile, profiles::update::update_profile))
        .routes(routes!(profiles::revoke_links::revoke_profile_links))
        .routes(routes!(liveness::create_session::create_liveness_session))
        .routes(routes!(liveness::get_results::get_liveness_results))
        .routes(routes!(liveness::send_frames::send_liveness_frames))
        .routes(routes!(documents::analyze_document))
        .routes(routes!(aws::get_aws_credentials))
        .routes(routes!(settings::get_settings))
        .routes(routes!(settings::put_setting, settings::delete_setting))
        .routes(routes!(status_history::create_status_record, status_history::list_status_records))
        .routes(routes!(
            verification_history::create::create_verification_record,
            verification_history::list::list_verification_records
        ))
        .routes(routes!(files::get_file))
        .routes(routes!(events::list_events))
        .merge(webhooks::webhook_operations())
        .merge(reviews::review_operations())
        .merge(audit::audit_operations())
        .merge(analytics::analytics_operations())
        .merge(client_operations())
        .merge(console::console_operations())
        .merge(flow_operations())
        .routes(routes!(api_docs::get_openapi_document).layer(Extension(openapi_text())))
}

/// The OAuth endpoints.
fn auth_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(auth::token::issue_token))
        .routes(routes!(auth::revoke::revoke_token))
        .routes(routes!(auth::metadata::get_oauth_metadata))
}

/// What orchestrators and operators ask.
fn health_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(health::get_health_report))
        .routes(routes!(health::get_health))
        .routes(routes!(health::get_livez))
        .routes(routes!(health::get_readyz))
        .routes(routes!(provider_test::test_provider))
}

/// The operations with which operators manage clients.
fn client_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(clients::list::list_clients, clients::create::create_client))
        .routes(routes!(clients::get::get_client, clients::change::change_client, clients::delete::delete_client))
        .routes(routes!(clients::secrets::create_client_secret))
        .routes(routes!(clients::secrets::delete_client_secret))
}

/// The operations of the person's page alone.
fn flow_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(flow::progress::get_flow))
        .routes(routes!(flow::consent::accept_consent, flow::consent::withdraw_consent))
        .routes(routes!(flow::details::put_flow_details))
        .routes(routes!(flow::handoff::offer_handoff))
        .routes(routes!(flow::handoff::redeem_handoff_code))
}

/// The OpenAPI document, as published.
#[must_use]
pub fn openapi_document() -> utoipa::openapi::OpenApi {
    openapi::complete_document(operations().into_openapi())
}

fn openapi_text() -> Arc<OpenApiText> {
    Arc::new(OpenApiText::new(|| openapi_document().to_pretty_json().unwrap_or_default().into()))
}

/// The whole service: operations behind the guard, pages beside them, JSON errors for every other path. Servers that
/// share records share the secret.
///
/// # Errors
/// When an operation does not declare its callers.
pub fn router(
    app: &Arc<App>,
    secret: &[u8],
    page: PersonPage,
    max_connections: usize,
) -> Result<Router, UndeclaredAccess> {
    let state = HttpState::new(app.clone(), secret, page, max_connections);
    let (operations, document) = operations().split_for_parts();
    let document = serde_json::to_value(document).unwrap_or_default();
    let guard = Arc::new(Guard { state: state.clone(), table: AccessTable::from_openapi(&document)? });
    let router = operations
        .method_not_allowed_fallback(answer_wrong_method)
        .route_layer(from_fn_with_state(guard, authenticate::authenticate_request))
        .merge(api_docs::docs_routes())
        .merge(console_page::console_routes())
        .merge(sign_in_page::sign_in_page_routes())
        .merge(person_page::person_routes())
        .merge(embed_loader::loader_routes())
        .route("/robots.txt", routing::get(|| async { "User-agent: *\nDisallow: /\n" }))
        .method_not_allowed_fallback(answer_wrong_method)
        .route_layer(from_fn(request_log::remember_route_template))
        .fallback(answer_unknown_path)
        // Each reader of a body has its own limit; see `json` and `form`.
        .layer(DefaultBodyLimit::disable());
    Ok(router.with_state(state))
}

async fn answer_unknown_path() -> ApiError {
    ApiError::unknown_path()
}

async fn answer_wrong_method() -> ApiError {
    ApiError::method_not_allowed()
}
