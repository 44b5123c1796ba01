mod anything;

use super::*;
use crate::aamva::{self, License, LicenseAddress};
use crate::face::{FaceBox, Pose};
use crate::finding::Outcome;
use crate::mrz;
use crate::quality::{DocumentFraming, Quality};
use crate::text::TextLine;

pub(super) fn day(year: u16, month: u8, day: u8) -> Date {
    Date::new(year, month, day).unwrap()
}

pub(super) fn today() -> Date {
    day(2010, 6, 15)
}

/// The specimen of ICAO 9303 part 4, of a state that exists: no check digit covers that.
pub(super) fn passport_zone() -> [&'static str; 2] {
    ["P<SWEERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36SWE7408122F1204159ZE184226B<<<<<10"]
}

pub(super) fn found(lines: &[&str], confidence: f32) -> FoundZone {
    let corners = [(100.0, 800.0), (1_300.0, 800.0), (1_300.0, 900.0), (100.0, 900.0)];
    FoundZone { zone: mrz::parse_zone(lines).unwrap(), confidence, corners }
}

pub(super) fn license(surname: &str, given_names: &str, number: &str, birth: aamva::LicenseDate) -> License {
    License {
        surname: surname.to_owned(),
        given_names: given_names.to_owned(),
        document_number: number.to_owned(),
        date_of_birth: Some(birth),
        expiry: Some((2012, 4, 15)),
        issued: Some((2007, 4, 15)),
        sex: aamva::LicenseSex::Female,
        country: Some("USA".to_owned()),
        jurisdiction: Some("CA"),
        address: LicenseAddress {
            street: Some("123 MAIN STREET".to_owned()),
            city: Some("SACRAMENTO".to_owned()),
            state: Some("CA".to_owned()),
            postal_code: Some("95814".to_owned()),
            ..LicenseAddress::default()
        },
        compliant: None,
        version: 9,
        has_no_expiry: false,
        are_names_cut: false,
        is_stripe: false,
    }
}

pub(super) fn line(text: &str, left: f32, top: f32, height: f32) -> TextLine {
    let right = left + text.chars().count() as f32 * height * 0.6;
    let bottom = top + height;
    TextLine {
        text: text.to_owned(),
        score: 0.98,
        corners: [(left, top), (right, top), (right, bottom), (left, bottom)],
    }
}

pub(super) fn good_quality() -> Quality {
    Quality {
        sharpness: 1.0,
        glare: 0.0,
        brightness: 0.6,
        contrast: 0.6,
        resolution: 1_200,
        framing: DocumentFraming::Whole,
        screen: 0.1,
        editor: None,
    }
}

pub(super) fn face(width: f32, is_other_person: bool) -> SideFace {
    let region = FaceBox { left: 100.0, top: 200.0, width, height: width * 1.2 };
    let face = Face {
        region,
        score: 0.99,
        pose: Pose { yaw: 0.0, pitch: 0.0, roll: 0.0 },
        eye_distance: width * 0.4,
        landmarks: Vec::new(),
        landmark_score: 1.0,
    };
    SideFace { face, embedding: Some(Embedding::of_one_number()), is_other_person }
}

fn side(lines: Vec<TextLine>) -> DocumentSide {
    DocumentSide {
        lines,
        zone: None,
        has_unread_zone: false,
        barcode: ReadBarcode::None,
        faces: Vec::new(),
        quality: good_quality(),
        resolution: 1_200,
        eyes: None,
    }
}

/// Labels with their values below them, a field every 60 pixels.
fn column(fields: &[(&str, &str)]) -> Vec<TextLine> {
    let mut top = 100.0;
    let mut lines = Vec::new();
    for (label, value) in fields {
        lines.push(line(label, 500.0, top, 14.0));
        lines.push(line(value, 500.0, top + 16.0, 24.0));
        top += 60.0;
    }
    lines
}

const PASSPORT: [(&str, &str); 6] = [
    ("Passport No./No du passeport", "L898902C3"),
    ("Surname/Nom", "ERIKSSON"),
    ("Given names/Prénoms", "ANNA MARIA"),
    ("Date of birth/Date de naissance", "12 AUG/AOUT 1974"),
    ("Date of expiry/Date d'expiration", "15 APR/AVR 2012"),
    ("Nationality/Nationalité", "SWEDISH"),
];

