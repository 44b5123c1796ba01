//! Parses the text in the barcode of a North American licence (AAMVA DL/ID Card Design Standard, versions 1 to 11, and
//! state formats before 2000). Real barcodes deviate from the standard: the offsets in the header are ignored, elements
//! are recognised by their names.

mod characters;
mod names;
mod tracks;

use std::collections::HashMap;

use serde::{Deserialize, Deserializer, Serialize};

use crate::calendar::days_in_month;
use names::{HolderNames, clean_name, join_given_names, split_joined_name};

/// A date as year, month (1 to 12) and day (1 to 31, or 0 where a magnetic stripe does not state it).
pub type LicenseDate = (u16, u8, u8);

/// Two letters of the lists below. By another name, serde does not take it for text borrowed from its input.
pub type JurisdictionCode = &'static str;

/// The content of a licence's barcode.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct License {
    /// Family name (`DCS`, before 2003 `DAB` or within `DAA`); empty if absent.
    pub surname: String,
    /// Given names, separated by single spaces (`DAC` and `DAD`, `DCT`, or within `DAA`); empty if absent.
    pub given_names: String,
    /// The customer's number (`DAQ`), which is also the document's number.
    pub document_number: String,
    /// `DBB`.
    pub date_of_birth: Option<LicenseDate>,
    /// `DBA`; `None` if the licence does not expire, or if the date is unreadable.
    pub expiry: Option<LicenseDate>,
    /// Whether it states that it does not expire.
    pub has_no_expiry: bool,
    /// `DBD`.
    pub issued: Option<LicenseDate>,
    /// `DBC`.
    pub sex: LicenseSex,
    /// Three letters: `USA`, `CAN` or `MEX` (`DCG`, else derived from the issuer's number, else from `DAJ`).
    pub country: Option<String>,
    /// The two letters of the issuing state, province or territory, from the issuer's number (AAMVA's list of IINs), else
    /// from `DAJ`.
    #[serde(deserialize_with = "read_jurisdiction")]
    pub jurisdiction: Option<JurisdictionCode>,
    pub address: LicenseAddress,
    /// Whether the card complies with the REAL ID Act (`DDA`: `F` yes, `N` no).
    pub compliant: Option<bool>,
    /// Version of the standard; 0 for state formats that are older than the standard, and for magnetic stripes.
    pub version: u8,
    /// Whether a name may lack its end: it says so (`DDE`, `DDF`, `DDG`), or fills its field.
    pub are_names_cut: bool,
    /// Whether the text is that of a magnetic stripe.
    pub is_stripe: bool,
}

/// The holder's sex (`DBC`: 1, 2, or 9 and X).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LicenseSex {
    Male,
    Female,
    Unspecified,
}

/// The holder's address as written in the barcode.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LicenseAddress {
    /// `DAG`.
    pub street: Option<String>,
    /// `DAH`.
    pub street_2: Option<String>,
    /// `DAI`.
    pub city: Option<String>,
    /// The two letters of a state, province or territory (`DAJ`).
    pub state: Option<String>,
    /// `DAK`, without padding zeros.
    pub postal_code: Option<String>,
}

/// Parses a barcode's text. Returns `None` if it has neither a header of the standard nor the tracks of a magnetic stripe,
/// or has no document number.
#[must_use]
pub fn parse_license(text: &str) -> Option<License> {
    let text = characters::restore_characters(text);
    parse_elements(&text).or_else(|| tracks::parse_tracks(&text))
}

