//! The codes of findings: a closed list, so that clients can tell findings apart without reading their messages.

use super::word_schema::describe_words;

/// A finding that a provider reports with a code that is not in the list.
const PROVIDER_FEEDBACK: &str = "provider_feedback";

/// Every code of a finding.
pub const FINDING_CODES: [&str; 49] = [
    // Of a document, by the local reader.
    "picture_size",
    "picture_sharp",
    "light",
    "glare",
    "framing",
    "screen",
    "edited",
    "mrz_kind",
    "barcode_kind",
    "mrz_check_digits",
    "mrz_matches_print",
    "mrz_matches_barcode",
    "barcode_matches_print",
    "sides_match",
    "expired",
    "dates_plausible",
    "issuing_state",
    "specimen",
    "portrait_present",
    "unread",
    // Of faces.
    "selfie_and_document",
    "liveness_and_document",
    "liveness_and_selfie",
    "document_portrait",
    // Of a record's fields, compared with its document.
    "name",
    "document_number",
    "date_of_birth",
    "country",
    "gender",
    "document_type",
    // Of liveness.
    "claim_matches_result",
    "attacks_tested",
    // The feedback of the local check.
    "liveness_not_shown",
    "not_judged",
    "steps_order",
    "timing",
    "one_face",
    "pose_look_straight",
    "pose_turn_left",
    "pose_turn_right",
    "pose_move_closer",
    // The feedback of AWS (`FeedbackCode` of Rekognition).
    "eyes_closed_detected",
    "face_not_aligned",
    "face_not_visible",
    "face_obstruction_detected",
    "high_lighting_detected",
    "low_lighting_detected",
    "low_video_quality_detected",
    PROVIDER_FEEDBACK,
];

/// The code of a finding in the OpenAPI document.
pub struct FindingCode;

describe_words!(FindingCode, "FindingCode", "What was checked. A new version of the API may add words.", FINDING_CODES);

/// The code of a finding for a provider's feedback.
#[must_use]
pub fn code_of_feedback(feedback: &str) -> &'static str {
    let code = feedback.to_ascii_lowercase();
    FINDING_CODES.into_iter().find(|known| *known == code).unwrap_or(PROVIDER_FEEDBACK)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feedback_of_a_provider_has_a_code_of_the_list() {
        assert_eq!(code_of_feedback("LOW_LIGHTING_DETECTED"), "low_lighting_detected");
        assert_eq!(code_of_feedback("SOMETHING_NEW"), "provider_feedback");
    }
}