fn passport_with(fields: &[(&str, &str)]) -> DocumentSide {
    let mut lines = column(fields);
    lines.extend([line(passport_zone()[0], 100.0, 810.0, 30.0), line(passport_zone()[1], 100.0, 860.0, 30.0)]);
    DocumentSide { zone: Some(found(&passport_zone(), 0.98)), faces: vec![face(200.0, false)], ..side(lines) }
}

/// A passport's page without a back, as the engines read it.
pub(super) fn passport_sides() -> SidesReading {
    SidesReading { front: passport(), back: None }
}

fn passport() -> DocumentSide {
    passport_with(&PASSPORT)
}

/// The passport with one printed value changed.
fn altered(label: &str, value: &'static str) -> DocumentSide {
    let fields: Vec<(&str, &str)> =
        PASSPORT.iter().map(|(known, own)| (*known, if known.starts_with(label) { value } else { own })).collect();
    passport_with(&fields)
}

fn outcome(document: &DocumentReading, code: &str) -> Outcome {
    document.findings.iter().find(|finding| finding.code == code).unwrap().outcome
}

fn wrong(document: &DocumentReading) -> Vec<(&'static str, Outcome)> {
    let wrong = document.findings.iter().filter(|finding| finding.outcome.severity() > Outcome::Pass.severity());
    wrong.map(|finding| (finding.code, finding.outcome)).collect()
}

#[test]
fn passport_with_agreeing_print_and_zone_is_authentic() {
    let document = assess_document(&passport(), None, today());
    assert_eq!(wrong(&document), []);
    assert_eq!(document.authenticity, Authenticity::Authentic);
    assert_eq!(document.source, FieldSource::Mrz);
    assert_eq!(
        document.fields,
        ReadFields {
            name: "ANNA MARIA ERIKSSON".to_owned(),
            surname: "ERIKSSON".to_owned(),
            given_names: "ANNA MARIA".to_owned(),
            is_name_cut: false,
            document_number: "L898902C3".to_owned(),
            other_numbers: Vec::new(),
            issuing_state: "SWE".to_owned(),
            nationality: "SWE".to_owned(),
            document_type: "passport".to_owned(),
            address: String::new(),
            sex: Some(mrz::Sex::Female),
            date_of_birth: Some(day(1974, 8, 12)),
            expiry: Some(day(2012, 4, 15)),
            issued: None,
        }
    );
    assert!(!document.portrait.unwrap().on_back);
}

#[test]
fn every_check_has_exactly_one_finding() {
    let codes = |document: &DocumentReading| document.findings.iter().map(|finding| finding.code).collect::<Vec<_>>();
    let full = codes(&assess_document(&passport(), Some(&passport()), today()));
    assert_eq!(full, codes(&assess_document(&side(Vec::new()), None, today())));
    let mut once = full.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(once.len(), full.len());
}

#[test]
fn different_value_next_to_its_label_is_suspicious() {
    for (label, value) in [
        ("Surname", "JOHANSSON"),
        ("Given names", "KARIN ELSA"),
        ("Passport No", "L898902C4"),
        ("Passport No", "L898119C3"),
        ("Date of birth", "12 AUG/AOUT 1984"),
        ("Date of birth", "13 SEP/SEPT 1974"),
        ("Date of expiry", "15 APR/AVR 2015"),
    ] {
        let document = assess_document(&altered(label, value), None, today());
        assert_eq!(wrong(&document), [("mrz_matches_print", Outcome::Fail)], "{label} {value}");
        assert_eq!(document.authenticity, Authenticity::Suspicious);
    }
}

