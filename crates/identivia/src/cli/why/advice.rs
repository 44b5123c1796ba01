//! The form of an advice: a meaning and a next step.

/// What something means, and what to do next (empty where nothing is to be done).
pub(super) struct Advice {
    pub(super) meaning: String,
    pub(super) next: String,
}

impl Advice {
    pub(super) fn new(meaning: impl Into<String>, next: impl Into<String>) -> Self {
        Self { meaning: meaning.into(), next: next.into() }
    }
}
