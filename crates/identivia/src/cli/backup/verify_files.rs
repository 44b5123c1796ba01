//! Compares the files of a server with its records and, if asked to, with a backup.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Context as _, bail};
use aws_lc_rs::digest;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::layout::{BackupFolder, hash_file, to_hex};
use super::named_files::{NamedFile, NamedFiles};
use super::source::ServerStores;
use crate::cli::copy::copied_record::CopiedRecord;
use crate::cli::progress::Progress;
use crate::config::Config;
use crate::files::backend::ListedFile;
use crate::files::store_marker::refuse_foreign_store;
use crate::files::{FileBackend, FilesError, StoredPath};
use crate::records::file_intent::FileIntent;
use crate::records::{Collection, RecordKind};
use crate::store::{Comparison, Query, Store, parse_record};

/// Files that are opened at the same time.
const FILES_AT_ONCE: usize = 8;
/// The most lines of a report.
const MAX_LINES: usize = 1_000;

/// What a comparison has found.
#[derive(Default)]
pub(super) struct VerifyReport {
    lines: Vec<String>,
    faults: usize,
    named: usize,
    /// Files that wait for their removal, or whose upload is under way.
    awaiting: usize,
    compared: usize,
}

impl VerifyReport {
    /// A line for each fault.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut lines = self.lines.clone();
        if self.faults > lines.len() {
            lines.push(format!("and {} more", self.faults - lines.len()));
        }
        lines
    }

    /// The last line: good, or an error.
    pub(super) fn verdict(&self) -> Result<String, String> {
        let awaiting = match self.awaiting {
            0 => String::new(),
            count => format!("; {count} wait for their removal or their record"),
        };
        let compared = match self.compared {
            0 => String::new(),
            count => format!("; {count} are the same as in the backup"),
        };
        let counts = format!("{} files of records looked at{awaiting}{compared}", self.named);
        match self.faults {
            0 => Ok(format!("no fault found: {counts}")),
            faults => Err(format!("{faults} faults found: {counts}")),
        }
    }

    fn add_fault(&mut self, kind: &str, text: &str) {
        self.faults += 1;
        if self.lines.len() < MAX_LINES {
            self.lines.push(format!("{kind:<10} {text}"));
        }
    }
}

/// Compares the files of the configured server with its records, and with a snapshot of a backup.
///
/// # Errors
/// When one side cannot be read.
pub(super) async fn verify_files(
    config: &Config,
    backup: Option<(&Path, Option<&str>)>,
    progress: &Progress,
) -> anyhow::Result<VerifyReport> {
    let Some(ServerStores { store, backend }) = ServerStores::open(config).await? else {
        bail!("POCKETBASE_URL: PocketBase stores files within its records, and nothing else knows them");
    };
    refuse_foreign_store(store.as_ref(), backend.as_ref()).await.context("the files")?;
    let (store, backend) = (store.as_ref(), backend.as_ref());
    let mut report = VerifyReport::default();
    find_missing_files(store, backend, progress, &mut report).await?;
    let unnamed = find_unnamed_files(store, backend, progress).await?;
    report.awaiting = unnamed.awaiting;
    unnamed.orphans.iter().for_each(|path| report.add_fault("orphan", path));
    if let Some((folder, snapshot)) = backup {
        compare_with_backup(backend, folder, snapshot, progress, &mut report).await?;
    }
    progress.clear_bar();
    Ok(report)
}

async fn find_missing_files(
    store: &dyn Store,
    backend: &dyn FileBackend,
    progress: &Progress,
    report: &mut VerifyReport,
) -> anyhow::Result<()> {
    progress.begin_step("looking for the files of records", 0);
    let mut named = NamedFiles::of_store(store);
    while let Some(page) = named.next_page().await? {
        let looking = stream::iter(&page).map(|file| async move { (file, backend.open_file(&file.path).await) });
        let found: Vec<_> = looking.buffered(FILES_AT_ONCE).collect().await;
        for (NamedFile { path, field }, outcome) in found {
            report.named += 1;
            let fault = match outcome {
                Ok(opened) if opened.length > 0 => continue,
                Ok(_) => "empty",
                Err(FilesError::Gone) => "missing",
                Err(error) => return Err(error).with_context(|| path.relative_path()),
            };
            // A server may have replaced the file meanwhile.
            if is_named(store, path).await? {
                report.add_fault(fault, &format!("{} ({field})", path.relative_path()));
            }
        }
        progress.add_records(page.len());
    }
    Ok(())
}

/// Says whether the record of a file names it now.
async fn is_named(store: &dyn Store, path: &StoredPath) -> anyhow::Result<bool> {
    Ok(read_names(store, path.collection, path.record.as_str()).await?.contains(&path.name))
}

