//! JPEG (ITU-T T.81): the frame, the tables that a scan uses, the coded pixels, and what says how colours are stored. Of
//! application segments only JFIF's and Adobe's are written, anew.

use super::super::{PictureRefusal, Tags, jpeg as intake, read_be16};
use super::jpeg_scan::{Component, Frame, Scan};
use super::jpeg_tables::{DEFINE_CODES, DEFINE_QUANTISATION, Tables, write_segment};
use super::orientation::write_orientation;

const START_OF_SCAN: u8 = 0xDA;
const RESTART_INTERVAL: u8 = 0xDD;
const END_OF_IMAGE: u8 = 0xD9;
const APP0: u8 = 0xE0;
const APP1: u8 = 0xE1;
const APP14: u8 = 0xEE;
/// The strict decoder takes no more bytes between two header segments.
const MOST_STRAY_BYTES: usize = 2;

/// What application segments say of how the pixels are stored.
#[derive(Default)]
struct ColourHints {
    /// JFIF's unit and density: pixels need not be square.
    density: Option<[u8; 5]>,
    /// Adobe's number of the colour transform.
    transform: Option<u8>,
}

/// Rebuilds a JPEG. Also returns whether its pixels need no decoding to know that they decode.
pub(super) fn rebuild_jpeg(bytes: &[u8]) -> Result<((Vec<u8>, Tags), bool), PictureRefusal> {
    let (_, tags) = intake::read_jpeg_header(bytes)?;
    let mut out = Vec::with_capacity(bytes.len());
    write_head(&mut out, &read_hints(bytes), &tags);
    let mut rebuild = JpegRebuild {
        out,
        tables: Tables::default(),
        frame: None,
        restart: 0,
        written_restart: 0,
        is_scanned: false,
        is_followed: false,
    };
    let mut rest = bytes.get(2..).unwrap_or_default();
    loop {
        let (marker, behind) = take_marker(rest, rebuild.is_scanned)?;
        if marker == END_OF_IMAGE {
            break;
        }
        let (data, behind) = take_segment(behind)?;
        rest = match marker {
            START_OF_SCAN => rebuild.copy_scan(data, behind)?,
            _ => {
                rebuild.read_segment(marker, data)?;
                behind
            }
        };
    }
    if !rebuild.is_scanned {
        return Err(PictureRefusal::Damaged);
    }
    rebuild.out.extend([0xFF, END_OF_IMAGE]);
    Ok(((rebuild.out, tags), rebuild.is_followed))
}

/// The next marker and what follows it. Restart markers that belong to no pixels are passed over, as are stray bytes where
/// the decoder passes over them too.
fn take_marker(mut rest: &[u8], is_scanned: bool) -> Result<(u8, &[u8]), PictureRefusal> {
    loop {
        let at = rest.windows(2).position(|pair| pair[0] == 0xFF && !matches!(pair[1], 0 | 0xFF));
        let at = at.ok_or(PictureRefusal::Damaged)?;
        let stray = rest[..at].iter().filter(|byte| **byte != 0xFF).count();
        if !is_scanned && stray > MOST_STRAY_BYTES {
            return Err(PictureRefusal::Damaged);
        }
        let (marker, behind) = (rest[at + 1], &rest[at + 2..]);
        if !matches!(marker, 0x01 | 0xD0..=0xD8) {
            return Ok((marker, behind));
        }
        rest = behind;
    }
}

/// The data of a segment and what follows it.
fn take_segment(rest: &[u8]) -> Result<(&[u8], &[u8]), PictureRefusal> {
    let length = usize::from(read_be16(rest, 0).ok_or(PictureRefusal::Damaged)?);
    let (segment, behind) = rest.split_at_checked(length).ok_or(PictureRefusal::Damaged)?;
    Ok((segment.get(2..).ok_or(PictureRefusal::Damaged)?, behind))
}

