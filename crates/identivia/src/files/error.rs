//! Errors of file storage, and file work that runs off the async threads.

use std::io::ErrorKind;

use crate::store::StoreError;

/// Why a file was not stored or read.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// No room left. Heals when room is made.
    #[error("the files' disk is full")]
    Full,
    /// A sync to disk failed. No upload is acknowledged until a restart.
    #[error("a sync to the files' disk failed; restart once the disk is well")]
    Broken,
    /// The system has no file handles left: try again.
    #[error("no file handles are left")]
    Busy,
    /// The backend cannot be reached, does not answer in time or refuses this server: try again later.
    #[error("the files are out of reach: {0}")]
    Unavailable(String),
    /// The file store is not the one that the database knows.
    #[error("the file store does not fit: {0}")]
    WrongStore(MarkerFault),
    /// The file does not exist any more.
    #[error("the file is gone")]
    Gone,
    /// A picture that another program has stored cannot be rebuilt.
    #[error("a stored picture {0}")]
    UnfitPicture(String),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("{0}")]
    Failed(String),
}

impl FilesError {
    /// Says whether the file store itself is out of order, or is not the right one. Each has a log line of its own.
    #[must_use]
    pub const fn is_outage(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Full | Self::Broken | Self::WrongStore(_) => true,
            Self::Store(error) => error.is_outage(),
            Self::Busy | Self::Gone | Self::UnfitPicture(_) | Self::Failed(_) => false,
        }
    }
}

/// Why a file store does not fit the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkerFault {
    #[error(
        "it lacks the marker that the database knows, so the files of the records are elsewhere: is it not mounted, or not \
         restored?"
    )]
    Missing,
    #[error("it has another marker than the database knows, so it holds the files of other records")]
    Other,
    #[error("it belongs to another database, and this one is new: is the database not mounted, or not restored?")]
    NewDatabase,
    #[error("it does not answer in time")]
    NoAnswer,
}

impl From<MarkerFault> for FilesError {
    fn from(fault: MarkerFault) -> Self {
        Self::WrongStore(fault)
    }
}

/// `EMFILE` and `ENFILE` (errno.h, the same on Linux, macOS and the BSDs).
const TOO_MANY_FILES: i32 = 24;
const TOO_MANY_FILES_IN_SYSTEM: i32 = 23;

impl From<std::io::Error> for FilesError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Self::Full,
            ErrorKind::NotFound => Self::Gone,
            _ if matches!(error.raw_os_error(), Some(TOO_MANY_FILES | TOO_MANY_FILES_IN_SYSTEM)) => Self::Busy,
            _ => Self::Failed(error.to_string()),
        }
    }
}

/// Runs file work off the async threads.
pub(super) async fn run_blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FilesError> + Send + 'static,
) -> Result<T, FilesError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => Err(FilesError::Failed(error.to_string())),
    }
}
