//! Defines settings: variable, flag, meaning, default and check in one place. Help text and parsing both come from it.

use std::collections::HashMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

use super::checks::SettingCheck;

/// A setting that cannot be used: the variable's name and the problem, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct ConfigError {
    pub name: &'static str,
    pub problem: String,
}

/// A default: text that goes through the setting's own check.
pub(super) struct DefaultText(pub(super) &'static str);

/// Describes what happens when a setting without a default is not set. Empty where the meaning says it.
pub(super) struct WhenUnset(pub(super) &'static str);

/// One setting, with a [`DefaultText`] or without one ([`WhenUnset`]). Made by [`define_settings`].
pub(super) struct DefinedSetting<C, D> {
    pub(super) variable: &'static str,
    /// The flag, where it differs from the variable's name in lower case.
    pub(super) own_flag: &'static [&'static str],
    pub(super) meaning: &'static str,
    pub(super) check: C,
    pub(super) default: D,
}

impl<C: SettingCheck, D> DefinedSetting<C, D> {
    /// The value's text. Empty counts as not set: compose files and shells pass unset variables on as empty ones.
    pub(super) fn text<'s>(&self, settings: &'s Settings) -> Option<&'s str> {
        let text = settings.texts.get(self.variable)?;
        let text = if C::KEEPS_SPACES { text } else { text.trim() };
        (!text.is_empty()).then_some(text)
    }

    /// The error that this setting has this problem.
    pub(super) fn to_error(&self, problem: impl Into<String>) -> ConfigError {
        ConfigError { name: self.variable, problem: problem.into() }
    }
}

impl<C: SettingCheck> DefinedSetting<C, DefaultText> {
    /// The checked value, or the default.
    pub(super) fn read(&self, settings: &Settings) -> Result<C::Value, ConfigError> {
        self.read_with_check(&self.check, settings)
    }

    /// Like [`Self::read`], with the check that other settings call for.
    pub(super) fn read_with_check(&self, check: &C, settings: &Settings) -> Result<C::Value, ConfigError> {
        let text = self.text(settings).unwrap_or(self.default.0);
        check.parse(text).map_err(|problem| self.to_error(problem))
    }
}

impl<C: SettingCheck> DefinedSetting<C, WhenUnset> {
    /// The checked value; `None` where the setting is not set.
    pub(super) fn read_if_set(&self, settings: &Settings) -> Result<Option<C::Value>, ConfigError> {
        let value = self.text(settings).map(|text| self.check.parse(text)).transpose();
        value.map_err(|problem| self.to_error(problem))
    }
}

/// Tells the default of a setting to the help text.
pub(super) trait SettingDefault {
    /// The text behind `default:`, empty for none.
    fn to_help(&self) -> &'static str;

    /// The default value; `None` where there is none.
    #[cfg(test)]
    fn default_text(&self) -> Option<&'static str>;
}

impl SettingDefault for DefaultText {
    fn to_help(&self) -> &'static str {
        self.0
    }

    #[cfg(test)]
    fn default_text(&self) -> Option<&'static str> {
        Some(self.0)
    }
}

impl SettingDefault for WhenUnset {
    fn to_help(&self) -> &'static str {
        self.0
    }

    #[cfg(test)]
    fn default_text(&self) -> Option<&'static str> {
        None
    }
}

/// A setting of any type, as the command line sees it.
pub(super) trait AnySetting {
    fn variable(&self) -> &'static str;

    /// The flag, without the dashes before it.
    fn flag(&self) -> String;

    /// Meaning, accepted values and default, for `--help`.
    fn help(&self) -> String;

    /// The default value; `None` where there is none.
    #[cfg(test)]
    fn default_text(&self) -> Option<&'static str>;

    fn is_set(&self, settings: &Settings) -> bool;

    /// What is wrong with the value by itself; `None` where it is not set.
    fn find_problem(&self, settings: &Settings) -> Option<ConfigError>;
}

impl<C: SettingCheck, D: SettingDefault> AnySetting for DefinedSetting<C, D> {
    fn variable(&self) -> &'static str {
        self.variable
    }

    fn flag(&self) -> String {
        let own = self.own_flag.first().map(|flag| (*flag).to_owned());
        own.unwrap_or_else(|| self.variable.to_ascii_lowercase().replace('_', "-"))
    }

    fn help(&self) -> String {
        let mut help = self.meaning.trim().to_owned();
        if let Some(accepted) = self.check.describe_accepted() {
            help = format!("{help} ({accepted})");
        }
        match self.default.to_help() {
            "" => help,
            default => format!("{help} [default: {default}]"),
        }
    }

    #[cfg(test)]
    fn default_text(&self) -> Option<&'static str> {
        self.default.default_text()
    }

    fn is_set(&self, settings: &Settings) -> bool {
        self.text(settings).is_some()
    }

    fn find_problem(&self, settings: &Settings) -> Option<ConfigError> {
        let problem = self.check.parse(self.text(settings)?).err()?;
        Some(self.to_error(problem))
    }
}

/// The settings of one subject, under one heading of `--help`.
pub(super) struct SettingGroup {
    pub(super) heading: &'static str,
    pub(super) settings: &'static [&'static dyn AnySetting],
}

