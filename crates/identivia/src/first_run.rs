//! What the first start makes when nothing is configured: the data folder, a signing secret and one machine client.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::domain::client::{Client, Secret};
use crate::domain::scope::Scope;
use crate::records::id::random_text;

const FILE: &str = "first-run.json";
const CLIENT_ID: &str = "first-run";

/// The secrets that are kept in the data folder, mode 0600.
#[derive(Serialize, Deserialize)]
pub struct FirstRun {
    jwt_secret: String,
    client_id: String,
    client_secret: String,
    /// Whether this start made them: then, and only then, they are shown.
    #[serde(skip)]
    pub fresh: bool,
}

impl FirstRun {
    /// Reads the kept secrets, or makes them.
    ///
    /// # Errors
    /// When the folder cannot be written, or others could read the file.
    pub fn load_or_make(data_dir: &Path) -> Result<Self, ConfigError> {
        let path = data_dir.join(FILE);
        match fs::read(&path) {
            Ok(kept) => Self::from_kept(&path, &kept),
            Err(error) if error.kind() == ErrorKind::NotFound => Self::make(&path),
            Err(error) => Err(unusable(&path, &error)),
        }
    }

    /// The signing secret.
    #[must_use]
    pub fn jwt_secret(&self) -> Vec<u8> {
        self.jwt_secret.clone().into_bytes()
    }

    /// The client, an operator's: every scope, every team.
    #[must_use]
    pub fn client(&self) -> Client {
        Client {
            id: self.client_id.clone(),
            secret: Secret::Plain(self.client_secret.clone()),
            scopes: Scope::ALL.iter().map(|scope| scope.name().to_owned()).collect(),
            team: None,
        }
    }

    /// What a person sees once, on the first start.
    #[must_use]
    pub fn welcome(&self, base_url: &str, data_dir: &Path) -> String {
        format!(
            "\nFirst start: a client was made for you. It is shown this once, and kept in {} (mode 0600).\n\n  \
             client_id      {}\n  client_secret  {}\n\nTry it:\n\n  \
             curl -s {base_url}/api/auth/token -H 'Content-Type: application/json' \\\n    \
             -d '{{\"client_id\":\"{}\",\"client_secret\":\"{}\"}}'\n\nThe API is described at {base_url}/docs\n",
            data_dir.join(FILE).display(),
            self.client_id,
            self.client_secret,
            self.client_id,
            self.client_secret,
        )
    }

    fn from_kept(path: &Path, kept: &[u8]) -> Result<Self, ConfigError> {
        let mode = fs::metadata(path).map_err(|error| unusable(path, &error))?.mode();
        if mode & 0o077 != 0 {
            return Err(data_dir_error(format!(
                "{} holds secrets and others may read it; run: chmod 600 {}",
                path.display(),
                path.display()
            )));
        }
        serde_json::from_slice(kept).map_err(|_| {
            data_dir_error(format!("{} is damaged; restore it, or remove it to have a new one made", path.display()))
        })
    }

    fn make(path: &Path) -> Result<Self, ConfigError> {
        let made = Self {
            jwt_secret: random_text::<48>(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: random_text::<40>(),
            fresh: true,
        };
        let json = serde_json::to_vec_pretty(&made).unwrap_or_default();
        write_durably(path, &json).map_err(|error| unusable(path, &error))?;
        Ok(made)
    }
}

/// Makes the data folder (mode 0700) and takes its lock, which is held until the file is dropped: two servers on one
/// folder would sweep each other's uploads away.
///
/// # Errors
/// When the folder cannot be made or written, or another process holds it.
pub fn take_data_dir(data_dir: &Path) -> Result<File, ConfigError> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(data_dir).map_err(|error| unusable(data_dir, &error))?;
    let path = data_dir.join("lock");
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| unusable(data_dir, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(data_dir_error(format!(
            "{} is in use by another identivia; stop it or set another folder",
            data_dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(unusable(&path, &error)),
    }
}

/// Writes beside the place and renames, so that a crash leaves the whole file or none.
fn write_durably(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let staged: PathBuf = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&staged)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&staged, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

fn unusable(path: &Path, error: &std::io::Error) -> ConfigError {
    data_dir_error(format!("cannot use {}: {}", path.display(), error.kind()))
}

fn data_dir_error(problem: String) -> ConfigError {
    ConfigError { name: "DATA_DIR", problem }
}
