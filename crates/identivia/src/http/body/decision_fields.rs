//! Fields of a decision: codes of reasons, and the steps of another try.

use serde_json::Value;

use super::field_checks::{FieldChecks, RawField};
use crate::domain::reason::{MAX_REASONS, find_reason};
use crate::domain::resubmission::ResubmissionStep;

/// Codes of the catalogue, each once; none when not sent.
pub(crate) fn read_reasons(checks: &mut FieldChecks, raw: RawField) -> Vec<String> {
    let known = |code: &str| find_reason(code).map(|reason| reason.code);
    read_words(checks, "reasons", raw, MAX_REASONS, known, "codes of GET /api/reasons")
}

/// Steps of another try, each once; none when not sent.
pub(crate) fn read_steps(checks: &mut FieldChecks, raw: RawField) -> Vec<String> {
    let known = |word: &str| ResubmissionStep::from_word(word).map(ResubmissionStep::word);
    read_words(checks, "steps", raw, ResubmissionStep::ALL.len(), known, "document_front, document_back, face, details")
}

fn read_words(
    checks: &mut FieldChecks,
    name: &'static str,
    raw: RawField,
    most: usize,
    known: impl Fn(&str) -> Option<&'static str>,
    allowed: &str,
) -> Vec<String> {
    let problem = format!("must be a list of at most {most} of: {allowed}");
    let items = match raw {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(items)) if items.len() <= most => items,
        Some(_) => {
            checks.add_problem(name, problem);
            return Vec::new();
        }
    };
    let mut words: Vec<String> = Vec::new();
    for item in items {
        match item.as_str().and_then(&known) {
            Some(word) if words.iter().any(|other| other == word) => {}
            Some(word) => words.push(word.to_owned()),
            None => checks.add_problem(name, problem.clone()),
        }
    }
    words
}
