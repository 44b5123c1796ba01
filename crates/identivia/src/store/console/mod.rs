//! The store of the console: users, sessions, links and challenges, and the audit records of what happens to them.
//!
//! They are beside all other records, and their audit records are part of the same commit. PocketBase has no place for
//! them: then they are in the server's own database, and the audit record is written to PocketBase first. So nothing happens
//! that is not in the audit trail; what failed afterwards may be in it too.

mod challenges;
mod credentials;
mod identities;
mod links;
mod sessions;
mod sign_ins;
mod users;

use std::sync::Arc;

use super::{Commit, IfExists, Result, Store, WriteOutcome};
use crate::records::audit_event::AuditEvent;

pub use sign_ins::{MAX_SIGN_INS, MAX_SIGN_INS_OF_ADDRESS};
pub use users::{MAX_CONSOLE_USERS, UserWrite};

/// Users, sessions and links of the console.
pub struct ConsoleStore {
    records: Arc<dyn Store>,
    /// Where audit records are, if that is another store.
    audit: Option<Arc<dyn Store>>,
}

impl ConsoleStore {
    /// The console's records in that store. `audit` is the store of the audit trail where it is another one.
    #[must_use]
    pub fn new(records: Arc<dyn Store>, audit: Option<Arc<dyn Store>>) -> Arc<Self> {
        Arc::new(Self { records, audit })
    }

    /// Says whether users are in the same database as all other records, so that one write can name both.
    #[must_use]
    pub fn is_beside_records(&self) -> bool {
        self.audit.is_none()
    }

    /// Records what belongs to no change: a refusal, or a read.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn record_event(&self, event: &AuditEvent) -> Result<()> {
        self.audit.as_ref().unwrap_or(&self.records).record_event(event).await
    }

    /// Makes changes with their audit records.
    async fn commit(&self, mut commit: Commit, audit: &[AuditEvent]) -> Result<WriteOutcome<()>> {
        for event in audit {
            match &self.audit {
                None => commit.insert(event, IfExists::Skip)?,
                Some(trail) => trail.record_event(event).await?,
            }
        }
        Ok(self.records.commit(commit).await?.into_result())
    }
}
