//! Whether the person of the selfie is the one on the document, and the one whom the liveness provider saw.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::evidence::{Measured, Seen};
use super::finding;
use crate::domain::checks::{Assurance, Check, Finding, Outcome};
use crate::domain::shortest;
use crate::providers::local_engines::{self, Engines};

/// A face with fewer pixels between its eyes says too little to be held against anybody.
const LEAST_EYE_DISTANCE: f32 = 16.0;

/// So far below the threshold two faces are not told apart well enough to say that they are two people's.
const DOUBT: f64 = 0.1;

/// Compares the faces. Gives the biometric templates too, as JSON, for those who keep them.
pub(super) fn check(engines: &Engines, seen: &Seen, has_session: bool) -> (Check, String) {
    let threshold = shortest(engines.faces.match_threshold());
    let mut pairs = vec![compared(
        "selfie_and_document",
        (&seen.selfie, "the selfie"),
        (&seen.portrait, "the document"),
        threshold,
    )];
    if !is_portrait_sure(seen) {
        let message = "It is not sure which face on the document is its holder's";
        pairs.push((None, finding("document_portrait", Outcome::Warn, message, [])));
    }
    if has_session {
        let live = (&seen.live, "the liveness check's picture");
        pairs.push(compared("liveness_and_document", live, (&seen.portrait, "the document"), threshold));
        pairs.push(compared("liveness_and_selfie", live, (&seen.selfie, "the selfie"), threshold));
    }
    // The weakest link tells: a selfie of the document's owner beside somebody else's liveness is no match.
    let score = pairs.iter().filter_map(|(similarity, _)| *similarity).reduce(f64::min);
    let findings: Vec<Finding> = pairs.into_iter().map(|(_, finding)| finding).collect();
    let has = |outcome| findings.iter().any(|finding| finding.outcome == outcome);
    let (outcome, message) = if has(Outcome::Fail) {
        (Outcome::Fail, "The faces do not look like one person's")
    } else if has(Outcome::Warn) {
        (Outcome::Warn, "Not all faces could be told apart or compared")
    } else {
        (Outcome::Pass, "The faces look like one person's")
    };
    let check = Check {
        check: "face_match".to_owned(),
        outcome,
        score,
        threshold: Some(threshold),
        engine: local_engines::NAME.to_owned(),
        weights: engines.face_weights(),
        assurance: Assurance::Model,
        message: message.to_owned(),
        findings,
    };
    (check, templates(seen))
}

/// Whether the document has one holder's face, and where a document has it.
fn is_portrait_sure(seen: &Seen) -> bool {
    let findings = seen.document.iter().flat_map(|document| &document.findings);
    findings
        .filter(|found| found.code == "portrait_present")
        .all(|found| found.outcome == vision::finding::Outcome::Pass)
}

type Named<'a> = (&'a Option<Measured>, &'static str);

fn compared(code: &str, one: Named<'_>, other: Named<'_>, threshold: f64) -> (Option<f64>, Finding) {
    let (first, second) = match (usable(one), usable(other)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), _) | (_, Err(why)) => return (None, finding(code, Outcome::Warn, &why, [])),
    };
    let similarity = f64::from(first.embedding.similarity(&second.embedding));
    let similarity = (similarity * 1_000.0).round() / 1_000.0;
    let (outcome, verb) = match similarity {
        match_ if match_ >= threshold => (Outcome::Pass, "looks like"),
        doubtful if doubtful >= threshold - DOUBT => (Outcome::Warn, "may or may not be"),
        _ => (Outcome::Fail, "does not look like"),
    };
    let message = format!("The person in {} {verb} the one in {}", one.1, other.1);
    let evidence = [
        ("similarity", json!(similarity)),
        ("eye_distances", json!([first.eye_distance.round(), second.eye_distance.round()])),
    ];
    (Some(similarity), finding(code, outcome, &message, evidence))
}

/// A face that can be compared, or why there is none.
fn usable((face, of): Named<'_>) -> Result<&Measured, String> {
    match face {
        None => Err(format!("No face was found in {of}")),
        Some(face) if face.eye_distance < LEAST_EYE_DISTANCE => {
            Err(format!("The face in {of} is too small to be compared"))
        }
        Some(face) => Ok(face),
    }
}

fn templates(seen: &Seen) -> String {
    let template = |face: &Option<Measured>| face.as_ref().map(|face| STANDARD.encode(face.embedding.to_bytes()));
    let faces = json!({
        "document": template(&seen.portrait), "selfie": template(&seen.selfie), "liveness": template(&seen.live),
    });
    faces.to_string()
}
