use std::io::Cursor;

use image::{ImageFormat, Rgb};
use proptest::prelude::*;

use super::*;

fn picture(width: u32, height: u32, format: ImageFormat) -> Vec<u8> {
    let image = RgbImage::from_fn(width, height, |x, _| Rgb([if x < width / 2 { 255 } else { 0 }, 0, 0]));
    let mut bytes = Cursor::new(Vec::new());
    image.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// An Exif block (APP1): turned by a quarter, a make, and a program.
fn exif() -> Vec<u8> {
    let tiff = [
        &b"MM\0*\0\0\0\x08\0\x03"[..],
        b"\x01\x0F\0\x02\0\0\0\x04Abc\0",
        b"\x01\x12\0\x03\0\0\0\x01\0\x06\0\0",
        b"\x01\x31\0\x02\0\0\0\x0F\0\0\0\x32",
        b"\0\0\0\0Adobe \x07Editor\0\0",
    ]
    .concat();
    let body = [&b"Exif\0\0"[..], &tiff].concat();
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&b"\xFF\xE1"[..], &length, &body].concat()
}

fn xmp() -> Vec<u8> {
    let body = b"http://ns.adobe.com/xap/1.0/\0<rdf:Description xmp:CreatorTool=\"GIMP 2.10\"/>";
    let length = u16::try_from(body.len() + 2).unwrap().to_be_bytes();
    [&b"\xFF\xE1"[..], &length, body].concat()
}

/// The picture with segments behind its first two bytes.
fn with_segments(jpeg: &[u8], segments: &[Vec<u8>]) -> Vec<u8> {
    [&jpeg[..2], &segments.concat(), &jpeg[2..]].concat()
}

#[test]
fn every_picture_kind_is_detected_and_scaled() {
    for (format, expected) in [
        (ImageFormat::Jpeg, PictureKind::Jpeg),
        (ImageFormat::Png, PictureKind::Png),
        (ImageFormat::WebP, PictureKind::WebP),
    ] {
        let bytes = picture(600, 300, format);
        assert_eq!(read_size(&bytes), Ok((expected, 600, 300)));
        let photo = decode_photo(&bytes, 200).unwrap();
        assert_eq!((photo.width, photo.height, photo.kind), (600, 300, expected));
        assert_eq!(photo.image.dimensions(), (200, 100));
        let (left, right) = (photo.image.get_pixel(50, 50), photo.image.get_pixel(150, 50));
        assert!(left[0] > 250 && right[0] < 5 && left[1] < 5, "{expected:?}");
        assert_eq!(super::decode_photo(&bytes, 1_000).unwrap().image.dimensions(), (600, 300), "never scaled up");
    }
    assert_eq!(read_size(b"GIF89a..........."), Err(PictureRefusal::Unknown));
    assert_eq!(decode_photo(b"", 100).unwrap_err(), PictureRefusal::Unknown);
}

#[test]
fn camera_tags_are_applied_and_reported() {
    let plain = picture(64, 32, ImageFormat::Jpeg);
    let photo = decode_photo(&with_segments(&plain, &[exif(), xmp()]), 2_048).unwrap();
    assert_eq!(photo.image.dimensions(), (32, 64), "upright");
    assert_eq!((photo.width, photo.height), (32, 64));
    assert!(photo.image.get_pixel(16, 8)[0] > 250, "what was left is up");
    assert!(photo.tags.camera);
    assert_eq!(photo.tags.software.as_deref(), Some("Adobe Editor; GIMP 2.10"));
    assert_eq!(super::decode_photo(&plain, 2_048).unwrap().tags, Tags::default());
}

#[test]
fn png_software_tag_is_read() {
    let plain = picture(64, 32, ImageFormat::Png);
    let text = b"tEXtSoftware\0Paint";
    let chunk = [&14_u32.to_be_bytes()[..], text, b"\0\0\0\0"].concat();
    // Behind the signature and the header. Texts are not read by the decoder, so that their checksum does not matter.
    let bytes = [&plain[..33], &chunk, &plain[33..]].concat();
    assert_eq!(
        super::decode_photo(&bytes, 100).map(|photo| photo.tags.software).ok().flatten().as_deref(),
        Some("Paint")
    );
}

