//! What each code of a finding means, and what an operator does next.

use super::advice::Advice;

const BETTER_PICTURE: &str = "ask for another try of the document";
const LOOK_AT_DOCUMENT: &str = "compare both pictures in the console; reject if it is no misreading";
const COMPARE_FACES: &str = "compare both pictures in the console";
const COMPARE_DETAILS: &str = "compare the record with the picture; ask for another try of the details or the document";
const AGAIN: &str = "the person may try the face again";

/// Code, meaning, next step.
const ADVICE: [(&str, &str, &str); 49] = [
    ("picture_size", "The picture of the document is too small to be read", BETTER_PICTURE),
    ("picture_sharp", "The picture of the document is blurred", BETTER_PICTURE),
    ("light", "The picture of the document is too dark or too bright", BETTER_PICTURE),
    ("glare", "Glare hides part of the document", BETTER_PICTURE),
    ("framing", "The document is not wholly in the picture", BETTER_PICTURE),
    ("screen", "The picture seems to be taken of a screen", "ask for the original document, or reject"),
    ("edited", "The picture was saved by an editing program", "ask for an original picture, or reject"),
    ("mrz_kind", "A machine-readable zone was found and not read: another kind, or not sharp enough", LOOK_AT_DOCUMENT),
    ("barcode_kind", "A barcode was read that is not a North American licence's", LOOK_AT_DOCUMENT),
    ("mrz_check_digits", "Check digits of the machine-readable zone are wrong: altered or misread", LOOK_AT_DOCUMENT),
    ("mrz_matches_print", "The machine-readable zone and the print differ", LOOK_AT_DOCUMENT),
    ("mrz_matches_barcode", "The machine-readable zone and the barcode differ", LOOK_AT_DOCUMENT),
    ("barcode_matches_print", "The barcode and the print differ", LOOK_AT_DOCUMENT),
    ("sides_match", "Front and back are not of one document", "ask for another try of the document with both sides"),
    ("expired", "The document has expired", "ask for a valid document"),
    ("dates_plausible", "Dates on the document contradict each other", LOOK_AT_DOCUMENT),
    ("issuing_state", "The issuing state is unknown", LOOK_AT_DOCUMENT),
    ("specimen", "The document says that it is a specimen: no real document", "reject, unless this is a test"),
    ("portrait_present", "The document's portrait was not found, or not at its usual place", LOOK_AT_DOCUMENT),
    ("unread", "Nothing could be read: no document, a wrong one or a bad picture", BETTER_PICTURE),
    (
        "selfie_and_document",
        "The selfie and the document show different faces, or one face was not found",
        COMPARE_FACES,
    ),
    (
        "liveness_and_document",
        "The liveness check and the document show different faces, or one face was not found",
        COMPARE_FACES,
    ),
    (
        "liveness_and_selfie",
        "The liveness check and the selfie show different faces, or one face was not found",
        COMPARE_FACES,
    ),
    ("document_portrait", "It is not certain which face on the document is its holder's", COMPARE_FACES),
    ("name", "The typed name differs from the document's", COMPARE_DETAILS),
    ("document_number", "The typed document number differs from the document's", COMPARE_DETAILS),
    ("date_of_birth", "The typed date of birth differs from the document's", COMPARE_DETAILS),
    ("country", "The typed country differs from the document's", COMPARE_DETAILS),
    ("gender", "The typed gender differs from the document's", COMPARE_DETAILS),
    ("document_type", "The document is of another type than the person has chosen", COMPARE_DETAILS),
    (
        "claim_matches_result",
        "The browser sent another liveness score than the provider found",
        "trust the provider's; a second such record points to a manipulated browser",
    ),
    (
        "attacks_tested",
        "The local check tests no photographs, screens, masks or injected pictures",
        "configure AWS Rekognition where such attacks are to be found",
    ),
    ("liveness_not_shown", "The person did not do what was asked before the camera", AGAIN),
    ("not_judged", "The frames could not be judged: the engines failed", "look at the log of that time"),
    ("steps_order", "The steps were done in another order than was asked", AGAIN),
    ("timing", "The frames came faster or slower than a person moves", AGAIN),
    ("one_face", "Not exactly one face was before the camera", AGAIN),
    ("pose_look_straight", "The person did not look straight ahead", AGAIN),
    ("pose_turn_left", "The person did not turn to the left", AGAIN),
    ("pose_turn_right", "The person did not turn to the right", AGAIN),
    ("pose_move_closer", "The person did not come closer", AGAIN),
    ("eyes_closed_detected", "The eyes were closed", AGAIN),
    ("face_not_aligned", "The face was not in the oval", AGAIN),
    ("face_not_visible", "The face was not visible", AGAIN),
    ("face_obstruction_detected", "Something covered the face", AGAIN),
    ("high_lighting_detected", "There was too much light", AGAIN),
    ("low_lighting_detected", "There was too little light", AGAIN),
    ("low_video_quality_detected", "The camera's picture was bad", AGAIN),
    ("provider_feedback", "The provider gave feedback of another kind", "see the record's checks through the API"),
];

/// The advice on a finding of that code, with the code; `None` for a code that is in no list.
pub(super) fn advice_on_finding(code: &str) -> Option<(&'static str, Advice)> {
    let found = ADVICE.iter().find(|(known, ..)| *known == code);
    found.map(|(code, meaning, next)| (*code, Advice::new(*meaning, *next)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::finding_code::FINDING_CODES;

    #[test]
    fn every_code_of_a_finding_has_advice() {
        assert_eq!(ADVICE.map(|(code, ..)| code), FINDING_CODES);
    }
}
