//! Makes a backup: holds back the removal of files, copies the database as it is at one moment, then saves every file that
//! its records name.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use indicatif::HumanBytes;

use super::file_hold::FileHold;
use super::file_saving::{FileSaver, SavedTotals};
use super::layout::{BackupFolder, SavedDatabase, SnapshotNote, hash_file, make_folder, write_private};
use super::named_files::{NamedFiles, list_replaced_files};
use super::postgres_tools::dump_database;
use super::source::ServerStores;
use crate::cli::progress::Progress;
use crate::clock::Clock;
use crate::config::{Config, RecordLocation};
use crate::files::StoredPath;
use crate::files::store_marker::refuse_foreign_store;
use crate::store::Store;
use crate::store::sqlite::{CopyPace, DELIVERIES_FILE_NAME, FILE_NAME, Sqlite, copy_database};

/// The name of PostgreSQL's dump in a snapshot.
pub(super) const DUMP_NAME: &str = "database.dump";

/// What is to be backed up, and where to.
pub(super) struct BackupPlan<'a> {
    pub(super) to: &'a Path,
    pub(super) with_secrets: bool,
    pub(super) without_database: bool,
}

/// What a backup holds.
pub(super) struct BackupReport {
    snapshot: String,
    databases: Vec<SavedDatabase>,
    totals: SavedTotals,
    pub(super) missing: Vec<String>,
}

impl BackupReport {
    /// The report in one line.
    pub(super) fn to_line(&self) -> String {
        let SavedTotals { files, bytes, new_files, new_bytes, .. } = &self.totals;
        let databases: Vec<String> = self
            .databases
            .iter()
            .map(|database| format!("{} ({})", database.name, HumanBytes(database.length)))
            .collect();
        format!(
            "snapshot {}: {}; {files} files ({}), of which {new_files} are new ({})",
            self.snapshot,
            databases.join(", "),
            HumanBytes(*bytes),
            HumanBytes(*new_bytes)
        )
    }
}

/// Makes a backup.
///
/// # Errors
/// When it is not complete. What was saved stays, and the next run goes on.
pub(super) async fn make_backup(
    config: &Config,
    plan: &BackupPlan<'_>,
    progress: &Progress,
) -> anyhow::Result<BackupReport> {
    let clock = Clock::default();
    let folder = BackupFolder::open_or_create(plan.to)?;
    let _lock = folder.lock()?;
    let began = clock.now().rfc3339();
    let name = snapshot_name(&began);
    ensure!(!folder.snapshot_path(&name).exists(), "there is a snapshot of this second already; try again");
    let snapshot = folder.begin_snapshot()?;
    let stores = ServerStores::open(config).await?;
    if let Some(stores) = &stores {
        refuse_foreign_store(stores.store.as_ref(), stores.backend.as_ref()).await.context("the files")?;
    }
    let marker = match &stores {
        Some(stores) => {
            let known = stores.store.known_file_store().await?;
            Some(known.context("the database knows no file store yet; start the server on it once")?.marker)
        }
        None => None,
    };
    // Before the database is copied: no file that it names is removed from now on.
    let _hold = match &stores {
        Some(stores) => Some(FileHold::begin(stores.store.clone(), clock.clone()).await?),
        None => None,
    };
    let databases = save_databases(config, plan, &snapshot, progress).await?;
    let totals = match &stores {
        Some(stores) => save_files(config, stores, &folder, &snapshot, progress).await?,
        None => {
            write_private(&snapshot.join("files.jsonl"), b"")?;
            SavedTotals::default()
        }
    };
    if plan.with_secrets {
        save_secrets(config, &snapshot)?;
    }
    let (_, files_sha256) = hash_file(&snapshot.join("files.jsonl"))?;
    let note = SnapshotNote {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        began,
        records: records_word(&config.records).to_owned(),
        marker,
        databases: databases.clone(),
        files: totals.files,
        file_bytes: totals.bytes,
        files_sha256,
        missing: totals.missing.clone(),
    };
    folder.finish_snapshot(&snapshot, &name, &note)?;
    progress.clear_bar();
    Ok(BackupReport { snapshot: name, databases, missing: totals.missing.clone(), totals })
}

/// The name of a snapshot that begins then: `20261129T160000Z`. Names are in the order of time.
fn snapshot_name(began: &str) -> String {
    let digits: String = began.chars().filter(char::is_ascii_digit).take(14).collect();
    let (day, time) = digits.split_at(digits.len().min(8));
    format!("{day}T{time}Z")
}

