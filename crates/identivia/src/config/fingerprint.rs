//! Settings for Fingerprint's Server API, which checks visitor data.

use super::checks::{Parsed, parse_header_word};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};

define_settings! {
    FINGERPRINT_SETTINGS, "Liveness and documents";

    /// Secret key of Fingerprint's Server API, which checks visitor data
    FINGERPRINT_SECRET_KEY: Parsed<String> = Parsed(parse_header_word), WhenUnset("visitor data stays a claim");
    /// URL of that API: https://eu.api.fpjs.io and https://ap.api.fpjs.io for those regions
    FINGERPRINT_BASE_URL: Parsed<String> = Parsed(parse_web_url), DefaultText("https://api.fpjs.io");
}

/// Fingerprint's Server API.
#[derive(Clone)]
pub struct FingerprintApi {
    pub key: String,
    /// Without a slash at the end.
    pub base_url: String,
}

/// Reads the API that checks visitor data; `None` where it is off.
pub(super) fn read_fingerprint(settings: &Settings) -> Result<Option<FingerprintApi>, ConfigError> {
    if !FINGERPRINT_SECRET_KEY.is_set(settings) {
        return Ok(None);
    }
    let base_url = FINGERPRINT_BASE_URL.read(settings)?;
    if is_unencrypted(&base_url) {
        return Err(FINGERPRINT_BASE_URL.to_error("must be https://, or people's data cross the network in the clear"));
    }
    let key = FINGERPRINT_SECRET_KEY.read_if_set(settings)?;
    Ok(key.map(|key| FingerprintApi { key, base_url }))
}
