//! The server's life: open what the configuration names, listen, answer requests, drain.

use std::fs::File;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::watch;

use crate::app::{App, ServiceHealth};
use crate::client_directory::ClientDirectory;
use crate::clock::Clock;
use crate::config::{Config, ConfigError, EngineSettings};
use crate::domain::client::Clients;
use crate::domain::console::link::link_url;
use crate::domain::console::sign_in_policy::SignInPolicy;
use crate::domain::console::webauthn::RelyingParty;
use crate::domain::handoff::CodeKey;
use crate::domain::person_links::PersonLinks;
use crate::domain::repeated_reads::RepeatedReads;
use crate::domain::repeated_refusals::RepeatedRefusals;
use crate::domain::token::Tokens;
use crate::files::Files;
use crate::first_run::{self, FirstRun};
use crate::http::connection::accept;
use crate::http::connection::listener::{bind_listener, limit_connections};
use crate::http::middleware::RequestPipeline;
use crate::http::pages::metrics_page::MetricsPage;
use crate::http::pages::page_assets;
use crate::http::pages::page_policy::PagePolicy;
use crate::http::pages::person_page::PersonPage;
use crate::http::router;
use crate::jobs::analytics::Analytics;
use crate::jobs::event_feed::EventFeed;
use crate::jobs::event_retention::start_event_retention;
use crate::jobs::file_sweep::{SweepAtStart, start_file_sweep};
use crate::jobs::overdue_reviews::OverdueReviews;
use crate::jobs::queue::JobQueue;
use crate::jobs::reading_retention::start_reading_retention;
use crate::jobs::record_checks::RecordChecks;
use crate::jobs::review_decisions::ReviewDecisions;
use crate::jobs::session_polling::SessionPolling;
use crate::jobs::staff_mail::StaffMail;
use crate::jobs::webhooks::Webhooks;
use crate::providers::Providers;
use crate::providers::documents::DocumentReader;
use crate::providers::documents::kept_readings::KeptReadings;
use crate::providers::liveness::{LivenessProvider, LivenessSessions, sessions};
use crate::providers::local_engines::LocalEngines;
use crate::providers::webhook_receiver::{HostLookup, SystemLookup};
use crate::records::console_link::LinkPurpose;
use crate::server_metrics::{FigureSources, register_counters, start_counting_intents};
use crate::storage::Storage;
use crate::store::Store;
use crate::store::console::ConsoleStore;
use crate::system_key::SystemKey;
use crate::telemetry;
use crate::work::cpu_ledger::CpuLedger;
use crate::work::search_turns::SearchTurns;

/// Connections that the metrics address serves at once.
const METRICS_CONNECTIONS: usize = 16;

/// What a server is started with beside its configuration. Tests give their own clock and providers.
#[derive(Default)]
pub struct StartOptions {
    pub clock: Clock,
    pub liveness: Option<Arc<dyn LivenessProvider>>,
    pub reader: Option<Arc<dyn DocumentReader>>,
    /// Loaded from the settings when there are none.
    pub engines: Option<Arc<LocalEngines>>,
    /// Looks up the names of webhook receivers, in place of the system.
    pub host_lookup: Option<Arc<dyn HostLookup>>,
    /// Whether the checks on records wait until a test runs them.
    pub holds_checks: bool,
    /// The HTML of the person's page, or that there is none, in place of what is embedded.
    pub page: Option<Option<&'static str>>,
    /// When unfinished sessions are polled, in place of [`sessions::POLL_AT_SECONDS_LEFT`].
    pub poll_at: Option<&'static [i64]>,
}

/// A server that listens but does not answer yet.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// What the first start made, if this was it.
    pub first_run: Option<FirstRun>,
    /// Where it is reached, without a slash at the end.
    pub public_url: String,
    pub app: Arc<App>,
    listener: TcpListener,
    pipeline: RequestPipeline,
    at_start: SweepAtStart,
    metrics: Option<MetricsEndpoint>,
    figures: Arc<FigureSources>,
    holds_checks: bool,
    max_connections: usize,
    events_kept_days: i64,
    /// Keeps other servers off the data folder.
    _lock: File,
}

