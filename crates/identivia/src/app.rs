//! The handles a request can reach, built once from the configuration.

use std::sync::Arc;
use std::time::Instant;

use crate::clock::Clock;
use crate::domain::client::Clients;
use crate::domain::handoff::CodeKey;
use crate::domain::redirect::Redirects;
use crate::domain::token::Tokens;
use crate::files::Files;
use crate::jobs::queue::JobQueue;
use crate::jobs::record_checks::RecordChecks;
use crate::providers::documents::DocumentReader;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::http_call::HealthCheck;
use crate::providers::liveness::LivenessSessions;
use crate::store::Store;
use crate::store::pocketbase::PocketBase;

/// The handles a request can reach.
pub struct App {
    pub clock: Clock,
    pub started: Instant,
    pub tokens: Tokens,
    pub clients: Clients,
    /// Hashes the handoff codes of other devices.
    pub code_key: CodeKey,
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    /// The PocketBase that holds records and files, if one does.
    pub pocketbase: Option<Arc<PocketBase>>,
    pub liveness: Arc<LivenessSessions>,
    pub reader: Arc<dyn DocumentReader>,
    pub reader_health: HealthCheck,
    /// The outside providers in use. Without them the local engines check liveness and read documents.
    pub uses: Uses,
    /// The stream URL that replaces AWS's own, where one is configured.
    pub stream_url: Option<String>,
    /// Runs the checks on verification records.
    pub record_checks: Arc<JobQueue<RecordChecks>>,
    /// `None`: visitor data is kept as a claim.
    pub fingerprint: Option<Arc<Fingerprint>>,
    pub liveness_threshold: f64,
    pub openai_model: String,
    /// The origin of the person's page, without a slash at the end.
    pub client_url: String,
    /// The URLs that the person's browser may return to at the end.
    pub redirects: Redirects,
}

/// The outside providers in use.
#[derive(Clone, Copy, Debug)]
pub struct Uses {
    pub aws: bool,
    pub openai: bool,
}
