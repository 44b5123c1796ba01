//! What is kept of a frame's face once the frame is gone: enough to know the same picture again, however its file was
//! written anew. It is no template: another picture of the same person is far from it.

use std::f32::consts::PI;

use image::RgbImage;

use crate::face::{Face, SimilarityTransform, crop_pixels};

/// Cells along each side.
const SIDE: usize = 16;
const CELLS: usize = SIDE * SIDE;
/// How far it reaches from the face's middle, in root mean square distances of its landmarks.
const REACH: f32 = 1.7;
/// The lightness of a kept imprint: its mean, and how many steps one standard deviation is.
const MEAN: f32 = 128.0;
const SPREAD: f32 = 40.0;

/// Up to this difference two imprints are of one picture. Pictures of 16 people that were compressed to quality 40, cut,
/// scaled to 0.6 or 1.5, lit otherwise, made noisy or turned by 3°: 0.09 at most in 98 of 100. The nearest of 200 frames
/// that the same person's camera had taken from the same chair, another time: 0.12 and more. Another person's: 0.34 and
/// more.
const SAME_PICTURE: f32 = 0.1;
/// The same for the mirror image, in which landmarks are found a little elsewhere: 0.15 at most in 98 of 100; what was not
/// mirrored: 0.45 and more.
const SAME_MIRRORED_PICTURE: f32 = 0.2;
/// Of so many frames one that is known from before makes a replay, and so many frames must be.
const KNOWN_SHARE: usize = 3;
const LEAST_KNOWN: usize = 2;

/// Cells along each side of what a key is made from, and how many frequencies of it count in each direction.
const COARSE: usize = 8;
const FREQUENCIES: usize = 5;
/// What half of all faces have less of, for each pair of frequencies but the first; their own bits say most of a frame.
const MEDIANS: [f32; FREQUENCIES * FREQUENCIES - 1] = [
    4.7, 13.6, -1.5, 5.6, -4.4, -3.1, -11.4, -1.8, 0.1, -3.0, 1.1, -0.6, 0.7, 4.0, 4.8, -0.5, -1.5, 0.3, -1.6, 4.2,
    -0.5, -1.5, -0.0, -1.4,
];

/// The lightness of a face's cells, of one mean and one contrast, with the eyes level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint([u8; CELLS]);

impl Imprint {
    /// Cuts the square around the face's landmarks: it goes with the face, whatever was cut off around it.
    pub(super) fn from_face(picture: &RgbImage, face: &Face) -> Self {
        let count = face.landmarks.len().max(1) as f32;
        let mean = |axis: usize| face.landmarks.iter().map(|point| point[axis]).sum::<f32>() / count;
        let (x, y) = (mean(0), mean(1));
        let squares = face.landmarks.iter().map(|point| (point[0] - x).powi(2) + (point[1] - y).powi(2));
        let radius = (squares.sum::<f32>() / count).sqrt().max(1.0);
        let place = SimilarityTransform::square_crop([x, y], 2.0 * REACH * radius, face.pose.roll.to_radians(), SIDE);
        let light: Vec<f32> = crop_pixels(picture, SIDE, SIDE, &place)
            .iter()
            .map(|[red, green, blue]| (red + green + blue) / 3.0)
            .collect();
        let level = normalise_contrast(&light);
        Self(std::array::from_fn(|cell| (MEAN + SPREAD * level[cell]).round().clamp(0.0, 255.0) as u8))
    }

    /// As it would be of the mirror image.
    #[must_use]
    pub fn to_mirrored(&self) -> Self {
        let mut cells = self.0;
        cells.chunks_exact_mut(SIDE).for_each(<[u8]>::reverse);
        Self(cells)
    }

    /// What no change of light and contrast explains of another, 0 for one picture twice to 1 for two without likeness.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        let (here, there) = (normalise_contrast(&self.to_lightness()), normalise_contrast(&other.to_lightness()));
        let likeness = here.iter().zip(&there).map(|(a, b)| a * b).sum::<f32>() / CELLS as f32;
        (1.0 - likeness.max(0.0).powi(2)).max(0.0).sqrt()
    }

    /// Says whether both are of one picture, mirrored or not.
    #[must_use]
    pub fn is_same_picture(&self, other: &Self) -> bool {
        self.difference(other) < SAME_PICTURE || self.to_mirrored().difference(other) < SAME_MIRRORED_PICTURE
    }

    /// 24 bits that two imprints of one picture mostly share, four in five with all of them, and those of two people
    /// once in a thousand: by these a frame is looked for among all.
    #[must_use]
    pub fn search_key(&self) -> u32 {
        let cells = self.to_lightness();
        let mean = |at: usize| {
            let (row, column) = (at / COARSE * 2, at % COARSE * 2);
            [0, 1, SIDE, SIDE + 1].iter().map(|step| cells[row * SIDE + column + step]).sum::<f32>() / 4.0
        };
        let coarse = normalise_contrast(&(0..COARSE * COARSE).map(mean).collect::<Vec<_>>());
        let wave = |frequency: usize, at: usize| (PI * (at as f32 + 0.5) * frequency as f32 / COARSE as f32).cos();
        let strength = |pair: usize| {
            let (down, across) = (pair / FREQUENCIES, pair % FREQUENCIES);
            let part = |(at, value): (usize, &f32)| value * wave(down, at / COARSE) * wave(across, at % COARSE);
            coarse.iter().enumerate().map(part).sum::<f32>()
        };
        MEDIANS.iter().enumerate().filter(|(bit, median)| strength(bit + 1) > **median).map(|(bit, _)| 1 << bit).sum()
    }

    /// The lightness of each cell, row by row, for those who keep it.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// An imprint from its bytes, or none where they are another number.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    fn to_lightness(&self) -> [f32; CELLS] {
        self.0.map(f32::from)
    }
}

/// Says whether frames are those of an earlier session again: so many of them that chance does not explain it.
#[must_use]
pub fn is_replay(frames: &[Imprint], earlier: &[Imprint]) -> bool {
    let is_known = |frame: &&Imprint| earlier.iter().any(|known| frame.is_same_picture(known));
    let known = frames.iter().filter(is_known).count();
    known >= LEAST_KNOWN && known * KNOWN_SHARE >= frames.len()
}

/// Brings values to mean 0 and standard deviation 1; values that are all one to 0.
fn normalise_contrast(values: &[f32]) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
    values.iter().map(|value| (value - mean) / spread.max(1e-3)).collect()
}
