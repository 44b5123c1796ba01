//! Lists what a configuration allows and an operator should know. `serve` logs it, and `check` prints it.

use crate::config::{Config, list_misspelt_variables, list_unknown_scopes};

/// The warnings about this configuration and the environment's variables.
pub(super) fn list_warnings(config: &Config) -> Vec<String> {
    let names = std::env::vars_os().filter_map(|(name, _)| name.into_string().ok());
    let mut warnings: Vec<String> =
        list_misspelt_variables(names).iter().map(|misspelt| misspelt.to_warning()).collect();
    warnings.extend(config.list_link_warnings());
    warnings.extend(config.unverified_database_warning().map(str::to_owned));
    warnings.extend(config.second_factor_warning().map(str::to_owned));
    let unused = config.unused_settings.iter();
    warnings.extend(unused.map(|name| format!("{name} is set but does nothing in this configuration")));
    let scopes = list_unknown_scopes(config.clients.as_deref().unwrap_or_default());
    warnings.extend(scopes.iter().map(|scope| format!("no operation requires the scope {scope}; is it misspelt?")));
    warnings
}
