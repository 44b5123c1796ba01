//! Crops of a picture: similarity transforms, and sampling that neither aliases nor blurs.

use image::RgbImage;
use rten_tensor::NdTensor;
use rten_tensor::prelude::*;

use crate::weights::{EngineError, ModelWeights};

/// The maximum number of samples along each side that are averaged for one pixel of a crop, independent of the
/// picture's size.
const MOST_SAMPLES: f32 = 4.0;

/// A rotation, a scale and a shift: maps (u, v) to (turn·u − lean·v + x, lean·u + turn·v + y).
#[derive(Clone, Copy, Debug)]
pub(crate) struct SimilarityTransform {
    pub(crate) turn: f32,
    pub(crate) lean: f32,
    pub(crate) x: f32,
    pub(crate) y: f32,
}

impl SimilarityTransform {
    /// Maps a crop of `size` pixels to the square with that side around `centre`, its top edge rotated by `roll`
    /// radians.
    pub(crate) fn square_crop(centre: [f32; 2], side: f32, roll: f32, size: usize) -> Self {
        let scale = side / size as f32;
        let (turn, lean) = (scale * roll.cos(), scale * roll.sin());
        let half = size as f32 / 2.0;
        Self { turn, lean, x: centre[0] - turn * half + lean * half, y: centre[1] - lean * half - turn * half }
    }

    /// The similarity that maps `from` closest to `to` (least squares); `None` if all points are the same.
    pub(crate) fn fit_points(from: &[[f32; 2]], to: &[[f32; 2]]) -> Option<Self> {
        let (middle, target) = (mean_point(from)?, mean_point(to)?);
        let (mut turn, mut lean, mut spread) = (0.0, 0.0, 0.0);
        for (a, b) in from.iter().zip(to) {
            let (ax, ay) = (a[0] - middle[0], a[1] - middle[1]);
            let (bx, by) = (b[0] - target[0], b[1] - target[1]);
            turn += ax * bx + ay * by;
            lean += ax * by - ay * bx;
            spread += ax * ax + ay * ay;
        }
        let (turn, lean) = (turn / spread, lean / spread);
        let x = target[0] - turn * middle[0] + lean * middle[1];
        let y = target[1] - lean * middle[0] - turn * middle[1];
        [turn, lean, x, y].iter().all(|value| value.is_finite()).then_some(Self { turn, lean, x, y })
    }

    pub(crate) fn map_point(&self, u: f32, v: f32) -> [f32; 2] {
        [self.turn * u - self.lean * v + self.x, self.lean * u + self.turn * v + self.y]
    }

    /// Maps a point of the picture into the crop.
    pub(crate) fn map_point_back(&self, x: f32, y: f32) -> [f32; 2] {
        let (x, y) = (x - self.x, y - self.y);
        let square = self.turn * self.turn + self.lean * self.lean;
        [(self.turn * x + self.lean * y) / square, (self.turn * y - self.lean * x) / square]
    }

    /// The number of the picture's pixels that one pixel of the crop spans.
    pub(crate) fn scale(&self) -> f32 {
        self.turn.hypot(self.lean)
    }
}

/// The mean of points; `None` without points.
pub(crate) fn mean_point(points: &[[f32; 2]]) -> Option<[f32; 2]> {
    let count = points.len() as f32;
    let sum = points.iter().fold([0.0, 0.0], |sum, point| [sum[0] + point[0], sum[1] + point[1]]);
    (count > 0.0).then(|| [sum[0] / count, sum[1] / count])
}

/// The pixels (RGB, 0..255) of a crop that `place` maps into the picture. Beyond its edge the picture is extended.
pub(crate) fn crop_pixels(
    picture: &RgbImage,
    width: usize,
    height: usize,
    place: &SimilarityTransform,
) -> Vec<[f32; 3]> {
    let scale = place.scale();
    let samples = if scale.is_finite() { scale.ceil().clamp(1.0, MOST_SAMPLES) as usize } else { 1 };
    let crop = PixelCrop { picture, width, height, place, samples };
    match (scale < 1.0, place.lean == 0.0) {
        (true, true) => crop.sample_upright(cubic_taps),
        (true, false) => crop.sample_turned(cubic_taps),
        (false, true) => crop.sample_upright(linear_taps),
        (false, false) => crop.sample_turned(linear_taps),
    }
}

