//! Permits for expensive work. Who has spent least processor time is next, and one permit stays for callers that have spent
//! little.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;

use super::cpu_ledger::{CpuLedger, RunningWork};
use super::holder::WorkHolder;

/// A number of permits that holders take turns with.
pub struct FairPermits {
    ledger: Arc<CpuLedger>,
    /// All permits.
    capacity: u32,
    /// The permits that a heavy holder leaves to others.
    reserved: u32,
    queue: Mutex<TurnQueue>,
}

/// The use of the permits at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PermitUsage {
    pub capacity: u32,
    pub in_use: u32,
    pub waiting: usize,
}

struct TurnQueue {
    free: u32,
    waiting: Vec<Waiter>,
}

struct Waiter {
    holder: WorkHolder,
    weight: u32,
    since: Instant,
    turn: oneshot::Sender<WorkPermit>,
}

/// The right to do work. Dropping it gives the next holder a turn.
pub struct WorkPermit {
    permits: Arc<FairPermits>,
    holder: WorkHolder,
    weight: u32,
}

impl FairPermits {
    /// So many permits. A heavy holder leaves `reserved` of them to others, where there are more.
    #[must_use]
    pub fn new(ledger: Arc<CpuLedger>, capacity: u32, reserved: u32) -> Arc<Self> {
        let reserved = if capacity > reserved { reserved } else { 0 };
        let queue = Mutex::new(TurnQueue { free: capacity, waiting: Vec::new() });
        Arc::new(Self { ledger, capacity, reserved, queue })
    }

    /// The ledger that its work is charged to.
    #[must_use]
    pub fn ledger(&self) -> &Arc<CpuLedger> {
        &self.ledger
    }

    /// How many permits there are, how many are in use, and how many holders wait for one.
    #[must_use]
    pub fn usage(&self) -> PermitUsage {
        let queue = self.lock_queue();
        let waiting = queue.waiting.iter().filter(|waiter| !waiter.turn.is_closed()).count();
        PermitUsage { capacity: self.capacity, in_use: self.capacity.saturating_sub(queue.free), waiting }
    }

    fn lock_queue(&self) -> MutexGuard<'_, TurnQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the holder's turn. `None` when it does not come in time.
    pub async fn acquire_within(
        self: &Arc<Self>,
        holder: WorkHolder,
        weight: u32,
        timeout: Duration,
    ) -> Option<WorkPermit> {
        tokio::time::timeout(timeout, self.acquire(holder, weight)).await.ok()
    }

    /// Waits for the holder's turn. Work that weighs more than all permits takes all.
    pub async fn acquire(self: &Arc<Self>, holder: WorkHolder, weight: u32) -> WorkPermit {
        let weight = weight.clamp(1, self.capacity.max(1));
        loop {
            let (turn, my_turn) = oneshot::channel();
            self.lock_queue().waiting.push(Waiter { holder: holder.clone(), weight, since: Instant::now(), turn });
            self.give_turns();
            if let Ok(permit) = my_turn.await {
                return permit;
            }
        }
    }

    /// Gives free permits to those who wait.
    fn give_turns(self: &Arc<Self>) {
        let mut queue = self.lock_queue();
        queue.waiting.retain(|waiter| !waiter.turn.is_closed());
        while let Some(next) = self.choose_next(&queue) {
            let Waiter { holder, weight, turn, .. } = queue.waiting.remove(next);
            queue.free -= weight;
            let permit = WorkPermit { permits: self.clone(), holder, weight };
            if let Err(mut unwanted) = turn.send(permit) {
                // Its drop would lock the queue again.
                unwanted.weight = 0;
                queue.free += weight;
            }
        }
    }

