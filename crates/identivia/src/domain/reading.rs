//! What a document reader found, in the reference's shape. It decides nothing.

use serde::Serialize;
use serde_json::Map;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::records::checks::{Finding, Outcome};

/// The reader's fields, as `analysis_json` shows them; empty where it found nothing.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
pub struct DocumentFields {
    pub name: String,
    pub document_number: String,
    pub country: String,
    pub document_type: String,
    pub address: String,
    pub gender: String,
    pub date_of_birth: String,
    /// `authentic`, `suspicious` or `unknown`: the reader's opinion.
    pub authenticity: String,
}

/// What the reading cost, in a language model's tokens; zeros for an engine that has none.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
pub struct TokenUsage {
    pub prompt_tokens: u64,
    pub completion_tokens: u64,
    pub total_tokens: u64,
}

/// One reading of one document.
#[derive(Clone, Debug)]
pub struct DocumentAnalysis {
    /// The model or engine that read it.
    pub model: String,
    /// Its answer, checked to be JSON.
    pub analysis: Box<RawValue>,
    pub fields: DocumentFields,
    pub usage: TokenUsage,
    /// What was checked, one by one; none from a language model.
    pub findings: Vec<Finding>,
}

/// What the caller believes the document to be: data for the reader, never instructions.
#[derive(Clone, Debug, Default)]
pub struct ReaderHints {
    pub document_type: String,
    pub document_number: String,
    pub full_name: String,
}

/// The findings that another picture can change: what a link is shown of a reading.
const ADVICE_CODES: [&str; 7] = ["picture_size", "picture_sharp", "light", "glare", "framing", "screen", "expired"];
/// Advice of its own: the document's name or number was not read.
const UNREAD: &str = "unread";

impl DocumentAnalysis {
    /// Leaves of the findings the codes that tell a person how to take a better picture. Measured figures and findings about
    /// forgery would tell a forger how to get by.
    pub fn reduce_to_advice(&mut self) {
        let is_from_engine = !self.findings.is_empty();
        let is_advice = |finding: &Finding| {
            ADVICE_CODES.contains(&finding.code.as_str()) && matches!(finding.outcome, Outcome::Fail | Outcome::Warn)
        };
        self.findings.retain(is_advice);
        for finding in &mut self.findings {
            finding.message.clear();
            finding.evidence = Map::new();
        }
        if is_from_engine && (self.fields.name.is_empty() || self.fields.document_number.is_empty()) {
            self.findings.push(Finding::new(UNREAD, Outcome::Warn, "", []));
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn analysis(findings: Vec<Finding>, name: &str) -> DocumentAnalysis {
        let fields =
            DocumentFields { name: name.to_owned(), document_number: "1".to_owned(), ..DocumentFields::default() };
        let analysis = RawValue::from_string("{}".to_owned()).unwrap();
        DocumentAnalysis { model: String::new(), analysis, fields, usage: TokenUsage::default(), findings }
    }

    fn finding(code: &str, outcome: Outcome) -> Finding {
        Finding::new(code, outcome, "0.73 of 0.8", [("share", json!(0.73))])
    }

    #[test]
    fn s75_link_sees_codes_of_advice_and_no_figures() {
        let findings = vec![
            finding("glare", Outcome::Fail),
            finding("light", Outcome::Pass),
            finding("edited", Outcome::Warn),
            finding("mrz_check_digits", Outcome::Fail),
        ];
        let mut seen = analysis(findings, "Ann");
        seen.reduce_to_advice();
        assert_eq!(seen.findings, [Finding::new("glare", Outcome::Fail, "", [])]);

        let mut unread = analysis(vec![finding("edited", Outcome::Pass)], "");
        unread.reduce_to_advice();
        assert_eq!(unread.findings, [Finding::new("unread", Outcome::Warn, "", [])]);
        let mut of_model = analysis(Vec::new(), "");
        of_model.reduce_to_advice();
        assert!(of_model.findings.is_empty());
    }
}
