//! Opens the configured storage: the store for records and the backend for files.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustix::fs::Access;

use crate::clock::Clock;
use crate::config::{Config, FileLocation, RecordLocation};
use crate::files::bucket::{BucketTimeouts, S3Bucket};
use crate::files::folder::FileFolder;
use crate::files::pocketbase_fields::PocketBaseFields;
use crate::files::{FileBackend, Files};
use crate::jobs::file_sweep::SweepAtStart;
use crate::store::console::ConsoleStore;
use crate::store::pocketbase::{Misfit, PocketBase, Severity};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{SchemaState, Store, postgres, sqlite};
use crate::work::cpu_ledger::CpuLedger;

/// An open store with its files.
pub struct Storage {
    pub store: Arc<dyn Store>,
    /// Deliveries of webhooks: the same store, or a database in the data folder where that is PocketBase.
    pub deliveries: Arc<dyn Store>,
    pub files: Arc<Files>,
    pub at_start: SweepAtStart,
    /// The PocketBase that stores everything, if one is configured.
    pub pocketbase: Option<Arc<PocketBase>>,
}

/// An open store for records.
struct OpenRecords {
    store: Arc<dyn Store>,
    intents: Option<Arc<dyn Store>>,
    at_start: SweepAtStart,
    pocketbase: Option<Arc<PocketBase>>,
}

impl Storage {
    /// Opens the configured store and backend. Servers on the same records have the same `secret`.
    ///
    /// # Errors
    /// One line that names the setting to change.
    pub async fn open(config: &Config, secret: &[u8], clock: &Clock, ledger: &Arc<CpuLedger>) -> anyhow::Result<Self> {
        let OpenRecords { store, intents, mut at_start, pocketbase } = open_records(config, secret, clock).await?;
        let backend = open_file_backend(config, pocketbase.as_ref()).await?;
        if backend.may_arrive_late() {
            // A write that a killed process has sent can still arrive, after the sweep.
            at_start = SweepAtStart::Old;
        }
        let files = Files::new(backend, intents, &config.data_dir, clock.clone(), ledger.clone());
        let deliveries = if pocketbase.is_some() { open_deliveries(&config.data_dir)? } else { store.clone() };
        Ok(Self { store, deliveries, files, at_start, pocketbase })
    }
}

/// Opens only what the console needs, for commands beside a running server.
///
/// # Errors
/// One line that names the setting to change.
pub async fn open_console_store(config: &Config, secret: &[u8], clock: &Clock) -> anyhow::Result<Arc<ConsoleStore>> {
    let OpenRecords { store, pocketbase, .. } = open_records(config, secret, clock).await?;
    if pocketbase.is_some() {
        return Ok(ConsoleStore::new(open_deliveries(&config.data_dir)?, Some(store)));
    }
    Ok(ConsoleStore::new(store, None))
}

/// Opens only the records, for commands beside a running server.
///
/// # Errors
/// One line that names the setting to change.
pub async fn open_record_store(config: &Config, secret: &[u8], clock: &Clock) -> anyhow::Result<Arc<dyn Store>> {
    open_records(config, secret, clock).await.map(|records| records.store)
}

/// What opening the storage would meet.
#[derive(Default)]
pub struct StorageFindings {
    /// Each stops a start: one line that names the setting.
    pub problems: Vec<String>,
    /// What a start would change.
    pub notes: Vec<String>,
}

impl StorageFindings {
    fn add<T>(&mut self, outcome: anyhow::Result<T>) -> Option<T> {
        outcome.map_err(|error| self.problems.push(format!("{error:#}"))).ok()
    }

    fn note_schema(&mut self, outcome: anyhow::Result<SchemaState>) {
        match self.add(outcome) {
            Some(SchemaState::Missing) => self.notes.push("the first start creates the tables".to_owned()),
            Some(SchemaState::Outdated { missing }) => {
                self.notes.push(format!("the next start applies {missing} migrations; back the database up before"));
            }
            Some(SchemaState::Current) | None => {}
        }
    }
}

/// Tries to open the configured storage as a server does, finds every problem, and changes nothing.
pub async fn inspect_storage(config: &Config, secret: &[u8], clock: &Clock) -> StorageFindings {
    let mut findings = StorageFindings::default();
    match &config.records {
        RecordLocation::Sqlite => {
            let state = sqlite::inspect_database(&config.data_dir);
            let folder = config.data_dir.display();
            findings.note_schema(state.with_context(|| format!("DATA_DIR: cannot open the database in {folder}")));
        }
        RecordLocation::Postgres { url, .. } => {
            findings.note_schema(postgres::inspect_database(url).await.context("DATABASE_URL"));
        }
        RecordLocation::PocketBase(account) => {
            if let Some(pocketbase) = findings.add(PocketBase::new(account.clone(), secret, clock.clone())) {
                inspect_collections(&pocketbase, &mut findings).await;
            }
            return findings;
        }
    }
    if let FileLocation::Bucket(at) = &config.files {
        let bucket = S3Bucket::open(at, &config.data_dir, BucketTimeouts::default()).await;
        findings.add(bucket.with_context(|| format!("FILES_URL: cannot keep files in {at}")));
    } else if let Err(error) = require_writable_folder(&config.data_dir.join("files")) {
        findings.problems.push(format!("DATA_DIR: the folder of files cannot be written: {error}"));
    }
    findings
}

