//! Warns in the log that an address is blocked after too many failures.

use std::net::IpAddr;

use crate::app::App;
use crate::records::id::RecordId;

/// What was tried too often.
#[derive(Clone, Copy)]
pub(crate) enum BlockedFor {
    ClientSecrets,
    HandoffCodes,
    ConsoleSignIns,
}

impl BlockedFor {
    const fn word(self) -> &'static str {
        match self {
            Self::ClientSecrets => "client_secrets",
            Self::HandoffCodes => "handoff_codes",
            Self::ConsoleSignIns => "console_sign_ins",
        }
    }

    /// Counts a failure, for the metrics.
    pub(crate) fn count_failure(self) {
        metrics::counter!("identivia_failed_logins_total", "kind" => self.word()).increment(1);
    }
}

/// Warns that an address is refused: the first, tenth, hundredth time in an hour, so that no caller can fill the log.
pub(crate) fn warn_of_blocked_address(app: &App, blocked_for: BlockedFor, address: IpAddr) {
    let kind = blocked_for.word();
    let Some(count) =
        app.repeated_refusals.count_refusal(RecordId::default(), &format!("{kind} of {address}"), app.clock.now())
    else {
        return;
    };
    if count == 1 {
        metrics::counter!("identivia_blocked_addresses_total", "kind" => kind).increment(1);
    }
    let address = app.log_addresses.to_text(address);
    tracing::warn!(kind, address = address.as_deref(), count, "an address is blocked after too many failures");
}