impl Server {
    /// Opens the data folder and the address. Everything that can be wrong with either is wrong here.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn start(config: Config, options: StartOptions) -> anyhow::Result<Self> {
        let max_connections = limit_connections(config.max_connections);
        let lock = first_run::lock_data_dir(&config.data_dir)?;
        let generated = load_first_run(&config)?;
        let (listener, address) = bind_listener("PORT", SocketAddr::new(config.host, config.port)).await?;
        let urls = PublicUrls::choose(&config, address);
        let metrics = open_metrics(&config).await?;
        let secret = choose_secret(&config, generated.as_ref());
        let OpenedApp { app, page, at_start, engines } =
            open_app(&config, &options, &urls, &secret, generated.as_ref()).await?;
        let figures_app = app.clone();
        let router = router::router(&app, &secret, page, max_connections)?;
        let proxies = config.trusted_proxies;
        let pipeline = RequestPipeline::new(router, &secret, &urls.client, &urls.public, proxies, metrics.is_some());
        let pipeline = pipeline.with_logged_addresses(config.log_addresses);
        Ok(Self {
            address,
            first_run: generated.filter(|made| made.is_new && config.clients.is_none()),
            public_url: urls.public,
            app,
            listener,
            pipeline,
            at_start,
            metrics,
            figures: Arc::new(FigureSources { app: figures_app, engines, data_dir: config.data_dir }),
            holds_checks: options.holds_checks,
            max_connections,
            events_kept_days: config.events_kept_days,
            _lock: lock,
        })
    }

    /// Sweeps the files that an earlier process has left, then starts all jobs.
    async fn start_jobs(&self, stop: &watch::Receiver<bool>) {
        let app = &self.app;
        let sweep = start_file_sweep(&app.files, self.at_start).await;
        app.event_feed.start(stop.clone());
        app.analytics.start(stop.clone());
        start_reading_retention(app.readings.clone(), stop.clone());
        start_event_retention(app.store.clone(), app.clock.clone(), self.events_kept_days, stop.clone());
        let deliveries = app.webhooks.start(stop.clone()).await;
        let polling = SessionPolling::new(app.liveness.clone(), app.clock.clone());
        let polling = JobQueue::new(polling, app.store.clone(), app.clock.clone());
        if app.liveness.needs_polling() {
            polling.start(stop.clone());
        }
        if !self.holds_checks {
            app.record_checks.start(stop.clone());
        }
        // A test that moves its clock runs them itself.
        if app.store.keeps_reviews() && !self.holds_checks {
            app.review_decisions.start(stop.clone());
        }
        let overdue = OverdueReviews {
            store: app.store.clone(),
            console: app.console.clone(),
            mail: app.staff_mail.clone(),
            clock: app.clock.clone(),
        };
        if !self.holds_checks {
            overdue.start(stop.clone());
        }
        if self.metrics.is_some() {
            if let Some(intents) = app.files.intents() {
                start_counting_intents(intents.clone(), stop.clone());
            }
            app.record_checks.start_metrics(stop.clone());
            if app.store.keeps_reviews() {
                app.review_decisions.start_metrics(stop.clone());
            }
            polling.start_metrics(stop.clone());
            if let Some(deliveries) = deliveries {
                deliveries.start_metrics(stop.clone());
            }
            if let Some(sweep) = sweep {
                sweep.start_metrics(stop.clone());
            }
        }
    }

    /// The link with which the first user of the console is made; `None` when there are users. It takes the place of the one
    /// before.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_setup_link(&self) -> anyhow::Result<Option<String>> {
        let token = self.app.console.offer_setup_link(self.app.clock.now()).await?;
        Ok(token.map(|token| link_url(&self.public_url, LinkPurpose::Setup, &token)))
    }

    /// Sweeps, then answers requests until `stop` becomes true and those under way are done.
    pub async fn run(self, stop: watch::Receiver<bool>) {
        self.start_jobs(&stop).await;
        if let Some((listener, handle)) = self.metrics {
            let figures = self.figures;
            let page = MetricsPage { recorder: handle, refresh_figures: Arc::new(move || figures.refresh_figures()) };
            tokio::spawn(accept::serve_connections(listener, page, METRICS_CONNECTIONS, stop.clone()));
        }
        tracing::info!(address = %self.address, "serving");
        accept::serve_connections(self.listener, self.pipeline, self.max_connections, stop).await;
        tracing::info!("stopped");
    }
}

