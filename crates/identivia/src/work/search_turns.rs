//! Turns of searches: two run at once, so that those who search leave the database to those who read and write.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::count_processors;
use super::cpu_ledger::CpuLedger;
use super::fair_permits::FairPermits;
use super::holder::WorkHolder;
use crate::clock::Clock;

/// Searches that run at once on this server.
const SEARCHES_AT_ONCE: u32 = 2;
/// How long a search may take, with the wait for its turn.
const SEARCH_DEADLINE: Duration = Duration::from_secs(2);

/// The turns of this server.
pub struct SearchTurns {
    /// They have a ledger of their own: searches cost little, and must not use up what a team may spend on documents.
    permits: Arc<FairPermits>,
    deadline: Duration,
}

impl SearchTurns {
    /// Starts with all turns free.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with_deadline(clock, SEARCH_DEADLINE)
    }

    fn with_deadline(clock: Clock, deadline: Duration) -> Self {
        let ledger = CpuLedger::new(clock, count_processors());
        Self { permits: FairPermits::new(ledger, SEARCHES_AT_ONCE, 0), deadline }
    }

    /// Runs a search when it is the holder's turn. `None` when it has not ended in time: then it is dropped.
    pub async fn run_in_turn<T>(&self, holder: WorkHolder, search: impl Future<Output = T>) -> Option<T> {
        let turn = async {
            let permit = self.permits.acquire(holder, 1).await;
            let _cost = permit.begin_work();
            search.await
        };
        timeout(self.deadline, turn).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    fn holder(team: &str) -> WorkHolder {
        WorkHolder::Machine { team: Some(team.to_owned()) }
    }

    #[tokio::test]
    async fn third_search_waits_until_one_has_ended() {
        let turns = Arc::new(SearchTurns::with_deadline(Clock::default(), Duration::from_secs(30)));
        let (end, mut ended) = tokio::sync::watch::channel(false);
        let start_search = |team: &'static str| {
            let (turns, mut ended) = (turns.clone(), ended.clone());
            tokio::spawn(async move {
                turns.run_in_turn(holder(team), async { ended.wait_for(|is_ended| *is_ended).await.is_ok() }).await
            })
        };
        let running = [start_search("a"), start_search("a")];
        while turns.permits.usage().in_use < SEARCHES_AT_ONCE {
            tokio::task::yield_now().await;
        }
        let third = tokio::spawn({
            let turns = turns.clone();
            async move { turns.run_in_turn(holder("b"), ready("found")).await }
        });
        while turns.permits.usage().waiting == 0 {
            assert!(!third.is_finished(), "three searches run at once");
            tokio::task::yield_now().await;
        }
        assert!(!third.is_finished() && !*ended.borrow_and_update());
        end.send(true).unwrap();
        assert_eq!(third.await.unwrap(), Some("found"));
        for search in running {
            assert_eq!(search.await.unwrap(), Some(true));
        }
    }

    #[tokio::test]
    async fn search_that_does_not_end_in_time_gives_its_turn_back() {
        let turns = SearchTurns::with_deadline(Clock::default(), Duration::from_millis(50));
        for _ in 0..3 {
            assert_eq!(turns.run_in_turn(holder("a"), pending::<()>()).await, None);
        }
        assert_eq!(turns.permits.usage().in_use, 0);
        assert_eq!(turns.run_in_turn(holder("a"), ready(7)).await, Some(7));
    }
}
