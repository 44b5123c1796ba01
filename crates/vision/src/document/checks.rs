//! The checks of a document's content: check digits, both sides, dates, the issuer and the portrait.

use serde_json::Value;

use crate::finding::{Finding, Outcome};
use crate::text::TextLine;
use crate::zone::FoundZone;

use super::agreement::{Agreement, capitalise_first};
use super::claims::{CERTAIN, SourceClaims};
use super::date::{ClaimedDate, Date, find_printed_dates};
use super::letters::{MarkTolerance, spelling_distance, to_number_key};
use super::names::is_similar_word;
use super::print::{PrintedText, to_capital_words};
use super::states;
use super::{ReadBarcode, SideFace};

/// The zone's name in messages.
pub(super) const ZONE_PHRASE: &str = "the lines of letters and < signs (machine-readable zone)";
/// The barcode's name in messages.
pub(super) const BARCODE_PHRASE: &str = "the barcode";
/// The maximum age of a holder, in years: no living person is older.
const OLDEST_AGE: u16 = 120;
/// The maximum years until expiry: documents run 10 years, some identity cards of old people for decades.
const LONGEST_VALIDITY: u16 = 50;
/// The least distance between a portrait's eyes, in pixels, for a reliable comparison of faces.
const LEAST_EYE_DISTANCE: f32 = 24.0;

/// `mrz_check_digits`: every check digit of the zone (ICAO 9303 part 3, section 4.9).
pub(super) fn check_zone_digits(zone: Option<&FoundZone>, is_passport: bool) -> Finding {
    const CODE: &str = "mrz_check_digits";
    let Some(found) = zone else {
        let (outcome, message) = if is_passport {
            (
                Outcome::Warn,
                "A passport has two lines of letters and < signs at the bottom (machine-readable zone); they could \
                 not be read. Take the picture again with the whole page in view.",
            )
        } else {
            (Outcome::NotApplicable, "No lines of letters and < signs (machine-readable zone) were found.")
        };
        return Finding::new(CODE, outcome, message);
    };
    let wrong: Vec<&str> = found.zone.checks.iter().filter(|check| !check.passed).map(|check| check.field).collect();
    let (outcome, message) = match wrong.is_empty() {
        true => (Outcome::Pass, format!("The check digits in {ZONE_PHRASE} are right.")),
        // Blur breaks check digits too.
        false if found.confidence >= CERTAIN => (
            Outcome::Fail,
            format!(
                "The check digits in {ZONE_PHRASE} are wrong. The document may have been changed; have it checked."
            ),
        ),
        false => (
            Outcome::Warn,
            format!(
                "The check digits in {ZONE_PHRASE} do not add up; perhaps they are not sharp enough. \
                 Take the picture again."
            ),
        ),
    };
    let lines = found.zone.lines.iter().map(|line| Value::from(line.as_str())).collect::<Vec<_>>();
    Finding::new(CODE, outcome, message)
        .with_evidence("wrong", wrong)
        .with_evidence("confidence", round_to_thousandth(found.confidence))
        .with_evidence("lines", lines)
}

/// `mrz_kind`: whether a zone, if there is one, is of a kind that is read.
pub(super) fn check_zone_kind(zone: Option<&FoundZone>, has_unread_zone: bool) -> Finding {
    const CODE: &str = "mrz_kind";
    match zone {
        Some(found) => {
            Finding::new(CODE, Outcome::Pass, capitalise_first(&format!("{ZONE_PHRASE} are of a known kind.")))
                .with_evidence("format", found.zone.format.name())
                .with_quote("document_code", &found.zone.document_code)
        }
        None if has_unread_zone => Finding::new(
            CODE,
            Outcome::Warn,
            "Lines of letters and < signs were found and not read: they are of another kind than those of passports and \
             identity cards, or not sharp enough. A reviewer should compare them with the printed text.",
        ),
        None => Finding::new(
            CODE,
            Outcome::NotApplicable,
            "No lines of letters and < signs (machine-readable zone) were found.",
        ),
    }
}

