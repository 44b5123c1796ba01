//! Measures sharpness, glare and exposure of a document with 1,024 pixels on its longest side.

use image::GrayImage;

/// The side of the tiles on which sharpness is measured, in pixels: a word or two of print.
const TILE_SIDE: usize = 32;
/// The least variance (squared grey levels) of a tile with print: a deviation of 12 levels.
const LEAST_VARIANCE: f32 = 144.0;
/// The side of the tiles on which glare is measured, in pixels.
const SPOT_SIDE: usize = 8;
/// The least brightness of a blown-out pixel.
const BLOWN_OUT: u8 = 250;
/// The fewest tiles of a glare: a twentieth of the document's width.
const FEWEST_SPOTS: usize = 12;
/// The least share of its upright frame that a glare fills: glare is a blob, not a line.
const LEAST_COMPACT: f32 = 0.35;
/// The largest range of brightness in a tile around a glare, in grey levels: light fades, print and paper end sharply.
const SOFT_RANGE: u8 = 50;

/// The strength of a document's finest detail relative to its contrast: the deviation of the Laplacian divided by that
/// of the brightness, on tiles with print, after subtracting noise. An even table around the document does not count.
#[must_use]
pub fn measure_sharpness(flat: &GrayImage) -> f32 {
    let mut tiles = measure_tiles(flat);
    let noise = estimate_noise(&mut tiles);
    let mut print: Vec<(f32, f32)> = tiles.into_iter().filter(|(variance, _)| *variance > LEAST_VARIANCE).collect();
    print.sort_by(|a, b| b.0.total_cmp(&a.0));
    // The quarter with the most contrast: print rather than shades.
    print.truncate(print.len().div_ceil(4));
    let (variance, detail) = print.iter().fold((0.0, 0.0), |sum, tile| (sum.0 + tile.0, sum.1 + tile.1));
    if variance == 0.0 {
        return 0.0;
    }
    ((detail - noise * print.len() as f32) / variance).max(0.0).sqrt()
}

/// The variances of the brightness and of its Laplacian, for each tile.
fn measure_tiles(flat: &GrayImage) -> Vec<(f32, f32)> {
    let width = flat.width() as usize;
    let rows: Vec<&[u8]> = flat.as_raw().chunks_exact(width.max(1)).collect();
    let lines = (1..rows.len().saturating_sub(TILE_SIDE)).step_by(TILE_SIDE);
    let places = lines.flat_map(|y| (1..width.saturating_sub(TILE_SIDE)).step_by(TILE_SIDE).map(move |x| (x, y)));
    places.filter_map(|(x, y)| measure_tile(&rows, x, y)).collect()
}

fn measure_tile(rows: &[&[u8]], left: usize, top: usize) -> Option<(f32, f32)> {
    let (mut sum, mut square, mut laplacian, mut laplacian_square) = (0_i64, 0_i64, 0_i64, 0_i64);
    for y in top..top + TILE_SIDE {
        let above = rows.get(y - 1)?.get(left..left + TILE_SIDE)?;
        let below = rows.get(y + 1)?.get(left..left + TILE_SIDE)?;
        let here = rows.get(y)?.get(left - 1..=left + TILE_SIDE)?;
        for (triple, (up, down)) in here.windows(3).zip(above.iter().zip(below)) {
            let &[before, pixel, after] = triple else { continue };
            let pixel = i64::from(pixel);
            let bent = 4 * pixel - i64::from(before) - i64::from(after) - i64::from(*up) - i64::from(*down);
            sum += pixel;
            square += pixel * pixel;
            laplacian += bent;
            laplacian_square += bent * bent;
        }
    }
    let count = (TILE_SIDE * TILE_SIDE) as f32;
    let variance = |sum: i64, square: i64| square as f32 / count - (sum as f32 / count).powi(2);
    Some((variance(sum, square), variance(laplacian, laplacian_square)))
}

/// The share of noise in the variance of the Laplacian: the value of the plainest tenth of the tiles.
fn estimate_noise(tiles: &mut [(f32, f32)]) -> f32 {
    tiles.sort_by(|a, b| a.1.total_cmp(&b.1));
    let plainest = tiles.get(tiles.len() / 10).map_or(0.0, |tile| tile.1);
    // A deviation of 6 levels gives 20 × 36; more is not noise but print everywhere.
    plainest.min(720.0)
}

