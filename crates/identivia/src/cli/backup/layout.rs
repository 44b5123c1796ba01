//! The layout of a backup folder: files by their hash, and a snapshot for each run that names them.
//!
//! `objects/<2 letters>/<SHA-256>` holds each file once, `snapshots/<time>/` the databases, `files.jsonl` (path, length and
//! hash of each file) and, written last, `snapshot.json`. `index.db` remembers the hash of each path, so that neither a later
//! nor a repeated run reads a file twice: a stored file never changes.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail, ensure};
use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};

/// The file that makes a folder a backup folder, with the format of its content.
const FORMAT_FILE: &str = "identivia-backup";
const FORMAT: &str = "identivia backup, format 1\n";
/// How much is read at once for a hash, in bytes.
const READ_BYTES: usize = 64 * 1024;

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SavedFile {
    /// `<collection>/<record id>/<stored name>`.
    pub(super) path: String,
    /// Bytes.
    pub(super) length: u64,
    /// In hexadecimal.
    pub(super) sha256: String,
}

/// A database of a snapshot, by its name within it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SavedDatabase {
    pub(super) name: String,
    pub(super) length: u64,
    pub(super) sha256: String,
}

/// What a snapshot holds.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SnapshotNote {
    /// The version of the program that made it.
    pub(super) version: String,
    /// When it began (RFC 3339).
    pub(super) began: String,
    /// `sqlite`, `postgres` or `pocketbase`: where the records were.
    pub(super) records: String,
    /// The marker of the file store; `None` where files are within the records.
    pub(super) marker: Option<String>,
    pub(super) databases: Vec<SavedDatabase>,
    pub(super) files: usize,
    pub(super) file_bytes: u64,
    /// Of `files.jsonl`.
    pub(super) files_sha256: String,
    /// Files that records name and the store lacked.
    pub(super) missing: Vec<String>,
}

/// A backup folder.
pub(super) struct BackupFolder {
    root: PathBuf,
}

impl BackupFolder {
    /// Opens a folder to add a snapshot, and makes it if it does not exist.
    pub(super) fn open_or_create(root: &Path) -> anyhow::Result<Self> {
        make_folder(root)?;
        let format = root.join(FORMAT_FILE);
        if !format.exists() {
            let is_empty = fs::read_dir(root)?.next().is_none();
            ensure!(is_empty, "{} is neither empty nor a backup folder", root.display());
            write_private(&format, FORMAT.as_bytes())?;
        }
        let folder = Self::open(root)?;
        for name in ["objects", "snapshots"] {
            make_folder(&root.join(name))?;
        }
        Ok(folder)
    }

    /// Opens a folder that holds a backup.
    pub(super) fn open(root: &Path) -> anyhow::Result<Self> {
        match fs::read_to_string(root.join(FORMAT_FILE)) {
            Ok(format) if format == FORMAT => Ok(Self { root: root.to_owned() }),
            Ok(_) => bail!("{} has a format of a newer version of this program", root.display()),
            Err(_) => bail!("{} is no backup folder", root.display()),
        }
    }

    /// Keeps other backups to this folder away until it is dropped.
    pub(super) fn lock(&self) -> anyhow::Result<File> {
        let lock =
            OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(self.root.join("lock"))?;
        lock.try_lock().ok().with_context(|| format!("another backup to {} is under way", self.root.display()))?;
        Ok(lock)
    }

    /// The file that remembers the hashes of paths.
    pub(super) fn index_path(&self) -> PathBuf {
        self.root.join("index.db")
    }

    /// The place of a file's bytes.
    pub(super) fn object_path(&self, sha256: &str) -> PathBuf {
        self.root.join("objects").join(sha256.get(..2).unwrap_or("00")).join(sha256)
    }

    /// The folder of a complete snapshot.
    pub(super) fn snapshot_path(&self, name: &str) -> PathBuf {
        self.root.join("snapshots").join(name)
    }

    /// An empty folder for a snapshot under way.
    pub(super) fn begin_snapshot(&self) -> anyhow::Result<PathBuf> {
        let path = self.root.join("snapshots/.incomplete");
        match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
            _ => make_folder(&path)?,
        }
        Ok(path)
    }

    /// Makes a snapshot under way complete: durable, and under its name.
    pub(super) fn finish_snapshot(&self, begun: &Path, name: &str, note: &SnapshotNote) -> anyhow::Result<()> {
        write_private(&begun.join("snapshot.json"), &serde_json::to_vec_pretty(note)?)?;
        File::open(begun)?.sync_all()?;
        fs::rename(begun, self.snapshot_path(name))?;
        File::open(self.root.join("snapshots"))?.sync_all()?;
        Ok(())
    }

    /// The names of all complete snapshots, oldest first.
    pub(super) fn list_snapshots(&self) -> anyhow::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.root.join("snapshots"))? {
            let entry = entry?;
            if entry.path().join("snapshot.json").exists() && entry.file_name() != ".incomplete" {
                names.push(entry.file_name().to_string_lossy().into_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Reads the snapshot of that name, or else the newest, and checks its list of files.
    pub(super) fn open_snapshot(&self, name: Option<&str>) -> anyhow::Result<Snapshot> {
        let names = self.list_snapshots()?;
        let name = match name {
            Some(name) => names
                .iter()
                .find(|known| *known == name)
                .with_context(|| format!("there is no complete snapshot {name}; there are: {}", names.join(", ")))?,
            None => names.last().with_context(|| format!("{} holds no complete snapshot", self.root.display()))?,
        };
        let path = self.snapshot_path(name);
        let damaged = |what: &str| format!("{what} of the snapshot {name} is damaged");
        let note: SnapshotNote =
            serde_json::from_slice(&fs::read(path.join("snapshot.json"))?).with_context(|| damaged("snapshot.json"))?;
        let (_, files) = hash_file(&path.join("files.jsonl"))?;
        ensure!(files == note.files_sha256, damaged("the list of files"));
        for database in &note.databases {
            let (length, sha256) = hash_file(&path.join(&database.name))?;
            ensure!((length, &sha256) == (database.length, &database.sha256), damaged(&database.name));
        }
        Ok(Snapshot { name: name.clone(), path, note })
    }
}

/// A complete snapshot.
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) path: PathBuf,
    pub(super) note: SnapshotNote,
}

impl Snapshot {
    /// The files that the snapshot names.
    pub(super) fn files(&self) -> anyhow::Result<impl Iterator<Item = anyhow::Result<SavedFile>> + use<>> {
        let list = File::open(self.path.join("files.jsonl"))?;
        Ok(BufReader::new(list).lines().map(|line| Ok(serde_json::from_str(&line?)?)))
    }
}

/// The length of a file and its SHA-256 in hexadecimal.
pub(super) fn hash_file(path: &Path) -> anyhow::Result<(u64, String)> {
    let opened = || hash_opened_file(&mut File::open(path)?);
    opened().with_context(|| format!("cannot read {}", path.display()))
}

/// The same of an open file, from where it is.
pub(super) fn hash_opened_file(file: &mut File) -> std::io::Result<(u64, String)> {
    let (mut hash, mut chunk, mut length) = (digest::Context::new(&digest::SHA256), vec![0; READ_BYTES], 0);
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            return Ok((length, to_hex(hash.finish().as_ref())));
        }
        hash.update(&chunk[..read]);
        length += read as u64;
    }
}

/// Bytes in hexadecimal.
pub(super) fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Makes a folder that only its owner may enter, if it does not exist.
pub(super) fn make_folder(path: &Path) -> anyhow::Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Writes a new file that only its owner may read, durably.
pub(super) fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let write = || -> std::io::Result<()> {
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}