/// `barcode_kind`: whether a barcode, if there is one, is a licence's.
pub(super) fn check_barcode_kind(barcode: &ReadBarcode) -> Finding {
    const CODE: &str = "barcode_kind";
    match barcode {
        ReadBarcode::License(license) => {
            let kind = if license.is_stripe { "magnetic_stripe" } else { "aamva" };
            Finding::new(CODE, Outcome::Pass, "The barcode is one of North American licences.")
                .with_evidence("kind", kind)
                .with_evidence("version", license.version)
        }
        ReadBarcode::Other => Finding::new(
            CODE,
            Outcome::Warn,
            "A barcode of another kind than that of North American licences was read. It says nothing about the document.",
        ),
        ReadBarcode::None => Finding::new(CODE, Outcome::NotApplicable, "No barcode was found."),
    }
}

/// Rounds a figure to three decimals for evidence.
pub(super) fn round_to_thousandth(figure: f32) -> f64 {
    (f64::from(figure) * 1_000.0).round() / 1_000.0
}

/// The fields among number, birth date and name in which two sources clearly differ.
fn list_differences(one: &SourceClaims, other: &SourceClaims) -> Vec<&'static str> {
    let mut differing = Vec::new();
    let (number, other_number) = (to_number_key(&one.document_number), to_number_key(&other.document_number));
    let holds = |claims: &SourceClaims, number: &str| {
        claims.other_numbers.iter().any(|known| to_number_key(known).contains(number))
    };
    let known = !number.is_empty() && !other_number.is_empty();
    if known && number != other_number && !holds(one, &other_number) && !holds(other, &number) {
        differing.push("document_number");
    }
    if let (Some(birth), Some(other_birth)) = (one.date_of_birth, other.date_of_birth)
        && !is_same_date(birth, other_birth)
    {
        differing.push("date_of_birth");
    }
    if has_other_name(one, other) {
        differing.push("name");
    }
    differing
}

fn is_same_date(one: ClaimedDate, other: ClaimedDate) -> bool {
    let same = |one: Option<u8>, other: Option<u8>| one.zip(other).is_none_or(|(one, other)| one == other);
    one.year % 100 == other.year % 100 && same(one.month, other.month) && same(one.day, other.day)
}

/// Whether no word of one name resembles a word of the other.
fn has_other_name(one: &SourceClaims, other: &SourceClaims) -> bool {
    let name =
        |claims: &SourceClaims| [to_capital_words(&claims.surname), to_capital_words(&claims.given_names)].concat();
    let (one, other) = (name(one), name(other));
    let glued = spelling_distance(&one.concat(), &other.concat(), MarkTolerance::MayBeLost) * 3 <= one.concat().len();
    !one.is_empty()
        && !other.is_empty()
        && !glued
        && !one.iter().any(|word| other.iter().any(|known| is_similar_word(word, known)))
}

/// `mrz_matches_barcode`: whether zone and barcode describe the same holder. Their numbers may be of different kinds
/// (an enhanced licence's zone has the card's, its barcode the driver's), so a difference in numbers alone is only a
/// warning.
pub(super) fn check_zone_and_barcode(zone: Option<&SourceClaims>, barcode: Option<&SourceClaims>) -> Finding {
    const CODE: &str = "mrz_matches_barcode";
    let (Some(zone), Some(barcode)) = (zone, barcode) else {
        return Finding::new(
            CODE,
            Outcome::NotApplicable,
            format!("The document does not have both {BARCODE_PHRASE} and {ZONE_PHRASE}."),
        );
    };
    let differing = list_differences(zone, barcode);
    let (outcome, message) = match differing.as_slice() {
        [] => (Outcome::Pass, format!("The barcode and {ZONE_PHRASE} say the same.")),
        ["document_number"] => (
            Outcome::Warn,
            format!("The barcode and {ZONE_PHRASE} have different numbers: a reviewer should compare them."),
        ),
        _ if !zone.proven => (
            Outcome::Warn,
            format!(
                "The barcode and {ZONE_PHRASE} differ, but these could not be read for certain. Take the picture again."
            ),
        ),
        _ => (
            Outcome::Fail,
            format!("The barcode and {ZONE_PHRASE} contradict each other. The document may have been changed."),
        ),
    };
    Finding::new(CODE, outcome, message).with_evidence("contradicted", differing)
}

