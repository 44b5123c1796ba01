//! Parses the magnetic stripe of a North American licence: some issuers write its tracks into the barcode as they are
//! (AAMVA DL/ID Card Design Standard, annex on magnetic stripes; ISO/IEC 7811).

use super::names::{HolderNames, split_joined_name};
use super::{License, LicenseAddress, LicenseDate, LicenseSex, country_of_jurisdiction, find_issuer, parse_sex};
use crate::calendar::days_in_month;

/// The lengths of the fields of track 1 that a caret ends earlier if they are shorter: city, name and address.
const CITY_LENGTH: usize = 13;
const NAME_LENGTH: usize = 35;
/// Track 3: the postal code after the two characters of its version, and the sex after class, restrictions and
/// endorsements.
const POSTAL_CODE: std::ops::Range<usize> = 2..13;
const SEX: usize = 29;
/// Months of expiry with a meaning of their own: no expiry, the end of the month of birth, the day of birth.
const NO_EXPIRY: u8 = 77;
const END_OF_BIRTH_MONTH: u8 = 88;
const BIRTHDAY: u8 = 99;

/// The tracks without the signs around them.
#[derive(Default)]
struct Tracks<'t> {
    first: &'t str,
    second: &'t str,
    third: &'t str,
}

/// Parses the text of tracks 1 to 3. `None` without a second track of a known issuer, or without a date of birth in it.
pub(super) fn parse_tracks(text: &str) -> Option<License> {
    let tracks = split_tracks(text);
    let (account, rest) = tracks.second.split_once('=')?;
    let is_numeric = account.bytes().all(|byte| byte.is_ascii_digit());
    let (issuer, number) = account.split_at_checked(6).filter(|(_, number)| is_numeric && !number.is_empty())?;
    let (jurisdiction, country) = find_issuer(issuer.parse().ok()?).or_else(|| {
        let named = tracks.first.get(..2)?;
        country_of_jurisdiction(named)
    })?;
    let birth = parse_birth(rest.get(4..12)?)?;
    let overflow = rest.get(12..).unwrap_or_default().split('=').next().unwrap_or_default().trim();
    let place = split_first_track(tracks.first);
    let names = split_joined_name(place.name);
    let third = |range: std::ops::Range<usize>| tracks.third.get(range).map(str::trim).filter(|text| !text.is_empty());
    let mut lines = place.address.split('$').map(str::trim).filter(|line| !line.is_empty());
    let (expiry, has_no_expiry) = parse_expiry(rest.get(..4)?, birth);
    let HolderNames { surname, given_names } = names;
    Some(License {
        surname,
        given_names,
        document_number: format!("{number}{overflow}"),
        date_of_birth: Some(birth),
        expiry,
        has_no_expiry,
        issued: None,
        sex: third(SEX..SEX + 1).map_or(LicenseSex::Unspecified, parse_sex),
        country: Some(country.to_owned()),
        jurisdiction: Some(jurisdiction),
        address: LicenseAddress {
            street: lines.next().map(str::to_owned),
            street_2: None,
            city: Some(place.city.trim().to_owned()).filter(|city| !city.is_empty()),
            state: tracks.first.get(..2).map(str::to_owned),
            postal_code: third(POSTAL_CODE).map(str::to_owned),
        },
        compliant: None,
        version: 0,
        are_names_cut: place.name.chars().count() >= NAME_LENGTH,
        is_stripe: true,
    })
}

/// Splits the text at the end signs of its tracks and tells the tracks by their start signs.
fn split_tracks(text: &str) -> Tracks<'_> {
    let mut tracks = Tracks::default();
    for part in text.split('?') {
        let part = part.trim_start_matches(|sign: char| sign == '_' || sign.is_whitespace() || sign.is_control());
        let Some((start, content)) = part.char_indices().nth(1).map(|(at, _)| part.split_at(at)) else { continue };
        match start {
            ";" if tracks.second.is_empty() => tracks.second = content,
            "%" if tracks.first.is_empty() && content.starts_with(|letter: char| letter.is_ascii_alphabetic()) => {
                tracks.first = content;
            }
            "%" | "#" | "+" | "!" if tracks.third.is_empty() => tracks.third = content,
            _ => {}
        }
    }
    tracks
}

struct FirstTrack<'t> {
    city: &'t str,
    name: &'t str,
    address: &'t str,
}