async fn inspect_collections(pocketbase: &PocketBase, findings: &mut StorageFindings) {
    match pocketbase.describe_problems().await {
        Err(error) => {
            findings.notes.push(format!("PocketBase does not answer; requests are refused until it does: {error}"))
        }
        Ok(misfits) => {
            for Misfit { severity, text } in misfits {
                if severity == Severity::Stop {
                    findings.problems.push(format!("POCKETBASE_URL: {text}"));
                } else {
                    findings.notes.push(format!("PocketBase: {text}"));
                }
            }
        }
    }
}

/// A missing folder is created by the first start.
fn require_writable_folder(folder: &Path) -> std::io::Result<()> {
    match rustix::fs::access(folder, Access::WRITE_OK | Access::EXEC_OK) {
        Err(rustix::io::Errno::NOENT) => Ok(()),
        outcome => Ok(outcome?),
    }
}

fn open_deliveries(data_dir: &Path) -> anyhow::Result<Arc<dyn Store>> {
    let deliveries = Sqlite::open_deliveries(data_dir)
        .with_context(|| format!("DATA_DIR: cannot open the database of webhooks in {}", data_dir.display()))?;
    Ok(Arc::new(deliveries))
}

async fn open_records(config: &Config, secret: &[u8], clock: &Clock) -> anyhow::Result<OpenRecords> {
    match &config.records {
        RecordLocation::Sqlite => {
            let records = Sqlite::open(&config.data_dir)
                .with_context(|| format!("DATA_DIR: cannot open the database in {}", config.data_dir.display()))?;
            let records = Arc::new(records);
            Ok(OpenRecords {
                store: records.clone(),
                intents: Some(records),
                at_start: SweepAtStart::All,
                pocketbase: None,
            })
        }
        RecordLocation::Postgres { url, .. } => {
            let records = Postgres::open(url, config.database_connections).await.context("DATABASE_URL")?;
            let records = Arc::new(records);
            Ok(OpenRecords {
                store: records.clone(),
                intents: Some(records),
                at_start: SweepAtStart::Old,
                pocketbase: None,
            })
        }
        RecordLocation::PocketBase(account) => {
            let pocketbase = Arc::new(PocketBase::new(account.clone(), secret, clock.clone())?);
            check_collections(&pocketbase).await?;
            Ok(OpenRecords {
                store: pocketbase.clone(),
                intents: None,
                at_start: SweepAtStart::All,
                pocketbase: Some(pocketbase),
            })
        }
    }
}

/// Logs what hinders the use of a PocketBase. A collection that cannot hold what is needed stops the start; otherwise the
/// server starts anyway: PocketBase may start later.
async fn check_collections(pocketbase: &PocketBase) -> anyhow::Result<()> {
    let findings = match pocketbase.describe_problems().await {
        Ok(findings) => findings,
        Err(error) => {
            tracing::warn!(%error, "cannot check PocketBase's collections; requests are refused until it answers");
            return Ok(());
        }
    };
    let stops: Vec<&str> =
        findings.iter().filter(|finding| finding.severity == Severity::Stop).map(|finding| &*finding.text).collect();
    if !stops.is_empty() {
        bail!("POCKETBASE_URL: {}", stops.join("; "));
    }
    findings.iter().for_each(log_finding);
    Ok(())
}

fn log_finding(Misfit { severity, text }: &Misfit) {
    match severity {
        Severity::Note => tracing::info!("PocketBase: {text}"),
        Severity::Limit => tracing::warn!("PocketBase: {text}"),
        Severity::Fault | Severity::Stop => tracing::error!("PocketBase: {text}"),
    }
}

async fn open_file_backend(
    config: &Config,
    pocketbase: Option<&Arc<PocketBase>>,
) -> anyhow::Result<Arc<dyn FileBackend>> {
    match (&config.files, pocketbase) {
        (_, Some(pocketbase)) => Ok(Arc::new(PocketBaseFields::new(pocketbase.clone(), &config.data_dir))),
        (FileLocation::Folder, None) => Ok(Arc::new(open_folder(&config.data_dir)?)),
        (FileLocation::Bucket(at), None) => {
            let bucket = S3Bucket::open(at, &config.data_dir, BucketTimeouts::default()).await;
            Ok(Arc::new(bucket.with_context(|| format!("FILES_URL: cannot keep files in {at}"))?))
        }
    }
}

fn open_folder(data_dir: &Path) -> anyhow::Result<FileFolder> {
    FileFolder::open(&data_dir.join("files"))
        .with_context(|| format!("DATA_DIR: cannot make the folder of files in {}", data_dir.display()))
}
