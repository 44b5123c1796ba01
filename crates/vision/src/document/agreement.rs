//! Whether a machine-readable source and the printed text say the same.
//!
//! Print is read with mistakes, in forms that differ from country to country, and partly in letters that are not read
//! at all. So a field that is not found proves nothing; only another value, read with certainty in the place that a
//! label gives to the field, contradicts.

use serde_json::Value;

use crate::finding::{Finding, Outcome};

use super::claims::{CERTAIN, Claims};
use super::date::{ClaimedDate, Date, printed_dates};
use super::labels::Field;
use super::letters::{number_key, words};
use super::names::{MOST_WORDS, is_another_name, printed_name, printed_word, span};
use super::print::{Labelled, Print, number};
use super::states;

/// From which mean probability one differing character counts as read: a single wrong digit hardly lowers a line's
/// mean.
const VERY_CERTAIN: f32 = 0.96;
/// What print says of one field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Match {
    /// The source leaves it empty.
    Unclaimed,
    /// As it is printed.
    Found(String),
    NotFound,
    /// Another value stands in the field's place.
    Contradicted(String),
}

impl Match {
    pub(super) fn is_found(&self) -> bool {
        matches!(self, Self::Found(_))
    }

    pub(super) fn is_contradicted(&self) -> bool {
        matches!(self, Self::Contradicted(_))
    }
}

/// What print says of each field of a source.
#[derive(Clone, Debug)]
pub(super) struct Agreement {
    pub(super) surname: Match,
    pub(super) given_names: Match,
    pub(super) document_number: Match,
    pub(super) date_of_birth: Match,
    pub(super) expiry: Match,
    pub(super) nationality: Match,
    /// The printed names, where they are the source's letter for letter once their marks are written out.
    pub(super) spelling: Spelling,
}

/// Names as print spells them.
#[derive(Clone, Debug, Default)]
pub(super) struct Spelling {
    pub(super) surname: Option<String>,
    pub(super) given_names: Option<String>,
}

impl Agreement {
    pub(super) fn between(claims: &Claims, print: &Print) -> Self {
        let surname = name(&claims.surname, Field::Surname, claims, print);
        let given_names = name(&claims.given_names, Field::GivenNames, claims, print);
        let spelling =
            |claimed: &str| printed_name(claimed, print).filter(|name| name.adds(claimed)).map(|name| name.text);
        Self {
            spelling: Spelling { surname: spelling(&claims.surname), given_names: spelling(&claims.given_names) },
            surname,
            given_names,
            document_number: document_number(claims, print),
            date_of_birth: date(claims.date_of_birth, Field::DateOfBirth, claims, print),
            expiry: date(claims.expiry, Field::Expiry, claims, print),
            nationality: nationality(claims, print),
        }
    }

