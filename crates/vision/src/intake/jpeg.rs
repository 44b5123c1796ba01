//! JPEG (ITU-T T.81): its segments are walked first, and its pixels decoded strictly.

use image::RgbImage;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::scale::scaled;
use super::{Declared, Refused, Tags, be16};

/// The most scans a picture may come in: each passes over the whole of it. Cameras write 1 to 3, programs at most 20.
const MOST_SCANS: usize = 32;

/// A part of the file between two markers.
enum Part<'a> {
    Segment {
        marker: u8,
        data: &'a [u8],
    },
    /// That many bytes of coded pixels.
    Coded(usize),
}

/// The parts of a JPEG in their order, up to its end or to where it is no longer one.
struct Parts<'a> {
    rest: &'a [u8],
    is_in_scan: bool,
}

const START_OF_SCAN: u8 = 0xDA;
const APP1: u8 = 0xE1;

impl<'a> Iterator for Parts<'a> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        if std::mem::take(&mut self.is_in_scan) {
            let length = coded_length(self.rest);
            self.rest = self.rest.get(length..)?;
            return Some(Part::Coded(length));
        }
        loop {
            let at = self.rest.windows(2).position(|pair| pair[0] == 0xFF && pair[1] != 0xFF && pair[1] != 0)?;
            let marker = *self.rest.get(at + 1)?;
            self.rest = self.rest.get(at + 2..)?;
            match marker {
                0xD9 => return None,
                0x01 | 0xD0..=0xD8 => {}
                _ => break self.segment(marker),
            }
        }
    }
}

impl<'a> Parts<'a> {
    fn of(bytes: &'a [u8]) -> Self {
        Self { rest: bytes.get(2..).unwrap_or_default(), is_in_scan: false }
    }

    fn segment(&mut self, marker: u8) -> Option<Part<'a>> {
        let length = usize::from(be16(self.rest, 0)?);
        let data = self.rest.get(2..length)?;
        self.rest = self.rest.get(length..)?;
        self.is_in_scan = marker == START_OF_SCAN;
        Some(Part::Segment { marker, data })
    }
}

/// How many bytes go by before the next marker that does not belong to coded pixels.
fn coded_length(bytes: &[u8]) -> usize {
    let is_marker = |pair: &[u8]| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xD0..=0xD7 | 0xFF);
    bytes.windows(2).position(is_marker).unwrap_or(bytes.len())
}

/// Says whether a marker starts a frame: `SOF0` to `SOF15`, but for tables and extensions among them.
fn is_frame(marker: u8) -> bool {
    matches!(marker, 0xC0..=0xCF) && !matches!(marker, 0xC4 | 0xC8 | 0xCC)
}

pub(super) fn size(bytes: &[u8]) -> Option<(u32, u32)> {
    let frame = Parts::of(bytes).find_map(|part| match part {
        Part::Segment { marker, data } if is_frame(marker) => Some(data),
        _ => None,
    })?;
    Some((be16(frame, 3)?.into(), be16(frame, 1)?.into()))
}

/// Samples for every two pixels, by the components' sampling factors.
fn samples_for_two(frame: &[u8]) -> Option<u64> {
    let components = frame.get(6..)?.as_chunks::<3>().0;
    let factors = components.iter().map(|[_, factors, _]| (u64::from(factors >> 4), u64::from(factors & 15)));
    let (widest, highest) = factors.clone().fold((1, 1), |(x, y), (across, down)| (x.max(across), y.max(down)));
    Some(factors.map(|(across, down)| across * down).sum::<u64>() * 2 / (widest * highest))
}

fn walked(bytes: &[u8]) -> Result<(Declared, Tags), Refused> {
    let (width, height) = size(bytes).ok_or(Refused::Damaged)?;
    let mut declared = Declared { width, height, samples_for_two: 6, bytes: 0 };
    let mut tags = Tags::default();
    let (mut scans, mut frames) = (0, 0);
    for part in Parts::of(bytes) {
        match part {
            Part::Coded(length) => declared.bytes += length as u64,
            Part::Segment { marker: APP1, data } => add_tags(&mut tags, data),
            Part::Segment { marker: START_OF_SCAN, .. } => scans += 1,
            Part::Segment { marker, data } if is_frame(marker) => {
                frames += 1;
                declared.samples_for_two = samples_for_two(data).ok_or(Refused::Damaged)?;
            }
            Part::Segment { .. } => {}
        }
    }
    if frames != 1 || scans == 0 || scans > MOST_SCANS {
        return Err(Refused::Damaged);
    }
    Ok((declared.checked()?, tags))
}

fn add_tags(tags: &mut Tags, data: &[u8]) {
    if data.starts_with(b"Exif\0\0") {
        tags.add_exif(data);
    } else if let Some(packet) = data.strip_prefix(b"http://ns.adobe.com/xap/1.0/\0") {
        tags.add_xmp(packet);
    }
}

pub(super) fn decoded(bytes: &[u8], longest_side: u32) -> Result<(RgbImage, Declared, Tags), Refused> {
    let (declared, tags) = walked(bytes)?;
    // Strict, because a lenient decoder paints grey over what is missing and calls it a picture.
    let options = DecoderOptions::default()
        .set_strict_mode(true)
        .set_max_width(usize::from(u16::MAX))
        .set_max_height(usize::from(u16::MAX))
        .jpeg_set_out_colorspace(ColorSpace::RGB);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|_| Refused::Damaged)?;
    if decoder.dimensions() != Some((declared.width as usize, declared.height as usize)) {
        return Err(Refused::Damaged);
    }
    let whole = RgbImage::from_raw(declared.width, declared.height, pixels).ok_or(Refused::Damaged)?;
    let image = scaled(whole, longest_side).ok_or(Refused::Damaged)?;
    Ok((image, declared, tags))
}
