//! Settings belong to a team. One without a team is the operator's, and the default for every team.

use crate::records::setting::Setting;

/// Stands between a team and its key. No key contains it.
const SEPARATOR: char = '/';

/// The stored key of a team's setting, or of the operator's.
#[must_use]
pub fn stored_key(team: Option<&str>, key: &str) -> String {
    match team {
        Some(team) => format!("{team}{SEPARATOR}{key}"),
        None => key.to_owned(),
    }
}

/// The team of a stored key, if it has one, and the key itself.
#[must_use]
pub fn split_key(stored: &str) -> (Option<&str>, &str) {
    match stored.rsplit_once(SEPARATOR) {
        Some((team, key)) => (Some(team), key),
        None => (None, stored),
    }
}

/// The settings that hold for a team, under their own keys: its own, and the operator's where it has none. `sees_private`:
/// with the operator's private ones, which are for the operator alone.
#[must_use]
pub fn settings_of_team(all: Vec<Setting>, team: Option<&str>, sees_private: bool) -> Vec<Setting> {
    let is_of = |setting: &Setting, wanted: Option<&str>| split_key(&setting.key).0 == wanted;
    let (own, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|setting| team.is_some() && is_of(setting, team));
    let mut own: Vec<Setting> = own.into_iter().map(under_own_key).collect();
    let defaults = others.into_iter().filter(|setting| is_of(setting, None) && (sees_private || setting.public));
    let missing: Vec<Setting> =
        defaults.filter(|default| own.iter().all(|setting| setting.key != default.key)).collect();
    own.extend(missing);
    own.sort_by(|one, other| one.key.cmp(&other.key));
    own
}

fn under_own_key(setting: Setting) -> Setting {
    Setting { key: split_key(&setting.key).1.to_owned(), ..setting }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::*;
    use crate::records::time::Millis;

    fn setting(key: &str, public: bool) -> Setting {
        let value = RawValue::from_string(format!("{key:?}")).unwrap();
        Setting { key: key.to_owned(), value, public, updated: Millis(0) }
    }

    fn seen(team: Option<&str>, sees_private: bool) -> Vec<(String, String)> {
        let all = vec![
            setting("brand", true),
            setting("private", false),
            setting("theme", true),
            setting("red/brand", false),
            setting("red/own", true),
            setting("blue/brand", true),
            setting("a/b/brand", true),
        ];
        let seen = settings_of_team(all, team, sees_private);
        seen.into_iter().map(|setting| (setting.key, setting.value.get().trim_matches('"').to_owned())).collect()
    }

    #[test]
    fn s69_team_sees_its_own_settings_and_public_defaults() {
        let pair = |key: &str, stored: &str| (key.to_owned(), stored.to_owned());
        let red = [pair("brand", "red/brand"), pair("own", "red/own"), pair("theme", "theme")];
        assert_eq!(seen(Some("red"), false), red);
        assert_eq!(seen(Some("a/b"), false), [pair("brand", "a/b/brand"), pair("theme", "theme")]);
        assert_eq!(seen(Some("green"), false), [pair("brand", "brand"), pair("theme", "theme")]);
        assert_eq!(seen(None, true), [pair("brand", "brand"), pair("private", "private"), pair("theme", "theme")]);
    }

    #[test]
    fn stored_keys_are_split_at_the_last_separator() {
        for (team, key) in [(None, "k"), (Some("red"), "k"), (Some("a/b"), "k"), (Some(""), "k")] {
            assert_eq!(split_key(&stored_key(team, key)), (team, key));
        }
    }
}
