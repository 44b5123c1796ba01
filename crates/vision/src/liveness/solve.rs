//! Least squares: solves small linear systems.

/// Finds the x for which the sums Σ row·x are closest to their values; `None` if x is not unique.
pub(super) struct LeastSquares<const N: usize> {
    /// Symmetric. Its upper right half is summed up, and the other one is copied from it.
    matrix: [[f64; N]; N],
    right: [f64; N],
}

impl<const N: usize> LeastSquares<N> {
    pub(super) fn new() -> Self {
        Self { matrix: [[0.0; N]; N], right: [0.0; N] }
    }

    pub(super) fn add_row(&mut self, row: &[f64; N], value: f64) {
        for (at, (line, a)) in self.matrix.iter_mut().zip(row).enumerate() {
            for (cell, b) in line.iter_mut().zip(row).skip(at) {
                *cell += a * b;
            }
        }
        for (sum, a) in self.right.iter_mut().zip(row) {
            *sum += a * value;
        }
    }

    /// Damping: makes each diagonal cell larger by that part of itself, which favours small steps.
    pub(super) fn dampen(&mut self, part: f64) {
        for (at, line) in self.matrix.iter_mut().enumerate() {
            line[at] *= 1.0 + part;
        }
    }

    /// Gaussian elimination with the largest pivot first.
    pub(super) fn solve(mut self) -> Option<[f64; N]> {
        for line in 0..N {
            for column in 0..line {
                self.matrix[line][column] = self.matrix[column][line];
            }
        }
        for step in 0..N {
            let pivot = (step..N).max_by(|a, b| self.matrix[*a][step].abs().total_cmp(&self.matrix[*b][step].abs()))?;
            self.matrix.swap(step, pivot);
            self.right.swap(step, pivot);
            let (head, value) = (self.matrix[step], self.right[step]);
            if head[step].abs() < 1e-12 {
                return None;
            }
            for below in step + 1..N {
                let factor = self.matrix[below][step] / head[step];
                for (cell, above) in self.matrix[below].iter_mut().zip(&head) {
                    *cell -= factor * above;
                }
                self.right[below] -= factor * value;
            }
        }
        let mut solution = [0.0; N];
        for step in (0..N).rev() {
            let known: f64 = (step + 1..N).map(|column| self.matrix[step][column] * solution[column]).sum();
            solution[step] = (self.right[step] - known) / self.matrix[step][step];
        }
        solution.iter().all(|value| value.is_finite()).then_some(solution)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_is_fitted_through_points_and_none_through_a_single_point() {
        let mut fit = LeastSquares::new();
        [(0.0, 1.0), (1.0, 3.0), (2.0, 5.0)].iter().for_each(|(x, y)| fit.add_row(&[*x, 1.0], *y));
        let [slope, start] = fit.solve().unwrap();
        assert!((slope - 2.0).abs() < 1e-9 && (start - 1.0).abs() < 1e-9);
        let mut fit = LeastSquares::new();
        fit.add_row(&[1.0, 1.0], 1.0);
        assert!(fit.solve().is_none());
    }
}
