//! Signing in to the console with OpenID Connect: to a provider and back, and what a sign-in is for.

mod begin;
mod callback;
mod disconnect;
mod failure;
mod finish;
mod join;
mod provider_list;
mod returned;
mod start;
mod teams;

use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::http::state::HttpState;

/// The operations of signing in with a provider.
pub(super) fn oidc_operations() -> OpenApiRouter<HttpState> {
    OpenApiRouter::new()
        .routes(routes!(start::start_provider_sign_in))
        .routes(routes!(callback::finish_provider_sign_in))
        .routes(routes!(begin::accept_invitation_with_provider))
        .routes(routes!(begin::connect_provider))
        .routes(routes!(begin::confirm_identity_with_provider))
        .routes(routes!(disconnect::disconnect_provider))
        .routes(routes!(provider_list::list_sign_in_providers))
}
