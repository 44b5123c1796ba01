//! Whether requests can be served: one look at the store and the files at a time, and an answer within two seconds.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};

use crate::files::{Files, FilesError};
use crate::store::Store;
use std::sync::Arc;

/// How long a caller waits. Orchestrators give up after a few seconds, and take no answer for a dead process.
const ANSWER_WITHIN: Duration = Duration::from_millis(1_500);

/// A look at the store and the files, which any number of callers wait for.
type SharedLook = Shared<BoxFuture<'static, Result<(), Arc<FilesError>>>>;

/// Why requests cannot be served.
#[derive(Clone, Debug, thiserror::Error)]
pub enum NotReady {
    #[error(transparent)]
    Failed(Arc<FilesError>),
    #[error("records or files do not answer within 1.5 s")]
    Slow,
}

/// Looks at the store and the files.
#[derive(Default)]
pub struct Readiness {
    under_way: Mutex<Option<SharedLook>>,
}

impl Readiness {
    /// Says whether requests can be served. A look that takes longer goes on, and the next caller waits for the same one: probes
    /// of a store that hangs do not pile up.
    ///
    /// # Errors
    /// Why they cannot.
    pub async fn check(&self, store: &Arc<dyn Store>, files: &Arc<Files>) -> Result<(), NotReady> {
        let look = self.join_look(store, files);
        match tokio::time::timeout(ANSWER_WITHIN, look).await {
            Ok(outcome) => outcome.map_err(NotReady::Failed),
            Err(_) => Err(NotReady::Slow),
        }
    }

    fn join_look(&self, store: &Arc<dyn Store>, files: &Arc<Files>) -> SharedLook {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = under_way.as_ref().filter(|look| look.peek().is_none()) {
            return look.clone();
        }
        let (store, files) = (store.clone(), files.clone());
        // In a task of its own: it goes on when its first caller has given up.
        let task = tokio::spawn(async move {
            store.check_ready().await?;
            files.check_writable().await
        });
        let look = async move {
            let outcome = task.await.unwrap_or_else(|_| Err(FilesError::Unavailable("the look broke off".to_owned())));
            outcome.map_err(Arc::new)
        };
        let look = look.boxed().shared();
        *under_way = Some(look.clone());
        look
    }
}
