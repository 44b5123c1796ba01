//! The rules of status words: which ones a link sees and may move on from, which ones ask for another try.

use crate::records::profile::Profile;
use crate::records::status_word::{StatusWord, VerificationStatus};

/// The status words that a link is shown. Every other word is a reviewer's and reads as `pending`.
const LINK_WORDS: [&str; 5] = ["unverified", "pending", "resubmission_requested", "verified", "rejected"];
/// The status words with which a link may start over.
const ANOTHER_TRY: [&str; 2] = ["unverified", "resubmission_requested"];

/// Says whether a status record with that word opens the link for another try.
#[must_use]
pub fn asks_for_another_try(word: &StatusWord) -> bool {
    ANOTHER_TRY.contains(&word.as_str())
}

/// The word that a link is shown in place of a status word.
#[must_use]
pub fn word_for_link(word: &StatusWord) -> StatusWord {
    if LINK_WORDS.contains(&word.as_str()) { word.clone() } else { VerificationStatus::Pending.into() }
}

impl Profile {
    /// Says whether a link may record `pending` now: there is no status record yet, or the newest one asks for another try
    /// or says `pending` already. Every other word is a reviewer's and stays.
    #[must_use]
    pub fn is_status_open_to_link(&self) -> bool {
        let is_open = |word: &StatusWord| asks_for_another_try(word) || *word == VerificationStatus::Pending.word();
        self.recorded_status.as_ref().is_none_or(is_open)
    }

    /// Replaces a reviewer's status by the word that a link is shown.
    pub fn hide_reviewers_status(&mut self) {
        self.recorded_status = self.recorded_status.as_ref().map(word_for_link);
    }

    /// Says whether a step that starts at `previous` continues the profile's history.
    ///
    /// It does from the status shown. A history without any record also starts at `unverified`, because a browser may have
    /// moved the profile's own field to `pending` just before it records that step.
    #[must_use]
    pub fn is_followed_by_step_from(&self, previous: &StatusWord) -> bool {
        let is_first = self.recorded_status.is_none();
        previous.as_str() == self.shown_status()
            || (is_first && previous.as_str() == VerificationStatus::Unverified.word())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str) -> StatusWord {
        StatusWord::parse(text).unwrap()
    }

    #[test]
    fn reviewers_words_read_as_pending_and_stay() {
        for reviewers in ["suspected_fraud", "in_review", "escalated"] {
            assert_eq!(word_for_link(&word(reviewers)), "pending", "{reviewers}");
            let profile = Profile { recorded_status: Some(word(reviewers)), ..Profile::default() };
            assert!(!profile.is_status_open_to_link(), "{reviewers}");
        }
        for plain in LINK_WORDS {
            assert_eq!(word_for_link(&word(plain)), plain);
        }
    }

    #[test]
    fn link_may_record_pending_first_and_when_asked_again() {
        assert!(Profile::default().is_status_open_to_link());
        for open in ["unverified", "resubmission_requested", "pending"] {
            let profile = Profile { recorded_status: Some(word(open)), ..Profile::default() };
            assert!(profile.is_status_open_to_link(), "{open}");
        }
        for decided in ["verified", "rejected"] {
            let profile = Profile { recorded_status: Some(word(decided)), ..Profile::default() };
            assert!(!profile.is_status_open_to_link(), "{decided}");
        }
    }
}