/// The word for the place of records.
pub(super) fn records_word(records: &RecordLocation) -> &'static str {
    match records {
        RecordLocation::Sqlite => "sqlite",
        RecordLocation::Postgres { .. } => "postgres",
        RecordLocation::PocketBase(_) => "pocketbase",
    }
}

async fn save_databases(
    config: &Config,
    plan: &BackupPlan<'_>,
    snapshot: &Path,
    progress: &Progress,
) -> anyhow::Result<Vec<SavedDatabase>> {
    let name = match &config.records {
        RecordLocation::Postgres { .. } if plan.without_database => return Ok(Vec::new()),
        _ if plan.without_database => {
            bail!("--without-database is for PostgreSQL: this database is copied with its files")
        }
        RecordLocation::Postgres { url, .. } => {
            progress.begin_step("running pg_dump", 0);
            dump_database(url, &snapshot.join(DUMP_NAME)).await?;
            DUMP_NAME
        }
        RecordLocation::Sqlite => FILE_NAME,
        RecordLocation::PocketBase(_) => DELIVERIES_FILE_NAME,
    };
    if name != DUMP_NAME {
        progress.begin_step(&format!("copying pages of {name}"), 0);
        let (source, target) = (config.data_dir.join(name), snapshot.join(name));
        ensure!(source.is_file(), "DATA_DIR: there is no {name} in {}", config.data_dir.display());
        // Threads of the runtime must not wait for the pauses between the steps.
        tokio::task::block_in_place(|| {
            copy_database(&source, &target, CopyPace::Considerate, |pages, total| progress.add_of(pages, total))
        })
        .with_context(|| format!("cannot copy {name}"))?;
    }
    let (length, sha256) = hash_file(&snapshot.join(name))?;
    Ok(vec![SavedDatabase { name: name.to_owned(), length, sha256 }])
}

/// Saves the files that the copied database names. PostgreSQL's dump cannot be read: there the files count that the database
/// names after the dump, and those that were replaced since, which are held.
async fn save_files(
    config: &Config,
    stores: &ServerStores,
    folder: &BackupFolder,
    snapshot: &Path,
    progress: &Progress,
) -> anyhow::Result<SavedTotals> {
    let is_copied = matches!(config.records, RecordLocation::Sqlite);
    let named_in: Arc<dyn Store> = match is_copied {
        true => Arc::new(Sqlite::open_to_read(snapshot)?),
        false => stores.store.clone(),
    };
    let mut saver = FileSaver::new(folder, snapshot, stores.backend.clone(), progress)?;
    progress.begin_step("saving files", 0);
    let mut named = NamedFiles::of_store(named_in.as_ref());
    while let Some(page) = named.next_page().await? {
        let paths: Vec<StoredPath> = page.into_iter().map(|file| file.path).collect();
        saver.save_files(&paths, true).await?;
    }
    if !is_copied {
        saver.save_files(&list_replaced_files(named_in.as_ref()).await?, false).await?;
    }
    drop(named_in);
    remove_reader_files(snapshot);
    if !saver.totals.missing.is_empty() {
        // One store that has vanished meanwhile would look like as many missing files.
        refuse_foreign_store(stores.store.as_ref(), stores.backend.as_ref()).await.context("the files")?;
    }
    saver.finish()
}

/// Removes what readers of the copied database may have left beside it.
fn remove_reader_files(snapshot: &Path) {
    for suffix in ["-wal", "-shm", "-journal"] {
        let _ = fs::remove_file(snapshot.join(format!("{FILE_NAME}{suffix}")));
    }
}

fn save_secrets(config: &Config, snapshot: &Path) -> anyhow::Result<()> {
    let folder = snapshot.join("secrets");
    make_folder(&folder)?;
    let secrets: [(&str, PathBuf); 3] = [
        ("system.key", config.system_key_path()),
        ("first-run.json", config.data_dir.join("first-run.json")),
        ("env", PathBuf::from(".env")),
    ];
    for (name, path) in secrets.iter().filter(|(_, path)| path.is_file()) {
        let secret = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        write_private(&folder.join(name), &secret)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #[test]
    fn snapshot_names_are_in_the_order_of_time() {
        assert_eq!(super::snapshot_name("2026-11-29T16:00:05.123Z"), "20261129T160005Z");
    }
}
