//! Prepares a picture for a reader: scaled down, upright, and without the metadata that a camera wrote into it.

use std::fs::File;
use std::io::{Read as _, Seek as _};

use image::codecs::jpeg::JpegEncoder;
use vision::intake::{Photo, PictureRefusal, decode_photo};

use super::DocumentPicture;
use crate::providers::http_call::ProviderError;

/// At this JPEG quality (0 to 100) print stays sharp and the file small.
const JPEG_QUALITY: u8 = 90;

/// Encodes the picture as a JPEG whose longest side has at most that many pixels. It is always encoded anew, so that the
/// place where it was taken and other metadata stay here.
///
/// # Errors
/// When it does not decode.
pub(super) fn prepare_jpeg(picture: DocumentPicture, longest_side: u32) -> Result<Vec<u8>, ProviderError> {
    let photo = decode_picture(picture.file, longest_side)?
        .map_err(|_| ProviderError::failed("the picture does not decode"))?;
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY);
    let written = photo.image.write_with_encoder(encoder);
    written.map_err(|_| ProviderError::failed("the picture cannot be written as a JPEG"))?;
    Ok(jpeg)
}

/// Decodes the picture of a file, with at most that many pixels on its longest side.
fn decode_picture(file: File, longest_side: u32) -> Result<Result<Photo, PictureRefusal>, ProviderError> {
    Ok(decode_photo(&read_file_bytes(file)?, longest_side))
}

/// Reads a file from its beginning.
///
/// # Errors
/// When the file cannot be read back.
pub(super) fn read_file_bytes(mut file: File) -> Result<Vec<u8>, ProviderError> {
    let mut bytes = Vec::new();
    let whole = file.rewind().and_then(|()| file.read_to_end(&mut bytes));
    whole.map_err(|error| ProviderError::failed(format!("a picture cannot be read back: {}", error.kind())))?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Write as _};

    use image::ImageFormat;

    use super::*;
    use crate::domain::media::Media;

    fn prepare(bytes: &[u8], media: Media, side: u32) -> Result<Vec<u8>, ProviderError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        prepare_jpeg(DocumentPicture { file, media, pixels: 1, editor: None }, side)
    }

    fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
        let image =
            image::RgbImage::from_fn(width, height, |x, _| image::Rgb([if x < width / 2 { 255 } else { 0 }, 0, 0]));
        let mut bytes = Cursor::new(Vec::new());
        image.write_to(&mut bytes, format).unwrap();
        bytes.into_inner()
    }

    fn size(jpeg: &[u8]) -> (u32, u32) {
        let image = image::load_from_memory_with_format(jpeg, ImageFormat::Jpeg).unwrap();
        (image.width(), image.height())
    }

    #[test]
    fn large_pictures_are_scaled_down_and_small_ones_are_not() {
        let large = picture(3_000, 1_500, ImageFormat::Jpeg);
        assert_eq!(size(&prepare(&large, Media::Jpeg, 2_048).unwrap()), (2_048, 1_024));
        assert_eq!(size(&prepare(&large, Media::Jpeg, 512).unwrap()), (512, 256), "in two steps");
        for (format, media) in [(ImageFormat::Png, Media::Png), (ImageFormat::WebP, Media::WebP)] {
            assert_eq!(size(&prepare(&picture(300, 200, format), media, 2_048).unwrap()), (300, 200));
        }
        assert!(prepare(b"\xFF\xD8\xFFno picture", Media::Jpeg, 2_048).is_err());
    }

    #[test]
    fn every_kind_of_png_is_accepted() {
        for (colour, depth) in [
            (png::ColorType::Grayscale, png::BitDepth::One),
            (png::ColorType::GrayscaleAlpha, png::BitDepth::Eight),
            (png::ColorType::Rgb, png::BitDepth::Sixteen),
            (png::ColorType::Rgba, png::BitDepth::Sixteen),
            (png::ColorType::Indexed, png::BitDepth::Four),
        ] {
            let mut bytes = Vec::new();
            let mut encoder = png::Encoder::new(&mut bytes, 40, 20);
            encoder.set_color(colour);
            encoder.set_depth(depth);
            if colour == png::ColorType::Indexed {
                encoder.set_palette(vec![255; 48]);
            }
            let mut writer = encoder.write_header().unwrap();
            let row = colour.samples() * depth as usize * 40;
            writer.write_image_data(&vec![0x11; row.div_ceil(8) * 20]).unwrap();
            writer.finish().unwrap();
            assert_eq!(size(&prepare(&bytes, Media::Png, 512).unwrap()), (40, 20), "{colour:?} {depth:?}");
        }
    }

    /// An Exif block (APP1) with one field, the orientation 6: turn clockwise by a quarter.
    const TURNED: &[u8] = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    #[test]
    fn orientation_is_applied_and_metadata_is_removed() {
        let plain = picture(64, 32, ImageFormat::Jpeg);
        let turned = [&plain[..2], TURNED, b"\xFF\xFE\x00\x0ACANARY!!", &plain[2..]].concat();
        let jpeg = prepare(&turned, Media::Jpeg, 2_048).unwrap();
        assert_eq!(size(&jpeg), (32, 64), "upright");
        assert!(!jpeg.windows(4).any(|window| window == b"Exif" || window == b"CANA"), "without metadata");
    }
}
