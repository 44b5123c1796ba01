use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder as _, ImageReader};
use proptest::prelude::*;

use super::super::{decode_photo, detect_kind};
use super::*;

const CANARY: &[u8] = b"CANARY<script>alert(1)</script>";
const JPEGS: [&str; 7] = [
    "baseline-420.jpg",
    "baseline-422-restart.jpg",
    "progressive-420.jpg",
    "progressive-444-restart.jpg",
    "grey.jpg",
    "grey-progressive.jpg",
    "cmyk.jpg",
];
const WEBPS: [&str; 5] = ["lossy.webp", "lossy-alpha.webp", "lossless.webp", "lossless-alpha.webp", "animated.webp"];

fn coded(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/coded").join(name)).unwrap()
}

/// A PNG of that colour type and depth, with noise for pixels.
fn png(colour: ::png::ColorType, depth: ::png::BitDepth) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = ::png::Encoder::new(&mut bytes, 40, 20);
    encoder.set_color(colour);
    encoder.set_depth(depth);
    if colour == ::png::ColorType::Indexed {
        encoder.set_palette((0..48).collect::<Vec<u8>>());
        encoder.set_trns(vec![9, 99]);
    }
    let mut writer = encoder.write_header().unwrap();
    let row = (colour.samples() * depth as usize * 40).div_ceil(8);
    let noise: Vec<u8> = (0..row * 20).map(|place| (place * place % 251) as u8).collect();
    writer.write_image_data(&noise).unwrap();
    writer.finish().unwrap();
    bytes
}

fn pngs() -> Vec<Vec<u8>> {
    use ::png::{BitDepth, ColorType};
    [
        (ColorType::Grayscale, BitDepth::One),
        (ColorType::GrayscaleAlpha, BitDepth::Sixteen),
        (ColorType::Rgb, BitDepth::Eight),
        (ColorType::Rgba, BitDepth::Sixteen),
        (ColorType::Indexed, BitDepth::Four),
    ]
    .map(|(colour, depth)| png(colour, depth))
    .into()
}

/// Every form of picture that is taken.
fn pictures() -> Vec<Vec<u8>> {
    JPEGS.iter().chain(&WEBPS).map(|name| coded(name)).chain(pngs()).collect()
}

fn rebuild(bytes: &[u8]) -> Vec<u8> {
    rebuild_picture(bytes).unwrap().bytes
}

/// All pixels, at their full depth and with transparency.
fn pixels(bytes: &[u8]) -> DynamicImage {
    image::load_from_memory(bytes).unwrap()
}

fn has(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

fn segment(marker: u8, data: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(data.len() as u16 + 2).to_be_bytes(), data].concat()
}

fn png_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut checksum = flate2::Crc::new();
    checksum.update(name);
    checksum.update(data);
    [&(data.len() as u32).to_be_bytes()[..], name, data, &checksum.sum().to_be_bytes()].concat()
}

fn webp_chunk(name: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let padding = &[0][..data.len() % 2];
    [&name[..], &(data.len() as u32).to_le_bytes(), data, padding].concat()
}

/// Exif as a camera writes it: an orientation, a make, a place, and text behind them.
fn camera_tags(orientation: u8) -> Vec<u8> {
    let mut block = b"II*\0\x08\0\0\0\x03\0".to_vec();
    block.extend([0x0F, 1, 2, 0, CANARY.len() as u8, 0, 0, 0, 50, 0, 0, 0]);
    block.extend([0x12, 1, 3, 0, 1, 0, 0, 0, orientation, 0, 0, 0]);
    block.extend([0x25, 0x88, 4, 0, 1, 0, 0, 0, 81, 0, 0, 0]);
    block.extend([0; 4]);
    block.extend(CANARY);
    block
}