/// Defines the settings of one subject, and the group that lists them.
///
/// Each entry reads: meaning, variable, (flag, where it differs), type of the check, check, default.
macro_rules! define_settings {
    (
        $group:ident, $heading:literal;
        $(
            $(#[doc = $meaning:literal])+
            $variable:ident $([$flag:literal])?: $check:ty = $value:expr, $kind:ident($default:literal);
        )+
    ) => {
        $(
            $(#[doc = $meaning])+
            pub(in crate::config) const $variable: $crate::config::setting::DefinedSetting<
                $check,
                $crate::config::setting::$kind,
            > = $crate::config::setting::DefinedSetting {
                variable: stringify!($variable),
                own_flag: &[$($flag)?],
                meaning: concat!($($meaning),+),
                check: $value,
                default: $crate::config::setting::$kind($default),
            };
        )+
        pub(in crate::config) const $group: $crate::config::setting::SettingGroup =
            $crate::config::setting::SettingGroup { heading: $heading, settings: &[$(&$variable),+] };
    };
}
pub(super) use define_settings;

/// The settings as text by variable, from flags, the environment or `.env`. Holds secrets, so it has no `Debug`.
#[derive(Clone, Default)]
pub struct Settings {
    texts: HashMap<&'static str, String>,
}

#[cfg(test)]
impl Settings {
    /// These settings as text, by variable.
    pub(crate) fn from_texts(texts: &[(&'static str, &str)]) -> Self {
        Self { texts: texts.iter().map(|(variable, text)| (*variable, (*text).to_owned())).collect() }
    }
}

fn all_settings() -> impl Iterator<Item = (&'static str, &'static dyn AnySetting)> {
    super::GROUPS.iter().flat_map(|group| group.settings.iter().map(|setting| (group.heading, *setting)))
}

/// What is wrong with each setting by itself.
pub(super) fn list_own_problems(settings: &Settings) -> Vec<ConfigError> {
    all_settings().filter_map(|(_, setting)| setting.find_problem(settings)).collect()
}

/// The variable of every setting.
pub(super) fn list_variables() -> impl Iterator<Item = &'static str> {
    all_settings().map(|(_, setting)| setting.variable())
}

/// Every setting is a global flag with a variable. `clap` never shows or checks values: one may be a secret, and
/// commands such as `openapi` run with settings that a server would refuse.
impl Args for Settings {
    fn augment_args(command: Command) -> Command {
        command.args(all_settings().map(|(heading, setting)| {
            Arg::new(setting.variable())
                .long(setting.flag())
                .env(setting.variable())
                .hide_env_values(true)
                .global(true)
                .help_heading(heading)
                .help(setting.help())
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Settings {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let mut settings = Self::default();
        settings.update_from_arg_matches(matches)?;
        Ok(settings)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        for (_, setting) in all_settings() {
            if let Ok(Some(text)) = matches.try_get_one::<String>(setting.variable()) {
                self.texts.insert(setting.variable(), text.clone());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered_arguments() -> Vec<Arg> {
        Settings::augment_args(Command::new("identivia")).get_arguments().cloned().collect()
    }

    #[test]
    fn every_setting_has_a_flag_a_variable_a_heading_and_help() {
        let arguments = rendered_arguments();
        assert_eq!(arguments.len(), all_settings().count());
        for argument in arguments {
            let name = argument.get_id().as_str();
            assert_eq!(argument.get_env().and_then(|variable| variable.to_str()), Some(name));
            assert!(argument.is_hide_env_values_set() && argument.is_global_set(), "{name}");
            assert!(argument.get_long().is_some() && argument.get_help_heading().is_some(), "{name}");
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            assert!(help.len() > 10 && !help.starts_with(char::is_whitespace), "{name}: {help}");
            assert!(help.matches("[default: ").count() <= 1, "{name}: {help}");
        }
    }

    #[test]
    fn variables_and_flags_are_unique() {
        let mut names: Vec<String> =
            all_settings().flat_map(|(_, setting)| [setting.variable().to_owned(), setting.flag()]).collect();
        let count = names.len();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_printed_default_is_the_one_in_force() {
        for argument in rendered_arguments() {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let name = argument.get_id().as_str();
            let (_, setting) = all_settings().find(|(_, setting)| setting.variable() == name).unwrap();
            if let Some(default) = setting.default_text() {
                assert!(help.ends_with(&format!(" [default: {default}]")), "{name}: {help}");
                let settings = Settings::from_texts(&[(setting.variable(), default)]);
                let outcome = crate::config::Config::new(&settings).map(|_| ()).map_err(|error| error.to_string());
                assert_eq!(outcome, Ok(()));
            }
        }
    }

    #[test]
    fn empty_and_blank_texts_count_as_not_set() {
        for (_, setting) in all_settings() {
            assert!(!setting.is_set(&Settings::from_texts(&[(setting.variable(), "")])), "{}", setting.variable());
        }
        let settings = Settings::from_texts(&[("PORT", "  ")]);
        assert!(crate::config::network::PORT.text(&settings).is_none());
    }
}
