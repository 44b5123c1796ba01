//! Tries what a start needs: data folder, addresses, weights, providers, stores. Finds every problem, and changes nothing.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;

use crate::clock::Clock;
use crate::config::Config;
use crate::first_run::{FirstRun, is_data_dir_in_use, require_usable_data_dir};
use crate::http::connection::listener::bind_listener;
use crate::providers::Providers;
use crate::providers::documents::kept_readings::KeptReadings;
use crate::providers::local_engines::LocalEngines;
use crate::storage::inspect_storage;
use crate::system_key::SystemKey;
use crate::work::cpu_ledger::CpuLedger;

/// What a start would meet.
#[derive(Default)]
pub(super) struct StartFindings {
    /// Each stops the start: one line that names the setting.
    pub(super) problems: Vec<String>,
    /// What the start would change.
    pub(super) notes: Vec<String>,
}

impl StartFindings {
    fn add<T>(&mut self, outcome: anyhow::Result<T>) -> Option<T> {
        outcome.map_err(|error| self.problems.push(format!("{error:#}"))).ok()
    }
}

/// Tries what `serve` does at its start, and goes on after a problem.
pub(super) async fn inspect_start(config: &Config) -> StartFindings {
    let mut findings = StartFindings::default();
    let usable = findings.add(require_usable_data_dir(&config.data_dir).map_err(anyhow::Error::new)).is_some();
    let is_running = usable && is_data_dir_in_use(&config.data_dir);
    if is_running {
        findings.notes.push("a server uses this data folder: its addresses are not tried".to_owned());
    } else {
        try_addresses(config, &mut findings).await;
    }
    let secret = find_secret(config, &mut findings);
    findings.add(SystemKey::load(&config.system_key_path()).map_err(anyhow::Error::new));
    try_engines(config, &mut findings).await;
    if usable {
        let inspected = inspect_storage(config, &secret, &Clock::default()).await;
        findings.problems.extend(inspected.problems);
        findings.notes.extend(inspected.notes);
    }
    findings
}

async fn try_addresses(config: &Config, findings: &mut StartFindings) {
    let bound = bind_listener("PORT", SocketAddr::new(config.host, config.port)).await;
    findings.add(bound.map_err(anyhow::Error::new));
    if let Some(address) = config.metrics_addr {
        findings.add(bind_listener("METRICS_ADDR", address).await.map_err(anyhow::Error::new));
    }
}

/// The signing secret, as far as there is one yet.
fn find_secret(config: &Config, findings: &mut StartFindings) -> Vec<u8> {
    if let Some(secret) = &config.jwt_secret
        && config.clients.is_some()
    {
        return secret.clone();
    }
    let stored = findings.add(FirstRun::load(&config.data_dir).map_err(anyhow::Error::new)).flatten();
    let stored = stored.as_ref().map(FirstRun::jwt_secret);
    config.jwt_secret.clone().or(stored).unwrap_or_default()
}

/// Loads the weights and sets the providers up. No provider is called.
async fn try_engines(config: &Config, findings: &mut StartFindings) {
    let clock = Clock::default();
    if let Some(engines) = findings.add(load_engines(config.engines.models.as_deref(), &clock)) {
        let readings = Arc::new(KeptReadings::without_store(engines.clone(), clock.clone()));
        findings.add(Providers::open(config, &clock, &engines, &readings).await);
    }
}

/// One thread is enough to see that the weights can be used.
fn load_engines(models: Option<&Path>, clock: &Clock) -> anyhow::Result<Arc<LocalEngines>> {
    LocalEngines::load(models, 1, CpuLedger::new(clock.clone(), 1)).context("MODELS_DIR")
}