/// The content of one side that is compared with the other side.
pub(super) struct SideComparison<'s> {
    pub(super) claims: Option<&'s SourceClaims>,
    pub(super) print: &'s PrintedText,
}

/// `sides_match`: whether both pictures show the same document.
pub(super) fn check_sides_match(front: &SideComparison<'_>, back: Option<&SideComparison<'_>>) -> Finding {
    const CODE: &str = "sides_match";
    let Some(back) = back else {
        return Finding::new(CODE, Outcome::NotApplicable, "Only one side was given.");
    };
    let contradicted = "The two pictures are of different documents. Take both sides of the same one.";
    let doubtful = "The two pictures seem to be of different documents. Take both sides of the same one again.";
    let same = "Both pictures are of the same document.";
    let (claims, print) = match (front.claims, back.claims) {
        (Some(one), Some(other)) => {
            let differing = list_differences(one, other);
            let outcome = match differing.as_slice() {
                [] => Outcome::Pass,
                _ if one.proven && other.proven && differing != ["document_number"] => Outcome::Fail,
                _ if one.proven && other.proven && one.is_same_source(other) => Outcome::Fail,
                _ => Outcome::Warn,
            };
            let message = match outcome {
                Outcome::Pass => same,
                Outcome::Fail => contradicted,
                _ => doubtful,
            };
            return Finding::new(CODE, outcome, message).with_evidence("contradicted", differing);
        }
        (Some(claims), None) => (claims, back.print),
        (None, Some(claims)) => (claims, front.print),
        (None, None) => {
            return Finding::new(CODE, Outcome::NotApplicable, "Nothing on the two sides could be compared.");
        }
    };
    let agreement = Agreement::compare_claims(claims, print);
    if agreement.finds_identity_field() && !agreement.is_contradicted() {
        return Finding::new(CODE, Outcome::Pass, same);
    }
    let others = has_other_dates(claims, print);
    match (agreement.is_contradicted() || others, claims.proven) {
        (true, true) => Finding::new(CODE, Outcome::Fail, contradicted),
        (true, false) => Finding::new(CODE, Outcome::Warn, doubtful),
        (false, _) => Finding::new(CODE, Outcome::NotApplicable, "Nothing on the two sides could be compared."),
    }
}

/// Whether at least two dates were read with certainty, and none of them is one of the document's.
fn has_other_dates(claims: &SourceClaims, print: &PrintedText) -> bool {
    let certain = print.lines.iter().filter(|line| line.score >= CERTAIN);
    let dates: Vec<_> = certain.flat_map(|line| find_printed_dates(&line.text)).collect();
    let known: Vec<ClaimedDate> = [claims.date_of_birth, claims.expiry, claims.issued].into_iter().flatten().collect();
    let mut others: Vec<_> =
        dates.iter().filter_map(|readings| readings.first()).map(|date| (date.year, date.month, date.day)).collect();
    others.sort_unstable();
    others.dedup();
    let ours = dates.iter().flatten().any(|date| known.iter().any(|known| known.agrees_with(*date)));
    others.len() >= 2 && !known.is_empty() && !ours
}

/// The dates of a document, and whether a machine-readable source proves them.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DocumentDates {
    pub(super) birth: Option<ClaimedDate>,
    pub(super) expiry: Option<ClaimedDate>,
    pub(super) has_no_expiry: bool,
    pub(super) issued: Option<ClaimedDate>,
    pub(super) proven: bool,
    /// Issue dates are mostly in print only, where they may be misread.
    pub(super) issued_proven: bool,
}