/// A picture with these parts behind its first two bytes, its header chunk, or its coded picture.
fn with_parts(picture: &[u8], parts: &[Vec<u8>]) -> Vec<u8> {
    match detect_kind(picture).unwrap() {
        PictureKind::Jpeg => [&picture[..2], &parts.concat(), &picture[2..]].concat(),
        PictureKind::Png => [&picture[..33], &parts.concat(), &picture[33..]].concat(),
        PictureKind::WebP => [picture, &parts.concat()].concat(),
    }
}

fn with_orientation(picture: &[u8], orientation: u8) -> Vec<u8> {
    let block = camera_tags(orientation);
    let part = match detect_kind(picture).unwrap() {
        PictureKind::Jpeg => segment(0xE1, &[&b"Exif\0\0"[..], &block].concat()),
        PictureKind::Png => png_chunk(b"eXIf", &block),
        PictureKind::WebP => webp_chunk(b"EXIF", &block),
    };
    with_parts(picture, &[part])
}

#[test]
fn pixels_stay_the_same_bit_for_bit() {
    for picture in pictures() {
        let rebuilt = rebuild(&picture);
        assert_eq!(pixels(&rebuilt), pixels(&picture));
        assert_eq!(rebuild(&rebuilt), rebuilt, "a rebuilt picture stays as it is");
    }
}

#[test]
fn s52_every_orientation_is_kept_and_no_other_tag() {
    for picture in pictures() {
        for orientation in 1..=8 {
            let sent = with_orientation(&picture, orientation);
            let rebuilt = rebuild_picture(&sent).unwrap();
            assert!(!has(&rebuilt.bytes, CANARY) && !has(&rebuilt.bytes, b"II*\0"));
            let turned = Orientation::from_exif(orientation);
            assert_eq!(rebuilt.tags.orientation, turned);
            let (before, after) = (decode_photo(&sent, 100).unwrap(), decode_photo(&rebuilt.bytes, 100).unwrap());
            assert_eq!((after.width, after.height, after.image), (before.width, before.height, before.image));
            // Another reader sees it too.
            let reader = ImageReader::new(Cursor::new(&rebuilt.bytes)).with_guessed_format().unwrap();
            assert_eq!(Some(reader.into_decoder().unwrap().orientation().unwrap()), turned, "{:?}", rebuilt.kind);
        }
    }
}

#[test]
fn s52_segments_that_draw_nothing_are_left_out() {
    let gps = [&b"Exif\0\0"[..], &camera_tags(1)].concat();
    let parts: Vec<_> = [
        (0xE0, &b"JFIF\0\x01\x02\0\0\x01\0\x01\x03\x03"[..]),
        (0xE0, b"JFXX\0\x10"),
        (0xE1, &gps),
        (0xE1, b"http://ns.adobe.com/xap/1.0/\0"),
        (0xE1, b"http://ns.adobe.com/xmp/extension/\0"),
        (0xE2, b"MPF\0MM\0*"),
        (0xE2, b"ICC_PROFILE\0\x01\x01"),
        (0xED, b"Photoshop 3.0\08BIM\x04\x04"),
        (0xEE, b"other\0"),
        (0xEF, b""),
        (0xFE, b""),
    ]
    .into_iter()
    .map(|(marker, data)| segment(marker, &[data, CANARY].concat()))
    .collect();
    for name in JPEGS {
        let picture = coded(name);
        let sent = with_parts(&picture, &parts);
        let rebuilt = rebuild(&sent);
        for left_out in [CANARY, b"Exif", b"ns.adobe.com", b"8BIM", b"MPF", b"ICC_PROFILE", b"JFXX"] {
            assert!(!has(&rebuilt, left_out), "{name}: {left_out:?}");
        }
        assert_eq!(pixels(&rebuilt), pixels(&picture), "{name}");
    }
}

