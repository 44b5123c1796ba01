//! Serialises writes to one profile. PocketBase checks no condition within a batch, but a second record with the same id makes
//! a batch fail. So a batch that writes a profile adds its audit record under an id that is derived from the profile and its
//! version, and raises the version: of two batches that have read the same version one is made.

use serde_json::{Value, json};

use super::PocketBase;
use super::conditions::broken_condition;
use super::events::renew_events;
use super::field_mapping::{PROFILE_VERSION, text_of};
use super::record_reading::from_pocketbase;
use super::writes::WriteRequest;
use crate::domain::outbox::ProfileEvents;
use crate::records::RecordKind;
use crate::records::id::RecordId;
use crate::store::{Condition, Refusal, Result, derived_id};

/// How often a batch is tried anew because another one was made first.
const MAX_TRIES: usize = 5;

/// The version of a new profile. A number that no other instance has used: audit records that were copied from one have
/// ids that are derived from its versions, and must not hold a lock here.
pub(super) fn first_version() -> u64 {
    const VERSIONS: u128 = 1 << 48;
    u64::try_from(RecordId::random().number() % VERSIONS).unwrap_or_default()
}

/// The lock of a commit that writes a profile.
pub(super) struct ProfileLock {
    profile: RecordId,
    conditions: Vec<Condition>,
    events: Option<ProfileEvents>,
    tries: usize,
}

/// Says what to do after a batch failed because another one was made first.
pub(super) enum LockOutcome {
    TryAgain,
    Refused(Refusal),
}

impl ProfileLock {
    /// Locks a profile as it was read. `None` where PocketBase's collection has no version, or the commit no audit record.
    pub(super) fn new(
        profile: RecordId,
        record: &Value,
        conditions: Vec<Condition>,
        events: Option<ProfileEvents>,
        requests: &mut [WriteRequest],
    ) -> Option<Self> {
        let lock = Self { profile, conditions, events, tries: 0 };
        lock.write_version(record, requests).then_some(lock)
    }

    /// Says whether a request that failed because its record exists is the lock.
    pub(super) fn is_held_by(request: &WriteRequest) -> bool {
        request.is_lock
    }

    /// Reads the profile again. If the commit's conditions still hold, the requests get the next version.
    pub(super) async fn renew(&mut self, store: &PocketBase, requests: &mut [WriteRequest]) -> Result<LockOutcome> {
        self.tries += 1;
        let record = store.read_by_id(RecordKind::Profiles, self.profile, false).await?;
        let Some(record) = record else { return Ok(LockOutcome::Refused(Refusal::Missing)) };
        let shape = store.instance_shape().await?;
        let fields = from_pocketbase(&shape, RecordKind::Profiles, &record);
        if let Some(refusal) = broken_condition(&shape, RecordKind::Profiles, &record, &fields, &self.conditions) {
            return Ok(LockOutcome::Refused(refusal));
        }
        if let Some(events) = &self.events {
            renew_events(&shape, events, &record, requests)?;
        }
        let may_try = self.tries < MAX_TRIES && self.write_version(&record, requests);
        Ok(if may_try { LockOutcome::TryAgain } else { LockOutcome::Refused(Refusal::Changed) })
    }

    fn write_version(&self, record: &Value, requests: &mut [WriteRequest]) -> bool {
        if record.get(PROFILE_VERSION).is_none() {
            return false;
        }
        let version: u64 = text_of(record, PROFILE_VERSION).parse().unwrap_or_default();
        let is_update = |request: &WriteRequest| request.kind == RecordKind::Profiles && !request.is_insert();
        let is_audit = |request: &WriteRequest| request.kind == RecordKind::AuditEvents && request.is_insert();
        let (Some(update), Some(audit)) = (requests.iter().position(is_update), requests.iter().position(is_audit))
        else {
            return false;
        };
        requests[update].body[PROFILE_VERSION] = json!(version + 1);
        requests[audit].body["id"] = json!(derived_id(&format!("version {version} of profile {}", self.profile)));
        requests[audit].may_exist = false;
        requests[audit].is_lock = true;
        true
    }
}
