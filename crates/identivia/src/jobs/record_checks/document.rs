//! The document check: whether the document agrees with itself.

use super::images::ObservedImages;
use crate::providers::documents::local::to_api_finding;
use crate::providers::local_engines::{ENGINE_NAME, LocalEngines};
use crate::records::checks::{Assurance, Check, CheckKind, Outcome};

/// Checks what the local engines have read from the document. Another reader may have read it for the person.
pub(super) fn check_document(engines: &LocalEngines, observed: &ObservedImages) -> Check {
    let check = |outcome, assurance, message: &str, findings| Check {
        check: CheckKind::Document,
        outcome,
        score: None,
        threshold: None,
        engine: ENGINE_NAME.to_owned(),
        weights: engines.text_weights(),
        assurance,
        message: message.to_owned(),
        findings,
    };
    let Some(document) = &observed.document else {
        return check(
            Outcome::Warn,
            Assurance::Model,
            "There is no picture of the document that can be read",
            Vec::new(),
        );
    };
    let is_specimen = document
        .findings
        .iter()
        .any(|found| found.code == "specimen" && found.outcome == vision::finding::Outcome::Warn);
    let (outcome, message) = match document.authenticity {
        vision::document::Authenticity::Authentic if is_specimen => {
            (Outcome::Warn, "It agrees with itself, and says that it is a specimen: no real document")
        }
        vision::document::Authenticity::Authentic => {
            (Outcome::Pass, "The machine-readable part holds and agrees with what is printed")
        }
        vision::document::Authenticity::Suspicious => (Outcome::Fail, "Something contradicts itself; see the findings"),
        vision::document::Authenticity::Unknown => {
            (Outcome::Warn, "Nothing contradicts itself; what keeps it from being called authentic is in the findings")
        }
    };
    let assurance = if document.is_proven { Assurance::Optical } else { Assurance::Model };
    check(outcome, assurance, message, document.findings.iter().map(to_api_finding).collect())
}
