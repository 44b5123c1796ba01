//! Tests whether one plane explains two frames' pixels: the surest sign of a print, independent of the landmark
//! network.
//!
//! The reference's face is laid over another frame's by the homography that fits its landmarks. The homography is then
//! refined until the pixels agree best. They agree for a flat picture at any position; a head that has turned shows
//! other sides of its nose and cheeks.

use image::RgbImage;

use super::depth::Homography;
use super::solve::LeastSquares;
use crate::face::{Face, FaceBox, SimilarityTransform, crop_pixels};

/// The side of a texture, in pixels.
const SIZE: usize = 96;
/// The side of a texture, in sides of the landmarks' box.
const ROOM: f32 = 1.25;
/// The maximum number of refinements at each scale, and the scales: the reach of a blur, in pixels.
const MOST_MOVES: usize = 12;
const BLURS: [usize; 3] = [6, 3, 1];
/// Landmarks that stay in place even if the network imagines a turn: the corners of eyes and mouth, and the wings of
/// the nose.
const FIRM_LANDMARKS: [usize; 8] = [33, 133, 362, 263, 61, 291, 129, 358];

/// A face's grey pixels, level and at a fixed size, with its landmarks on them (−1..1).
#[derive(Clone, Debug)]
pub(super) struct FaceTexture {
    grey: Vec<f32>,
    points: Vec<[f64; 2]>,
}

impl FaceTexture {
    pub(super) fn from_face(picture: &RgbImage, face: &Face, around: &FaceBox) -> Self {
        let side = ROOM * around.width.max(around.height).max(1.0);
        let place = SimilarityTransform::square_crop(around.centre(), side, face.pose.roll.to_radians(), SIZE);
        let pixels = crop_pixels(picture, SIZE, SIZE, &place);
        let grey = pixels.iter().map(|[red, green, blue]| 0.299 * red + 0.587 * green + 0.114 * blue).collect();
        let points = face.landmarks.iter().map(|point| normalise_pixel(place.map_point_back(point[0], point[1])));
        Self { grey, points: points.collect() }
    }

    /// The best likeness of the two faces' pixels under one homography, −1..1; 0 if none is found.
    pub(super) fn plane_likeness(&self, other: &Self) -> f64 {
        let inside = self.list_face_pixels();
        let scales = BLURS.map(|blur| (extract_detail(&self.grey, blur), extract_detail(&other.grey, blur)));
        let starts = [
            self.initial_homography(other, |_| true),
            self.initial_homography(other, |point| FIRM_LANDMARKS.contains(&point)),
        ];
        let ends = starts.into_iter().flatten().map(|mut plane| {
            let mut likeness = 0.0;
            for (here, there) in &scales {
                likeness = refine_homography(here, there, &inside, &mut plane);
            }
            likeness
        });
        ends.fold(0.0, f64::max)
    }

    /// The homography that fits some of the landmarks.
    fn initial_homography(&self, other: &Self, is_used: impl Fn(usize) -> bool) -> Option<Homography> {
        let used = |points: &[[f64; 2]]| {
            points.iter().enumerate().filter(|(at, _)| is_used(*at)).map(|(_, point)| *point).collect::<Vec<_>>()
        };
        Homography::fit_homography(&used(&self.points), &used(&other.points))
    }

    /// The pixels of the face itself: inside the ellipse of its landmarks.
    fn list_face_pixels(&self) -> Vec<usize> {
        let count = self.points.len().max(1) as f64;
        let mean = |axis: usize| self.points.iter().map(|point| point[axis]).sum::<f64>() / count;
        let middle = [mean(0), mean(1)];
        let reach =
            |axis: usize| self.points.iter().map(|point| (point[axis] - middle[axis]).abs()).fold(0.05, f64::max) * 0.9;
        let (across, down) = (reach(0), reach(1));
        let within = |at: &usize| {
            let [x, y] = pixel_centre(*at);
            ((x - middle[0]) / across).powi(2) + ((y - middle[1]) / down).powi(2) <= 1.0
        };
        (0..SIZE * SIZE).filter(within).collect()
    }
}

fn normalise_pixel([x, y]: [f32; 2]) -> [f64; 2] {
    let half = SIZE as f64 / 2.0;
    [f64::from(x) / half - 1.0, f64::from(y) / half - 1.0]
}

fn pixel_centre(at: usize) -> [f64; 2] {
    normalise_pixel([(at % SIZE) as f32 + 0.5, (at / SIZE) as f32 + 0.5])
}

/// Detail finer than slow changes of light and coarser than noise: a slight blur minus a strong one.
fn extract_detail(grey: &[f32], blur: usize) -> Vec<f32> {
    let fine = box_blur(&box_blur(grey, blur), blur);
    let coarse = box_blur(&box_blur(&fine, blur * 4), blur * 4);
    fine.iter().zip(&coarse).map(|(fine, coarse)| fine - coarse).collect()
}

