//! Compares a machine-readable source with the printed text.
//!
//! Print is misread, its form differs from country to country, and some of its letters cannot be read at all. So a
//! field that is not found proves nothing. Only a different value, read with certainty in the place that a label marks
//! for the field, is a contradiction.

use serde_json::Value;

use crate::finding::{Finding, Outcome};

use super::claims::{CERTAIN, SourceClaims};
use super::date::{ClaimedDate, Date, find_printed_dates, has_month_of};
use super::labels::FieldLabel;
use super::letters::{fold_to_ascii, split_words, to_number_key};
use super::names::{MOST_NAME_WORDS, find_printed_name, find_printed_word, is_another_name, text_of_words};
use super::print::{LabelledValue, PrintedText, parse_document_number};
use super::states;

/// The least mean probability at which one differing character counts as read: a single wrong digit hardly lowers a
/// line's mean.
const VERY_CERTAIN: f32 = 0.96;
/// The fewest letters of a name that was cut off.
const LEAST_CUT_NAME: usize = 3;

/// The result for one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum FieldMatch {
    /// The source leaves the field empty.
    Unclaimed,
    /// The value as printed.
    Found(String),
    NotFound,
    /// A different value is in the field's place.
    Contradicted(String),
}

impl FieldMatch {
    pub(super) fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }

    pub(super) fn is_contradicted(&self) -> bool {
        matches!(self, Self::Contradicted(_))
    }
}

/// The result for each field of a source.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    pub(super) surname: FieldMatch,
    pub(super) given_names: FieldMatch,
    pub(super) document_number: FieldMatch,
    pub(super) date_of_birth: FieldMatch,
    pub(super) expiry: FieldMatch,
    pub(super) nationality: FieldMatch,
    /// The printed names, if they equal the source's letter for letter once their marks are written out.
    pub(super) spelling: PrintedSpelling,
}

/// Names in the spelling of the printed text.
#[derive(Clone, Debug, Default)]
pub(super) struct PrintedSpelling {
    pub(super) surname: Option<String>,
    pub(super) given_names: Option<String>,
    /// Whether print has the end of a name that was cut off.
    pub(super) is_whole: bool,
}

impl Agreement {
    pub(super) fn compare_claims(claims: &SourceClaims, print: &PrintedText) -> Self {
        let surname = match_name(&claims.surname, FieldLabel::Surname, claims, print);
        let given_names = match_name(&claims.given_names, FieldLabel::GivenNames, claims, print);
        let spelling = |claimed: &str| {
            find_printed_name(claimed, print).filter(|name| name.adds_marks_to(claimed)).map(|name| name.text)
        };
        let longer = |claimed: &str, field| {
            if claims.cut { find_longer_name(claimed, field, print) } else { None }
        };
        let longer_surname = longer(&claims.surname, FieldLabel::Surname);
        let longer_given = longer(&claims.given_names, FieldLabel::GivenNames);
        Self {
            spelling: PrintedSpelling {
                is_whole: longer_surname.is_some() || longer_given.is_some(),
                surname: longer_surname.or_else(|| spelling(&claims.surname)),
                given_names: longer_given.or_else(|| spelling(&claims.given_names)),
            },
            surname,
            given_names,
            document_number: match_document_number(claims, print),
            date_of_birth: match_date(claims.date_of_birth, FieldLabel::DateOfBirth, claims, print),
            expiry: match_date(claims.expiry, FieldLabel::Expiry, claims, print),
            nationality: match_nationality(claims, print),
        }
    }

