//! Settings for webhooks: where they may go, how many at once, and how long deliveries are kept.

use std::path::PathBuf;

use super::checks::{ExplicitConsent, OneOf, Parsed, WholeNumber};
use super::network::{parse_networks, parse_web_url};
use super::setting::{ConfigError, Settings, define_settings};
use super::storage::parse_path;
use crate::domain::network::Network;
use crate::domain::webhook::public_address::AddressRule;
use crate::domain::webhook::receiver_url::ReceiverRule;

define_settings! {
    WEBHOOK_SETTINGS, "Webhooks";

    /// Whether this server sends webhooks. With PocketBase exactly one server of several must: set it to off on the others
    WEBHOOKS: OneOf<bool> = OneOf(&[("on", true), ("off", false)]), DefaultText("on");
    /// Private networks to which webhooks may go: addresses or networks, separated by commas
    WEBHOOKS_ALLOW_NETS: Parsed<Vec<Network>> = Parsed(parse_networks), WhenUnset("none");
    /// Allows webhooks over http, which anyone on the way can read and change
    WEBHOOKS_ALLOW_HTTP: ExplicitConsent = ExplicitConsent, DefaultText("false");
    /// File with certificates (PEM) of authorities that are trusted beside the public ones
    WEBHOOKS_CA_FILE: Parsed<PathBuf> = Parsed(parse_path), WhenUnset("none");
    /// Proxy for all webhooks. It decides which addresses they reach: this server then checks only the URL
    WEBHOOKS_PROXY: Parsed<String> = Parsed(parse_web_url), WhenUnset("none");
    /// Webhooks that one endpoint gets at once from each server
    WEBHOOKS_PER_ENDPOINT: WholeNumber<usize> = WholeNumber { least: 1, most: 500 }, DefaultText("20");
    /// Days for which deliveries that have ended are kept
    WEBHOOKS_KEPT_DAYS: WholeNumber<i64> = WholeNumber { least: 1, most: 365 }, DefaultText("30");
}

/// The settings of webhooks.
#[derive(Clone, Debug)]
pub struct WebhookSettings {
    pub is_sender: bool,
    pub rule: ReceiverRule,
    pub ca_file: Option<PathBuf>,
    pub proxy: Option<String>,
    pub per_endpoint: usize,
    pub kept_days: i64,
}

pub(super) fn read_webhook_settings(settings: &Settings) -> Result<WebhookSettings, ConfigError> {
    let addresses = AddressRule { allowed: WEBHOOKS_ALLOW_NETS.read_if_set(settings)?.unwrap_or_default() };
    Ok(WebhookSettings {
        is_sender: WEBHOOKS.read(settings)?,
        rule: ReceiverRule { addresses, allows_http: WEBHOOKS_ALLOW_HTTP.read(settings)? },
        ca_file: WEBHOOKS_CA_FILE.read_if_set(settings)?,
        proxy: WEBHOOKS_PROXY.read_if_set(settings)?,
        per_endpoint: WEBHOOKS_PER_ENDPOINT.read(settings)?,
        kept_days: WEBHOOKS_KEPT_DAYS.read(settings)?,
    })
}
