//! The spectrum of square tiles, by the fast Fourier transform (Cooley and Tukey 1965, radix 2).

/// Side of a tile in pixels; a power of two.
pub(super) const TILE_SIDE: usize = 256;

/// A complex number: real and imaginary part.
type ComplexNumber = (f32, f32);

/// The tables for transforms of that length.
pub(super) struct FourierTransform {
    turns: Vec<ComplexNumber>,
    window: Vec<f32>,
}

impl FourierTransform {
    pub(super) fn new() -> Self {
        let angle = |place: usize| std::f32::consts::TAU * place as f32 / TILE_SIDE as f32;
        let turns = (0..TILE_SIDE / 2).map(|place| (angle(place).cos(), -angle(place).sin())).collect();
        let window = (0..TILE_SIDE).map(|place| 0.5 - 0.5 * angle(place).cos()).collect();
        Self { turns, window }
    }

    /// The amplitudes of two tiles at every frequency, rows by vertical frequency, without their mean, and with faded
    /// borders (Hann window). One complex transform handles two real tiles.
    pub(super) fn measure_amplitudes(&self, tiles: [&[f32]; 2]) -> [Vec<f32>; 2] {
        let means = tiles.map(|tile| tile.iter().sum::<f32>() / tile.len().max(1) as f32);
        let faded = |place: usize, which: usize| {
            let fade = self.window[place % TILE_SIDE] * self.window[place / TILE_SIDE];
            tiles[which].get(place).map_or(0.0, |value| (value - means[which]) * fade)
        };
        let mut plane: Vec<ComplexNumber> =
            (0..TILE_SIDE * TILE_SIDE).map(|place| (faded(place, 0), faded(place, 1))).collect();
        for _ in 0..2 {
            plane.chunks_exact_mut(TILE_SIDE).for_each(|row| self.transform_row(row));
            transpose_plane(&mut plane);
        }
        let mut amplitudes = [Vec::with_capacity(TILE_SIDE * TILE_SIDE), Vec::with_capacity(TILE_SIDE * TILE_SIDE)];
        for place in 0..TILE_SIDE * TILE_SIDE {
            let (x, y) = (place % TILE_SIDE, place / TILE_SIDE);
            let (a, b) = plane[place];
            let (c, d) = plane[(TILE_SIDE - y) % TILE_SIDE * TILE_SIDE + (TILE_SIDE - x) % TILE_SIDE];
            amplitudes[0].push(complex_size(a + c, b - d) / 2.0);
            amplitudes[1].push(complex_size(b + d, a - c) / 2.0);
        }
        amplitudes
    }

    fn transform_row(&self, row: &mut [ComplexNumber]) {
        let bits = TILE_SIDE.trailing_zeros();
        for place in 0..TILE_SIDE {
            let mirrored = place.reverse_bits() >> (usize::BITS - bits);
            if mirrored > place {
                row.swap(place, mirrored);
            }
        }
        let mut half = 1;
        while half < TILE_SIDE {
            let step = TILE_SIDE / (half * 2);
            for block in row.chunks_exact_mut(half * 2) {
                let (low, high) = block.split_at_mut(half);
                for ((a, b), turn) in low.iter_mut().zip(high).zip(self.turns.iter().step_by(step)) {
                    let turned = (b.0 * turn.0 - b.1 * turn.1, b.0 * turn.1 + b.1 * turn.0);
                    *b = (a.0 - turned.0, a.1 - turned.1);
                    *a = (a.0 + turned.0, a.1 + turned.1);
                }
            }
            half *= 2;
        }
    }
}

/// Without the overflow protection of `hypot`, which takes most of the time.
fn complex_size(real: f32, imaginary: f32) -> f32 {
    (real * real + imaginary * imaginary).sqrt()
}

fn transpose_plane(plane: &mut [ComplexNumber]) {
    for y in 0..TILE_SIDE {
        for x in y + 1..TILE_SIDE {
            plane.swap(y * TILE_SIDE + x, x * TILE_SIDE + y);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wave_peaks_at_its_frequency() {
        let wave = |across: f32, down: f32| -> Vec<f32> {
            let phase = |place: usize| across * (place % TILE_SIDE) as f32 + down * (place / TILE_SIDE) as f32;
            (0..TILE_SIDE * TILE_SIDE)
                .map(|place| 100.0 * (std::f32::consts::TAU * phase(place) / TILE_SIDE as f32).cos() + 9.0)
                .collect()
        };
        let (first, second) = (wave(20.0, 7.0), wave(-31.0, 64.0));
        let [a, b] = FourierTransform::new().measure_amplitudes([&first, &second]);
        let strongest = |amplitudes: &[f32]| {
            let place = amplitudes
                .iter()
                .enumerate()
                .take(TILE_SIDE * TILE_SIDE / 2)
                .max_by(|a, b| a.1.total_cmp(b.1))
                .unwrap()
                .0;
            (place % TILE_SIDE, place / TILE_SIDE)
        };
        assert_eq!(strongest(&a), (20, 7));
        assert_eq!(strongest(&b), (TILE_SIDE - 31, 64));
        assert!(a[0] < 1.0 && b[7 * TILE_SIDE + 20] < 1.0, "neither the mean nor the other tile shows");
    }
}
