//! Zones from text: ICAO 9303's examples, zones of another writer, and arbitrary text.

use proptest::prelude::*;
use vision::mrz::{MrzDate, Sex, Zone, ZoneFormat, parse_zone};

const TD3: [&str; 2] = ["P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L898902C36UTO7408122F1204159ZE184226B<<<<<10"];
const TD2: [&str; 2] = ["I<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "D231458907UTO7408122F1204159<<<<<<<6"];
const TD1: [&str; 3] =
    ["I<UTOD231458907<<<<<<<<<<<<<<<", "7408122F1204159UTO<<<<<<<<<<<6", "ERIKSSON<<ANNA<MARIA<<<<<<<<<<"];
const MRV_A: [&str; 2] =
    ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<", "L8988901C4XXX4009078F96121096ZE184226B<<<<<<"];
const MRV_B: [&str; 2] = ["V<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<", "L8988901C4XXX4009078F9612109<<<<<<<<"];

fn failed(zone: &Zone) -> Vec<&'static str> {
    zone.checks.iter().filter(|check| !check.passed).map(|check| check.field).collect()
}

#[test]
fn icao_specimens_parse_in_every_format() {
    let specimens: [(&[&str], ZoneFormat, &str); 5] = [
        (&TD3, ZoneFormat::Td3, "L898902C3"),
        (&TD2, ZoneFormat::Td2, "D23145890"),
        (&TD1, ZoneFormat::Td1, "D23145890"),
        (&MRV_A, ZoneFormat::MrvA, "L8988901C"),
        (&MRV_B, ZoneFormat::MrvB, "L8988901C"),
    ];
    for (lines, format, number) in specimens {
        let zone = parse_zone(lines).unwrap();
        assert_eq!((zone.format, zone.is_valid()), (format, true));
        assert_eq!((zone.surname.as_str(), zone.given_names.as_str()), ("ERIKSSON", "ANNA MARIA"));
        assert_eq!((zone.document_number.as_str(), zone.issuing_state.as_str()), (number, "UTO"));
        assert_eq!(zone.sex, Sex::Female);
    }
}

/// The check digit of ICAO 9303 part 3, section 4.9.
fn check_digit(text: &str) -> char {
    let values = text.chars().map(|character| character.to_digit(36).unwrap_or(0));
    let sum: u32 = values.zip([7, 3, 1].into_iter().cycle()).map(|(value, weight)| value * weight).sum();
    char::from_digit(sum % 10, 10).expect("a digit")
}

/// A card's zone with this code, state and number; a long number goes on in the optional data.
fn card_zone(code: &str, state: &str, number: &str) -> [String; 3] {
    let digit = check_digit(number);
    let number = match number.split_at_checked(9) {
        Some((start, rest)) if !rest.is_empty() => format!("{start}<{rest}{digit}"),
        _ => format!("{number:<<9}{}", check_digit(&format!("{number:<<9}"))),
    };
    let first = format!("{code:<<2}{state:<<3}{number:<<25}");
    let (birth, expiry) = ("880914", "320313");
    let second = format!("{birth}{}F{expiry}{}{state:<<3}<<<<<<<<<<<", check_digit(birth), check_digit(expiry));
    let covered = [&first[5..], &second[..7], &second[8..15], &second[18..29]].concat();
    [first, format!("{second}{}", check_digit(&covered)), format!("{:<<30}", "JANSEN<<LOTTE")]
}

#[test]
fn card_with_any_document_code_is_read_as_printed() {
    for (code, state, number) in [
        ("ME", "D", "T22000129"),
        ("ME", "D", "T220000129"),
        ("MP", "UTO", "T4NWGZKLMP1"),
        ("RP", "EST", "BB0123456"),
        ("RR", "ITA", "AB1234567"),
        ("TA", "GRC", "AB1234567"),
        ("L", "UNO", "AB1234567"),
        ("D1", "NLD", "512345678"),
        ("NP", "SWE", "12345678"),
        ("X2", "GBR", "ZZ9900112"),
        ("AC", "CHE", "C0012345"),
        ("IN", "PHL", "0000012345678"),
    ] {
        let lines = card_zone(code, state, number);
        let zone = parse_zone(&lines.each_ref().map(String::as_str)).unwrap_or_else(|| panic!("{lines:?}"));
        assert_eq!((zone.format, zone.is_valid()), (ZoneFormat::Td1, true), "{lines:?}");
        assert_eq!((zone.document_code.as_str(), zone.issuing_state.as_str()), (code, state));
        assert_eq!((zone.document_number.as_str(), zone.lines.as_slice()), (number, lines.as_slice()));
    }
}