/// Reads the application segments before the first scan: decoders look no further.
fn read_hints(bytes: &[u8]) -> ColourHints {
    let mut hints = ColourHints::default();
    let mut rest = bytes.get(2..).unwrap_or_default();
    while let Ok((marker, behind)) = take_marker(rest, false)
        && !matches!(marker, START_OF_SCAN | END_OF_IMAGE)
        && let Ok((data, behind)) = take_segment(behind)
    {
        match (marker, data) {
            (APP0, [b'J', b'F', b'I', b'F', 0, _, _, unit, a, b, c, d, ..]) => {
                hints.density = Some([*unit, *a, *b, *c, *d]);
            }
            (APP14, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                hints.transform = Some(*transform);
            }
            _ => {}
        }
        rest = behind;
    }
    hints
}

fn write_head(out: &mut Vec<u8>, hints: &ColourHints, tags: &Tags) {
    out.extend([0xFF, 0xD8]);
    if let Some([unit, a, b, c, d]) = hints.density {
        // Version 1.01, without a thumbnail.
        write_segment(out, APP0, &[b'J', b'F', b'I', b'F', 0, 1, 1, unit, a, b, c, d, 0, 0]);
    }
    if let Some(block) = write_orientation(tags.orientation) {
        write_segment(out, APP1, &[&b"Exif\0\0"[..], &block].concat());
    }
    if let Some(transform) = hints.transform {
        write_segment(out, APP14, &[b'A', b'd', b'o', b'b', b'e', 0, 100, 0, 0, 0, 0, transform]);
    }
}

struct JpegRebuild {
    out: Vec<u8>,
    tables: Tables,
    frame: Option<Frame>,
    /// Units between two restart markers; 0 without any.
    restart: u16,
    written_restart: u16,
    is_scanned: bool,
    /// Whether the only scan so far has all pixels, in full, and their tables are known.
    is_followed: bool,
}

impl JpegRebuild {
    /// Reads a segment that is not a scan. What draws nothing is left out.
    fn read_segment(&mut self, marker: u8, data: &[u8]) -> Result<(), PictureRefusal> {
        match marker {
            DEFINE_QUANTISATION => self.tables.read_quantisation(data),
            DEFINE_CODES => self.tables.read_codes(data),
            RESTART_INTERVAL => {
                let interval = data.try_into().map_err(|_| PictureRefusal::Damaged)?;
                self.restart = u16::from_be_bytes(interval);
                Ok(())
            }
            0xC0..=0xCF if self.frame.is_none() => {
                let frame = Frame::read_header(marker, data).ok_or(PictureRefusal::Damaged)?;
                self.write_quantisation(&frame);
                write_segment(&mut self.out, marker, data);
                self.frame = Some(frame);
                Ok(())
            }
            0xC0..=0xCF => Err(PictureRefusal::Damaged),
            _ => Ok(()),
        }
    }

    /// Decoders take a component's quantisation table from before its first scan, so later ones are left out.
    fn write_quantisation(&mut self, frame: &Frame) {
        for component in &frame.components {
            self.tables.write_quantisation(component.quantisation, &mut self.out);
        }
    }

    /// Writes a scan behind the tables that it uses, and returns what follows it.
    fn copy_scan<'a>(&mut self, header: &[u8], pixels: &'a [u8]) -> Result<&'a [u8], PictureRefusal> {
        let mut frame = self.frame.take().ok_or(PictureRefusal::Damaged)?;
        let scan = Scan::read_header(&frame, header).ok_or(PictureRefusal::Damaged)?;
        if !self.is_scanned {
            self.write_quantisation(&frame);
        }
        for (class, slot) in scan.used_codes() {
            self.tables.write_codes(class, slot, &mut self.out);
        }
        if self.restart != self.written_restart {
            write_segment(&mut self.out, RESTART_INTERVAL, &self.restart.to_be_bytes());
            self.written_restart = self.restart;
        }
        write_segment(&mut self.out, START_OF_SCAN, header);
        let behind = scan.copy_pixels(&mut frame, &self.tables, self.restart, pixels, &mut self.out)?;
        let is_quantised = |component: &Component| self.tables.has_quantisation(component.quantisation);
        self.is_followed =
            !self.is_scanned && scan.has_whole_blocks_of(&frame) && frame.components.iter().all(is_quantised);
        self.frame = Some(frame);
        self.is_scanned = true;
        Ok(behind)
    }
}
