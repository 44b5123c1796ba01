//! Reads the PDF417 barcode (ISO/IEC 15438) on the back of a licence: locates dense parallel bars, straightens and
//! decodes them.

mod locate;
mod outline;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use image::{GrayImage, RgbImage};
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::pdf417::PDF417Reader;
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Luma8LuminanceSource, RXingResult, Reader as _};

use crate::luma::to_luma;
use crate::warp::Quad;
use locate::find_bar_regions;
use outline::{fit_outline, flatten_region};

/// The maximum number of regions that are tried, those with the most bars first.
const MOST_REGIONS: usize = 4;
/// The maximum number of regions on which every treatment is tried.
const MOST_TREATED_REGIONS: usize = 2;
/// Time limit of all treatments. Grass and gravel look like barcodes that almost decode, and each attempt takes long.
const TREATMENT_TIMEOUT: Duration = Duration::from_millis(2_000);
/// The fewest changes between dark and bright along a row. A licence's barcode has more than a hundred; blur may remove
/// half of them.
const LEAST_CHANGES: usize = 45;
/// The least height of a barcode is its width divided by this number: at least a tenth in practice, a sixth on
/// licences.
const LEAST_HEIGHT_PART: u32 = 12;
/// Widths in pixels to which a region is scaled: 2.5 to 6 pixels per module of the usual 200 to 400.
const FLAT_WIDTHS: [f32; 3] = [1_200.0, 1_700.0, 850.0];
/// Extra rotations in degrees, tried when the direction of the bars alone does not help.
const TURN_DEGREES: [f32; 4] = [-2.0, 2.0, -4.0, 4.0];

/// A decoded barcode; error correction has confirmed every codeword.
#[derive(Clone, Debug, PartialEq)]
pub struct Barcode {
    /// Its bytes, each as the character of that code (ISO 8859-1).
    pub text: String,
    /// The corners of the area that holds it, in pixels of the picture, in order; the first one is not necessarily the
    /// top left.
    pub corners: [(f32, f32); 4],
}

/// The result of a search for a barcode.
#[derive(Clone, Debug, Default)]
pub(crate) struct BarcodeSearch {
    pub(crate) found: Option<Barcode>,
    /// Whether its time limit ended it without a barcode: with more time it might have found one.
    pub(crate) was_cut_short: bool,
}

/// Reads the PDF417 barcode of a picture at any rotation. The number of attempts and their time are bounded; a picture
/// without dense parallel bars costs one pass over its edges.
#[must_use]
pub fn read_pdf417(picture: &RgbImage) -> Option<Barcode> {
    search_pdf417(picture).found
}

/// The same, and whether the time was enough.
pub(crate) fn search_pdf417(picture: &RgbImage) -> BarcodeSearch {
    let luma = to_luma(picture);
    let mut regions = find_bar_regions(&luma, MOST_REGIONS);
    // A barcode is wider than high; print that resembles one is often a column.
    regions.retain(|region| {
        region.width() > region.height() * 0.8 && has_dense_bars(&flatten_region(&luma, *region, FLAT_WIDTHS[0]))
    });
    // Cheap attempts on every region come before costly ones on any.
    let found = regions.iter().find_map(|region| read_as_located(&luma, *region));
    let end = Instant::now() + TREATMENT_TIMEOUT;
    let found = found.or_else(|| {
        regions.iter().take(MOST_TREATED_REGIONS).find_map(|region| read_with_treatments(&luma, *region, end))
    });
    let was_cut_short = found.is_none() && Instant::now() >= end;
    BarcodeSearch { found, was_cut_short }
}

/// Whether many consecutive rows change often between dark and bright. Lines of print have plain rows between them and
/// are lower for their width.
fn has_dense_bars(flat: &GrayImage) -> bool {
    let rows = flat.as_raw().chunks_exact(flat.width().max(1) as usize);
    let (mut run, mut longest) = (0_u32, 0_u32);
    for row in rows {
        // A single row made plain by noise or a scratch does not end the run; the space between two lines of print
        // does.
        run = if count_changes(row) >= LEAST_CHANGES { run + 1 } else { run.saturating_sub(4) };
        longest = longest.max(run);
    }
    longest > flat.width() / LEAST_HEIGHT_PART
}

/// How often a row crosses its mean, by at least a quarter of its standard deviation.
fn count_changes(row: &[u8]) -> usize {
    let count = row.len() as f32;
    let mean = row.iter().map(|pixel| f32::from(*pixel)).sum::<f32>() / count;
    let deviation = (row.iter().map(|pixel| (f32::from(*pixel) - mean).powi(2)).sum::<f32>() / count).sqrt();
    let (mut is_bright, mut changes) = (true, 0);
    for pixel in row {
        let above = f32::from(*pixel) - mean;
        if is_bright && above < -deviation / 4.0 || !is_bright && above > deviation / 4.0 {
            is_bright = !is_bright;
            changes += 1;
        }
    }
    changes
}

