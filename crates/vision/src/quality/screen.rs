//! Detects pictures taken of a screen. The screen's grid of pixels against the sensor's makes sharp peaks in the
//! spectrum, at the same place all over the picture. Print and guilloche make local peaks, edges make streaks, and the
//! blocks of JPEG are on the axes.

use image::RgbImage;

use super::fourier::{FourierTransform, TILE_SIDE};
use crate::luma::pixel_luma;

/// The number of tiles along the longer and the shorter side.
const TILES: (u32, u32) = (4, 3);
/// The lowest frequency that counts, in waves per tile: waves of up to 26 pixels.
const LOWEST_FREQUENCY: f32 = 10.0;
/// Frequencies this near an axis belong to edges and to the blocks of JPEG.
const AXIS: i32 = 2;
/// The least height of a peak relative to the mean of its frequency.
const ABOVE_RING: f32 = 5.0;
/// The least height of a peak relative to the 90th percentile of its surroundings. Noise reaches 2.2 once per tile.
const ABOVE_SURROUNDINGS: f32 = 3.0;
/// Peaks closer than this many waves to another as high form a comb: lines of print, letters of one width, or
/// guilloche, whose period is longer. A screen's grid has 3 to 8 pixels per period, so its peaks are isolated.
const COMB_DISTANCE: i32 = 20;
/// No peak is lower than this: in a plain picture every frequency is as high as its surroundings.
const LEAST_HEIGHT: f32 = 1e-3;
/// The maximum number of summits of a tile that are compared with their surroundings. A screen's tile has a few dozen; drawn
/// patterns have tens of thousands.
const MOST_SUMMITS: usize = 1_000;
/// The maximum number of peaks of a tile, the highest first.
const MOST_PEAKS: usize = 16;

/// A peak in a tile's spectrum, in waves per tile.
#[derive(Clone, Copy, Debug)]
struct SpectrumPeak {
    x: i32,
    y: i32,
    height: f32,
}

impl SpectrumPeak {
    /// Whether both may be peaks of the same grid: perspective changes its frequency slightly.
    fn is_near_peak(self, other: Self) -> bool {
        let reach = 2 + (f64::from(self.x).hypot(f64::from(self.y)) * 0.04) as i32;
        (self.x - other.x).abs() <= reach && (self.y - other.y).abs() <= reach
    }
}

/// How much a picture looks taken of a screen, 0 to 1: the share of its tiles that have the same sharp peak.
#[must_use]
pub fn score_screen(image: &RgbImage) -> f32 {
    let tiles = cut_tiles(image);
    let (fourier, radii) = (FourierTransform::new(), HalfSpectrum::list_radii());
    let mut peaks = Vec::new();
    for pair in tiles.chunks(2) {
        let [Some(first), second] = [pair.first(), pair.get(1)] else { continue };
        let second_or_first = second.unwrap_or(first);
        let [a, b] = fourier.measure_amplitudes([first, second_or_first]);
        peaks.push(HalfSpectrum::from_amplitudes(&a, &radii).find_peaks());
        if second.is_some() {
            peaks.push(HalfSpectrum::from_amplitudes(&b, &radii).find_peaks());
        }
    }
    largest_common_share(&peaks)
}

/// The largest share of tiles that have a peak in common.
fn largest_common_share(tiles: &[Vec<SpectrumPeak>]) -> f32 {
    if tiles.len() < 3 {
        return 0.0;
    }
    let count =
        |peak: SpectrumPeak| tiles.iter().filter(|others| others.iter().any(|other| peak.is_near_peak(*other))).count();
    let most = tiles.iter().flatten().map(|peak| count(*peak)).max().unwrap_or(0);
    // The tile itself always has the peak.
    (most.saturating_sub(1)) as f32 / (tiles.len() - 1) as f32
}

/// The brightness of tiles spread over the picture. Mostly black or blown-out tiles are left out.
fn cut_tiles(image: &RgbImage) -> Vec<Vec<f32>> {
    let (width, height) = image.dimensions();
    let side = TILE_SIDE as u32;
    if width < side || height < side {
        return Vec::new();
    }
    let (across, down) = if width >= height { TILES } else { (TILES.1, TILES.0) };
    let (across, down) = (across.min(width / side), down.min(height / side));
    let place = |number: u32, count: u32, length: u32| (length - side) * (2 * number + 1) / (2 * count);
    let places = (0..down).flat_map(|y| (0..across).map(move |x| (place(x, across, width), place(y, down, height))));
    places.map(|(left, top)| cut_tile(image, left as usize, top as usize)).filter(|tile| is_lit(tile)).collect()
}

fn cut_tile(image: &RgbImage, left: usize, top: usize) -> Vec<f32> {
    let rows = image.as_raw().chunks_exact(image.width() as usize * 3).skip(top).take(TILE_SIDE);
    let pixels = rows.flat_map(|row| row.as_chunks::<3>().0.iter().skip(left).take(TILE_SIDE));
    pixels.map(|pixel| f32::from(pixel_luma(*pixel))).collect()
}

fn is_lit(tile: &[f32]) -> bool {
    let lost = tile.iter().filter(|value| **value < 3.0 || **value > 252.0).count();
    lost * 2 < tile.len()
}

