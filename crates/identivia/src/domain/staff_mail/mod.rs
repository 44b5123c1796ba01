//! E-mails to the company's staff: their kinds, their texts in four languages, and an operator's own texts in their place.

mod texts;

use serde_json::Value;

use super::LINE;

/// The setting that holds the operator's own texts: `{"invitation": {"en": {"subject": …, "text": …}}}`.
pub const MAIL_TEMPLATES_KEY: &str = "mail_templates";
/// The languages that have texts, the first for everyone else.
pub const MAIL_LANGUAGES: [&str; 4] = ["en", "de", "es", "fr"];
/// The longest text of a template, in characters.
const TEXT_CHARACTERS: usize = 4_000;

/// Why an e-mail is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailKind {
    /// An invitation to the console.
    Invitation,
    /// Deliveries to a webhook endpoint fail.
    EndpointFailing,
    /// A webhook endpoint gets no more deliveries.
    EndpointDisabled,
    /// Reviews have passed the time at which they are due.
    ReviewsOverdue,
}

impl MailKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [Self::Invitation, Self::EndpointFailing, Self::EndpointDisabled, Self::ReviewsOverdue];

    /// Its word in the setting.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Invitation => "invitation",
            Self::EndpointFailing => "endpoint_failing",
            Self::EndpointDisabled => "endpoint_disabled",
            Self::ReviewsOverdue => "reviews_overdue",
        }
    }

    /// What its text may name, in braces.
    #[must_use]
    pub const fn placeholders(self) -> &'static [&'static str] {
        match self {
            Self::Invitation => &["platform", "name", "link", "hours"],
            Self::EndpointFailing | Self::EndpointDisabled => &["platform", "endpoint", "link"],
            Self::ReviewsOverdue => &["platform", "count", "link"],
        }
    }

    /// The kind of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }

    /// Our own text in the language of a tag: subject and body.
    #[must_use]
    pub fn own_text(self, language: &str) -> (&'static str, &'static str) {
        self.default_text(Language::from_tag(language))
    }

    /// What its placeholders stand for in an example.
    #[must_use]
    pub fn example_values(self) -> Vec<(&'static str, &'static str)> {
        let example = |name: &'static str| match name {
            "name" => "Ada Osei",
            "link" => "https://verify.example.com/console/",
            "hours" => "72",
            "endpoint" => "abc123def456xyz",
            "count" => "3",
            _ => "Identivia",
        };
        self.placeholders().iter().map(|name| (*name, example(name))).collect()
    }

    /// The text that holds where the operator has none: subject and body.
    const fn default_text(self, language: Language) -> (&'static str, &'static str) {
        let [english, german, spanish, french] = match self {
            Self::Invitation => texts::INVITATION,
            Self::EndpointFailing => texts::ENDPOINT_FAILING,
            Self::EndpointDisabled => texts::ENDPOINT_DISABLED,
            Self::ReviewsOverdue => texts::REVIEWS_OVERDUE,
        };
        match language {
            Language::English => english,
            Language::German => german,
            Language::Spanish => spanish,
            Language::French => french,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Language {
    English,
    German,
    Spanish,
    French,
}

impl Language {
    /// The language of a tag such as `de` or `de-CH`; English for every other one.
    fn from_tag(tag: &str) -> Self {
        match tag.split('-').next().unwrap_or_default() {
            "de" => Self::German,
            "es" => Self::Spanish,
            "fr" => Self::French,
            _ => Self::English,
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::English => MAIL_LANGUAGES[0],
            Self::German => MAIL_LANGUAGES[1],
            Self::Spanish => MAIL_LANGUAGES[2],
            Self::French => MAIL_LANGUAGES[3],
        }
    }
}

/// The subject and the body of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MailText {
    pub subject: String,
    pub body: String,
}

impl MailText {
    /// The text of a message. `templates` is the setting with the operator's own texts; `values` are what its placeholders
    /// stand for. The subject is always one line, also if a value has several.
    #[must_use]
    pub fn new(kind: MailKind, language: &str, templates: Option<&Value>, values: &[(&str, &str)]) -> Self {
        let language = Language::from_tag(language);
        let own = templates.map(|all| &all[kind.word()][language.word()]);
        let own = own.and_then(|text| Some((text["subject"].as_str()?, text["text"].as_str()?)));
        let (subject, body) = own.unwrap_or_else(|| kind.default_text(language));
        let subject = fill_placeholders(subject, values).replace(char::is_control, " ");
        Self { subject, body: fill_placeholders(body, values) }
    }
}

/// Puts values in the place of their names in braces, in one pass: a value that looks like a placeholder stays as it is.
fn fill_placeholders(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('{') {
        filled.push_str(before);
        let value = behind.split_once('}').and_then(|(name, after)| {
            values.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value, after))
        });
        match value {
            Some((value, after)) => {
                filled.push_str(value);
                rest = after;
            }
            None => {
                filled.push('{');
                rest = behind;
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// Checks an operator's own texts.
///
/// # Errors
/// What the setting must be, with the place of the first problem.
pub fn check_mail_templates(value: &Value) -> Result<(), String> {
    let kinds = value.as_object().ok_or("must be an object of kinds such as invitation")?;
    for (word, languages) in kinds {
        let kind = MailKind::from_word(word).ok_or_else(|| {
            let words: Vec<&str> = MailKind::ALL.into_iter().map(MailKind::word).collect();
            format!("{word}: is no kind of e-mail; the kinds are {}", words.join(", "))
        })?;
        let languages = languages.as_object().ok_or_else(|| format!("{word}: must be an object of languages"))?;
        for (language, text) in languages {
            let place = format!("{word}.{language}");
            if !MAIL_LANGUAGES.contains(&language.as_str()) {
                return Err(format!("{place}: must be one of {}", MAIL_LANGUAGES.join(", ")));
            }
            check_template(kind, text).map_err(|problem| format!("{place}: {problem}"))?;
        }
    }
    Ok(())
}

fn check_template(kind: MailKind, text: &Value) -> Result<(), String> {
    let (Some(subject), Some(body)) = (text["subject"].as_str(), text["text"].as_str()) else {
        return Err("must have subject and text".to_owned());
    };
    if subject.is_empty() || subject.chars().count() > LINE || subject.contains(char::is_control) {
        return Err(format!("subject must be one line of 1 to {LINE} characters"));
    }
    if body.is_empty() || body.chars().count() > TEXT_CHARACTERS || body.contains('\0') {
        return Err(format!("text must have 1 to {TEXT_CHARACTERS} characters"));
    }
    // An invitation without its link is useless.
    if kind == MailKind::Invitation && !body.contains("{link}") {
        return Err("text must contain {link}".to_owned());
    }
    for text in [subject, body] {
        for (_, behind) in text.match_indices('{').map(|(at, _)| text.split_at(at + 1)) {
            let name = behind.split_once('}').map_or("", |(name, _)| name);
            if !kind.placeholders().contains(&name) {
                return Err(format!("{{ must begin one of {}", describe_placeholders(kind)));
            }
        }
    }
    Ok(())
}

fn describe_placeholders(kind: MailKind) -> String {
    kind.placeholders().iter().map(|name| format!("{{{name}}}")).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_default_text_passes_the_check_of_own_texts() {
        for kind in MailKind::ALL {
            for language in MAIL_LANGUAGES {
                let (subject, text) = kind.default_text(Language::from_tag(language));
                let value = json!({kind.word(): {language: {"subject": subject, "text": text}}});
                assert_eq!(check_mail_templates(&value), Ok(()), "{kind:?} {language}");
                assert!(text.contains("{link}"), "{kind:?} {language}");
            }
        }
    }

    #[test]
    fn values_are_filled_in_once_and_the_subject_is_one_line() {
        let values =
            [("platform", "A\r\nBcc: x@y.example"), ("name", "{link}"), ("link", "https://l.example"), ("hours", "72")];
        let text = MailText::new(MailKind::Invitation, "de-CH", None, &values);
        assert_eq!(text.subject, "Ihr Konto bei A  Bcc: x@y.example");
        assert!(text.body.starts_with("Guten Tag {link},") && text.body.matches("https://l.example").count() == 1);
        let own = json!({"invitation": {"en": {"subject": "Hi {name}", "text": "{link} {"}}});
        let text = MailText::new(MailKind::Invitation, "it", Some(&own), &values);
        assert_eq!((text.subject.as_str(), text.body.as_str()), ("Hi {link}", "https://l.example {"));
    }

    #[test]
    fn own_texts_are_checked_and_the_problem_names_its_place() {
        let invitation = |subject: &str, text: &str| json!({"invitation": {"en": {"subject": subject, "text": text}}});
        let problems: Vec<String> = [
            json!([]),
            json!({"birthday": {}}),
            json!({"invitation": []}),
            json!({"invitation": {"it": {"subject": "s", "text": "{link}"}}}),
            json!({"invitation": {"en": {"subject": "s"}}}),
            invitation("", "{link}"),
            invitation("two\nlines", "{link}"),
            invitation("s", "no way in"),
            invitation("s", "{link} {password}"),
            invitation("s {", "{link}"),
        ]
        .iter()
        .map(|value| check_mail_templates(value).err().unwrap_or_else(|| panic!("{value}")))
        .collect();
        insta::assert_snapshot!(problems.join("\n"));
    }
}
