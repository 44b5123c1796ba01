//! Computes a face's template: numbers that are close to those of the same person and far from other people's.

use image::RgbImage;

use super::align::{self, SimilarityTransform};
use super::landmarks::{LEFT_EYE, MOUTH, NOSE_TIP, RIGHT_EYE, middle_of_points};
use crate::weights::{EngineError, ModelWeights};

/// The size of the network's input, in pixels.
const SIZE: usize = 112;
/// The positions of the eyes, the nose's tip and the corners of the mouth in its input (the ArcFace template).
const TEMPLATE: [[f32; 2]; 5] = [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]];

/// A face's template, of length 1; 192 numbers with the embedded weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// The cosine between two templates, −1..1; 0 for templates of different networks.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        if self.0.len() != other.0.len() {
            return 0.0;
        }
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }

    /// The numbers in sequence, each as a little-endian 32-bit float, for storage.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(|value| value.to_le_bytes()).collect()
    }

    /// A template from its bytes; `None` if they are not such numbers.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (numbers, []) = bytes.as_chunks::<4>() else { return None };
        Self::from_numbers(numbers.iter().map(|number| f32::from_le_bytes(*number)).collect())
    }

    /// The bits of the numbers in sequence.
    pub(crate) fn to_bits(&self) -> Vec<u32> {
        self.0.iter().map(|value| value.to_bits()).collect()
    }

    /// The template of [`Self::to_bits`], unchanged; `None` if one of the numbers is not finite.
    pub(crate) fn from_bits(bits: &[u32]) -> Option<Self> {
        let numbers: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
        (!numbers.is_empty() && numbers.iter().all(|value| value.is_finite())).then_some(Self(numbers))
    }

    /// Scales numbers to length 1; `None` if they have no direction.
    fn from_numbers(mut numbers: Vec<f32>) -> Option<Self> {
        let length = numbers.iter().map(|value| value * value).sum::<f32>().sqrt();
        if !length.is_normal() {
            return None;
        }
        numbers.iter_mut().for_each(|value| *value /= length);
        Some(Self(numbers))
    }
}

/// The template of the face with those landmarks: the mean of the template of the picture and that of its mirror image.
pub(crate) fn compute_template(
    weights: &ModelWeights,
    picture: &RgbImage,
    points: &[[f32; 3]],
) -> Result<Embedding, EngineError> {
    let pixels = align_face(picture, points);
    let inputs: Vec<[f32; 3]> = pixels.iter().map(|pixel| pixel.map(|value| (value - 127.0) / 128.0)).collect();
    let mut mirrored = inputs.clone();
    mirrored.chunks_exact_mut(SIZE).for_each(<[[f32; 3]]>::reverse);
    let (one, other) = (run_network(weights, &inputs)?, run_network(weights, &mirrored)?);
    let sum = one.iter().zip(&other).map(|(a, b)| a + b).collect();
    Embedding::from_numbers(sum).ok_or_else(|| directionless_error(weights))
}

fn run_network(weights: &ModelWeights, inputs: &[[f32; 3]]) -> Result<Vec<f32>, EngineError> {
    let first = align::run_on_crop(weights, inputs, SIZE, SIZE)?.into_iter().next();
    let embedding = first.and_then(Embedding::from_numbers).ok_or_else(|| directionless_error(weights))?;
    Ok(embedding.0)
}

fn directionless_error(weights: &ModelWeights) -> EngineError {
    EngineError { model: weights.entry.name.clone(), reason: "it gave no numbers that have a direction".to_owned() }
}

/// Rotates, scales and shifts the face so that its five points lie on the template's; black if that is impossible.
fn align_face(picture: &RgbImage, points: &[[f32; 3]]) -> Vec<[f32; 3]> {
    let five = [
        middle_of_points(points, &RIGHT_EYE),
        middle_of_points(points, &LEFT_EYE),
        middle_of_points(points, &[NOSE_TIP]),
        middle_of_points(points, &MOUTH[..1]),
        middle_of_points(points, &MOUTH[1..]),
    ];
    match SimilarityTransform::fit_points(&TEMPLATE, &five) {
        Some(place) => align::crop_pixels(picture, SIZE, SIZE, &place),
        None => vec![[0.0; 3]; SIZE * SIZE],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embedding_bytes_round_trip_and_other_bytes_are_refused() {
        let embedding = Embedding::from_numbers(vec![3.0, 4.0]).unwrap();
        let again = Embedding::from_bytes(&embedding.to_bytes()).unwrap();
        assert!((again.similarity(&embedding) - 1.0).abs() < 1e-6);
        assert_eq!(embedding.to_bytes().len(), 8);
        assert!(Embedding::from_bytes(&[1, 2, 3]).is_none());
        assert!(Embedding::from_bytes(&[]).is_none());
        assert!(Embedding::from_bytes(&f32::NAN.to_le_bytes()).is_none());
        assert!(Embedding::from_bytes(&[0; 8]).is_none());
    }

    #[test]
    fn embeddings_of_different_networks_have_no_similarity() {
        let one = Embedding::from_numbers(vec![1.0, 0.0]).unwrap();
        let other = Embedding::from_numbers(vec![1.0, 0.0, 0.0]).unwrap();
        assert!(one.similarity(&other).abs() < f32::EPSILON);
    }
}
