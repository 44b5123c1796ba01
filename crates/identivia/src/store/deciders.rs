//! The people whom four eyes need: a step that relies on them is refused if one of them has been changed meanwhile.

use serde_json::json;

use super::{Commit, Comparison, Condition, Refusal};
use crate::records::console_user::ConsoleUser;
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind};

/// Steps that count users run one after the other.
const TURN: &str = "console users";

/// Whether a step also notes in the people's records that it relies on them.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Reliance {
    /// For a change of a user: another one that removes one of these people relies on this one's user, and is refused.
    Condition,
    /// For a setting: changes of these people that began before know nothing of it, and are refused because their records
    /// have changed.
    Note,
}

/// Adds the condition that these people are still as they were read.
pub(super) fn rely_on_deciders(commit: &mut Commit, deciders: &[ConsoleUser], reliance: Reliance) {
    if !deciders.is_empty() {
        take_turn(commit);
    }
    for decider in deciders {
        let unchanged = Comparison::Is(json!(decider.updated));
        let unchanged = Condition::new("updated", unchanged, Refusal::DecidersChanged);
        let fields = match reliance {
            Reliance::Condition => FieldMap::new(),
            Reliance::Note => FieldMap::from([("updated", json!(Millis(decider.updated.0 + 1)))]),
        };
        commit.update(RecordKind::ConsoleUsers, decider.id.as_str(), vec![unchanged], fields);
    }
}

/// Has the step wait for other ones that count users.
pub(super) fn take_turn(commit: &mut Commit) {
    commit.turn = Some(TURN);
}