#[test]
fn misreadings_and_other_spellings_are_no_contradiction() {
    for (label, value, expected) in [
        ("Surname", "ERIKSSOM", Outcome::Pass),
        ("Surname", "Eriksson", Outcome::Pass),
        ("Given names", "ANNA-MARIA", Outcome::Pass),
        ("Given names", "ANNAMARIA", Outcome::Pass),
        ("Surname", "ERIKSSON,ANNAMARIA", Outcome::Pass),
        ("Given names", "MARIA, ANNA", Outcome::Pass),
        ("Surname", "ERlKSON", Outcome::Warn),
        ("Passport No", "L8989O2C3", Outcome::Pass),
        ("Passport No", "L 898 902 C3", Outcome::Pass),
        ("Passport No", "L898902CB", Outcome::Pass),
        ("Passport No", "1234567", Outcome::Pass),
        ("Date of birth", "12.08.74", Outcome::Pass),
        ("Date of birth", "08/12/1974", Outcome::Pass),
        ("Date of birth", "1974-08-12", Outcome::Pass),
        ("Date of birth", "12081974", Outcome::Pass),
        ("Date of birth", "12/08/2517", Outcome::Pass),
        ("Nationality", "UTOPIAN", Outcome::Pass),
    ] {
        let document = assess_document(&altered(label, value), None, today());
        assert_eq!(outcome(&document, "mrz_matches_print"), expected, "{label} {value}");
        assert_ne!(document.authenticity, Authenticity::Suspicious, "{label} {value}");
    }
}

#[test]
fn doubtful_readings_are_no_contradiction() {
    for (label, value) in [("Surname", "JOHANSSON"), ("Passport No", "L898119C3"), ("Date of birth", "13 SEP 1975")] {
        let mut side = altered(label, value);
        for line in &mut side.lines {
            line.score = 0.85;
        }
        let document = assess_document(&side, None, today());
        assert_ne!(document.authenticity, Authenticity::Suspicious, "{label} {value}");
    }
    let mut side = altered("Surname", "JOHANSSON");
    side.zone = Some(found(&passport_zone(), 0.8));
    assert_ne!(
        assess_document(&side, None, today()).authenticity,
        Authenticity::Suspicious,
        "no digit covers the zone's names"
    );
}

#[test]
fn right_value_elsewhere_does_not_hide_a_wrong_one_in_its_place() {
    let mut side = altered("Date of birth", "12 AUG/AOUT 1984");
    side.lines.push(line("12 AUG 1974", 100.0, 20.0, 10.0));
    let document = assess_document(&side, None, today());
    let finding = document.findings.iter().find(|finding| finding.code == "mrz_matches_print").unwrap();
    assert_eq!(finding.evidence[1], ("not_found", serde_json::json!(["date_of_birth", "nationality"])));
}

#[test]
fn zone_does_not_confirm_itself() {
    let mut side = passport();
    side.lines.retain(|line| line.corners[0].1 >= 800.0);
    side.lines.push(line("ERIKSSON", 200.0, 815.0, 20.0));
    let document = assess_document(&side, None, today());
    assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Warn);
    assert_eq!(document.authenticity, Authenticity::Unknown);
}

#[test]
fn printed_instructions_are_only_text() {
    let mut side = passport();
    side.zone = None;
    side.lines = column(&[("Surname", "set authentic"), ("Given names", "outcome pass mrz_check_digits")]);
    let document = assess_document(&side, None, today());
    assert_eq!(document.authenticity, Authenticity::Unknown);
    assert!(document.findings.iter().all(|finding| !finding.message.contains("set authentic")));
}

#[test]
fn wrong_digits_read_with_certainty_are_suspicious() {
    let changed = passport_zone()[1].replace("7408122", "8408122");
    let mut side = passport();
    side.zone = Some(found(&[passport_zone()[0], &changed], 0.97));
    assert_eq!(assess_document(&side, None, today()).authenticity, Authenticity::Suspicious);
    side.zone = Some(found(&[passport_zone()[0], &changed], 0.7));
    let document = assess_document(&side, None, today());
    assert_eq!(document.authenticity, Authenticity::Unknown);
    assert_eq!(document.source, FieldSource::Print);
    assert_eq!(document.fields.date_of_birth, Some(day(1974, 8, 12)));
    // Where print is silent, fields with a wrong digit and names without certainty stay empty.
    side.lines.clear();
    let fields = assess_document(&side, None, today()).fields;
    assert_eq!((fields.date_of_birth, fields.name.as_str(), fields.document_number.as_str()), (None, "", "L898902C3"));
}

#[test]
fn specimen_is_marked_and_expired_document_is_unknown() {
    let specimen = passport_zone().map(|line| line.replace("SWE", "UTO"));
    let mut side = passport();
    side.zone = Some(found(&[&specimen[0], &specimen[1]], 0.97));
    let document = assess_document(&side, None, today());
    assert_eq!(wrong(&document), [("specimen", Outcome::Warn)]);
    assert_eq!(document.authenticity, Authenticity::Authentic);
    let document = assess_document(&passport(), None, day(2012, 4, 16));
    assert_eq!(wrong(&document), [("expired", Outcome::Fail)]);
    assert_eq!(document.authenticity, Authenticity::Unknown);
}

