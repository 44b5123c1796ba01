//! Edges of a small picture, and the straight lines they form (Duda and Hart 1972, using the slope's direction).

use std::f32::consts::PI;

use image::RgbImage;

/// The number of distinguished directions: two degrees each.
const DIRECTIONS: usize = 90;
/// The least slope of an edge, in grey levels over two pixels.
const LEAST_SLOPE: f32 = 14.0;
/// The least slope of an edge relative to the picture's median: the background may have a grain.
const ABOVE_MEDIAN: f32 = 2.0;
/// The maximum number of lines.
const MOST_LINES: usize = 24;
/// The least votes of a line, as a share of the shorter side.
const LEAST_VOTES: f32 = 0.2;
/// The least agreement of the slope with a line's own direction, as a cosine: 26 degrees.
const ALIGNED: f32 = 0.9;
/// The distance from a border at which its two sides are compared, in pixels.
const BESIDE: f32 = 5.0;

/// The line of all points with `x · cosine + y · sine = distance`.
#[derive(Clone, Copy, Debug)]
pub(super) struct StraightLine {
    normal: (f32, f32),
    distance: f32,
}

impl StraightLine {
    /// The cosine of the angle between two lines.
    pub(super) fn cosine_to(self, other: Self) -> f32 {
        self.normal.0 * other.normal.0 + self.normal.1 * other.normal.1
    }
}

/// The intersection of two lines; `None` if they are nearly parallel.
pub(super) fn cross_straight_lines(one: StraightLine, other: StraightLine) -> Option<(f32, f32)> {
    let whole = one.normal.0 * other.normal.1 - one.normal.1 * other.normal.0;
    if whole.abs() < 0.3 {
        return None;
    }
    let x = (one.distance * other.normal.1 - other.distance * one.normal.1) / whole;
    let y = (other.distance * one.normal.0 - one.distance * other.normal.0) / whole;
    Some((x, y))
}

/// The slopes of a picture's brightness; 0 where they are not steep.
pub(super) struct EdgeMap {
    width: usize,
    height: usize,
    slopes: Vec<(f32, f32)>,
    smooth: Vec<[f32; 3]>,
}

impl EdgeMap {
    pub(super) fn from_picture(small: &RgbImage) -> Self {
        let (width, height) = (small.width() as usize, small.height() as usize);
        let smooth = smooth_channels(small);
        let at = |x: usize, y: usize| smooth.get(y * width + x).copied().unwrap_or_default();
        let mut slopes = vec![(0.0, 0.0); width * height];
        for y in 1..height.saturating_sub(1) {
            for x in 1..width.saturating_sub(1) {
                let (right, left, below, above) = (at(x + 1, y), at(x - 1, y), at(x, y + 1), at(x, y - 1));
                let of_channel = |channel: usize| (right[channel] - left[channel], below[channel] - above[channel]);
                let steepest = (0..3).map(of_channel).max_by(|a, b| steepness(*a).total_cmp(&steepness(*b)));
                if let (Some(slope), Some(steepest)) = (slopes.get_mut(y * width + x), steepest) {
                    *slope = steepest;
                }
            }
        }
        let mut sizes: Vec<f32> = slopes.iter().map(|slope| steepness(*slope)).collect();
        let middle = sizes.len() / 2;
        let median = if sizes.is_empty() { 0.0 } else { *sizes.select_nth_unstable_by(middle, f32::total_cmp).1 };
        let least = (ABOVE_MEDIAN * median).max(LEAST_SLOPE);
        slopes.iter_mut().filter(|slope| steepness(**slope) < least).for_each(|slope| *slope = (0.0, 0.0));
        Self { width, height, slopes, smooth }
    }

    pub(super) fn pixel_count(&self) -> f32 {
        (self.width * self.height) as f32
    }

    pub(super) fn shorter_side(&self) -> f32 {
        self.width.min(self.height) as f32
    }

    /// Whether a point is inside the picture, away from its border by that share of its longest side.
    pub(super) fn contains_point(&self, (x, y): (f32, f32), margin: f32) -> bool {
        let (width, height) = (self.width as f32, self.height as f32);
        let margin = width.max(height) * margin;
        x > margin && y > margin && x < width - margin && y < height - margin
    }

