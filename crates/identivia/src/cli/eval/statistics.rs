//! Rates and how far they can be trusted: few trials prove little, and the interval says how little.

use std::fmt;

/// 95 % of a normal distribution lies within so many deviations.
const DEVIATIONS: f64 = 1.959_964;

/// So many of so many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub of: usize,
    pub among: usize,
}

impl Rate {
    /// The share, 0 to 1; 0 of nothing is 0.
    #[must_use]
    pub fn share(self) -> f64 {
        if self.among == 0 { 0.0 } else { self.of as f64 / self.among as f64 }
    }

    /// The interval that holds the true share in 95 of 100 such measurements (Wilson's score interval).
    #[must_use]
    pub fn interval(self) -> (f64, f64) {
        if self.among == 0 {
            return (0.0, 1.0);
        }
        let (share, among, square) = (self.share(), self.among as f64, DEVIATIONS * DEVIATIONS);
        let middle = share + square / (2.0 * among);
        let half = DEVIATIONS * (share * (1.0 - share) / among + square / (4.0 * among * among)).sqrt();
        let whole = 1.0 + square / among;
        (((middle - half) / whole).max(0.0), ((middle + half) / whole).min(1.0))
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (low, high) = self.interval();
        let percent = |share: f64| format!("{:.2}", share * 100.0);
        let (share, low, high) = (percent(self.share()), percent(low), percent(high));
        write!(out, "{share:>6} % [{low}, {high}] ({} of {})", self.of, self.among)
    }
}

/// Scores of comparisons whose truth is known.
#[derive(Debug, Default)]
pub struct Scores {
    /// Of pairs that show one person.
    pub genuine: Vec<f64>,
    /// Of pairs that show two.
    pub impostor: Vec<f64>,
}

impl Scores {
    /// Two people taken for one, from that score on (false acceptance).
    #[must_use]
    pub fn far(&self, threshold: f64) -> Rate {
        Rate { of: at_least(&self.impostor, threshold), among: self.impostor.len() }
    }

    /// One person taken for two (false rejection).
    #[must_use]
    pub fn frr(&self, threshold: f64) -> Rate {
        let taken = at_least(&self.genuine, threshold);
        Rate { of: self.genuine.len() - taken, among: self.genuine.len() }
    }

    /// The lowest threshold at which no more than that share of impostors is taken; above every score where even the best
    /// impostor is too much.
    #[must_use]
    pub fn threshold_at(&self, far: f64) -> f64 {
        let mut scores = self.impostor.clone();
        scores.sort_by(|one, other| other.total_cmp(one));
        let allowed = (far * scores.len() as f64).floor() as usize;
        // Just above the first score that must be refused.
        scores.get(allowed).map_or(-1.0, |score| score.next_up())
    }

    /// One person known as one, where no more than that share of impostors is taken (true acceptance).
    #[must_use]
    pub fn tar_at(&self, far: f64) -> (f64, Rate) {
        let threshold = self.threshold_at(far);
        (threshold, Rate { of: at_least(&self.genuine, threshold), among: self.genuine.len() })
    }
}

fn at_least(scores: &[f64], threshold: f64) -> usize {
    scores.iter().filter(|score| **score >= threshold).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_wilsons() {
        // Newcombe 1998, table I: 81 of 263, and 0 of 20.
        let near = |found: (f64, f64), low: f64, high: f64| {
            assert!((found.0 - low).abs() < 5e-5 && (found.1 - high).abs() < 5e-5, "{found:?}");
        };
        near(Rate { of: 81, among: 263 }.interval(), 0.2553, 0.3662);
        near(Rate { of: 0, among: 20 }.interval(), 0.0, 0.1611);
        assert_eq!(Rate { of: 0, among: 0 }.interval(), (0.0, 1.0));
    }

    #[test]
    fn rates_at_thresholds_count_what_is_at_them() {
        let scores = Scores { genuine: vec![0.9, 0.8, 0.5, 0.4], impostor: vec![0.6, 0.3, 0.2, 0.1, 0.0] };
        assert_eq!((scores.far(0.5).of, scores.frr(0.5).of), (1, 1));
        assert_eq!(scores.far(0.6).of, 1, "a score at the threshold is taken");
        let (threshold, tar) = scores.tar_at(0.0);
        assert!(threshold > 0.6 && threshold < 0.600_001);
        assert_eq!(tar, Rate { of: 2, among: 4 });
        assert_eq!(scores.tar_at(0.2).1.of, 4, "one impostor of five may pass");
    }
}