fn split_first_track(track: &str) -> FirstTrack<'_> {
    let rest = track.get(2..).unwrap_or_default();
    let (city, rest) = take_field(rest, CITY_LENGTH);
    let (name, rest) = take_field(rest, NAME_LENGTH);
    FirstTrack { city, name, address: rest.split('^').next().unwrap_or_default() }
}

/// A field, up to its caret or its full length, and what comes behind it.
fn take_field(text: &str, longest: usize) -> (&str, &str) {
    let full = text.char_indices().nth(longest).map_or(text.len(), |(at, _)| at);
    match text.find('^') {
        Some(end) if end <= full => (&text[..end], &text[end + 1..]),
        _ => text.split_at(full),
    }
}

fn parse_birth(digits: &str) -> Option<LicenseDate> {
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<u16>().ok();
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    let exists = (1880..=2199).contains(&year) && (1..=days_in_month(year, month)).contains(&day);
    exists.then_some((year, month, day))
}

/// The expiry, with the day 0 if the track does not state it, and whether there is none.
fn parse_expiry(digits: &str, birth: LicenseDate) -> (Option<LicenseDate>, bool) {
    let number = |text: Option<&str>| text.and_then(|text| text.parse::<u8>().ok());
    let (Some(year), Some(month)) = (number(digits.get(..2)), number(digits.get(2..4))) else { return (None, false) };
    let year = 2000 + u16::from(year);
    match month {
        NO_EXPIRY => (None, true),
        END_OF_BIRTH_MONTH => (Some((year, birth.1, days_in_month(year, birth.1))), false),
        BIRTHDAY => (Some((year, birth.1, birth.2.min(days_in_month(year, birth.1)))), false),
        1..=12 => (Some((year, month, 0)), false),
        _ => (None, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VANCOUVER: &str = "%BCVANCOUVER^RIVERA,$ELENA MARIE^12 ORCHARD LN$VANCOUVER BC  V6B 1A1^?;6360281234567=310919880914=?\
        _%0AV6B1A1                     F168 60BRNBLU9876543210                                     ?";

    #[test]
    fn tracks_of_british_columbia_are_parsed() {
        let license = parse_tracks(VANCOUVER).unwrap();
        assert_eq!((license.surname.as_str(), license.given_names.as_str()), ("RIVERA", "ELENA MARIE"));
        assert_eq!((license.document_number.as_str(), license.jurisdiction), ("1234567", Some("BC")));
        assert_eq!((license.date_of_birth, license.expiry), (Some((1988, 9, 14)), Some((2031, 9, 0))));
        assert_eq!((license.sex, license.country.as_deref()), (LicenseSex::Female, Some("CAN")));
        assert_eq!(license.address.street.as_deref(), Some("12 ORCHARD LN"));
        assert_eq!(
            (license.address.city.as_deref(), license.address.state.as_deref()),
            (Some("VANCOUVER"), Some("BC"))
        );
        assert_eq!(license.address.postal_code.as_deref(), Some("V6B1A1"));
    }

    #[test]
    fn other_forms_of_tracks_are_parsed() {
        for (text, name, number, expiry) in [
            // A city of full length has no caret.
            (
                "%FLFORT LAUDERDADOE$JOHN$Q^1 MAIN ST^?;636010012345678=309919800229=?",
                "JOHN Q DOE",
                "012345678",
                Some((2030, 2, 28)),
            ),
            ("%TXAUSTIN^DOE$JANE^^?\n;63601512345678=298819700131=?", "JANE DOE", "12345678", Some((2029, 1, 31))),
            ("%MIX^DOE$JANE^^?;6360321234567890123=3077197001314567=?", "JANE DOE", "12345678901234567", None),
            (";636028999=310119880914?", "", "999", Some((2031, 1, 0))),
        ] {
            let license = parse_tracks(text).unwrap_or_else(|| panic!("{text}"));
            let read = format!("{} {}", license.given_names, license.surname);
            assert_eq!((read.trim(), license.document_number.as_str()), (name, number), "{text}");
            assert_eq!(license.expiry, expiry, "{text}");
            assert_eq!(license.has_no_expiry, expiry.is_none(), "{text}");
        }
    }

    #[test]
    fn stripes_of_other_cards_are_not_licences() {
        for text in [
            "%B4111111111111111^DOE/JANE^30122011000?;4111111111111111=30122011000?",
            ";636028=310919880914=?",
            ";6360281234567=310919881314=?",
            ";6360281234567?",
            "%BC?;?",
            "???",
            "",
        ] {
            assert_eq!(parse_tracks(text), None, "{text}");
        }
    }
}
