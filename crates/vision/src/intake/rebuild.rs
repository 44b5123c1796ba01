//! Rebuilds a picture without loss from the parts that draw it. Places, devices, comments, thumbnails, appended files and
//! everything else that no decoder needs for the pixels is left out.

mod huffman;
mod jpeg;
mod jpeg_scan;
mod jpeg_tables;
mod orientation;
mod png;
mod webp;

use super::{PictureKind, PictureRefusal, Tags, read_size};

/// A picture of the parts that draw it.
#[derive(Clone, Debug)]
pub struct RebuiltPicture {
    /// The pixels are those of the picture as sent, bit for bit.
    pub bytes: Vec<u8>,
    pub kind: PictureKind,
    /// The tags of the picture as sent. Of them only the orientation is in the rebuilt picture.
    pub tags: Tags,
}

/// Rebuilds a picture. What it returns may still not decode: coded pixels are only followed as far as it takes to find
/// their end.
///
/// # Errors
/// When it is not an accepted picture, too large, cut off, a bomb, or its structure is not well-formed.
pub fn rebuild_picture(bytes: &[u8]) -> Result<RebuiltPicture, PictureRefusal> {
    let (kind, _, _) = read_size(bytes)?;
    let (bytes, tags) = match kind {
        PictureKind::Jpeg => jpeg::rebuild_jpeg(bytes)?,
        PictureKind::Png => png::rebuild_png(bytes)?,
        PictureKind::WebP => webp::rebuild_webp(bytes)?,
    };
    Ok(RebuiltPicture { bytes, kind, tags })
}

#[cfg(test)]
mod tests;