#[test]
fn s50_bytes_between_scans_and_behind_the_end_are_left_out() {
    for name in JPEGS {
        let picture = coded(name);
        let zip = [&b"PK\x03\x04"[..], CANARY, b"PK\x05\x06"].concat();
        for behind in [CANARY, &zip, &picture, &with_parts(&picture, &[segment(0xFE, CANARY)])] {
            assert_eq!(rebuild(&[&picture[..], behind].concat()), rebuild(&picture), "{name}");
        }
        // Stray bytes and comments before every marker behind coded pixels.
        let first = picture.windows(2).position(|pair| pair == [0xFF, 0xDA]).unwrap();
        let mut sent = picture[..first + 2].to_vec();
        for (place, byte) in picture.iter().enumerate().skip(first + 2) {
            let next = picture.get(place + 1).copied().unwrap_or_default();
            if *byte == 0xFF && matches!(next, 0xC4 | 0xD9 | 0xDA) && place > first + 20 {
                sent.extend([CANARY, &segment(0xFE, CANARY), &segment(0xE1, CANARY)].concat());
            }
            sent.push(*byte);
        }
        let rebuilt = rebuild(&sent);
        assert!(has(&sent, CANARY) && !has(&rebuilt, CANARY), "{name}");
        assert_eq!(rebuilt, rebuild(&picture), "{name}");
    }
}

#[test]
fn tables_that_no_scan_uses_are_left_out() {
    let picture = coded("baseline-420.jpg");
    let unused = [&[3][..], &[b'q'; 64], &[0], &[b'r'; 64]].concat();
    let codes = [&[0x13][..], &[0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], b"s"].concat();
    let sent = with_parts(&picture, &[segment(0xDB, &unused), segment(0xC4, &codes), segment(0xDD, &[0, 0])]);
    assert_eq!(rebuild(&sent), rebuild(&picture), "the table in slot 0 is replaced before it is used");
}

#[test]
fn s52_chunks_of_a_png_that_draw_nothing_are_left_out() {
    for picture in pngs() {
        let names = [b"tEXt", b"zTXt", b"iTXt", b"iCCP", b"tIME", b"acTL", b"fcTL", b"caNb", b"gAMA", b"tRNS", b"sPLT"];
        let parts: Vec<_> = names.iter().map(|name| png_chunk(name, CANARY)).collect();
        let mut sent = with_parts(&picture, &parts);
        let end = sent.len() - 12;
        sent.splice(end..end, [png_chunk(b"tEXt", CANARY), png_chunk(b"fdAT", CANARY)].concat());
        sent.extend(CANARY);
        assert_eq!(rebuild(&sent), rebuild(&picture));
        // Chunks of pixels behind the end of the pixels.
        sent.splice(end..end, png_chunk(b"IDAT", CANARY));
        assert_eq!(rebuild(&sent), rebuild(&picture));
    }
}

#[test]
fn chunks_of_a_png_that_draw_it_are_kept() {
    let picture = png(::png::ColorType::Rgb, ::png::BitDepth::Eight);
    let drawing = [
        png_chunk(b"gAMA", &[0, 0, 0xB1, 0x8F]),
        png_chunk(b"cHRM", &[7; 32]),
        png_chunk(b"sRGB", &[0]),
        png_chunk(b"sBIT", &[8, 8, 8]),
        png_chunk(b"pHYs", &[0, 0, 1, 0, 0, 0, 2, 0, 0]),
    ];
    let rebuilt = rebuild(&with_parts(&picture, &drawing));
    assert!(has(&rebuilt, &drawing.concat()));
    assert_eq!(rebuild(&with_parts(&picture, &[drawing.concat(), drawing.concat()])), rebuilt, "each once");
}

#[test]
fn more_coded_pixels_than_a_png_has_are_refused() {
    let mut picture = png(::png::ColorType::Rgb, ::png::BitDepth::Eight);
    // One row less than there are pixels for.
    picture[23] -= 1;
    let header = png_chunk(b"IHDR", &picture[16..29]);
    picture.splice(8..33, header);
    assert_eq!(rebuild_picture(&picture).unwrap_err(), PictureRefusal::Damaged);
}

