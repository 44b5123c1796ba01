//! Challenges for passkeys: limited in number, and each is taken once.

use super::super::{Commit, Comparison, Condition, IfExists, Order, Query, Refusal, Result};
use super::ConsoleStore;
use crate::domain::console::challenge::{MAX_CHALLENGES, MAX_CHALLENGES_OF_ADDRESS};
use crate::records::RecordKind;
use crate::records::console_challenge::ConsoleChallenge;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Challenges past their time that are removed at once.
const REMOVED_AT_ONCE: usize = 50;

impl ConsoleStore {
    /// Stores a challenge of a session, in the place of the one before.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_challenge_to_session(&self, challenge: &ConsoleChallenge, now: Millis) -> Result<()> {
        let mut commit = self.without_old_challenges(now).await?;
        let of_session = challenges().filter("holder", Comparison::Is(challenge.holder.as_str().into()));
        for earlier in self.records.read_all::<ConsoleChallenge>(of_session).await? {
            commit.delete(RecordKind::ConsoleChallenges, earlier.id.as_str(), Vec::new());
        }
        commit.insert(challenge, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.records.commit(commit).await.map(drop)
    }

    /// Stores a challenge of a caller before the sign-in. Says no when too many wait, of this address or in all. Challenges
    /// that are offered at once may exceed the limits by their number.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_challenge_to_address(&self, challenge: &ConsoleChallenge, now: Millis) -> Result<bool> {
        let waiting = || challenges().filter("expires", Comparison::After(now));
        let of_address = waiting().filter("holder", Comparison::Is(challenge.holder.as_str().into()));
        for (query, limit) in [(of_address, MAX_CHALLENGES_OF_ADDRESS), (waiting(), MAX_CHALLENGES)] {
            let query = Query { keys_only: true, ..query.limited(limit) };
            if self.records.read(query).await?.len() >= limit {
                return Ok(false);
            }
        }
        let mut commit = self.without_old_challenges(now).await?;
        commit.insert(challenge, IfExists::Refuse(Refusal::AlreadyExists))?;
        self.records.commit(commit).await?;
        Ok(true)
    }

    /// Takes a challenge away, and gives it to one caller only.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn take_challenge(&self, id: RecordId) -> Result<Option<ConsoleChallenge>> {
        let Some(challenge) = self.records.read_record::<ConsoleChallenge>(id.as_str()).await? else { return Ok(None) };
        let mut commit = Commit::default();
        let is_there = Condition::exists(RecordKind::ConsoleChallenges, Refusal::Missing);
        commit.delete(RecordKind::ConsoleChallenges, id.as_str(), vec![is_there]);
        let taken = self.records.commit(commit).await?.into_result();
        Ok(taken.is_ok().then_some(challenge))
    }

    /// A commit that removes challenges past their time.
    async fn without_old_challenges(&self, now: Millis) -> Result<Commit> {
        let old = challenges().filter("expires", Comparison::Until(now)).limited(REMOVED_AT_ONCE);
        let mut commit = Commit::default();
        for challenge in self.records.read_all::<ConsoleChallenge>(old).await? {
            commit.delete(RecordKind::ConsoleChallenges, challenge.id.as_str(), Vec::new());
        }
        Ok(commit)
    }
}

fn challenges() -> Query {
    Query::of_kind(RecordKind::ConsoleChallenges).ordered(Order::Oldest)
}
