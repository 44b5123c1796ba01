//! Opens the configured storage: the store for records and the backend for files.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use rustix::fs::Access;

use crate::clock::Clock;
use crate::config::{Config, FileLocation, RecordLocation};
use crate::files::bucket::{BucketTimeouts, S3Bucket};
use crate::files::folder::FileFolder;
use crate::files::pocketbase_fields::PocketBaseFields;
use crate::files::store_marker::{StoreAcceptance, establish_marker, inspect_marker};
use crate::files::watched_backend::WatchedBackend;
use crate::files::{FileBackend, Files, FilesError};
use crate::jobs::file_sweep::SweepAtStart;
use crate::store::console::ConsoleStore;
use crate::store::pocketbase::{Misfit, PocketBase, Severity};
use crate::store::postgres::Postgres;
use crate::store::sqlite::Sqlite;
use crate::store::{SchemaState, Store, WatchedStore, postgres, sqlite};
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
        let backend = WatchedBackend::new(open_file_backend(config, &store, pocketbase.as_ref()).await?);
        if backend.may_arrive_late() {
            // A write that a killed process has sent can still arrive, after the sweep.
            at_start = SweepAtStart::Old;
        }
        let files = Files::new(backend, intents, &config.data_dir, clock.clone(), ledger.clone());
        files.watch_marker();
        let deliveries = if pocketbase.is_some() {
            WatchedStore::new(open_deliveries(&config.data_dir)?, "deliveries")
        } else {
            store.clone()
        };
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
        if let Some(bucket) = findings.add(bucket.with_context(|| format!("FILES_URL: cannot keep files in {at}"))) {
            inspect_file_store(config, &bucket, ("FILES_URL", at), &mut findings).await;
        }
        return findings;
    }
    let root = config.data_dir.join("files");
    if let Err(error) = require_writable_folder(&root) {
        findings.problems.push(format!("DATA_DIR: the folder of files cannot be written: {error}"));
    }
    inspect_file_store(config, &FileFolder::open_to_read(&root), ("DATA_DIR", &root.display()), &mut findings).await;
    findings
}

/// Finds a file store that a start would refuse. A database that the first start creates, or the next one migrates, says nothing
/// about its files yet.
async fn inspect_file_store(
    config: &Config,
    backend: &dyn FileBackend,
    (setting, place): (&str, &(dyn Display + Sync)),
    findings: &mut StorageFindings,
) {
    let opened: anyhow::Result<Arc<dyn Store>> = match &config.records {
        RecordLocation::Sqlite => Sqlite::open_to_read(&config.data_dir).map(|store| Arc::new(store) as _),
        RecordLocation::Postgres { url, .. } => Postgres::open_to_read(url).await.map(|store| Arc::new(store) as _),
        RecordLocation::PocketBase(_) => return,
    };
    let Ok(store) = opened else { return };
    match inspect_marker(store.as_ref(), backend).await {
        Err(FilesError::WrongStore(fault)) if config.accepts_new_files => {
            findings.notes.push(format!("ACCEPT_NEW_FILES_FOLDER accepts the file store {place}: {fault}"));
        }
        Err(error) => {
            findings.add(Err::<(), _>(describe_store_error(error, setting, place)));
        }
        Ok(()) => {}
    }
}

/// The line that says why a file store cannot be used.
fn describe_store_error(error: FilesError, setting: &str, place: &(dyn Display + Sync)) -> anyhow::Error {
    match error {
        FilesError::WrongStore(fault) => anyhow::anyhow!(
            "{setting}: the file store {place} does not fit the database: {fault} To go on without its files, start once with \
             --accept-new-files-folder true"
        ),
        error => anyhow::Error::new(error).context(format!("{setting}: cannot use the file store {place}")),
    }
}

async fn inspect_collections(pocketbase: &PocketBase, findings: &mut StorageFindings) {
    match pocketbase.describe_problems().await {
        Err(error) => {
            findings.notes.push(format!("PocketBase does not answer; requests are refused until it does: {error}"));
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
            let records = WatchedStore::new(Arc::new(records), "records");
            Ok(OpenRecords {
                store: records.clone(),
                intents: Some(records),
                at_start: SweepAtStart::All,
                pocketbase: None,
            })
        }
        RecordLocation::Postgres { url, .. } => {
            let records = Postgres::open(url, config.database_connections).await.context("DATABASE_URL")?;
            let records = WatchedStore::new(Arc::new(records), "records");
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
                store: WatchedStore::new(pocketbase.clone(), "records"),
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
    store: &Arc<dyn Store>,
    pocketbase: Option<&Arc<PocketBase>>,
) -> anyhow::Result<Arc<dyn FileBackend>> {
    match (&config.files, pocketbase) {
        (_, Some(pocketbase)) => Ok(Arc::new(PocketBaseFields::new(pocketbase.clone(), &config.data_dir))),
        (FileLocation::Folder, None) => {
            let root = config.data_dir.join("files");
            // Nothing is created in a folder that may be the place of a missing mount.
            require_known_store(config, store, &FileFolder::open_to_read(&root), "DATA_DIR", &root.display()).await?;
            let folder = FileFolder::open(&root);
            let cannot_make = || format!("DATA_DIR: cannot make the folder of files in {}", config.data_dir.display());
            Ok(Arc::new(folder.with_context(cannot_make)?))
        }
        (FileLocation::Bucket(at), None) => {
            let bucket = S3Bucket::open(at, &config.data_dir, BucketTimeouts::default()).await;
            let bucket = bucket.with_context(|| format!("FILES_URL: cannot keep files in {at}"))?;
            require_known_store(config, store, &bucket, "FILES_URL", at).await?;
            Ok(Arc::new(bucket))
        }
    }
}

/// Refuses a file store that the database does not know, unless the settings accept it.
async fn require_known_store(
    config: &Config,
    store: &Arc<dyn Store>,
    backend: &dyn FileBackend,
    setting: &str,
    place: &(dyn Display + Sync),
) -> anyhow::Result<()> {
    let acceptance = if config.accepts_new_files { StoreAcceptance::AcceptAny } else { StoreAcceptance::Refuse };
    let established = establish_marker(store.as_ref(), backend, acceptance).await;
    established.map(drop).map_err(|error| describe_store_error(error, setting, place))
}
