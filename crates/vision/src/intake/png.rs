//! PNG (ISO/IEC 15948): decodes row by row, so that a large picture is never in memory as a whole; texts and colour
//! profiles are not unpacked.

use std::io::Cursor;

use image::RgbImage;
use png::{ColorType, Transformations};

use super::scale::{PictureScaler, scale_picture};
use super::{PictureHeader, PictureRefusal, Tags, read_be32, tags};

/// The most memory the decoder may take, in bytes: a chunk, a few rows, and the window of DEFLATE.
const DECODER_BYTES: usize = 16 * 1024 * 1024;
/// The maximum number of pixels of an interlaced picture, which must be in memory as a whole. Cameras and scanners
/// write none.
const MOST_INTERLACED: u64 = 12_500_000;

/// The position of the header: after the signature and the header's length and name.
const HEADER: usize = 16;

pub(super) fn read_png_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let is_header = bytes.get(12..HEADER)? == b"IHDR";
    is_header.then_some((read_be32(bytes, HEADER)?, read_be32(bytes, HEADER + 4)?))
}

/// The chunks, up to the first incomplete one.
fn split_png_chunks(bytes: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut rest = bytes.get(8..).unwrap_or_default();
    std::iter::from_fn(move || {
        let length = read_be32(rest, 0)? as usize;
        let end = length.checked_add(8)?;
        let chunk = (rest.get(4..8)?, rest.get(8..end)?);
        rest = rest.get(end.checked_add(4)?..).unwrap_or_default();
        Some(chunk)
    })
}

pub(super) fn read_png_header(bytes: &[u8]) -> Result<(PictureHeader, Tags), PictureRefusal> {
    let (width, height) = read_png_size(bytes).ok_or(PictureRefusal::Damaged)?;
    let channels = match bytes.get(HEADER + 9) {
        Some(0 | 3) => 1,
        Some(4) => 2,
        Some(6) => 4,
        _ => 3,
    };
    let mut declared = PictureHeader { width, height, samples_for_two: channels * 2, bytes: 0 };
    let mut tags = Tags::default();
    for (name, data) in split_png_chunks(bytes) {
        match name {
            b"IDAT" => declared.bytes += data.len() as u64,
            b"eXIf" => tags.add_exif(data),
            b"tEXt" => tags.add_software(data.strip_prefix(b"Software\0").and_then(tags::clean_name)),
            b"iTXt" if data.starts_with(b"XML:com.adobe.xmp\0\0") => tags.add_xmp(data),
            _ => {}
        }
    }
    Ok((declared.refuse_bombs()?, tags))
}

pub(super) fn decode_png(bytes: &[u8], longest_side: u32) -> Result<(RgbImage, PictureHeader, Tags), PictureRefusal> {
    let (declared, tags) = read_png_header(bytes)?;
    let mut options = png::DecodeOptions::default();
    // Both may be decompression bombs, and their content is not needed.
    options.set_ignore_text_chunk(true);
    options.set_ignore_iccp_chunk(true);
    let mut decoder = png::Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(png::Limits { bytes: DECODER_BYTES });
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let reader = decoder.read_info().map_err(|_| PictureRefusal::Damaged)?;
    let info = reader.info();
    if (info.width, info.height) != (declared.width, declared.height) {
        return Err(PictureRefusal::Damaged);
    }
    let image = if info.interlaced { decode_whole(reader, longest_side) } else { decode_by_rows(reader, longest_side) };
    Ok((image?, declared, tags))
}

type PngReader<'a> = png::Reader<Cursor<&'a [u8]>>;

fn decode_by_rows(mut reader: PngReader<'_>, longest_side: u32) -> Result<RgbImage, PictureRefusal> {
    let (width, height) = (reader.info().width, reader.info().height);
    let colour = reader.output_color_type().0;
    let mut scaler = PictureScaler::new(width, height, longest_side);
    let mut rgb = Vec::with_capacity(width as usize * 3);
    for _ in 0..height {
        let row = reader.next_row().ok().flatten().ok_or(PictureRefusal::Damaged)?;
        convert_row_to_rgb(row.data(), colour, &mut rgb);
        scaler.push_row(&rgb);
    }
    // The checksum follows the last row: a file that ends before it is damaged too.
    if !matches!(reader.next_row(), Ok(None)) {
        return Err(PictureRefusal::Damaged);
    }
    scaler.finish().ok_or(PictureRefusal::Damaged)
}

fn decode_whole(mut reader: PngReader<'_>, longest_side: u32) -> Result<RgbImage, PictureRefusal> {
    let (width, height) = (reader.info().width, reader.info().height);
    if u64::from(width) * u64::from(height) > MOST_INTERLACED {
        return Err(PictureRefusal::TooLarge { width, height });
    }
    let mut pixels = vec![0; reader.output_buffer_size().ok_or(PictureRefusal::Damaged)?];
    let frame = reader.next_frame(&mut pixels).map_err(|_| PictureRefusal::Damaged)?;
    if frame.color_type == ColorType::Rgb {
        let image = RgbImage::from_raw(width, height, pixels).ok_or(PictureRefusal::Damaged)?;
        return scale_picture(image, longest_side).ok_or(PictureRefusal::Damaged);
    }
    let mut scaler = PictureScaler::new(width, height, longest_side);
    let mut rgb = Vec::with_capacity(width as usize * 3);
    for row in pixels.chunks_exact(frame.line_size.max(1)) {
        convert_row_to_rgb(row, frame.color_type, &mut rgb);
        scaler.push_row(&rgb);
    }
    scaler.finish().ok_or(PictureRefusal::Damaged)
}

/// Converts a row to three bytes per pixel; transparency is dropped.
fn convert_row_to_rgb(row: &[u8], colour: ColorType, rgb: &mut Vec<u8>) {
    rgb.clear();
    match colour {
        ColorType::Grayscale | ColorType::Indexed => rgb.extend(row.iter().flat_map(|grey| [*grey; 3])),
        ColorType::GrayscaleAlpha => rgb.extend(row.as_chunks::<2>().0.iter().flat_map(|[grey, _]| [*grey; 3])),
        ColorType::Rgb => rgb.extend_from_slice(row),
        ColorType::Rgba => rgb.extend(row.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b])),
    }
}