/// The median brightness, and the distance between the 5th and the 95th percentile, each 0 to 1.
#[must_use]
pub fn measure_exposure(flat: &GrayImage) -> (f32, f32) {
    let mut counts = [0_usize; 256];
    for pixel in flat.as_raw() {
        if let Some(count) = counts.get_mut(usize::from(*pixel)) {
            *count += 1;
        }
    }
    let percentile = |hundredths: usize| {
        let wanted = flat.as_raw().len() * hundredths / 100;
        let mut passed = 0;
        let level = counts.iter().position(|count| {
            passed += count;
            passed > wanted
        });
        level.unwrap_or(0) as f32 / 255.0
    };
    (percentile(50), percentile(95) - percentile(5))
}

/// The share of a document, 0 to 1, that is blown out in compact featureless blobs with fading borders. White paper and
/// printed boxes end sharply and do not count.
#[must_use]
pub fn measure_glare(flat: &GrayImage) -> f32 {
    let spots = SpotGrid::from_luma(flat);
    let whole = spots.ranges.len();
    if whole == 0 || spots.paper_brightness() >= BLOWN_OUT {
        return 0.0;
    }
    spots.glare_sizes().iter().sum::<usize>() as f32 / whole as f32
}

/// The darkest and brightest pixel of each small tile.
struct SpotGrid {
    across: usize,
    ranges: Vec<(u8, u8)>,
}

impl SpotGrid {
    fn from_luma(flat: &GrayImage) -> Self {
        let across = flat.width() as usize / SPOT_SIDE;
        let rows = flat.as_raw().chunks_exact((flat.width() as usize).max(1));
        let mut ranges = vec![(u8::MAX, 0); across * (flat.height() as usize / SPOT_SIDE)];
        for (y, row) in rows.enumerate() {
            let line = ranges.iter_mut().skip(y / SPOT_SIDE * across).take(across);
            for (range, pixels) in line.zip(row.chunks_exact(SPOT_SIDE)) {
                let low = pixels.iter().copied().min().unwrap_or(u8::MAX);
                let high = pixels.iter().copied().max().unwrap_or(0);
                *range = (range.0.min(low), range.1.max(high));
            }
        }
        Self { across, ranges }
    }

    /// The brightness of the paper outside blown-out areas. If it is almost white everywhere, glare cannot be
    /// distinguished.
    fn paper_brightness(&self) -> u8 {
        let mut highest: Vec<u8> =
            self.ranges.iter().filter(|range| range.0 < BLOWN_OUT).map(|range| range.1).collect();
        highest.sort_unstable();
        highest.get(highest.len() * 6 / 10).copied().unwrap_or(u8::MAX)
    }

    /// The sizes of all glares, in tiles.
    fn glare_sizes(&self) -> Vec<usize> {
        let mut is_free: Vec<bool> = self.ranges.iter().map(|range| range.0 >= BLOWN_OUT).collect();
        let mut sizes = Vec::new();
        for start in 0..is_free.len() {
            let (blob, border) = self.grow_blob(start, &mut is_free);
            if blob.len() >= FEWEST_SPOTS && self.is_compact(&blob) && self.has_soft_border(&border) {
                sizes.push(blob.len());
            }
        }
        sizes
    }

    /// The blown-out tiles connected with one, and the tiles on their border.
    fn grow_blob(&self, start: usize, is_free: &mut [bool]) -> (Vec<usize>, Vec<usize>) {
        let (mut blob, mut border, mut waiting) = (Vec::new(), Vec::new(), vec![start]);
        while let Some(place) = waiting.pop() {
            let Some(free) = is_free.get_mut(place) else { continue };
            if std::mem::take(free) {
                blob.push(place);
                waiting.extend(self.list_neighbours(place));
            } else if self.ranges.get(place).is_some_and(|range| range.0 < BLOWN_OUT) {
                border.push(place);
            }
        }
        (blob, border)
    }

    fn list_neighbours(&self, place: usize) -> impl Iterator<Item = usize> {
        let x = place % self.across.max(1);
        let left = (x > 0).then(|| place - 1);
        let right = (x + 1 < self.across).then(|| place + 1);
        let (up, down) = (place.checked_sub(self.across), Some(place + self.across));
        [left, right, up, down].into_iter().flatten()
    }

    fn is_compact(&self, blob: &[usize]) -> bool {
        let across = self.across.max(1);
        let extent = |of: fn(usize, usize) -> usize| {
            let places = blob.iter().map(|place| of(*place, across));
            places.clone().max().unwrap_or(0) + 1 - places.min().unwrap_or(0)
        };
        let frame = extent(|place, across| place % across) * extent(|place, across| place / across);
        blob.len() as f32 > LEAST_COMPACT * frame as f32
    }

    fn has_soft_border(&self, border: &[usize]) -> bool {
        let ranges = border.iter().filter_map(|place| self.ranges.get(*place));
        let soft = ranges.filter(|(low, high)| high - low < SOFT_RANGE).count();
        soft * 2 > border.len()
    }
}
