//! Repeated refusals: the first of a kind is audited at once, further ones by their count, so that no caller can fill the
//! audit trail.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use crate::records::id::RecordId;
use crate::records::time::Millis;

/// How long refusals of one kind are counted together, in seconds.
const WINDOW: i64 = 3_600;
/// The most kinds that are counted. Beyond that, those whose window is over are forgotten, then all.
const MAX_KINDS: usize = 10_000;

/// The refusals of one kind since its first.
struct RefusalCount {
    count: u64,
    ends: Millis,
}

/// Counts refusals by profile and kind. Each server counts its own.
#[derive(Default)]
pub struct RepeatedRefusals {
    counts: Mutex<HashMap<(RecordId, String), RefusalCount>>,
}

impl RepeatedRefusals {
    /// Counts a refusal. Gives how many there have been when that is to be audited: the first, the tenth, the hundredth and so
    /// on within an hour.
    pub fn count_refusal(&self, profile: RecordId, kind: &str, now: Millis) -> Option<u64> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if counts.len() >= MAX_KINDS {
            counts.retain(|_, counted| counted.ends > now);
        }
        if counts.len() >= MAX_KINDS {
            counts.clear();
        }
        let first = || RefusalCount { count: 0, ends: now.plus_seconds(WINDOW) };
        let counted = counts.entry((profile, kind.to_owned())).or_insert_with(first);
        if counted.ends <= now {
            *counted = first();
        }
        counted.count += 1;
        is_power_of_ten(counted.count).then_some(counted.count)
    }
}

fn is_power_of_ten(mut number: u64) -> bool {
    while number > 1 && number.is_multiple_of(10) {
        number /= 10;
    }
    number == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s64_repeated_refusals_are_audited_by_their_count() {
        let refusals = RepeatedRefusals::default();
        let (one, other) = (RecordId::random(), RecordId::random());
        let now = Millis(0);
        let audited =
            |times, now| (0..times).filter_map(|_| refusals.count_refusal(one, "decided", now)).collect::<Vec<_>>();
        assert_eq!(audited(200, now), [1, 10, 100]);
        assert_eq!(refusals.count_refusal(one, "another", now), Some(1));
        assert_eq!(refusals.count_refusal(other, "decided", now), Some(1));
        assert_eq!(audited(2, now.plus_seconds(WINDOW)), [1]);
    }
}
