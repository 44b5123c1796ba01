//! The rules: what a profile, a status, a verification record and a token are, and what may be done to them.
//! Nothing here reads a clock, a file, a socket or the environment.

pub mod analytics;
pub mod branding;
pub mod breakdown;
pub mod client;
pub mod console;
pub mod country;
pub mod csv_text;
pub mod document_editors;
pub mod drawn_secret;
pub mod embedding;
pub mod event;
pub mod event_message;
pub mod face_imprint;
pub mod fingerprint;
pub mod flow;
pub mod handoff;
pub mod liveness;
pub mod managed_client;
pub mod media;
pub mod network;
pub mod outbox;
pub mod person_links;
pub mod profile;
pub mod profile_view;
pub mod reading;
pub mod reason;
pub mod redirect;
pub mod repeated_reads;
pub mod repeated_refusals;
pub mod resubmission;
pub mod review;
pub mod review_settings;
pub mod scope;
pub mod search;
pub mod setting;
pub mod staff_mail;
pub mod status;
pub mod token;
pub mod verification;
pub mod webhook;
pub mod webhook_signature;

/// The longest ordinary text field, in characters (Unicode scalar values).
pub const LINE: usize = 255;
/// The longest `notes` or `address`, in characters.
pub const PARAGRAPH: usize = 2_000;
/// The longest JSON document kept beside a record (`fingerprint`, `face_liveness_result`), in bytes.
pub const JSON_BYTES: usize = 64 * 1024;
/// The deepest nesting accepted in a JSON document that is kept beside a record.
pub const JSON_DEPTH: usize = 16;

/// The number that the fewest digits tell: 0.6 as 32 bits would otherwise become 0.6000000238418579.
#[must_use]
pub fn shortest(number: f32) -> f64 {
    number.to_string().parse().unwrap_or_else(|_| f64::from(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_as_short_as_aws_wrote_them() {
        for (number, text) in [(0.6_f32, "0.6"), (95.5, "95.5"), (98.7, "98.7"), (100.0, "100"), (-0.01, "-0.01")] {
            assert_eq!(shortest(number).to_string(), text);
        }
    }
}