#[test]
fn s52_chunks_of_a_webp_that_draw_nothing_are_left_out() {
    for name in WEBPS {
        let picture = coded(name);
        let parts = [b"EXIF", b"XMP ", b"ICCP", b"junk"].map(|chunk| webp_chunk(chunk, CANARY));
        let sent = [with_parts(&picture, &parts), CANARY.to_vec()].concat();
        let rebuilt = rebuild(&sent);
        assert!(!has(&rebuilt, CANARY), "{name}");
        assert_eq!(pixels(&rebuilt), pixels(&picture), "{name}");
        assert_eq!(u32::from_le_bytes(rebuilt[4..8].try_into().unwrap()) as usize + 8, rebuilt.len());
    }
    assert_eq!(rebuild(&coded("animated.webp")).windows(4).filter(|name| *name == b"ANMF").count(), 1);
}

#[test]
fn picture_that_is_cut_off_is_refused() {
    for picture in pictures() {
        for kept in 0..picture.len() - 2 {
            let is_refused = match rebuild_picture(&picture[..kept]) {
                Ok(rebuilt) => rebuilt.check_decoding().is_err(),
                Err(_) => true,
            };
            // The second picture of an animation does not count.
            let is_animated = has(&picture, b"ANIM") && kept > picture.len() / 2 - 10;
            assert!(is_refused || is_animated, "{kept} of {}", picture.len());
        }
    }
}

#[test]
fn only_scans_of_all_values_are_not_decoded_again() {
    for name in JPEGS {
        let rebuilt = rebuild_picture(&coded(name)).unwrap();
        assert_eq!(rebuilt.is_followed, !name.contains("progressive"), "{name}");
        assert_eq!(rebuilt.check_decoding(), Ok(()), "{name}");
    }
    for picture in pngs() {
        assert!(!rebuild_picture(&picture).unwrap().is_followed);
    }
}

#[test]
fn picture_without_a_table_is_refused() {
    let whole = coded("grey.jpg");
    let at = whole.windows(2).position(|pair| pair == b"\xFF\xDB").unwrap();
    let length = usize::from(u16::from_be_bytes([whole[at + 2], whole[at + 3]]));
    let without = [&whole[..at], &whole[at + 2 + length..]].concat();
    assert!(rebuild_picture(&without).unwrap().check_decoding().is_err());
}

proptest! {
    #[test]
    fn s50_random_bytes_between_parts_never_survive(
        index in 0..17_usize,
        bytes in proptest::collection::vec(any::<u8>(), 16..400),
        number in 0..3_usize,
    ) {
        let picture = pictures().swap_remove(index);
        let part = match detect_kind(&picture).unwrap() {
            PictureKind::Jpeg => segment([0xE0, 0xED, 0xFE][number], &bytes),
            PictureKind::Png => png_chunk([b"zTXt", b"prVt", b"fdAT"][number], &bytes),
            PictureKind::WebP => webp_chunk([b"XMP ", b"ICCP", b"prVt"][number], &bytes),
        };
        let sent = [with_parts(&picture, &[part]), bytes].concat();
        prop_assert_eq!(rebuild(&sent), rebuild(&picture));
    }

    #[test]
    fn any_damage_is_refused_or_rebuilt_without_panic(
        index in 0..17_usize,
        at in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
    ) {
        let mut picture = pictures().swap_remove(index);
        let at = at.index(picture.len());
        let end = picture.len().min(at + bytes.len());
        picture.splice(at..end, bytes);
        if let Ok(rebuilt) = rebuild_picture(&picture) {
            prop_assert_eq!(rebuild(&rebuilt.bytes), &rebuilt.bytes[..]);
            // What is not decoded again would have decoded.
            prop_assert!(rebuilt.check_decoding().is_err() || decode_photo(&rebuilt.bytes, 16).is_ok());
        }
    }
}
