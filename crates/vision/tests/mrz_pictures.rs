//! Zones from pictures. The pictures are ICAO 9303's specimens drawn in OCR-B: a free font and no real documents.

use std::path::Path;

use image::{DynamicImage, RgbImage, imageops};
use vision::InferenceThreads;
use vision::mrz::ZoneFormat;
use vision::text::TextReader;
use vision::zone::FoundZone;

fn picture(name: &str) -> RgbImage {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/pictures").join(format!("zone-{name}.png"));
    image::open(path).expect("the test's own picture").to_rgb8()
}

fn reader() -> TextReader {
    TextReader::new(None, &InferenceThreads::new(2)).expect("the embedded weights")
}

fn zone(reader: &TextReader, picture: &RgbImage) -> Option<FoundZone> {
    reader.read_zone(picture).expect("networks that run")
}

#[test]
fn specimen_of_every_format_is_read_with_right_digits() {
    let reader = reader();
    let formats = [
        ("td1", ZoneFormat::Td1),
        ("td2", ZoneFormat::Td2),
        ("td3", ZoneFormat::Td3),
        ("mrv-a", ZoneFormat::MrvA),
        ("mrv-b", ZoneFormat::MrvB),
    ];
    for (name, format) in formats {
        let found = zone(&reader, &picture(name)).unwrap_or_else(|| panic!("no zone in {name}"));
        assert!(found.zone.is_valid() && found.confidence > 0.8, "{found:?}");
        assert_eq!(found.zone.format, format);
        assert_eq!((found.zone.surname.as_str(), found.zone.given_names.as_str()), ("ERIKSSON", "ANNA MARIA"));
    }
}

#[test]
fn zone_with_another_document_code_is_read_as_printed() {
    let reader = reader();
    for (name, lines, number) in [
        ("code-me", ["MED<<T220001293<<<<<<<<<<<<<<<", "9506228M2903013SYR<<<<<<<<<<<8"], "T22000129"),
        ("code-me-10", ["MED<<T22000012<99<<<<<<<<<<<<<", "9506228M2903013SYR<<<<<<<<<<<6"], "T220000129"),
        ("code-mp-11", ["MPUTOT4NWGZKLM<P18<<<<<<<<<<<<", "8911263F2907136SYR<<<<<<<<<<<2"], "T4NWGZKLMP1"),
        ("code-rp", ["RPESTBB0123456538001010009<<<<", "8001014M2903013UKR<<<<<<<<<<<0"], "BB0123456"),
        ("code-l", ["L<UNOAB12345671<<<<<<<<<<<<<<<", "8809140F3203134NLD<<<<<<<<<<<6"], "AB1234567"),
        ("code-d1", ["D1NLD5123456789<<<<<<<<<<<<<<<", "8809140F3203134NLD<<<<<<<<<<<0"], "512345678"),
    ] {
        let found = zone(&reader, &picture(name)).unwrap_or_else(|| panic!("no zone in {name}"));
        assert!(found.zone.is_valid(), "{name}: {found:?}");
        assert_eq!(
            (&found.zone.lines[..2], found.zone.document_number.as_str()),
            (&lines.map(String::from)[..], number)
        );
    }
}

#[test]
fn french_zones_are_read_and_others_are_reported() {
    let reader = reader();
    for (name, format, number) in [
        ("fr-card", ZoneFormat::FrenchCard, "210375013579"),
        ("fr-card-plain", ZoneFormat::FrenchCard, "210375013579"),
        ("fr-licence", ZoneFormat::FrenchLicence, "13AB12345"),
    ] {
        let found = zone(&reader, &picture(name)).unwrap_or_else(|| panic!("no zone in {name}"));
        assert!(found.zone.is_valid(), "{name}: {found:?}");
        assert_eq!(
            (found.zone.format, found.zone.document_number.as_str(), found.zone.surname.as_str()),
            (format, number, "MOREL")
        );
    }
    let page = reader.read_page(&picture("ch-licence")).expect("networks that run");
    assert!(page.zone.is_none() && page.has_unread_zone, "{:?}", page.zone);
    assert!(!reader.read_page(&picture("no-zone")).expect("networks that run").has_unread_zone);
}

