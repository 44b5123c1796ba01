//! The state of the HTTP layer: the application's handles, rate limits, and the person's page.

use std::sync::Arc;

use axum::extract::FromRef;

use super::guard::body_limits::BodyLimits;
use super::guard::client_secrets::SecretChecks;
use super::guard::export_permits::ExportPermits;
use super::guard::failed_guesses::FailedGuesses;
use super::guard::provider_quotas::ProviderQuotas;
use super::guard::provider_test_turns::ProviderTestTurns;
use super::guard::sign_in_limits::SignInLimits;
use super::idempotency::key_ring::KeyRing;
use super::pages::person_page::PersonPage;
use super::readiness::Readiness;
use crate::app::App;
use crate::domain::console::password::PasswordChecks;

/// What handlers extract with `State`: each field by its own type.
#[derive(Clone, FromRef)]
pub(crate) struct HttpState {
    app: Arc<App>,
    secret_checks: Arc<SecretChecks>,
    failed_guesses: Arc<FailedGuesses>,
    sign_in_limits: Arc<SignInLimits>,
    passwords: Arc<PasswordChecks>,
    quotas: Arc<ProviderQuotas>,
    pub(super) body_limits: Arc<BodyLimits>,
    pub(super) key_ring: Arc<KeyRing>,
    page: Arc<PersonPage>,
    exports: ExportPermits,
    provider_tests: ProviderTestTurns,
    readiness: Arc<Readiness>,
}

impl HttpState {
    /// Starts with empty counters. Servers that share records share the secret.
    pub(crate) fn new(app: Arc<App>, secret: &[u8], page: PersonPage, max_connections: usize) -> Self {
        Self {
            quotas: Arc::new(ProviderQuotas::new(app.cpu_ledger.clone())),
            app,
            secret_checks: Arc::default(),
            failed_guesses: Arc::new(FailedGuesses::new(secret)),
            sign_in_limits: Arc::new(SignInLimits::new(secret)),
            passwords: Arc::default(),
            body_limits: BodyLimits::new(max_connections),
            key_ring: Arc::new(KeyRing::new(secret)),
            page: Arc::new(page),
            exports: ExportPermits::default(),
            provider_tests: ProviderTestTurns::default(),
            readiness: Arc::default(),
        }
    }
}
