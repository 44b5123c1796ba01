//! Kinds of file we keep, told by their bytes and never by their name; and the names they are kept under.

use crate::records::id::random_text;

/// The first bytes of a file that are enough to tell its kind.
pub const SNIFF_BYTES: usize = 512;
/// The largest picture, in bytes.
pub const MAX_IMAGE_BYTES: u64 = 10 * 1024 * 1024;
/// The largest video, in bytes.
pub const MAX_VIDEO_BYTES: u64 = 50 * 1024 * 1024;

const STEM_CHARACTERS: usize = 60;

/// A kind of file we keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Jpeg,
    Png,
    WebP,
    WebM,
    Mp4,
    QuickTime,
}

impl Media {
    const ALL: [Self; 6] = [Self::Jpeg, Self::Png, Self::WebP, Self::WebM, Self::Mp4, Self::QuickTime];

    /// Tells a file's kind from its first [`SNIFF_BYTES`] bytes.
    #[must_use]
    pub fn sniff(head: &[u8]) -> Option<Self> {
        match head {
            [0xFF, 0xD8, 0xFF, ..] => Some(Self::Jpeg),
            [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1A, b'\n', ..] => Some(Self::Png),
            [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some(Self::WebP),
            [0x1A, 0x45, 0xDF, 0xA3, header @ ..] => is_webm(header).then_some(Self::WebM),
            [_, _, _, _, b'f', b't', b'y', b'p', ..] => of_file_type_box(head),
            _ => of_first_boxes(head),
        }
    }

    /// Says whether it is a video.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(self, Self::WebM | Self::Mp4 | Self::QuickTime)
    }

    /// The extension it is stored under.
    #[must_use]
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpeg => "jpg",
            Self::Png => "png",
            Self::WebP => "webp",
            Self::WebM => "webm",
            Self::Mp4 => "mp4",
            Self::QuickTime => "mov",
        }
    }

    /// Its media type (IANA).
    #[must_use]
    pub const fn mime(self) -> &'static str {
        match self {
            Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::WebP => "image/webp",
            Self::WebM => "video/webm",
            Self::Mp4 => "video/mp4",
            Self::QuickTime => "video/quicktime",
        }
    }

    /// The kind of a stored file, whose extension we chose. Where another program may have stored it, in its own spelling.
    #[must_use]
    pub fn of_stored_name(name: &str) -> Option<Self> {
        let (_, extension) = name.rsplit_once('.')?;
        let extension = if extension.eq_ignore_ascii_case("jpeg") { "jpg" } else { extension };
        Self::ALL.into_iter().find(|media| media.extension().eq_ignore_ascii_case(extension))
    }
}

/// EBML (RFC 8794): the header's document type must be `webm`, and a segment must follow. Other Matroska files have
/// another type.
fn is_webm(bytes: &[u8]) -> bool {
    const DOCUMENT_TYPE: u32 = 0x4282;
    const SEGMENT: [u8; 4] = [0x18, 0x53, 0x80, 0x67];
    let Some((length, header)) = ebml_number(bytes, false) else { return false };
    let Some((mut elements, behind)) = header.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX)) else {
        return false;
    };
    let mut document_type = None;
    while let Some((id, rest)) = ebml_number(elements, true)
        && let Some((length, rest)) = ebml_number(rest, false)
        && let Some((value, rest)) = rest.split_at_checked(usize::try_from(length).unwrap_or(usize::MAX))
    {
        if id == u64::from(DOCUMENT_TYPE) {
            document_type = Some(value);
        }
        elements = rest;
    }
    // A text may be padded with zeros (RFC 8794 §7.4).
    let document_type = document_type.map(|text| text.split(|byte| *byte == 0).next().unwrap_or_default());
    document_type == Some(b"webm") && skip_void_elements(behind).starts_with(&SEGMENT)
}

/// What follows the elements without content that a muxer may leave before the segment (RFC 8794 §11.3.2).
fn skip_void_elements(mut bytes: &[u8]) -> &[u8] {
    const VOID: u8 = 0xEC;
    while let [VOID, rest @ ..] = bytes
        && let Some((length, rest)) = ebml_number(rest, false)
        && let Some(behind) = rest.get(usize::try_from(length).unwrap_or(usize::MAX)..)
    {
        bytes = behind;
    }
    bytes
}

