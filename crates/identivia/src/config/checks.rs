//! Checks of single settings: each parses a text, and describes the accepted values for `--help` and for errors.

use std::fmt::Display;
use std::str::FromStr;

/// Parses the text of a setting.
pub(super) trait SettingCheck {
    type Value;

    /// Whether spaces around the text belong to the value, as in a password.
    const KEEPS_SPACES: bool = false;

    /// # Errors
    /// What the value must be, without the name of the variable.
    fn parse(&self, text: &str) -> Result<Self::Value, String>;

    /// The accepted values in a few words, for `--help`; `None` where the meaning says it.
    fn describe_accepted(&self) -> Option<String> {
        None
    }
}

/// Accepts whole numbers in a range.
pub(super) struct WholeNumber<N> {
    pub(super) least: N,
    pub(super) most: N,
}

impl<N: FromStr + PartialOrd + Display> SettingCheck for WholeNumber<N> {
    type Value = N;

    fn parse(&self, text: &str) -> Result<N, String> {
        let Self { least, most } = self;
        match text.parse() {
            Ok(number) if (least..=most).contains(&&number) => Ok(number),
            _ => Err(format!("must be a whole number from {least} to {most}, not {text:?}")),
        }
    }

    fn describe_accepted(&self) -> Option<String> {
        Some(format!("{} to {}", self.least, self.most))
    }
}

/// Accepts one of some words, each of which stands for a value.
pub(super) struct OneOf<T: 'static>(pub(super) &'static [(&'static str, T)]);

impl<T> OneOf<T> {
    /// The words as a sentence has them: `auto, aws or local`.
    fn list_words(&self) -> String {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        match words.split_last() {
            Some((last, first)) if !first.is_empty() => format!("{} or {last}", first.join(", ")),
            _ => words.concat(),
        }
    }
}

impl<T: Copy> SettingCheck for OneOf<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        let found = self.0.iter().find(|(word, _)| *word == text);
        found.map(|(_, value)| *value).ok_or_else(|| format!("must be {}, not {text:?}", self.list_words()))
    }

    fn describe_accepted(&self) -> Option<String> {
        Some(self.list_words())
    }
}

/// Accepts `true` and `false`.
pub(super) struct ExplicitConsent;

impl SettingCheck for ExplicitConsent {
    type Value = bool;

    fn parse(&self, text: &str) -> Result<bool, String> {
        match text {
            "true" => Ok(true),
            "false" => Ok(false),
            other => Err(format!("must be true or false, not {other:?}")),
        }
    }
}

/// Accepts what a function parses.
pub(super) struct Parsed<T>(pub(super) fn(&str) -> Result<T, String>);

impl<T> SettingCheck for Parsed<T> {
    type Value = T;

    fn parse(&self, text: &str) -> Result<T, String> {
        (self.0)(text)
    }
}

/// Accepts what a function parses; spaces around the text belong to the value.
pub(super) struct ParsedWithSpaces<T>(pub(super) fn(&str) -> Result<T, String>);

impl<T> SettingCheck for ParsedWithSpaces<T> {
    type Value = T;

    const KEEPS_SPACES: bool = true;

    fn parse(&self, text: &str) -> Result<T, String> {
        (self.0)(text)
    }
}

/// Accepts any text.
#[expect(clippy::unnecessary_wraps, reason = "the signature of a check")]
pub(super) fn parse_any_text(text: &str) -> Result<String, String> {
    Ok(text.to_owned())
}

/// Accepts text without control characters.
pub(super) fn parse_printable_text(text: &str) -> Result<String, String> {
    if text.chars().any(char::is_control) {
        return Err("must not hold control characters".to_owned());
    }
    Ok(text.to_owned())
}

/// Accepts a key that an HTTP header can carry.
pub(super) fn parse_header_word(text: &str) -> Result<String, String> {
    if text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err("must be one word without spaces".to_owned())
    }
}