#[test]
fn larger_card_or_booklet_with_other_code_is_read_and_v_stays_a_visa() {
    for code in ["TD", "R<", "ME", "L<", "C1"] {
        let first = TD2[0].replacen("I<", code, 1);
        assert_eq!(parse_zone(&[&first, TD2[1]]).map(|zone| zone.format), Some(ZoneFormat::Td2), "{code}");
    }
    for code in ["TD", "R<", "L<"] {
        let first = TD3[0].replacen("P<", code, 1);
        assert_eq!(parse_zone(&[&first, TD3[1]]).map(|zone| zone.format), Some(ZoneFormat::Td3), "{code}");
    }
    let visa = TD2[0].replacen("I<", "V<", 1);
    assert_eq!(parse_zone(&[&visa, TD2[1]]).map(|zone| zone.format), Some(ZoneFormat::MrvB));
}

/// The zone of an old French identity card.
fn french_card(surname: &str, office: &str, number: &str, given: &str, birth: &str, sex: char) -> [String; 2] {
    let first = format!("IDFRA{surname:<<25}{office:<<6}");
    let second = format!("{number}{}{given:<<14}{birth}{}{sex}", check_digit(number), check_digit(birth));
    let digit = check_digit(&format!("{first}{second}"));
    [first, format!("{second}{digit}")]
}

#[test]
fn old_french_card_is_read_by_its_own_digits() {
    for (surname, office, number, given, names) in [
        ("MOREL", "750512", "210375013579", "CLAIRE<<ANNE", ("MOREL", "CLAIRE ANNE")),
        ("MOREL", "", "210375013579", "CLAIRE<<ANNE", ("MOREL", "CLAIRE ANNE")),
        ("LE<GOFF", "29A012", "1505292A0001", "JEAN<PIERRE<<M", ("LE GOFF", "JEAN PIERRE M")),
    ] {
        let lines = french_card(surname, office, number, given, "910417", 'F');
        let zone = parse_zone(&lines.each_ref().map(String::as_str)).unwrap_or_else(|| panic!("{lines:?}"));
        assert_eq!((zone.format, failed(&zone)), (ZoneFormat::FrenchCard, vec![]), "{lines:?}");
        assert_eq!((zone.surname.as_str(), zone.given_names.as_str()), names);
        assert_eq!((zone.document_number.as_str(), zone.issuing_state.as_str()), (number, "FRA"));
        assert_eq!((zone.date_of_birth.year, zone.sex, zone.expiry.year), (Some(91), Sex::Female, None));
        let changed = lines[1].replace("910417", "910418");
        assert_eq!(failed(&parse_zone(&[&lines[0], &changed]).unwrap()), ["date_of_birth", "composite"]);
    }
}

#[test]
fn french_licence_is_read_by_its_own_digits() {
    for (number, expiry, surname) in
        [("13AB12345", "280613", "MOREL"), ("13AA00002", "181231", "MARTIN"), ("22ZZ99999", "370101", "LEFEBVRE")]
    {
        let start = format!("D1FRA{number}");
        let line = format!("{start}{}{expiry}{surname:<<8}", check_digit(&start));
        let line = format!("{line}{}", check_digit(&line));
        let zone = parse_zone(&[&line]).unwrap_or_else(|| panic!("{line}"));
        assert_eq!((zone.format, failed(&zone)), (ZoneFormat::FrenchLicence, vec![]), "{line}");
        assert_eq!((zone.document_number.as_str(), zone.surname.as_str()), (number, surname));
        assert_eq!((zone.expiry.year, zone.is_name_cut()), (expiry[..2].parse().ok(), surname.len() == 8));
        let changed = line.replacen("D1FRA1", "D1FRA7", 1).replacen("D1FRA2", "D1FRA8", 1);
        assert!(!parse_zone(&[&changed]).unwrap().is_valid());
    }
}

#[test]
fn passport_fields_match_part_4() {
    let zone = parse_zone(&TD3).unwrap();
    assert_eq!((zone.document_code.as_str(), zone.nationality.as_str()), ("P", "UTO"));
    assert_eq!(zone.date_of_birth, MrzDate { year: Some(74), month: Some(8), day: Some(12) });
    assert_eq!(zone.expiry, MrzDate { year: Some(12), month: Some(4), day: Some(15) });
    assert_eq!(zone.optional, ["ZE184226B"]);
    let fields: Vec<_> = zone.checks.iter().map(|check| check.field).collect();
    assert_eq!(fields, ["document_number", "date_of_birth", "expiry", "optional", "composite"]);
}