/// A number of EBML's variable length, and what follows it. Ids keep their length marker.
fn ebml_number(bytes: &[u8], keep_marker: bool) -> Option<(u64, &[u8])> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let (number, rest) = bytes.split_at_checked(length).filter(|_| length <= 8)?;
    let marker = if keep_marker { 0 } else { 0x80_u8 >> (length - 1) };
    let value = number[1..].iter().fold(u64::from(first & !marker), |value, byte| value << 8 | u64::from(*byte));
    Some((value, rest))
}

/// ISO base media (ISO/IEC 14496-12): a whole `ftyp` box, whose major or compatible brands name a video, and another box
/// behind it, of any type. Stills in the same container (HEIC, AVIF, CR3) have brands of their own.
fn of_file_type_box(head: &[u8]) -> Option<Media> {
    const STILLS: [&[u8]; 12] =
        [b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"avif", b"avis", b"crx ", b"jp2 "];
    const VIDEOS: [&[u8]; 16] = [
        b"mp41", b"mp42", b"mp71", b"avc1", b"avc3", b"hvc1", b"hev1", b"av01", b"dash", b"msdh", b"MSNV", b"mmp4",
        b"XAVC", b"f4v ", b"F4V ", b"KDDI",
    ];
    // Families of brands, with a version or profile behind: <https://mp4ra.org/registered-types/brands>.
    const FAMILIES: [&[u8]; 5] = [b"iso", b"3g", b"M4V", b"cmf", b"NDS"];
    let size = u32::from_be_bytes(head.first_chunk::<4>().copied()?);
    let (file_type, behind) = head.split_at_checked(usize::try_from(size).ok().filter(|size| *size >= 16)?)?;
    box_type(behind)?;
    // The major brand, its version, then the compatible brands.
    let major = file_type.get(8..12)?;
    let mut brands = std::iter::once(major).chain(file_type.get(16..)?.chunks_exact(4));
    if brands.clone().any(|brand| STILLS.contains(&brand)) {
        return None;
    }
    if major == b"qt  " {
        return Some(Media::QuickTime);
    }
    let is_video = |brand: &[u8]| VIDEOS.contains(&brand) || FAMILIES.iter().any(|family| brand.starts_with(family));
    if brands.clone().any(is_video) {
        return Some(Media::Mp4);
    }
    brands.any(|brand| brand == b"qt  ").then_some(Media::QuickTime)
}

/// QuickTime before 2004 has no `ftyp` box: it begins with the movie, its data, or room that was left for one of them. Such
/// room may also come before a `ftyp` box.
fn of_first_boxes(head: &[u8]) -> Option<Media> {
    const FIRST: [&[u8]; 6] = [b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"];
    const CONTENT: [&[u8]; 2] = [b"moov", b"mdat"];
    let mut rest = head;
    while let Some(kind) = box_type(rest) {
        if CONTENT.contains(&kind) {
            return Some(Media::QuickTime);
        }
        if kind == b"ftyp" {
            return of_file_type_box(rest);
        }
        let size = rest.first_chunk::<4>().map(|size| u32::from_be_bytes(*size));
        let size =
            size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size >= 8 && FIRST.contains(&kind))?;
        rest = rest.get(size..)?;
    }
    None
}

/// The type of the box that begins there: four letters, digits or spaces. `None` where no box can begin: its size counts its
/// head, and 0 (to the end of the file) and 1 (a long size follows) have a meaning of their own.
fn box_type(bytes: &[u8]) -> Option<&[u8]> {
    let size = u32::from_be_bytes(bytes.first_chunk::<4>().copied()?);
    let kind = bytes.get(4..8)?;
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'-' | b'_' | 0xA9);
    ((size >= 8 || size <= 1) && kind.iter().all(is_letter)).then_some(kind)
}

