//! OpenID Connect providers: the discovery document and the keys, cached, and the exchange of a code for an ID token.
//!
//! Nothing is called at start. A provider that is down delays its own sign-ins, each for a few seconds at most.

mod exchange;
mod fetch;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::Client;

use super::http_call::{CallPermits, CallTimeouts, ProviderError, build_http_client};
use crate::config::OidcSettings;
use crate::domain::console::oidc::metadata::ProviderMetadata;
use crate::domain::console::oidc::signature::ProviderKeys;
use crate::records::time::Millis;

pub use exchange::{CodeToExchange, ExchangeError};

/// The most concurrent calls to one provider.
const MAX_CALLS: usize = 8;
/// Short, because a person waits.
const TIMEOUTS: CallTimeouts =
    CallTimeouts { connect: Duration::from_secs(2), attempt: Duration::from_secs(4), call: Duration::from_secs(6) };
/// How long a discovery document and a key set are used, in seconds.
const CACHE_SECONDS: i64 = 3_600;
/// How often the keys are read again because a token names one that is not among them, in seconds.
const KEY_REFRESH_SECONDS: i64 = 60;
/// How long a failure to read the discovery document is answered without another call, in seconds.
const FAILURE_SECONDS: i64 = 5;

/// The providers that people can sign in with, in the order of the configuration.
#[derive(Default)]
pub struct OidcProviders(Vec<Arc<OidcProvider>>);

/// A provider, with what is known of it.
pub struct OidcProvider {
    pub settings: OidcSettings,
    http: Client,
    permits: CallPermits,
    cache: Mutex<ProviderCache>,
}

#[derive(Default)]
struct ProviderCache {
    metadata: Option<(Millis, Arc<ProviderMetadata>)>,
    failure: Option<(Millis, ProviderError)>,
    keys: Option<CachedKeys>,
    last_try: Option<LastTry>,
}

#[derive(Clone)]
struct CachedKeys {
    read_at: Millis,
    /// When they were last asked for.
    tried_at: Millis,
    keys: Arc<ProviderKeys>,
}

/// The outcome of the last call to a provider.
#[derive(Clone, Debug)]
pub struct LastTry {
    pub at: Millis,
    /// Why it failed, in our own words; `None` when it went well.
    pub problem: Option<String>,
}

impl OidcProviders {
    /// The providers of the configuration. None is called yet.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn open(settings: &[OidcSettings]) -> anyhow::Result<Self> {
        let open = |settings: &OidcSettings| OidcProvider::new(settings.clone()).map(Arc::new);
        settings.iter().map(open).collect::<anyhow::Result<_>>().map(Self)
    }

    /// Every provider.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<OidcProvider>> {
        self.0.iter()
    }

    /// The provider of that id.
    #[must_use]
    pub fn find(&self, id: &str) -> Option<Arc<OidcProvider>> {
        self.0.iter().find(|provider| provider.settings.id == id).cloned()
    }

    /// The provider of that issuer.
    #[must_use]
    pub fn find_by_issuer(&self, issuer: &str) -> Option<&Arc<OidcProvider>> {
        self.0.iter().find(|provider| provider.settings.issuer == issuer)
    }
}

impl OidcProvider {
    /// A provider that has not been called yet.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn new(settings: OidcSettings) -> anyhow::Result<Self> {
        let (http, permits) = (build_http_client(TIMEOUTS)?, CallPermits::new(MAX_CALLS));
        Ok(Self { settings, http, permits, cache: Mutex::default() })
    }

    /// The outcome of the last call; `None` before the first.
    #[must_use]
    pub fn last_try(&self) -> Option<LastTry> {
        self.with_cache(|cache| cache.last_try.clone())
    }

    fn with_cache<T>(&self, work: impl FnOnce(&mut ProviderCache) -> T) -> T {
        work(&mut self.cache.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn note_try<T>(&self, now: Millis, outcome: &Result<T, ProviderError>) {
        let problem = outcome.as_ref().err().map(ToString::to_string);
        let was_reachable = self.with_cache(|cache| {
            let before = cache.last_try.replace(LastTry { at: now, problem: problem.clone() });
            before.is_none_or(|before| before.problem.is_none())
        });
        let word = outcome.as_ref().map_or_else(ProviderError::word, |_| "ok");
        metrics::counter!("identivia_provider_calls_total", "provider" => "oidc", "outcome" => word).increment(1);
        match problem {
            Some(cause) if was_reachable => {
                tracing::warn!(provider = self.settings.id, cause, "an OpenID Connect provider does not work");
            }
            None if !was_reachable => {
                tracing::info!(provider = self.settings.id, "an OpenID Connect provider works again");
            }
            _ => {}
        }
    }
}