#[test]
fn long_number_continues_in_the_optional_data() {
    // The example of ICAO 9303 part 5, with its number D23145890734.
    let zone = parse_zone(&[
        "I<UTOD23145890<7349<<<<<<<<<<<",
        "3407127M9507122UTO<<<<<<<<<<<2",
        "STEVENSON<<PETER<JOHN<<<<<<<<<",
    ])
    .unwrap();
    assert_eq!(zone.document_number, "D23145890734");
    assert_eq!(zone.optional, ["", ""]);
    assert_eq!(failed(&zone), [""; 0]);
}

#[test]
fn empty_optional_data_accepts_filler_or_zero_digit() {
    for (digit, composite) in [("<", "0"), ("0", "0")] {
        let second = format!("0070070071HRV8212258F1407019<<<<<<<<<<<<<<{digit}{composite}");
        let zone = parse_zone(&["P<HRVSPECIMEN<<SPECIMEN<<<<<<<<<<<<<<<<<<<<<", &second]).unwrap();
        assert!(zone.checks.iter().filter(|check| check.field == "optional").all(|check| check.passed));
    }
    let filled = TD3[1].replace("<<<<<10", "<<<<<<0");
    assert_eq!(failed(&parse_zone(&[TD3[0], &filled]).unwrap()), ["optional", "composite"]);
}

#[test]
fn other_lines_are_not_a_zone() {
    let digit_in_name = TD3[0].replace("ANNA", "4NNA");
    let letter_in_date = TD3[1].replace("740812", "7408I2");
    let cases: [&[&str]; 8] = [
        &[],
        &["", ""],
        &[TD3[0]],
        &[TD3[0], &TD3[1][1..]],
        &[TD3[1], TD3[0]],
        &[&digit_in_name, TD3[1]],
        &[TD3[0], &letter_in_date],
        &["THIS LINE HAS EXACTLY FORTY-FOUR CHARACTERS.", "SO HAS THIS ONE, AND NEITHER IS A ZONE'S ONE"],
    ];
    for lines in cases {
        assert_eq!(parse_zone(lines), None, "{lines:?}");
    }
}

/// The cells of a format that a check digit covers, and the digits.
fn is_covered(format: ZoneFormat, row: usize, column: usize) -> bool {
    match (format, row) {
        (ZoneFormat::Td1, 0) => column >= 5,
        (ZoneFormat::Td1, 1) => column < 7 || (8..15).contains(&column) || column >= 18,
        (ZoneFormat::Td2 | ZoneFormat::Td3, 1) => column < 10 || (13..20).contains(&column) || column >= 21,
        (ZoneFormat::MrvA | ZoneFormat::MrvB, 1) => {
            column < 10 || (13..20).contains(&column) || (21..28).contains(&column)
        }
        _ => false,
    }
}

#[test]
fn changed_character_fails_its_check_unless_its_value_is_equal() {
    let value = |character: u8| char::from(character).to_digit(36).unwrap_or(0) % 10;
    let specimens: [&[&str]; 5] = [&TD3, &TD2, &TD1, &MRV_A, &MRV_B];
    for lines in specimens {
        let format = parse_zone(lines).unwrap().format;
        for (row, line) in lines.iter().enumerate() {
            for (column, before) in line.bytes().enumerate().filter(|(column, _)| is_covered(format, row, *column)) {
                for after in
                    (b'0'..=b'9').chain(b'A'..=b'Z').chain([b'<']).filter(|after| value(*after) != value(before))
                {
                    let mut changed: Vec<String> = lines.iter().map(ToString::to_string).collect();
                    changed[row].replace_range(column..=column, std::str::from_utf8(&[after]).unwrap());
                    let changed: Vec<&str> = changed.iter().map(String::as_str).collect();
                    assert!(!parse_zone(&changed).is_some_and(|zone| zone.is_valid()), "{changed:?}");
                }
            }
        }
    }
}

/// A holder in the terms of both this crate and another writer of zones.
#[derive(Clone, Debug)]
struct Holder {
    number: String,
    surname: String,
    given: String,
    state: String,
    birth: (u8, u8, u8),
    expiry: (u8, u8, u8),
    sex: Sex,
    optional: String,
}

