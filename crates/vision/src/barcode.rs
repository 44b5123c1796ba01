//! Reads the PDF417 barcode (ISO/IEC 15438) on the back of a licence: locates dense parallel bars, straightens and
//! decodes them.

mod locate;
mod outline;

use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{GrayImage, RgbImage};
use rxing::common::{GlobalHistogramBinarizer, HybridBinarizer};
use rxing::pdf417::PDF417Reader;
use rxing::{Binarizer, BinaryBitmap, DecodeHints, Exceptions, Luma8LuminanceSource, RXingResult, Reader as _};

use crate::luma::to_luma;
use crate::warp::Quad;
use locate::find_bar_regions;
use outline::{fit_outline, flatten_region};

/// The maximum number of regions that are tried, those with the most bars first.
const MOST_REGIONS: usize = 4;
/// The maximum number of regions on which every treatment is tried.
const MOST_TREATED_REGIONS: usize = 2;
/// The maximum number of pixels of all treated copies: a licence's barcode has at most 0.8 million, in 40 copies. Grass and
/// gravel look like large barcodes that almost decode, and each attempt takes long.
const MOST_TREATED_PIXELS: u32 = 40_000_000;
/// The same while no copy has shown a barcode's rows: stripes and patterns have none.
const MOST_PATTERN_PIXELS: u32 = 6_000_000;
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

/// How long a barcode is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchEffort {
    /// Only barcodes that decode as they are, once they are straightened.
    Clear,
    /// Also poor ones, with every treatment.
    Thorough,
}

/// Reads the PDF417 barcode of a picture at any rotation. The number of attempts and their size are bounded; a picture
/// without dense parallel bars costs one pass over its edges.
#[must_use]
pub fn read_pdf417(picture: &RgbImage, effort: SearchEffort) -> Option<Barcode> {
    let luma = to_luma(picture);
    // A barcode is wider than high; print that resembles one is often a column.
    let wide =
        find_bar_regions(&luma, MOST_REGIONS).into_iter().filter(|region| region.width() > region.height() * 0.8);
    let flattened = wide.map(|quad| BarRegion { quad, flat: flatten_region(&luma, quad, FLAT_WIDTHS[0]) });
    let regions: Vec<BarRegion> = flattened.filter(|region| has_dense_bars(&region.flat)).collect();
    let mut search = BarcodeSearch::default();
    // Cheap attempts on every region come before costly ones on any.
    let found = regions.iter().find_map(|region| read_as_located(&luma, region, &mut search));
    if found.is_some() || effort == SearchEffort::Clear {
        return found;
    }
    let mut treated = regions.iter().take(MOST_TREATED_REGIONS);
    treated.find_map(|region| read_with_treatments(&luma, region.quad, &mut search))
}

/// A region of dense bars, and its straightened copy of the first width.
struct BarRegion {
    quad: Quad,
    flat: GrayImage,
}

/// The state of a search: what it may still cost.
#[derive(Default)]
struct BarcodeSearch {
    /// The pixels of the copies that were treated.
    treated_pixels: u32,
    /// Whether a copy had a barcode's rows, with codewords that could not be corrected.
    has_rows: bool,
}

impl BarcodeSearch {
    /// Takes the pixels of a copy; `false` if that many are not left.
    fn take_copy(&mut self, copy: &GrayImage) -> bool {
        self.treated_pixels = self.treated_pixels.saturating_add(copy.width().saturating_mul(copy.height()));
        self.treated_pixels <= if self.has_rows { MOST_TREATED_PIXELS } else { MOST_PATTERN_PIXELS }
    }

    /// Decodes a straightened barcode, with a local or a global threshold.
    fn decode_flat(&mut self, flat: &GrayImage, quad: Quad, is_local: bool) -> Option<Barcode> {
        let source = Luma8LuminanceSource::new(flat.as_raw().clone(), flat.width(), flat.height()).ok()?;
        let result = if is_local {
            decode_bitmap(HybridBinarizer::new(source))
        } else {
            decode_bitmap(GlobalHistogramBinarizer::new(source))
        };
        self.has_rows |= matches!(result, Err(Exceptions::ChecksumException(_)));
        Some(Barcode { text: result.ok()?.getText().to_owned(), corners: quad.corners })
    }
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
fn read_as_located(luma: &GrayImage, region: &BarRegion, search: &mut BarcodeSearch) -> Option<Barcode> {
    search.decode_flat(&region.flat, region.quad, true).or_else(|| {
        let fitted = fit_outline(luma, region.quad)?;
        search.decode_flat(&flatten_region(luma, fitted, FLAT_WIDTHS[0]), fitted, true)
    })
}

/// Tries every promising combination of size, rotation and treatment.
fn read_with_treatments(luma: &GrayImage, region: Quad, search: &mut BarcodeSearch) -> Option<Barcode> {
    let fitted = fit_outline(luma, region);
    // Under strong perspective a second fit, after most of it is removed, finds the outline better.
    let again = fitted.and_then(|fitted| fit_outline(luma, fitted));
    for quad in again.into_iter().chain(fitted).chain(std::iter::once(region)) {
        for width in FLAT_WIDTHS {
            let flat = flatten_region(luma, quad, width);
            let treatments: [fn(&GrayImage) -> GrayImage; 4] = [
                GrayImage::clone,
                |flat| sharpen_bars(flat, 1.0),
                smooth_noise,
                |flat| sharpen_bars(&smooth_noise(flat), 2.0),
            ];
            for (number, treat) in treatments.iter().enumerate() {
                if !search.take_copy(&flat) {
                    return None;
                }
                if let Some(found) = search.decode_flat(&treat(&flat), quad, number > 0) {
                    return Some(found);
                }
            }
        }
    }
    TURN_DEGREES.iter().find_map(|degrees| {
        let quad = region.turn(*degrees);
        let flat = flatten_region(luma, quad, FLAT_WIDTHS[0]);
        let in_budget = search.take_copy(&flat).then_some(flat)?;
        search.decode_flat(&sharpen_bars(&in_budget, 1.0), quad, true)
    })
}

fn decode_bitmap<B: Binarizer>(binarizer: B) -> Result<RXingResult, Exceptions> {
    // The decoder indexes by what it measures in the picture. If a picture makes it panic, the barcode counts as
    // unreadable.
    let attempt = AssertUnwindSafe(|| {
        let mut bitmap = BinaryBitmap::new(binarizer);
        PDF417Reader::new().decode_with_hints(&mut bitmap, &DecodeHints::default())
    });
    catch_unwind(attempt).unwrap_or(Err(Exceptions::NOT_FOUND))
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
