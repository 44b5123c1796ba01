//! The catalogue of reasons: why another try is asked for, or why a verification is rejected.
//!
//! Codes are permanent. Each has a text for the person, in the languages of their page, and one for reviewers. Private
//! reasons have one neutral text and show no code: an exact text would teach fraud, or tell of a list that must not be told.

mod catalogue;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::records::word_schema::describe_words;

pub use catalogue::REASONS;

/// The most reasons of one decision.
pub const MAX_REASONS: usize = 10;

/// How bad a reason or a node of the breakdown is, from the mildest on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[schema(as = ReasonClass)]
#[serde(rename_all = "snake_case")]
pub enum ReasonClass {
    /// Nothing stands out.
    #[default]
    Clear,
    /// What was sent cannot be used; another try may help.
    Retry,
    /// Something is odd; a person should look.
    Caution,
    /// There are signs of fraud.
    Suspect,
}

/// Whether another try makes sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReasonRetry)]
#[serde(rename_all = "snake_case")]
pub enum Retry {
    Yes,
    Once,
    No,
}

/// A text in the languages of the person's page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReasonTexts)]
pub struct PersonTexts {
    pub en: &'static str,
    pub de: &'static str,
    pub es: &'static str,
    pub fr: &'static str,
}

/// A text for reviewers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = InternalReasonTexts)]
pub struct InternalTexts {
    pub en: &'static str,
}

/// A reason of the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reason {
    #[schema(value_type = ReasonCode)]
    pub code: &'static str,
    pub class: ReasonClass,
    pub retry: Retry,
    /// What the person reads.
    pub person: PersonTexts,
    /// What reviewers read.
    pub internal: InternalTexts,
    /// The person's browser never gets the code, and reads a neutral text.
    pub private: bool,
}

impl PersonTexts {
    /// The text in that language, such as `de` or `de-AT`; English in any other.
    #[must_use]
    pub fn in_language(&self, language: &str) -> &'static str {
        match language.split('-').next().unwrap_or_default().to_ascii_lowercase().as_str() {
            "de" => self.de,
            "es" => self.es,
            "fr" => self.fr,
            _ => self.en,
        }
    }
}

/// The reason of that code.
#[must_use]
pub fn find_reason(code: &str) -> Option<&'static Reason> {
    REASONS.iter().find(|reason| reason.code == code)
}

/// The code of a reason in the OpenAPI document.
pub struct ReasonCode;

describe_words!(
    ReasonCode,
    "ReasonCode",
    "Why another try is asked for, or why a verification is rejected. A new version of the API may add words.",
    REASONS.iter().map(|reason| reason.code)
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_words_and_every_text_is_there() {
        for (at, reason) in REASONS.iter().enumerate() {
            assert!(reason.code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{}", reason.code);
            assert!(REASONS[at + 1..].iter().all(|other| other.code != reason.code), "{}", reason.code);
            let PersonTexts { en, de, es, fr } = reason.person;
            for text in [en, de, es, fr, reason.internal.en] {
                assert!(text.len() > 10 && text.ends_with('.'), "{}: {text}", reason.code);
            }
            assert_ne!(reason.class, ReasonClass::Clear, "{}", reason.code);
        }
    }

    #[test]
    fn private_reasons_share_one_text_that_names_nothing() {
        let neutral = find_reason("screening_hit").unwrap().person;
        let private: Vec<_> = REASONS.iter().filter(|reason| reason.private).collect();
        let codes: Vec<_> = private.iter().map(|reason| reason.code).collect();
        assert_eq!(codes, ["digital_tampering", "liveness_replay", "duplicate_person", "screening_hit"]);
        assert!(private.iter().all(|reason| reason.person == neutral && reason.retry == Retry::No));
        assert!(REASONS.iter().filter(|reason| !reason.private).all(|reason| reason.person != neutral));
    }

    #[test]
    fn language_tags_choose_their_language_and_english_otherwise() {
        let texts = find_reason("missing_back").unwrap().person;
        assert_eq!((texts.in_language("de-AT"), texts.in_language("FR")), (texts.de, texts.fr));
        assert_eq!((texts.in_language("it"), texts.in_language("")), (texts.en, texts.en));
    }

    #[test]
    fn classes_are_ordered_from_clear_to_suspect() {
        use ReasonClass::{Caution, Clear, Retry, Suspect};
        assert!(Clear < Retry && Retry < Caution && Caution < Suspect);
    }
}
