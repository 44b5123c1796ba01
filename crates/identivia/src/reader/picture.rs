//! A picture made ready to leave this machine: no larger than asked for, upright, and without what a camera wrote into it.

use std::fs::File;
use std::io::{BufReader, Cursor, Read as _, Seek as _};

use image::codecs::jpeg::{JpegDecoder, JpegEncoder};
use image::codecs::webp::WebPDecoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, GrayAlphaImage, GrayImage, ImageDecoder, RgbImage, RgbaImage};
use png::{ColorType, Transformations};

use super::Picture;
use crate::domain::media::{MAX_PIXELS, Media};
use crate::files::picture::png_decoder;
use crate::outside::ProviderError;

/// Print stays sharp at this quality (0 to 100), and the file small.
const QUALITY: u8 = 90;
/// The most bytes that a decoded picture takes: four a pixel.
const MOST_BYTES: u64 = MAX_PIXELS * 4;

/// The picture as a JPEG whose longest side has at most that many pixels. It is always written anew: where it was taken,
/// and whatever else came with it, stays here.
///
/// # Errors
/// When it does not decode.
pub(super) fn prepared(picture: Picture, longest_side: u32) -> Result<Vec<u8>, ProviderError> {
    let undecodable = |_| ProviderError::failed("the picture does not decode");
    let (image, turned) = decoded(picture.file, picture.media).map_err(undecodable)?;
    let mut image = scaled(image, longest_side);
    image.apply_orientation(turned);
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, QUALITY);
    // What is transparent shows black in a JPEG, which has no such thing.
    let written = image.into_rgb8().write_with_encoder(encoder);
    written.map_err(|_| ProviderError::failed("the picture cannot be written as a JPEG"))?;
    Ok(jpeg)
}

/// Scaled down in two steps where it is much too large: the finer one needs memory for every column of what it is given.
fn scaled(mut image: DynamicImage, longest_side: u32) -> DynamicImage {
    let is_above = |image: &DynamicImage, side: u32| image.width().max(image.height()) > side;
    let rough = longest_side * 2;
    if is_above(&image, rough) {
        image = image.thumbnail(rough, rough);
    }
    if is_above(&image, longest_side) {
        image = image.resize(longest_side, longest_side, FilterType::Triangle);
    }
    image
}

/// What a decoder says of bytes it cannot read. Its words are not passed on.
struct Undecodable;

impl<E: std::error::Error> From<E> for Undecodable {
    fn from(_: E) -> Self {
        Self
    }
}

type Decoded = Result<(DynamicImage, Orientation), Undecodable>;

fn decoded(mut file: File, media: Media) -> Decoded {
    file.rewind()?;
    if media == Media::Png {
        return decoded_png(BufReader::new(file));
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    match media {
        Media::WebP => decoded_by(WebPDecoder::new(Cursor::new(bytes))?),
        _ => decoded_by(JpegDecoder::new(Cursor::new(bytes))?),
    }
}

fn decoded_by(mut decoder: impl ImageDecoder) -> Decoded {
    if decoder.total_bytes() > MOST_BYTES {
        return Err(Undecodable);
    }
    let turned = decoder.orientation()?;
    Ok((DynamicImage::from_decoder(decoder)?, turned))
}

/// By the decoder's own hand: the common front unpacks colour profiles, which may be bombs, and keeps 16 bits a channel.
fn decoded_png(reader: BufReader<File>) -> Decoded {
    let mut decoder = png_decoder(reader);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let mut reader = decoder.read_info()?;
    let size = reader.output_buffer_size().filter(|size| *size as u64 <= MOST_BYTES).ok_or(Undecodable)?;
    let mut pixels = vec![0; size];
    let frame = reader.next_frame(&mut pixels)?;
    pixels.truncate(frame.buffer_size());
    let (width, height) = (frame.width, frame.height);
    let image = match frame.color_type {
        ColorType::Grayscale => GrayImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::GrayscaleAlpha => GrayAlphaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgb => RgbImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Rgba => RgbaImage::from_raw(width, height, pixels).map(DynamicImage::from),
        ColorType::Indexed => None,
    };
    let exif = reader.info().exif_metadata.as_deref();
    let turned = exif.and_then(Orientation::from_exif_chunk).unwrap_or(Orientation::NoTransforms);
    Ok((image.ok_or(Undecodable)?, turned))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use image::ImageFormat;

    use super::*;

    fn sent(bytes: &[u8], media: Media, side: u32) -> Result<Vec<u8>, ProviderError> {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(bytes).unwrap();
        prepared(Picture { file, media, pixels: 1 }, side)
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
        assert_eq!(size(&sent(&large, Media::Jpeg, 2_048).unwrap()), (2_048, 1_024));
        assert_eq!(size(&sent(&large, Media::Jpeg, 512).unwrap()), (512, 256), "in two steps");
        for (format, media) in [(ImageFormat::Png, Media::Png), (ImageFormat::WebP, Media::WebP)] {
            assert_eq!(size(&sent(&picture(300, 200, format), media, 2_048).unwrap()), (300, 200));
        }
        assert!(sent(b"\xFF\xD8\xFFno picture", Media::Jpeg, 2_048).is_err());
    }

    #[test]
    fn every_kind_of_png_is_sent() {
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
            assert_eq!(size(&sent(&bytes, Media::Png, 512).unwrap()), (40, 20), "{colour:?} {depth:?}");
        }
    }

    /// An Exif block (APP1) of one field, the orientation: 6, to be turned clockwise by a quarter.
    const TURNED: &[u8] = b"\xFF\xE1\x00\x22Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

    #[test]
    fn what_a_camera_wrote_is_obeyed_and_left_behind() {
        let plain = picture(64, 32, ImageFormat::Jpeg);
        let turned = [&plain[..2], TURNED, b"\xFF\xFE\x00\x0ACANARY!!", &plain[2..]].concat();
        let sent = sent(&turned, Media::Jpeg, 2_048).unwrap();
        assert_eq!(size(&sent), (32, 64), "upright");
        assert!(!sent.windows(4).any(|window| window == b"Exif" || window == b"CANA"), "without metadata");
    }

    #[test]
    fn a_colour_profile_is_not_unpacked() {
        let mut profile = flate2::write::ZlibEncoder::new(b"iCCPx\0\0".to_vec(), flate2::Compression::best());
        profile.write_all(&[0; 4096]).unwrap();
        let profile = profile.finish().unwrap();
        let length = u32::try_from(profile.len() - b"iCCP".len()).unwrap().to_be_bytes();
        let check = crc32fast::hash(&profile).to_be_bytes();
        let plain = picture(64, 64, ImageFormat::Png);
        // Behind the signature and the header.
        let (head, rest) = plain.split_at(8 + 25);
        let bytes = [head, &length, &profile, &check, rest].concat();
        let found = png::Decoder::new(Cursor::new(&bytes)).read_info().unwrap().info().icc_profile.is_some();
        assert!(found, "the profile is good");
        // It could as well be a bomb.
        assert!(png_decoder(Cursor::new(&bytes)).read_info().unwrap().info().icc_profile.is_none());
        assert_eq!(size(&sent(&bytes, Media::Png, 512).unwrap()), (64, 64));
    }
}