fn parse_elements(text: &str) -> Option<License> {
    let (header, body) = split_header(text)?;
    let elements = split_elements(body);
    let value = |names: &[&str]| names.iter().find_map(|name| elements.get(name)).map(|value| (*value).to_owned());
    let issuer = find_issuer(header.issuer).or_else(|| country_of_jurisdiction(elements.get("DAJ")?));
    let (jurisdiction, country) = issuer.unzip();
    let HolderNames { surname, given_names } = read_holder_names(&elements);
    let expiry = value(&["DBA"]);
    Some(License {
        surname,
        given_names,
        document_number: value(&["DAQ"])?,
        date_of_birth: value(&["DBB"]).and_then(|value| parse_element_date(&value)),
        expiry: expiry.as_deref().and_then(parse_element_date),
        has_no_expiry: expiry.as_deref().is_some_and(is_date_without_end),
        issued: value(&["DBD"]).and_then(|value| parse_element_date(&value)),
        sex: parse_sex(elements.get("DBC").copied().unwrap_or_default()),
        country: value(&["DCG"]).and_then(|name| to_country_code(&name)).or(country).map(str::to_owned),
        jurisdiction,
        address: LicenseAddress {
            street: value(&["DAG", "DAL"]),
            street_2: value(&["DAH", "DAM"]),
            city: value(&["DAI", "DAN"]),
            state: value(&["DAJ", "DAO"]),
            postal_code: value(&["DAK", "DAP"]).and_then(|value| trim_postal_code(&value)),
        },
        compliant: elements.get("DDA").and_then(|value| match *value {
            "F" => Some(true),
            "N" => Some(false),
            _ => None,
        }),
        version: header.version,
        are_names_cut: ["DDE", "DDF", "DDG"].iter().any(|name| elements.get(name) == Some(&"T")),
        is_stripe: false,
    })
}

struct LicenseHeader {
    issuer: u32,
    version: u8,
}

/// Splits the text into its header and the part after the directory of subfiles.
fn split_header(text: &str) -> Option<(LicenseHeader, &str)> {
    // The compliance indicator and three separators come first; scanners and issuers lose some of them.
    let (before, rest) = text.split_once("ANSI").or_else(|| text.split_once("AAMVA"))?;
    if before.len() > 12 {
        return None;
    }
    let rest = rest.trim_start_matches(' ');
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    // The issuer's number (6), the version (2), from version 2 on the issuer's own (2), and the number of subfiles (2).
    if digits < 8 {
        return None;
    }
    let issuer = rest.get(..6)?.parse().ok()?;
    let version = rest.get(6..8)?.parse().ok()?;
    let mut body = rest.get(digits..)?;
    while body.get(..10).is_some_and(is_directory_entry) {
        body = body.get(10..)?;
    }
    Some((LicenseHeader { issuer, version }, body))
}

/// The maximum length of an element, in characters; the rest is ignored.
const LONGEST_ELEMENT: usize = 64;

/// Whether the text is an entry of the directory: a subfile's type (two letters or digits), its offset and its length.
fn is_directory_entry(entry: &str) -> bool {
    let (kind, place) = entry.as_bytes().split_at(2);
    kind.iter().all(u8::is_ascii_alphanumeric) && place.iter().all(u8::is_ascii_digit)
}

/// The elements by their three-letter names; the first element of a name wins.
fn split_elements(body: &str) -> HashMap<&str, &str> {
    let mut elements = HashMap::new();
    for line in body.split(['\n', '\r', '\x1e', '\x1c', '\x1d']) {
        let line = line.trim();
        // A subfile starts with its type, and its first element follows directly.
        let starts = |kind: &str| line.strip_prefix(kind).filter(|rest| is_element_line(rest));
        let line = starts("DL").or_else(|| starts("ID")).or_else(|| starts("EN")).unwrap_or(line);
        if let (true, Some((name, value))) = (is_element_line(line), line.split_at_checked(3))
            && let Some(value) = trim_element_value(value)
        {
            // The longest element of the standard has 40 characters, apart from country-specific ones.
            let end = value.char_indices().nth(LONGEST_ELEMENT).map_or(value.len(), |(end, _)| end);
            elements.entry(name).or_insert(&value[..end]);
        }
    }
    elements
}

fn is_element_line(line: &str) -> bool {
    matches!(line.as_bytes(), [b'D', b'A'..=b'D', b'A'..=b'Z', ..])
}

/// Trims a value; returns `None` for the standard's words for "none" and "unavailable".
fn trim_element_value(value: &str) -> Option<&str> {
    let value = value.trim_matches(|character: char| character.is_whitespace() || character == ',');
    let is_word = ["NONE", "UNAVL", "UNAVAIL"].iter().any(|word| value.eq_ignore_ascii_case(word));
    (!value.is_empty() && !is_word).then_some(value)
}

