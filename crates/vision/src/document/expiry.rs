//! Completes the expiry of a machine-readable source with what print states: the century, or that there is none.

use super::claims::SourceClaims;
use super::date::{ClaimedDate, Date, NO_END_YEAR, PrintedDate, find_printed_dates};
use super::labels::FieldLabel;
use super::letters::fold_to_ascii;
use super::print::PrintedText;

/// Words that stand in place of a date on documents without an end, without marks and spaces.
const NO_END_WORDS: &str = "UNBEGRENZT UNBEFRISTET UNLIMITED NOEXPIRY NOEXPIRATION INDEFINITE PERMANENT PERMANENTE \
    INDEFINIDA INDEFINIDO INDETERMINADA INDETERMINADO VITALICIA VITALICIO SINVENCIMIENTO NOCADUCA NOVENCE ILLIMITEE \
    ILLIMITE SANSLIMITE ILLIMITATA ILLIMITATO BEZTERMINOWO BEZTERMINOWY NEOMEZENE NEOMEZENO TRAJNO TRAJNA BEZOGRANICENJA \
    ONBEPERKT LIFELONG FORLIFE SEUMURHIDUP";
/// The most years ahead of today of a printed century.
const FARTHEST_YEARS: u16 = 100;

/// The claims with a full year of expiry, or without an expiry. A zone has two digits of the year: print decides the
/// century. Without print the last day of a year 99 means that there is no end.
pub(super) fn complete_expiry(claims: &SourceClaims, print: &PrintedText, today: Date) -> SourceClaims {
    let mut completed = claims.clone();
    let year = claims.expiry.and_then(|claimed| find_printed_year(claimed, claims, print, today));
    let is_open = match (claims.expiry, year) {
        (Some(claimed), _) if claimed.full_year => claimed.year == NO_END_YEAR,
        (_, Some(year)) => year == NO_END_YEAR,
        (Some(claimed), None) => is_last_day(claimed) || claimed.year % 100 == 99 && has_no_end_words(print),
        (None, None) => has_no_end_words(print),
    };
    if is_open {
        completed.expiry = None;
        completed.has_no_expiry = true;
    } else if let (Some(expiry), Some(year)) = (&mut completed.expiry, year) {
        (expiry.year, expiry.full_year) = (year, true);
    }
    completed
}

/// Whether print alone states that the document does not expire.
pub(super) fn has_printed_no_end(print: &PrintedText) -> bool {
    let mut dates = print.values_for(FieldLabel::Expiry).flat_map(|value| find_printed_dates(&value.text)).flatten();
    dates.any(|date| date.full_year && date.year == NO_END_YEAR)
}

fn is_last_day(claimed: ClaimedDate) -> bool {
    (claimed.year % 100, claimed.month, claimed.day) == (99, Some(12), Some(31))
}

/// The four digits of the year, if print has that date: beside the label, else anywhere, if it is not another date of
/// the document.
fn find_printed_year(claimed: ClaimedDate, claims: &SourceClaims, print: &PrintedText, today: Date) -> Option<u16> {
    let is_possible = |year: u16| year == NO_END_YEAR || year <= today.year() + FARTHEST_YEARS;
    let agrees = |date: &PrintedDate| date.full_year && claimed.agrees_with(*date) && is_possible(date.year);
    let years = |texts: Vec<&str>| -> Vec<u16> {
        let dates = texts.into_iter().flat_map(find_printed_dates).flatten();
        dates.filter(agrees).map(|date| date.year).collect()
    };
    let labelled = years(print.values_for(FieldLabel::Expiry).map(|value| value.text.as_str()).collect());
    if let Some(year) = labelled.first() {
        return Some(*year);
    }
    let is_other = |text: &str| {
        let others = [claims.date_of_birth, claims.issued].into_iter().flatten();
        let dates: Vec<PrintedDate> = find_printed_dates(text).into_iter().flatten().collect();
        others.into_iter().any(|other| dates.iter().any(|date| other.agrees_with(*date)))
    };
    let lines = print.lines.iter().map(|line| line.text.as_str()).filter(|text| !is_other(text));
    let found = years(lines.collect());
    found.first().copied().filter(|first| found.iter().all(|year| year == first))
}

fn has_no_end_words(print: &PrintedText) -> bool {
    let is_word = |text: &str| {
        let folded = fold_to_ascii(text);
        NO_END_WORDS.split_ascii_whitespace().any(|word| word == folded)
    };
    print.lines.iter().any(|line| is_word(&line.text) || line.text.split([':', '/']).any(is_word))
}
