//! Property tests: any reading is assessed without a panic, and only sound documents are called authentic.

use proptest::prelude::*;

use super::*;

/// Random lines: words of documents, dates, numbers, letters of other scripts, at any place.
fn any_line() -> impl Strategy<Value = TextLine> {
    let words = prop_oneof![
        "[A-Z<0-9]{0,44}",
        "(Surname|Name|Nom|Date of birth|4a\\.|4b\\.|1\\.|Passport No|EXP) ?[A-Z]{0,8} ?[0-9./ ]{0,12}",
        "[0-9]{1,2}[./ -][0-9]{1,2}[./ -]([0-9]{2}|[0-9]{4})",
        "(ERIKSSON|ANNA MARIA|L898902C3|12 AUG 1974|15.04.2012)",
        ".{0,40}",
    ];
    let place = prop_oneof![(0.0_f32..2_600.0), Just(f32::NAN), Just(f32::INFINITY), Just(-1e30)];
    (words, 0.0_f32..=1.0, prop::array::uniform8(place)).prop_map(|(text, score, places)| {
        let [a, b, c, d, e, f, g, h] = places;
        TextLine { text, score, corners: [(a, b), (c, d), (e, f), (g, h)] }
    })
}

fn any_zone() -> impl Strategy<Value = Option<FoundZone>> {
    let zone = prop_oneof![
        Just(passport_zone().map(str::to_owned).to_vec()),
        Just(CARD.map(str::to_owned).to_vec()),
        ("P<[A-Z]{3}[A-Z<]{39}", "[A-Z0-9]{9}[0-9][A-Z]{3}[0-9]{7}[MF<][0-9]{7}[A-Z0-9<]{14}[0-9]{2}")
            .prop_map(|(first, second)| vec![first, second]),
    ];
    (zone, 0.0_f32..=1.0, any::<bool>()).prop_map(|(lines, confidence, there)| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let corners = [(0.0, 800.0), (900.0, 800.0), (900.0, 900.0), (0.0, 900.0)];
        let zone = mrz::parse_zone(&lines).filter(|_| there)?;
        Some(FoundZone { zone, confidence, corners })
    })
}

fn any_side() -> impl Strategy<Value = DocumentSide> {
    let license = prop_oneof![
        Just(None),
        ("[A-Z ]{0,20}", ".{0,20}", "[A-Z0-9]{0,12}", (0_u16..3_000, 0_u8..15, 0_u8..35))
            .prop_map(|(surname, given, number, birth)| Some(license(&surname, &given, &number, birth))),
    ];
    (prop::collection::vec(any_line(), 0..24), any_zone(), license, 0_usize..3, 0.0_f32..1.0).prop_map(
        |(lines, zone, license, faces, figure)| {
            let quality = Quality { glare: figure / 5.0, screen: figure, ..good_quality() };
            DocumentSide {
                lines,
                zone,
                has_unread_zone: figure > 0.7,
                barcode: license.map_or(ReadBarcode::Other, |license| ReadBarcode::License(Box::new(license))),
                faces: vec![face(100.0, figure > 0.5); faces],
                quality,
                resolution: 900,
                eyes: None,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn authentic_needs_a_proven_source_and_no_failure(
        front in any_side(),
        back in prop::option::of(any_side()),
    ) {
        let document = assess_document(&front, back.as_ref(), today());
        let failed = document.findings.iter().any(|finding| finding.outcome == Outcome::Fail);
        let passes = |code: &str| outcome(&document, code) == Outcome::Pass;
        let zone = passes("mrz_check_digits") && passes("mrz_matches_print");
        let barcode = passes("barcode_matches_print");
        if failed || !(zone || barcode) {
            prop_assert_ne!(document.authenticity, Authenticity::Authentic);
        }
        let valid = [Some(&front), back.as_ref()].into_iter().flatten().any(|side| {
            side.barcode.license().is_some() || side.zone.as_ref().is_some_and(|found| found.zone.is_valid())
        });
        prop_assert!(valid || document.authenticity != Authenticity::Authentic);
    }

    #[test]
    fn stored_reading_is_judged_as_the_engines_left_it(
        front in any_side(),
        back in prop::option::of(any_side()),
    ) {
        let sides = SidesReading { front, back };
        let bytes = sides.to_kept_bytes().unwrap();
        let restored = SidesReading::from_kept_bytes(&bytes).unwrap();
        prop_assert_eq!(restored.to_kept_bytes().unwrap(), bytes);
        let judge = |sides| judge_sides(sides, SideEditors::default(), today());
        let (before, after) = (judge(sides), judge(restored));
        prop_assert_eq!(format!("{:?}", before.fields), format!("{:?}", after.fields));
        prop_assert_eq!(format!("{:?}", before.findings), format!("{:?}", after.findings));
        prop_assert_eq!(before.readings, after.readings);
    }

    #[test]
    fn any_printed_text_parses_without_panic(text in "\\PC{0,200}") {
        let _ = date::find_printed_dates(&text);
        let _ = labels::split_by_labels(&text, true);
        let _ = print::parse_document_number(&text);
        let _ = letters::split_words(&text);
    }
}