/// The upper half of a spectrum, its middle at `x = 0` and `y = 0`, with a border around it from the other half.
struct HalfSpectrum<'a> {
    values: Vec<f32>,
    radii: &'a [f32],
}

/// The reach of a peak's surroundings, and so the border around a half.
const REACH: i32 = 7;
const ACROSS: usize = TILE_SIDE + 2 * REACH as usize;
const DOWN: usize = TILE_SIDE / 2 + 2 * REACH as usize;

impl<'a> HalfSpectrum<'a> {
    fn from_amplitudes(amplitudes: &[f32], radii: &'a [f32]) -> Self {
        let wrapped = |place: usize, middle: usize| (place + TILE_SIDE * 2 - middle) % TILE_SIDE;
        let rows = (0..DOWN).map(|y| wrapped(y, REACH as usize) * TILE_SIDE);
        let values = rows.flat_map(|row| {
            (0..ACROSS).map(move |x| row + wrapped(x, TILE_SIDE / 2 + REACH as usize)).map(|place| amplitudes[place])
        });
        Self { values: values.collect(), radii }
    }

    /// Distances from the middle, at the places of the values.
    fn list_radii() -> Vec<f32> {
        let distance = |place: usize| {
            let (x, y) = (place % ACROSS, place / ACROSS);
            (x as f32 - (TILE_SIDE / 2) as f32 - REACH as f32).hypot(y as f32 - REACH as f32)
        };
        (0..ACROSS * DOWN).map(distance).collect()
    }

    fn value_index(x: i32, y: i32) -> usize {
        (y + REACH) as usize * ACROSS + (x + TILE_SIDE as i32 / 2 + REACH) as usize
    }

    fn value_at(&self, x: i32, y: i32) -> f32 {
        self.values.get(Self::value_index(x, y)).copied().unwrap_or(0.0)
    }

    /// The sharp peaks off the axes, the highest first.
    fn find_peaks(&self) -> Vec<SpectrumPeak> {
        let half = TILE_SIDE as i32 / 2;
        let rings = self.measure_rings();
        let (mut peaks, mut summits) = (Vec::new(), 0);
        'rows: for y in AXIS + 1..half - 1 {
            for x in (-half + 2..half - 1).filter(|x| x.abs() > AXIS) {
                let height = self.value_at(x, y);
                let radius = self.radii.get(Self::value_index(x, y)).copied().unwrap_or(0.0);
                let least = rings.get(radius as usize).map_or(f32::MAX, |mean| ABOVE_RING * mean);
                // Lower ones would not be above their surroundings.
                let is_low = height < least || height <= ABOVE_SURROUNDINGS * LEAST_HEIGHT;
                if radius < LOWEST_FREQUENCY || is_low || !self.is_summit(x, y) {
                    continue;
                }
                summits += 1;
                if summits > MOST_SUMMITS {
                    break 'rows;
                }
                let height = height / self.surrounding_level(x, y).max(LEAST_HEIGHT);
                if height > ABOVE_SURROUNDINGS {
                    peaks.push(SpectrumPeak { x, y, height });
                }
            }
        }
        self.remove_combs(&peaks)
    }

    fn remove_combs(&self, peaks: &[SpectrumPeak]) -> Vec<SpectrumPeak> {
        let is_neighbour = |peak: &SpectrumPeak, other: &SpectrumPeak| {
            let (x, y) = (peak.x - other.x, peak.y - other.y);
            (x, y) != (0, 0)
                && x * x + y * y < COMB_DISTANCE * COMB_DISTANCE
                && self.value_at(other.x, other.y) * 2.0 > self.value_at(peak.x, peak.y)
        };
        let stands_alone = |peak: &&SpectrumPeak| !peaks.iter().any(|other| is_neighbour(peak, other));
        let mut alone: Vec<SpectrumPeak> = peaks.iter().filter(stands_alone).copied().collect();
        alone.sort_by(|a, b| b.height.total_cmp(&a.height));
        alone.truncate(MOST_PEAKS);
        alone
    }

    /// The mean amplitude at each whole distance from the middle.
    fn measure_rings(&self) -> Vec<f32> {
        let mut sums = vec![(0.0, 0.0); TILE_SIDE];
        for (value, radius) in self.values.iter().zip(self.radii) {
            if let Some(sum) = sums.get_mut(*radius as usize) {
                *sum = (sum.0 + value, sum.1 + 1.0);
            }
        }
        sums.into_iter().map(|(sum, count)| sum / f32::max(count, 1.0)).collect()
    }

    fn is_summit(&self, x: i32, y: i32) -> bool {
        let height = self.value_at(x, y);
        (-2..=2).all(|down| (-2..=2).all(|across| self.value_at(x + across, y + down) <= height))
    }

    /// The 90th percentile of the amplitudes at four to seven waves from a point: a streak through it is included.
    fn surrounding_level(&self, x: i32, y: i32) -> f32 {
        let mut around: Vec<f32> = (-REACH..=REACH)
            .flat_map(|down| (-REACH..=REACH).map(move |across| (across, down)))
            .filter(|(across, down)| across.abs().max(down.abs()) >= 4)
            .map(|(across, down)| self.value_at(x + across, y + down))
            .collect();
        let place = around.len() * 9 / 10;
        *around.select_nth_unstable_by(place, f32::total_cmp).1
    }
}