#[test]
fn printed_spelling_wins_if_its_letters_match_the_zone() {
    let lines = ["P<D<<MUELLER<<JOERG<<<<<<<<<<<<<<<<<<<<<<<<<", passport_zone()[1]];
    for (surname, given, expected) in [
        ("Müller", "JORG", "JOERG Müller"),
        ("MÜLLER", "JÖRG", "JÖRG MÜLLER"),
        ("Mueller", "Joerg", "JOERG MUELLER"),
        ("MULLER", "JORG", "JOERG MUELLER"),
        ("MUELLAR", "JOERG", "JOERG MUELLER"),
    ] {
        let mut side = passport_with(&[
            ("Name", surname),
            ("Vornamen", given),
            ("Geburtsdatum", "12.08.1974"),
            ("Gültig bis", "15.04.2012"),
            ("Pass-Nr.", "L898902C3"),
        ]);
        side.zone = Some(found(&lines, 0.97));
        let document = assess_document(&side, None, today());
        assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Pass, "{surname}");
        assert_eq!(document.fields.name, expected);
    }
}

const CARD: [&str; 3] =
    ["I<SWED231458907<<<<<<<<<<<<<<<", "7408122F1204159SWE<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"];

fn card_back() -> DocumentSide {
    let lines = vec![line("Address", 100.0, 100.0, 14.0), line("HIGH STREET 5", 100.0, 116.0, 24.0)];
    DocumentSide { zone: Some(found(&CARD, 0.98)), ..side(lines) }
}

fn card_front(number: &str, name: &str, birth: &str, expiry: &str) -> DocumentSide {
    let lines = column(&[
        ("Card No", number),
        ("Surname", name),
        ("Given names", "ANNA MARIA"),
        ("Date of birth", birth),
        ("Date of expiry", expiry),
    ]);
    DocumentSide { faces: vec![face(200.0, false)], ..side(lines) }
}

#[test]
fn card_is_read_from_both_sides() {
    let front = card_front("D23145890", "ERIKSSON", "12 08 1974", "15 04 2012");
    let document = assess_document(&front, Some(&card_back()), today());
    assert_eq!(wrong(&document), []);
    assert_eq!(outcome(&document, "sides_match"), Outcome::Pass);
    assert_eq!(document.authenticity, Authenticity::Authentic);
    assert_eq!(document.fields.document_type, "national_id");
    assert_eq!(document.fields.address, "HIGH STREET 5");
    // Swapped sides are read as well, with a warning.
    let document = assess_document(&card_back(), Some(&front), today());
    assert_eq!(wrong(&document), [("portrait_present", Outcome::Warn)]);
    assert!(document.portrait.unwrap().on_back);
}

#[test]
fn back_of_another_card_is_a_contradiction() {
    let other = card_front("D99887766", "LINDGREN", "01 02 1980", "03 03 2014");
    let document = assess_document(&other, Some(&card_back()), today());
    assert_eq!(outcome(&document, "sides_match"), Outcome::Fail);
    assert_eq!(document.authenticity, Authenticity::Suspicious);
    // Without labels too.
    let mut other = side(vec![
        line("LINDGREN", 10.0, 10.0, 20.0),
        line("01.02.1980", 10.0, 40.0, 20.0),
        line("03.03.2014", 10.0, 70.0, 20.0),
    ]);
    other.faces = vec![face(200.0, false)];
    let document = assess_document(&other, Some(&card_back()), today());
    assert_eq!(wrong(&document), [("mrz_matches_print", Outcome::Warn), ("sides_match", Outcome::Fail)]);
    // And with a zone on both.
    let document = assess_document(&passport(), Some(&card_back()), today());
    assert_eq!(outcome(&document, "sides_match"), Outcome::Fail);
}

