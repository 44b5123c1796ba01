//! A file that gets its name when it is whole. Until then it has none where the file system allows that: a killed program leaves
//! nothing behind, neither half a file nor a secret under a temporary name.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::fd::AsRawFd as _;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use tempfile::NamedTempFile;

/// A file of mode 0600 that is being written.
pub enum NewFile {
    Nameless(File),
    /// On file systems without nameless files, such as NFS.
    Named(NamedTempFile),
}

impl NewFile {
    /// Begins a file in the folder that it is for.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn create_in(folder: &Path) -> io::Result<Self> {
        let flags = OFlags::TMPFILE | OFlags::RDWR | OFlags::CLOEXEC;
        match rustix::fs::open(folder, flags, Mode::RUSR | Mode::WUSR) {
            Ok(file) => Ok(Self::Nameless(file.into())),
            Err(_) => Self::create_named_in(folder),
        }
    }

    fn create_named_in(folder: &Path) -> io::Result<Self> {
        tempfile::Builder::new().prefix(".new-").tempfile_in(folder).map(Self::Named)
    }

    /// The file, to write to.
    pub fn as_file(&mut self) -> &mut File {
        match self {
            Self::Nameless(file) => file,
            Self::Named(file) => file.as_file_mut(),
        }
    }

    /// Writes all of it to the disk, then gives it its name. Never replaces a file: of two programs that create the same one at
    /// once, the second gets [`io::ErrorKind::AlreadyExists`]. The folder is not synced.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn publish(mut self, path: &Path) -> io::Result<()> {
        self.as_file().sync_all()?;
        match self {
            Self::Nameless(file) => match link_file(&file, path) {
                Err(Errno::EXIST) => Err(Errno::EXIST.into()),
                Err(_) => Self::copy_to_named(file, path)?.publish(path),
                Ok(()) => Ok(()),
            },
            Self::Named(file) => Ok(file.persist_noclobber(path).map(drop)?),
        }
    }

    /// For systems that cannot name a file later, such as one without /proc.
    fn copy_to_named(mut file: File, path: &Path) -> io::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut named = Self::create_named_in(folder)?;
        file.seek(SeekFrom::Start(0))?;
        io::copy(&mut file, named.as_file())?;
        Ok(named)
    }
}

fn link_file(file: &File, path: &Path) -> rustix::io::Result<()> {
    let nameless = format!("/proc/self/fd/{}", file.as_raw_fd());
    rustix::fs::linkat(CWD, nameless, CWD, path, AtFlags::SYMLINK_FOLLOW)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write as _;
    use std::os::unix::fs::MetadataExt as _;

    use super::*;

    #[test]
    fn file_has_no_name_before_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = NewFile::create_in(folder.path()).unwrap();
        assert!(matches!(file, NewFile::Nameless(_)), "the folder of these tests has nameless files");
        file.as_file().write_all(b"whole").unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        file.publish(&folder.path().join("a")).unwrap();
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn published_file_is_private_whole_and_replaces_none() {
        let folder = tempfile::tempdir().unwrap();
        for (name, begin) in
            [("nameless", NewFile::create_in as fn(&Path) -> io::Result<NewFile>), ("named", NewFile::create_named_in)]
        {
            let path = folder.path().join(name);
            let publish = |text: &[u8]| {
                let mut file = begin(folder.path()).unwrap();
                file.as_file().write_all(text).unwrap();
                file.publish(&path)
            };
            publish(b"first").unwrap();
            assert_eq!(publish(b"second").unwrap_err().kind(), io::ErrorKind::AlreadyExists, "{name}");
            assert_eq!(fs::read(&path).unwrap(), b"first", "{name}");
            assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600, "{name}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left");
    }

    #[test]
    fn file_that_cannot_be_linked_is_copied() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = tempfile::tempfile_in(folder.path()).unwrap();
        file.write_all(b"whole").unwrap();
        let path = folder.path().join("a");
        NewFile::copy_to_named(file, &path).unwrap().publish(&path).unwrap();
        assert_eq!(fs::read(path).unwrap(), b"whole");
    }
}
