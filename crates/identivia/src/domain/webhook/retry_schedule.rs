//! When a delivery is tried again: ten tries over three days, with jitter, later when the receiver asks for it.

use crate::records::id::random_below;
use crate::records::time::Millis;

/// The waits between two tries, in seconds: 75 h 35 min in all.
const WAITS: [i64; 9] = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400];
/// The most tries of a delivery.
pub const MAX_TRIES: u32 = WAITS.len() as u32 + 1;
/// The least wait after a timeout and after a status that says "slow down", in seconds.
const SLOW_WAIT: i64 = 60;
/// The largest change of a wait by jitter, in percent: receivers that came back are not called by all at once.
const JITTER_PERCENT: i64 = 20;

/// What a failed try says about the time of the next one.
#[derive(Clone, Copy, Debug, Default)]
pub struct RetryHints {
    /// The receiver ran into the timeout, or asked to slow down.
    pub is_slow: bool,
    /// The seconds of `Retry-After`.
    pub retry_after: Option<i64>,
}

/// A change of a wait, in percent from −20 to 20, each equally likely.
#[must_use]
pub fn draw_jitter() -> i64 {
    let width = usize::try_from(2 * JITTER_PERCENT + 1).unwrap_or(1);
    i64::try_from(random_below(width)).unwrap_or_default() - JITTER_PERCENT
}

/// When a delivery is tried again after that many tries; `None`: it was the last one. `Retry-After` can double a wait at most.
#[must_use]
pub fn next_try(now: Millis, tries: u32, hints: RetryHints, jitter_percent: i64) -> Option<Millis> {
    let planned = *WAITS.get(usize::try_from(tries).ok()?.checked_sub(1)?)?;
    let millis = planned * 10 * (100 + jitter_percent);
    let least = if hints.is_slow { SLOW_WAIT * 1_000 } else { 0 };
    let millis = millis.max(least);
    let asked = hints.retry_after.map_or(millis, |seconds| seconds.saturating_mul(1_000).clamp(millis, 2 * millis));
    Some(Millis(now.0 + asked))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_774_051_200_000);

    fn wait(tries: u32, hints: RetryHints, jitter: i64) -> Option<i64> {
        next_try(NOW, tries, hints, jitter).map(|due| due.0 - NOW.0)
    }

    #[test]
    fn ten_tries_take_three_days() {
        let waits: Vec<_> = (1..=MAX_TRIES).map(|tries| wait(tries, RetryHints::default(), 0)).collect();
        let all: i64 = waits.iter().flatten().sum();
        assert_eq!((waits[0], waits[9], all), (Some(5_000), None, (75 * 3_600 + 35 * 60 + 5) * 1_000));
        assert_eq!(wait(0, RetryHints::default(), 0), None);
    }

    #[test]
    fn receiver_can_double_a_wait_and_not_shorten_it() {
        let asked = |seconds| RetryHints { is_slow: false, retry_after: Some(seconds) };
        for (seconds, expected) in [(1, 300), (400, 400), (9_999, 600), (i64::MAX, 600), (-5, 300)] {
            assert_eq!(wait(2, asked(seconds), 0), Some(expected * 1_000), "{seconds}");
        }
        assert_eq!(wait(1, RetryHints { is_slow: true, retry_after: None }, -20), Some(60_000));
    }

    #[test]
    fn jitter_is_a_fifth_at_most() {
        let drawn: Vec<i64> = (0..2_000).map(|_| draw_jitter()).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-20), Some(&20)));
        assert_eq!(
            (wait(2, RetryHints::default(), -20), wait(2, RetryHints::default(), 20)),
            (Some(240_000), Some(360_000))
        );
    }
}