fn holders() -> impl Strategy<Value = Holder> {
    let date = || (0..100_u8, 1..=12_u8, 1..=28_u8);
    let sex = prop_oneof![Just(Sex::Male), Just(Sex::Female), Just(Sex::Unspecified)];
    let words = ("[A-Z0-9]{1,9}", "[A-Z]{1,12}", "[A-Z]{1,5}( [A-Z]{1,5})?", "[A-Z]{3}", "[A-Z0-9]{0,7}");
    (words, date(), date(), sex).prop_map(|((number, surname, given, state, optional), birth, expiry, sex)| Holder {
        number,
        surname,
        given,
        state,
        birth,
        expiry,
        sex,
        optional,
    })
}

fn written_date((year, month, day): (u8, u8, u8)) -> mrz::MrzDate {
    format!("20{year:02}-{month:02}-{day:02}").parse().expect("a date in the calendar")
}

fn written_sex(sex: Sex) -> mrz::Sex {
    match sex {
        Sex::Male => mrz::Sex::Male,
        Sex::Female => mrz::Sex::Female,
        Sex::Unspecified => mrz::Sex::Unspecified,
    }
}

/// The holder's zone as written by the crate `mrz`.
fn written(holder: &Holder, format: ZoneFormat) -> String {
    macro_rules! fields {
        ($fields:ident, $code:literal, $optional:ident) => {
            mrz::$fields {
                document_code: $code.to_owned(),
                issuing_country: holder.state.clone(),
                document_number: holder.number.clone(),
                surname: holder.surname.clone(),
                given_names: holder.given.clone(),
                nationality: holder.state.clone(),
                date_of_birth: written_date(holder.birth),
                sex: written_sex(holder.sex),
                date_of_expiry: written_date(holder.expiry),
                $optional: Some(holder.optional.clone()),
                ..Default::default()
            }
        };
    }
    #[expect(clippy::needless_update, reason = "only some of the writer's formats have further fields")]
    match format {
        ZoneFormat::Td3 => mrz::format_td3(&fields!(Td3Fields, "P", personal_number)),
        ZoneFormat::Td2 => mrz::format_td2(&fields!(Td2Fields, "I", optional_data)),
        ZoneFormat::Td1 => mrz::format_td1(&fields!(Td1Fields, "I", optional_data_2)),
        ZoneFormat::MrvA => mrz::format_mrv_a(&fields!(MrvAFields, "V", optional_data)),
        ZoneFormat::MrvB => mrz::format_mrv_b(&fields!(MrvBFields, "V", optional_data)),
        ZoneFormat::FrenchCard | ZoneFormat::FrenchLicence => String::new(),
    }
}

proptest! {
    #[test]
    fn zone_of_another_writer_parses_to_the_same_holder(holder in holders()) {
        for format in [ZoneFormat::Td1, ZoneFormat::Td2, ZoneFormat::Td3, ZoneFormat::MrvA, ZoneFormat::MrvB] {
            let text = written(&holder, format);
            let zone = parse_zone(&text.lines().collect::<Vec<_>>()).unwrap();
            prop_assert_eq!(zone.format, format);
            prop_assert!(zone.is_valid(), "{}", text);
            prop_assert_eq!(&zone.document_number, &holder.number);
            prop_assert_eq!((&zone.surname, &zone.given_names), (&holder.surname, &holder.given));
            prop_assert_eq!((&zone.issuing_state, &zone.nationality), (&holder.state, &holder.state));
            prop_assert_eq!(zone.sex, holder.sex);
            let dates = [(zone.date_of_birth, holder.birth), (zone.expiry, holder.expiry)];
            for (date, (year, month, day)) in dates {
                prop_assert_eq!(date, MrzDate { year: Some(year), month: Some(month), day: Some(day) });
            }
            prop_assert_eq!(zone.optional.last(), Some(&holder.optional));
        }
    }

    #[test]
    fn any_lines_parse_without_panic(lines in proptest::collection::vec("\\PC{0,50}", 0..5)) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        prop_assert!(parse_zone(&lines).is_none());
    }

    #[test]
    fn any_zone_of_the_right_size_parses_without_panic(
        lines in prop_oneof![
            proptest::collection::vec("[A-Z0-9<]{30}", 3),
            proptest::collection::vec("[A-Z0-9<]{36}", 2),
            proptest::collection::vec("[PV][A-Z0-9<]{43}", 2),
            Just(vec!["I<UTO<<<<<<<<<<<<<<<<<<<<<<<<<".to_owned(), format!("{}0", "<".repeat(29)), "<".repeat(30)]),
        ]
    ) {
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        if let Some(zone) = parse_zone(&lines) {
            prop_assert_eq!(zone.lines, lines);
        }
    }
}
