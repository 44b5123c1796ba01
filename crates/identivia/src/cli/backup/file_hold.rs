//! The hold of a backup: while it is renewed, no server removes files. The database keeps it, for all servers.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::store::{FileStoreChange, Store, StoreError};

/// How long the hold lasts without a renewal, in seconds: so long replaced files stay after a killed backup.
const HOLD_SECONDS: i64 = 300;
/// How often it is renewed.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(60);

/// Holds back the removal of files until it is dropped. Then the hold runs out by itself.
pub(super) struct FileHold {
    renewal: JoinHandle<()>,
}

impl FileHold {
    /// Begins the hold. When this returns, no file is removed that a record names from now on, even if the record then
    /// names another one: a sweep looks at the hold before each removal, and a file whose removal began before was not
    /// named by any record any more.
    pub(super) async fn begin(store: Arc<dyn Store>, clock: Clock) -> Result<Self, StoreError> {
        renew(store.as_ref(), &clock).await?;
        let renewal = tokio::spawn(async move {
            loop {
                tokio::time::sleep(RENEWAL_INTERVAL).await;
                if let Err(error) = renew(store.as_ref(), &clock).await {
                    tracing::warn!(%error, "could not renew the hold on files; trying again in a minute");
                }
            }
        });
        Ok(Self { renewal })
    }
}

impl Drop for FileHold {
    fn drop(&mut self) {
        self.renewal.abort();
    }
}

async fn renew(store: &dyn Store, clock: &Clock) -> Result<(), StoreError> {
    store.change_file_store(FileStoreChange::HoldUntil(clock.now().plus_seconds(HOLD_SECONDS))).await
}
