//! Areas of a picture straightened to a rectangle, and their outlines fitted to where the bars end.

use image::GrayImage;

/// Four corners in pixels of the picture: along the rows of the barcode from the first to the second and from the fourth
/// to the third, along its bars from the first to the fourth and from the second to the third.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quad {
    pub(super) corners: [(f32, f32); 4],
}

/// A region is widened by this share of its height on every side, for the light margin that a reader needs.
const MARGIN: f32 = 0.08;
/// The width to which a region is brought while its outline is looked for, in pixels.
const LOOK: f32 = 512.0;
/// Parts of each side whose end of the bars is looked for.
const PROBES: usize = 12;

impl Quad {
    /// A rectangle about a centre, its rows running at that angle (radians).
    pub(super) fn rectangle(centre: (f32, f32), half: (f32, f32), angle: f32) -> Self {
        let (sine, cosine) = angle.sin_cos();
        let corner = |x: f32, y: f32| (centre.0 + x * cosine - y * sine, centre.1 + x * sine + y * cosine);
        let (x, y) = half;
        Self { corners: [corner(-x, -y), corner(x, -y), corner(x, y), corner(-x, y)] }
    }

    pub(super) fn width(&self) -> f32 {
        let [a, b, c, d] = self.corners;
        distance(a, b).max(distance(d, c))
    }

    pub(super) fn height(&self) -> f32 {
        let [a, b, c, d] = self.corners;
        distance(a, d).max(distance(b, c))
    }

    pub(super) fn turned(&self, degrees: f32) -> Self {
        let sum = self.corners.iter().fold((0.0, 0.0), |sum, corner| (sum.0 + corner.0, sum.1 + corner.1));
        let centre = (sum.0 / 4.0, sum.1 / 4.0);
        let (sine, cosine) = degrees.to_radians().sin_cos();
        let corners = self.corners.map(|corner| {
            let (x, y) = (corner.0 - centre.0, corner.1 - centre.1);
            (centre.0 + x * cosine - y * sine, centre.1 + x * sine + y * cosine)
        });
        Self { corners }
    }

    /// The point at a place within, where the corners are at 0 and 1: by perspective (Heckbert 1989, from the unit square).
    fn point(&self) -> impl Fn(f32, f32) -> (f32, f32) {
        let [a, b, c, d] = self.corners;
        let sum = (a.0 - b.0 + c.0 - d.0, a.1 - b.1 + c.1 - d.1);
        let (right, down) = ((b.0 - c.0, b.1 - c.1), (d.0 - c.0, d.1 - c.1));
        let whole = right.0 * down.1 - down.0 * right.1;
        let whole = if whole.abs() < 1e-6 { 1e-6 } else { whole };
        let (g, h) = ((sum.0 * down.1 - down.0 * sum.1) / whole, (right.0 * sum.1 - sum.0 * right.1) / whole);
        let across = (b.0 - a.0 + g * b.0, b.1 - a.1 + g * b.1);
        let along = (d.0 - a.0 + h * d.0, d.1 - a.1 + h * d.1);
        move |u, v| {
            let depth = (g * u + h * v + 1.0).max(1e-3);
            ((across.0 * u + along.0 * v + a.0) / depth, (across.1 * u + along.1 * v + a.1) / depth)
        }
    }
}

fn distance(a: (f32, f32), b: (f32, f32)) -> f32 {
    (a.0 - b.0).hypot(a.1 - b.1)
}

/// The area with a margin around it as a rectangle of about that width, its shape kept. Where the picture is finer, pixels
/// are averaged.
pub(super) fn straightened(luma: &GrayImage, quad: Quad, width: f32) -> GrayImage {
    let scale = width / quad.width().max(1.0);
    let height = (quad.height() * scale).clamp(16.0, width * 2.0);
    let margin = (height * MARGIN).max(12.0);
    let (out_width, out_height) = ((width + 2.0 * margin) as u32, (height + 2.0 * margin) as u32);
    let point = quad.point();
    let samples = (0.7 / scale).ceil().clamp(1.0, 4.0);
    GrayImage::from_fn(out_width, out_height, |x, y| {
        let mut sum = 0.0;
        for part in 0..(samples * samples) as u32 {
            let (right, down) = ((part % samples as u32) as f32, (part / samples as u32) as f32);
            let x = (x as f32 + (right + 0.5) / samples - margin) / width;
            let y = (y as f32 + (down + 0.5) / samples - margin) / height;
            sum += sample(luma, point(x, y));
        }
        image::Luma([(sum / (samples * samples)) as u8])
    })
}

/// The brightness between pixels; beyond the picture it is white.
fn sample(luma: &GrayImage, point: (f32, f32)) -> f32 {
    let (x, y) = (point.0 - 0.5, point.1 - 0.5);
    let (left, top) = (x.floor(), y.floor());
    if left < 0.0 || top < 0.0 {
        return 255.0;
    }
    let (right, down) = (x - left, y - top);
    let width = luma.width() as usize;
    if left as usize + 1 >= width || top as usize + 1 >= luma.height() as usize {
        return 255.0;
    }
    let at = top as usize * width + left as usize;
    let pixels = luma.as_raw();
    let value = |at: usize| pixels.get(at).map_or(255.0, |pixel| f32::from(*pixel));
    let above = value(at) * (1.0 - right) + value(at + 1) * right;
    let below = value(at + width) * (1.0 - right) + value(at + width + 1) * right;
    above * (1.0 - down) + below * down
}