#[test]
fn turned_blurred_or_small_picture_is_read() {
    let reader = reader();
    let upright = picture("td3");
    let turned = DynamicImage::ImageRgb8(upright.clone());
    let cases = [
        ("90°", turned.rotate90().to_rgb8()),
        ("180°", turned.rotate180().to_rgb8()),
        ("270°", turned.rotate270().to_rgb8()),
        ("blurred", imageops::blur(&upright, 1.5)),
        ("small", imageops::resize(&upright, 500, 350, imageops::FilterType::Triangle)),
        ("faint", imageops::contrast(&upright, -60.0)),
    ];
    for (how, picture) in cases {
        let found = zone(&reader, &picture).unwrap_or_else(|| panic!("no zone when {how}"));
        assert!(found.zone.is_valid(), "{how}: {found:?}");
    }
}

#[test]
fn zone_corners_begin_at_the_start_of_its_text() {
    let reader = reader();
    let upside_down = imageops::rotate180(&picture("td3"));
    let corners = zone(&reader, &upside_down).expect("a zone").corners;
    // The first character of the first line is near the lower right of the zone, which is now at the top.
    assert!(corners[0].0 > 900.0 && corners[1].0 < 100.0, "{corners:?}");
    assert!(corners[0].1 > corners[3].1 && corners[0].1 < 250.0, "{corners:?}");
}

#[test]
fn wrong_printed_digit_is_reported_and_not_corrected() {
    let found = zone(&reader(), &picture("wrong-digit")).expect("a zone");
    let failed: Vec<_> = found.zone.checks.iter().filter(|check| !check.passed).map(|check| check.field).collect();
    assert_eq!(failed, ["composite"]);
    assert!(found.zone.lines[1].ends_with("18"), "{:?}", found.zone.lines);
}

#[test]
fn long_lines_of_capitals_are_not_a_zone() {
    let reader = reader();
    let page = reader.read_page(&picture("no-zone")).expect("networks that run");
    assert!(page.zone.is_none(), "{:?}", page.zone);
    let text: Vec<&str> = page.lines.iter().map(|line| line.text.as_str()).collect();
    assert!(text.iter().any(|line| line.contains("ERIKSSON")), "{text:?}");
    assert!(text.iter().any(|line| line.contains("NOBODY")), "{text:?}");
    assert!(page.lines.windows(2).all(|pair| pair[0].corners[0].1 <= pair[1].corners[0].1 + 20.0));
}

#[test]
fn empty_and_tiny_pictures_have_no_zone() {
    let reader = reader();
    for (width, height) in [(1, 1), (3, 400), (0, 0)] {
        assert!(reader.read_page(&RgbImage::new(width, height)).expect("networks that run").lines.is_empty());
    }
}

/// The picture with a thumb over the first characters of all the zone's lines.
fn covered(picture: &RgbImage, found: &FoundZone, characters: f32) -> RgbImage {
    let [start, end, _, below_start] = found.corners;
    let wide = (end.0 - start.0) / found.zone.format.column_count() as f32 * characters;
    let (left, top, bottom) = (start.0 - 20.0, start.1 - 20.0, below_start.1 + 20.0);
    RgbImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (across, down) = (x as f32, y as f32);
        let thumb = (left..start.0 + wide).contains(&across) && (top..bottom).contains(&down);
        if thumb { image::Rgb([205, 160, 130]) } else { *picture.get_pixel(x, y) }
    })
}

#[test]
fn covered_characters_are_not_invented() {
    let reader = reader();
    for name in ["td1", "td2", "td3", "mrv-a", "mrv-b"] {
        let picture = picture(name);
        let whole = zone(&reader, &picture).expect("a zone");
        for characters in [1.2, 1.5, 1.8, 2.2] {
            let found = zone(&reader, &covered(&picture, &whole, characters));
            assert!(!found.as_ref().is_some_and(|found| found.zone.is_valid()), "{name}, {characters}: {found:?}");
        }
    }
}