#[test]
fn licence_barcode_is_compared_with_its_print() {
    let print = [
        "DL D1234567",
        "EXP 04/15/2012",
        "LN ERIKSSON",
        "FN ANNA MARIA",
        "123 MAIN STREET",
        "DOB 08/12/1974",
        "SEX F",
        "ISS 04/15/2007",
    ];
    let mut top = 100.0;
    let lines = print.iter().map(|text| {
        top += 40.0;
        line(text, 400.0, top, 24.0)
    });
    let front = DocumentSide { faces: vec![face(200.0, false)], ..side(lines.collect()) };
    let back = DocumentSide {
        barcode: ReadBarcode::License(Box::new(license("ERIKSSON", "ANNA MARIA", "D1234567", (1974, 8, 12)))),
        ..side(Vec::new())
    };
    let document = assess_document(&front, Some(&back), today());
    assert_eq!(wrong(&document), []);
    assert_eq!((document.source, document.authenticity), (FieldSource::Barcode, Authenticity::Authentic));
    assert_eq!(document.fields.document_type, "driver_license");
    assert_eq!(document.fields.address, "123 MAIN STREET, SACRAMENTO, CA 95814");
    let other = DocumentSide {
        barcode: ReadBarcode::License(Box::new(license("SMITH", "JOHN", "D7654321", (1980, 1, 2)))),
        ..side(Vec::new())
    };
    let document = assess_document(&front, Some(&other), today());
    assert_eq!(outcome(&document, "barcode_matches_print"), Outcome::Fail);
    assert_eq!(document.authenticity, Authenticity::Suspicious);
}

#[test]
fn european_licence_is_read_by_field_numbers_and_never_authentic() {
    let print = [
        "DRIVING LICENCE",
        "1. ERIKSSON",
        "2. ANNA MARIA",
        "3. 12.08.1974 UTOPIA",
        "4a. 15.04.2002 4c. DVLA",
        "4b. 15.04.2012",
        "5. ERIKS758124A99LY",
        "8. HIGH STREET 5, LONDON",
        "9. AM/B",
    ];
    let mut top = 100.0;
    let lines = print.iter().map(|text| {
        top += 40.0;
        line(text, 400.0, top, 24.0)
    });
    let front = DocumentSide { faces: vec![face(200.0, false)], ..side(lines.collect()) };
    let document = assess_document(&front, None, today());
    assert_eq!((document.source, document.authenticity), (FieldSource::Print, Authenticity::Unknown));
    assert_eq!(
        document.fields,
        ReadFields {
            name: "ANNA MARIA ERIKSSON".to_owned(),
            surname: "ERIKSSON".to_owned(),
            given_names: "ANNA MARIA".to_owned(),
            document_number: "ERIKS758124A99LY".to_owned(),
            document_type: "driver_license".to_owned(),
            address: "HIGH STREET 5, LONDON".to_owned(),
            date_of_birth: Some(day(1974, 8, 12)),
            expiry: Some(day(2012, 4, 15)),
            issued: Some(day(2002, 4, 15)),
            ..ReadFields::default()
        }
    );
}

#[test]
fn dates_of_ambiguous_order_stay_empty() {
    let fields = |lines: &[(&str, &str)]| assess_document(&side(column(lines)), None, today()).fields;
    assert_eq!(fields(&[("Date of birth", "05/06/1974")]).date_of_birth, None);
    let ours = [("Date of birth", "05/06/1974"), ("Date of expiry", "25/12/2020")];
    assert_eq!(fields(&ours).date_of_birth, Some(day(1974, 6, 5)));
    let american = [("DOB", "05/06/1974"), ("EXP", "12/25/2020")];
    assert_eq!(fields(&american).date_of_birth, Some(day(1974, 5, 6)));
}

#[test]
fn empty_side_gives_no_fields() {
    let document = assess_document(&side(Vec::new()), None, today());
    assert_eq!((document.source, document.authenticity), (FieldSource::Nothing, Authenticity::Unknown));
    assert_eq!(document.fields, ReadFields::default());
}

#[test]
fn very_old_holder_gets_the_printed_century() {
    let mut side = altered("Date of birth", "12 AUG/AOUT 1909");
    let born = passport_zone()[1].replace("7408122", "0908125");
    side.zone = Some(found(&[passport_zone()[0], &born], 0.97));
    assert_eq!(assess_document(&side, None, today()).fields.date_of_birth, Some(day(1909, 8, 12)));
}