/// The quadrilateral in which the bars of a region end: a line is fitted to each side. Nothing where they do not end within
/// the region's surroundings.
pub(super) fn outline(luma: &GrayImage, region: Quad) -> Option<Quad> {
    let flat = straightened(luma, region, LOOK);
    let (width, height) = (flat.width() as usize, flat.height() as usize);
    let edges = edges(&flat);
    // A codeword's bars and a row's height both fit well into such a window.
    let window = (width / 28).max(4);
    let level = edges.iter().sum::<f32>() / edges.len().max(1) as f32 * 0.5;
    let ends = |is_lying: bool| {
        let (length, across) = if is_lying { (width, height) } else { (height, width) };
        let probes = (0..PROBES).filter_map(|probe| {
            let (from, to) = (across * probe / PROBES, across * (probe + 1) / PROBES);
            let at = |place: usize| {
                let sum: f32 = (from..to)
                    .map(|other| if is_lying { other * width + place } else { place * width + other })
                    .filter_map(|at| edges.get(at))
                    .sum();
                sum / (to - from).max(1) as f32
            };
            let profile: Vec<f32> = (0..length).map(at).collect();
            let (start, end) = run(&profile, window, level)?;
            Some(((from + to) as f32 / 2.0, start as f32, end as f32))
        });
        probes.collect::<Vec<_>>()
    };
    let (rows, columns) = (ends(true), ends(false));
    let line = |points: &[(f32, f32, f32)], is_start: bool| {
        fitted(points.iter().map(|(at, start, end)| (*at, if is_start { *start } else { *end })).collect())
    };
    let (left, right) = (line(&rows, true)?, line(&rows, false)?);
    let (top, bottom) = (line(&columns, true)?, line(&columns, false)?);
    let corners = [crossing(left, top), crossing(right, top), crossing(right, bottom), crossing(left, bottom)];
    // Back into the picture.
    let scale = LOOK / region.width().max(1.0);
    let inner = (region.height() * scale).clamp(16.0, LOOK * 2.0);
    let margin = (inner * MARGIN).max(12.0);
    let point = region.point();
    let quad = Quad { corners: corners.map(|(x, y)| point((x - margin) / LOOK, (y - margin) / inner)) };
    let is_alike = quad.width() > region.width() * 0.5 && quad.height() > region.height() * 0.4;
    is_alike.then_some(quad)
}

/// How much brightness changes along each row.
fn edges(flat: &GrayImage) -> Vec<f32> {
    let rows = flat.as_raw().chunks_exact(flat.width().max(1) as usize);
    rows.flat_map(|row| {
        let change = |pair: &[u8]| f32::from(pair[0].abs_diff(pair[1]));
        row.windows(2).map(change).chain(std::iter::once(0.0))
    })
    .collect()
}

/// The longest run in which the mean over a window stays above a level, but for short gaps.
fn run(profile: &[f32], window: usize, level: f32) -> Option<(usize, usize)> {
    let is_full = |at: usize| {
        let part = profile.get(at.saturating_sub(window / 2)..(at + window / 2).min(profile.len())).unwrap_or_default();
        part.iter().sum::<f32>() > level * part.len() as f32
    };
    let mut best: Option<(usize, usize)> = None;
    let mut current: Option<(usize, usize)> = None;
    for at in (0..profile.len()).filter(|at| is_full(*at)) {
        current = match current {
            Some((start, end)) if at - end <= window => Some((start, at)),
            _ => Some((at, at)),
        };
        if let Some((start, end)) = current
            && best.is_none_or(|(from, to)| end - start > to - from)
        {
            best = current;
        }
    }
    best.filter(|(start, end)| end - start > profile.len() / 4)
}

/// A line `offset + slope × place` through points, those that lie far from it left out.
fn fitted(mut points: Vec<(f32, f32)>) -> Option<(f32, f32)> {
    let enough = PROBES / 2;
    loop {
        if points.len() < enough {
            return None;
        }
        let count = points.len() as f32;
        let mean = points.iter().fold((0.0, 0.0), |sum, point| (sum.0 + point.0 / count, sum.1 + point.1 / count));
        let product: f32 = points.iter().map(|point| (point.0 - mean.0) * (point.1 - mean.1)).sum();
        let square: f32 = points.iter().map(|point| (point.0 - mean.0).powi(2)).sum();
        let slope = product / square.max(1e-3);
        let offset = mean.1 - slope * mean.0;
        let miss = |point: &(f32, f32)| (offset + slope * point.0 - point.1).abs();
        let worst = points.iter().map(miss).enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
        match worst {
            Some((place, miss)) if miss > 6.0 => _ = points.swap_remove(place),
            _ => return Some((offset, slope)),
        }
    }
}

/// Where `x = a + b·y` and `y = c + d·x` meet.
fn crossing((a, b): (f32, f32), (c, d): (f32, f32)) -> (f32, f32) {
    let whole = 1.0 - b * d;
    let x = (a + b * c) / if whole.abs() < 0.05 { 0.05 } else { whole };
    (x, c + d * x)
}