/// The mark that all files of one request carry in their names, so that an unfinished request's files can be found.
#[must_use]
pub fn upload_mark() -> String {
    random_text::<12>()
}

/// The name a file is stored under: a cleaned stem of the client's name, the request's mark, a number within the
/// request, and the extension of the real kind.
#[must_use]
pub fn stored_name(client_name: &str, mark: &str, number: usize, media: Media) -> String {
    format!("{}_{mark}{number}.{}", clean_stem(client_name), media.extension())
}

/// A stored name without its mark: for a place that adds one of its own.
#[must_use]
pub fn sent_name(stored: &str) -> String {
    match (stored.rsplit_once('_'), stored.rsplit_once('.')) {
        (Some((stem, _)), Some((_, extension))) => format!("{stem}.{extension}"),
        _ => stored.to_owned(),
    }
}

/// Says whether a stored name carries that request's mark.
#[must_use]
pub fn carries_mark(name: &str, mark: &str) -> bool {
    name.rsplit_once('_').is_some_and(|(_, tail)| tail.starts_with(mark))
}

/// Says whether a text could be a stored name. Anything else needs no look at the disk.
#[must_use]
pub fn is_stored_name(name: &str) -> bool {
    name.len() <= 120
        && Media::of_stored_name(name).is_some()
        && !name.starts_with('.')
        && !name.contains("..")
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}

