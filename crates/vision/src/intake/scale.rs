//! Pictures scaled down by averaging areas, row by row, so that a large one is never held whole.

use image::RgbImage;

/// Takes a picture's rows from the top and gives the picture scaled down. Every pixel counts by the share of its area.
pub(crate) struct Scaler {
    width: u32,
    height: u32,
    out_width: u32,
    out_height: u32,
    out: Vec<u8>,
    /// One row at the new width, in 256ths of a sample.
    narrow: Vec<u32>,
    /// The rows of one new row, each by its share of `height`.
    sums: Vec<u32>,
    /// How much of the new row's height is still to come, where it is `height` high and a given row `out_height`.
    missing: u32,
}

impl Scaler {
    /// A scaler for a picture of that size, to have at most `longest_side` pixels on its longest side.
    pub(crate) fn new(width: u32, height: u32, longest_side: u32) -> Self {
        let (out_width, out_height) = fitting(width, height, longest_side);
        let samples = out_width as usize * 3;
        let out = Vec::with_capacity(samples * out_height as usize);
        let narrow = Vec::with_capacity(samples);
        Self { width, height, out_width, out_height, out, narrow, sums: vec![0; samples], missing: height }
    }

    /// Takes the next row, three bytes a pixel.
    pub(crate) fn push(&mut self, row: &[u8]) {
        if self.out_width == self.width && self.out_height == self.height {
            self.out.extend_from_slice(row);
            return;
        }
        self.narrow_down(row);
        let share = self.out_height.min(self.missing);
        self.add(share);
        self.missing -= share;
        if self.missing == 0 {
            let whole = u64::from(self.height) * 256;
            self.out.extend(self.sums.iter().map(|sum| ((u64::from(*sum) + whole / 2) / whole) as u8));
            self.sums.fill(0);
            let rest = self.out_height - share;
            self.add(rest);
            self.missing = self.height - rest;
        }
    }

    /// The scaled picture, where as many rows were given as it has.
    pub(crate) fn finish(self) -> Option<RgbImage> {
        RgbImage::from_raw(self.out_width, self.out_height, self.out)
    }

    fn add(&mut self, share: u32) {
        for (sum, sample) in self.sums.iter_mut().zip(&self.narrow) {
            *sum += sample * share;
        }
    }

    /// Averages a row's pixels: each is `out_width` wide, and a new pixel `width`.
    fn narrow_down(&mut self, row: &[u8]) {
        self.narrow.clear();
        let mut sum = [0_u32; 3];
        let mut missing = self.width;
        for pixel in row.as_chunks::<3>().0 {
            let share = self.out_width.min(missing);
            add_pixel(&mut sum, *pixel, share);
            missing -= share;
            if missing == 0 {
                self.narrow.extend(sum.map(|sum| sum * 256 / self.width));
                let rest = self.out_width - share;
                sum = [0; 3];
                add_pixel(&mut sum, *pixel, rest);
                missing = self.width - rest;
            }
        }
    }
}

fn add_pixel(sum: &mut [u32; 3], pixel: [u8; 3], share: u32) {
    for (sum, sample) in sum.iter_mut().zip(pixel) {
        *sum += u32::from(sample) * share;
    }
}

/// A whole picture, scaled down.
pub(crate) fn scaled(image: RgbImage, longest_side: u32) -> Option<RgbImage> {
    let (width, height) = image.dimensions();
    if width.max(height) <= longest_side {
        return Some(image);
    }
    let mut scaler = Scaler::new(width, height, longest_side);
    image.as_raw().chunks_exact(width as usize * 3).for_each(|row| scaler.push(row));
    scaler.finish()
}

/// A part of a picture, scaled down: from the left and top, that wide and high, all within the picture.
pub(crate) fn part(image: &RgbImage, (left, top, width, height): (u32, u32, u32, u32), longest_side: u32) -> RgbImage {
    let mut scaler = Scaler::new(width, height, longest_side);
    let (from, length) = (left as usize * 3, width as usize * 3);
    let rows = image.as_raw().chunks_exact((image.width() as usize * 3).max(1));
    for row in rows.skip(top as usize).take(height as usize) {
        scaler.push(row.get(from..from + length).unwrap_or_default());
    }
    scaler.finish().unwrap_or_default()
}

/// The size with the same shape whose longest side has at most that many pixels, and neither side none.
fn fitting(width: u32, height: u32, longest_side: u32) -> (u32, u32) {
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
    fn each_pixel_counts_by_the_share_of_its_area() {
        let image = RgbImage::from_fn(3, 1, |x, _| Rgb([[90, 0, 0], [60, 60, 0], [0, 0, 30]][x as usize]));
        let scaled = scaled(image, 2).unwrap();
        // A pixel and a half each.
        assert_eq!(scaled.as_raw(), &[80, 20, 0, 20, 20, 20]);
    }

    proptest! {
        #[test]
        fn one_colour_stays_one_colour(width in 1_u32..90, height in 1_u32..90, side in 1_u32..100, tone: [u8; 3]) {
            let scaled = scaled(RgbImage::from_pixel(width, height, Rgb(tone)), side).unwrap();
            prop_assert!(scaled.width().max(scaled.height()) == side.min(width.max(height)));
            for pixel in scaled.pixels() {
                for (found, sent) in pixel.0.iter().zip(tone) {
                    prop_assert!(found.abs_diff(sent) <= 1);
                }
            }
        }
    }
}
