//! PNG (ISO/IEC 15948): the chunks that draw the picture, each of the length that it must have. The coded pixels end where
//! their zlib stream ends. An animation's other pictures are left out: the first one counts.

use flate2::{Crc, Decompress, FlushDecompress, Status};

use super::super::{PictureRefusal, Tags, png as intake, read_be32};
use super::orientation::write_orientation;

const SIGNATURE: &[u8; 8] = b"\x89PNG\r\n\x1A\n";
/// Pixels are unpacked in pieces of this size, in bytes, only to find their end.
const PIECE_BYTES: usize = 64 * 1024;

/// One chunk, whose checksum is right.
struct Chunk<'a> {
    name: [u8; 4],
    data: &'a [u8],
}

impl Chunk<'_> {
    /// Whether no decoder may pass over it.
    const fn is_critical(&self) -> bool {
        self.name[0].is_ascii_uppercase()
    }
}

/// The fields of the header that decide how much each chunk may hold.
struct Header {
    width: usize,
    height: usize,
    depth: usize,
    colour: u8,
    is_interlaced: bool,
}

pub(super) fn rebuild_png(bytes: &[u8]) -> Result<(Vec<u8>, Tags), PictureRefusal> {
    let (_, tags) = intake::read_png_header(bytes)?;
    let mut rest = bytes.strip_prefix(SIGNATURE).ok_or(PictureRefusal::Damaged)?;
    let mut out = SIGNATURE.to_vec();
    let first = take_chunk(&mut rest)?.filter(|first| first.name == *b"IHDR").ok_or(PictureRefusal::Damaged)?;
    let header = Header::read(first.data).ok_or(PictureRefusal::Damaged)?;
    write_chunk(&mut out, *b"IHDR", first.data);
    if let Some(block) = write_orientation(tags.orientation) {
        write_chunk(&mut out, *b"eXIf", &block);
    }
    let mut pixels = PixelStream::new(&header);
    let (mut written, mut colours) = (Vec::new(), 0);
    loop {
        let Some(chunk) = take_chunk(&mut rest)? else { continue };
        match &chunk.name {
            b"IEND" => break,
            b"IDAT" => {
                let data = pixels.keep_coded(chunk.data)?;
                if !data.is_empty() {
                    write_chunk(&mut out, chunk.name, data);
                }
            }
            name if !pixels.has_begun() && !written.contains(name) && header.may_hold(&chunk, colours) => {
                if name == b"PLTE" {
                    colours = chunk.data.len() / 3;
                }
                write_chunk(&mut out, chunk.name, chunk.data);
                written.push(chunk.name);
            }
            name if chunk.is_critical() && name != b"PLTE" => return Err(PictureRefusal::Damaged),
            _ => {}
        }
    }
    if !pixels.is_complete() {
        return Err(PictureRefusal::Damaged);
    }
    write_chunk(&mut out, *b"IEND", &[]);
    Ok((out, tags))
}

/// The next chunk; `None` for one with a wrong checksum that decoders pass over.
fn take_chunk<'a>(rest: &mut &'a [u8]) -> Result<Option<Chunk<'a>>, PictureRefusal> {
    let take = || {
        let length = read_be32(rest, 0)? as usize;
        let (chunk, behind) = rest.get(4..)?.split_at_checked(length.checked_add(4)?)?;
        Some((chunk, read_be32(behind, 0)?, behind.get(4..)?))
    };
    let (chunk, checksum, behind) = take().ok_or(PictureRefusal::Damaged)?;
    *rest = behind;
    let (name, data) = chunk.split_first_chunk::<4>().ok_or(PictureRefusal::Damaged)?;
    let chunk = Chunk { name: *name, data };
    match compute_checksum(*name, data) == checksum {
        true => Ok(Some(chunk)),
        false if chunk.is_critical() => Err(PictureRefusal::Damaged),
        false => Ok(None),
    }
}

fn compute_checksum(name: [u8; 4], data: &[u8]) -> u32 {
    let mut checksum = Crc::new();
    checksum.update(&name);
    checksum.update(data);
    checksum.sum()
}

/// Writes a chunk, which is shorter than 4 GiB.
fn write_chunk(out: &mut Vec<u8>, name: [u8; 4], data: &[u8]) {
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(name);
    out.extend(data);
    out.extend(compute_checksum(name, data).to_be_bytes());
}