    pub(super) fn matches_by_field(&self) -> [(&'static str, &FieldMatch); 6] {
        [
            ("surname", &self.surname),
            ("given_names", &self.given_names),
            ("document_number", &self.document_number),
            ("date_of_birth", &self.date_of_birth),
            ("expiry", &self.expiry),
            ("nationality", &self.nationality),
        ]
    }

    pub(super) fn is_contradicted(&self) -> bool {
        self.matches_by_field().iter().any(|(_, field)| field.is_contradicted())
    }

    /// Whether any field that identifies the holder was found.
    pub(super) fn finds_identity_field(&self) -> bool {
        self.matches_by_field().iter().take(4).any(|(_, field)| field.is_found())
    }

    /// Whether the name was found, the number or the birth date too, and more than half of the five fields.
    pub(super) fn is_sufficient(&self) -> bool {
        let fields = self.matches_by_field();
        let five = fields.iter().take(5).filter(|(_, field)| **field != FieldMatch::Unclaimed);
        let (mut claimed, mut found) = (0, 0);
        for (_, field) in five {
            claimed += 1;
            found += usize::from(field.is_found());
        }
        let stands = |field: &FieldMatch| field.is_found() || *field == FieldMatch::Unclaimed;
        let names = stands(&self.surname) && stands(&self.given_names);
        let named = names && (self.surname.is_found() || self.given_names.is_found());
        named && (self.document_number.is_found() || self.date_of_birth.is_found()) && found * 2 > claimed
    }
}

/// Builds the finding. A source that is not proven may itself be misread: then a contradiction only gives a warning.
pub(super) fn agreement_finding(
    code: &'static str,
    source: &str,
    claims: &SourceClaims,
    agreement: &Agreement,
) -> Finding {
    let (outcome, message) = if agreement.is_contradicted() && claims.proven {
        (
            Outcome::Fail,
            format!(
                "{source} and the printed text contradict each other. The document may have been \
                 changed; have it checked."
            ),
        )
    } else if agreement.is_contradicted() {
        (
            Outcome::Warn,
            format!(
                "{source} and the printed text differ, but {source} could not be read for certain. \
                 Take the picture again."
            ),
        )
    } else if agreement.is_sufficient() {
        (Outcome::Pass, format!("{source} and the printed text say the same."))
    } else {
        (
            Outcome::Warn,
            format!(
                "Not enough of what {source} says was found in the printed text. Take a sharper picture, and send both \
                 sides of a card."
            ),
        )
    };
    let names = |wanted: fn(&FieldMatch) -> bool| {
        let named = agreement.matches_by_field().into_iter().filter(|(_, field)| wanted(field));
        Value::from(named.map(|(name, _)| name).collect::<Vec<_>>())
    };
    let mut finding = Finding::new(code, outcome, capitalise_first(&message))
        .with_evidence("found", names(FieldMatch::is_found))
        .with_evidence("not_found", names(|field| *field == FieldMatch::NotFound))
        .with_evidence("contradicted", names(FieldMatch::is_contradicted));
    for (name, field) in agreement.matches_by_field() {
        if let FieldMatch::Contradicted(printed) = field {
            finding = finding.with_quote(printed_evidence_name(name), printed);
        }
    }
    let spelling = [
        ("surname_as_printed", &agreement.spelling.surname),
        ("given_names_as_printed", &agreement.spelling.given_names),
    ];
    for (name, spelled) in spelling {
        if let Some(spelled) = spelled {
            finding = finding.with_quote(name, spelled);
        }
    }
    finding
}

pub(super) fn capitalise_first(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn printed_evidence_name(field: &str) -> &'static str {
    match field {
        "surname" => "printed_surname",
        "given_names" => "printed_given_names",
        "document_number" => "printed_document_number",
        "date_of_birth" => "printed_date_of_birth",
        "expiry" => "printed_expiry",
        _ => "printed_nationality",
    }
}

fn match_name(claimed: &str, field: FieldLabel, claims: &SourceClaims, print: &PrintedText) -> FieldMatch {
    if claimed.is_empty() {
        return FieldMatch::Unclaimed;
    }
    if let Some(name) = find_printed_name(claimed, print) {
        return FieldMatch::Found(name.text);
    }
    if let Some(longer) = find_longer_name(claimed, field, print).filter(|_| claims.cut) {
        return FieldMatch::Found(longer);
    }
    let cut = claims.cut;
    let last = claimed.split(' ').count() - 1;
    let initials = claimed.split(' ').any(|word| word.len() > 1);
    let words = claimed.split(' ').enumerate();
    let parts: Option<Vec<String>> = words
        .map(|(at, word)| find_printed_word(word, (cut && at == last) || (initials && word.len() == 1), print))
        .collect();
    if let Some(parts) = parts {
        return FieldMatch::Found(parts.join(" "));
    }
    // No check digit covers a zone's letters, so both readings must be certain.
    let other = |value: &&LabelledValue| claims.sure && value.score >= CERTAIN && is_another_name(&value.text, claims);
    find_contradiction(field, print, other)
}

/// The printed name beside a label that begins with a name that was cut off, and goes on.
fn find_longer_name(claimed: &str, field: FieldLabel, print: &PrintedText) -> Option<String> {
    let start = fold_to_ascii(claimed);
    let begins = |value: &&LabelledValue| {
        let whole = fold_to_ascii(&value.text);
        start.len() >= LEAST_CUT_NAME && whole.len() > start.len() && whole.starts_with(&start)
    };
    print.values_for(field).find(begins).map(|value| value.text.trim().to_owned())
}

/// A contradiction needs a different value in each of the field's places; one doubtful reading prevents it.
fn find_contradiction<'p>(
    field: FieldLabel,
    print: &'p PrintedText,
    other: impl Fn(&&'p LabelledValue) -> bool,
) -> FieldMatch {
    let values: Vec<&LabelledValue> = print.values_for(field).collect();
    match values.first() {
        Some(first) if values.iter().all(other) => FieldMatch::Contradicted(first.text.clone()),
        _ => FieldMatch::NotFound,
    }
}

fn match_document_number(claims: &SourceClaims, print: &PrintedText) -> FieldMatch {
    let claimed = to_number_key(&claims.document_number);
    if claimed.is_empty() {
        return FieldMatch::Unclaimed;
    }
    let found = find_printed_number(&claimed, print);
    let others: Vec<String> = claims.other_numbers.iter().map(|other| to_number_key(other)).collect();
    let other = |value: &&LabelledValue| {
        let Some(printed) = parse_document_number(&value.text).map(|number| to_number_key(&number)) else {
            return false;
        };
        let known = others.iter().any(|other| other.contains(&printed) || printed.contains(other.as_str()));
        !known && is_another_number(&printed, &claimed, value.score)
    };
    combine_matches(found, find_contradiction(FieldLabel::DocumentNumber, print, other))
}

/// A value found anywhere counts as found unless the field's own place holds another: then neither is believed.
fn combine_matches(found: Option<String>, otherwise: FieldMatch) -> FieldMatch {
    match (found, otherwise) {
        (Some(found), FieldMatch::NotFound) => FieldMatch::Found(found),
        (Some(_), FieldMatch::Contradicted(_)) => FieldMatch::NotFound,
        (_, otherwise) => otherwise,
    }
}

/// Finds the claimed number in a line, with no digits directly before or after it. Print divides numbers by spaces and
/// hyphens.
pub(super) fn find_printed_number(claimed: &str, print: &PrintedText) -> Option<String> {
    for line in &print.lines {
        let words = split_words(&line.text);
        for start in 0..words.len() {
            for count in 1..=MOST_NAME_WORDS.min(words.len() - start) {
                let Some(text) = text_of_words(&line.text, words.get(start..start + count)) else { continue };
                let printed = to_number_key(text);
                if printed == claimed {
                    return Some(text.to_owned());
                }
                // `NoL898902C3`: recognisers lose the space after a label.
                let lead = printed.strip_suffix(claimed).unwrap_or_default();
                if count == 1
                    && claimed.len() >= 6
                    && !lead.is_empty()
                    && lead.chars().all(|letter| letter.is_alphabetic() || letter == '0')
                {
                    return Some(text.to_owned());
                }
            }
        }
    }
    None
}

/// Whether a printed number has the form of the claimed one but differs: by one character if the print is very certain
/// and the two characters are not confusable, or by two and more.
fn is_another_number(printed: &str, claimed: &str, score: f32) -> bool {
    if printed.len() != claimed.len() || score < CERTAIN {
        return false;
    }
    let pairs = || printed.chars().zip(claimed.chars());
    let same_form = pairs().filter(|(one, other)| one.is_ascii_digit() == other.is_ascii_digit()).count();
    let differing = pairs().filter(|(one, other)| one != other).count();
    let unlike = pairs().filter(|(one, other)| one != other && !are_confusable(*one, *other)).count();
    same_form + 1 >= claimed.len() && unlike > 0 && (differing >= 2 || score >= VERY_CERTAIN)
}

fn are_confusable(one: char, other: char) -> bool {
    const ALIKE: [&str; 7] = ["0OQD", "1IL7", "8B3", "5S6", "2Z7", "6G", "4A"];
    ALIKE.iter().any(|group| group.contains(one) && group.contains(other))
}

fn match_date(
    claimed: Option<ClaimedDate>,
    field: FieldLabel,
    claims: &SourceClaims,
    print: &PrintedText,
) -> FieldMatch {
    let Some(claimed) = claimed.filter(|claimed| claimed.month.is_some()) else { return FieldMatch::Unclaimed };
    let agrees = |text: &str| {
        let dates = find_printed_dates(text);
        let squeezed = split_words(text).iter().any(|word| claimed.agrees_with_digits(word.text_in(text)));
        let is_month = claimed.day.is_none() && has_month_of(claimed, text);
        squeezed || is_month || dates.iter().flatten().any(|date| claimed.agrees_with(*date))
    };
    let found = print.lines.iter().find(|line| agrees(&line.text)).map(|line| line.text.clone());
    // A date that the source states for another field is a mistake of layout, not a contradiction.
    let elsewhere = |text: &str| {
        let dates = find_printed_dates(text);
        let known = [claims.date_of_birth, claims.expiry, claims.issued];
        known.into_iter().flatten().any(|known| dates.iter().flatten().any(|date| known.agrees_with(*date)))
    };
    let other = |value: &&LabelledValue| {
        let differing = count_differing_digits(claimed, &value.text);
        let certain = if differing >= 2 { CERTAIN } else { VERY_CERTAIN };
        differing > 0 && value.score >= certain && !agrees(&value.text) && !elsewhere(&value.text)
    };
    combine_matches(found, find_contradiction(field, print, other))
}

/// The number of digits in which the closest reading of a printed date differs from the claimed one.
fn count_differing_digits(claimed: ClaimedDate, text: &str) -> usize {
    let digits = |year: u16, month: u8, day: u8| format!("{:02}{month:02}{day:02}", year % 100);
    let apart = |date: &super::date::PrintedDate| {
        let one = digits(date.year, date.month, date.day);
        let other = digits(claimed.year, claimed.month.unwrap_or(date.month), claimed.day.unwrap_or(date.day));
        one.chars().zip(other.chars()).filter(|(one, other)| one != other).count()
    };
    find_printed_dates(text).iter().flatten().map(apart).min().unwrap_or_default()
}

fn match_nationality(claims: &SourceClaims, print: &PrintedText) -> FieldMatch {
    let claimed = claims.nationality.as_str();
    if claimed.is_empty() {
        return FieldMatch::Unclaimed;
    }
    let code = |text: &str| if claimed == "D" { text == "D" || text == "DEU" } else { text == claimed };
    for line in &print.lines {
        if let Some(word) = split_words(&line.text).iter().map(|word| word.text_in(&line.text)).find(|word| code(word))
        {
            return FieldMatch::Found(word.to_owned());
        }
    }
    // Words such as `DEUTSCH` do not contradict a code; another state's code does.
    let other = |value: &&LabelledValue| {
        let printed = value.text.trim();
        claims.sure
            && value.score >= VERY_CERTAIN
            && printed.len() == 3
            && states::is_nationality(printed)
            && printed != claims.issuing_state
    };
    find_contradiction(FieldLabel::Nationality, print, other)
}

/// Takes the four-digit year of birth from print if it is the claimed date in another century: the zone has two digits.
pub(super) fn add_printed_century(claimed: ClaimedDate, print: &PrintedText, today: Date) -> ClaimedDate {
    let labelled =
        print.values_for(FieldLabel::DateOfBirth).flat_map(|value| find_printed_dates(&value.text)).flatten();
    let mut agreeing = labelled.filter(|date| date.full_year && claimed.agrees_with(*date));
    let year = agreeing.find(|date| date.year <= today.year() && date.year + 130 > today.year()).map(|date| date.year);
    ClaimedDate { year: year.filter(|_| !claimed.full_year).unwrap_or(claimed.year), ..claimed }
}
