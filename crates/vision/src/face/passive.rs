//! Passive liveness: judges from one frame's texture whether a person or a picture was before the camera.

use image::RgbImage;

use super::FaceBox;
use super::align::{self, SimilarityTransform};
use crate::weights::{EngineError, ModelWeights};

/// The size of the network's input, in pixels.
const SIZE: usize = 128;
/// The side of the crop, in sides of the face's box.
const ROOM: f32 = 2.7;

/// The softmax of "live", 0..1.
pub(crate) fn score_liveness(weights: &ModelWeights, picture: &RgbImage, region: &FaceBox) -> Result<f32, EngineError> {
    let place =
        SimilarityTransform::square_crop(region.centre(), ROOM * region.width.max(region.height).max(1.0), 0.0, SIZE);
    let pixels = align::crop_pixels(picture, SIZE, SIZE, &place);
    let inputs: Vec<[f32; 3]> = pixels.iter().map(|&[red, green, blue]| [blue, green, red]).collect();
    let outputs = align::run_on_crop(weights, &inputs, SIZE, SIZE)?;
    Ok(outputs.first().map_or(0.0, |logits| softmax_of_first(logits)))
}

fn softmax_of_first(logits: &[f32]) -> f32 {
    let Some(first) = logits.first() else { return 0.0 };
    let sum: f32 = logits.iter().map(|logit| (logit - first).exp()).sum();
    if sum.is_nan() { 0.0 } else { 1.0 / sum }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn softmax_stays_in_bounds() {
        assert!((softmax_of_first(&[0.0, 0.0]) - 0.5).abs() < 1e-6);
        assert!(softmax_of_first(&[-1e9, 1e9]).abs() < f32::EPSILON);
        assert!((softmax_of_first(&[1e9, -1e9]) - 1.0).abs() < f32::EPSILON);
        assert!(softmax_of_first(&[]).abs() < f32::EPSILON);
        assert!(softmax_of_first(&[f32::NAN, 1.0]).abs() < f32::EPSILON);
    }
}
