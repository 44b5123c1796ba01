//! Settings of a team that rule reviews and resubmissions, and their defaults.

use serde_json::Value;

use super::setting::{settings_of_team, stored_key};
use crate::records::setting::Setting;

/// A setting that is a whole number: its key, default and range.
struct NumberSetting {
    key: &'static str,
    default: u32,
    least: u32,
    most: u32,
}

const DUE_HOURS: NumberSetting = NumberSetting { key: "review_due_hours", default: 24, least: 1, most: 720 };
const UNDO_SECONDS: NumberSetting = NumberSetting { key: "review_undo_seconds", default: 10, least: 0, most: 60 };
const MAX_RESUBMISSIONS: NumberSetting = NumberSetting { key: "max_resubmissions", default: 3, least: 0, most: 9 };
const NUMBERS: [NumberSetting; 3] = [DUE_HOURS, UNDO_SECONDS, MAX_RESUBMISSIONS];

/// The setting that asks for two people per decision.
pub const FOUR_EYES_KEY: &str = "four_eyes";
const BLIND_SECOND_LOOK_KEY: &str = "blind_second_look";

/// What a team has set about reviews and resubmissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReviewSettings {
    /// Within how many hours a review should be decided.
    pub due_hours: u32,
    /// For how many seconds a decision can be undone before it takes effect.
    pub undo_seconds: u32,
    /// Whether two people must agree.
    pub four_eyes: bool,
    /// Whether the second of them does not see what the first has decided.
    pub blind_second_look: bool,
    /// How often a person may be asked for another try.
    pub max_resubmissions: u32,
}

impl Default for ReviewSettings {
    fn default() -> Self {
        Self {
            due_hours: DUE_HOURS.default,
            undo_seconds: UNDO_SECONDS.default,
            four_eyes: false,
            blind_second_look: true,
            max_resubmissions: MAX_RESUBMISSIONS.default,
        }
    }
}

impl ReviewSettings {
    /// The keys under which they are stored: the team's own, and the operator's.
    #[must_use]
    pub fn stored_keys(team: Option<&str>) -> Vec<String> {
        let keys = || NUMBERS.iter().map(|number| number.key).chain([FOUR_EYES_KEY, BLIND_SECOND_LOOK_KEY]);
        let own = keys().filter_map(|key| team.map(|team| stored_key(Some(team), key)));
        own.chain(keys().map(str::to_owned)).collect()
    }

    /// What these stored settings mean for a team. A value of another form counts as not set.
    #[must_use]
    pub fn from_stored(stored: Vec<Setting>, team: Option<&str>) -> Self {
        let all = settings_of_team(stored, team, true);
        let value = |key: &str| {
            let setting = all.iter().find(|setting| setting.key == key)?;
            serde_json::from_str::<Value>(setting.value.get()).ok()
        };
        let number = |setting: &NumberSetting| value(setting.key).and_then(|value| setting.read(&value));
        let flag = |key: &str, default: bool| value(key).and_then(|value| value.as_bool()).unwrap_or(default);
        Self {
            due_hours: number(&DUE_HOURS).unwrap_or(DUE_HOURS.default),
            undo_seconds: number(&UNDO_SECONDS).unwrap_or(UNDO_SECONDS.default),
            four_eyes: flag(FOUR_EYES_KEY, false),
            blind_second_look: flag(BLIND_SECOND_LOOK_KEY, true),
            max_resubmissions: number(&MAX_RESUBMISSIONS).unwrap_or(MAX_RESUBMISSIONS.default),
        }
    }

    /// What is wrong with a value, if the key is one of these settings.
    #[must_use]
    pub fn find_problem(key: &str, value: &Value) -> Option<String> {
        if let Some(number) = NUMBERS.iter().find(|number| number.key == key) {
            let (least, most) = (number.least, number.most);
            return number.read(value).is_none().then(|| format!("must be a whole number from {least} to {most}"));
        }
        let is_flag = [FOUR_EYES_KEY, BLIND_SECOND_LOOK_KEY].contains(&key);
        (is_flag && !value.is_boolean()).then(|| "must be true or false".to_owned())
    }
}

impl NumberSetting {
    fn read(&self, value: &Value) -> Option<u32> {
        let number = u32::try_from(value.as_u64()?).ok()?;
        (self.least..=self.most).contains(&number).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::*;
    use crate::records::time::Millis;

    fn setting(key: &str, value: &Value) -> Setting {
        let value = RawValue::from_string(value.to_string()).unwrap();
        Setting { key: key.to_owned(), value, public: false, updated: Millis(0) }
    }

    #[test]
    fn own_settings_come_before_the_operators_and_malformed_ones_do_not_count() {
        let stored = || {
            vec![
                setting("max_resubmissions", &json!(1)),
                setting("four_eyes", &json!(true)),
                setting("review_due_hours", &json!("soon")),
                setting("red/max_resubmissions", &json!(9)),
                setting("red/review_undo_seconds", &json!(61)),
            ]
        };
        let red = ReviewSettings::from_stored(stored(), Some("red"));
        assert_eq!((red.max_resubmissions, red.four_eyes, red.due_hours, red.undo_seconds), (9, true, 24, 10));
        assert_eq!(ReviewSettings::from_stored(stored(), None).max_resubmissions, 1);
        assert_eq!(ReviewSettings::from_stored(Vec::new(), Some("red")), ReviewSettings::default());
        assert!(ReviewSettings::stored_keys(Some("red")).contains(&"red/four_eyes".to_owned()));
    }

    #[test]
    fn values_out_of_range_are_refused() {
        for (key, value) in [
            ("max_resubmissions", json!(10)),
            ("max_resubmissions", json!(-1)),
            ("max_resubmissions", json!(1.5)),
            ("review_due_hours", json!(0)),
            ("review_undo_seconds", json!(61)),
            ("four_eyes", json!("yes")),
        ] {
            assert!(ReviewSettings::find_problem(key, &value).is_some(), "{key} {value}");
        }
        for (key, value) in [("max_resubmissions", json!(0)), ("four_eyes", json!(true)), ("theme", json!("x"))] {
            assert!(ReviewSettings::find_problem(key, &value).is_none(), "{key} {value}");
        }
    }
}
