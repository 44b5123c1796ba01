//! Masking: what people at the console see of values that identify a person, derived from each field's data class.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::liveness_session::SessionDetails;
use super::profile::{Consent, Draft};

/// The text that is shown in place of a masked one.
const HIDDEN: &str = "•••";
/// The text that is shown before the last characters of a masked number.
const HIDDEN_START: &str = "•••••";
/// The characters of a number that stay.
const SHOWN_END: usize = 3;
/// The most initials of a name.
const MAX_INITIALS: usize = 4;

/// How a field is masked. The first is the rule for every field of the classes `Fields`, `Biometric` and `Secret`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    Hide,
    /// `A. O.` of a name.
    Initials,
    /// `•••••123` of a number.
    LastThree,
    /// `1990` of a date.
    YearOnly,
    /// Checks without the values that their findings rest on.
    WithoutEvidence,
}

/// A value that can be masked.
pub trait Maskable {
    /// Replaces the value by what may be shown of it. An unknown value stays unknown.
    fn mask(&mut self, mask: Mask);
}

impl Maskable for String {
    fn mask(&mut self, mask: Mask) {
        if !self.is_empty() {
            *self = mask_text(self, mask);
        }
    }
}

impl<T: Maskable> Maskable for Option<T> {
    fn mask(&mut self, mask: Mask) {
        if let Some(value) = self {
            value.mask(mask);
        }
    }
}

impl Maskable for Box<RawValue> {
    fn mask(&mut self, mask: Mask) {
        let shown = match mask {
            Mask::WithoutEvidence => remove_evidence(self),
            _ => None,
        };
        *self = shown.unwrap_or_else(|| RawValue::NULL.to_owned());
    }
}

impl Maskable for Map<String, Value> {
    fn mask(&mut self, _: Mask) {
        self.clear();
    }
}

impl Maskable for SessionDetails {
    fn mask(&mut self, _: Mask) {
        *self = Self::default();
    }
}

impl Maskable for Draft {
    fn mask(&mut self, _: Mask) {
        let shown = Self {
            name: mask_known(&self.name, Mask::Initials),
            document_number: mask_known(&self.document_number, Mask::LastThree),
            country: self.country.clone(),
            address: mask_known(&self.address, Mask::Hide),
            gender: mask_known(&self.gender, Mask::Hide),
            date_of_birth: mask_known(&self.date_of_birth, Mask::YearOnly),
        };
        *self = shown;
    }
}

/// That a person has agreed to a text does not identify them.
impl Maskable for Consent {
    fn mask(&mut self, _: Mask) {}
}

fn mask_known(text: &str, mask: Mask) -> String {
    if text.is_empty() { String::new() } else { mask_text(text, mask) }
}

/// What may be shown of a text.
#[must_use]
pub fn mask_text(text: &str, mask: Mask) -> String {
    let shown = match mask {
        Mask::Hide | Mask::WithoutEvidence => None,
        Mask::Initials => to_initials(text),
        Mask::LastThree => to_last_three(text),
        Mask::YearOnly => {
            text.get(..4).filter(|year| year.bytes().all(|digit| digit.is_ascii_digit())).map(str::to_owned)
        }
    };
    shown.unwrap_or_else(|| HIDDEN.to_owned())
}

fn to_initials(name: &str) -> Option<String> {
    let first = |word: &str| word.chars().find(|letter| letter.is_alphabetic());
    let initials: Vec<String> = name
        .split_whitespace()
        .filter_map(first)
        .take(MAX_INITIALS)
        .map(|letter| format!("{}.", letter.to_uppercase()))
        .collect();
    Some(initials.join(" ")).filter(|initials| !initials.is_empty())
}

/// A number of up to twice that many characters is hidden whole: its end would be most of it.
fn to_last_three(number: &str) -> Option<String> {
    let letters: Vec<char> = number.chars().collect();
    let end = letters.get(letters.len().checked_sub(SHOWN_END)?..).filter(|_| letters.len() > 2 * SHOWN_END)?;
    Some(format!("{HIDDEN_START}{}", end.iter().collect::<String>()))
}

/// Checks with empty evidence, without what was read and where faces are. `None` where they have another form.
fn remove_evidence(checks: &RawValue) -> Option<Box<RawValue>> {
    let mut checks: Vec<Map<String, Value>> = serde_json::from_str(checks.get()).ok()?;
    for check in &mut checks {
        check.remove("readings");
        check.remove("eyes");
        for finding in check.get_mut("findings").and_then(Value::as_array_mut).into_iter().flatten() {
            finding.as_object_mut()?.insert("evidence".to_owned(), Value::Object(Map::new()));
        }
    }
    serde_json::value::to_raw_value(&checks).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_show_what_their_mask_says_and_no_more() {
        for (text, mask, shown) in [
            ("Ama Osei", Mask::Initials, "A. O."),
            ("élodie  van der Berg-Smith Jones", Mask::Initials, "É. V. D. B."),
            ("123 ---", Mask::Initials, HIDDEN),
            ("A12345678", Mask::LastThree, "•••••678"),
            ("123456", Mask::LastThree, HIDDEN),
            ("12", Mask::LastThree, HIDDEN),
            ("ßßßßßßß", Mask::LastThree, "•••••ßßß"),
            ("1990-01-15", Mask::YearOnly, "1990"),
            ("15.01.1990", Mask::YearOnly, HIDDEN),
            ("äää", Mask::YearOnly, HIDDEN),
            ("a@b.example", Mask::Hide, HIDDEN),
        ] {
            assert_eq!(mask_text(text, mask), shown, "{text}");
        }
        let mut unknown = (String::new(), None::<String>);
        unknown.0.mask(Mask::Hide);
        unknown.1.mask(Mask::Hide);
        assert_eq!(unknown, (String::new(), None), "unknown stays unknown");
    }

    #[test]
    fn checks_lose_their_evidence_and_other_documents_everything() {
        let checks = r#"[{"check":"document","findings":[{"code":"c","evidence":{"name":"CANARY"}}],"score":1,
            "readings":[{"source":"print","fields":{"name":"CANARY"}}],"eyes":[{"image":"facial_photo"}]}]"#;
        let mut masked = RawValue::from_string(checks.to_owned()).unwrap();
        masked.mask(Mask::WithoutEvidence);
        let shown: Value = serde_json::from_str(masked.get()).unwrap();
        assert_eq!(shown[0]["findings"][0], serde_json::json!({"code": "c", "evidence": {}}));
        assert_eq!(shown[0]["score"], 1);
        assert!(shown[0].get("readings").is_none() && shown[0].get("eyes").is_none(), "{shown}");
        for (document, mask) in [
            (checks, Mask::Hide),
            (r#"{"a":"CANARY"}"#, Mask::WithoutEvidence),
            (r#"[{"findings":["CANARY"]}]"#, Mask::WithoutEvidence),
        ] {
            let mut masked = RawValue::from_string(document.to_owned()).unwrap();
            masked.mask(mask);
            assert_eq!(masked.get(), "null");
        }
    }
}