    /// The share of the way between two points that has an edge with its brighter side always on the same hand: the
    /// grain of wood does not.
    pub(super) fn edge_cover(&self, from: (f32, f32), to: (f32, f32)) -> f32 {
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let length = x.hypot(y);
        let steps = (length / 2.0) as usize;
        if steps < 4 {
            return 0.0;
        }
        let normal = (-y / length, x / length);
        let (mut to_left, mut to_right) = (0, 0);
        for step in 0..steps {
            let share = (step as f32 + 0.5) / steps as f32;
            let place = (from.0 + x * share, from.1 + y * share);
            let along = [0.0, -1.0, 1.0, -2.0, 2.0].map(|away| {
                let slope = self.slope_at(place.0 + normal.0 * away, place.1 + normal.1 * away);
                (slope.0 * normal.0 + slope.1 * normal.1) / steepness(slope).max(1e-3)
            });
            to_left += usize::from(along.iter().any(|cosine| *cosine > ALIGNED));
            to_right += usize::from(along.iter().any(|cosine| *cosine < -ALIGNED));
        }
        to_left.max(to_right) as f32 / steps as f32
    }

    /// The line that fits the edge between two points best.
    pub(super) fn refine_line(&self, from: (f32, f32), to: (f32, f32)) -> Option<StraightLine> {
        const SAMPLES: usize = 48;
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let length = x.hypot(y).max(1.0);
        let normal = (-y / length, x / length);
        let mut points = Vec::new();
        for sample in 2..SAMPLES - 2 {
            let share = sample as f32 / SAMPLES as f32;
            let (left, top) = (from.0 + x * share, from.1 + y * share);
            let across = |away: i16| {
                let away = f32::from(away) / 2.0;
                let slope = self.slope_at(left + normal.0 * away, top + normal.1 * away);
                (away, (slope.0 * normal.0 + slope.1 * normal.1).abs())
            };
            let steepest = (-10..=10).map(across).max_by(|a, b| a.1.total_cmp(&b.1));
            points.extend(steepest.filter(|(_, slope)| *slope > 0.0).map(|(away, _)| (share, away)));
        }
        let (start, end) = fit_straight(points)?;
        let moved = |(x, y): (f32, f32), away: f32| (x + normal.0 * away, y + normal.1 * away);
        Some(line_through(moved(from, start), moved(to, end)))
    }

    /// The density of edge points inside and outside a quadrilateral.
    pub(super) fn edge_densities(&self, corners: &[(f32, f32); 4]) -> (f32, f32) {
        let [a, b, c, d] = *corners;
        let sides = [(a, b), (b, c), (c, d), (d, a)];
        let distance = |(from, to): ((f32, f32), (f32, f32)), x: f32, y: f32| {
            let (across, down) = (to.0 - from.0, to.1 - from.1);
            ((x - from.0) * down - (y - from.1) * across) / (across * across + down * down).sqrt().max(1.0)
        };
        let (mut within, mut beyond) = ((0.0, 1.0), (0.0, 1.0));
        for (place, slope) in self.slopes.iter().enumerate() {
            let (x, y) = ((place % self.width) as f32, (place / self.width) as f32);
            let distances = sides.map(|side| distance(side, x, y));
            let (low, high) = distances.iter().fold((f32::MAX, f32::MIN), |(l, h), d| (l.min(*d), h.max(*d)));
            let edge = f32::from(u8::from(steepness(*slope) > 0.0));
            if low > BESIDE || high < -BESIDE {
                within = (within.0 + edge, within.1 + 1.0);
            } else if low < -BESIDE && high > BESIDE {
                beyond = (beyond.0 + edge, beyond.1 + 1.0);
            }
        }
        (within.0 / within.1, beyond.0 / beyond.1)
    }

