//! Computes a face's template: numbers that are close to those of the same person and far from other people's.

use image::RgbImage;

use super::align::{self, SimilarityTransform};
use super::landmarks::{LEFT_EYE, MOUTH, NOSE_TIP, RIGHT_EYE, middle_of_points};
use crate::weights::{EngineError, ModelWeights};

/// The size of the network's input, in pixels.
const SIZE: usize = 112;
/// The positions of the eyes, the nose's tip and the corners of the mouth in its input (the ArcFace template).
const TEMPLATE: [[f32; 2]; 5] = [[38.29, 51.70], [73.53, 51.50], [56.03, 71.74], [41.55, 92.37], [70.73, 92.20]];

/// The number of the stored form. Raise it when the form changes.
const FORM_NUMBER: u32 = 2;
/// The maximum of numbers that one network's part of a stored template may have.
const MAX_NUMBERS: usize = 4096;
/// How far the length of a stored part may be from 1.
const LENGTH_TOLERANCE: f32 = 1e-3;

/// A face's template: the numbers of `face-embed`, and for decisions those of `face-embed-512` too. Templates of other networks
/// are never compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedding {
    main: NetworkNumbers,
    second: Option<NetworkNumbers>,
}

/// What one network says of a face.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct NetworkNumbers {
    /// The first 64 bits of the SHA-256 of its weights.
    network: u64,
    /// Of length 1.
    numbers: Vec<f32>,
}

impl NetworkNumbers {
    /// The cosine, −1..1; `None` for numbers of different networks.
    fn cosine(&self, other: &Self) -> Option<f32> {
        let is_same = self.network == other.network && self.numbers.len() == other.numbers.len();
        is_same.then(|| self.numbers.iter().zip(&other.numbers).map(|(a, b)| a * b).sum())
    }

    fn to_words(&self) -> impl Iterator<Item = u32> {
        let head = [(self.network >> 32) as u32, self.network as u32, self.numbers.len() as u32];
        head.into_iter().chain(self.numbers.iter().map(|value| value.to_bits()))
    }

    /// One part from the start of `words`, and the words behind it.
    fn from_words(words: &[u32]) -> Option<(Self, &[u32])> {
        let ([high, low, count], rest) = words.split_first_chunk::<3>()?;
        let count = usize::try_from(*count).ok().filter(|count| *count <= MAX_NUMBERS)?;
        let (bits, rest) = rest.split_at_checked(count)?;
        let numbers: Vec<f32> = bits.iter().map(|bits| f32::from_bits(*bits)).collect();
        let length = measure_length(&numbers);
        let network = u64::from(*high) << 32 | u64::from(*low);
        // Not so for numbers that are not finite, nor for none.
        ((length - 1.0).abs() < LENGTH_TOLERANCE).then_some((Self { network, numbers }, rest))
    }
}

impl Embedding {
    pub(super) fn new(main: NetworkNumbers, second: Option<NetworkNumbers>) -> Self {
        Self { main, second }
    }

    /// The similarity of two templates, −1..1: the cosine, or the mean of both cosines for templates of both networks. 0 for
    /// templates of different networks.
    #[must_use]
    pub fn similarity(&self, other: &Self) -> f32 {
        let main = self.main.cosine(&other.main);
        let second = match (&self.second, &other.second) {
            (None, None) => return main.unwrap_or(0.0),
            (Some(one), Some(other)) => one.cosine(other),
            _ => None,
        };
        main.zip(second).map_or(0.0, |(main, second)| f32::midpoint(main, second))
    }

    /// The cosine by `face-embed` alone, −1..1, which templates of frames have too; 0 for templates of different networks.
    #[must_use]
    pub fn main_similarity(&self, other: &Self) -> f32 {
        self.main.cosine(&other.main).unwrap_or(0.0)
    }

    /// The stored form: 32-bit little-endian words.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_words().into_iter().flat_map(u32::to_le_bytes).collect()
    }

    /// A template from its stored form, unchanged; `None` for bytes of another form.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (words, []) = bytes.as_chunks::<4>() else { return None };
        let words: Vec<u32> = words.iter().map(|word| u32::from_le_bytes(*word)).collect();
        Self::from_words(&words)
    }

    /// The words of the stored form: its number, then for each network its name in two words, a count and the numbers' bits.
    pub(crate) fn to_words(&self) -> Vec<u32> {
        let second = self.second.iter().flat_map(NetworkNumbers::to_words);
        std::iter::once(FORM_NUMBER).chain(self.main.to_words()).chain(second).collect()
    }

    /// The template of [`Self::to_words`], unchanged; `None` for words of another form.
    pub(crate) fn from_words(words: &[u32]) -> Option<Self> {
        let (form, words) = words.split_first()?;
        let (main, words) = NetworkNumbers::from_words(words).filter(|_| *form == FORM_NUMBER)?;
        if words.is_empty() {
            return Some(Self { main, second: None });
        }
        let (second, rest) = NetworkNumbers::from_words(words)?;
        rest.is_empty().then_some(Self { main, second: Some(second) })
    }

    /// A template of one number, of no network.
    #[cfg(test)]
    pub(crate) fn of_one_number() -> Self {
        Self { main: NetworkNumbers { network: 0, numbers: vec![1.0] }, second: None }
    }
}

fn measure_length(numbers: &[f32]) -> f32 {
    numbers.iter().map(|value| value * value).sum::<f32>().sqrt()
}

