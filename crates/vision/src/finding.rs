//! Findings: the result of one check, with the evidence behind it.

use serde::ser::{SerializeMap as _, SerializeStruct as _};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// The maximum length of quoted text in evidence, in characters.
const LONGEST_QUOTE: usize = 80;

/// The result of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Pass,
    Fail,
    /// A reason to review, or to take the picture again.
    Warn,
    /// There was nothing to check.
    NotApplicable,
}

impl Outcome {
    /// Sort key for attention: failures first.
    #[must_use]
    pub fn severity(self) -> u8 {
        match self {
            Self::NotApplicable => 0,
            Self::Pass => 1,
            Self::Warn => 2,
            Self::Fail => 3,
        }
    }
}

/// One check: its code, its result, a sentence for a person, and the values read or measured.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    pub code: &'static str,
    pub outcome: Outcome,
    /// A sentence for the holder or a reviewer; it never quotes the picture.
    pub message: String,
    /// Figures and values as read; data, never instructions.
    pub evidence: Vec<(&'static str, Value)>,
}

impl Finding {
    /// Creates a finding without evidence.
    #[must_use]
    pub fn new(code: &'static str, outcome: Outcome, message: impl Into<String>) -> Self {
        Self { code, outcome, message: message.into(), evidence: Vec::new() }
    }

    /// Adds a figure or a value as evidence.
    #[must_use]
    pub fn with_evidence(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.evidence.push((name, value.into()));
        self
    }

    /// Adds text as read, without control characters and cut to 80 characters.
    #[must_use]
    pub fn with_quote(self, name: &'static str, text: &str) -> Self {
        let quote: String = text.chars().filter(|letter| !letter.is_control()).take(LONGEST_QUOTE).collect();
        self.with_evidence(name, quote)
    }
}

impl Serialize for Finding {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut shown = out.serialize_struct("Finding", 4)?;
        shown.serialize_field("code", self.code)?;
        shown.serialize_field("outcome", &self.outcome)?;
        shown.serialize_field("message", &self.message)?;
        shown.serialize_field("evidence", &EvidenceMap(&self.evidence))?;
        shown.end()
    }
}

struct EvidenceMap<'a>(&'a [(&'static str, Value)]);

impl Serialize for EvidenceMap<'_> {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        let mut shown = out.serialize_map(Some(self.0.len()))?;
        for (name, value) in self.0 {
            shown.serialize_entry(name, value)?;
        }
        shown.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finding_serialises_with_named_evidence() {
        let finding = Finding::new("expired", Outcome::NotApplicable, "No date.")
            .with_evidence("days", 3)
            .with_quote("read", "A\nB");
        let shown = serde_json::to_string(&finding).unwrap();
        assert_eq!(
            shown,
            r#"{"code":"expired","outcome":"not_applicable","message":"No date.","evidence":{"days":3,"read":"AB"}}"#
        );
    }

    #[test]
    fn quote_length_is_bounded() {
        let finding = Finding::new("edited", Outcome::Warn, "").with_quote("software", &"x".repeat(1_000));
        assert_eq!(finding.evidence[0].1.as_str().map(str::len), Some(LONGEST_QUOTE));
    }
}