fn read_holder_names(elements: &HashMap<&str, &str>) -> HolderNames {
    let value = |name: &str| elements.get(name).copied();
    let whole = split_joined_name(value("DAA").unwrap_or_default());
    let surname = value("DCS").or(value("DAB")).map_or(whole.surname, clean_name);
    let given_names = match value("DAC").or(value("DCT")) {
        Some(first) => join_given_names(first, value("DAD").unwrap_or_default()),
        None => whole.given_names,
    };
    HolderNames { surname, given_names }
}

/// Whether a date of expiry stands for none: issuers write the year 9999, or nines and zeros only.
fn is_date_without_end(value: &str) -> bool {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    digits.len() == 8 && (digits.starts_with("9999") || digits.ends_with("9999"))
}

/// Parses a date as written in the United States (month, day, year) or in Canada and Mexico (year, month, day). The
/// year tells the two apart: 19 and 20 are not months. The country is not considered, because issuers mix the forms up.
fn parse_element_date(value: &str) -> Option<LicenseDate> {
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if digits.len() != 8 {
        return None;
    }
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    let american = (number(4, 8)?, number(0, 2)?, number(2, 4)?);
    let descending = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    [american, descending].into_iter().find_map(|(year, month, day)| {
        let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
        let is_possible = (1880..=2199).contains(&year) && (1..=days_in_month(year, month)).contains(&day);
        is_possible.then_some((year, month, day))
    })
}

fn parse_sex(value: &str) -> LicenseSex {
    match value {
        "1" | "M" | "m" => LicenseSex::Male,
        "2" | "F" | "f" => LicenseSex::Female,
        _ => LicenseSex::Unspecified,
    }
}

fn to_country_code(name: &str) -> Option<&'static str> {
    match name {
        "USA" | "US" => Some("USA"),
        "CAN" | "CA" => Some("CAN"),
        "MEX" | "MX" => Some("MEX"),
        _ => None,
    }
}

/// Eleven characters, padded with spaces, or in the United States with zeros after the first five.
fn trim_postal_code(value: &str) -> Option<String> {
    let code = value.trim();
    let is_filled = code.len() >= 9 && code.bytes().all(|byte| byte.is_ascii_digit());
    let short =
        code.get(..5).filter(|_| is_filled && code.get(5..).is_some_and(|rest| rest.bytes().all(|b| b == b'0')));
    let nine = code.get(..9).filter(|_| is_filled);
    let code = short.or(nine).unwrap_or(code);
    (!code.is_empty()).then(|| code.to_owned())
}

/// The jurisdiction and country of an issuer identification number.
fn find_issuer(number: u32) -> Option<(&'static str, &'static str)> {
    let place = ISSUERS.iter().position(|(issuer, _)| *issuer == number)?;
    let (_, jurisdiction) = ISSUERS.get(place)?;
    Some((jurisdiction, country_of_issuer(jurisdiction)))
}

fn country_of_issuer(jurisdiction: &str) -> &'static str {
    match jurisdiction {
        _ if PROVINCES.contains(&jurisdiction) => "CAN",
        "CU" | "HL" => "MEX",
        _ => "USA",
    }
}

/// The jurisdiction and country that the two letters of an address name.
fn country_of_jurisdiction(letters: &str) -> Option<(&'static str, &'static str)> {
    let known = PROVINCES.iter().chain(&STATES).find(|known| letters.eq_ignore_ascii_case(known))?;
    Some((known, country_of_issuer(known)))
}

/// Reads a jurisdiction that was written by serde. Others than those of the lists are an error.
fn read_jurisdiction<'de, D: Deserializer<'de>>(from: D) -> Result<Option<JurisdictionCode>, D::Error> {
    let Some(letters) = Option::<String>::deserialize(from)? else { return Ok(None) };
    let mut known = ISSUERS.iter().map(|(_, jurisdiction)| *jurisdiction).chain(STATES).chain(PROVINCES);
    let found = known.find(|known| *known == letters);
    found.map(Some).ok_or_else(|| serde::de::Error::custom("an unknown jurisdiction"))
}

/// The provinces and territories of Canada.
const PROVINCES: [&str; 13] = ["AB", "BC", "MB", "NB", "NL", "NS", "NT", "NU", "ON", "PE", "QC", "SK", "YT"];