    /// The difference in brightness of each channel between the two sides of a line; positive if the side of the given
    /// point is brighter.
    pub(super) fn colour_step(&self, from: (f32, f32), to: (f32, f32), side: (f32, f32)) -> [f32; 3] {
        const SAMPLES: usize = 24;
        let (x, y) = (to.0 - from.0, to.1 - from.1);
        let length = x.hypot(y).max(1.0);
        let is_left = (side.0 - from.0) * -y + (side.1 - from.1) * x > 0.0;
        let away = if is_left { BESIDE / length } else { -BESIDE / length };
        let mut sum = [0.0; 3];
        for sample in 0..SAMPLES {
            let share = (sample as f32 + 0.5) / SAMPLES as f32;
            let place = (from.0 + x * share, from.1 + y * share);
            let inside = self.colour_at(place.0 - y * away, place.1 + x * away);
            let outside = self.colour_at(place.0 + y * away, place.1 - x * away);
            if let (Some(inside), Some(outside)) = (inside, outside) {
                sum.iter_mut()
                    .zip(inside.iter().zip(outside))
                    .for_each(|(sum, (a, b))| *sum += (a - b) / SAMPLES as f32);
            }
        }
        sum
    }

    fn colour_at(&self, x: f32, y: f32) -> Option<[f32; 3]> {
        let is_within = x >= 0.0 && y >= 0.0 && (x as usize) < self.width;
        self.smooth.get(y.max(0.0) as usize * self.width + x.max(0.0) as usize).copied().filter(|_| is_within)
    }

    fn slope_at(&self, x: f32, y: f32) -> (f32, f32) {
        if x < 0.0 || y < 0.0 || x as usize >= self.width {
            return (0.0, 0.0);
        }
        self.slopes.get(y as usize * self.width + x as usize).copied().unwrap_or_default()
    }

    /// The two points at which a line leaves the picture: the left or upper one first.
    pub(super) fn clip_line(&self, line: StraightLine) -> Option<((f32, f32), (f32, f32))> {
        let (width, height) = (self.width as f32 - 2.0, self.height as f32 - 2.0);
        let (x, y) = line.normal;
        let mut points = Vec::new();
        for side in [1.0, width] {
            points.push((side, (line.distance - x * side) / y));
        }
        for side in [1.0, height] {
            points.push(((line.distance - y * side) / x, side));
        }
        points.retain(|(x, y)| (0.5..=width + 0.5).contains(x) && (0.5..=height + 0.5).contains(y));
        let is_lying = y.abs() > x.abs();
        points.sort_by(|a, b| if is_lying { a.0.total_cmp(&b.0) } else { a.1.total_cmp(&b.1) });
        Some((*points.first()?, *points.last()?))
    }

    /// The lines with the most edge points, strongest first.
    pub(super) fn find_lines(&self) -> Vec<StraightLine> {
        let reach = (self.width as f32).hypot(self.height as f32) as usize + 2;
        let mut votes = self.count_votes(reach);
        let mut lines = Vec::new();
        let least = LEAST_VOTES * self.shorter_side();
        while lines.len() < MOST_LINES {
            let best = votes.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            let Some((place, _)) = best.filter(|(_, count)| **count >= least) else { break };
            let (direction, distance) = (place / (2 * reach), place % (2 * reach));
            let angle = PI * direction as f32 / DIRECTIONS as f32;
            lines.push(StraightLine {
                normal: (angle.cos(), angle.sin()),
                distance: distance as f32 - reach as f32 + 0.5,
            });
            clear_votes(&mut votes, direction, distance, reach);
        }
        lines
    }

    /// Votes for each direction and distance: an edge point votes for the lines along it.
    fn count_votes(&self, reach: usize) -> Vec<f32> {
        let mut votes = vec![0.0_f32; DIRECTIONS * 2 * reach];
        let turns: Vec<_> =
            (0..DIRECTIONS).map(|direction| (PI * direction as f32 / DIRECTIONS as f32).sin_cos()).collect();
        for (place, slope) in self.slopes.iter().enumerate().filter(|(_, slope)| steepness(**slope) > 0.0) {
            let (x, y) = ((place % self.width) as f32 + 0.5, (place / self.width) as f32 + 0.5);
            if !self.is_ridge(place, *slope) {
                continue;
            }
            let own = (slope.1.atan2(slope.0) / PI * DIRECTIONS as f32).round() as i64;
            for direction in own - 3..=own + 3 {
                let direction = direction.rem_euclid(DIRECTIONS as i64) as usize;
                let (sine, cosine) = turns[direction];
                let distance = (x * cosine + y * sine + reach as f32).max(0.0) as usize;
                // Neighbouring lines get half a vote: a border is rarely quite straight.
                for (at, weight) in [(distance.wrapping_sub(1), 0.5), (distance, 1.0), (distance + 1, 0.5)] {
                    if at < 2 * reach
                        && let Some(count) = votes.get_mut(direction * 2 * reach + at)
                    {
                        *count += weight;
                    }
                }
            }
        }
        votes
    }

