//! Tests whether one plane explains two frames' pixels: the surest sign of a print, independent of the landmark
//! network.
//!
//! The reference's face is laid over another frame's by the homography that fits its landmarks. The homography is then
//! refined until the pixels agree best. They agree for a flat picture at any position; a head that has turned shows
//! other sides of its nose and cheeks.

use std::sync::OnceLock;

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

/// The fewest pairs of pixels for a face.
const LEAST_PAIRS: f64 = SIZE as f64;
/// Homographies that move no point of a face by more than this are one, in parts of half a texture: a quarter of a pixel.
const SAME_START: f64 = 0.5 / SIZE as f64;

/// A face's grey pixels, level and at a fixed size, with its landmarks on them (−1..1).
#[derive(Clone, Debug)]
pub(super) struct FaceTexture {
    grey: Vec<f32>,
    points: Vec<[f64; 2]>,
    /// The detail at each scale, once it is needed.
    details: OnceLock<[Vec<f32>; BLURS.len()]>,
}

/// A pixel of a texture, and its centre.
#[derive(Clone, Copy)]
struct FacePixel {
    at: usize,
    centre: [f64; 2],
}

/// The pixels of a face. Coarse detail changes little from one pixel to the next, so a part of them represents all.
struct FacePixels {
    all: Vec<FacePixel>,
    half: Vec<FacePixel>,
    quarter: Vec<FacePixel>,
}

impl FaceTexture {
    pub(super) fn from_face(picture: &RgbImage, face: &Face, around: &FaceBox) -> Self {
        let side = ROOM * around.width.max(around.height).max(1.0);
        let place = SimilarityTransform::square_crop(around.centre(), side, face.pose.roll.to_radians(), SIZE);
        let pixels = crop_pixels(picture, SIZE, SIZE, &place);
        let grey = pixels.iter().map(|[red, green, blue]| 0.299 * red + 0.587 * green + 0.114 * blue).collect();
        let points = face.landmarks.iter().map(|point| normalise_pixel(place.map_point_back(point[0], point[1])));
        Self { grey, points: points.collect(), details: OnceLock::new() }
    }

    /// The best likeness of the two faces' pixels under one homography, −1..1; 0 if none is found.
    pub(super) fn plane_likeness(&self, other: &Self) -> f64 {
        let pixels = self.list_face_pixels();
        let mut starts: Vec<Homography> = Vec::new();
        let found = [
            self.initial_homography(other, |_| true),
            self.initial_homography(other, |point| FIRM_LANDMARKS.contains(&point)),
        ];
        for start in found.into_iter().flatten() {
            if starts.iter().all(|known| !is_same_start(known, &start, &pixels.quarter)) {
                starts.push(start);
            }
        }
        let scales = self.details().iter().zip(other.details()).zip(BLURS);
        let ends = starts.into_iter().map(|mut plane| {
            let mut likeness = 0.0;
            for ((here, there), blur) in scales.clone() {
                let pair = if blur > 1 {
                    TexturePair {
                        here,
                        there,
                        fitted: &pixels.quarter,
                        compared: &pixels.quarter,
                        least_pairs: LEAST_PAIRS / 4.0,
                    }
                } else {
                    TexturePair { here, there, fitted: &pixels.half, compared: &pixels.all, least_pairs: LEAST_PAIRS }
                };
                likeness = pair.refine_homography(&mut plane);
            }
            likeness
        });
        ends.fold(0.0, f64::max)
    }

    fn details(&self) -> &[Vec<f32>; BLURS.len()] {
        self.details.get_or_init(|| BLURS.map(|blur| extract_detail(&self.grey, blur)))
    }

    /// The homography that fits some of the landmarks.
    fn initial_homography(&self, other: &Self, is_used: impl Fn(usize) -> bool) -> Option<Homography> {
        let used = |points: &[[f64; 2]]| {
            points.iter().enumerate().filter(|(at, _)| is_used(*at)).map(|(_, point)| *point).collect::<Vec<_>>()
        };
        Homography::fit_homography(&used(&self.points), &used(&other.points))
    }

    /// The pixels of the face itself: inside the ellipse of its landmarks.
    fn list_face_pixels(&self) -> FacePixels {
        let count = self.points.len().max(1) as f64;
        let mean = |axis: usize| self.points.iter().map(|point| point[axis]).sum::<f64>() / count;
        let middle = [mean(0), mean(1)];
        let reach =
            |axis: usize| self.points.iter().map(|point| (point[axis] - middle[axis]).abs()).fold(0.05, f64::max) * 0.9;
        let (across, down) = (reach(0), reach(1));
        let within = |pixel: &FacePixel| {
            let [x, y] = pixel.centre;
            ((x - middle[0]) / across).powi(2) + ((y - middle[1]) / down).powi(2) <= 1.0
        };
        let all: Vec<FacePixel> =
            (0..SIZE * SIZE).map(|at| FacePixel { at, centre: pixel_centre(at) }).filter(within).collect();
        let part = |is_in: fn(usize, usize) -> bool| {
            all.iter().filter(|pixel| is_in(pixel.at % SIZE, pixel.at / SIZE)).copied().collect()
        };
        let half = part(|x, y| (x + y) % 2 == 0);
        let quarter = part(|x, y| x % 2 == 0 && y % 2 == 0);
        FacePixels { all, half, quarter }
    }
}