    pub(super) fn fields(&self) -> [(&'static str, &Match); 6] {
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
        self.fields().iter().any(|(_, field)| field.is_contradicted())
    }

    /// Whether any of what tells one holder's document from another's was found.
    pub(super) fn finds_any(&self) -> bool {
        self.fields().iter().take(4).any(|(_, field)| field.is_found())
    }

    /// Whether the name stands in print, the number or the birth date too, and of the five fields more than half.
    pub(super) fn holds(&self) -> bool {
        let fields = self.fields();
        let five = fields.iter().take(5).filter(|(_, field)| **field != Match::Unclaimed);
        let (mut claimed, mut found) = (0, 0);
        for (_, field) in five {
            claimed += 1;
            found += usize::from(field.is_found());
        }
        let stands = |field: &Match| field.is_found() || *field == Match::Unclaimed;
        let names = stands(&self.surname) && stands(&self.given_names);
        let named = names && (self.surname.is_found() || self.given_names.is_found());
        named && (self.document_number.is_found() || self.date_of_birth.is_found()) && found * 2 > claimed
    }
}

/// The finding that comes of it. A source that is not proven may itself be misread: then a contradiction is only a
/// reason to look.
pub(super) fn finding(code: &'static str, source: &str, claims: &Claims, agreement: &Agreement) -> Finding {
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
    } else if agreement.holds() {
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
    let names = |wanted: fn(&Match) -> bool| {
        let named = agreement.fields().into_iter().filter(|(_, field)| wanted(field));
        Value::from(named.map(|(name, _)| name).collect::<Vec<_>>())
    };
    let mut finding = Finding::new(code, outcome, capitalised(&message))
        .with("found", names(Match::is_found))
        .with("not_found", names(|field| *field == Match::NotFound))
        .with("contradicted", names(Match::is_contradicted));
    for (name, field) in agreement.fields() {
        if let Match::Contradicted(printed) = field {
            finding = finding.quoting(printed_as(name), printed);
        }
    }
    let spelling = [
        ("surname_as_printed", &agreement.spelling.surname),
        ("given_names_as_printed", &agreement.spelling.given_names),
    ];
    for (name, spelled) in spelling {
        if let Some(spelled) = spelled {
            finding = finding.quoting(name, spelled);
        }
    }
    finding
}

fn capitalised(sentence: &str) -> String {
    let mut letters = sentence.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn printed_as(field: &str) -> &'static str {
    match field {
        "surname" => "printed_surname",
        "given_names" => "printed_given_names",
        "document_number" => "printed_document_number",
        "date_of_birth" => "printed_date_of_birth",
        "expiry" => "printed_expiry",
        _ => "printed_nationality",
    }
}

fn name(claimed: &str, field: Field, claims: &Claims, print: &Print) -> Match {
    if claimed.is_empty() {
        return Match::Unclaimed;
    }
    if let Some(name) = printed_name(claimed, print) {
        return Match::Found(name.text);
    }
    let cut = claims.cut && (field == Field::GivenNames || claims.given_names.is_empty());
    let last = claimed.split(' ').count() - 1;
    let initials = claimed.split(' ').any(|word| word.len() > 1);
    let words = claimed.split(' ').enumerate();
    let parts: Option<Vec<String>> = words
        .map(|(at, word)| printed_word(word, (cut && at == last) || (initials && word.len() == 1), print))
        .collect();
    if let Some(parts) = parts {
        return Match::Found(parts.join(" "));
    }
    // A zone's letters have no check digit, so that both must be read with certainty.
    let other = |value: &&Labelled| claims.sure && value.score >= CERTAIN && is_another_name(&value.text, claims);
    contradiction(field, print, other)
}

/// Contradicted only where all that stands in the field's places is another value; one doubtful reading is enough to
/// hold back.
fn contradiction<'p>(field: Field, print: &'p Print, other: impl Fn(&&'p Labelled) -> bool) -> Match {
    let values: Vec<&Labelled> = print.values(field).collect();
    match values.first() {
        Some(first) if values.iter().all(other) => Match::Contradicted(first.text.clone()),
        _ => Match::NotFound,
    }
}

fn document_number(claims: &Claims, print: &Print) -> Match {
    let claimed = number_key(&claims.document_number);
    if claimed.is_empty() {
        return Match::Unclaimed;
    }
    let found = printed_number(&claimed, print);
    let others: Vec<String> = claims.other_numbers.iter().map(|other| number_key(other)).collect();
    let other = |value: &&Labelled| {
        let Some(printed) = number(&value.text).map(|number| number_key(&number)) else { return false };
        let known = others.iter().any(|other| other.contains(&printed) || printed.contains(other.as_str()));
        !known && is_another_number(&printed, &claimed, value.score)
    };
    found_or(found, contradiction(Field::DocumentNumber, print, other))
}

/// A value that stands somewhere counts as found unless its own place holds another: then neither is believed.
fn found_or(found: Option<String>, otherwise: Match) -> Match {
    match (found, otherwise) {
        (Some(found), Match::NotFound) => Match::Found(found),
        (Some(_), Match::Contradicted(_)) => Match::NotFound,
        (_, otherwise) => otherwise,
    }
}

/// The claimed number within a line, neither followed nor led by more digits; print parts it by spaces and hyphens.
fn printed_number(claimed: &str, print: &Print) -> Option<String> {
    for line in &print.lines {
        let words = words(&line.text);
        for start in 0..words.len() {
            for count in 1..=MOST_WORDS.min(words.len() - start) {
                let Some(text) = span(&line.text, words.get(start..start + count)) else { continue };
                let printed = number_key(text);
                if printed == claimed {
                    return Some(text.to_owned());
                }
                // `NoL898902C3`: recognisers lose the space behind a label.
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

/// Whether a printed number has the form of the claimed one and is another: by one character where the print is very
/// certain and the two are no letters that readers confuse, or by two and more.
fn is_another_number(printed: &str, claimed: &str, score: f32) -> bool {
    if printed.len() != claimed.len() || score < CERTAIN {
        return false;
    }
    let pairs = || printed.chars().zip(claimed.chars());
    let same_form = pairs().filter(|(one, other)| one.is_ascii_digit() == other.is_ascii_digit()).count();
    let differing = pairs().filter(|(one, other)| one != other).count();
    let unlike = pairs().filter(|(one, other)| one != other && !is_confused(*one, *other)).count();
    same_form + 1 >= claimed.len() && unlike > 0 && (differing >= 2 || score >= VERY_CERTAIN)
}

fn is_confused(one: char, other: char) -> bool {
    const ALIKE: [&str; 7] = ["0OQD", "1IL7", "8B3", "5S6", "2Z7", "6G", "4A"];
    ALIKE.iter().any(|group| group.contains(one) && group.contains(other))
}

fn date(claimed: Option<ClaimedDate>, field: Field, claims: &Claims, print: &Print) -> Match {
    let Some(claimed) = claimed.filter(|claimed| claimed.month.is_some()) else { return Match::Unclaimed };
    let agrees = |text: &str| {
        let dates = printed_dates(text);
        let squeezed = words(text).iter().any(|word| claimed.agrees_squeezed(word.of(text)));
        squeezed || dates.iter().flatten().any(|date| claimed.agrees(*date))
    };
    let found = print.lines.iter().find(|line| agrees(&line.text)).map(|line| line.text.clone());
    // A date that the source has elsewhere stands there by a mistake of layout, not of the holder's.
    let elsewhere = |text: &str| {
        let dates = printed_dates(text);
        let known = [claims.date_of_birth, claims.expiry, claims.issued];
        known.into_iter().flatten().any(|known| dates.iter().flatten().any(|date| known.agrees(*date)))
    };
    let other = |value: &&Labelled| {
        let differing = digits_apart(claimed, &value.text);
        let certain = if differing >= 2 { CERTAIN } else { VERY_CERTAIN };
        differing > 0 && value.score >= certain && !agrees(&value.text) && !elsewhere(&value.text)
    };
    found_or(found, contradiction(field, print, other))
}

/// In how many digits the likest reading of a printed date differs from the claimed one.
fn digits_apart(claimed: ClaimedDate, text: &str) -> usize {
    let digits = |year: u16, month: u8, day: u8| format!("{:02}{month:02}{day:02}", year % 100);
    let apart = |date: &super::date::PrintedDate| {
        let one = digits(date.year, date.month, date.day);
        let other = digits(claimed.year, claimed.month.unwrap_or(date.month), claimed.day.unwrap_or(date.day));
        one.chars().zip(other.chars()).filter(|(one, other)| one != other).count()
    };
    printed_dates(text).iter().flatten().map(apart).min().unwrap_or_default()
}

fn nationality(claims: &Claims, print: &Print) -> Match {
    let claimed = claims.nationality.as_str();
    if claimed.is_empty() {
        return Match::Unclaimed;
    }
    let code = |text: &str| if claimed == "D" { text == "D" || text == "DEU" } else { text == claimed };
    for line in &print.lines {
        if let Some(word) = words(&line.text).iter().map(|word| word.of(&line.text)).find(|word| code(word)) {
            return Match::Found(word.to_owned());
        }
    }
    // Words such as `DEUTSCH` are not held against a code; another state's code is.
    let other = |value: &&Labelled| {
        let printed = value.text.trim();
        claims.sure
            && value.score >= VERY_CERTAIN
            && printed.len() == 3
            && states::is_nationality(printed)
            && printed != claims.issuing_state
    };
    contradiction(Field::Nationality, print, other)
}

/// The year of birth as print has it in four digits, where it is the claimed date in another century: the zone has two
/// digits.
pub(super) fn birth_with_century(claimed: ClaimedDate, print: &Print, today: Date) -> ClaimedDate {
    let labelled = print.values(Field::DateOfBirth).flat_map(|value| printed_dates(&value.text)).flatten();
    let mut agreeing = labelled.filter(|date| date.full_year && claimed.agrees(*date));
    let year = agreeing.find(|date| date.year <= today.year() && date.year + 130 > today.year()).map(|date| date.year);
    ClaimedDate { year: year.filter(|_| !claimed.full_year).unwrap_or(claimed.year), ..claimed }
}
