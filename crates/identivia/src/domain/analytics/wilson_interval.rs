//! A rate with its 95 % interval (Wilson 1927, without continuity correction), in parts of 1.

use serde::Serialize;
use utoipa::ToSchema;

/// The quantile of the normal distribution that leaves 2.5 % on each side.
const Z: f64 = 1.959_963_984_540_054;

/// A rate, and between which rates the true one lies with a probability of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, ToSchema)]
#[schema(as = AnalyticsRate, example = json!({"value": 0.8, "low": 0.490_161_8, "high": 0.943_317_8, "of": 10}))]
pub struct Rate {
    /// `null` where there is nothing to count.
    #[schema(required = true)]
    pub value: Option<f64>,
    #[schema(required = true)]
    pub low: Option<f64>,
    #[schema(required = true)]
    pub high: Option<f64>,
    /// Of how many.
    pub of: u64,
}

impl Rate {
    /// The rate of `part` of `of`. A part that is larger counts as all: both are counted at their own time.
    #[must_use]
    pub fn new(part: u64, of: u64) -> Self {
        if of == 0 {
            return Self { value: None, low: None, high: None, of };
        }
        let (n, p) = (to_real(of), to_real(part.min(of)) / to_real(of));
        let z2 = Z * Z;
        let center = (p + z2 / (2.0 * n)) / (1.0 + z2 / n);
        let half = Z / (1.0 + z2 / n) * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        let within = |bound: f64| Some(bound.clamp(0.0, 1.0));
        Self { value: Some(p), low: within(center - half), high: within(center + half), of }
    }
}

/// Counts are far below 2^53, up to which each whole number is exact.
#[expect(clippy::cast_precision_loss, reason = "no count comes near 2^53")]
pub(super) fn to_real(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values computed with R's `binom::binom.wilson`, and Newcombe (1998), table I: 81 of 263, 15 of 148, 0 of 20, 1 of 29.
    #[test]
    fn intervals_are_those_of_the_literature() {
        for (part, of, low, high) in [
            (81, 263, 0.2553, 0.3662),
            (15, 148, 0.0624, 0.1605),
            (0, 20, 0.0, 0.1611),
            (1, 29, 0.0061, 0.1718),
            (8, 10, 0.4902, 0.9433),
            (10, 10, 0.7225, 1.0),
        ] {
            let rate = Rate::new(part, of);
            let is_near = |bound: Option<f64>, expected: f64| (bound.unwrap() - expected).abs() < 0.000_06;
            assert!(is_near(rate.low, low) && is_near(rate.high, high), "{part} of {of}: {rate:?}");
        }
        assert_eq!(Rate::new(0, 0), Rate { value: None, low: None, high: None, of: 0 });
        assert_eq!(Rate::new(3, 2).value, Some(1.0));
    }
}
