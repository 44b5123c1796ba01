//! The claims of an ID token that give a role and teams: their names, and the role of each value.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::domain::LINE;
use crate::domain::console::user::MAX_TEAMS;
use crate::records::console_user::ConsoleRole;

/// Which claim gives roles, and which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleClaim {
    /// A claim's name, or a path with dots between names. The whole is tried as a name first.
    pub claim: String,
    /// The role of each value.
    pub roles: Vec<(String, ConsoleRole)>,
}

impl RoleClaim {
    /// The highest role that the claims give; `None` when they give none.
    #[must_use]
    pub fn find_role(&self, claims: &Map<String, Value>) -> Option<ConsoleRole> {
        let values = list_values(find_claim(claims, &self.claim)?)?;
        let given: Vec<ConsoleRole> =
            self.roles.iter().filter(|(value, _)| values.contains(&value.as_str())).map(|(_, role)| *role).collect();
        ConsoleRole::ALL.into_iter().find(|role| given.contains(role))
    }
}

/// The teams that a claim names, each once and in their order; `None` without the claim, or with one that is no list of texts.
#[must_use]
pub fn find_teams(claims: &Map<String, Value>, claim: &str) -> Option<Vec<String>> {
    let is_team = |team: &&str| !team.trim().is_empty() && team.chars().count() <= LINE && !team.contains('\0');
    let values = list_values(find_claim(claims, claim)?)?;
    let named: BTreeSet<&str> = values.into_iter().filter(is_team).collect();
    Some(named.into_iter().take(MAX_TEAMS).map(str::to_owned).collect())
}

/// The texts of a claim: one, or those of a list.
fn list_values(claim: &Value) -> Option<Vec<&str>> {
    match claim {
        Value::String(value) => Some(vec![value.as_str()]),
        Value::Array(list) => Some(list.iter().filter_map(Value::as_str).collect()),
        _ => None,
    }
}

fn find_claim<'a>(claims: &'a Map<String, Value>, path: &str) -> Option<&'a Value> {
    if let Some(found) = claims.get(path) {
        return Some(found);
    }
    let mut names = path.split('.');
    let first = claims.get(names.next()?)?;
    names.try_fold(first, |value, name| value.as_object()?.get(name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn teams_are_the_texts_of_the_claim_and_bounded() {
        let many: Vec<String> = (0..300).map(|number| format!("team-{number:03}")).collect();
        for (claims, teams) in [
            (
                json!({"teams": ["red", "blue", "red", 1, "", " ", "a\u{0}b", "x".repeat(256)]}),
                Some(vec!["blue", "red"]),
            ),
            (json!({"teams": "red"}), Some(vec!["red"])),
            (json!({"teams": []}), Some(vec![])),
            (json!({"teams": null}), None),
            (json!({"teams": {"red": true}}), None),
            (json!({}), None),
        ] {
            let found = find_teams(claims.as_object().unwrap(), "teams");
            assert_eq!(found, teams.map(|teams| teams.into_iter().map(str::to_owned).collect()), "{claims}");
        }
        let claims = json!({"org": {"teams": many}});
        assert_eq!(find_teams(claims.as_object().unwrap(), "org.teams").unwrap().len(), MAX_TEAMS);
    }

    #[test]
    fn highest_role_of_the_values_counts() {
        let roles = |claim: &str| RoleClaim {
            claim: claim.to_owned(),
            roles: vec![("r".to_owned(), ConsoleRole::Reviewer), ("a".to_owned(), ConsoleRole::Admin)],
        };
        for (claim, claims, role) in [
            ("groups", json!({"groups": ["x", "r", "a"]}), Some(ConsoleRole::Admin)),
            ("groups", json!({"groups": "r"}), Some(ConsoleRole::Reviewer)),
            ("groups", json!({"groups": ["A", "r a", 1, null]}), None),
            ("groups", json!({"groups": {"a": true}}), None),
            ("groups", json!({}), None),
            ("realm.roles", json!({"realm": {"roles": ["a"]}}), Some(ConsoleRole::Admin)),
            ("https://x.example/roles", json!({"https://x.example/roles": ["r"]}), Some(ConsoleRole::Reviewer)),
        ] {
            assert_eq!(roles(claim).find_role(claims.as_object().unwrap()), role, "{claims}");
        }
    }
}