/// A crop to be sampled at `samples` points along each side of a pixel.
struct PixelCrop<'a> {
    picture: &'a RgbImage,
    width: usize,
    height: usize,
    place: &'a SimilarityTransform,
    samples: usize,
}

/// Pixels along one axis, and the weight of each.
#[derive(Clone, Copy)]
struct AxisTaps<const COUNT: usize> {
    places: [usize; COUNT],
    weights: [f32; COUNT],
}

impl PixelCrop<'_> {
    /// The positions of all samples along a side of the crop.
    fn sample_positions(&self, length: usize) -> impl Iterator<Item = f32> {
        let samples = self.samples;
        (0..length * samples).map(move |at| (at / samples) as f32 + ((at % samples) as f32 + 0.5) / samples as f32)
    }

    /// Adds a sample's share to the mean of a pixel.
    fn add_sample(&self, sum: [f32; 3], colour: [f32; 3]) -> [f32; 3] {
        let share = 1.0 / (self.samples * self.samples) as f32;
        std::array::from_fn(|channel| sum[channel] + colour[channel] * share)
    }

    /// Samples a crop that is not turned: columns and rows do not depend on each other, and each is placed once.
    fn sample_upright<const COUNT: usize>(&self, taps: impl Fn(f32, u32) -> AxisTaps<COUNT>) -> Vec<[f32; 3]> {
        let (wide, high) = self.picture.dimensions();
        let SimilarityTransform { turn, x, y, .. } = *self.place;
        let columns: Vec<_> = self.sample_positions(self.width).map(|u| taps(turn * u + x, wide)).collect();
        let rows: Vec<_> = self.sample_positions(self.height).map(|v| taps(turn * v + y, high)).collect();
        let sampler = PixelSampler::new(self.picture);
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for rows in rows.chunks_exact(self.samples) {
            for columns in columns.chunks_exact(self.samples) {
                let mut sum = [0.0; 3];
                for row in rows {
                    for column in columns {
                        sum = self.add_sample(sum, sampler.blend(column, row));
                    }
                }
                pixels.push(sum);
            }
        }
        pixels
    }

    fn sample_turned<const COUNT: usize>(&self, taps: impl Fn(f32, u32) -> AxisTaps<COUNT>) -> Vec<[f32; 3]> {
        let (wide, high) = self.picture.dimensions();
        let sampler = PixelSampler::new(self.picture);
        let positions: Vec<f32> = self.sample_positions(self.width.max(self.height)).collect();
        let mut pixels = Vec::with_capacity(self.width * self.height);
        for rows in positions.chunks_exact(self.samples).take(self.height) {
            for columns in positions.chunks_exact(self.samples).take(self.width) {
                let mut sum = [0.0; 3];
                for v in rows {
                    for u in columns {
                        let [x, y] = self.place.map_point(*u, *v);
                        sum = self.add_sample(sum, sampler.blend(&taps(x, wide), &taps(y, high)));
                    }
                }
                pixels.push(sum);
            }
        }
        pixels
    }
}

/// The two pixels around a position (pixel centres are at halves).
fn linear_taps(position: f32, size: u32) -> AxisTaps<2> {
    let position = position - 0.5;
    let first = round_down(position);
    let part = position - first;
    AxisTaps { places: [place_inside(first, 0, size), place_inside(first, 1, size)], weights: [1.0 - part, part] }
}

/// The four pixels around a position, for Catmull-Rom splines, which keep a small portrait sharp when it is enlarged.
fn cubic_taps(position: f32, size: u32) -> AxisTaps<4> {
    let position = position - 0.5;
    let first = round_down(position);
    let places = [-1, 0, 1, 2].map(|step| place_inside(first, step, size));
    AxisTaps { places, weights: spline_weights(position - first) }
}

