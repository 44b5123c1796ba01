//! JPEG (ITU-T T.81): reads its segments first, then decodes its pixels strictly.

use image::RgbImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::scale::scale_picture;
use super::{PictureHeader, PictureRefusal, Tags, read_be16};

/// The maximum number of scans: each passes over the whole picture. Cameras write 1 to 3, programs at most 20.
const MOST_SCANS: usize = 32;

/// A part of the file between two markers.
enum JpegPart<'a> {
    Segment {
        marker: u8,
        data: &'a [u8],
    },
    /// A number of bytes of coded pixels.
    Coded(usize),
}

/// The parts of a JPEG in sequence, up to its end or to the first invalid part.
struct JpegParts<'a> {
    rest: &'a [u8],
    is_in_scan: bool,
}

const START_OF_SCAN: u8 = 0xDA;
const APP1: u8 = 0xE1;

impl<'a> Iterator for JpegParts<'a> {
    type Item = JpegPart<'a>;

    fn next(&mut self) -> Option<JpegPart<'a>> {
        if std::mem::take(&mut self.is_in_scan) {
            let length = count_coded_bytes(self.rest);
            self.rest = self.rest.get(length..)?;
            return Some(JpegPart::Coded(length));
        }
        loop {
            let at = self.rest.windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0xFF && pair[1] != 0)?;
            let marker = *self.rest.get(at + 1)?;
            self.rest = self.rest.get(at + 2..)?;
            match marker {
                0xD9 => return None,
                0x01 | 0xD0..=0xD8 => {}
                _ => break self.take_segment(marker),
            }
        }
    }
}

impl<'a> JpegParts<'a> {
    fn from_bytes(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(2..).unwrap_or_default(), is_in_scan: false }
    }

    fn take_segment(&mut self, marker: u8) -> Option<JpegPart<'a>> {
        let length = usize::from(read_be16(self.rest, 0)?);
        let data = self.rest.get(2..length)?;
        self.rest = self.rest.get(length..)?;
        self.is_in_scan = marker == START_OF_SCAN;
        Some(JpegPart::Segment { marker, data })
    }
}

/// The number of bytes before the next marker that does not belong to coded pixels.
fn count_coded_bytes(bytes: &[u8]) -> usize {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF);
    bytes.windows(2).position(is_marker).unwrap_or(bytes.len())
}

/// Whether a marker starts a frame: `SOF0` to `SOF15`, without the markers for tables and extensions among them.
fn is_frame_marker(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

pub(super) fn read_jpeg_size(bytes: &[u8]) -> Option<(u32, u32)> {
    let frame = JpegParts::from_bytes(bytes).find_map(|part| match part {
        JpegPart::Segment { marker, data } if is_frame_marker(marker) => Some(data),
        _ => None,
    })?;
    Some((read_be16(frame, 3)?.into(), read_be16(frame, 1)?.into()))
}

/// Samples for every two pixels, by the components' sampling factors.
fn count_samples_for_two(frame: &[u8]) -> Option<u64> {
    let components = frame.get(6..)?.as_chunks::<3>().0;
    let factors = components.iter().map(|[_, factors, _]| (u64::from(factors >> 4), u64::from(factors & 15)));
    let (widest, highest) = factors.clone().fold((1, 1), |(x, y), (across, down)| (x.max(across), y.max(down)));
    Some(factors.map(|(across, down)| across * down).sum::<u64>() * 2 / (widest * highest))
}

pub(super) fn read_jpeg_header(bytes: &[u8]) -> Result<(PictureHeader, Tags), PictureRefusal> {
    let (width, height) = read_jpeg_size(bytes).ok_or(PictureRefusal::Damaged)?;
    let mut declared = PictureHeader { width, height, samples_for_two: 6, bytes: 0 };
    let mut tags = Tags::default();
    let (mut scans, mut frames) = (0, 0);
    for part in JpegParts::from_bytes(bytes) {
        match part {
            JpegPart::Coded(length) => declared.bytes += length as u64,
            JpegPart::Segment { marker: APP1, data } => add_segment_tags(&mut tags, data),
            JpegPart::Segment { marker: START_OF_SCAN, .. } => scans += 1,
            JpegPart::Segment { marker, data } if is_frame_marker(marker) => {
                frames += 1;
                declared.samples_for_two = count_samples_for_two(data).ok_or(PictureRefusal::Damaged)?;
            }
            JpegPart::Segment { .. } => {}
        }
    }
    if frames != 1 || scans == 0 || scans > MOST_SCANS {
        return Err(PictureRefusal::Damaged);
    }
    Ok((declared.refuse_bombs()?, tags))
}

fn add_segment_tags(tags: &mut Tags, data: &[u8]) {
    if data.starts_with(b"Exif\0\0") {
        tags.add_exif(data);
    } else if let Some(packet) = data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
        tags.add_xmp(packet);
    }
}

pub(super) fn decode_jpeg(bytes: &[u8], longest_side: u32) -> Result<(RgbImage, PictureHeader, Tags), PictureRefusal> {
    let (declared, tags) = read_jpeg_header(bytes)?;
    let mut decoder = start_decoder(bytes);
    let pixels = decoder.decode().map_err(|_| PictureRefusal::Damaged)?;
    if decoder.dimensions() != Some((declared.width as usize, declared.height as usize)) {
        return Err(PictureRefusal::Damaged);
    }
    let whole = RgbImage::from_raw(declared.width, declared.height, pixels).ok_or(PictureRefusal::Damaged)?;
    let image = scale_picture(whole, longest_side).ok_or(PictureRefusal::Damaged)?;
    Ok((image, declared, tags))
}

/// Checks all of a picture but its coded pixels.
pub(super) fn check_jpeg_head(bytes: &[u8]) -> Result<(), PictureRefusal> {
    let declared = read_jpeg_size(bytes).ok_or(PictureRefusal::Damaged)?;
    let mut decoder = start_decoder(bytes);
    decoder.decode_headers().map_err(|_| PictureRefusal::Damaged)?;
    let size = decoder.dimensions().and_then(|(width, height)| Some((width.try_into().ok()?, height.try_into().ok()?)));
    if size == Some(declared) { Ok(()) } else { Err(PictureRefusal::Damaged) }
}

/// Strict: a lenient decoder fills missing parts with grey and reports success.
fn start_decoder(bytes: &[u8]) -> JpegDecoder<ZCursor<&[u8]>> {
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    JpegDecoder::new_with_options(ZCursor::new(bytes), options)
}
