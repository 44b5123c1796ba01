//! A frame's imprint is kept when the frame is deleted: it recognises the same picture in any re-encoded file. It is
//! not a biometric template: another picture of the same person has a very different imprint.

use std::f32::consts::PI;

use image::RgbImage;

use crate::face::{Face, SimilarityTransform, crop_pixels};

/// Cells along each side.
const SIDE: usize = 16;
const CELLS: usize = SIDE * SIDE;
/// The reach from the face's middle, in root mean square distances of its landmarks.
const REACH: f32 = 1.7;
/// The lightness of a stored imprint: its mean, and the steps per standard deviation.
const MEAN: f32 = 128.0;
const SPREAD: f32 = 40.0;

/// Up to this difference two imprints show one picture. Pictures of 16 people that were compressed to quality 40, cut,
/// scaled to 0.6 or 1.5, lit differently, made noisy or turned by 3°: at most 0.09 in 98 of 100. The nearest of 200
/// frames that the same person's camera took from the same chair at another time: 0.12 and more. Another person's: 0.34
/// and more.
const SAME_PICTURE: f32 = 0.1;
/// The same for the mirror image, whose landmarks are found slightly elsewhere: at most 0.15 in 98 of 100; pictures
/// that were not mirrored: 0.45 and more.
const SAME_MIRRORED_PICTURE: f32 = 0.2;
/// A replay has at least `LEAST_KNOWN` known frames, and at least one known frame in `KNOWN_SHARE`.
const KNOWN_SHARE: usize = 3;
const LEAST_KNOWN: usize = 2;

/// Cells along each side of the coarse picture behind a key, and the frequencies per direction that count.
const COARSE: usize = 8;
const FREQUENCIES: usize = 5;
/// The medians over faces for each pair of frequencies except the first: they divide all faces in halves.
const MEDIANS: [f32; FREQUENCIES * FREQUENCIES - 1] = [
    4.7, 13.6, -1.5, 5.6, -4.4, -3.1, -11.4, -1.8, 0.1, -3.0, 1.1, -0.6, 0.7, 4.0, 4.8, -0.5, -1.5, 0.3, -1.6, 4.2,
    -0.5, -1.5, -0.0, -1.4,
];

/// The lightness of a face's cells, normalised to one mean and contrast, with the eyes level.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imprint([u8; CELLS]);

impl Imprint {
    /// Cuts the square around the face's landmarks: it follows the face, independent of how the picture was cropped.
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

    /// The imprint of the mirror image.
    #[must_use]
    pub fn to_mirrored(&self) -> Self {
        let mut cells = self.0;
        cells.chunks_exact_mut(SIDE).for_each(<[u8]>::reverse);
        Self(cells)
    }

    /// The difference that no change of light and contrast explains, from 0 for identical pictures to 1 for pictures
    /// without likeness.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        let (here, there) = (normalise_contrast(&self.to_lightness()), normalise_contrast(&other.to_lightness()));
        let likeness = here.iter().zip(&there).map(|(a, b)| a * b).sum::<f32>() / CELLS as f32;
        (1.0 - likeness.max(0.0).powi(2)).max(0.0).sqrt()
    }

    /// Whether both are of one picture, mirrored or not.
    #[must_use]
    pub fn is_same_picture(&self, other: &Self) -> bool {
        self.difference(other) < SAME_PICTURE || self.to_mirrored().difference(other) < SAME_MIRRORED_PICTURE
    }

    /// A search key of 24 bits. Two imprints of one picture mostly share it (four in five have all bits equal), those
    /// of two people once in a thousand.
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

    /// The lightness of each cell, row by row, for storage.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// An imprint from its bytes; `None` if their number is wrong.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    fn to_lightness(&self) -> [f32; CELLS] {
        self.0.map(f32::from)
    }
}

/// Whether frames repeat an earlier session: more of them are known than chance explains.
#[must_use]
pub fn is_replay(frames: &[Imprint], earlier: &[Imprint]) -> bool {
    let is_known = |frame: &&Imprint| earlier.iter().any(|known| frame.is_same_picture(known));
    let known = frames.iter().filter(is_known).count();
    known >= LEAST_KNOWN && known * KNOWN_SHARE >= frames.len()
}

/// Scales values to mean 0 and standard deviation 1; constant values become 0.
fn normalise_contrast(values: &[f32]) -> Vec<f32> {
    let count = values.len().max(1) as f32;
    let mean = values.iter().sum::<f32>() / count;
    let spread = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / count).sqrt();
    values.iter().map(|value| (value - mean) / spread.max(1e-3)).collect()
}