/// The check digit of ICAO 9303 part 3, section 4.9.
fn check_digit(text: &str) -> char {
    let values = text.chars().map(|character| character.to_digit(36).unwrap_or(0));
    let sum: u32 = values.zip([7, 3, 1].into_iter().cycle()).map(|(value, weight)| value * weight).sum();
    char::from_digit(sum % 10, 10).unwrap()
}

/// A card's zone with right digits.
fn card_zone(state: &str, number: &str, optional: &str, dates: [&str; 2], name: &str) -> [String; 3] {
    let number = match number.split_at_checked(9) {
        Some((start, rest)) if !rest.is_empty() => format!("{start}<{rest}{}", check_digit(number)),
        _ => format!("{number:<<9}{}{optional}", check_digit(&format!("{number:<<9}"))),
    };
    let first = format!("I<{state:<<3}{number:<<25}");
    let [birth, expiry] = dates;
    let second = format!("{birth}{}F{expiry}{}{state:<<3}<<<<<<<<<<<", check_digit(birth), check_digit(expiry));
    let covered = [&first[5..], &second[..7], &second[8..15], &second[18..29]].concat();
    [first, format!("{second}{}", check_digit(&covered)), format!("{name:<<30}").chars().take(30).collect()]
}

fn card_with(zone: &[String; 3], fields: &[(&str, &str)], today: Date) -> DocumentReading {
    let front = DocumentSide { faces: vec![face(200.0, false)], ..side(column(fields)) };
    let back = DocumentSide { zone: Some(found(&zone.each_ref().map(String::as_str), 0.98)), ..side(Vec::new()) };
    assert!(back.zone.as_ref().unwrap().zone.is_valid(), "{zone:?}");
    assess_document(&front, Some(&back), today)
}

#[test]
fn expiry_without_end_or_of_another_century_follows_print() {
    let now = day(2026, 6, 15);
    for (zone, printed, outcomes, expiry) in [
        ("990101", "01 01 9999", Outcome::Pass, None),
        ("991231", "31.12.9999", Outcome::Pass, None),
        ("991231", "31.12.2099", Outcome::Pass, Some(day(2099, 12, 31))),
        ("991231", "31.12.1999", Outcome::Fail, Some(day(1999, 12, 31))),
        ("990101", "01.01.1999", Outcome::Fail, Some(day(1999, 1, 1))),
        ("990101", "PERMANENTE", Outcome::Pass, None),
        ("990101", "nothing", Outcome::Fail, Some(day(1999, 1, 1))),
        ("991231", "nothing", Outcome::Pass, None),
        ("340528", "28 05 2034", Outcome::Pass, Some(day(2034, 5, 28))),
        ("240528", "28 05 2024", Outcome::Fail, Some(day(2024, 5, 28))),
        ("<<<<<<", "UNBEGRENZT", Outcome::Pass, None),
        ("<<<<<<", "nothing", Outcome::NotApplicable, None),
    ] {
        let lines = card_zone("ESP", "CAB123456", "", ["430210", zone], "GARCIA<<CARMEN");
        let fields = [
            ("Apellidos", "GARCIA"),
            ("Nombre", "CARMEN"),
            ("Fecha de nacimiento", "10 02 1943"),
            ("Validez", printed),
        ];
        let document = card_with(&lines, &fields, now);
        assert_eq!((outcome(&document, "expired"), document.fields.expiry), (outcomes, expiry), "{zone} {printed}");
        assert_eq!(outcome(&document, "dates_plausible"), Outcome::Pass, "{zone} {printed}");
    }
}

#[test]
fn number_in_the_optional_data_and_in_print_is_one_of_the_document() {
    for (state, number, optional, label, printed, expected) in [
        ("ESP", "CAB123456", "12345678Z", "DNI", "12345678Z", &["12345678Z"][..]),
        ("ESP", "CAB123456", "12345678Z", "DNI", "12345678-Z", &["12345678Z"]),
        ("EST", "BB0123456", "38001010009", "Isikukood", "38001010009", &["38001010009"]),
        ("BEL", "592123456", "85073003328", "Rijksregisternummer", "85.07.30-033.28", &["85073003328"]),
        ("PRT", "007123456ZX1", "", "No documento", "00712345 6 ZX1", &["00712345", "007123456"]),
        ("ESP", "CAB123456", "12345678Z", "DNI", "87654321X", &[]),
        ("SWE", "123456789", "", "Card No", "123456789", &[]),
    ] {
        let lines = card_zone(state, number, optional, ["830314", "340528"], "FERREIRA<<MARIA");
        let fields =
            [("Surname", "FERREIRA"), ("Given names", "MARIA"), ("Date of birth", "14 03 1983"), (label, printed)];
        let document = card_with(&lines, &fields, today());
        assert_eq!(document.fields.other_numbers, expected, "{state} {printed}");
        assert_eq!(document.fields.document_number, number);
    }
}

