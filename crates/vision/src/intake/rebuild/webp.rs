//! WebP (RFC 9649): the coded picture and its transparency. Of an animation the first picture counts, and it alone is
//! kept.

use super::super::{PictureRefusal, Tags, webp as intake};
use super::orientation::write_orientation;

/// Flags of the extended header: an orientation follows, transparency, and an animation.
const HAS_EXIF: u8 = 0x08;
const HAS_ALPHA: u8 = 0x10;
const IS_ANIMATED: u8 = 0x02;

/// The length of the extended header, in bytes.
const EXTENDED_HEADER: usize = 10;
/// The length of an animation's header, and of the header of one of its pictures.
const ANIMATION_HEADER: usize = 6;
const FRAME_HEADER: usize = 16;

pub(super) fn rebuild_webp(bytes: &[u8]) -> Result<(Vec<u8>, Tags), PictureRefusal> {
    let (declared, tags) = intake::read_webp_header(bytes)?;
    let block = write_orientation(tags.orientation);
    let chunks: Vec<_> = intake::split_webp_chunks(bytes).collect();
    let find = |name: &[u8; 4]| chunks.iter().find(|chunk| chunk.0 == name).map(|chunk| chunk.1);
    let extended = chunks.first().filter(|first| first.0 == b"VP8X");
    let extended = extended.map(|(_, data)| data.first().copied().filter(|_| data.len() >= EXTENDED_HEADER));
    let flags = extended.map(|flags| flags.ok_or(PictureRefusal::Damaged)).transpose()?;
    let mut out = Vec::with_capacity(bytes.len());
    out.extend(b"RIFF\0\0\0\0WEBP");
    if flags.is_some() || block.is_some() {
        let has_alpha = flags.map_or_else(|| is_lossless_with_alpha(find(b"VP8L")), |flags| flags & HAS_ALPHA > 0);
        let kept = flags.unwrap_or_default() & IS_ANIMATED;
        let flags = kept | if has_alpha { HAS_ALPHA } else { 0 } | if block.is_some() { HAS_EXIF } else { 0 };
        let side = |pixels: u32| (pixels - 1).to_le_bytes();
        let ([a, b, c, _], [d, e, f, _]) = (side(declared.width), side(declared.height));
        write_chunk(&mut out, b"VP8X", &[flags, 0, 0, 0, a, b, c, d, e, f]);
    }
    if flags.is_some_and(|flags| flags & IS_ANIMATED > 0) {
        let header = find(b"ANIM").and_then(|data| data.get(..ANIMATION_HEADER)).ok_or(PictureRefusal::Damaged)?;
        write_chunk(&mut out, b"ANIM", header);
        write_chunk(&mut out, b"ANMF", &rebuild_frame(find(b"ANMF").ok_or(PictureRefusal::Damaged)?)?);
    } else {
        write_picture(&mut out, &chunks)?;
    }
    if let Some(block) = block {
        write_chunk(&mut out, b"EXIF", &block);
    }
    let length = u32::try_from(out.len() - 8).map_err(|_| PictureRefusal::Damaged)?;
    out[4..8].copy_from_slice(&length.to_le_bytes());
    Ok((out, tags))
}

/// The first picture of an animation: its place on the canvas, and its own chunks.
fn rebuild_frame(data: &[u8]) -> Result<Vec<u8>, PictureRefusal> {
    let (header, chunks) = data.split_at_checked(FRAME_HEADER).ok_or(PictureRefusal::Damaged)?;
    let mut frame = header.to_vec();
    let chunks: Vec<_> = intake::split_chunks(chunks).collect();
    write_picture(&mut frame, &chunks)?;
    Ok(frame)
}

/// Writes the chunks of one coded picture.
fn write_picture(out: &mut Vec<u8>, chunks: &[(&[u8], &[u8])]) -> Result<(), PictureRefusal> {
    let coded = chunks.iter().find(|(name, _)| matches!(*name, b"VP8 " | b"VP8L")).ok_or(PictureRefusal::Damaged)?;
    let alpha = chunks.iter().find(|(name, _)| *name == b"ALPH").filter(|_| coded.0 == b"VP8 ");
    for (name, data) in alpha.into_iter().chain([coded]) {
        write_chunk(out, name, data);
    }
    Ok(())
}

/// Whether the header of a lossless picture says that it has transparency.
fn is_lossless_with_alpha(data: Option<&[u8]>) -> bool {
    data.and_then(|data| data.get(4)).is_some_and(|byte| byte & 0x10 > 0)
}

/// Writes a chunk, which is shorter than 4 GiB, and a zero behind one of odd length.
fn write_chunk(out: &mut Vec<u8>, name: &[u8], data: &[u8]) {
    out.extend(name);
    out.extend((data.len() as u32).to_le_bytes());
    out.extend(data);
    if !data.len().is_multiple_of(2) {
        out.push(0);
    }
}