#[test]
fn every_kind_of_png_is_decoded_interlaced_or_not() {
    for (colour, depth) in [
        (::png::ColorType::Grayscale, ::png::BitDepth::One),
        (::png::ColorType::GrayscaleAlpha, ::png::BitDepth::Eight),
        (::png::ColorType::Rgb, ::png::BitDepth::Sixteen),
        (::png::ColorType::Rgba, ::png::BitDepth::Sixteen),
        (::png::ColorType::Indexed, ::png::BitDepth::Four),
    ] {
        let mut bytes = Vec::new();
        let mut encoder = ::png::Encoder::new(&mut bytes, 40, 20);
        encoder.set_color(colour);
        encoder.set_depth(depth);
        if colour == ::png::ColorType::Indexed {
            encoder.set_palette(vec![255; 48]);
        }
        let mut writer = encoder.write_header().unwrap();
        let row = colour.samples() * depth as usize * 40;
        writer.write_image_data(&vec![0x11; row.div_ceil(8) * 20]).unwrap();
        writer.finish().unwrap();
        assert_eq!(decode_photo(&bytes, 20).unwrap().image.dimensions(), (20, 10), "{colour:?} {depth:?}");
        let cut = &bytes[..bytes.len() - 30];
        assert_eq!(decode_photo(cut, 20).unwrap_err(), PictureRefusal::Damaged, "{colour:?} {depth:?}");
    }
}

#[test]
fn size_limits_apply_before_decoding() {
    let mut png = picture(8, 8, ImageFormat::Png);
    png[16..24].copy_from_slice(&[0, 0, 0x30, 0, 0, 0, 0x20, 0]);
    assert_eq!(read_size(&png), Err(PictureRefusal::TooLarge { width: 0x3000, height: 0x2000 }));
    png[16..24].copy_from_slice(&[0, 0, 0x1F, 0, 0, 0, 0x1F, 0]);
    assert_eq!(
        read_size(&png),
        Err(PictureRefusal::TooLarge { width: 0x1F00, height: 0x1F00 }),
        "more than 50 megapixels"
    );
    png[16..24].copy_from_slice(&[0, 0, 0x1B, 0, 0, 0, 0x1B, 0]);
    assert_eq!(decode_photo(&png, 100).unwrap_err(), PictureRefusal::Hollow);
    png[16..24].copy_from_slice(&[0, 0, 0, 0, 0, 0, 0, 8]);
    assert_eq!(read_size(&png), Err(PictureRefusal::Damaged));
}

#[test]
fn large_canvas_of_one_colour_is_a_bomb() {
    let flat = RgbImage::from_pixel(7_000, 7_000, Rgb([120, 90, 200]));
    for format in [ImageFormat::Png, ImageFormat::WebP, ImageFormat::Jpeg] {
        let mut bytes = Cursor::new(Vec::new());
        flat.write_to(&mut bytes, format).unwrap();
        assert_eq!(decode_photo(bytes.get_ref(), 100).unwrap_err(), PictureRefusal::Hollow, "{format:?}");
    }
}

#[test]
fn truncated_jpeg_is_damaged() {
    let whole = picture(64, 64, ImageFormat::Jpeg);
    for kept in [whole.len() / 2, whole.len() - 20, 30] {
        assert_eq!(decode_photo(&whole[..kept], 100).unwrap_err(), PictureRefusal::Damaged, "{kept}");
    }
}

proptest! {
    #[test]
    fn any_bytes_decode_without_panic(start in 0_usize..3, mut rest in proptest::collection::vec(any::<u8>(), 0..400)) {
        let starts: [&[u8]; 3] =
            [b"\xFF\xD8\xFF\xE1\0\x40Exif\0\0MM\0*\0\0\0\x08", b"\x89PNG\r\n\x1A\n\0\0\0\x0DIHDR\0\0", b"RIFF\0\0\0\0WEBPVP8X"];
        let mut bytes = starts[start].to_vec();
        bytes.append(&mut rest);
        let _ = decode_photo(&bytes, 64);
    }

    #[test]
    fn any_tags_parse_without_panic(block in proptest::collection::vec(any::<u8>(), 0..200), directory in 0_u8..40) {
        let mut tags = Tags::default();
        tags.add_exif(&[&b"II*\0"[..], &[directory, 0, 0, 0], &block].concat());
        tags.add_xmp(&[&b"CreatorTool>"[..], &block].concat());
        prop_assert!(tags.software.is_none_or(|name| name.chars().count() <= 64));
    }
}
