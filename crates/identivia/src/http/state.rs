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

/// Describes the handles: for each its name and type.
macro_rules! handles {
    ($($name:ident: $type:ty,)*) => {
        struct Handles {
            $($name: $type,)*
        }

        $(impl FromRef<HttpState> for $type {
            fn from_ref(state: &HttpState) -> Self {
                state.0.$name.clone()
            }
        })*
    };
}

handles! {
    app: Arc<App>,
    secret_checks: Arc<SecretChecks>,
    failed_guesses: Arc<FailedGuesses>,
    sign_in_limits: Arc<SignInLimits>,
    passwords: Arc<PasswordChecks>,
    quotas: Arc<ProviderQuotas>,
    body_limits: Arc<BodyLimits>,
    key_ring: Arc<KeyRing>,
    page: Arc<PersonPage>,
    exports: ExportPermits,
    provider_tests: ProviderTestTurns,
    readiness: Arc<Readiness>,
}

/// What handlers extract with `State`: each handle by its own type. All are behind one, because every request copies it.
#[derive(Clone)]
pub(crate) struct HttpState(Arc<Handles>);

impl HttpState {
    /// Starts with empty counters. Servers that share records share the secret.
    pub(crate) fn new(app: Arc<App>, secret: &[u8], page: PersonPage, max_connections: usize) -> Self {
        Self(Arc::new(Handles {
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
        }))
    }

    /// The limits on bodies.
    pub(super) fn body_limits(&self) -> &Arc<BodyLimits> {
        &self.0.body_limits
    }

    /// The keys of requests that may be repeated.
    pub(super) fn key_ring(&self) -> &Arc<KeyRing> {
        &self.0.key_ring
    }
}
