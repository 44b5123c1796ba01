//! What expensive work costs, in seconds of processor time, and the budgets of links and teams.
//!
//! An inference runs on threads that all work shares, so no thread's own clock tells what one piece of work costs. The
//! ledger divides the processor time of the process among the pieces that run: what is charged in total is what was used.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use super::holder::WorkHolder;
use crate::clock::Clock;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The window of all budgets, in seconds.
const WINDOW: i64 = 600;
/// What a link may spend in a window. A whole verification with two more tries costs about 25 seconds.
const LINK_BUDGET: Duration = Duration::from_secs(120);
/// The share of all processor time that a team may spend.
const TEAM_SHARE: f64 = 0.75;
/// A link that has spent more than this leaves the last permit to others.
const HEAVY: Duration = Duration::from_secs(15);
/// How jobs rank among those who wait: as if they had spent so much.
const RANK_OF_JOBS: Duration = Duration::from_secs(30);
/// The most payers that are remembered. Beyond that, those without recent costs are forgotten.
const MAX_PAYERS: usize = 100_000;

/// Who pays for work.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Payer {
    Link(RecordId),
    Team(String),
}

/// What a payer has spent within the window.
#[derive(Default)]
struct RecentCosts {
    /// When, and how much; oldest first.
    costs: VecDeque<(Millis, Duration)>,
}

impl RecentCosts {
    fn spent(&self, now: Millis) -> Duration {
        self.costs.iter().filter(|(at, _)| at.plus_seconds(WINDOW) > now).map(|(_, cost)| *cost).sum()
    }

    /// When enough of the costs have expired for the rest to be below the budget.
    fn below_budget_at(&self, budget: Duration, now: Millis) -> Millis {
        let mut left = self.spent(now);
        for (at, cost) in &self.costs {
            if left < budget {
                break;
            }
            let expires = at.plus_seconds(WINDOW);
            if expires > now {
                left = left.saturating_sub(*cost);
                if left < budget {
                    return expires;
                }
            }
        }
        now
    }
}

#[derive(Default)]
struct LedgerState {
    /// The processor time that has been divided so far.
    divided: Duration,
    next_number: u64,
    running: HashMap<u64, (WorkHolder, Duration)>,
    payers: HashMap<Payer, RecentCosts>,
}

impl LedgerState {
    /// Divides the processor time since the last division among what has run since.
    fn divide_time(&mut self, used: Duration) {
        let since = used.saturating_sub(self.divided);
        self.divided = used;
        let count = u32::try_from(self.running.len()).unwrap_or(u32::MAX);
        if count > 0 {
            for (_, cost) in self.running.values_mut() {
                *cost += since / count;
            }
        }
    }

    fn add_cost(&mut self, payer: Payer, cost: Duration, now: Millis) {
        if self.payers.len() >= MAX_PAYERS {
            self.payers.retain(|_, recent| recent.spent(now) > Duration::ZERO);
        }
        let recent = self.payers.entry(payer).or_default();
        while recent.costs.front().is_some_and(|(at, _)| at.plus_seconds(WINDOW) <= now) {
            recent.costs.pop_front();
        }
        // One entry a second is enough, and bounds their number.
        match recent.costs.back_mut() {
            Some((at, last)) if at.plus_seconds(1) > now => *last += cost,
            _ => recent.costs.push_back((now, cost)),
        }
    }
}

/// The costs of work, by link and by team.
pub struct CpuLedger {
    state: Mutex<LedgerState>,
    clock: Clock,
    team_budget: Duration,
    measure: fn() -> Duration,
}

/// Work that runs. Its cost is charged when this is dropped.
pub struct RunningWork {
    ledger: Arc<CpuLedger>,
    number: u64,
}

impl CpuLedger {
    /// Starts without costs. `processors` is how many seconds of processor time pass in a second.
    #[must_use]
    pub fn new(clock: Clock, processors: usize) -> Arc<Self> {
        Self::with_measure(clock, processors, process_time)
    }

    /// The same with another measure of the processor time that is used.
    #[must_use]
    pub fn with_measure(clock: Clock, processors: usize, measure: fn() -> Duration) -> Arc<Self> {
        let processors = u32::try_from(processors.max(1)).unwrap_or(u32::MAX);
        let whole_window = Duration::from_secs(WINDOW.unsigned_abs()) * processors;
        Arc::new(Self { state: Mutex::default(), clock, team_budget: whole_window.mul_f64(TEAM_SHARE), measure })
    }

    fn lock_state(&self) -> MutexGuard<'_, LedgerState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that work begins.
    #[must_use]
    pub fn begin_work(self: &Arc<Self>, holder: WorkHolder) -> RunningWork {
        let mut state = self.lock_state();
        state.divide_time((self.measure)());
        let number = state.next_number;
        state.next_number += 1;
        state.running.insert(number, (holder, Duration::ZERO));
        RunningWork { ledger: self.clone(), number }
    }