/// Scales numbers to length 1; `None` if they have no direction.
fn scale_to_one(mut numbers: Vec<f32>) -> Option<Vec<f32>> {
    let length = measure_length(&numbers);
    if !length.is_normal() {
        return None;
    }
    numbers.iter_mut().for_each(|value| *value /= length);
    Some(numbers)
}

/// The face with those landmarks as both networks take it: aligned, its values from −1 to 1.
pub(super) struct AlignedFace {
    upright: Vec<[f32; 3]>,
    mirrored: Vec<[f32; 3]>,
}

impl AlignedFace {
    pub(super) fn new(picture: &RgbImage, points: &[[f32; 3]]) -> Self {
        let pixels = align_face(picture, points);
        let upright: Vec<[f32; 3]> = pixels.iter().map(|pixel| pixel.map(|value| (value - 127.0) / 128.0)).collect();
        let mut mirrored = upright.clone();
        mirrored.chunks_exact_mut(SIZE).for_each(<[[f32; 3]]>::reverse);
        Self { upright, mirrored }
    }

    /// What a network says of the face: the mean of the numbers of the picture and of its mirror image.
    pub(super) fn compute_numbers(&self, weights: &ModelWeights) -> Result<NetworkNumbers, EngineError> {
        let (one, other) = (run_network(weights, &self.upright)?, run_network(weights, &self.mirrored)?);
        let sum = one.iter().zip(&other).map(|(a, b)| a + b).collect();
        let numbers = scale_to_one(sum).ok_or_else(|| directionless_error(weights))?;
        Ok(NetworkNumbers { network: weights.short_hash(), numbers })
    }
}

fn run_network(weights: &ModelWeights, inputs: &[[f32; 3]]) -> Result<Vec<f32>, EngineError> {
    let first = align::run_on_crop(weights, inputs, SIZE, SIZE)?.into_iter().next();
    first.and_then(scale_to_one).ok_or_else(|| directionless_error(weights))
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

    fn numbers(network: u64, numbers: &[f32]) -> NetworkNumbers {
        NetworkNumbers { network, numbers: scale_to_one(numbers.to_vec()).unwrap() }
    }

    #[test]
    fn stored_templates_come_back_bit_for_bit_and_other_bytes_are_refused() {
        let frame = Embedding::new(numbers(1 << 40, &[3.0, 4.0, 0.1]), None);
        let both = Embedding::new(frame.main.clone(), Some(numbers(9, &[0.3, 0.7])));
        for template in [frame, both] {
            let bytes = template.to_bytes();
            assert_eq!(Embedding::from_bytes(&bytes).unwrap(), template);
            for end in 0..bytes.len() {
                let cut = Embedding::from_bytes(&bytes[..end]);
                assert!(cut.is_none_or(|cut| cut.second.is_none() && template.second.is_some()), "{end}");
            }
            let older = [&1_u32.to_le_bytes(), &bytes[4..]].concat();
            assert!(Embedding::from_bytes(&older).is_none(), "a template of another form is not read");
        }
        // What earlier versions stored: numbers alone.
        assert!(Embedding::from_bytes(&[0.6_f32.to_le_bytes(), 0.8_f32.to_le_bytes()].concat()).is_none());
        let of = |numbers: &[f32]| {
            let words = [FORM_NUMBER, 0, 1, numbers.len() as u32].into_iter();
            Embedding::from_words(&words.chain(numbers.iter().map(|value| value.to_bits())).collect::<Vec<_>>())
        };
        assert!(of(&[0.6, 0.8]).is_some());
        for bad in [&[][..], &[0.0], &[f32::NAN], &[f32::INFINITY], &[2.0], &[0.5]] {
            assert!(of(bad).is_none(), "{bad:?}");
        }
        assert!(Embedding::from_words(&[FORM_NUMBER, 0, 1, u32::MAX]).is_none());
    }

    #[test]
    fn similarity_is_the_mean_of_both_cosines() {
        let one = Embedding::new(numbers(1, &[1.0, 0.0]), Some(numbers(2, &[1.0, 0.0])));
        let other = Embedding::new(numbers(1, &[0.6, 0.8]), Some(numbers(2, &[0.0, 1.0])));
        assert!((one.similarity(&other) - 0.3).abs() < 1e-6);
        assert!((one.main_similarity(&other) - 0.6).abs() < 1e-6);
    }

    #[test]
    fn templates_of_different_networks_have_no_similarity() {
        let frame = |network: u64, values: &[f32]| Embedding::new(numbers(network, values), None);
        let one = frame(1, &[1.0, 0.0]);
        assert!((one.similarity(&one.clone()) - 1.0).abs() < 1e-6);
        for other in [frame(1, &[1.0, 0.0, 0.0]), frame(2, &[1.0, 0.0])] {
            assert!(one.similarity(&other).abs() < f32::EPSILON && one.main_similarity(&other).abs() < f32::EPSILON);
        }
        let both = |second: u64| Embedding::new(one.main.clone(), Some(numbers(second, &[1.0])));
        assert!((both(5).similarity(&both(5)) - 1.0).abs() < 1e-6);
        assert!(both(5).similarity(&both(6)).abs() < f32::EPSILON, "the second network is another one");
        assert!(both(5).similarity(&one).abs() < f32::EPSILON, "a frame's template says half");
        assert!((both(5).main_similarity(&one) - 1.0).abs() < 1e-6);
    }
}