/// The mean over the pixels within `reach` along each axis.
fn box_blur(grey: &[f32], reach: usize) -> Vec<f32> {
    let along = |values: &[f32], stride: usize, other: usize| {
        let mut out = vec![0.0; values.len()];
        for line in 0..SIZE {
            for at in 0..SIZE {
                let near = at.saturating_sub(reach)..=(at + reach).min(SIZE - 1);
                let count = near.clone().count() as f32;
                let sum: f32 = near.filter_map(|step| values.get(line * other + step * stride)).sum();
                if let Some(cell) = out.get_mut(line * other + at * stride) {
                    *cell = sum / count;
                }
            }
        }
        out
    };
    along(&along(grey, 1, SIZE), SIZE, 1)
}

/// Refines the homography until the pixels are most alike (Gauss-Newton, damped), and returns their likeness.
fn refine_homography(here: &[f32], there: &[f32], inside: &[usize], best: &mut Homography) -> f64 {
    let mut likeness = correlate_pairs(&pair_values(here, there, inside, best));
    let mut damping = 0.01;
    for _ in 0..MOST_MOVES {
        let Some(step) = solve_movement(here, there, inside, best, damping) else { break };
        let moved = Homography(std::array::from_fn(|at| best.0[at] + step[at]));
        let found = correlate_pairs(&pair_values(here, there, inside, &moved));
        if found > likeness {
            let gain = found - likeness;
            (likeness, *best, damping) = (found, moved, damping / 3.0);
            if gain < 1e-5 {
                break;
            }
        } else {
            damping *= 10.0;
        }
    }
    likeness
}

/// The values of both textures at the points that the homography pairs.
fn pair_values(here: &[f32], there: &[f32], inside: &[usize], plane: &Homography) -> Vec<[f64; 2]> {
    let both = inside.iter().filter_map(|at| {
        let there = sample_texture(there, plane.project_point(pixel_centre(*at)))?;
        Some([f64::from(*here.get(*at)?), there])
    });
    both.collect()
}

/// The correlation of pairs, −1..1; 0 if there are too few pairs for a face.
fn correlate_pairs(pairs: &[[f64; 2]]) -> f64 {
    let count = pairs.len() as f64;
    if pairs.len() < SIZE {
        return 0.0;
    }
    let mean = |side: usize| pairs.iter().map(|pair| pair[side]).sum::<f64>() / count;
    let (a, b) = (mean(0), mean(1));
    let sum = |f: fn(f64, f64) -> f64| pairs.iter().map(|pair| f(pair[0] - a, pair[1] - b)).sum::<f64>();
    let likeness = sum(|a, b| a * b) / (sum(|a, _| a * a) * sum(|_, b| b * b)).sqrt();
    if likeness.is_finite() { likeness } else { 0.0 }
}

/// The step that would make the values equal if they changed evenly; gain and offset are fitted too.
fn solve_movement(
    here: &[f32],
    there: &[f32],
    inside: &[usize],
    plane: &Homography,
    damping: f64,
) -> Option<[f64; 10]> {
    let mut fit = LeastSquares::<10>::new();
    let reach = 2.0 / SIZE as f64;
    for at in inside {
        let [x, y] = pixel_centre(*at);
        let [u, v] = plane.project_point([x, y]);
        let depth = plane.0[6] * x + plane.0[7] * y + 1.0;
        let slope = |ahead: [f64; 2], behind: [f64; 2]| {
            Some((sample_texture(there, ahead)? - sample_texture(there, behind)?) / (2.0 * reach))
        };
        let across = slope([u + reach, v], [u - reach, v]);
        let down = slope([u, v + reach], [u, v - reach]);
        let (Some(across), Some(down), Some(value)) = (across, down, sample_texture(there, [u, v])) else { continue };
        let Some(wanted) = here.get(*at) else { continue };
        let (a, b) = (across / depth, down / depth);
        let turn = -(a * u + b * v);
        let row = [a * x, a * y, a, b * x, b * y, b, turn * x, turn * y, -f64::from(*wanted), -1.0];
        fit.add_row(&row, -value);
    }
    fit.dampen(damping);
    fit.solve()
}

/// The value interpolated between the four pixels around a point; `None` beyond the edge.
fn sample_texture(values: &[f32], [x, y]: [f64; 2]) -> Option<f64> {
    let half = SIZE as f64 / 2.0;
    let (x, y) = ((x + 1.0) * half - 0.5, (y + 1.0) * half - 0.5);
    let last = (SIZE - 1) as f64;
    if !(x >= 0.0 && y >= 0.0 && x < last && y < last) {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    let (across, down) = (x - left as f64, y - top as f64);
    let value = |row: usize, column: usize| values.get(row * SIZE + column).map(|value| f64::from(*value));
    let upper = value(top, left)? * (1.0 - across) + value(top, left + 1)? * across;
    let lower = value(top + 1, left)? * (1.0 - across) + value(top + 1, left + 1)? * across;
    Some(upper * (1.0 - down) + lower * down)
}
