// Codes of the API that lists offer as filters.

export const DOCUMENT_TYPES = ['passport', 'national_id', 'driving_license', 'residence_permit'] as const;

/** Findings of checks that make a reviewer look. */
export const FINDING_CODES = [
  'expired', 'specimen', 'edited', 'screen', 'glare', 'light', 'framing', 'picture_sharp', 'picture_size', 'mrz_kind', 'barcode_kind', 'mrz_check_digits',
  'mrz_matches_print', 'mrz_matches_barcode', 'barcode_matches_print', 'sides_match', 'dates_plausible', 'issuing_state', 'portrait_present', 'unread', 'selfie_and_document',
  'liveness_and_document', 'liveness_and_selfie', 'name', 'document_number', 'date_of_birth', 'country', 'gender', 'document_type', 'liveness_not_shown',
  'one_face', 'timing', 'steps_order',
] as const;
