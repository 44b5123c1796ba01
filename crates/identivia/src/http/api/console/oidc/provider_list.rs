//! `GET /api/console/oidc`: the providers of the configuration, and whether they were reached at the last try.

use std::sync::Arc;

use axum::Json;
use serde::Serialize;
use utoipa::ToSchema;

use super::super::console_call::Person;
use super::begin::redirect_uri;
use crate::providers::oidc::{LastTry, OidcProvider};
use crate::records::time::Millis;

/// The providers that people can sign in with.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignInProviderList {
    success: bool,
    data: Vec<ConfiguredProvider>,
}

/// A provider of the configuration.
#[derive(Serialize, ToSchema)]
struct ConfiguredProvider {
    id: String,
    name: String,
    issuer: String,
    /// The URI to register at the provider.
    redirect_uri: String,
    /// Whether a claim gives roles. Otherwise people come by invitation only.
    gives_roles: bool,
    /// `null`: it was not called since the server started.
    #[schema(required = true)]
    last_try: Option<ProviderTry>,
}

/// The outcome of the last call to a provider.
#[derive(Serialize, ToSchema)]
struct ProviderTry {
    at: Millis,
    works: bool,
    /// Why it failed.
    #[schema(required = true)]
    problem: Option<String>,
}

impl From<LastTry> for ProviderTry {
    fn from(last: LastTry) -> Self {
        Self { at: last.at, works: last.problem.is_none(), problem: last.problem }
    }
}

/// List the providers that people can sign in with
///
/// As this server knows them: nothing is called for the list.
#[utoipa::path(get, path = "/api/console/oidc", tag = "Console", security(("consoleSession" = ["settings:read"])),
    responses((status = 200, description = "The providers", body = SignInProviderList)))]
pub(crate) async fn list_sign_in_providers(person: Person) -> Json<SignInProviderList> {
    let to_entry = |provider: &Arc<OidcProvider>| ConfiguredProvider {
        id: provider.settings.id.clone(),
        name: provider.settings.name.clone(),
        issuer: provider.settings.issuer.clone(),
        redirect_uri: redirect_uri(&person.call, provider),
        gives_roles: provider.settings.role_claim.is_some(),
        last_try: provider.last_try().map(ProviderTry::from),
    };
    let data = person.call.app.oidc.iter().map(to_entry).collect();
    Json(SignInProviderList { success: true, data })
}
