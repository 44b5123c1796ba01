//! The rule that connects status records: a flow token's step must start at the profile's current status.

use crate::records::profile::Profile;
use crate::records::status_word::{StatusWord, VerificationStatus};

/// Says whether a step that starts at `previous` continues a profile's history.
///
/// It does from the status shown. A history without any record also starts at `unverified`, because a browser may have
/// moved the profile's own field to `pending` just before it records that step.
#[must_use]
pub fn follows(previous: &StatusWord, profile: &Profile) -> bool {
    let is_first = profile.recorded_status.is_none();
    previous.as_str() == profile.shown_status()
        || (is_first && previous.as_str() == VerificationStatus::Unverified.word())
}