/// The names of all files of one record.
async fn read_names(store: &dyn Store, collection: Collection, files_id: &str) -> anyhow::Result<HashSet<String>> {
    let kind = collection.kind();
    let key = if collection == Collection::LivenessSessions { "files_id" } else { kind.key_field() };
    let query = Query::of_kind(kind).filter(key, Comparison::Is(files_id.into())).limited(1);
    let Some(stored) = store.read(query).await?.into_iter().next() else { return Ok(HashSet::new()) };
    let record = CopiedRecord { kind, fields: parse_record(&stored.json)? };
    Ok(record.files().map(|(_, name)| name.to_owned()).collect())
}

/// The files that no record names.
#[derive(Default)]
pub(super) struct UnnamedFiles {
    /// The paths of those that nothing else names either.
    pub(super) orphans: Vec<String>,
    /// How many wait for their removal, or for their record.
    awaiting: usize,
}

/// Finds files that no record names. A file of an upload under way has an intent until its record names it.
pub(super) async fn find_unnamed_files(
    store: &dyn Store,
    backend: &dyn FileBackend,
    progress: &Progress,
) -> anyhow::Result<UnnamedFiles> {
    progress.begin_step("looking for files without a record", 0);
    let mut unnamed = UnnamedFiles::default();
    let mut listed = backend.list_files();
    let mut current: Option<((Collection, String), HashSet<String>)> = None;
    while let Some(ListedFile { path: text, .. }) = listed.try_next().await? {
        progress.add_records(1);
        let Some(path) = StoredPath::parse(&text) else {
            unnamed.orphans.push(text);
            continue;
        };
        let record = (path.collection, path.record.to_string());
        let names = match current.take() {
            Some((known, names)) if known == record => names,
            _ => read_names(store, path.collection, path.record.as_str()).await?,
        };
        if !names.contains(&path.name) {
            match explain_unnamed_file(store, backend, &path).await? {
                UnnamedFile::Awaited => unnamed.awaiting += 1,
                UnnamedFile::Gone => {}
                UnnamedFile::Orphan => unnamed.orphans.push(text),
            }
        }
        current = Some((record, names));
    }
    Ok(unnamed)
}

/// A file that its record did not name a moment ago.
enum UnnamedFile {
    /// An intent names it: the server removes it, or its record is on the way.
    Awaited,
    Gone,
    Orphan,
}

async fn explain_unnamed_file(
    store: &dyn Store,
    backend: &dyn FileBackend,
    path: &StoredPath,
) -> anyhow::Result<UnnamedFile> {
    // An upload ends in one commit: its record names the file from the moment at which its intent is gone. A file that is
    // replaced then gets another intent. So the order of the looks matters.
    if has_intent(store, path).await? || is_named(store, path).await? || has_intent(store, path).await? {
        return Ok(UnnamedFile::Awaited);
    }
    match backend.open_file(path).await {
        Ok(_) => Ok(UnnamedFile::Orphan),
        Err(FilesError::Gone) => Ok(UnnamedFile::Gone),
        Err(error) => Err(error.into()),
    }
}

async fn has_intent(store: &dyn Store, path: &StoredPath) -> anyhow::Result<bool> {
    let intents: Vec<FileIntent> = store.read_all(Query::of_kind(RecordKind::FileIntents)).await?;
    let names = |intent: &FileIntent| {
        intent.collection == path.collection && intent.record == path.record && intent.names_file(&path.name)
    };
    Ok(intents.iter().any(names))
}

async fn compare_with_backup(
    backend: &dyn FileBackend,
    folder: &Path,
    snapshot: Option<&str>,
    progress: &Progress,
    report: &mut VerifyReport,
) -> anyhow::Result<()> {
    let folder = BackupFolder::open(folder)?;
    let snapshot = folder.open_snapshot(snapshot)?;
    progress.begin_step("comparing with the backup", snapshot.note.files);
    for file in snapshot.files()? {
        let file = file?;
        progress.add_records(1);
        let saved = (file.length, file.sha256.clone());
        if hash_file(&folder.object_path(&file.sha256)).ok().as_ref() != Some(&saved) {
            report.add_fault("damaged", &file.path);
        }
        let path = StoredPath::parse(&file.path).context("the backup names a path of another form")?;
        // A file that the store lacks was replaced since, or was reported above.
        match hash_stored_file(backend, &path).await.with_context(|| file.path.clone())? {
            Some(found) if found != saved => report.add_fault("differs", &file.path),
            Some((length, _)) => {
                report.compared += 1;
                progress.add_bytes(length);
            }
            None => {}
        }
    }
    Ok(())
}

async fn hash_stored_file(backend: &dyn FileBackend, path: &StoredPath) -> anyhow::Result<Option<(u64, String)>> {
    let mut opened = match backend.open_file(path).await {
        Ok(opened) => opened,
        Err(FilesError::Gone) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let (mut hash, mut length) = (digest::Context::new(&digest::SHA256), 0);
    while let Some(chunk) = opened.chunks.try_next().await? {
        hash.update(&chunk);
        length += chunk.len() as u64;
    }
    Ok(Some((length, to_hex(hash.finish().as_ref()))))
}
