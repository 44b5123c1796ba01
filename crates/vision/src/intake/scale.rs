//! Scales pictures down by averaging areas, row by row, so that a large picture is never in memory as a whole.

use image::RgbImage;

/// Takes a picture's rows from the top and returns the picture scaled down. Each pixel is weighted by its share of the
/// area.
pub(crate) struct PictureScaler {
    width: u32,
    height: u32,
    out_width: u32,
    out_height: u32,
    out: Vec<u8>,
    /// The mean of the rows of one new row so far, at the width of the source rows.
    mean: Vec<f32>,
    /// The part of the new row that is still missing, where a new row has the height `height` and a source row
    /// `out_height`.
    missing: u32,
}

impl PictureScaler {
    /// A scaler for a picture of that size; the result has at most `longest_side` pixels on its longest side.
    pub(crate) fn new(width: u32, height: u32, longest_side: u32) -> Self {
        let (out_width, out_height) = fit_size(width, height, longest_side);
        let out = Vec::with_capacity(out_width as usize * 3 * out_height as usize);
        Self { width, height, out_width, out_height, out, mean: vec![0.0; width as usize * 3], missing: height }
    }

    /// Takes the next row, three bytes per pixel.
    pub(crate) fn push_row(&mut self, row: &[u8]) {
        if self.out_width == self.width && self.out_height == self.height {
            self.out.extend_from_slice(row);
            return;
        }
        let share = self.out_height.min(self.missing);
        self.add_row_share(row, share);
        self.missing -= share;
        if self.missing == 0 {
            self.average_row();
            self.mean.fill(0.0);
            let rest = self.out_height - share;
            self.add_row_share(row, rest);
            self.missing = self.height - rest;
        }
    }

    /// The scaled picture; `None` if rows are missing.
    pub(crate) fn finish(self) -> Option<RgbImage> {
        RgbImage::from_raw(self.out_width, self.out_height, self.out)
    }

    fn add_row_share(&mut self, row: &[u8], share: u32) {
        let share = share as f32 / self.height as f32;
        if share > 0.0 {
            self.mean.iter_mut().zip(row).for_each(|(mean, sample)| *mean += f32::from(*sample) * share);
        }
    }

    /// Averages the mean row's pixels: each is `out_width` wide, and a new pixel `width`.
    fn average_row(&mut self) {
        let part = |length: u32| length as f32 / self.width as f32;
        let whole_part = part(self.out_width);
        let mut pixels = self.mean.as_chunks::<3>().0;
        // The pixel on the border between two new ones, and the part of it that belongs to the second.
        let (mut last, mut rest) = ([0.0; 3], 0);
        for _ in 0..self.out_width {
            let missing = self.width - rest;
            let (whole, share) = ((missing / self.out_width) as usize, missing % self.out_width);
            let Some((within, behind)) = pixels.split_at_checked(whole) else { return };
            let mut sum = within.iter().fold([0.0; 3], |sum, pixel| add_pixel_share(sum, *pixel, whole_part));
            sum = add_pixel_share(sum, last, part(rest));
            (pixels, rest) = (behind, 0);
            if let (true, Some((next, behind))) = (share > 0, pixels.split_first()) {
                sum = add_pixel_share(sum, *next, part(share));
                (pixels, last, rest) = (behind, *next, self.out_width - share);
            }
            self.out.extend(sum.map(|sum| (sum + 0.5) as u8));
        }
    }
}

fn add_pixel_share(sum: [f32; 3], pixel: [f32; 3], share: f32) -> [f32; 3] {
    [sum[0] + pixel[0] * share, sum[1] + pixel[1] * share, sum[2] + pixel[2] * share]
}

/// Scales a whole picture down.
pub(crate) fn scale_picture(image: RgbImage, longest_side: u32) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    if width.max(height) <= longest_side {
        return Some(image);
    }
    let mut scaler = PictureScaler::new(width, height, longest_side);
    image.as_raw().chunks_exact(width as usize * 3).for_each(|row| scaler.push_row(row));
    scaler.finish()
}

/// Scales a part of a picture down: from the left and top, with that width and height, all inside the picture.
pub(crate) fn scale_part(
    image: &RgbImage,
    (left, top, width, height): (u32, u32, u32, u32),
    longest_side: u32,
) -> RgbImage {
    let mut scaler = PictureScaler::new(width, height, longest_side);
    let (from, length) = (left as usize * 3, width as usize * 3);
    let rows = image.as_raw().chunks_exact((image.width() as usize * 3).max(1));
    for row in rows.skip(top as usize).take(height as usize) {
        scaler.push_row(row.get(from..from + length).unwrap_or_default());
    }
    scaler.finish().unwrap_or_default()
}

/// Scales a copy of a picture down.
pub(crate) fn scale_copy(image: &RgbImage, longest_side: u32) -> RgbImage {
    scale_part(image, (0, 0, image.width(), image.height()), longest_side)
}

/// The size with the same proportions and at most `longest_side` pixels on the longest side; no side becomes 0.
fn fit_size(width: u32, height: u32, longest_side: u32) -> (u32, u32) {
    let longest = width.max(height).max(1);
    let wanted = longest.min(longest_side.max(1));
    let scaled = |side: u32| (u64::from(side) * u64::from(wanted) + u64::from(longest) / 2) / u64::from(longest);
    (scaled(width).max(1) as u32, scaled(height).max(1) as u32)
}

#[cfg(test)]
mod tests {
    use image::Rgb;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pixels_are_weighted_by_their_area() {
        let image = RgbImage::from_fn(3, 1, |x, _| Rgb([[90, 0, 0], [60, 60, 0], [0, 0, 30]][x as usize]));
        let scaled = scale_picture(image, 2).unwrap();
        // A pixel and a half each.
        assert_eq!(scaled.as_raw(), &[80, 20, 0, 20, 20, 20]);
    }

    proptest! {
        #[test]
        fn uniform_picture_stays_uniform(width in 1_u32..90, height in 1_u32..90, side in 1_u32..100, tone: [u8; 3]) {
            let scaled = scale_picture(RgbImage::from_pixel(width, height, Rgb(tone)), side).unwrap();
            prop_assert!(scaled.width().max(scaled.height()) == side.min(width.max(height)));
            for pixel in scaled.pixels() {
                for (found, sent) in pixel.0.iter().zip(tone) {
                    prop_assert!(found.abs_diff(sent) <= 1);
                }
            }
        }
    }
}