/// A whole position in a picture of that size; beyond the edge the pixel on the edge is used.
fn place_inside(first: f32, step: i32, size: u32) -> usize {
    let last = i32::try_from(size).unwrap_or(i32::MAX).saturating_sub(1).max(0);
    (first as i32).saturating_add(step).clamp(0, last) as usize
}

/// `f32::floor` without a call of a function.
fn round_down(value: f32) -> f32 {
    if value.abs() > 1e9 {
        return value.floor();
    }
    let towards_zero = value as i32 as f32;
    if towards_zero > value { towards_zero - 1.0 } else { towards_zero }
}

fn spline_weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (-t3 + 2.0 * t2 - t), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (-3.0 * t3 + 4.0 * t2 + t), 0.5 * (t3 - t2)]
}

/// Reads a picture's pixels.
struct PixelSampler<'a> {
    pixels: &'a [[u8; 3]],
    width: usize,
}

impl<'a> PixelSampler<'a> {
    fn new(picture: &'a RgbImage) -> Self {
        Self { pixels: picture.as_raw().as_chunks().0, width: picture.width() as usize }
    }

    /// The weighted sum of pixels. Splines may leave 0..255.
    fn blend<const COUNT: usize>(&self, across: &AxisTaps<COUNT>, down: &AxisTaps<COUNT>) -> [f32; 3] {
        let mut sum = [0.0; 3];
        for (row, weight) in down.places.iter().zip(down.weights) {
            let row = row * self.width;
            for (column, share) in across.places.iter().zip(across.weights) {
                let Some(pixel) = self.pixels.get(row + column) else { continue };
                let weight = weight * share;
                sum = std::array::from_fn(|channel| sum[channel] + weight * f32::from(pixel[channel]));
            }
        }
        if COUNT > 2 { sum.map(|value| value.clamp(0.0, 255.0)) } else { sum }
    }
}