/// `expired`: a document is valid to the end of its last day; an unknown day means the end of the month.
pub(super) fn check_expiry(dates: &DocumentDates, today: Date) -> Finding {
    const CODE: &str = "expired";
    if dates.has_no_expiry {
        return Finding::new(CODE, Outcome::Pass, "The document does not expire.")
            .with_evidence("expiry", "none")
            .with_evidence("today", today.to_string());
    }
    let Some(last) = dates.expiry.and_then(ClaimedDate::latest_day) else {
        return Finding::new(CODE, Outcome::NotApplicable, "No date of expiry was read.");
    };
    let (outcome, message) = match (last < today, dates.proven) {
        (false, _) => (Outcome::Pass, "The document has not expired."),
        (true, true) => (Outcome::Fail, "The document has expired. Use one that is valid."),
        (true, false) => {
            (Outcome::Warn, "The document seems to have expired, but its date could not be read for certain.")
        }
    };
    Finding::new(CODE, outcome, message)
        .with_evidence("expiry", last.to_string())
        .with_evidence("today", today.to_string())
}

/// `dates_plausible`: whether the dates exist and their order is possible for a person and a document.
pub(super) fn check_plausible_dates(dates: &DocumentDates, today: Date) -> Finding {
    const CODE: &str = "dates_plausible";
    let known = [("date_of_birth", dates.birth), ("expiry", dates.expiry), ("issued", dates.issued)];
    if known.iter().all(|(_, date)| date.is_none()) {
        return Finding::new(CODE, Outcome::NotApplicable, "No dates were read.");
    }
    let exact = |date: Option<ClaimedDate>| date.and_then(ClaimedDate::latest_day);
    let (birth, expiry, issued) = (exact(dates.birth), exact(dates.expiry), exact(dates.issued));
    let pair = |one: Option<Date>, other: Option<Date>, wrong: fn(Date, Date) -> bool| {
        one.zip(other).is_some_and(|(a, b)| wrong(a, b))
    };
    let of_birth = dates.birth.is_some_and(|date| !date.can_exist());
    let of_expiry = dates.expiry.is_some_and(|date| !date.can_exist());
    let first_of_birth = dates.birth.and_then(ClaimedDate::earliest_day);
    let proven_problems = [
        (of_birth, "birth_does_not_exist"),
        (of_expiry, "expiry_does_not_exist"),
        (first_of_birth.is_some_and(|birth| birth > today), "birth_in_the_future"),
        (birth.is_some_and(|birth| birth.add_years(OLDEST_AGE + 1) <= today), "holder_too_old"),
        (pair(birth, expiry, |birth, expiry| expiry <= birth), "expiry_before_birth"),
        (expiry.is_some_and(|expiry| is_too_far_ahead(expiry, today)), "expiry_too_far_ahead"),
    ];
    let issue_problems = [
        (dates.issued.is_some_and(|date| !date.can_exist()), "issue_does_not_exist"),
        (issued.is_some_and(|issued| issued > today), "issue_in_the_future"),
        (pair(birth, issued, |birth, issued| issued < birth), "issue_before_birth"),
        (pair(issued, expiry, |issued, expiry| expiry <= issued), "expiry_before_issue"),
    ];
    let named = |problems: &[(bool, &'static str)]| {
        problems.iter().filter(|(is_so, _)| *is_so).map(|(_, name)| *name).collect::<Vec<_>>()
    };
    let (proven, of_issue) = (named(&proven_problems), named(&issue_problems));
    let certain = (!proven.is_empty() && dates.proven) || (!of_issue.is_empty() && dates.issued_proven);
    let problems = [proven, of_issue].concat();
    let (outcome, message) = match (problems.is_empty(), certain) {
        (true, _) => (Outcome::Pass, "The dates on the document are plausible."),
        (false, true) => (Outcome::Fail, "The dates on the document cannot be true. Have it checked."),
        (false, false) => (
            Outcome::Warn,
            "The dates on the document do not fit together; perhaps they were misread. Take the picture again.",
        ),
    };
    let mut finding = Finding::new(CODE, outcome, message).with_evidence("problems", problems);
    for (name, date) in known {
        if let Some(date) = exact(date) {
            finding = finding.with_evidence(name, date.to_string());
        }
    }
    finding
}

/// Whether no document runs that long. The year 2099 stands for "no end".
fn is_too_far_ahead(expiry: Date, today: Date) -> bool {
    expiry > today.add_years(LONGEST_VALIDITY) && expiry.year() != 2099
}

/// `issuing_state`: whether such a state issues documents (ISO 3166-1, ICAO 9303 part 3, section 5). No check digit
/// covers the letters. So an unknown state is a contradiction only if all letters were read with certainty and the
/// nationality is unknown too.
pub(super) fn check_issuing_state(claims: Option<&SourceClaims>) -> Finding {
    const CODE: &str = "issuing_state";
    let Some(claims) = claims.filter(|claims| !claims.issuing_state.is_empty()) else {
        return Finding::new(CODE, Outcome::NotApplicable, "No issuing state was read.");
    };
    let strange_holder = !claims.nationality.is_empty() && !states::is_nationality(&claims.nationality);
    let (outcome, message) = if claims.is_specimen() {
        (Outcome::Pass, "The issuing state is the one that specimens name.")
    } else if states::is_issuer(&claims.issuing_state) {
        (Outcome::Pass, "The issuing state exists.")
    } else if claims.proven && claims.sure && strange_holder {
        (Outcome::Fail, "No such state issues documents. Have the document checked.")
    } else {
        (Outcome::Warn, "The issuing state was not recognised; perhaps it was misread. Take the picture again.")
    };
    Finding::new(CODE, outcome, message)
        .with_quote("issuing_state", &claims.issuing_state)
        .with_quote("nationality", &claims.nationality)
}

/// `specimen`: whether the document declares itself a specimen. The other checks run all the same, so that specimens
/// can be used to try the service out.
pub(super) fn check_specimen(claims: Option<&SourceClaims>) -> Finding {
    const CODE: &str = "specimen";
    match claims {
        None => Finding::new(CODE, Outcome::NotApplicable, "No issuing state was read."),
        Some(claims) if claims.is_specimen() => {
            Finding::new(CODE, Outcome::Warn, "This is a specimen of a made-up state, not a real document.")
        }
        Some(_) => Finding::new(CODE, Outcome::Pass, "The document does not say that it is a specimen."),
    }
}

/// `portrait_present`: one holder's face. Smaller second copies of it are normal; a face of another person is not.
pub(super) fn check_portrait(faces: &[SideFace], on_back: bool) -> Finding {
    const CODE: &str = "portrait_present";
    let Some(main) = faces.first() else {
        return Finding::new(
            CODE,
            Outcome::Fail,
            "No portrait was found. Take a picture of the side with the portrait, without glare.",
        );
    };
    let others = faces.iter().skip(1).filter(|face| face.is_other_person).count();
    let (outcome, message) = if others > 0 {
        (Outcome::Fail, "More than one person is in the picture. Take a picture of the document alone.")
    } else if on_back {
        (Outcome::Warn, "The portrait is on the picture that was sent as the back; perhaps the sides are swapped.")
    } else if main.face.eye_distance < LEAST_EYE_DISTANCE {
        (Outcome::Warn, "The portrait is too small to be compared reliably. Take the picture from nearer.")
    } else {
        (Outcome::Pass, "The document has a portrait.")
    };
    Finding::new(CODE, outcome, message)
        .with_evidence("faces", faces.len())
        .with_evidence("other_persons", others)
        .with_evidence("eye_distance", round_to_thousandth(main.face.eye_distance))
}

/// Whether enough was read with certainty to prove the picture sharp and large enough, independent of its figures.
pub(super) fn is_readable(lines: &[TextLine], zone: Option<&FoundZone>) -> bool {
    /// A card's side has at least this many lines.
    const ENOUGH: usize = 6;
    zone.is_some_and(|found| found.zone.is_valid())
        || lines.iter().filter(|line| line.score >= CERTAIN).count() >= ENOUGH
}

#[cfg(test)]
mod tests;
