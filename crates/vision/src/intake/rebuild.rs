//! Rebuilds a picture without loss from the parts that draw it. Places, devices, comments, thumbnails, appended files and
//! everything else that no decoder needs for the pixels is left out.

mod huffman;
mod jpeg;
mod jpeg_scan;
mod jpeg_tables;
mod orientation;
mod png;
mod webp;

use super::{PictureKind, PictureRefusal, Tags, decode_photo, read_size};

/// The size to which a picture is scaled down when only its decoding counts, in pixels.
const CHECK_SIDE: u32 = 16;

/// A picture of the parts that draw it.
#[derive(Clone, Debug)]
pub struct RebuiltPicture {
    /// The pixels are those of the picture as sent, bit for bit.
    pub bytes: Vec<u8>,
    pub kind: PictureKind,
    /// The tags of the picture as sent. Of them only the orientation is in the rebuilt picture.
    pub tags: Tags,
    /// Whether all coded pixels were followed to their end, each with the tables that it needs.
    is_followed: bool,
}

impl RebuiltPicture {
    /// Checks that the picture decodes to its end. Coded pixels that were followed are not decoded again.
    ///
    /// # Errors
    /// When it does not decode, or is a bomb.
    pub fn check_decoding(&self) -> Result<(), PictureRefusal> {
        if self.is_followed {
            super::jpeg::check_jpeg_head(&self.bytes)
        } else {
            decode_photo(&self.bytes, CHECK_SIDE).map(drop)
        }
    }
}

/// Rebuilds a picture. What it returns may still not decode: [`RebuiltPicture::check_decoding`].
///
/// # Errors
/// When it is not an accepted picture, too large, cut off, a bomb, or its structure is not well-formed.
pub fn rebuild_picture(bytes: &[u8]) -> Result<RebuiltPicture, PictureRefusal> {
    let (kind, _, _) = read_size(bytes)?;
    let ((bytes, tags), is_followed) = match kind {
        PictureKind::Jpeg => jpeg::rebuild_jpeg(bytes)?,
        PictureKind::Png => (png::rebuild_png(bytes)?, false),
        PictureKind::WebP => (webp::rebuild_webp(bytes)?, false),
    };
    Ok(RebuiltPicture { bytes, kind, tags, is_followed })
}

#[cfg(test)]
mod tests;
