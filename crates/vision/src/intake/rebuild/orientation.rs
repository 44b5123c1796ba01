//! The only tag that a rebuilt picture has: how to turn it upright (Exif, CIPA DC-008, section 4.6.4).

use image::metadata::Orientation;

/// A TIFF block with one directory of one field, the orientation. `None` for a picture that is upright as it is stored.
pub(super) fn write_orientation(orientation: Option<Orientation>) -> Option<[u8; 26]> {
    let turned = orientation.filter(|orientation| *orientation != Orientation::NoTransforms)?;
    let mut block = *b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0";
    // A field of one short number: it stands in the first half of the field's value.
    block[19] = turned.to_exif();
    Some(block)
}
