//! Reads what programs wrote beside the pixels: the program's name, whether a camera took the picture, and its
//! orientation. Sources are Exif (CIPA DC-008), XMP (ISO 16684-1) and PNG texts; nothing is unpacked, and nothing else
//! is kept.

use image::metadata::Orientation;

use super::{read_be16, read_be32, read_le16, read_le32};

/// The maximum length of a program's name, in characters.
const LONGEST_NAME: usize = 64;
const MAKE: u16 = 0x010F;
const MODEL: u16 = 0x0110;
const ORIENTATION: u16 = 0x0112;
const SOFTWARE: u16 = 0x0131;

/// The tags beside a picture. Anyone can write or remove them: they are a hint and prove nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// The programs that claim to have written the picture (Exif or PNG `Software`, XMP `CreatorTool`), at most 64
    /// characters without control characters; `; ` separates two different ones.
    pub software: Option<String>,
    /// Whether Exif names a camera's make or model.
    pub camera: bool,
    /// The rotation that makes the stored pixels upright; already applied to the picture.
    pub orientation: Option<Orientation>,
}

impl Tags {
    /// Adds the tags of an Exif block: a TIFF header and its first directory, with or without `Exif\0\0` before it.
    pub(super) fn add_exif(&mut self, block: &[u8]) {
        let block = block.strip_prefix(b"Exif\0\0").unwrap_or(block);
        let Some(fields) = read_tiff_fields(block) else { return };
        for field in fields {
            match field.tag {
                MAKE | MODEL => self.camera |= field.text(block).is_some(),
                SOFTWARE => self.add_software(field.text(block)),
                ORIENTATION => {
                    let turned = field.short(block).and_then(|value| u8::try_from(value).ok());
                    self.orientation = self.orientation.or(turned.and_then(Orientation::from_exif));
                }
                _ => {}
            }
        }
    }

    /// Adds the program that an XMP packet names: as an attribute or as an element.
    pub(super) fn add_xmp(&mut self, packet: &[u8]) {
        const NAME: &[u8] = b"CreatorTool";
        let Some(at) = packet.windows(NAME.len()).position(|window| window == NAME) else { return };
        let Some(rest) = packet.get(at + NAME.len()..) else { return };
        let value = match rest {
            [b'=', quote @ (b'"' | b'\''), value @ ..] => value.split(|byte| byte == quote).next(),
            [b'>', value @ ..] => value.split(|byte| *byte == b'<').next(),
            _ => None,
        };
        self.add_software(value.and_then(clean_name));
    }

    pub(super) fn add_software(&mut self, name: Option<String>) {
        let Some(name) = name else { return };
        self.software = match self.software.take() {
            Some(known) if known.contains(&name) => Some(known),
            Some(known) => clean_name(format!("{known}; {name}").as_bytes()),
            None => Some(name),
        };
    }
}

/// Trims a name, removes control characters and cuts it to the maximum length.
pub(super) fn clean_name(name: &[u8]) -> Option<String> {
    let name = name.get(..name.len().min(LONGEST_NAME * 4))?;
    let text = String::from_utf8_lossy(name);
    let visible = text.chars().filter(|c| !c.is_control() && *c != char::REPLACEMENT_CHARACTER);
    let short: String = visible.take(LONGEST_NAME).collect();
    let short = short.trim();
    (!short.is_empty()).then(|| short.to_owned())
}

/// One field of a TIFF directory.
struct TiffField {
    tag: u16,
    count: usize,
    /// The position of its value, or of the value's offset if the value is longer than four bytes.
    value: usize,
    is_big_endian: bool,
}

impl TiffField {
    fn text(&self, block: &[u8]) -> Option<String> {
        let place =
            if self.count <= 4 { self.value } else { read_tiff_long(block, self.value, self.is_big_endian)? as usize };
        let text = block.get(place..place.checked_add(self.count)?)?;
        clean_name(text.split(|byte| *byte == 0).next()?)
    }

    fn short(&self, block: &[u8]) -> Option<u16> {
        short(block, self.value, self.is_big_endian)
    }
}

fn read_tiff_fields(block: &[u8]) -> Option<impl Iterator<Item = TiffField>> {
    let is_big_endian = match block.get(..4)? {
        b"MM\0*" => true,
        b"II*\0" => false,
        _ => return None,
    };
    let directory = read_tiff_long(block, 4, is_big_endian)? as usize;
    let count = short(block, directory, is_big_endian)?;
    let field = move |number: u16| {
        let at = directory.checked_add(2 + usize::from(number) * 12)?;
        let tag = short(block, at, is_big_endian)?;
        let count = read_tiff_long(block, at + 4, is_big_endian)? as usize;
        Some(TiffField { tag, count, value: at + 8, is_big_endian })
    };
    Some((0..count).map_while(field))
}

fn short(block: &[u8], at: usize, is_big_endian: bool) -> Option<u16> {
    if is_big_endian { read_be16(block, at) } else { read_le16(block, at) }
}

fn read_tiff_long(block: &[u8], at: usize, is_big_endian: bool) -> Option<u32> {
    if is_big_endian { read_be32(block, at) } else { read_le32(block, at) }
}
