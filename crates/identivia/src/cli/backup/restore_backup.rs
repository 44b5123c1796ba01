//! Restores a snapshot to an empty data folder, bucket or database: files first, the database last.

use std::fs;
use std::io::{ErrorKind, Seek as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use futures_util::StreamExt as _;
use indicatif::HumanBytes;

use super::layout::{BackupFolder, SavedFile, Snapshot, hash_file, hash_opened_file};
use super::make_backup::{DUMP_NAME, records_word};
use super::postgres_tools::restore_database;
use super::source::{ServerStores, open_file_backend};
use super::verify_files::find_unnamed_files;
use crate::cli::progress::Progress;
use crate::clock::Clock;
use crate::config::{Config, FileLocation, RecordLocation};
use crate::files::folder::FileFolder;
use crate::files::{FileBackend, StoredPath};
use crate::first_run::lock_data_dir;
use crate::new_file::NewFile;
use crate::secret_file::create_secret_file;
use crate::store::postgres::Postgres;

/// Restores a snapshot, and returns what to print.
///
/// # Errors
/// When the target is not empty, or the backup is damaged. A restore that was interrupted leaves files: remove them first.
pub(super) async fn restore_backup(
    config: &Config,
    from: &Path,
    snapshot: Option<&str>,
    progress: &Progress,
) -> anyhow::Result<Vec<String>> {
    let folder = BackupFolder::open(from)?;
    let snapshot = folder.open_snapshot(snapshot)?;
    let records = records_word(&config.records);
    ensure!(
        snapshot.note.records == records,
        "the snapshot {} is of records in {}, and the settings name {records}",
        snapshot.name,
        snapshot.note.records
    );
    let _lock = lock_data_dir(&config.data_dir)?;
    refuse_filled_target(config).await?;
    let secrets = restore_secrets(config, &snapshot)?;
    if let Some(marker) = &snapshot.note.marker {
        let backend: Arc<dyn FileBackend> = match &config.files {
            FileLocation::Folder => Arc::new(FileFolder::open(&config.data_dir.join("files"))?),
            FileLocation::Bucket(_) => open_file_backend(config).await?,
        };
        // The marker comes first: a server that starts on half of a restore finds a store that is not its own.
        match backend.read_marker().await.context("the files")? {
            Some(found) if found != *marker => {
                bail!("the file store has the marker of another database; restore to another one")
            }
            _ => backend.write_marker(marker).await.context("the files")?,
        }
        restore_files(&folder, &snapshot, backend, progress).await?;
    }
    restore_databases(config, &snapshot).await?;
    let mut results = list_results(&snapshot, &secrets);
    if matches!(config.records, RecordLocation::Postgres { .. }) {
        let left = leave_unnamed_files_to_sweep(config, progress).await?;
        results.extend(
            (left > 0).then(|| format!("{left} files are of no record of the dump; the server will remove them")),
        );
    }
    progress.clear_bar();
    Ok(results)
}

/// Leaves the files that were sent after the dump to the server's sweep, and returns how many. No record names them.
async fn leave_unnamed_files_to_sweep(config: &Config, progress: &Progress) -> anyhow::Result<usize> {
    let Some(ServerStores { store, backend }) = ServerStores::open(config).await? else { return Ok(0) };
    let orphans = find_unnamed_files(store.as_ref(), backend.as_ref(), progress).await?.orphans;
    let paths: Vec<StoredPath> = orphans.iter().filter_map(|path| StoredPath::parse(path)).collect();
    let now = Clock::default().now();
    for StoredPath { collection, record, name } in &paths {
        store.leave_to_sweep(*collection, *record, name, now).await?;
    }
    Ok(paths.len())
}

/// A target that holds anything is not touched: restoring over it would mix two states.
async fn refuse_filled_target(config: &Config) -> anyhow::Result<()> {
    let data_dir = &config.data_dir;
    for name in ["identivia.db", "webhooks.db"] {
        ensure!(
            !data_dir.join(name).exists(),
            "DATA_DIR: {} holds {name}; restore to an empty folder",
            data_dir.display()
        );
    }
    if let RecordLocation::Postgres { url, .. } = &config.records {
        let has_tables = Postgres::has_tables(url).await.context("DATABASE_URL")?;
        ensure!(!has_tables, "DATABASE_URL: the database has tables; restore to an empty one");
    }
    if matches!(config.records, RecordLocation::PocketBase(_)) {
        return Ok(());
    }
    match open_file_backend(config).await?.list_files().next().await {
        None => Ok(()),
        Some(Ok(_)) => bail!("the file store holds files; restore to an empty one"),
        Some(Err(error)) => Err(error).context("the files"),
    }
}

async fn restore_files(
    folder: &BackupFolder,
    snapshot: &Snapshot,
    backend: Arc<dyn FileBackend>,
    progress: &Progress,
) -> anyhow::Result<()> {
    progress.begin_step("restoring files", snapshot.note.files);
    for file in snapshot.files()? {
        let file = file?;
        restore_file(folder, &file, backend.as_ref()).await.with_context(|| file.path.clone())?;
        progress.add_records(1);
        progress.add_bytes(file.length);
    }
    Ok(())
}

async fn restore_file(folder: &BackupFolder, file: &SavedFile, backend: &dyn FileBackend) -> anyhow::Result<()> {
    let path = StoredPath::parse(&file.path).context("the backup names a path of another form")?;
    let object = folder.object_path(&file.sha256);
    let (length, sha256) = hash_file(&object)?;
    ensure!((length, &sha256) == (file.length, &file.sha256), "the backup's copy is damaged ({})", object.display());
    let mut target = backend.create_file(&path).await?;
    let copied = std::io::copy(&mut fs::File::open(&object)?, &mut target)?;
    ensure!(copied == file.length, "the backup's copy has changed ({})", object.display());
    backend.store_file(&path, target).await?;
    backend.sync_record(path.collection, path.record).await?;
    Ok(())
}

async fn restore_databases(config: &Config, snapshot: &Snapshot) -> anyhow::Result<()> {
    for database in &snapshot.note.databases {
        let source = snapshot.path.join(&database.name);
        if let (DUMP_NAME, RecordLocation::Postgres { url, .. }) = (database.name.as_str(), &config.records) {
            restore_database(url, &source).await?;
            continue;
        }
        // Whole or not at all: a crash leaves no half of a database.
        let mut restored = NewFile::create_in(&config.data_dir)?;
        std::io::copy(&mut fs::File::open(&source)?, restored.as_file())?;
        restored.as_file().rewind()?;
        let (_, sha256) = hash_opened_file(restored.as_file())?;
        ensure!(sha256 == database.sha256, "the copy of {} differs from the snapshot's", database.name);
        restored.publish(&config.data_dir.join(&database.name))?;
        fs::File::open(&config.data_dir)?.sync_all()?;
    }
    Ok(())
}

/// Restores the keys that the snapshot holds and the target lacks; returns their names.
fn restore_secrets(config: &Config, snapshot: &Snapshot) -> anyhow::Result<Vec<&'static str>> {
    let targets =
        [("system.key", config.system_key_path()), ("first-run.json", config.data_dir.join("first-run.json"))];
    let mut restored = Vec::new();
    for (name, target) in targets {
        let secret = match fs::read(snapshot.path.join("secrets").join(name)) {
            Ok(secret) => secret,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("cannot read {name} of the snapshot")),
        };
        match create_secret_file(&target, &secret) {
            Ok(()) => restored.push(name),
            Err(error) if error.kind() == ErrorKind::AlreadyExists && fs::read(&target)? == secret => {}
            Err(error) => return Err(error).with_context(|| format!("cannot write {}", target.display())),
        }
    }
    Ok(restored)
}

fn list_results(snapshot: &Snapshot, secrets: &[&str]) -> Vec<String> {
    let note = &snapshot.note;
    let databases: Vec<&str> = note.databases.iter().map(|database| database.name.as_str()).collect();
    let mut lines = vec![format!(
        "restored snapshot {}: {}; {} files ({})",
        snapshot.name,
        if databases.is_empty() { "no database".to_owned() } else { databases.join(", ") },
        note.files,
        HumanBytes(note.file_bytes)
    )];
    match secrets {
        [] => lines.push(
            "no keys were restored: put system.key in place before the start, or the secrets of records cannot be read"
                .to_owned(),
        ),
        restored => lines.push(format!("restored {}", restored.join(", "))),
    }
    if snapshot.path.join("secrets/env").exists() {
        lines.push(format!("the settings are in {}", snapshot.path.join("secrets/env").display()));
    }
    if !note.missing.is_empty() {
        lines.push(format!("{} files were missing when the backup was made", note.missing.len()));
    }
    lines
}
