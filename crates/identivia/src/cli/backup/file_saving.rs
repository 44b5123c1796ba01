//! Saves stored files in a backup folder, each once by its hash, and remembers what was saved.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use aws_lc_rs::digest;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use rusqlite::{Connection, OptionalExtension as _, params};

use super::layout::{BackupFolder, SavedFile, hash_file, make_folder, to_hex};
use crate::cli::progress::Progress;
use crate::files::{FileBackend, FilesError, StoredPath};
use crate::new_file::NewFile;

/// Files read at once: a bucket answers each after a while.
const FILES_AT_ONCE: usize = 8;

/// Saves files, and lists them in the snapshot.
pub(super) struct FileSaver<'a> {
    folder: &'a BackupFolder,
    /// The folder of the snapshot, for files that are not whole yet.
    snapshot: PathBuf,
    backend: Arc<dyn FileBackend>,
    progress: &'a Progress,
    index: Mutex<Connection>,
    list: BufWriter<File>,
    pub(super) totals: SavedTotals,
}

/// What was saved.
#[derive(Default)]
pub(super) struct SavedTotals {
    pub(super) files: usize,
    pub(super) bytes: u64,
    /// Files that no earlier run had saved.
    pub(super) new_files: usize,
    pub(super) new_bytes: u64,
    /// Paths of files that records name and the store lacks.
    pub(super) missing: Vec<String>,
}

/// A saved file, and whether this run has read it.
struct Saved {
    file: SavedFile,
    is_new: bool,
}

impl<'a> FileSaver<'a> {
    /// Saves files of the backend, for the snapshot in that folder.
    pub(super) fn new(
        folder: &'a BackupFolder,
        snapshot: &Path,
        backend: Arc<dyn FileBackend>,
        progress: &'a Progress,
    ) -> anyhow::Result<Self> {
        let index = Connection::open(folder.index_path())?;
        index.execute_batch(
            "create table if not exists files (path text primary key, length integer not null, sha256 text not null)",
        )?;
        let list = File::options().write(true).create_new(true).mode(0o600).open(snapshot.join("files.jsonl"))?;
        let (index, list) = (Mutex::new(index), BufWriter::new(list));
        let snapshot = snapshot.to_owned();
        Ok(Self { folder, snapshot, backend, progress, index, list, totals: SavedTotals::default() })
    }

    /// Saves files and lists them. A file that is missing is noted, or skipped where it need not exist.
    pub(super) async fn save_files(&mut self, paths: &[StoredPath], must_exist: bool) -> anyhow::Result<()> {
        let saver = &*self;
        let saving = stream::iter(paths).map(|path| async move { (path, saver.save_file(path).await) });
        let saved: Vec<_> = saving.buffered(FILES_AT_ONCE).collect().await;
        let transaction = self.index.get_mut().unwrap_or_else(PoisonError::into_inner).transaction()?;
        for (path, outcome) in saved {
            let Some(Saved { file, is_new }) = outcome.with_context(|| path.relative_path())? else {
                if must_exist {
                    self.totals.missing.push(path.relative_path());
                }
                continue;
            };
            serde_json::to_writer(&mut self.list, &file)?;
            self.list.write_all(b"\n")?;
            self.totals.files += 1;
            self.totals.bytes += file.length;
            if is_new {
                self.totals.new_files += 1;
                self.totals.new_bytes += file.length;
                transaction.execute(
                    "insert or replace into files (path, length, sha256) values (?1, ?2, ?3)",
                    params![file.path, file.length as i64, file.sha256],
                )?;
            }
        }
        transaction.commit()?;
        self.progress.add_records(paths.len());
        Ok(())
    }

    /// Ends the list: durable, with the folders of everything saved.
    pub(super) fn finish(mut self) -> anyhow::Result<SavedTotals> {
        self.list.flush()?;
        self.list.get_ref().sync_all()?;
        let objects = self.folder.object_path("");
        for entry in std::fs::read_dir(objects.parent().and_then(Path::parent).unwrap_or(&objects))? {
            File::open(entry?.path())?.sync_all()?;
        }
        Ok(self.totals)
    }

    /// Saves a file unless an earlier run has; `None` when the store lacks it.
    async fn save_file(&self, path: &StoredPath) -> anyhow::Result<Option<Saved>> {
        if let Some(file) = self.find_saved(&path.relative_path())? {
            return Ok(Some(Saved { file, is_new: false }));
        }
        let mut opened = match self.backend.open_file(path).await {
            Ok(opened) => opened,
            Err(FilesError::Gone) => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut staged = NewFile::create_in(&self.snapshot)?;
        let (mut hash, mut length) = (digest::Context::new(&digest::SHA256), 0);
        while let Some(chunk) = opened.chunks.try_next().await? {
            hash.update(&chunk);
            staged.as_file().write_all(&chunk)?;
            length += chunk.len() as u64;
            self.progress.add_bytes(chunk.len() as u64);
        }
        anyhow::ensure!(length == opened.length, "it ended before its end");
        let file = SavedFile { path: path.relative_path(), length, sha256: to_hex(hash.finish().as_ref()) };
        self.publish_object(staged, &file)?;
        Ok(Some(Saved { file, is_new: true }))
    }

    /// Gives a whole file its place by its hash. Another path may have the same bytes: then the object is there, and it is
    /// replaced only if it is damaged.
    fn publish_object(&self, staged: NewFile, file: &SavedFile) -> anyhow::Result<()> {
        let object = self.folder.object_path(&file.sha256);
        make_folder(object.parent().unwrap_or(&object))?;
        if object.exists() {
            if hash_file(&object)? == (file.length, file.sha256.clone()) {
                return Ok(());
            }
            std::fs::remove_file(&object)?;
        }
        Ok(staged.publish(&object)?)
    }

    /// A file that an earlier run has saved, if its object is there.
    fn find_saved(&self, path: &str) -> anyhow::Result<Option<SavedFile>> {
        let index = self.index.lock().unwrap_or_else(PoisonError::into_inner);
        let mut statement = index.prepare_cached("select length, sha256 from files where path = ?1")?;
        let found =
            statement.query_row([path], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, String>(1)?))).optional()?;
        let Some((length, sha256)) = found else { return Ok(None) };
        let length = u64::try_from(length).unwrap_or_default();
        let is_there = self.folder.object_path(&sha256).metadata().is_ok_and(|object| object.len() == length);
        Ok(is_there.then(|| SavedFile { path: path.to_owned(), length, sha256 }))
    }
}
