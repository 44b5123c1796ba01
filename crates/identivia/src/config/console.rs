//! Settings for the console: whether people need a second factor.

use super::checks::OneOf;
use super::setting::define_settings;

define_settings! {
    CONSOLE_SETTINGS, "Console";

    /// Whether everybody who signs in to the console with a password also needs an authenticator app or a passkey
    CONSOLE_REQUIRE_MFA: OneOf<bool> = OneOf(&[("true", true), ("false", false)]), DefaultText("true");
}

/// Said at the start where no second factor is required.
pub(super) const NO_SECOND_FACTOR_WARNING: &str =
    "CONSOLE_REQUIRE_MFA is off: a stolen password alone is enough to sign in to the console as its user";