impl Header {
    fn read(data: &[u8]) -> Option<Self> {
        let &[depth, colour, 0, 0, interlaced @ (0 | 1)] = data.get(8..)? else { return None };
        let (width, height) = (read_be32(data, 0)? as usize, read_be32(data, 4)? as usize);
        Some(Self { width, height, depth: depth.into(), colour, is_interlaced: interlaced == 1 })
    }

    const fn samples(&self) -> usize {
        match self.colour {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// Whether a chunk draws the picture, and is exactly as long as it must be. `colours` are those of the palette so far.
    fn may_hold(&self, chunk: &Chunk<'_>, colours: usize) -> bool {
        let (length, has_palette) = (chunk.data.len(), self.colour == 3);
        match &chunk.name {
            b"PLTE" => has_palette && (3..=768).contains(&length) && length.is_multiple_of(3),
            b"tRNS" if has_palette => (1..=colours).contains(&length),
            b"tRNS" => (self.colour == 0 && length == 2) || (self.colour == 2 && length == 6),
            b"bKGD" if has_palette => length == 1,
            b"bKGD" => length == if matches!(self.colour, 0 | 4) { 2 } else { 6 },
            b"sBIT" if has_palette => length == 3,
            b"sBIT" => length == self.samples(),
            b"gAMA" | b"cICP" => length == 4,
            b"cHRM" => length == 32,
            b"sRGB" => length == 1,
            b"pHYs" => length == 9,
            _ => false,
        }
    }

    /// The bytes of all rows, each with its filter.
    fn row_bytes(&self) -> u64 {
        /// Where the passes of Adam7 begin and how far apart their pixels are: across, then down.
        const PASSES: [(usize, usize, usize, usize); 7] =
            [(0, 8, 0, 8), (4, 8, 0, 8), (0, 4, 4, 8), (2, 4, 0, 4), (0, 2, 2, 4), (1, 2, 0, 2), (0, 1, 1, 2)];
        let bits = self.depth * self.samples();
        let size = |width: usize, height: usize| match width {
            0 => 0,
            _ => height as u64 * (1 + (width * bits).div_ceil(8) as u64),
        };
        if !self.is_interlaced {
            return size(self.width, self.height);
        }
        let side = |length: usize, first: usize, step: usize| length.saturating_sub(first).div_ceil(step);
        PASSES.iter().map(|(x, dx, y, dy)| size(side(self.width, *x, *dx), side(self.height, *y, *dy))).sum()
    }
}

/// The zlib stream of the pixels, over all its chunks.
struct PixelStream {
    stream: Decompress,
    piece: Vec<u8>,
    row_bytes: u64,
    has_ended: bool,
}

impl PixelStream {
    fn new(header: &Header) -> Self {
        let piece = vec![0; PIECE_BYTES];
        Self { stream: Decompress::new(true), piece, row_bytes: header.row_bytes(), has_ended: false }
    }

    fn has_begun(&self) -> bool {
        self.stream.total_in() > 0
    }

    fn is_complete(&self) -> bool {
        self.has_ended && self.stream.total_out() == self.row_bytes
    }

    /// The part of a chunk's data that belongs to the stream. More pixels than the picture has are an error.
    fn keep_coded<'a>(&mut self, data: &'a [u8]) -> Result<&'a [u8], PictureRefusal> {
        let start = self.stream.total_in();
        while !self.has_ended {
            let used = usize::try_from(self.stream.total_in() - start).unwrap_or(usize::MAX);
            let written = self.stream.total_out();
            let rest = data.get(used..).unwrap_or_default();
            let status = self.stream.decompress(rest, &mut self.piece, FlushDecompress::None);
            let status = status.map_err(|_| PictureRefusal::Damaged)?;
            if self.stream.total_out() > self.row_bytes {
                return Err(PictureRefusal::Damaged);
            }
            self.has_ended = status == Status::StreamEnd;
            let is_stuck = self.stream.total_out() == written && self.stream.total_in() - start == used as u64;
            if !self.has_ended && is_stuck {
                break;
            }
        }
        let used = usize::try_from(self.stream.total_in() - start).unwrap_or(usize::MAX);
        data.get(..used).ok_or(PictureRefusal::Damaged)
    }
}