/// The client's own name without folders and extension, in `[A-Za-z0-9_-]`, at most 60 characters; `file` if nothing is left.
fn clean_stem(client_name: &str) -> String {
    let base = client_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let stem = base.rsplit_once('.').map_or(base, |(stem, _)| stem);
    let kept: String = stem
        .chars()
        .map(|letter| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' })
        .take(STEM_CHARACTERS)
        .collect();
    let trimmed = kept.trim_matches('_');
    if trimmed.is_empty() { "file".to_owned() } else { trimmed.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn kinds_are_told_by_bytes() {
        assert_eq!(Media::sniff(b"\xFF\xD8\xFF\xE0"), Some(Media::Jpeg));
        assert_eq!(Media::sniff(b"RIFF\0\0\0\0WEBPVP8 "), Some(Media::WebP));
        assert_eq!(Media::sniff(b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm\x18\x53\x80\x67\xFF"), Some(Media::WebM));
        assert_eq!(Media::sniff(b"\0\0\0\x10ftypisom\0\0\x02\0\0\0\0\x08free"), Some(Media::Mp4));
        assert_eq!(Media::sniff(b"\0\0\0\x14ftypqt  \0\0\x02\0qt  \0\0\0\x08wide"), Some(Media::QuickTime));
        for head in [
            &b"GIF89a"[..],
            b"%PDF-1.7",
            b"<svg xmlns",
            b"<!DOCTYPE html>",
            b"PK\x03\x04",
            b"MZ\x90",
            b"text",
            b"",
            b"\0\0\0\x18ftypheic",
            b"\0\0\0\x10ftypavif\0\0\0\0\0\0\0\x08mdat",
            b"\0\0\0\x10ftypisom",
            b"\0\0\0\x18ftypcrx \0\0\0\x01crx isom\0\0\0\x08moov",
            b"\0\0\0\x1Cftypavis\0\0\0\0avismsf1iso8\0\0\0\x08meta",
            b"\0\0\0\x10ftypxxxx\0\0\0\0\0\0\0\x08moov",
            b"\0\0\0\x02mdat",
            b"\0\0\0\x08wide\0\0\0\x08html",
            b"\0\0\0\x10ftypisom\0\0\0\0<script>",
            b"\xFF\xFF\xFF\xFFftypisom",
            b"\x1A\x45\xDF\xA3\x8B\x42\x82\x88matroska\x18\x53\x80\x67",
            b"\x1A\x45\xDF\xA3webm<html>",
            b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm<html>",
            b"\x1A\x45\xDF\xA3\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFFwebm",
            b"RIFF\0\0\0\0WAVE",
        ] {
            assert_eq!(Media::sniff(head), None, "{head:?}");
        }
    }

    #[test]
    fn videos_of_phones_and_messengers_are_told_by_all_their_brands() {
        let folder = format!("{}/../../tests/data/videos", env!("CARGO_MANIFEST_DIR"));
        for (name, media) in [
            ("mp4-3gp6.mp4", Some(Media::Mp4)),
            ("mp4-hvc1.mp4", Some(Media::Mp4)),
            ("mp4-iso7.mp4", Some(Media::Mp4)),
            ("mp4-iso8.mp4", Some(Media::Mp4)),
            ("mp4-iso9.mp4", Some(Media::Mp4)),
            ("mp4-meta-after-ftyp.mp4", Some(Media::Mp4)),
            ("mp4-whatsapp-beam.mp4", Some(Media::Mp4)),
            ("mov-no-ftyp-wide.mov", Some(Media::QuickTime)),
            ("webm-doctype-padded.webm", Some(Media::WebM)),
            ("mkv-mediarecorder-h264.webm", None),
        ] {
            let bytes = std::fs::read(format!("{folder}/{name}")).unwrap();
            assert_eq!(Media::sniff(&bytes[..bytes.len().min(SNIFF_BYTES)]), media, "{name}");
        }
        assert_eq!(
            Media::sniff(b"\0\0\0\x18ftypXYZ1\0\0\0\0isommp42\0\0\0\x08moov"),
            Some(Media::Mp4),
            "unknown major"
        );
        assert_eq!(Media::sniff(b"\0\0\x04\0moov"), Some(Media::QuickTime));
        for brand in [b"3gg6", b"3g2b", b"isoa", b"cmfc", b"M4VH", b"NDSS", b"av01", b"f4v ", b"XAVC"] {
            let head = [&b"\0\0\0\x14ftypXYZ1\0\0\0\0"[..], brand, b"\0\0\0\x08moov"].concat();
            assert_eq!(Media::sniff(&head), Some(Media::Mp4), "{head:?}");
        }
        let apple = b"\0\0\0\x14ftypXYZ1\0\0\0\0qt  \0\0\0\x08moov";
        assert_eq!(Media::sniff(apple), Some(Media::QuickTime), "QuickTime by a compatible brand");
        let late = b"\0\0\0\x08free\0\0\0\x14ftypmp42\0\0\0\0isom\0\0\0\x08moov";
        assert_eq!(Media::sniff(late), Some(Media::Mp4), "room before the ftyp box");
        let still = b"\0\0\0\x08free\0\0\0\x14ftypheic\0\0\0\0mif1\0\0\0\x08meta";
        assert_eq!(Media::sniff(still), None);
        let void = b"\x1A\x45\xDF\xA3\x87\x42\x82\x84webm\xEC\x82..\x18\x53\x80\x67\xFF";
        assert_eq!(Media::sniff(void), Some(Media::WebM), "an element without content");
    }

    #[test]
    fn names_are_cleaned() {
        assert_eq!(stored_name("../../etc/pass port.jpg", "m", 0, Media::Png), "pass_port_m0.png");
        assert_eq!(stored_name("C:\\a\\b.exe", "m", 1, Media::Jpeg), "b_m1.jpg");
        assert_eq!(stored_name("", "m", 0, Media::Jpeg), "file_m0.jpg");
        assert_eq!(stored_name("фото.jpg", "m", 0, Media::Jpeg), "file_m0.jpg");
    }

    proptest! {
        #[test]
        fn any_client_name_becomes_a_stored_name_with_its_mark(name in "\\PC{0,300}") {
            let mark = upload_mark();
            let stored = stored_name(&name, &mark, 3, Media::WebM);
            prop_assert!(is_stored_name(&stored), "{stored}");
            prop_assert!(carries_mark(&stored, &mark));
            prop_assert!(!carries_mark(&stored, &upload_mark()));
        }

        #[test]
        fn sniffing_never_panics(start in 0_usize..3, head in proptest::collection::vec(any::<u8>(), 0..64)) {
            let starts = [&b""[..], b"\x1A\x45\xDF\xA3", b"\0\0\0\x18ftyp"];
            let _ = Media::sniff(&[starts[start], &head].concat());
        }
    }
}
