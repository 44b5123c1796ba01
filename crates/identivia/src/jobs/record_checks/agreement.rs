//! The agreement check: compares the fields of a record with what was read from its document.

use serde_json::json;
use vision::document::{DocumentReading, is_latin, is_same_name, is_whole_name_of};
use vision::mrz::Sex;

use crate::domain::country;
use crate::providers::local_engines::{ENGINE_NAME, LocalEngines};
use crate::records::checks::{Assurance, Check, CheckKind, Finding, Outcome};
use crate::records::verification_record::VerificationRecord;

/// Compares the fields of a record with what was read from its document.
pub(super) fn check_agreement(
    engines: &LocalEngines,
    record: &VerificationRecord,
    document: Option<&DocumentReading>,
) -> Check {
    let read = document.map(PersonFields::from_document).unwrap_or_default();
    let findings = compare_fields(&PersonFields::from_record(record), &read);
    let count = |outcome| findings.iter().filter(|finding| finding.outcome == outcome).count();
    let (agreeing, differing) = (count(Outcome::Pass), count(Outcome::Fail));
    let agrees = |code: &str| findings.iter().any(|found| found.code == code && found.outcome == Outcome::Pass);
    let is_enough = agrees("name") && (agrees("document_number") || agrees("date_of_birth"));
    let (outcome, message) = match (agreeing, differing) {
        (_, 1..) => (Outcome::Fail, "What was said differs from what was read"),
        (0, 0) => (Outcome::NotApplicable, "There was nothing to compare"),
        _ if is_enough => (Outcome::Pass, "What was said agrees with what was read"),
        _ => (Outcome::Warn, "What could be compared agrees, and is not enough to tell one person from another"),
    };
    let is_proven = document.is_some_and(|document| document.is_proven);
    Check {
        check: CheckKind::DataAgreement,
        outcome,
        score: (agreeing + differing > 0).then(|| round_share(agreeing, agreeing + differing)),
        threshold: Some(1.0),
        engine: ENGINE_NAME.to_owned(),
        weights: engines.text_weights(),
        assurance: if is_proven { Assurance::Optical } else { Assurance::Model },
        message: message.to_owned(),
        findings,
        readings: Vec::new(),
        eyes: Vec::new(),
    }
}

fn round_share(part: usize, whole: usize) -> f64 {
    ((part as f64 / whole as f64) * 1_000.0).round() / 1_000.0
}

/// Fields of a person in a form that can be compared. Empty text is unknown.
#[derive(Default)]
struct PersonFields {
    name: String,
    document_number: String,
    /// Other numbers of the same document.
    other_numbers: Vec<String>,
    /// Whether the end of the name may be missing.
    is_name_cut: bool,
    date_of_birth: String,
    /// A code, for any form that was sent.
    country: String,
    /// `male` or `female`.
    gender: String,
    /// One of [`DOCUMENT_KINDS`], for any word that was sent.
    kind: &'static str,
}

/// Kinds of document, and how the words for each begin. The first match counts.
const DOCUMENT_KINDS: [(&str, &[&str]); 5] = [
    ("passport", &["passport"]),
    ("driving_license", &["driv"]),
    ("residence_permit", &["residence", "permit"]),
    ("visa", &["visa"]),
    ("national_id", &["id", "identity"]),
];

/// The kind of document for a word; empty for an unknown word.
fn to_document_kind(word: &str) -> &'static str {
    let word = word.to_lowercase();
    let parts: Vec<&str> = word.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is_meant = |names: &[&str]| names.iter().any(|name| parts.iter().any(|part| part.starts_with(name)));
    DOCUMENT_KINDS.iter().find(|(_, names)| is_meant(names)).map_or("", |(kind, _)| kind)
}

impl PersonFields {
    fn from_record(record: &VerificationRecord) -> Self {
        // A text that names no country is compared as it is, and agrees with none.
        let known = |text: &Option<String>| text.clone().unwrap_or_default();
        let named = known(&record.country);
        let country = country::code(&named).unwrap_or(&named);
        let gender = known(&record.gender).to_lowercase();
        Self {
            name: known(&record.name),
            document_number: known(&record.document_number),
            other_numbers: Vec::new(),
            is_name_cut: false,
            date_of_birth: known(&record.date_of_birth),
            country: country.to_owned(),
            gender: if matches!(gender.as_str(), "male" | "female") { gender } else { String::new() },
            kind: to_document_kind(&record.document_type),
        }
    }

