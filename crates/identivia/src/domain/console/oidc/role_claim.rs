//! The claim of an ID token that gives a role: its name, and the role of each value.

use serde_json::{Map, Value};

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
        let values = match find_claim(claims, &self.claim)? {
            Value::String(value) => vec![value.as_str()],
            Value::Array(list) => list.iter().filter_map(Value::as_str).collect(),
            _ => return None,
        };
        let given: Vec<ConsoleRole> =
            self.roles.iter().filter(|(value, _)| values.contains(&value.as_str())).map(|(_, role)| *role).collect();
        ConsoleRole::ALL.into_iter().find(|role| given.contains(role))
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
