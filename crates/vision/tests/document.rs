//! Whole documents, from picture bytes to findings, with the real engines.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::io::Cursor;
use std::path::Path;
use std::sync::LazyLock;

use image::{ImageFormat, Rgb, RgbImage, imageops};
use vision::InferenceThreads;
use vision::document::{Authenticity, Date, DocumentEngines, DocumentReading, FieldSource, ReadFields, read_document};
use vision::face::FaceEngine;
use vision::finding::Outcome;
use vision::intake::{Photo, decode_photo};
use vision::text::TextReader;

static ENGINES: LazyLock<(TextReader, FaceEngine)> = LazyLock::new(|| {
    let threads = InferenceThreads::new(2);
    (TextReader::new(None, &threads).unwrap(), FaceEngine::new(None, &threads).unwrap())
});

fn read_both(front: &Photo, back: Option<&Photo>) -> DocumentReading {
    let engines = DocumentEngines { text: &ENGINES.0, faces: &ENGINES.1 };
    read_document(&engines, front, back, Date::new(2026, 6, 15).unwrap()).unwrap()
}

/// One of the drawn specimens of Utopia that the service's own tests use.
fn specimen(name: &str) -> Photo {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    decode_photo(&std::fs::read(folder.join(name)).unwrap(), 2_600).unwrap()
}

fn drawn(picture: &RgbImage) -> Photo {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).unwrap();
    decode_photo(&bytes.into_inner(), 2_600).unwrap()
}

fn outcome(document: &DocumentReading, code: &str) -> Outcome {
    document.findings.iter().find(|finding| finding.code == code).unwrap().outcome
}

fn failed(document: &DocumentReading) -> Vec<&'static str> {
    document.findings.iter().filter(|finding| finding.outcome == Outcome::Fail).map(|finding| finding.code).collect()
}

#[test]
fn passport_picture_is_read_and_print_agrees_with_zone() {
    let document = read_both(&specimen("passport.jpg"), None);
    let fields = &document.fields;
    assert_eq!((document.source, fields.document_type.as_str()), (FieldSource::Mrz, "passport"));
    assert_eq!(fields.name, "JANE MARIE SPECIMEN");
    assert_eq!((fields.document_number.as_str(), fields.issuing_state.as_str()), ("A12345678", "UTO"));
    assert_eq!(fields.date_of_birth, Date::new(1990, 1, 15));
    assert_eq!(outcome(&document, "mrz_check_digits"), Outcome::Pass);
    assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Pass);
    assert_eq!(failed(&document), Vec::<&str>::new());
    // A specimen of a made-up state agrees with itself but is not a real document.
    assert_eq!(outcome(&document, "specimen"), Outcome::Warn);
    assert_eq!(document.authenticity, Authenticity::Authentic);
    assert!(document.portrait.is_some());
}

#[test]
fn turned_page_is_read_like_the_upright_one() {
    let upright = specimen("passport.jpg");
    let expected = read_both(&upright, None);
    let portrait = expected.portrait.as_ref().unwrap();
    let turned = [
        ("right", imageops::rotate90(&upright.image)),
        ("upside down", imageops::rotate180(&upright.image)),
        ("left", imageops::rotate270(&upright.image)),
    ];
    for (how, image) in turned {
        let document = read_both(&drawn(&image), None);
        assert_eq!(document.fields, expected.fields, "{how}");
        let outcomes = |document: &DocumentReading| -> Vec<_> {
            document.findings.iter().map(|finding| (finding.code, finding.outcome)).collect()
        };
        assert_eq!(outcomes(&document), outcomes(&expected), "{how}");
        let found = document.portrait.unwrap_or_else(|| panic!("no portrait when turned {how}"));
        assert!(found.embedding.similarity(&portrait.embedding) > 0.95, "{how}");
    }
}

#[test]
fn portrait_without_text_is_found_in_any_direction() {
    let portrait = specimen("portrait.jpg").image;
    let upright = read_both(&drawn(&portrait), None).portrait.unwrap().embedding;
    let (right, half) = (imageops::rotate90(&portrait), imageops::rotate180(&portrait));
    for (how, image) in [("right", right), ("upside down", half), ("left", imageops::rotate270(&portrait))] {
        let document = read_both(&drawn(&image), None);
        assert_ne!(document.authenticity, Authenticity::Authentic);
        let found = document.portrait.unwrap_or_else(|| panic!("no portrait when turned {how}"));
        assert!(found.embedding.similarity(&upright) > 0.95, "{how}");
    }
}

#[test]
fn small_and_dark_page_is_read() {
    let page = specimen("passport.jpg").image;
    let resized = |width: u32| {
        imageops::resize(&page, width, page.height() * width / page.width(), imageops::FilterType::Triangle)
    };
    let mut dark = resized(800);
    dark.iter_mut().for_each(|level| *level = (u32::from(*level) * 12 / 100) as u8);
    for (how, image) in
        [("small", resized(600)), ("small, upside down", imageops::rotate180(&resized(600))), ("dark", dark)]
    {
        let document = read_both(&drawn(&image), None);
        assert_eq!(
            (document.source, document.fields.document_number.as_str()),
            (FieldSource::Mrz, "A12345678"),
            "{how}"
        );
        assert!(document.portrait.is_some(), "{how}");
    }
}

#[test]
fn card_picture_is_read_and_foreign_back_is_detected() {
    let (front, back) = (specimen("id-front.jpg"), specimen("id-back.jpg"));
    let document = read_both(&front, Some(&back));
    assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Pass);
    assert_eq!(outcome(&document, "sides_match"), Outcome::Pass);
    assert_eq!(failed(&document), Vec::<&str>::new());
    let document = read_both(&specimen("passport.jpg"), Some(&back));
    assert_eq!(outcome(&document, "sides_match"), Outcome::Fail);
    assert_eq!(document.authenticity, Authenticity::Suspicious);
}

#[test]
fn pictures_without_a_document_are_unknown() {
    for picture in [RgbImage::new(1, 1), RgbImage::new(3, 900), RgbImage::from_pixel(600, 400, Rgb([200, 190, 180]))] {
        let document = read_both(&drawn(&picture), None);
        assert_eq!((document.source, document.authenticity), (FieldSource::Nothing, Authenticity::Unknown));
        assert_eq!(document.fields, ReadFields::default());
        assert_eq!(outcome(&document, "portrait_present"), Outcome::Fail);
    }
}