/// Runs a model on a crop in the layout that the model takes: as planes or pixel by pixel.
pub(crate) fn run_on_crop(
    weights: &ModelWeights,
    pixels: &[[f32; 3]],
    width: usize,
    height: usize,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let (shape, values) = if weights.is_planar()? {
        let plane = |channel: usize| pixels.iter().map(move |pixel| pixel[channel]);
        ([1, 3, height, width], plane(0).chain(plane(1)).chain(plane(2)).collect())
    } else {
        ([1, height, width, 3], pixels.concat())
    };
    let input = NdTensor::from_data(shape, values);
    let outputs = weights.run(input.view())?;
    Ok(outputs.into_iter().map(rten_tensor::Tensor::into_data).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similarity_is_recovered_from_its_points() {
        let known = SimilarityTransform { turn: 1.4, lean: -0.6, x: 12.0, y: -7.0 };
        let from = [[0.0, 0.0], [10.0, 2.0], [3.0, 9.0]];
        let to = from.map(|point| known.map_point(point[0], point[1]));
        let found = SimilarityTransform::fit_points(&from, &to).unwrap();
        assert!((found.turn - 1.4).abs() < 1e-4 && (found.lean + 0.6).abs() < 1e-4);
        assert!((found.x - 12.0).abs() < 1e-3 && (found.y + 7.0).abs() < 1e-3);
        assert!(SimilarityTransform::fit_points(&[[1.0, 1.0]; 3], &to).is_none());
        assert!(SimilarityTransform::fit_points(&[], &[]).is_none());
    }

    #[test]
    fn full_size_crop_is_the_picture_and_smaller_crop_its_mean() {
        let picture = RgbImage::from_fn(16, 16, |x, y| image::Rgb([if (x + y) % 2 == 0 { 255 } else { 0 }, 7, 9]));
        let same = crop_pixels(&picture, 16, 16, &SimilarityTransform { turn: 1.0, lean: 0.0, x: 0.0, y: 0.0 });
        assert_eq!(same[0], [255.0, 7.0, 9.0]);
        assert_eq!(same[1], [0.0, 7.0, 9.0]);
        let smaller = crop_pixels(&picture, 4, 4, &SimilarityTransform { turn: 4.0, lean: 0.0, x: 0.0, y: 0.0 });
        assert!(smaller.iter().all(|pixel| (pixel[0] - 127.5).abs() < 1.0), "a chequer is grey from afar");
    }

    /// The definition of a crop: every sample is placed and blended by itself.
    fn crop_slowly(picture: &RgbImage, side: usize, place: &SimilarityTransform) -> Vec<[f32; 3]> {
        let scale = place.scale();
        let samples = scale.ceil().clamp(1.0, MOST_SAMPLES) as usize;
        let (width, height) = picture.dimensions();
        let inside = |value: f32, size: u32| value.clamp(0.0, size as f32 - 1.0) as u32;
        let colour = |x: f32, y: f32| {
            let (left, top) = ((x - 0.5).floor(), (y - 0.5).floor());
            let (u, v) = (x - 0.5 - left, y - 0.5 - top);
            let linear = |part: f32| vec![(0.0, 1.0 - part), (1.0, part)];
            let cubic = |part: f32| [-1.0, 0.0, 1.0, 2.0].into_iter().zip(spline_weights(part)).collect();
            let (across, down) = if scale < 1.0 { (cubic(u), cubic(v)) } else { (linear(u), linear(v)) };
            let mut sum = [0.0; 3];
            for (row, weight) in &down {
                for (column, share) in &across {
                    let pixel = picture.get_pixel(inside(left + column, width), inside(top + row, height)).0;
                    sum = std::array::from_fn(|channel| sum[channel] + weight * share * f32::from(pixel[channel]));
                }
            }
            if scale < 1.0 { sum.map(|value: f32| value.clamp(0.0, 255.0)) } else { sum }
        };
        let offset = |sample: usize| (sample as f32 + 0.5) / samples as f32;
        let share = 1.0 / (samples * samples) as f32;
        let pixel = |at: usize| {
            let mut sum = [0.0; 3];
            for sample in 0..samples * samples {
                let (u, v) =
                    ((at % side) as f32 + offset(sample % samples), (at / side) as f32 + offset(sample / samples));
                let [x, y] = place.map_point(u, v);
                let colour = colour(x, y);
                sum = std::array::from_fn(|channel| sum[channel] + colour[channel] * share);
            }
            sum
        };
        (0..side * side).map(pixel).collect()
    }

    #[test]
    fn crops_are_bit_for_bit_as_defined() {
        let picture =
            RgbImage::from_fn(61, 47, |x, y| image::Rgb([((x * 13) ^ (y * 7)) as u8, (x * y) as u8, (y * 31) as u8]));
        for (turn, lean) in [(0.37, 0.0), (1.0, 0.0), (2.6, 0.0), (7.1, 0.0), (0.4, 0.3), (1.7, -0.8), (-3.0, 2.0)] {
            for (x, y) in [(-9.3, 4.0), (20.25, -31.5), (0.0, 0.0)] {
                let place = SimilarityTransform { turn, lean, x, y };
                assert_eq!(crop_pixels(&picture, 24, 24, &place), crop_slowly(&picture, 24, &place), "{place:?}");
            }
        }
        let far = SimilarityTransform { turn: 1.0, lean: 0.0, x: 1e12, y: -1e12 };
        assert_eq!(crop_pixels(&picture, 2, 2, &far), [picture.get_pixel(60, 0).0.map(f32::from); 4]);
    }

    #[test]
    fn square_crop_is_centred_and_rotated() {
        let square = SimilarityTransform::square_crop([50.0, 40.0], 20.0, std::f32::consts::FRAC_PI_2, 10);
        let middle = square.map_point(5.0, 5.0);
        assert!((middle[0] - 50.0).abs() < 1e-3 && (middle[1] - 40.0).abs() < 1e-3);
        let right = square.map_point(10.0, 5.0);
        assert!((right[0] - 50.0).abs() < 1e-3 && (right[1] - 50.0).abs() < 1e-3);
    }
}
