//! The face check: compares the faces of the selfie, the document and the liveness session.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::images::{MeasuredFace, ObservedImages};
use crate::domain::shortest;
use crate::providers::local_engines::{ENGINE_NAME, LocalEngines};
use crate::records::checks::{Assurance, Check, CheckKind, FaceEyes, Finding, Outcome};

/// A face with fewer pixels between its eyes is too small for a comparison.
const MIN_EYE_DISTANCE: f32 = 16.0;

/// Within this distance below the threshold, two faces may still be one person's.
const DOUBT_MARGIN: f64 = 0.1;

/// Compares the faces. Also returns the biometric templates, as JSON, for operators who keep them.
pub(super) fn check_faces(engines: &LocalEngines, observed: &ObservedImages, has_session: bool) -> (Check, Value) {
    let threshold = shortest(engines.faces.match_threshold());
    let mut pairs = vec![compare_faces(
        "selfie_and_document",
        (&observed.selfie, "the selfie"),
        (&observed.portrait, "the document"),
        threshold,
    )];
    if !is_portrait_certain(observed) {
        let message = "It is not sure which face on the document is its holder's";
        pairs.push((None, Finding::new("document_portrait", Outcome::Warn, message, [])));
    }
    if has_session {
        let live = (&observed.live, "the liveness check's picture");
        pairs.push(compare_faces("liveness_and_document", live, (&observed.portrait, "the document"), threshold));
        pairs.push(compare_faces("liveness_and_selfie", live, (&observed.selfie, "the selfie"), threshold));
    }
    // The lowest similarity counts: a selfie of the document's owner with another person's liveness session is no match.
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
        check: CheckKind::FaceMatch,
        outcome,
        score,
        threshold: Some(threshold),
        engine: ENGINE_NAME.to_owned(),
        weights: engines.face_weights(),
        assurance: Assurance::Model,
        message: message.to_owned(),
        findings,
        readings: Vec::new(),
        eyes: list_eyes(observed),
    };
    (check, encode_templates(observed))
}

/// Where the eyes are in the pictures whose face was found.
fn list_eyes(observed: &ObservedImages) -> Vec<FaceEyes> {
    let portrait = if observed.is_portrait_on_back { "document_back" } else { "document_front" };
    let faces =
        [(portrait, &observed.portrait), ("facial_photo", &observed.selfie), ("liveness_reference", &observed.live)];
    let eyes = faces.into_iter().filter_map(|(image, face)| Some((image, face.as_ref()?.eyes?)));
    eyes.map(|(image, [right, left])| FaceEyes { image: image.to_owned(), right, left }).collect()
}

/// Says whether the document has exactly one portrait, at the usual place.
fn is_portrait_certain(observed: &ObservedImages) -> bool {
    let findings = observed.document.iter().flat_map(|document| &document.findings);
    findings
        .filter(|found| found.code == "portrait_present")
        .all(|found| found.outcome == vision::finding::Outcome::Pass)
}

type NamedFace<'a> = (&'a Option<MeasuredFace>, &'static str);

fn compare_faces(code: &str, one: NamedFace<'_>, other: NamedFace<'_>, threshold: f64) -> (Option<f64>, Finding) {
    let (first, second) = match (require_usable_face(one), require_usable_face(other)) {
        (Ok(first), Ok(second)) => (first, second),
        (Err(why), _) | (_, Err(why)) => return (None, Finding::new(code, Outcome::Warn, &why, [])),
    };
    let similarity = f64::from(first.embedding.similarity(&second.embedding));
    let similarity = (similarity * 1_000.0).round() / 1_000.0;
    let (outcome, verb) = match similarity {
        match_ if match_ >= threshold => (Outcome::Pass, "looks like"),
        doubtful if doubtful >= threshold - DOUBT_MARGIN => (Outcome::Warn, "may or may not be"),
        _ => (Outcome::Fail, "does not look like"),
    };
    let message = format!("The person in {} {verb} the one in {}", one.1, other.1);
    let evidence = [
        ("similarity", json!(similarity)),
        ("eye_distances", json!([first.eye_distance.round(), second.eye_distance.round()])),
    ];
    (Some(similarity), Finding::new(code, outcome, &message, evidence))
}

/// A face that can be compared, or why there is none.
fn require_usable_face((face, of): NamedFace<'_>) -> Result<&MeasuredFace, String> {
    match face {
        None => Err(format!("No face was found in {of}")),
        Some(face) if face.eye_distance < MIN_EYE_DISTANCE => {
            Err(format!("The face in {of} is too small to be compared"))
        }
        Some(face) => Ok(face),
    }
}

fn encode_templates(observed: &ObservedImages) -> Value {
    let template = |face: &Option<MeasuredFace>| face.as_ref().map(|face| STANDARD.encode(face.embedding.to_bytes()));
    json!({
        "document": template(&observed.portrait), "selfie": template(&observed.selfie), "liveness": template(&observed.live),
    })
}