/// Whether two homographies map a face's pixels to the same places.
fn is_same_start(one: &Homography, other: &Homography, pixels: &[FacePixel]) -> bool {
    pixels.iter().all(|pixel| {
        let ([x, y], [u, v]) = (one.project_point(pixel.centre), other.project_point(pixel.centre));
        (x - u).abs().max((y - v).abs()) < SAME_START
    })
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
            let mut sums = [0.0_f64; SIZE + 1];
            for at in 0..SIZE {
                let value = values.get(line * other + at * stride).copied().unwrap_or_default();
                sums[at + 1] = sums[at] + f64::from(value);
            }
            for at in 0..SIZE {
                let (from, to) = (at.saturating_sub(reach), (at + reach + 1).min(SIZE));
                if let Some(cell) = out.get_mut(line * other + at * stride) {
                    *cell = ((sums[to] - sums[from]) / (to - from) as f64) as f32;
                }
            }
        }
        out
    };
    along(&along(grey, 1, SIZE), SIZE, 1)
}

/// Two textures at one scale, with the pixels at which a homography is fitted and at which it is judged.
struct TexturePair<'a> {
    here: &'a [f32],
    there: &'a [f32],
    fitted: &'a [FacePixel],
    compared: &'a [FacePixel],
    /// With fewer pairs of pixels the textures are not compared.
    least_pairs: f64,
}

impl TexturePair<'_> {
    /// Refines the homography until the pixels are most alike (Gauss-Newton, damped), and returns their likeness.
    fn refine_homography(&self, best: &mut Homography) -> f64 {
        let mut likeness = self.measure_likeness(best);
        let mut damping = 0.01;
        for _ in 0..MOST_MOVES {
            let Some(step) = self.solve_movement(best, damping) else { break };
            let moved = Homography(std::array::from_fn(|at| best.0[at] + step[at]));
            let found = self.measure_likeness(&moved);
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

    /// The correlation of the values that the homography pairs, −1..1; 0 if there are too few pairs for a face.
    fn measure_likeness(&self, plane: &Homography) -> f64 {
        let both = self.compared.iter().filter_map(|pixel| {
            let there = sample_texture(self.there, plane.project_point(pixel.centre))?;
            Some([f64::from(*self.here.get(pixel.at)?), there])
        });
        let [mut count, mut a, mut b, mut aa, mut bb, mut ab] = [0.0; 6];
        for [here, there] in both {
            count += 1.0;
            (a, b) = (a + here, b + there);
            (aa, bb, ab) = (aa + here * here, bb + there * there, ab + here * there);
        }
        if count < self.least_pairs {
            return 0.0;
        }
        let likeness = (ab - a * b / count) / ((aa - a * a / count) * (bb - b * b / count)).sqrt();
        if likeness.is_finite() { likeness } else { 0.0 }
    }

    /// The step that would make the values equal if they changed evenly; gain and offset are fitted too.
    fn solve_movement(&self, plane: &Homography, damping: f64) -> Option<[f64; 10]> {
        let mut fit = LeastSquares::<10>::new();
        for pixel in self.fitted {
            let [x, y] = pixel.centre;
            let [u, v] = plane.project_point([x, y]);
            let depth = plane.0[6] * x + plane.0[7] * y + 1.0;
            let (Some([value, across, down]), Some(wanted)) =
                (sample_slopes(self.there, [u, v]), self.here.get(pixel.at))
            else {
                continue;
            };
            let (a, b) = (across / depth, down / depth);
            let turn = -(a * u + b * v);
            let row = [a * x, a * y, a, b * x, b * y, b, turn * x, turn * y, -f64::from(*wanted), -1.0];
            fit.add_row(&row, -value);
        }
        fit.dampen(damping);
        fit.solve()
    }
}

/// The value interpolated between the four pixels around a point; `None` beyond the edge.
fn sample_texture(values: &[f32], point: [f64; 2]) -> Option<f64> {
    let ([left, top], parts) = place_in_texture(point, 0)?;
    let at = top * SIZE + left;
    Some(blend_square(values.get(at..at + 2)?, values.get(at + SIZE..at + SIZE + 2)?, parts))
}

/// The value at a point, and its slopes across and down over two pixels; `None` near the edge.
fn sample_slopes(values: &[f32], point: [f64; 2]) -> Option<[f64; 3]> {
    let ([left, top], parts) = place_in_texture(point, 1)?;
    let row = |row: usize| {
        let at = (top + row - 1) * SIZE + left - 1;
        values.get(at..at + 4)
    };
    let (above, upper, lower, below) = (row(0)?, row(1)?, row(2)?, row(3)?);
    let value = blend_square(&upper[1..3], &lower[1..3], parts);
    let across = blend_square(&upper[2..4], &lower[2..4], parts) - blend_square(&upper[..2], &lower[..2], parts);
    let down = blend_square(&lower[1..3], &below[1..3], parts) - blend_square(&above[1..3], &upper[1..3], parts);
    // Two pixels are four parts of the texture's side, which is 2 long.
    let reach = 4.0 / SIZE as f64;
    Some([value, across / reach, down / reach])
}

/// The pixel to the upper left of a point with the parts of the way to the next ones, if `margin` more pixels are around.
fn place_in_texture([x, y]: [f64; 2], margin: usize) -> Option<([usize; 2], [f64; 2])> {
    let half = SIZE as f64 / 2.0;
    let (x, y) = ((x + 1.0) * half - 0.5, (y + 1.0) * half - 0.5);
    let (first, last) = (margin as f64, (SIZE - 1 - margin) as f64);
    if !(x >= first && y >= first && x < last && y < last) {
        return None;
    }
    let (left, top) = (x as usize, y as usize);
    Some(([left, top], [x - left as f64, y - top as f64]))
}

fn blend_square(upper: &[f32], lower: &[f32], [across, down]: [f64; 2]) -> f64 {
    let blend = |row: &[f32]| match row {
        [left, right, ..] => f64::from(*left) * (1.0 - across) + f64::from(*right) * across,
        _ => 0.0,
    };
    blend(upper) * (1.0 - down) + blend(lower) * down
}
