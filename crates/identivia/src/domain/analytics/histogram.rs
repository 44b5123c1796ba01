//! Durations counted in buckets: each is a tenth longer than the one before, so a quantile is exact to 5 %.

use super::wilson_interval::to_real;

/// How much longer a bucket's durations are than those of the one before.
const GROWTH: f64 = 1.1;

/// The bucket of a duration in milliseconds.
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the logarithm of a positive number is small"
)]
pub fn bucket_of(millis: i64) -> u64 {
    let seconds = to_real(u64::try_from(millis).unwrap_or(0)) / 1_000.0;
    ((seconds + 1.0).ln() / GROWTH.ln()).floor() as u64
}

/// The duration in seconds below which that part of the counted durations is. `None` when none is counted.
#[must_use]
pub fn quantile(buckets: &[(u64, u64)], part: f64) -> Option<f64> {
    let all: u64 = buckets.iter().map(|(_, count)| count).sum();
    let mut sorted = buckets.to_vec();
    sorted.sort_unstable();
    let wanted = (to_real(all) * part).ceil().max(1.0);
    let mut counted = 0;
    for (bucket, count) in sorted {
        counted += count;
        if to_real(counted) >= wanted {
            // The middle of the bucket, in the scale of its growth.
            return Some(GROWTH.powf(to_real(bucket) + 0.5) - 1.0);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_near_those_of_the_durations() {
        let mut buckets = std::collections::BTreeMap::new();
        for second in 1..=1_000 {
            *buckets.entry(bucket_of(second * 1_000)).or_insert(0) += 1;
        }
        let buckets: Vec<_> = buckets.into_iter().collect();
        for (part, expected) in [(0.5, 500.0), (0.9, 900.0)] {
            let found = quantile(&buckets, part).unwrap();
            assert!((found / expected - 1.0).abs() < 0.06, "{part}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
        assert_eq!((bucket_of(0), bucket_of(-5)), (0, 0));
        assert!(quantile(&[(bucket_of(0), 1)], 0.5).unwrap() < 0.1);
        // A hundred years.
        assert!(bucket_of(3_155_760_000_000) < 250);
    }
}
