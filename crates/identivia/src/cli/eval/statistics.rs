//! Error rates with confidence intervals: few trials prove little, and the interval shows how little.

use std::fmt;

/// Standard deviations around the mean that hold 95 % of a normal distribution.
const Z_95: f64 = 1.959_964;

/// A number of cases among all trials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MeasuredRate {
    pub count: usize,
    pub total: usize,
}

impl MeasuredRate {
    /// The share, 0 to 1; 0 of nothing is 0.
    #[must_use]
    pub fn share(self) -> f64 {
        if self.total == 0 { 0.0 } else { self.count as f64 / self.total as f64 }
    }

    /// The 95 % confidence interval of the share (Wilson's score interval).
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        if self.total == 0 {
            return (0.0, 1.0);
        }
        let (share, total, square) = (self.share(), self.total as f64, Z_95 * Z_95);
        let middle = share + square / (2.0 * total);
        let half = Z_95 * (share * (1.0 - share) / total + square / (4.0 * total * total)).sqrt();
        let whole = 1.0 + square / total;
        (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
    }
}

impl fmt::Display for MeasuredRate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        let percent = |share: f64| format!("{:.2}", share * 100.0);
        let (share, low, high) = (percent(self.share()), percent(low), percent(high));
        write!(out, "{share:>6} % [{low}, {high}] ({} of {})", self.count, self.total)
    }
}

/// Scores of comparisons whose correct result is known.
#[derive(Debug, Default)]
pub struct Scores {
    /// Scores of pairs that show one person.
    pub genuine: Vec<f64>,
    /// Scores of pairs that show two people.
    pub impostor: Vec<f64>,
}

impl Scores {
    /// The rate of impostor pairs that match at this threshold (false acceptance).
    #[must_use]
    pub fn far(&self, threshold: f64) -> MeasuredRate {
        MeasuredRate { count: count_at_least(&self.impostor, threshold), total: self.impostor.len() }
    }

    /// The rate of genuine pairs that do not match at this threshold (false rejection).
    #[must_use]
    pub fn frr(&self, threshold: f64) -> MeasuredRate {
        let matches = count_at_least(&self.genuine, threshold);
        MeasuredRate { count: self.genuine.len() - matches, total: self.genuine.len() }
    }

    /// The lowest threshold at which at most this share of impostor pairs matches. Above every score if none may match.
    #[must_use]
    pub fn threshold_at(&self, far: f64) -> f64 {
        let mut scores = self.impostor.clone();
        scores.sort_by(|one, other| other.total_cmp(one));
        let allowed = (far * scores.len() as f64).floor() as usize;
        // Just above the first score that must not match.
        scores.get(allowed).map_or(-1.0, |score| score.next_up())
    }

    /// The threshold for this false acceptance rate, and the rate of genuine pairs that match there (true acceptance).
    #[must_use]
    pub fn tar_at(&self, far: f64) -> (f64, MeasuredRate) {
        let threshold = self.threshold_at(far);
        (threshold, MeasuredRate { count: count_at_least(&self.genuine, threshold), total: self.genuine.len() })
    }
}

fn count_at_least(scores: &[f64], threshold: f64) -> usize {
    scores.iter().filter(|score| **score >= threshold).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_match_published_wilson_intervals() {
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        let near = |found: (f64, f64), low: f64, high: f64| {
            assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{found:?}");
        };
        near(MeasuredRate { count: 81, total: 263 }.interval(), 0.2553, 0.3662);
        near(MeasuredRate { count: 0, total: 20 }.interval(), 0.0, 0.1611);
        assert_eq!(MeasuredRate { count: 0, total: 0 }.interval(), (0.0, 1.0));
    }

    #[test]
    fn rates_count_scores_at_the_threshold() {
        let scores = Scores { genuine: vec![0.9, 0.8, 0.5, 0.4], impostor: vec![0.6, 0.3, 0.2, 0.1, 0.0] };
        assert_eq!((scores.far(0.5).count, scores.frr(0.5).count), (1, 1));
        assert_eq!(scores.far(0.6).count, 1, "a score at the threshold matches");
        let (threshold, tar) = scores.tar_at(0.0);
        assert!(threshold > 0.6 && threshold < 0.600_001);
        assert_eq!(tar, MeasuredRate { count: 2, total: 4 });
        assert_eq!(scores.tar_at(0.2).1.count, 4, "one impostor of five may pass");
    }
}