    /// The waiter whose turn it is: the one that has spent least, less the time that it has waited. A waiter for whom
    /// too few permits are free is not overtaken; a heavy one lets others pass.
    fn choose_next(&self, queue: &TurnQueue) -> Option<usize> {
        let rank =
            |waiter: &Waiter| self.ledger.rank(&waiter.holder).as_secs_f64() - waiter.since.elapsed().as_secs_f64();
        let mut order: Vec<(f64, usize)> =
            queue.waiting.iter().enumerate().map(|(place, waiter)| (rank(waiter), place)).collect();
        order.sort_by(|one, other| one.0.total_cmp(&other.0));
        for (_, place) in order {
            let waiter = &queue.waiting[place];
            let left = queue.free.checked_sub(waiter.weight)?;
            if left >= self.reserved || !self.ledger.is_heavy(&waiter.holder) {
                return Some(place);
            }
        }
        None
    }
}

impl WorkPermit {
    /// Notes that work begins: its cost is charged to the holder until the result is dropped.
    #[must_use]
    pub fn begin_work(&self) -> RunningWork {
        self.permits.ledger.begin_work(self.holder.clone())
    }
}

impl Drop for WorkPermit {
    fn drop(&mut self) {
        if self.weight > 0 {
            self.permits.lock_queue().free += self.weight;
            self.permits.give_turns();
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;
    use crate::clock::Clock;
    use crate::records::id::RecordId;

    fn link() -> WorkHolder {
        WorkHolder::Link { profile: RecordId::random(), team: String::new() }
    }

    /// Has a link spend more than a light one.
    fn make_heavy(ledger: &Arc<CpuLedger>) -> WorkHolder {
        let heavy = link();
        ledger.charge_for_tests(&heavy, Duration::from_secs(20));
        heavy
    }

    #[tokio::test]
    async fn s73_heavy_links_leave_the_last_permit_to_others() {
        let permits = FairPermits::new(CpuLedger::new(Clock::default(), 1), 2, 1);
        let (one, two) = (make_heavy(permits.ledger()), make_heavy(permits.ledger()));
        let first = permits.acquire(one, 1).await;
        let mut waiting = Box::pin(permits.acquire(two, 1));
        assert!((&mut waiting).now_or_never().is_none(), "it would take the last");
        let light = permits.acquire(link(), 1).now_or_never();
        assert!(light.is_some(), "a light one overtakes it");
        drop(light);
        drop(first);
        assert!(waiting.now_or_never().is_some());
    }

    #[tokio::test]
    async fn s73_who_has_spent_least_is_next() {
        let permits = FairPermits::new(CpuLedger::new(Clock::default(), 1), 1, 1);
        let held = permits.acquire(link(), 1).await;
        let mut dear = Box::pin(permits.acquire(make_heavy(permits.ledger()), 1));
        let mut cheap = Box::pin(permits.acquire(link(), 1));
        assert!((&mut dear).now_or_never().is_none() && (&mut cheap).now_or_never().is_none());
        drop(held);
        assert!((&mut dear).now_or_never().is_none());
        let turn = cheap.now_or_never();
        assert!(turn.is_some());
        drop(turn);
        assert!(dear.now_or_never().is_some(), "with one permit nothing is reserved");
    }

    #[tokio::test]
    async fn large_work_is_not_overtaken_for_ever() {
        let permits = FairPermits::new(CpuLedger::new(Clock::default(), 1), 50, 0);
        let small = permits.acquire(link(), 10).await;
        let mut large = Box::pin(permits.acquire(link(), 90));
        let mut other = Box::pin(permits.acquire(link(), 10));
        assert!((&mut large).now_or_never().is_none() && (&mut other).now_or_never().is_none());
        drop(small);
        let turn = (&mut large).now_or_never();
        assert!(turn.is_some() && (&mut other).now_or_never().is_none());
        drop(turn);
        assert!(other.now_or_never().is_some());
    }

    #[tokio::test]
    async fn caller_that_no_longer_waits_takes_no_permit() {
        let permits = FairPermits::new(CpuLedger::new(Clock::default(), 1), 1, 0);
        let held = permits.acquire(link(), 1).await;
        assert!(permits.acquire_within(link(), 1, Duration::from_millis(1)).await.is_none());
        drop(held);
        assert!(permits.acquire(link(), 1).now_or_never().is_some());
    }
}
