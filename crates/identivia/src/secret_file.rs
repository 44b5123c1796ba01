//! Files that hold secrets: created whole with mode 0600, and refused when other users can read them.

use std::fs::File;
use std::io::{Error, ErrorKind, Read as _, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use crate::config::ConfigError;
use crate::new_file::NewFile;

/// Reads a file that only its owner may read. `None` when there is none.
///
/// # Errors
/// When other users could read or change it, or it cannot be read. The error names the setting.
pub fn read_secret_file(setting: &'static str, path: &Path) -> Result<Option<Vec<u8>>, ConfigError> {
    let to_error = |error: Error| to_path_error(setting, path, &error);
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(to_error(error)),
    };
    if file.metadata().map_err(to_error)?.mode() & 0o077 != 0 {
        let path = path.display();
        let problem = format!("{path} holds secrets and other users can read it; run: chmod 600 {path}");
        return Err(ConfigError { name: setting, problem });
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes).map_err(to_error)?;
    Ok(Some(bytes))
}

/// Creates a file with mode 0600. A crash leaves the whole file or none. Never replaces a file: of two processes that create the
/// same one at once, the second gets [`ErrorKind::AlreadyExists`].
///
/// # Errors
/// Those of the file system.
pub fn create_secret_file(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = NewFile::create_in(folder)?;
    file.as_file().write_all(bytes)?;
    file.publish(path)?;
    File::open(folder)?.sync_all()
}

/// The error that a path cannot be used.
#[must_use]
pub fn to_path_error(setting: &'static str, path: &Path, error: &Error) -> ConfigError {
    ConfigError { name: setting, problem: format!("cannot use {}: {}", path.display(), error.kind()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn created_file_is_private_whole_and_never_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        assert!(read_secret_file("X", &path).unwrap().is_none());
        create_secret_file(&path, b"first").unwrap();
        assert_eq!(create_secret_file(&path, b"second").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(read_secret_file("X", &path).unwrap().unwrap(), b"first");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing staged is left");
    }
}
