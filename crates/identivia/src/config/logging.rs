//! Settings for the log: format and filter.

use tracing_subscriber::filter::Targets;

use super::checks::{OneOf, Parsed};
use super::setting::define_settings;
use crate::telemetry::{LogFormat, LoggedAddresses};

define_settings! {
    LOG_SETTINGS, "Server";

    /// Format of log lines
    LOG_FORMAT: OneOf<LogFormat> = OneOf(&[("pretty", LogFormat::Pretty), ("json", LogFormat::Json)]),
        DefaultText("pretty");
    /// How much of a caller's address is in log lines: `full`, `shortened` to its network (IPv4 /24, IPv6 /48), or `none`. The
    /// audit trail holds whole addresses
    LOG_ADDRESSES: OneOf<LoggedAddresses> = OneOf(&[
        ("full", LoggedAddresses::Full), ("shortened", LoggedAddresses::Shortened), ("none", LoggedAddresses::None),
    ]), DefaultText("shortened");
    /// Log level: error, warn, info, debug or trace, or a filter such as `identivia=debug`
    RUST_LOG["log"]: Parsed<Targets> = Parsed(parse_filter), DefaultText("info");
}

fn parse_filter(text: &str) -> Result<Targets, String> {
    text.parse().map_err(|_| format!("must be a level or a list such as info,identivia=debug, not {text:?}"))
}
