//! Why a commit's transaction is rolled back: a refusal, or a failure of the store.

use crate::store::{Refusal, StoreError};

/// Why a transaction ends without a change.
pub(super) enum CommitError {
    Refused(Refusal),
    Failed(StoreError),
}

impl From<StoreError> for CommitError {
    fn from(error: StoreError) -> Self {
        Self::Failed(error)
    }
}

pub(super) type CommitResult<T> = std::result::Result<T, CommitError>;