/// The address that serves metrics, and what renders them.
type MetricsEndpoint = (TcpListener, metrics_exporter_prometheus::PrometheusHandle);

async fn open_metrics(config: &Config) -> anyhow::Result<Option<MetricsEndpoint>> {
    let Some(address) = config.metrics_addr else { return Ok(None) };
    let endpoint = (bind_listener("METRICS_ADDR", address).await?.0, telemetry::start_metrics()?);
    register_counters();
    Ok(Some(endpoint))
}

/// Where this server is reached, without slashes at the end.
struct PublicUrls {
    /// By clients.
    public: String,
    /// By persons.
    client: String,
}

impl PublicUrls {
    fn choose(config: &Config, address: SocketAddr) -> Self {
        let public = config.public_url.clone().unwrap_or_else(|| format!("http://{address}"));
        Self { client: config.client_url.clone().unwrap_or_else(|| public.clone()), public }
    }
}

/// What a server is made of once its configuration is opened.
struct OpenedApp {
    app: Arc<App>,
    page: PersonPage,
    at_start: SweepAtStart,
    engines: Arc<LocalEngines>,
}

/// Opens the stores, the engines and the providers, and puts the handles of requests together.
async fn open_app(
    config: &Config,
    options: &StartOptions,
    urls: &PublicUrls,
    secret: &[u8],
    generated: Option<&FirstRun>,
) -> anyhow::Result<OpenedApp> {
    let engines = load_engines(config, options)?;
    let Storage { store, deliveries, files, at_start, pocketbase } =
        Storage::open(config, secret, &options.clock, engines.ledger()).await?;
    let readings =
        Arc::new(KeptReadings::new(engines.clone(), deliveries.clone(), store.clone(), options.clock.clone()));
    let providers = open_providers(config, options, &engines, &readings).await?;
    let page = build_page(config, options, &providers);
    let liveness = open_sessions(config, options, providers.liveness, &store, &files);
    let checks = RecordChecks::new(readings.clone(), &engines, &store, &files, &options.clock, config);
    let record_checks = JobQueue::new(checks, store.clone(), options.clock.clone());
    let system_key = Arc::new(SystemKey::load_or_generate(&config.system_key_path())?);
    let console = ConsoleStore::new(deliveries.clone(), pocketbase.is_some().then(|| store.clone()));
    let staff_mail = StaffMail::new(providers.mailer, console.clone(), store.clone(), &urls.public);
    let webhooks = open_webhooks(config, options, &store, deliveries.clone(), system_key.clone(), staff_mail.clone())?;
    let clients = open_clients(config, generated, &store, options);
    let app = Arc::new(App {
        analytics: Analytics::new(store.clone(), deliveries, options.clock.clone()),
        review_decisions: ReviewDecisions::queue(&store, &options.clock),
        tokens: build_tokens(config, secret),
        clients,
        code_key: CodeKey::new(secret),
        clock: options.clock.clone(),
        searches: SearchTurns::new(options.clock.clone()),
        event_feed: EventFeed::new(store.clone()),
        console,
        sign_in: SignInPolicy {
            requires_second_factor: config.console_requires_mfa,
            passkeys: RelyingParty::of_public_url(&urls.public),
        },
        system_key,
        store,
        files,
        pocketbase,
        staff_mail,
        webhooks,
        liveness,
        oidc: providers.oidc,
        reader: providers.reader,
        readings,
        record_checks,
        fingerprint: providers.fingerprint,
        links: PersonLinks::new(urls.client.clone(), config.redirects.clone()),
        public_url: urls.public.clone(),
        cpu_ledger: engines.ledger().clone(),
        log_addresses: config.log_addresses,
        repeated_refusals: RepeatedRefusals::default(),
        repeated_reads: RepeatedReads::default(),
        health: ServiceHealth::new(config.openai_model.clone()),
    });
    Ok(OpenedApp { app, page, at_start, engines })
}

