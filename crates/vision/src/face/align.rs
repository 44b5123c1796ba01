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
    let offset = |sample: usize| (sample as f32 + 0.5) / samples as f32;
    let share = 1.0 / (samples * samples) as f32;
    let mut pixels = Vec::with_capacity(width * height);
    for row in 0..height {
        for column in 0..width {
            let mut sum = [0.0; 3];
            for sample in 0..samples * samples {
                let (down, across) = (offset(sample / samples), offset(sample % samples));
                let [x, y] = place.map_point(column as f32 + across, row as f32 + down);
                let colour = if scale < 1.0 { sample_cubic(picture, x, y) } else { sample_linear(picture, x, y) };
                sum = std::array::from_fn(|channel| sum[channel] + colour[channel] * share);
            }
            pixels.push(sum);
        }
    }
    pixels
}

/// The colour at a point (pixel centres at halves), interpolated between the four pixels around it.
pub(crate) fn sample_linear(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let (across, down) = (x - left, y - top);
    blend_pixels(picture, [left, top], &[1.0 - across, across], &[1.0 - down, down])
}

/// The colour at a point by Catmull-Rom splines, which keep a small portrait sharp when it is enlarged.
fn sample_cubic(picture: &RgbImage, x: f32, y: f32) -> [f32; 3] {
    let (x, y) = (x - 0.5, y - 0.5);
    let (left, top) = (x.floor(), y.floor());
    let colour = blend_pixels(picture, [left - 1.0, top - 1.0], &spline_weights(x - left), &spline_weights(y - top));
    colour.map(|value| value.clamp(0.0, 255.0))
}

fn spline_weights(t: f32) -> [f32; 4] {
    let (t2, t3) = (t * t, t * t * t);
    [0.5 * (-t3 + 2.0 * t2 - t), 0.5 * (3.0 * t3 - 5.0 * t2 + 2.0), 0.5 * (-3.0 * t3 + 4.0 * t2 + t), 0.5 * (t3 - t2)]
}

/// The weighted sum of the pixels from `first` on; beyond the edge the pixels on the edge are used.
fn blend_pixels(picture: &RgbImage, first: [f32; 2], across: &[f32], down: &[f32]) -> [f32; 3] {
    let (width, height) = picture.dimensions();
    let inside = |value: f32, size: u32| value.clamp(0.0, size.saturating_sub(1) as f32) as u32;
    let mut sum = [0.0; 3];
    for (row, weight) in down.iter().enumerate() {
        let y = inside(first[1] + row as f32, height);
        for (column, share) in across.iter().enumerate() {
            let x = inside(first[0] + column as f32, width);
            let Some(pixel) = picture.get_pixel_checked(x, y) else { continue };
            let weight = weight * share;
            sum = std::array::from_fn(|channel| sum[channel] + weight * f32::from(pixel.0[channel]));
        }
    }
    sum
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

    #[test]
    fn square_crop_is_centred_and_rotated() {
        let square = SimilarityTransform::square_crop([50.0, 40.0], 20.0, std::f32::consts::FRAC_PI_2, 10);
        let middle = square.map_point(5.0, 5.0);
        assert!((middle[0] - 50.0).abs() < 1e-3 && (middle[1] - 40.0).abs() < 1e-3);
        let right = square.map_point(10.0, 5.0);
        assert!((right[0] - 50.0).abs() < 1e-3 && (right[1] - 50.0).abs() < 1e-3);
    }
}
