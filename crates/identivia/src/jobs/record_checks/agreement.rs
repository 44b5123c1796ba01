//! Whether what was said of a person agrees with what their document says.

use serde_json::json;
use vision::document::{DocumentReading, is_latin, is_same_name};
use vision::mrz::Sex;

use super::finding;
use crate::domain::checks::{Assurance, Check, Finding, Outcome};
use crate::domain::country;
use crate::domain::verification::VerificationRecord;
use crate::providers::local_engines::{self, Engines};

/// Holds the fields of a record against what was read from its document.
pub(super) fn check(engines: &Engines, record: &VerificationRecord, document: Option<&DocumentReading>) -> Check {
    let read = document.map(Said::of_document).unwrap_or_default();
    let findings = compared(&Said::of_record(record), &read);
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
    let is_proved = document.is_some_and(|document| document.is_proven);
    Check {
        check: "data_agreement".to_owned(),
        outcome,
        score: (agreeing + differing > 0).then(|| share(agreeing, agreeing + differing)),
        threshold: Some(1.0),
        engine: local_engines::NAME.to_owned(),
        weights: engines.text_weights(),
        assurance: if is_proved { Assurance::Optical } else { Assurance::Model },
        message: message.to_owned(),
        findings,
    }
}

fn share(part: usize, whole: usize) -> f64 {
    ((part as f64 / whole as f64) * 1_000.0).round() / 1_000.0
}

/// What is said of a person, in one form whoever says it. Empty text means that nothing is.
#[derive(Default)]
struct Said {
    name: String,
    document_number: String,
    date_of_birth: String,
    /// A code, whatever form it was sent in.
    country: String,
    /// `male` or `female`.
    gender: String,
    /// One of [`KINDS`], whatever word was sent for it.
    kind: &'static str,
}

/// Kinds of document, and what is part of the words for each; the first that fits counts.
const KINDS: [(&str, &[&str]); 5] = [
    ("passport", &["passport"]),
    ("driving_license", &["driv"]),
    ("residence_permit", &["residence", "permit"]),
    ("visa", &["visa"]),
    ("national_id", &["id", "identity"]),
];

/// The kind that a word for it means; empty for a word that is not known.
fn kind(word: &str) -> &'static str {
    let word = word.to_lowercase();
    let parts: Vec<&str> = word.split(|letter: char| !letter.is_alphanumeric()).collect();
    let is_meant = |names: &[&str]| names.iter().any(|name| parts.iter().any(|part| part.starts_with(name)));
    KINDS.iter().find(|(_, names)| is_meant(names)).map_or("", |(kind, _)| kind)
}

impl Said {
    fn of_record(record: &VerificationRecord) -> Self {
        // What is no country stays as it was said: it agrees with none.
        let country = country::code(&record.country).unwrap_or(&record.country);
        let gender = record.gender.to_lowercase();
        Self {
            name: record.name.clone(),
            document_number: record.document_number.clone(),
            date_of_birth: record.date_of_birth.clone(),
            country: country.to_owned(),
            gender: if matches!(gender.as_str(), "male" | "female") { gender } else { String::new() },
            kind: kind(&record.document_type),
        }
    }

    fn of_document(document: &DocumentReading) -> Self {
        let fields = &document.fields;
        Self {
            name: fields.name.clone(),
            document_number: fields.document_number.clone(),
            date_of_birth: fields.date_of_birth.map(|date| date.to_string()).unwrap_or_default(),
            country: country::code(&fields.issuing_state).unwrap_or_default().to_owned(),
            gender: match fields.sex {
                Some(Sex::Male) => "male".to_owned(),
                Some(Sex::Female) => "female".to_owned(),
                _ => String::new(),
            },
            kind: kind(&fields.document_type),
        }
    }
}

fn compared(said: &Said, read: &Said) -> Vec<Finding> {
    let same = |one: &str, other: &str| one == other;
    vec![
        name(&said.name, &read.name),
        field("document_number", &said.document_number, &read.document_number, same_number),
        field("date_of_birth", &said.date_of_birth, &read.date_of_birth, same),
        field("country", &said.country, &read.country, same),
        field("gender", &said.gender, &read.gender, same),
        document_type(said.kind, read.kind),
    ]
}

/// What kind a document is, is a guess where it has no zone: a difference is something to look at.
fn document_type(said: &str, read: &str) -> Finding {
    let found = field("document_type", said, read, |one, other| one == other);
    match found.outcome {
        Outcome::Fail => Finding { outcome: Outcome::Warn, ..found },
        _ => found,
    }
}

/// Names in letters that are not compared here differ from nothing.
fn name(said: &str, read: &str) -> Finding {
    let are_there = !said.is_empty() && !read.is_empty();
    if are_there && ![said, read].into_iter().all(is_latin) {
        let evidence = [("said", json!(said)), ("read", json!(read))];
        return finding("name", Outcome::Warn, "The name is in letters that are not compared", evidence);
    }
    field("name", said, read, is_same_name)
}

fn field(name: &str, said: &str, read: &str, agrees: impl Fn(&str, &str) -> bool) -> Finding {
    let shown = name.replace('_', " ");
    let (outcome, message) = match (said.is_empty(), read.is_empty()) {
        (true, _) => (Outcome::NotApplicable, format!("No {shown} was given")),
        (_, true) => (Outcome::NotApplicable, format!("No {shown} was read")),
        _ if agrees(said, read) => (Outcome::Pass, format!("The {shown} agrees")),
        _ => (Outcome::Fail, format!("The {shown} differs from the document's")),
    };
    finding(name, outcome, &message, [("said", json!(said)), ("read", json!(read))])
}

fn same_number(one: &str, other: &str) -> bool {
    let plain = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_uppercase()).collect()
    };
    !plain(one).is_empty() && plain(one) == plain(other)
}

#[cfg(test)]
mod tests {
    use super::kind;

    #[test]
    fn a_kind_is_known_by_the_words_that_are_in_use() {
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
            assert_eq!(kind(word), meant, "{word}");
        }
    }
}