/// The states, the federal district and the territories of the United States.
#[rustfmt::skip]
const STATES: [&str; 56] = [
    "AK", "AL", "AR", "AS", "AZ", "CA", "CO", "CT", "DC", "DE", "FL", "GA", "GU", "HI", "IA", "ID", "IL", "IN", "KS", "KY", "LA",
    "MA", "MD", "ME", "MI", "MN", "MO", "MP", "MS", "MT", "NC", "ND", "NE", "NH", "NJ", "NM", "NV", "NY", "OH", "OK", "OR", "PA",
    "PR", "RI", "SC", "SD", "TN", "TX", "UT", "VA", "VI", "VT", "WA", "WI", "WV", "WY",
];

/// AAMVA's issuer identification numbers. `SD` is South Dakota; 636027 is the Department of State (`DS`).
#[rustfmt::skip]
const ISSUERS: [(u32, &str); 72] = [
    (604_426, "PE"), (604_427, "AS"), (604_428, "QC"), (604_429, "YT"), (604_430, "MP"), (604_431, "PR"),
    (604_432, "AB"), (604_433, "NU"), (604_434, "NT"), (636_000, "VA"), (636_001, "NY"), (636_002, "MA"),
    (636_003, "MD"), (636_004, "NC"), (636_005, "SC"), (636_006, "CT"), (636_007, "LA"), (636_008, "MT"),
    (636_009, "NM"), (636_010, "FL"), (636_011, "DE"), (636_012, "ON"), (636_013, "NS"), (636_014, "CA"),
    (636_015, "TX"), (636_016, "NL"), (636_017, "NB"), (636_018, "IA"), (636_019, "GU"), (636_020, "CO"),
    (636_021, "AR"), (636_022, "KS"), (636_023, "OH"), (636_024, "VT"), (636_025, "PA"), (636_026, "AZ"),
    (636_027, "DS"), (636_028, "BC"), (636_029, "OR"), (636_030, "MO"), (636_031, "WI"), (636_032, "MI"),
    (636_033, "AL"), (636_034, "ND"), (636_035, "IL"), (636_036, "NJ"), (636_037, "IN"), (636_038, "MN"),
    (636_039, "NH"), (636_040, "UT"), (636_041, "ME"), (636_042, "SD"), (636_043, "DC"), (636_044, "SK"),
    (636_045, "WA"), (636_046, "KY"), (636_047, "HI"), (636_048, "MB"), (636_049, "NV"), (636_050, "ID"),
    (636_051, "MS"), (636_052, "RI"), (636_053, "TN"), (636_054, "NE"), (636_055, "GA"), (636_056, "CU"),
    (636_057, "HL"), (636_058, "OK"), (636_059, "AK"), (636_060, "WY"), (636_061, "WV"), (636_062, "VI"),
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A barcode's text as an issuer writes it, with the given separator between elements.
    fn written(version: u8, issuer: u32, kind: &str, elements: &[(&str, &str)], separator: &str) -> String {
        let lines: Vec<String> = elements.iter().map(|(name, value)| format!("{name}{value}")).collect();
        let subfile = format!("{kind}{}\r", lines.join(separator));
        let own = if version >= 2 { "00" } else { "" };
        let offset = 21 + own.len() + 10;
        format!("@\n\x1e\rANSI {issuer}{version:02}{own}01{kind}{offset:04}{:04}{subfile}", subfile.len())
    }

    const CARD: [(&str, &str); 14] = [
        ("DAQ", "D1234567"),
        ("DCS", "O'BRIEN-SMITH"),
        ("DAC", "MARY ANN"),
        ("DAD", "LEE"),
        ("DBB", "02291988"),
        ("DBA", "02282031"),
        ("DBD", "03012023"),
        ("DBC", "2"),
        ("DCG", "USA"),
        ("DAG", "12 MAIN ST"),
        ("DAI", "RICHMOND"),
        ("DAJ", "VA"),
        ("DAK", "232190000  "),
        ("DDA", "F"),
    ];

    #[test]
    fn licence_fields_are_parsed() {
        let license = parse_license(&written(10, 636_000, "DL", &CARD, "\n")).unwrap();
        assert_eq!((license.surname.as_str(), license.given_names.as_str()), ("O'BRIEN-SMITH", "MARY ANN LEE"));
        assert_eq!(license.document_number, "D1234567");
        assert_eq!(license.date_of_birth, Some((1988, 2, 29)));
        assert_eq!((license.expiry, license.issued), (Some((2031, 2, 28)), Some((2023, 3, 1))));
        assert_eq!((license.sex, license.version, license.compliant), (LicenseSex::Female, 10, Some(true)));
        assert_eq!((license.country.as_deref(), license.jurisdiction), (Some("USA"), Some("VA")));
        assert_eq!(license.address.postal_code.as_deref(), Some("23219"));
        assert_eq!((license.address.city.as_deref(), license.address.street_2), (Some("RICHMOND"), None));
    }

    #[test]
    fn deviations_of_real_barcodes_are_tolerated() {
        let expected = parse_license(&written(10, 636_000, "DL", &CARD, "\n"));
        assert!(expected.is_some());
        for separator in ["\r\n", "\r", "\n\r", "\x1e", " \n"] {
            assert_eq!(parse_license(&written(10, 636_000, "DL", &CARD, separator)), expected, "{separator:?}");
        }
        let text = written(10, 636_000, "ID", &CARD, "\n");
        assert_eq!(parse_license(&text), expected, "an identity card");
        assert_eq!(parse_license(&text.replace('\x1e', "")), expected, "a separator lost");
        assert_eq!(parse_license(&text.replace("@\n\x1e\rANSI ", "@\r\nANSI")), expected);
        assert_eq!(parse_license(&text.replace("ID0033", "ID0029")), expected, "an offset that is wrong");
        assert_eq!(parse_license(&text.replace("01ID0033", "02ID0033").replacen("ID", "ZV00400012ID", 1)), expected);
    }

    #[test]
    fn other_countries_and_older_versions_are_parsed() {
        let canadian =
            [("DCS", "ROY"), ("DCT", "JEAN,LUC"), ("DAQ", "R12"), ("DBB", "19700131"), ("DCG", "CAN"), ("DBC", "1")];
        let license = parse_license(&written(3, 604_428, "DL", &canadian, "\n")).unwrap();
        assert_eq!((license.given_names.as_str(), license.date_of_birth), ("JEAN LUC", Some((1970, 1, 31))));
        assert_eq!((license.jurisdiction, license.country.as_deref()), (Some("QC"), Some("CAN")));

        let old =
            [("DAA", "PUBLIC,JOHN,QUINCY,JR"), ("DAQ", "X9"), ("DBB", "19450704"), ("DBA", "20051231"), ("DBC", "M")];
        for version in [0, 1] {
            let license = parse_license(&written(version, 636_035, "DL", &old, "\n")).unwrap();
            assert_eq!((license.surname.as_str(), license.given_names.as_str()), ("PUBLIC", "JOHN QUINCY"));
            assert_eq!((license.sex, license.version), (LicenseSex::Male, version));
            assert_eq!((license.country.as_deref(), license.jurisdiction), (Some("USA"), Some("IL")));
            assert_eq!(license.expiry, Some((2005, 12, 31)));
        }
    }

    #[test]
    fn country_follows_the_jurisdiction_if_the_issuer_is_unknown() {
        for (header, jurisdiction, country, found) in [
            ("AAMVA9999990101", "MD", "USA", Some("MD")),
            ("ANSI 9908760301", "AB", "CAN", Some("AB")),
            ("ANSI 0000000101", "qc", "CAN", Some("QC")),
            ("ANSI 6360000101", "QC", "USA", Some("VA")),
            ("ANSI 9999990101", "ZZ", "", None),
        ] {
            let text = format!("@\n{header}DL00290050DLDAQK520\nDAARIVERA,ELENA,,\nDAJ{jurisdiction}\nDBB19880914\n");
            let license = parse_license(&text).unwrap();
            assert_eq!(
                (license.country.as_deref().unwrap_or_default(), license.jurisdiction),
                (country, found),
                "{text}"
            );
            assert_eq!((license.surname.as_str(), license.given_names.as_str()), ("RIVERA", "ELENA"));
        }
    }

    #[test]
    fn names_of_every_version_are_read() {
        for (version, elements, name) in [
            (1, vec![("DAA", "RIVERA$ELENA$MARIE$")], "ELENA MARIE RIVERA"),
            (1, vec![("DAA", "RIVERA@ELENA@MARIE")], "ELENA MARIE RIVERA"),
            (1, vec![("DAB", "RIVERA"), ("DAC", "ELENA"), ("DAD", "A")], "ELENA A RIVERA"),
            (2, vec![("DCS", "RIVERA"), ("DCT", "ELENA,MARIE")], "ELENA MARIE RIVERA"),
            (3, vec![("DCS", "RIVERA"), ("DCT", "ELENA$MARIE")], "ELENA MARIE RIVERA"),
            (10, vec![("DCS", "RIVERA"), ("DAC", "ELENA"), ("DAD", "A")], "ELENA A RIVERA"),
            (10, vec![("DCS", "RIVERA"), ("DAC", "ELENA"), ("DAD", "NONE")], "ELENA RIVERA"),
            (10, vec![("DCS", "RIVERA"), ("DAC", "ELENA MARIE"), ("DAD", "MARIE")], "ELENA MARIE RIVERA"),
        ] {
            let elements = [vec![("DAQ", "F1234567")], elements].concat();
            let license = parse_license(&written(version, 636_014, "DL", &elements, "\n")).unwrap();
            assert_eq!(format!("{} {}", license.given_names, license.surname), name, "{elements:?}");
        }
    }

    #[test]
    fn licence_states_that_it_has_no_expiry_or_a_cut_name() {
        let elements = |expiry| [("DAQ", "F1"), ("DCS", "RIVERA"), ("DBA", expiry), ("DDE", "T")];
        let read = |expiry| parse_license(&written(8, 636_014, "DL", &elements(expiry), "\n")).unwrap();
        assert_eq!((read("12319999").expiry, read("12319999").has_no_expiry), (None, true));
        assert_eq!((read("99991231").expiry, read("99991231").has_no_expiry), (None, true));
        assert_eq!((read("09142030").has_no_expiry, read("09142030").are_names_cut), (false, true));
    }

    #[test]
    fn text_without_a_licence_is_none() {
        for text in ["", "@", "ANSI ", "ANSI 636000", "hello ANSI 636000100101DL00310005DLDAQ", "M1DESMARAIS/LUC"] {
            assert_eq!(parse_license(text), None, "{text}");
        }
        assert_eq!(parse_license(&written(10, 636_000, "DL", &[("DCS", "DOE")], "\n")), None, "no number");
        assert_eq!(parse_element_date("02301990"), None);
        assert_eq!(parse_element_date("00000000"), None);
        assert_eq!(parse_element_date("12/31/1990"), Some((1990, 12, 31)));
    }

    proptest! {
        #[test]
        fn any_text_parses_without_panic(text in any::<String>(), tail in "[\\x00-\\xff]{0,200}") {
            let _ = parse_license(&text);
            let _ = parse_license(&format!("@\n\x1e\rANSI 636000{tail}"));
            let _ = parse_license(&format!("@\n\x1e\rANSI 636000100002DL00410278ZV03190008DLDAQ1\n{tail}"));
        }

        #[test]
        fn written_licence_is_parsed_back(
            surname in "[A-Z][A-Z' -]{0,20}[A-Z]",
            given in "[A-Z]{2,12}( [A-Z]{2,12})?",
            number in "[A-Z0-9]{1,16}",
            year in 1900_u16..2100, month in 1_u8..13, day in 1_u8..29,
            version in 2_u8..12, issuer in 0..ISSUERS.len(), is_american: bool,
        ) {
            prop_assume!(trim_element_value(&surname).is_some() && trim_element_value(&given).is_some() && trim_element_value(&number).is_some());
            let birth = if is_american { format!("{month:02}{day:02}{year}") } else { format!("{year}{month:02}{day:02}") };
            let card = [("DAQ", number.as_str()), ("DCS", &surname), ("DAC", &given), ("DBB", &birth)];
            let license = parse_license(&written(version, ISSUERS[issuer].0, "DL", &card, "\n")).unwrap();
            prop_assert_eq!(license.surname, clean_name(&surname));
            prop_assert_eq!(license.given_names, given);
            prop_assert_eq!(license.document_number, number);
            prop_assert_eq!(license.date_of_birth, Some((year, month, day)));
            prop_assert_eq!(license.jurisdiction, Some(ISSUERS[issuer].1));
            prop_assert_eq!(license.version, version);
        }
    }
}
