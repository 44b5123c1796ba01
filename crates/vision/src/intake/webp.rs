//! WebP (RFC 9649): reads its chunks first; of an animation the first picture counts.

use std::io::Cursor;

use image::RgbImage;
use image_webp::WebPDecoder;

use super::scale::{PictureScaler, scale_picture};
use super::{PictureHeader, PictureRefusal, Tags, read_le16, read_le32};

/// The maximum memory of the decoder beside its picture, in bytes.
const DECODER_BYTES: usize = 16 * 1024 * 1024;

/// The chunks of a whole file, up to the first incomplete one.
pub(super) fn split_webp_chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    split_chunks(bytes.get(12..).unwrap_or_default())
}

/// The chunks of a part of the file, up to the first incomplete one.
pub(super) fn split_chunks(mut rest: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    std::iter::from_fn(move || {
        let length = read_le32(rest, 4)? as usize;
        let chunk = (rest.get(..4)?, rest.get(8..)?.get(..length)?);
        rest = rest.get(8 + length + length % 2..).unwrap_or_default();
        Some(chunk)
    })
}

/// Reads the size from the first chunk: the canvas, or the header of a single picture.
pub(super) fn read_webp_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let name = bytes.get(12..16)?;
    let data = bytes.get(20..)?;
    match name {
        b"VP8X" => {
            let side = |at: usize| Some((read_le32(data, at)? & 0xFF_FFFF) + 1);
            // The height is the last field of the chunk: it is read from one byte before, so that no byte after the
            // chunk is needed.
            Some((side(4)?, (read_le32(data, 6)? >> 8) + 1))
        }
        b"VP8L" if data.first() == Some(&0x2F) => {
            let bits = read_le32(data, 1)?;
            Some(((bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1))
        }
        b"VP8 " if data.get(3..6)? == b"\x9D\x01\x2A" => {
            let side = |at: usize| Some(u32::from(read_le16(data, at)? & 0x3FFF));
            Some((side(6)?, side(8)?))
        }
        _ => None,
    }
}

pub(super) fn read_webp_header(bytes: &[u8]) -> Result<(PictureHeader, Tags), PictureRefusal> {
    let (width, height) = read_webp_size(bytes).ok_or(PictureRefusal::Damaged)?;
    let mut declared = PictureHeader { width, height, samples_for_two: 3, bytes: 0 };
    let mut tags = Tags::default();
    for (name, data) in split_webp_chunks(bytes) {
        match name {
            b"VP8 " | b"VP8L" | b"ANMF" | b"ALPH" => declared.bytes += data.len() as u64,
            b"EXIF" => tags.add_exif(data),
            b"XMP " => tags.add_xmp(data),
            _ => {}
        }
    }
    Ok((declared.refuse_bombs()?, tags))
}

pub(super) fn decode_webp(bytes: &[u8], longest_side: u32) -> Result<(RgbImage, PictureHeader, Tags), PictureRefusal> {
    let (declared, tags) = read_webp_header(bytes)?;
    let mut decoder = WebPDecoder::new(Cursor::new(bytes)).map_err(|_| PictureRefusal::Damaged)?;
    decoder.set_memory_limit(DECODER_BYTES);
    if decoder.dimensions() != (declared.width, declared.height) {
        return Err(PictureRefusal::Damaged);
    }
    let mut pixels = vec![0; decoder.output_buffer_size().ok_or(PictureRefusal::Damaged)?];
    decoder.read_image(&mut pixels).map_err(|_| PictureRefusal::Damaged)?;
    let image = match decoder.has_alpha() {
        false => RgbImage::from_raw(declared.width, declared.height, pixels)
            .and_then(|whole| scale_picture(whole, longest_side)),
        true => drop_transparency(&pixels, declared, longest_side),
    };
    Ok((image.ok_or(PictureRefusal::Damaged)?, declared, tags))
}

fn drop_transparency(pixels: &[u8], declared: PictureHeader, longest_side: u32) -> Option<RgbImage> {
    let mut scaler = PictureScaler::new(declared.width, declared.height, longest_side);
    let mut rgb = Vec::with_capacity(declared.width as usize * 3);
    for row in pixels.chunks_exact(declared.width as usize * 4) {
        rgb.clear();
        rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]));
        scaler.push_row(&rgb);
    }
    scaler.finish()
}
