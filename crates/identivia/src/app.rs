//! The handles a request can reach, built once from the configuration.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::Semaphore;

use crate::clock::Clock;
use crate::domain::client::Clients;
use crate::domain::handoff::CodeKey;
use crate::domain::redirect::Redirects;
use crate::domain::token::Tokens;
use crate::files::Files;
use crate::http::guard::failed_guesses::Guesses;
use crate::http::guard::provider_quotas::Quotas;
use crate::http::pages::person_page::PersonPage;
use crate::jobs::record_checks::Checker;
use crate::providers::documents::DocumentReader;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::http_call::Look;
use crate::providers::liveness::Sessions;
use crate::store::Store;
use crate::store::pocketbase::PocketBase;

/// The handles a request can reach.
pub struct App {
    pub clock: Clock,
    pub started: Instant,
    pub tokens: Tokens,
    pub clients: Clients,
    pub guesses: Guesses,
    /// Hashes the codes with which other devices go on.
    pub code_key: CodeKey,
    pub hashing: Semaphore,
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    /// The PocketBase that records and files are in, if so.
    pub pocketbase: Option<Arc<PocketBase>>,
    pub liveness: Arc<Sessions>,
    pub reader: Arc<dyn DocumentReader>,
    pub reader_standing: Look,
    /// Whether AWS judges liveness, and OpenAI's protocol reads documents; the local engines do it otherwise.
    pub uses: Uses,
    /// Where browsers stream to in the place of AWS's own, where that is configured.
    pub stream_url: Option<String>,
    /// Runs the checks on verification records.
    pub checker: Arc<Checker>,
    /// `None`: visitor data is kept as a claim.
    pub fingerprint: Option<Arc<Fingerprint>>,
    /// What a browser may ask of the providers.
    pub quotas: Quotas,
    pub liveness_threshold: f64,
    pub openai_model: String,
    /// Where the person's browser goes, without a slash at the end.
    pub client_url: String,
    /// Where it may go when all is done.
    pub redirects: Redirects,
    /// What it is shown there.
    pub page: PersonPage,
}

/// Which outside providers there are.
#[derive(Clone, Copy, Debug)]
pub struct Uses {
    pub aws: bool,
    pub openai: bool,
}
