//! A frame's fingerprint: small enough to compare every two frames, fine enough that a camera never gives the same
//! twice.

use image::RgbImage;

use crate::face::{SimilarityTransform, crop_pixels};

/// The fingerprint's sides, in cells.
const WIDTH: usize = 64;
const HEIGHT: usize = 48;
/// The range of lightness in which a cell is informative; beyond it a change of light clips the cell.
const TELLING_LIGHTNESS: std::ops::Range<f32> = 12.0..243.0;
/// With fewer common informative cells two frames count as the same: nothing distinguishes them.
const LEAST_CELLS: usize = WIDTH * HEIGHT / 10;

/// The lightness of a frame's cells, 0..255.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameFingerprint(Vec<f32>);

impl FrameFingerprint {
    pub(super) fn from_picture(picture: &RgbImage) -> Self {
        // Cells are squares: in a picture with other proportions some lie beyond its edge, where the edge is extended.
        let step = (picture.width() as f32 / WIDTH as f32).max(picture.height() as f32 / HEIGHT as f32);
        let pixels =
            crop_pixels(picture, WIDTH, HEIGHT, &SimilarityTransform { turn: step, lean: 0.0, x: 0.0, y: 0.0 });
        Self(pixels.iter().map(|[red, green, blue]| (red + green + blue) / 3.0).collect())
    }

    /// The difference that an even change of light does not explain, in parts of the other frame's contrast: 0 for
    /// identical frames.
    #[must_use]
    pub fn difference(&self, other: &Self) -> f32 {
        let both = self
            .0
            .iter()
            .zip(&other.0)
            .filter(|(a, b)| TELLING_LIGHTNESS.contains(*a) && TELLING_LIGHTNESS.contains(*b));
        let both: Vec<[f32; 2]> = both.map(|(a, b)| [*a, *b]).collect();
        if both.len() < LEAST_CELLS {
            return 0.0;
        }
        let count = both.len() as f32;
        let mean = |side: usize| both.iter().map(|pair| pair[side]).sum::<f32>() / count;
        let (here, there) = (mean(0), mean(1));
        let sum =
            |f: fn(f32, f32) -> f32| both.iter().map(|pair| f(pair[0] - here, pair[1] - there)).sum::<f32>() / count;
        let gain = sum(|a, b| a * b) / sum(|a, _| a * a).max(1.0);
        let left = both.iter().map(|pair| (pair[1] - there - gain * (pair[0] - here)).powi(2)).sum::<f32>() / count;
        left.sqrt() / sum(|_, b| b * b).sqrt().max(1.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use image::Rgb;

    fn picture(shift: u32, gain: f32) -> RgbImage {
        RgbImage::from_fn(320, 240, |x, y| {
            let value = f32::from((((x + shift) / 20 * 37 + y / 16 * 53) % 120) as u8);
            Rgb([(60.0 + gain * value) as u8; 3])
        })
    }

    #[test]
    fn light_keeps_a_frame_the_same_and_movement_does_not() {
        let one = FrameFingerprint::from_picture(&picture(0, 1.0));
        assert!(one.difference(&one) < 1e-4);
        assert!(one.difference(&FrameFingerprint::from_picture(&picture(0, 1.2))) < 0.012);
        assert!(one.difference(&FrameFingerprint::from_picture(&picture(2, 1.0))) > 0.05);
    }

    #[test]
    fn uninformative_frames_count_as_the_same() {
        let black = FrameFingerprint::from_picture(&RgbImage::new(640, 480));
        assert!(black.difference(&FrameFingerprint::from_picture(&RgbImage::new(1, 900))).abs() < f32::EPSILON);
    }
}
