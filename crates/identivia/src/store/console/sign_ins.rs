//! Sign-ins with a provider that are under way: a bounded number, each taken once.

use super::super::{Commit, Comparison, Condition, IfExists, Order, Query, Refusal, Result};
use super::ConsoleStore;
use crate::records::RecordKind;
use crate::records::console_identity::ConsoleSignIn;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The most sign-ins under way, in all and from one network.
pub const MAX_SIGN_INS: usize = 1_000;
pub const MAX_SIGN_INS_OF_ADDRESS: usize = 50;
/// Sign-ins that have ended by themselves and are removed at once.
const REMOVED_AT_ONCE: usize = 50;

impl ConsoleStore {
    /// Stores a sign-in that begins; says whether there was room for it. Those that run at once may exceed the limits by their
    /// number.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn begin_sign_in(&self, sign_in: &ConsoleSignIn, now: Millis) -> Result<bool> {
        let mut commit = Commit::default();
        for ended in self.ended_sign_ins(now).await? {
            commit.delete(RecordKind::ConsoleSignIns, ended.as_str(), Vec::new());
        }
        let of_address = Comparison::Is(sign_in.address.as_str().into());
        let has_room = self.has_room_for_sign_in(Some(of_address), now, MAX_SIGN_INS_OF_ADDRESS).await?
            && self.has_room_for_sign_in(None, now, MAX_SIGN_INS).await?;
        if has_room {
            commit.insert(sign_in, IfExists::Refuse(Refusal::AlreadyExists))?;
        }
        if !commit.changes.is_empty() {
            self.records.commit(commit).await?;
        }
        Ok(has_room)
    }

    /// Takes a sign-in that is under way: of two requests with it, one gets it.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn take_sign_in(&self, id: RecordId, now: Millis) -> Result<Option<ConsoleSignIn>> {
        let Some(sign_in) = self.records.read_record::<ConsoleSignIn>(id.as_str()).await? else { return Ok(None) };
        let mut commit = Commit::default();
        let exists = Condition::exists(RecordKind::ConsoleSignIns, Refusal::Missing);
        commit.delete(RecordKind::ConsoleSignIns, id.as_str(), vec![exists]);
        let is_taken = self.records.commit(commit).await?.into_result().is_ok();
        Ok(Some(sign_in).filter(|sign_in| is_taken && now < sign_in.expires))
    }

    async fn ended_sign_ins(&self, now: Millis) -> Result<Vec<RecordId>> {
        let query = Query::of_kind(RecordKind::ConsoleSignIns)
            .filter("expires", Comparison::Until(now))
            .ordered(Order::Oldest)
            .limited(REMOVED_AT_ONCE);
        let ended: Vec<ConsoleSignIn> = self.records.read_all(query).await?;
        Ok(ended.into_iter().map(|sign_in| sign_in.id).collect())
    }

    /// Says whether fewer than that many are under way.
    async fn has_room_for_sign_in(&self, address: Option<Comparison>, now: Millis, limit: usize) -> Result<bool> {
        let query = Query::of_kind(RecordKind::ConsoleSignIns).filter("expires", Comparison::After(now)).limited(limit);
        let query = match address {
            Some(address) => query.filter("address", address),
            None => query,
        };
        Ok(self.records.read(Query { keys_only: true, ..query }).await?.len() < limit)
    }
}