    /// Whether an edge is steepest at this point, so that it counts once across its width.
    fn is_ridge(&self, place: usize, slope: (f32, f32)) -> bool {
        let step = if slope.0.abs() > slope.1.abs() { 1 } else { self.width };
        let size = |place: usize| self.slopes.get(place).map_or(0.0, |slope| steepness(*slope));
        size(place) >= size(place.wrapping_sub(step)) && size(place) > size(place + step)
    }
}

/// The line through two points.
fn line_through(from: (f32, f32), to: (f32, f32)) -> StraightLine {
    let (x, y) = (to.0 - from.0, to.1 - from.1);
    let length = x.hypot(y).max(1e-3);
    let normal = (-y / length, x / length);
    StraightLine { normal, distance: from.0 * normal.0 + from.1 * normal.1 }
}

/// The values at 0 and at 1 of the straight line through points; outliers are dropped.
fn fit_straight(mut points: Vec<(f32, f32)>) -> Option<(f32, f32)> {
    let mut ends = None;
    for reach in [3.0, 1.5, 1.0] {
        let count = points.len() as f32;
        if count < 8.0 {
            break;
        }
        let mean = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
        let product: f32 = points.iter().map(|point| (point.0 - mean.0) * (point.1 - mean.1)).sum();
        let square: f32 = points.iter().map(|point| (point.0 - mean.0).powi(2)).sum();
        let slope = product / square.max(1e-3);
        let start = mean.1 - slope * mean.0;
        points.retain(|point| (start + slope * point.0 - point.1).abs() < reach);
        ends = Some((start, start + slope));
    }
    ends
}

/// Removes the votes for a line and similar lines.
fn clear_votes(votes: &mut [f32], direction: usize, distance: usize, reach: usize) {
    for turn in -3_i64..=3 {
        let turned = direction as i64 + turn;
        // Beyond a half turn the distance changes its sign.
        let is_over = turned < 0 || turned >= DIRECTIONS as i64;
        let middle = if is_over { 2 * reach - 1 - distance.min(2 * reach - 1) } else { distance };
        let row = turned.rem_euclid(DIRECTIONS as i64) as usize * 2 * reach;
        let (from, to) = (middle.saturating_sub(5), (middle + 6).min(2 * reach));
        votes.get_mut(row + from..row + to).into_iter().flatten().for_each(|count| *count = 0.0);
    }
}

fn steepness((x, y): (f32, f32)) -> f32 {
    (x * x + y * y).sqrt()
}

/// The mean of 3 × 3 pixels, each channel separately; on the picture's border the pixels themselves.
fn smooth_channels(small: &RgbImage) -> Vec<[f32; 3]> {
    let width = small.width() as usize;
    let pixels: Vec<[f32; 3]> = small.as_raw().as_chunks::<3>().0.iter().map(|pixel| pixel.map(f32::from)).collect();
    let across = sum_three_pixels(&pixels, 1);
    let both = sum_three_pixels(&across, width);
    both.into_iter().map(|sum| sum.map(|sum| sum / 9.0)).collect()
}

/// The sum of each pixel and those at that step before and after it.
fn sum_three_pixels(pixels: &[[f32; 3]], step: usize) -> Vec<[f32; 3]> {
    let at = |place: usize, other: Option<usize>| other.and_then(|other| pixels.get(other)).unwrap_or(&pixels[place]);
    let sum = |place: usize| {
        let (before, here, behind) =
            (at(place, place.checked_sub(step)), &pixels[place], at(place, Some(place + step)));
        [before[0] + here[0] + behind[0], before[1] + here[1] + behind[1], before[2] + here[2] + behind[2]]
    };
    (0..pixels.len()).map(sum).collect()
}
