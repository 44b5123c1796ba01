//! Locates regions of dense parallel bars by the structure tensor of tiles: mean squares and product of brightness
//! slopes.

use image::GrayImage;

use crate::warp::Quad;

/// Number of tiles along the longest side.
const TILES: u32 = 96;
/// Allowed sides of a tile in pixels: a tile must hold several bars, and a region several tiles.
const TILE_SIDES: std::ops::RangeInclusive<u32> = 8..=32;
/// The least mean square of a slope (grey levels over two pixels): bars of 20 levels exceed the noise of a dark
/// picture.
const LEAST_SLOPE: f32 = 120.0;
/// How much the slopes must agree in direction, 0 to 1. The bars of a PDF417 with rows of three modules reach 0.48,
/// including the borders between rows; noise and blur halve that.
const LEAST_AGREEMENT: f32 = 0.2;
/// How far the directions of neighbouring tiles may differ, as the cosine of twice the angle: 15 degrees.
const LEAST_LIKENESS: f32 = 0.866;
/// The fewest tiles of a region.
const FEWEST_TILES: usize = 12;

/// The slopes of a tile: their squares along x and y, and their product.
#[derive(Clone, Copy, Default)]
struct SlopeTensor {
    xx: f32,
    yy: f32,
    xy: f32,
}

impl SlopeTensor {
    fn add_tensor(self, other: Self) -> Self {
        Self { xx: self.xx + other.xx, yy: self.yy + other.yy, xy: self.xy + other.xy }
    }

    /// Twice the direction across the bars, as a vector; its length is the strength of the bars.
    fn doubled_direction(self) -> (f32, f32) {
        (self.xx - self.yy, 2.0 * self.xy)
    }

    fn strength(self) -> f32 {
        let (x, y) = self.doubled_direction();
        x.hypot(y)
    }

    fn has_bars(self) -> bool {
        let whole = self.xx + self.yy;
        whole > LEAST_SLOPE && self.strength() > LEAST_AGREEMENT * whole
    }

    fn runs_alike(self, other: Self) -> bool {
        let (a, b) = (self.doubled_direction(), other.doubled_direction());
        a.0 * b.0 + a.1 * b.1 > LEAST_LIKENESS * self.strength() * other.strength()
    }
}

/// Tensors of a picture's tiles.
struct TileGrid {
    side: u32,
    across: usize,
    down: usize,
    tensors: Vec<SlopeTensor>,
}

/// Finds at most `most` regions of parallel bars, those with the most bars first.
pub(super) fn find_bar_regions(luma: &GrayImage, most: usize) -> Vec<Quad> {
    let tiles = TileGrid::from_luma(luma).smooth_tiles();
    let mut groups = tiles.group_tiles();
    groups.sort_by(|a, b| tiles.strength(b).total_cmp(&tiles.strength(a)));
    groups.iter().take(most).map(|group| tiles.group_rectangle(group)).collect()
}

impl TileGrid {
    fn from_luma(luma: &GrayImage) -> Self {
        let (width, height) = luma.dimensions();
        let side = (width.max(height) / TILES).clamp(*TILE_SIDES.start(), *TILE_SIDES.end());
        let (across, down) = ((width / side) as usize, (height / side) as usize);
        let mut tensors = vec![SlopeTensor::default(); across * down];
        let rows: Vec<&[u8]> = luma.as_raw().chunks_exact(width.max(1) as usize).collect();
        for (y, triple) in rows.windows(3).enumerate() {
            let line = (y + 1) / side as usize;
            let Some(tensors) = tensors.get_mut(line * across..(line + 1) * across) else { continue };
            if let [above, here, below] = triple {
                add_slopes(tensors, side as usize, above, here, below);
            }
        }
        let area = (side * side) as f32;
        for tensor in &mut tensors {
            *tensor = SlopeTensor { xx: tensor.xx / area, yy: tensor.yy / area, xy: tensor.xy / area };
        }
        Self { side, across, down, tensors }
    }

    fn tensor_at(&self, x: usize, y: usize) -> Option<SlopeTensor> {
        if x >= self.across { None } else { self.tensors.get(y * self.across + x).copied() }
    }

