//! Which reviews a list shows.

use crate::records::review::ReviewState;
use crate::records::time::Millis;

/// Which reviews a list shows. What is not given does not narrow it.
#[derive(Clone, Debug, Default)]
pub struct ReviewFilter {
    pub states: Vec<ReviewState>,
    /// Empty: reviews of no team.
    pub team: Option<String>,
    pub assignee: Option<String>,
    pub country: Option<String>,
    pub document_type: Option<String>,
    pub finding: Option<String>,
    pub due_before: Option<Millis>,
    /// Words of the profile: name, e-mail address, document number or userID.
    pub q: Option<String>,
}

/// The stored states that shown ones stand for, and what must hold of the claim. `Claimed` and `Open` differ by the time
/// alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateFilter {
    pub stored: Vec<ReviewState>,
    /// `true`: only claims that are good; `false`: only those that have ended; `None`: both. Of other states it says nothing.
    pub claims_are_good: Option<bool>,
}

impl StateFilter {
    /// What shown states mean in the store; `None` for every state.
    #[must_use]
    pub fn of_shown(shown: &[ReviewState]) -> Option<Self> {
        if shown.is_empty() {
            return None;
        }
        let has = |state| shown.contains(&state);
        let mut stored = shown.to_vec();
        if has(ReviewState::Open) && !has(ReviewState::Claimed) {
            stored.push(ReviewState::Claimed);
        }
        let claims_are_good = match (has(ReviewState::Open), has(ReviewState::Claimed)) {
            (true, false) => Some(false),
            (false, true) => Some(true),
            _ => None,
        };
        Some(Self { stored, claims_are_good })
    }
}
