//! The only way from bytes to pictures: detected by their first bytes, measured before decoding, bounded in memory and
//! time, turned upright, and scaled down to the requested size.

mod jpeg;
mod png;
mod rebuild;
pub(crate) mod scale;
mod tags;
mod webp;

use image::metadata::Orientation;
use image::{DynamicImage, RgbImage};

pub use rebuild::{RebuiltPicture, rebuild_picture};
pub use tags::Tags;

/// The maximum number of pixels of a picture: a phone's largest sensor.
pub const MAX_PIXELS: u64 = 50_000_000;
/// The maximum number of pixels of a side.
pub const MAX_SIDE: u32 = 12_000;

/// Below this many pixels a picture is cheap, and the ratio of pixels to bytes is not checked.
const SMALL_PIXELS: u64 = 2_000_000;
/// The maximum number of pixels per byte. Photographs have 2 to 30, a blank page of 300 dots per inch in JPEG 60, and a
/// drawn card on a white ground in PNG up to 100; DEFLATE reaches 344 for RGB, and WebP hundreds of thousands.
const PIXELS_A_BYTE: u64 = 200;
/// From this many pixels on, flat pictures cost too much time and memory.
const LARGE_PIXELS: u64 = 8_000_000;
/// The maximum number of samples per byte of a large picture (a pixel has one sample per channel, fewer if colour is
/// subsampled). A JPEG of one colour has 95 to 110; a photograph of 12 megapixels compressed to 400 KB has 45.
const SAMPLES_A_BYTE: u64 = 80;

/// The accepted kinds of pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureKind {
    Jpeg,
    Png,
    WebP,
}

/// Why bytes are not accepted as a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PictureRefusal {
    #[error("is no JPEG, PNG or WebP picture")]
    Unknown,
    #[error("has {width} x {height} pixels; at most 50 megapixels and 12000 pixels a side are taken")]
    TooLarge { width: u32, height: u32 },
    #[error("is damaged or cut off: it does not decode")]
    Damaged,
    /// Far fewer bytes than any photograph of that size: a decompression bomb.
    #[error("has far fewer bytes than a photograph of its size")]
    Hollow,
}

/// A decoded picture.
#[derive(Clone, Debug)]
pub struct Photo {
    /// Upright, with at most the requested number of pixels on its longest side.
    pub image: RgbImage,
    /// Width as sent, upright, in pixels.
    pub width: u32,
    /// Height as sent, upright, in pixels.
    pub height: u32,
    pub kind: PictureKind,
    pub tags: Tags,
}

/// The content of a picture's headers, read before any pixel is decoded.
#[derive(Clone, Copy, Debug)]
struct PictureHeader {
    width: u32,
    height: u32,
    /// Samples per two pixels: six for RGB, three if colour is subsampled in both directions.
    samples_for_two: u64,
    /// Bytes that hold pixels, without the rest of the file.
    bytes: u64,
}

/// Reads a picture's kind, width and height in pixels from its header, as stored: not yet turned upright.
///
/// # Errors
/// When it is not an accepted picture, or larger than [`MAX_PIXELS`] or [`MAX_SIDE`].
pub fn read_size(bytes: &[u8]) -> Result<(PictureKind, u32, u32), PictureRefusal> {
    let kind = detect_kind(bytes).ok_or(PictureRefusal::Unknown)?;
    let size = match kind {
        PictureKind::Jpeg => jpeg::read_jpeg_size(bytes),
        PictureKind::Png => png::read_png_size(bytes),
        PictureKind::WebP => webp::read_webp_size(bytes),
    };
    let (width, height) = size.filter(|(width, height)| *width > 0 && *height > 0).ok_or(PictureRefusal::Damaged)?;
    if width > MAX_SIDE || height > MAX_SIDE || u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(PictureRefusal::TooLarge { width, height });
    }
    Ok((kind, width, height))
}

/// Decodes a picture, upright and scaled down to at most `longest_side` pixels on its longest side. Transparent pixels
/// show the colour below them; of an animation the first picture counts.
///
/// # Errors
/// When it is not an accepted picture, too large, damaged or a bomb.
pub fn decode_photo(bytes: &[u8], longest_side: u32) -> Result<Photo, PictureRefusal> {
    let (kind, _, _) = read_size(bytes)?;
    let (image, declared, tags) = match kind {
        PictureKind::Jpeg => jpeg::decode_jpeg(bytes, longest_side)?,
        PictureKind::Png => png::decode_png(bytes, longest_side)?,
        PictureKind::WebP => webp::decode_webp(bytes, longest_side)?,
    };
    let PictureHeader { mut width, mut height, .. } = declared;
    if tags.orientation.is_some_and(swaps_sides) {
        (width, height) = (height, width);
    }
    Ok(Photo { image: turn_upright(image, tags.orientation), width, height, kind, tags })
}

fn detect_kind(bytes: &[u8]) -> Option<PictureKind> {
    if bytes.starts_with(b"\xFF\xD8\xFF") {
        return Some(PictureKind::Jpeg);
    }
    if bytes.starts_with(b"\x89PNG\r\n\x1A\n") {
        return Some(PictureKind::Png);
    }
    let is_webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    is_webp.then_some(PictureKind::WebP)
}

fn swaps_sides(orientation: Orientation) -> bool {
    use Orientation::{Rotate90, Rotate90FlipH, Rotate270, Rotate270FlipH};
    matches!(orientation, Rotate90 | Rotate270 | Rotate90FlipH | Rotate270FlipH)
}

fn turn_upright(image: RgbImage, orientation: Option<Orientation>) -> RgbImage {
    let Some(orientation) = orientation else { return image };
    let mut image = DynamicImage::from(image);
    image.apply_orientation(orientation);
    image.into_rgb8()
}

impl PictureHeader {
    /// Refuses a picture whose bytes cannot hold a photograph of its size.
    fn refuse_bombs(self) -> Result<Self, PictureRefusal> {
        let pixels = u64::from(self.width) * u64::from(self.height);
        let is_hollow = pixels > SMALL_PIXELS && pixels > self.bytes.saturating_mul(PIXELS_A_BYTE);
        let samples = pixels * self.samples_for_two / 2;
        let is_flat = pixels > LARGE_PIXELS && samples > self.bytes.saturating_mul(SAMPLES_A_BYTE);
        if is_hollow || is_flat { Err(PictureRefusal::Hollow) } else { Ok(self) }
    }
}

/// A big-endian number of four bytes.
fn read_be32(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at.checked_add(4)?)?;
    Some(u32::from_be_bytes(bytes.try_into().ok()?))
}

/// A little-endian number of four bytes.
fn read_le32(bytes: &[u8], at: usize) -> Option<u32> {
    read_be32(bytes, at).map(u32::swap_bytes)
}

/// A big-endian number of two bytes.
fn read_be16(bytes: &[u8], at: usize) -> Option<u16> {
    let bytes = bytes.get(at..at.checked_add(2)?)?;
    Some(u16::from_be_bytes(bytes.try_into().ok()?))
}

/// A little-endian number of two bytes.
fn read_le16(bytes: &[u8], at: usize) -> Option<u16> {
    read_be16(bytes, at).map(u16::swap_bytes)
}

#[cfg(test)]
mod tests;