    /// Replaces each tile by the mean of itself and its neighbours: a single tile holds too few bars.
    fn smooth_tiles(self) -> Self {
        let mean = |place: usize| {
            let (x, y) = (place % self.across, place / self.across);
            let places = (y.saturating_sub(1)..=y + 1).flat_map(|y| (x.saturating_sub(1)..=x + 1).map(move |x| (x, y)));
            let around: Vec<SlopeTensor> = places.filter_map(|(x, y)| self.tensor_at(x, y)).collect();
            let count = around.len() as f32;
            let sum = around.into_iter().fold(SlopeTensor::default(), SlopeTensor::add_tensor);
            SlopeTensor { xx: sum.xx / count, yy: sum.yy / count, xy: sum.xy / count }
        };
        let tensors = (0..self.tensors.len()).map(mean).collect();
        Self { tensors, ..self }
    }

    /// Groups tiles with bars that touch, or nearly touch along a row, and whose bars run in the same direction.
    fn group_tiles(&self) -> Vec<Vec<usize>> {
        let mut is_free: Vec<bool> = self.tensors.iter().map(|tensor| tensor.has_bars()).collect();
        let mut groups = Vec::new();
        for start in 0..is_free.len() {
            let group = self.grow_group(start, &mut is_free);
            if group.len() >= FEWEST_TILES {
                groups.push(group);
            }
        }
        groups
    }

    fn grow_group(&self, start: usize, is_free: &mut [bool]) -> Vec<usize> {
        let mut group = Vec::new();
        let mut waiting = vec![start];
        while let Some(place) = waiting.pop() {
            let Some(free) = is_free.get_mut(place).filter(|free| **free) else { continue };
            *free = false;
            group.push(place);
            let (x, y) = (place % self.across, place / self.across);
            let around = (y.saturating_sub(1)..=y + 1).flat_map(|y| (x.saturating_sub(2)..=x + 2).map(move |x| (x, y)));
            let Some(here) = self.tensor_at(x, y) else { continue };
            for (x, y) in around.filter(|(x, y)| *x < self.across && *y < self.down) {
                if self.tensor_at(x, y).is_some_and(|tensor| tensor.runs_alike(here)) {
                    waiting.push(y * self.across + x);
                }
            }
        }
        group
    }

    fn sum_group(&self, group: &[usize]) -> SlopeTensor {
        let tensors = group.iter().filter_map(|place| self.tensors.get(*place).copied());
        tensors.fold(SlopeTensor::default(), SlopeTensor::add_tensor)
    }

    fn strength(&self, group: &[usize]) -> f32 {
        self.sum_group(group).strength()
    }

    /// The rectangle around a group, its rows across the bars.
    fn group_rectangle(&self, group: &[usize]) -> Quad {
        let (x, y) = self.sum_group(group).doubled_direction();
        let angle = y.atan2(x) / 2.0;
        let (sine, cosine) = angle.sin_cos();
        let side = self.side as f32;
        let mut low = (f32::MAX, f32::MAX);
        let mut high = (f32::MIN, f32::MIN);
        for place in group {
            let centre = ((place % self.across) as f32 + 0.5, (place / self.across) as f32 + 0.5);
            let across = (centre.0 * cosine + centre.1 * sine) * side;
            let along = (centre.1 * cosine - centre.0 * sine) * side;
            low = (low.0.min(across), low.1.min(along));
            high = (high.0.max(across), high.1.max(along));
        }
        let middle = ((low.0 + high.0) / 2.0, (low.1 + high.1) / 2.0);
        let centre = (middle.0 * cosine - middle.1 * sine, middle.0 * sine + middle.1 * cosine);
        // Tile centres were measured: add half a tile on each side.
        let half = ((high.0 - low.0 + side) / 2.0, (high.1 - low.1 + side) / 2.0);
        Quad::from_rectangle(centre, half, angle)
    }
}

/// Adds the slopes of one row of pixels to its row of tiles.
fn add_slopes(tensors: &mut [SlopeTensor], side: usize, above: &[u8], here: &[u8], below: &[u8]) {
    let columns = above.chunks_exact(side).zip(below.chunks_exact(side)).zip(here.chunks_exact(side));
    for (tensor, ((above, below), here)) in tensors.iter_mut().zip(columns) {
        let (mut xx, mut yy, mut xy) = (0_i32, 0_i32, 0_i32);
        let pairs = here.iter().zip(here.iter().skip(2)).zip(above.iter().skip(1).zip(below.iter().skip(1)));
        for ((left, right), (up, down)) in pairs {
            let (x, y) = (i32::from(*right) - i32::from(*left), i32::from(*down) - i32::from(*up));
            xx += x * x;
            yy += y * y;
            xy += x * y;
        }
        *tensor = tensor.add_tensor(SlopeTensor { xx: xx as f32, yy: yy as f32, xy: xy as f32 });
    }
}