/// The local engines: a test's own, else with the weights that the settings name.
fn load_engines(config: &Config, options: &StartOptions) -> anyhow::Result<Arc<LocalEngines>> {
    match &options.engines {
        Some(engines) => Ok(engines.clone()),
        None => {
            let EngineSettings { models, threads, .. } = &config.engines;
            let ledger = CpuLedger::new(options.clock.clone(), *threads);
            LocalEngines::load(models.as_deref(), *threads, ledger).context("MODELS_DIR")
        }
    }
}

/// The providers: a test's own, else those that the settings name.
async fn open_providers(
    config: &Config,
    options: &StartOptions,
    engines: &Arc<LocalEngines>,
    readings: &Arc<KeptReadings>,
) -> anyhow::Result<Providers> {
    let mut providers = Providers::open(config, &options.clock, engines, readings).await?;
    if let Some(liveness) = &options.liveness {
        providers.liveness = liveness.clone();
    }
    if let Some(reader) = &options.reader {
        providers.reader = reader.clone();
    }
    Ok(providers)
}

/// The liveness sessions of that provider.
fn open_sessions(
    config: &Config,
    options: &StartOptions,
    provider: Arc<dyn LivenessProvider>,
    store: &Arc<dyn Store>,
    files: &Arc<Files>,
) -> Arc<LivenessSessions> {
    let poll_at = options.poll_at.unwrap_or(sessions::POLL_AT_SECONDS_LEFT);
    let clock = options.clock.clone();
    LivenessSessions::new(provider, config.liveness_rule, store.clone(), files.clone(), clock, poll_at)
}

/// The secret and the client that the settings do not give: those of the first start.
fn load_first_run(config: &Config) -> Result<Option<FirstRun>, ConfigError> {
    let is_needed = config.jwt_secret.is_none() || config.clients.is_none();
    is_needed.then(|| FirstRun::load_or_generate(&config.data_dir)).transpose()
}

/// The secret of the settings, or else that of the first start.
fn choose_secret(config: &Config, generated: Option<&FirstRun>) -> Vec<u8> {
    config.jwt_secret.clone().or_else(|| generated.map(FirstRun::jwt_secret)).unwrap_or_default()
}

/// The clients of the configuration or of the first start, and those that are stored.
fn open_clients(
    config: &Config,
    generated: Option<&FirstRun>,
    store: &Arc<dyn Store>,
    options: &StartOptions,
) -> Arc<ClientDirectory> {
    let configured = config.clients.clone().or_else(|| generated.map(|made| vec![made.client()]));
    ClientDirectory::new(Clients::new(configured.unwrap_or_default()), store.clone(), options.clock.clone())
}

/// Webhooks over these stores, with the system key that seals their secrets.
fn open_webhooks(
    config: &Config,
    options: &StartOptions,
    events: &Arc<dyn Store>,
    deliveries: Arc<dyn Store>,
    system_key: Arc<SystemKey>,
    staff_mail: Arc<StaffMail>,
) -> anyhow::Result<Arc<Webhooks>> {
    let lookup = options.host_lookup.clone().unwrap_or_else(|| Arc::new(SystemLookup));
    Webhooks::open(events.clone(), deliveries, system_key, options.clock.clone(), &config.webhooks, lookup, staff_mail)
}

fn build_page(config: &Config, options: &StartOptions, providers: &Providers) -> PersonPage {
    let endpoint = providers.liveness.browser_endpoint();
    let policy = endpoint.map_or_else(PagePolicy::default, |at| PagePolicy::with_aws(at.region, at.stream_url));
    let fingerprint_url = config.fingerprint.as_ref().map(|at| at.base_url.as_str());
    PersonPage::new(
        options.page.unwrap_or_else(page_assets::index),
        policy,
        !providers.reader.is_local(),
        fingerprint_url,
        config.embed_origins.clone(),
    )
}

fn build_tokens(config: &Config, secret: &[u8]) -> Tokens {
    let (machine, flow) = (config.jwt_ttl_seconds, config.flow_token_ttl_seconds);
    Tokens::new(secret, config.jwt_secret_previous.as_deref(), &config.jwt_issuer, &config.jwt_audience, machine, flow)
}
