//! A picture made ready to leave this machine: no larger than asked for, upright, and without what a camera wrote into it.

use std::io::Cursor;

use bytes::Bytes;
use image::codecs::jpeg::JpegEncoder;
use image::imageops::FilterType;
use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits};

use crate::domain::media::{MAX_PIXELS, Media};
use crate::outside::ProviderError;

/// Print stays sharp at this quality (0 to 100), and the file small.
const QUALITY: u8 = 90;
/// The most that a decoder may allocate: what the largest picture takes with four bytes a pixel.
const DECODER_BYTES: u64 = MAX_PIXELS * 4;

/// The picture as a JPEG whose longest side has at most that many pixels. It is always written anew: where it was taken,
/// and whatever else came with it, stays here.
///
/// # Errors
/// When it does not decode.
pub(super) fn prepared(picture: Bytes, media: Media, longest_side: u32) -> Result<Vec<u8>, ProviderError> {
    let image = decoded(picture, media).map_err(|_| ProviderError::failed("the picture does not decode"))?;
    let image = scaled(image, longest_side);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    // What is transparent shows black in a JPEG, which has no such thing.
    let written = image.into_rgb8().write_with_encoder(encoder);
    written.map_err(|_| ProviderError::failed("the picture cannot be written as a JPEG"))?;
    Ok(jpeg)
}

/// Scaled down in two steps where it is much too large: the finer one needs memory for every column of what it is given.
fn scaled(image: DynamicImage, longest_side: u32) -> DynamicImage {
    let is_above = |image: &DynamicImage, side: u32| image.width().max(image.height()) > side;
    let rough = longest_side * 2;
    let image = if is_above(&image, rough) { image.thumbnail(rough, rough) } else { image };
    if is_above(&image, longest_side) { image.resize(longest_side, longest_side, FilterType::Triangle) } else { image }
}

fn format(media: Media) -> ImageFormat {
    match media {
        Media::Png => ImageFormat::Png,
        Media::WebP => ImageFormat::WebP,
        _ => ImageFormat::Jpeg,
    }
}

fn decoded(picture: Bytes, media: Media) -> image::ImageResult<DynamicImage> {
    let mut reader = ImageReader::with_format(Cursor::new(picture), format(media));
    let mut limits = Limits::default();
    limits.max_alloc = Some(DECODER_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let turned = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(turned);
    Ok(image)
}

/// Megapixels that a picture takes while it is prepared.
pub(super) fn megapixels(picture: &Bytes, media: Media) -> u64 {
    let size = ImageReader::with_format(Cursor::new(picture), format(media)).into_dimensions();
    size.map_or(MAX_PIXELS, |(width, height)| u64::from(width) * u64::from(height)).div_ceil(1_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(width: u32, height: u32, format: ImageFormat) -> Bytes {
        let image =
            image::RgbImage::from_fn(width, height, |x, _| image::Rgb([if x < width / 2 { 255 } else { 0 }, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner().into()
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let image = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
        (image.width(), image.height())
    }

    #[test]
    fn large_pictures_are_scaled_down_and_small_ones_are_not() {
        let large = picture(3_000, 1_500, ImageFormat::Jpeg);
        assert_eq!(size(&prepared(large.clone(), Media::Jpeg, 2_048).unwrap()), (2_048, 1_024));
        assert_eq!(size(&prepared(large, Media::Jpeg, 512).unwrap()), (512, 256), "in two steps");
        for (format, media) in [(ImageFormat::Png, Media::Png), (ImageFormat::WebP, Media::WebP)] {
            assert_eq!(size(&prepared(picture(300, 200, format), media, 2_048).unwrap()), (300, 200));
        }
        assert!(prepared(Bytes::from_static(b"\xFF\xD8\xFFno picture"), Media::Jpeg, 2_048).is_err());
    }

    /// An Exif block (APP1) of one field, the orientation: 6, to be turned clockwise by a quarter.
    const TURNED: &[u8] = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    #[test]
    fn what_a_camera_wrote_is_obeyed_and_left_behind() {
        let plain = picture(64, 32, ImageFormat::Jpeg);
        let turned: Bytes = [&plain[..2], TURNED, b"\xFF\xFE\x00\x0ACANARY!!", &plain[2..]].concat().into();
        let sent = prepared(turned, Media::Jpeg, 2_048).unwrap();
        assert_eq!(size(&sent), (32, 64), "upright");
        assert!(!sent.windows(4).any(|window| window == b"Exif" || window == b"CANA"), "without metadata");
    }
}
