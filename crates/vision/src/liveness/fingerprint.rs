//! A frame's fingerprint: small enough to compare every two, fine enough that a camera never gives the same twice.

use image::RgbImage;

use crate::face::{Similarity, crop};

/// The fingerprint's sides, in cells.
const WIDTH: usize = 64;
const HEIGHT: usize = 48;

/// The frame's lightness in cells, its mean and contrast brought to one measure: an even change of light alters nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct Fingerprint(Vec<f32>);

impl Fingerprint {
    pub(super) fn of(picture: &RgbImage) -> Self {
        let (width, height) = (picture.width() as f32 / WIDTH as f32, picture.height() as f32 / HEIGHT as f32);
        // A square cell for the sampler: the picture is first seen along its longer step.
        let place = Similarity { turn: width.max(height), lean: 0.0, x: 0.0, y: 0.0 };
        let pixels = crop(picture, WIDTH, HEIGHT, &place);
        let mut cells: Vec<f32> = pixels.iter().map(|[red, green, blue]| (red + green + blue) / 3.0).collect();
        let count = cells.len() as f32;
        let mean = cells.iter().sum::<f32>() / count;
        let contrast = (cells.iter().map(|cell| (cell - mean).powi(2)).sum::<f32>() / count).sqrt().max(1.0);
        cells.iter_mut().for_each(|cell| *cell = (*cell - mean) / contrast);
        Self(cells)
    }

    /// The largest difference of two cells, in parts of the frame's contrast; 0 for one frame shown twice.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        self.0.iter().zip(&other.0).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max)
    }
}
