//! The handles a request can reach, built once from the configuration.

use std::sync::Arc;
use std::time::Instant;

use crate::client_directory::ClientDirectory;
use crate::clock::Clock;
use crate::domain::console::sign_in_policy::SignInPolicy;
use crate::domain::handoff::CodeKey;
use crate::domain::person_links::PersonLinks;
use crate::domain::repeated_reads::RepeatedReads;
use crate::domain::repeated_refusals::RepeatedRefusals;
use crate::domain::token::Tokens;
use crate::files::Files;
use crate::jobs::analytics::Analytics;
use crate::jobs::event_feed::EventFeed;
use crate::jobs::queue::JobQueue;
use crate::jobs::record_checks::RecordChecks;
use crate::jobs::review_decisions::ReviewDecisions;
use crate::jobs::staff_mail::StaffMail;
use crate::jobs::webhooks::Webhooks;
use crate::providers::documents::DocumentReader;
use crate::providers::documents::kept_readings::KeptReadings;
use crate::providers::fingerprint::Fingerprint;
use crate::providers::http_call::HealthCheck;
use crate::providers::liveness::LivenessSessions;
use crate::providers::oidc::OidcProviders;
use crate::store::Store;
use crate::store::console::ConsoleStore;
use crate::store::pocketbase::PocketBase;
use crate::system_key::SystemKey;
use crate::telemetry::LoggedAddresses;
use crate::work::cpu_ledger::CpuLedger;
use crate::work::search_turns::SearchTurns;

/// The handles a request can reach.
pub struct App {
    pub clock: Clock,
    pub tokens: Tokens,
    pub clients: Arc<ClientDirectory>,
    /// Hashes the handoff codes of other devices.
    pub code_key: CodeKey,
    pub store: Arc<dyn Store>,
    pub files: Arc<Files>,
    /// The PocketBase that holds records and files, if one does.
    pub pocketbase: Option<Arc<PocketBase>>,
    pub liveness: Arc<LivenessSessions>,
    pub reader: Arc<dyn DocumentReader>,
    /// What the local engines have read on pictures.
    pub readings: Arc<KeptReadings>,
    /// Runs the checks on verification records.
    pub record_checks: Arc<JobQueue<RecordChecks>>,
    /// Puts decisions of reviews into effect.
    pub review_decisions: Arc<JobQueue<ReviewDecisions>>,
    /// `None`: visitor data is kept as a claim.
    pub fingerprint: Option<Arc<Fingerprint>>,
    pub links: PersonLinks,
    /// Where clients reach this server, without a slash at the end.
    pub public_url: String,
    /// Keeps refusals from filling the audit trail.
    pub repeated_refusals: RepeatedRefusals,
    /// Keeps reads of the same record from filling it.
    pub repeated_reads: RepeatedReads,
    pub health: ServiceHealth,
    /// Users and sessions of the console.
    pub console: Arc<ConsoleStore>,
    /// What signing in to the console takes.
    pub sign_in: SignInPolicy,
    /// Providers that people can sign in to the console with.
    pub oidc: OidcProviders,
    /// Seals the secrets that records hold.
    pub system_key: Arc<SystemKey>,
    /// Wakes readers of events.
    pub event_feed: Arc<EventFeed>,
    /// Sends e-mail to users of the console.
    pub staff_mail: Arc<StaffMail>,
    /// Counts events for statistics.
    pub analytics: Arc<Analytics>,
    /// Sends events to endpoints.
    pub webhooks: Arc<Webhooks>,
    /// What the work of links and teams costs.
    pub cpu_ledger: Arc<CpuLedger>,
    /// Whose search is next.
    pub searches: SearchTurns,
    /// How much of a caller's address is in log lines.
    pub log_addresses: LoggedAddresses,
}

/// What the health report says that no other handle knows.
pub struct ServiceHealth {
    pub started: Instant,
    pub reader: HealthCheck,
    /// The configured model, whether or not it is used.
    pub openai_model: String,
}

impl ServiceHealth {
    /// The health of a server that starts now.
    #[must_use]
    pub fn new(openai_model: String) -> Self {
        Self { started: Instant::now(), reader: HealthCheck::new("document_reader"), openai_model }
    }
}