/// Tries the region as located, then with a fitted outline, which removes perspective.
fn read_as_located(luma: &GrayImage, region: Quad) -> Option<Barcode> {
    let fitted = fit_outline(luma, region);
    let quads = std::iter::once(region).chain(fitted);
    quads.into_iter().find_map(|quad| decode_flat(&flatten_region(luma, quad, FLAT_WIDTHS[0]), quad, true))
}

/// Tries every promising combination of size, rotation and treatment.
fn read_with_treatments(luma: &GrayImage, region: Quad, end: Instant) -> Option<Barcode> {
    let fitted = fit_outline(luma, region);
    // Under strong perspective a second fit, after most of it is removed, finds the outline better.
    let again = fitted.and_then(|fitted| fit_outline(luma, fitted));
    let quads = again.into_iter().chain(fitted).chain(std::iter::once(region));
    let turned = TURN_DEGREES.iter().map(|degrees| region.turn(*degrees));
    for quad in quads {
        for width in FLAT_WIDTHS {
            let flat = flatten_region(luma, quad, width);
            let treated = [sharpen_bars(&flat, 1.0), smooth_noise(&flat), sharpen_bars(&smooth_noise(&flat), 2.0)];
            let mut in_time = treated.iter().take_while(|_| Instant::now() < end);
            let found =
                decode_flat(&flat, quad, false).or_else(|| in_time.find_map(|flat| decode_flat(flat, quad, true)));
            if found.is_some() || Instant::now() > end {
                return found;
            }
        }
    }
    let mut in_time = turned.take_while(|_| Instant::now() < end);
    in_time.find_map(|quad| decode_flat(&sharpen_bars(&flatten_region(luma, quad, FLAT_WIDTHS[0]), 1.0), quad, true))
}

/// Decodes a straightened barcode, with a local or a global threshold.
fn decode_flat(flat: &GrayImage, quad: Quad, is_local: bool) -> Option<Barcode> {
    let source = Luma8LuminanceSource::new(flat.as_raw().clone(), flat.width(), flat.height()).ok()?;
    let result = if is_local {
        decode_bitmap(HybridBinarizer::new(source))
    } else {
        decode_bitmap(GlobalHistogramBinarizer::new(source))
    }?;
    Some(Barcode { text: result.getText().to_owned(), corners: quad.corners })
}

fn decode_bitmap<B: Binarizer>(binarizer: B) -> Option<RXingResult> {
    // The decoder indexes by what it measures in the picture. If a picture makes it panic, the barcode counts as
    // unreadable.
    let attempt = AssertUnwindSafe(|| {
        let mut bitmap = BinaryBitmap::new(binarizer);
        PDF417Reader::new().decode_with_hints(&mut bitmap, &DecodeHints::default()).ok()
    });
    catch_unwind(attempt).ok().flatten()
}

/// Moves each pixel away from the mean around it: this restores narrow bars after blur.
fn sharpen_bars(flat: &GrayImage, strength: f32) -> GrayImage {
    let means = smooth_noise(&smooth_noise(flat));
    let pairs = flat.as_raw().iter().zip(means.as_raw());
    let pixels = pairs.map(|(pixel, mean)| {
        let (pixel, mean) = (f32::from(*pixel), f32::from(*mean));
        (pixel + (pixel - mean) * strength * 2.0) as u8
    });
    GrayImage::from_raw(flat.width(), flat.height(), pixels.collect()).unwrap_or_default()
}

/// The mean of 3 × 3 pixels: reduces noise.
fn smooth_noise(flat: &GrayImage) -> GrayImage {
    let width = flat.width() as usize;
    let across: Vec<u16> = flat.as_raw().chunks_exact(width.max(1)).flat_map(sum_row_neighbours).collect();
    let row = |y: usize| across.get(y * width..(y + 1) * width).unwrap_or_default();
    let last = (flat.height() as usize).saturating_sub(1);
    let rows = (0..=last).flat_map(|y| {
        let (above, below) = (row(y.saturating_sub(1)), row((y + 1).min(last)));
        row(y).iter().zip(above).zip(below).map(|((here, above), below)| ((here + above + below) / 9) as u8)
    });
    GrayImage::from_raw(flat.width(), flat.height(), rows.collect()).unwrap_or_default()
}

/// The sums of each pixel of a row and its two neighbours.
fn sum_row_neighbours(row: &[u8]) -> impl Iterator<Item = u16> {
    let at = |x: usize| u16::from(row.get(x).copied().unwrap_or_default());
    let last = row.len().saturating_sub(1);
    (0..row.len()).map(move |x| at(x.saturating_sub(1)) + at(x) + at((x + 1).min(last)))
}