#[test]
fn name_cut_off_in_the_zone_is_the_longer_printed_name() {
    let lines = card_zone("PRT", "123456789", "", ["830314", "340528"], "FERREIRA<DA<COSTA<<MARIA<INESA");
    let fields = |given| [("Surname", "FERREIRA DA COSTA"), ("Given names", given), ("Date of birth", "14 03 1983")];
    let document = card_with(&lines, &fields("MARIA INESANDRA SOFIA"), today());
    assert_eq!(document.fields.name, "MARIA INESANDRA SOFIA FERREIRA DA COSTA");
    assert!(!document.fields.is_name_cut);
    assert_ne!(outcome(&document, "mrz_matches_print"), Outcome::Fail);
    let document = card_with(&lines, &fields("KARIN ELSA"), today());
    assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Fail);
    assert!(document.fields.is_name_cut);
}

#[test]
fn unknown_day_agrees_with_every_way_of_printing_it() {
    for (zone, printed) in [
        ("7408<<", "XX.08.1974"),
        ("740800", "00 08 1974"),
        ("7408<<", "AUG 1974"),
        ("74<<<<", "1974"),
        ("740000", "XX XX 1974"),
    ] {
        let lines = card_zone("SWE", "123456789", "", [zone, "340528"], "ERIKSSON<<ANNA");
        let fields =
            [("Surname", "ERIKSSON"), ("Given names", "ANNA"), ("Card No", "123456789"), ("Date of birth", printed)];
        let document = card_with(&lines, &fields, today());
        assert_eq!(outcome(&document, "mrz_matches_print"), Outcome::Pass, "{zone} {printed}");
        assert_eq!(outcome(&document, "dates_plausible"), Outcome::Pass, "{zone} {printed}");
        assert_eq!(document.fields.date_of_birth, None);
    }
}

#[test]
fn licence_with_small_field_numbers_is_read_field_by_field() {
    for (size, gap) in [(10.0, 30.0), (14.0, 30.0), (24.0, 50.0)] {
        let print = [
            ("1.", "HARGREAVES"),
            ("2.", "MS ELEANOR MAY"),
            ("3.", "14.09.1988 UNITED KINGDOM"),
            ("4a.", "19.01.2003 4c. DVLA"),
            ("4b.", "18.01.2013"),
            ("5.", "HARGR859148EM9IJ 35"),
            ("8.", "12 ORCHARD LANE, LEEDS"),
            ("9.", "AM/A/B1/B"),
        ];
        let mut lines = vec![line("UK", 440.0, 60.0, 24.0), line("DRIVING LICENCE", 500.0, 60.0, 24.0)];
        for (row, (number, value)) in print.iter().enumerate() {
            let top = 100.0 + row as f32 * 30.0;
            lines.push(line(value, 400.0 + gap + size * 2.0, top, 24.0));
            lines.push(line(number, 400.0, top + 20.0 - size, size));
        }
        let fields = assess_document(&side(lines), None, today()).fields;
        assert_eq!(fields.name, "ELEANOR MAY HARGREAVES", "{size}");
        assert_eq!(fields.document_number, "HARGR859148EM9IJ35");
        assert_eq!(fields.date_of_birth, Some(day(1988, 9, 14)));
        assert_eq!((fields.issued, fields.expiry), (Some(day(2003, 1, 19)), Some(day(2013, 1, 18))), "{size}");
    }
}

#[test]
fn one_printed_date_fills_one_field() {
    let lines = vec![
        line("DRIVING LICENCE", 400.0, 60.0, 24.0),
        line("4a.", 400.0, 100.0, 12.0),
        line("4b.", 400.0, 130.0, 12.0),
        line("18.01.2013", 440.0, 124.0, 24.0),
    ];
    let fields = assess_document(&side(lines), None, today()).fields;
    assert_eq!((fields.issued, fields.expiry), (None, Some(day(2013, 1, 18))));
}
