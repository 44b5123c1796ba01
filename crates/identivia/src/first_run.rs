//! The first start: creates the data folder, and generates a signing secret and one machine client if none is configured.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::ConfigError;
use crate::domain::client::{Client, ClientSecret};
use crate::domain::scope::Scope;
use crate::records::id::random_text;
use crate::secret_file::{self, create_secret_file, read_secret_file};

const SETTING: &str = "DATA_DIR";
const FILE: &str = "first-run.json";
const LOCK_FILE: &str = "lock";
const CLIENT_ID: &str = "first-run";

/// The generated secrets, stored in the data folder with mode 0600.
#[derive(Serialize, Deserialize)]
pub struct FirstRun {
    jwt_secret: String,
    client_id: String,
    client_secret: String,
    /// Whether this start generated them: only that start shows them.
    #[serde(skip)]
    pub is_new: bool,
}

impl FirstRun {
    /// Reads the stored secrets, or generates them.
    ///
    /// # Errors
    /// When the folder cannot be written, or other users could read the file.
    pub fn load_or_generate(data_dir: &Path) -> Result<Self, ConfigError> {
        let path = data_dir.join(FILE);
        match read_secret_file(SETTING, &path)? {
            Some(json) => Self::from_file(&path, &json),
            None => Self::generate(&path),
        }
    }

    /// Reads the stored secrets, if there are any.
    ///
    /// # Errors
    /// When the file cannot be read, or other users could read it.
    pub fn load(data_dir: &Path) -> Result<Option<Self>, ConfigError> {
        let path = data_dir.join(FILE);
        read_secret_file(SETTING, &path)?.map(|json| Self::from_file(&path, &json)).transpose()
    }

    /// The signing secret.
    #[must_use]
    pub fn jwt_secret(&self) -> Vec<u8> {
        self.jwt_secret.clone().into_bytes()
    }

    /// The generated client: every scope, every team.
    #[must_use]
    pub fn client(&self) -> Client {
        Client {
            id: self.client_id.clone(),
            secret: ClientSecret::Plain(self.client_secret.clone()),
            scopes: Scope::MACHINE.iter().map(|scope| scope.name().to_owned()).collect(),
            team: None,
        }
    }

    /// The text that the first start prints: the client, and a request to try.
    #[must_use]
    pub fn to_welcome_text(&self, base_url: &str, data_dir: &Path) -> String {
        format!(
            "\nFirst start: generated a client. This is the only time it is shown; {} stores it (mode 0600).\n\n  \
             client_id      {}\n  client_secret  {}\n\nTry it:\n\n  \
             curl -s {base_url}/api/auth/token -H 'Content-Type: application/json' \\\n    \
             -d '{{\"client_id\":\"{}\",\"client_secret\":\"{}\"}}'\n\nAPI documentation: {base_url}/docs\n",
            data_dir.join(FILE).display(),
            self.client_id,
            self.client_secret,
            self.client_id,
            self.client_secret,
        )
    }

    fn from_file(path: &Path, json: &[u8]) -> Result<Self, ConfigError> {
        serde_json::from_slice(json).map_err(|_| {
            to_data_dir_error(format!(
                "{} is damaged; restore it, or remove it so that the next start generates a new one",
                path.display()
            ))
        })
    }

    fn generate(path: &Path) -> Result<Self, ConfigError> {
        let generated = Self {
            jwt_secret: random_text::<48>(),
            client_id: CLIENT_ID.to_owned(),
            client_secret: random_text::<40>(),
            is_new: true,
        };
        let json = serde_json::to_vec_pretty(&generated).unwrap_or_default();
        create_secret_file(path, &json).map_err(|error| to_path_error(path, &error))?;
        Ok(generated)
    }
}

/// Creates the data folder (mode 0700) and locks it until the returned file is dropped. Two servers on one folder would
/// sweep each other's uploads.
///
/// # Errors
/// When the folder cannot be created or written, or another process holds the lock.
pub fn lock_data_dir(data_dir: &Path) -> Result<File, ConfigError> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(|error| to_path_error(data_dir, &error))?;
    let path = data_dir.join(LOCK_FILE);
    let lock = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(|error| to_path_error(data_dir, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(to_data_dir_error(format!(
            "{} is in use by another identivia; stop it or set another folder",
            data_dir.display()
        ))),
        Err(TryLockError::Error(error)) => Err(to_path_error(&path, &error)),
    }
}

/// Checks that a start could create or write the data folder, and changes nothing.
///
/// # Errors
/// What is in the way.
pub fn require_usable_data_dir(data_dir: &Path) -> Result<(), ConfigError> {
    let mut nearest = data_dir;
    loop {
        let shown = if nearest.as_os_str().is_empty() { Path::new(".") } else { nearest };
        match fs::metadata(shown) {
            Ok(found) if !found.is_dir() => {
                return Err(to_data_dir_error(format!("{} is no folder; set another one", shown.display())));
            }
            // A nameless file needs what a start needs, and leaves nothing behind.
            Ok(_) => return tempfile::tempfile_in(shown).map(drop).map_err(|error| to_path_error(shown, &error)),
            Err(error) if error.kind() == ErrorKind::NotFound => match nearest.parent() {
                Some(parent) => nearest = parent,
                None => return Err(to_path_error(data_dir, &error)),
            },
            Err(error) => return Err(to_path_error(shown, &error)),
        }
    }
}

/// Says whether another process has locked the data folder.
#[must_use]
pub fn is_data_dir_in_use(data_dir: &Path) -> bool {
    let lock = OpenOptions::new().write(true).open(data_dir.join(LOCK_FILE));
    lock.is_ok_and(|lock| matches!(lock.try_lock(), Err(TryLockError::WouldBlock)))
}

fn to_path_error(path: &Path, error: &std::io::Error) -> ConfigError {
    secret_file::to_path_error(SETTING, path, error)
}

fn to_data_dir_error(problem: String) -> ConfigError {
    ConfigError { name: SETTING, problem }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};

    use super::*;

    #[test]
    fn s24_secret_file_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let generated = FirstRun::load_or_generate(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        let load_with_mode = |mode: u32| {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            FirstRun::load_or_generate(folder.path())
        };
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        for mode in [0o644, 0o640, 0o604, 0o620, 0o602, 0o610, 0o601, 0o666] {
            let refused = load_with_mode(mode).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(refused.starts_with("DATA_DIR: ") && refused.contains("chmod 600"), "{mode:o}: {refused}");
            assert!(!refused.contains(&generated.jwt_secret) && !refused.contains(&generated.client_secret));
        }
        for mode in [0o600, 0o400] {
            assert_eq!(load_with_mode(mode).unwrap().jwt_secret, generated.jwt_secret, "{mode:o}");
        }
    }
}