    fn from_document(document: &DocumentReading) -> Self {
        let fields = &document.fields;
        Self {
            name: fields.name.clone(),
            document_number: fields.document_number.clone(),
            other_numbers: fields.other_numbers.clone(),
            is_name_cut: fields.is_name_cut,
            date_of_birth: fields.date_of_birth.map(|date| date.to_string()).unwrap_or_default(),
            country: country::code(&fields.issuing_state).unwrap_or_default().to_owned(),
            gender: match fields.sex {
                Some(Sex::Male) => "male".to_owned(),
                Some(Sex::Female) => "female".to_owned(),
                _ => String::new(),
            },
            kind: to_document_kind(&fields.document_type),
        }
    }
}

fn compare_fields(said: &PersonFields, read: &PersonFields) -> Vec<Finding> {
    let same = |one: &str, other: &str| one == other;
    let is_number = |one: &str, other: &str| {
        is_same_number(one, other) || read.other_numbers.iter().any(|known| is_same_number(one, known))
    };
    vec![
        compare_names(&said.name, &read.name, read.is_name_cut),
        compare_field("document_number", &said.document_number, &read.document_number, is_number),
        compare_field("date_of_birth", &said.date_of_birth, &read.date_of_birth, same),
        compare_field("country", &said.country, &read.country, same),
        compare_field("gender", &said.gender, &read.gender, same),
        compare_document_types(said.kind, read.kind),
    ]
}

/// Without a machine-readable zone the kind of document is a guess, so a difference is only a warning.
fn compare_document_types(said: &str, read: &str) -> Finding {
    let found = compare_field("document_type", said, read, |one, other| one == other);
    match found.outcome {
        Outcome::Fail => Finding { outcome: Outcome::Warn, ..found },
        _ => found,
    }
}

/// Compares names. Names in other letters than Latin ones cannot be compared, which is a warning.
fn compare_names(said: &str, read: &str, is_cut: bool) -> Finding {
    let are_there = !said.is_empty() && !read.is_empty();
    if are_there && ![said, read].into_iter().all(is_latin) {
        let evidence = [("said", json!(said)), ("read", json!(read))];
        return Finding::new("name", Outcome::Warn, "The name is in letters that are not compared", evidence);
    }
    compare_field("name", said, read, |said, read| is_same_name(said, read) || is_cut && is_whole_name_of(said, read))
}

fn compare_field(name: &str, said: &str, read: &str, agrees: impl Fn(&str, &str) -> bool) -> Finding {
    let shown = name.replace('_', " ");
    let (outcome, message) = match (said.is_empty(), read.is_empty()) {
        (true, _) => (Outcome::NotApplicable, format!("No {shown} was given")),
        (_, true) => (Outcome::NotApplicable, format!("No {shown} was read")),
        _ if agrees(said, read) => (Outcome::Pass, format!("The {shown} agrees")),
        _ => (Outcome::Fail, format!("The {shown} differs from the document's")),
    };
    Finding::new(name, outcome, &message, [("said", json!(said)), ("read", json!(read))])
}

fn is_same_number(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
    };
    !plain(one).is_empty() && plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_number_and_whole_name_of_the_document_agree() {
        let read = PersonFields {
            name: "MARIA INES COS".to_owned(),
            document_number: "CAB123456".to_owned(),
            other_numbers: vec!["12345678Z".to_owned()],
            is_name_cut: true,
            ..PersonFields::default()
        };
        for (name, number, expected) in [
            ("Maria Ines Costa", "12345678-z", [Outcome::Pass, Outcome::Pass]),
            ("Maria Ines Costa", "CAB123456", [Outcome::Pass, Outcome::Pass]),
            ("Maria Ines Silva", "12345679Z", [Outcome::Fail, Outcome::Fail]),
        ] {
            let said =
                PersonFields { name: name.to_owned(), document_number: number.to_owned(), ..PersonFields::default() };
            let outcomes = compare_fields(&said, &read).iter().take(2).map(|found| found.outcome).collect::<Vec<_>>();
            assert_eq!(outcomes, expected, "{name} {number}");
        }
    }

    #[test]
    fn common_words_for_documents_give_their_kind() {
        for (word, meant) in [
            ("passport", "passport"),
            ("Passport card", "passport"),
            ("national_id", "national_id"),
            ("ID_CARD", "national_id"),
            ("identity-card", "national_id"),
            ("driver_license", "driving_license"),
            ("driving licence", "driving_license"),
            ("residence_permit", "residence_permit"),
            ("visa", "visa"),
            ("covid", ""),
            ("", ""),
        ] {
            assert_eq!(to_document_kind(word), meant, "{word}");
        }
    }
}
