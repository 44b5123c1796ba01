//! The body of every error, and what the log learns of a refusal beside it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use crate::records::id::RecordId;
use crate::records::outbox_event::EventId;
use crate::records::time::Millis;

pub(super) type Text = Cow<'static, str>;

/// The body of every error.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ApiError)]
pub struct ErrorBody {
    /// What is wrong, in a short sentence or in RFC 6749's word for it.
    #[schema(value_type = String)]
    pub error: Text,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub message: Option<Text>,
    /// The same for OAuth clients (RFC 6749 §5.2); at the token endpoint only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub error_description: Option<Text>,
    /// A word for programs, where the sentence alone would not do.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false)]
    pub code: Option<&'static str>,
    /// The names of what is missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub required: Option<Vec<&'static str>>,
    /// Each wrong field, and what is wrong with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub fields: Option<BTreeMap<&'static str, String>>,
    /// Who holds the review, and until when, where another one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub holder: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub until: Option<Millis>,
    /// The version of what was to be changed, where another one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub version: Option<u64>,
    /// The newest verification record, where a decision named another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub verification: Option<RecordId>,
    /// The oldest event that is kept, where an older one was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub oldest: Option<EventId>,
}

/// Why a request failed, for its log line.
#[derive(Clone, Debug)]
pub struct ErrorCause(pub Arc<dyn std::error::Error + Send + Sync>);

/// What a refusal says, for its log line: its code, and the names of fields or scopes. No value is in it.
#[derive(Clone, Debug)]
pub struct RefusalCode {
    pub(super) code: Option<&'static str>,
    pub(super) sentence: Text,
    pub(super) names: Vec<&'static str>,
}

impl RefusalCode {
    /// The code: the word for programs, else the sentence as a word.
    pub(crate) fn word(&self) -> String {
        self.code.map_or_else(|| to_code(&self.sentence), str::to_owned)
    }

    /// The names of fields or scopes; `None` where there are none.
    pub(crate) fn field_names(&self) -> Option<String> {
        (!self.names.is_empty()).then(|| self.names.join(","))
    }
}

/// The code of an error: its sentence in lower case, with `_` between the words.
pub(crate) fn to_code(sentence: &str) -> String {
    let words = sentence.split(|letter: char| !letter.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_").to_ascii_lowercase()
}

/// Why a request was refused that may be well formed, for its log line and for metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalKind {
    /// Too many connections.
    Connections,
    /// Too many bodies under way, or too many bytes of them.
    Bodies,
    /// The budget of processor time is used up.
    EngineTime,
    /// A quota of a provider's calls is used up.
    Quota,
    /// Too many wrong secrets or codes.
    Guesses,
    /// A link has written after it has submitted or after the decision, or has claimed what is a reviewer's.
    LateWrite,
}

impl RefusalKind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::Connections, Self::Bodies, Self::EngineTime, Self::Quota, Self::Guesses, Self::LateWrite];

    /// Its word in logs and metrics.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Connections => "connections",
            Self::Bodies => "bodies",
            Self::EngineTime => "engine_time",
            Self::Quota => "quota",
            Self::Guesses => "guesses",
            Self::LateWrite => "late_write",
        }
    }
}
