//! Derives the verdict on a document from all its findings.

use serde::Serialize;

use crate::finding::{Finding, Outcome};

/// The reader's verdict on a document. It never claims to recognise a good forgery: a right zone with the same text
/// printed beside it passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Authenticity {
    /// A machine-readable source is right, the print agrees with it, and no check failed.
    Authentic,
    /// The document contradicts itself.
    Suspicious,
    Unknown,
}

/// Checks whose failure is a contradiction. The failure of any other check asks for another picture or another
/// document, and says nothing against this one.
const CONTRADICTIONS: [&str; 8] = [
    "mrz_check_digits",
    "mrz_matches_print",
    "mrz_matches_barcode",
    "barcode_matches_print",
    "sides_match",
    "dates_plausible",
    "issuing_state",
    "screen",
];

/// Checks whose warning already prevents the verdict "authentic": the document may still be genuine.
const DOUBTS: [&str; 6] = ["issuing_state", "dates_plausible", "sides_match", "screen", "edited", "portrait_present"];

/// Weighs the findings.
pub(super) fn weigh_authenticity(findings: &[Finding]) -> Authenticity {
    let is = |code: &str, outcome: Outcome| {
        findings.iter().any(|finding| finding.code == code && finding.outcome == outcome)
    };
    if CONTRADICTIONS.iter().any(|code| is(code, Outcome::Fail)) {
        return Authenticity::Suspicious;
    }
    let zone = is("mrz_check_digits", Outcome::Pass) && is("mrz_matches_print", Outcome::Pass);
    let barcode = is("barcode_matches_print", Outcome::Pass);
    let failed = findings.iter().any(|finding| finding.outcome == Outcome::Fail);
    let doubted = DOUBTS.iter().any(|code| is(code, Outcome::Warn));
    if (zone || barcode) && !failed && !doubted { Authenticity::Authentic } else { Authenticity::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Authenticity::{Authentic, Suspicious, Unknown};
    use Outcome::{Fail, NotApplicable, Pass, Warn};

    fn verdict(outcomes: &[(&'static str, Outcome)]) -> Authenticity {
        let findings: Vec<Finding> = outcomes.iter().map(|(code, outcome)| Finding::new(code, *outcome, "")).collect();
        weigh_authenticity(&findings)
    }

    #[test]
    fn verdict_follows_the_table() {
        let zone = [("mrz_check_digits", Pass), ("mrz_matches_print", Pass)];
        let barcode = [("mrz_check_digits", NotApplicable), ("barcode_matches_print", Pass)];
        for (expected, base, more) in [
            (Authentic, &zone[..], None),
            (Authentic, &barcode[..], None),
            (Authentic, &zone[..], Some(("picture_sharp", Warn))),
            (Authentic, &zone[..], Some(("barcode_matches_print", Warn))),
            (Unknown, &[], None),
            (Unknown, &zone[..1], None),
            (Unknown, &zone[1..], None),
            (Unknown, &zone[..1], Some(("mrz_matches_print", Warn))),
            (Unknown, &zone[1..], Some(("mrz_check_digits", Warn))),
            (Unknown, &zone[..], Some(("picture_sharp", Fail))),
            (Unknown, &zone[..], Some(("picture_size", Fail))),
            (Unknown, &zone[..], Some(("glare", Fail))),
            (Unknown, &zone[..], Some(("framing", Fail))),
            (Unknown, &zone[..], Some(("portrait_present", Fail))),
            (Unknown, &zone[..], Some(("expired", Fail))),
            (Unknown, &zone[..], Some(("edited", Warn))),
            (Unknown, &zone[..], Some(("screen", Warn))),
            (Unknown, &zone[..], Some(("issuing_state", Warn))),
            (Unknown, &zone[..], Some(("dates_plausible", Warn))),
            (Unknown, &zone[..], Some(("sides_match", Warn))),
            (Suspicious, &[], Some(("mrz_check_digits", Fail))),
            (Suspicious, &barcode[..], Some(("mrz_check_digits", Fail))),
            (Suspicious, &zone[..1], Some(("mrz_matches_print", Fail))),
            (Suspicious, &zone[..], Some(("mrz_matches_barcode", Fail))),
            (Suspicious, &zone[..], Some(("barcode_matches_print", Fail))),
            (Suspicious, &zone[..], Some(("sides_match", Fail))),
            (Suspicious, &zone[..], Some(("dates_plausible", Fail))),
            (Suspicious, &zone[..], Some(("issuing_state", Fail))),
            (Suspicious, &zone[..], Some(("screen", Fail))),
        ] {
            let outcomes: Vec<_> = base.iter().copied().chain(more).collect();
            assert_eq!(verdict(&outcomes), expected, "{outcomes:?}");
        }
    }
}
