//! Checks of the fields of a user that callers send: role and teams.

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::domain::LINE;
use crate::domain::console::user::MAX_TEAMS;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::records::console_user::ConsoleRole;

/// Teams as they were sent: nothing, `null` for every team, or a list.
pub(super) type SentTeams = Option<Value>;

/// Reads a field of which `null` is a value.
pub(super) fn read_sent<'de, D: Deserializer<'de>>(value: D) -> Result<SentTeams, D::Error> {
    Value::deserialize(value).map(Some)
}

/// A role; `None` when it was not sent, or is wrong.
pub(super) fn read_role(checks: &mut FieldChecks, sent: RawField) -> Option<ConsoleRole> {
    let text = checks.optional_text("role", sent, LINE)?;
    let role = ConsoleRole::from_word(&text);
    if role.is_none() {
        let words: Vec<&str> = ConsoleRole::ALL.into_iter().map(ConsoleRole::word).collect();
        checks.add_problem("role", format!("must be one of: {}", words.join(", ")));
    }
    role
}

/// Teams, `Some(None)` for every team; `None` when they were not sent, or are wrong.
pub(super) fn read_teams(checks: &mut FieldChecks, sent: SentTeams) -> Option<Option<Vec<String>>> {
    let sent = sent?;
    if sent.is_null() {
        return Some(None);
    }
    let is_team = |team: &String| !team.trim().is_empty() && team.chars().count() <= LINE && !team.contains('\0');
    let teams: Option<Vec<String>> = serde_json::from_value(sent).ok();
    match teams.filter(|teams| teams.len() <= MAX_TEAMS && teams.iter().all(is_team)) {
        Some(mut teams) => {
            teams.sort();
            teams.dedup();
            Some(Some(teams))
        }
        None => {
            checks.add_problem("teams", format!("must be null, or a list of at most {MAX_TEAMS} names of teams"));
            None
        }
    }
}

/// A super admin reaches every team.
pub(super) fn check_teams_of_role(checks: &mut FieldChecks, role: ConsoleRole, teams: Option<&Vec<String>>) {
    if role == ConsoleRole::SuperAdmin && teams.is_some() {
        checks.add_problem("teams", "must be null for a super admin, who reaches every team");
    }
}