    /// The seconds until the holder may have more work done; `None` when it may now.
    #[must_use]
    pub fn seconds_over_budget(&self, holder: &WorkHolder) -> Option<u64> {
        let state = self.lock_state();
        let now = self.clock.now();
        let wait = |payer: Payer, budget: Duration| {
            let until = state.payers.get(&payer).map_or(now, |recent| recent.below_budget_at(budget, now));
            u64::try_from(until.0 - now.0).unwrap_or_default().div_ceil(1_000)
        };
        let of_link = match holder {
            WorkHolder::Link { profile, .. } => wait(Payer::Link(*profile), LINK_BUDGET),
            _ => 0,
        };
        let of_team = holder.team().map_or(0, |team| wait(Payer::Team(team.to_owned()), self.team_budget));
        Some(of_link.max(of_team)).filter(|seconds| *seconds > 0)
    }

    /// Says whether the holder must leave the last permit to others.
    #[must_use]
    pub fn is_heavy(&self, holder: &WorkHolder) -> bool {
        match holder {
            WorkHolder::Jobs => true,
            WorkHolder::Link { .. } => self.rank(holder) > HEAVY,
            WorkHolder::Machine { .. } => false,
        }
    }

    /// How a holder ranks among those who wait: who has spent least is first.
    #[must_use]
    pub fn rank(&self, holder: &WorkHolder) -> Duration {
        let state = self.lock_state();
        let spent =
            |payer: Payer| state.payers.get(&payer).map_or(Duration::ZERO, |costs| costs.spent(self.clock.now()));
        match holder {
            WorkHolder::Link { profile, .. } => spent(Payer::Link(*profile)),
            WorkHolder::Machine { .. } => Duration::ZERO,
            WorkHolder::Jobs => RANK_OF_JOBS,
        }
    }
}

#[cfg(test)]
impl CpuLedger {
    /// Charges a link for work that has not happened.
    pub(super) fn charge_for_tests(&self, holder: &WorkHolder, cost: Duration) {
        if let WorkHolder::Link { profile, .. } = holder {
            self.lock_state().add_cost(Payer::Link(*profile), cost, self.clock.now());
        }
    }
}

impl Drop for RunningWork {
    fn drop(&mut self) {
        let mut state = self.ledger.lock_state();
        state.divide_time((self.ledger.measure)());
        let Some((holder, cost)) = state.running.remove(&self.number) else { return };
        let now = self.ledger.clock.now();
        if let WorkHolder::Link { profile, .. } = &holder {
            state.add_cost(Payer::Link(*profile), cost, now);
        }
        if let Some(team) = holder.team() {
            state.add_cost(Payer::Team(team.to_owned()), cost, now);
        }
    }
}

/// The processor time that this process has used.
fn process_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(used.tv_sec.unsigned_abs(), u32::try_from(used.tv_nsec).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        static USED: Cell<Duration> = const { Cell::new(Duration::ZERO) };
    }

    fn use_seconds(seconds: u64) {
        USED.set(USED.get() + Duration::from_secs(seconds));
    }

    fn ledger() -> (Arc<CpuLedger>, Clock) {
        let clock = Clock::default();
        (CpuLedger::with_measure(clock.clone(), 1, || USED.get()), clock)
    }

    fn link(team: &str) -> WorkHolder {
        WorkHolder::Link { profile: RecordId::random(), team: team.to_owned() }
    }

    #[test]
    fn processor_time_is_divided_among_what_runs() {
        let (ledger, _) = ledger();
        let (one, other) = (link(""), link(""));
        use_seconds(7);
        let first = ledger.begin_work(one.clone());
        use_seconds(4);
        let second = ledger.begin_work(other.clone());
        use_seconds(6);
        drop(first);
        use_seconds(5);
        drop(second);
        use_seconds(9);
        assert_eq!((ledger.rank(&one), ledger.rank(&other)), (Duration::from_secs(7), Duration::from_secs(8)));
    }

    #[test]
    fn s73_link_over_its_budget_waits_until_its_costs_expire() {
        let (ledger, clock) = ledger();
        let (dear, cheap) = (link(""), link(""));
        let spend = |seconds| {
            let work = ledger.begin_work(dear.clone());
            use_seconds(seconds);
            drop(work);
        };
        spend(60);
        clock.advance(100);
        spend(59);
        assert_eq!(ledger.seconds_over_budget(&dear), None);
        spend(2);
        let wait = ledger.seconds_over_budget(&dear).unwrap();
        assert!((498..=500).contains(&wait), "{wait}");
        assert!(ledger.is_heavy(&dear) && !ledger.is_heavy(&cheap) && ledger.seconds_over_budget(&cheap).is_none());
        clock.advance(500);
        assert_eq!(ledger.seconds_over_budget(&dear), None);
    }

    #[test]
    fn s73_team_has_a_budget_and_an_operator_has_none() {
        let (ledger, _) = ledger();
        for holder in
            [link("red"), WorkHolder::Machine { team: Some("red".to_owned()) }, WorkHolder::Machine { team: None }]
        {
            let work = ledger.begin_work(holder);
            use_seconds(226);
            drop(work);
        }
        assert!(ledger.seconds_over_budget(&link("red")).is_some(), "450 seconds in 600 on one processor");
        assert!(ledger.seconds_over_budget(&link("blue")).is_none());
        assert!(ledger.seconds_over_budget(&WorkHolder::Machine { team: None }).is_none());
    }

    #[test]
    fn process_time_moves_with_work() {
        let before = process_time();
        while process_time() == before {
            std::hint::black_box(0);
        }
    }
}
