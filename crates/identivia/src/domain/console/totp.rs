//! One-time codes of authenticator apps (RFC 6238): SHA-1, 6 digits, a new code every 30 seconds.

use aws_lc_rs::{constant_time, hmac};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::records::time::Millis;

/// How long a code is shown, in seconds.
const STEP_SECONDS: i64 = 30;
/// How many steps a device's clock may be wrong, in each direction.
const TOLERATED_STEPS: u64 = 1;
/// The digits of a code, and the number above the largest.
const DIGITS: usize = 6;
const CODES: u32 = 1_000_000;
/// The length of a secret, in bytes: that of an HMAC-SHA-1 (RFC 4226 §4, R6).
const SECRET_BYTES: usize = 20;
/// The alphabet of Base32 (RFC 4648 §6), in which apps read secrets.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
/// What apps show as the name of this service.
const ISSUER: &str = "Identivia";
/// Characters that need no encoding in a URI (RFC 3986 §2.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The secret that an authenticator app shares with this server. It has neither `Debug` nor `Display`.
pub struct TotpSecret([u8; SECRET_BYTES]);

impl TotpSecret {
    /// Draws a secret.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes).expect("the system's random source answers once the process runs");
        Self(bytes)
    }

    /// The secret of these bytes; `None` when they are of another length.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The bytes, to be sealed.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as a person types it into an app: 32 letters of Base32.
    #[must_use]
    pub fn to_base32(&self) -> String {
        let mut letters = String::new();
        for group in self.0.chunks(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
            letters.extend((0..8).rev().map(|place| char::from(BASE32[(bits >> (5 * place)) as usize & 31])));
        }
        letters
    }

    /// The URI that apps read from a QR code.
    #[must_use]
    pub fn to_uri(&self, account: &str) -> String {
        let account = utf8_percent_encode(account, ESCAPED);
        let secret = self.to_base32();
        format!("otpauth://totp/{ISSUER}:{account}?secret={secret}&issuer={ISSUER}&algorithm=SHA1&digits=6&period=30")
    }

    /// The code of a time step (RFC 4226 §5.3).
    fn code_of_step(&self, step: u64) -> u32 {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.0);
        let hash = hmac::sign(&key, &step.to_be_bytes());
        let hash = hash.as_ref();
        let offset = usize::from(hash[hash.len() - 1] & 0xf);
        let bytes: [u8; 4] = std::array::from_fn(|place| hash[offset + place]);
        (u32::from_be_bytes(bytes) & 0x7fff_ffff) % CODES
    }

    /// The code at that time, as an app shows it.
    #[must_use]
    pub fn code_at(&self, now: Millis) -> String {
        format!("{:06}", self.code_of_step(step_at(now)))
    }

    /// The time step of a presented code. A step that is not later than the last accepted one is none: no code counts twice.
    #[must_use]
    pub fn find_step(&self, presented: &str, last_step: Option<u64>, now: Millis) -> Option<u64> {
        let current = step_at(now);
        let mut found = None;
        for step in current.saturating_sub(TOLERATED_STEPS)..=current + TOLERATED_STEPS {
            let code = format!("{:06}", self.code_of_step(step));
            let is_same = constant_time::verify_slices_are_equal(code.as_bytes(), presented.as_bytes()).is_ok();
            if is_same && last_step.is_none_or(|last| last < step) {
                found = Some(step);
            }
        }
        found
    }
}

/// Says whether a text has the form of a code.
#[must_use]
pub fn is_totp_code(text: &str) -> bool {
    text.len() == DIGITS && text.bytes().all(|digit| digit.is_ascii_digit())
}

fn step_at(now: Millis) -> u64 {
    u64::try_from(now.seconds().div_euclid(STEP_SECONDS)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The last six digits of the vectors of RFC 6238, appendix B, and the secret in Base32 as in RFC 4648's alphabet.
    #[test]
    fn codes_are_those_of_the_rfc() {
        let secret = TotpSecret::from_bytes(b"12345678901234567890").unwrap();
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(secret.code_at(Millis(seconds * 1_000)), code, "{seconds}");
        }
        assert_eq!(secret.to_base32(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert!(TotpSecret::from_bytes(b"1234567890").is_none());
    }

    #[test]
    fn code_counts_one_step_early_and_late_and_only_once() {
        let secret = TotpSecret::random();
        let now = Millis(1_774_051_200_000);
        let code = secret.code_at(now);
        let step = step_at(now);
        for seconds in [-30, -1, 0, 29, 59] {
            assert_eq!(secret.find_step(&code, None, now.plus_seconds(seconds)), Some(step), "{seconds}");
        }
        for seconds in [-31, 60, 3_600] {
            assert_ne!(secret.find_step(&code, None, now.plus_seconds(seconds)), Some(step), "{seconds}");
        }
        assert_eq!(secret.find_step(&code, Some(step), now), None, "it was accepted before");
        assert_eq!(secret.find_step(&code, Some(step + 1), now), None, "a later one was accepted before");
        assert_eq!(secret.find_step(&code, Some(step - 1), now), Some(step));
        for wrong in ["", "1", &code[1..], &format!("{code}0"), &format!(" {code}")] {
            assert_eq!(secret.find_step(wrong, None, now), None, "{wrong}");
        }
    }

    #[test]
    fn uri_names_the_account_without_breaking_out() {
        let uri = TotpSecret::random().to_uri("a&secret=x?@example.com");
        assert!(uri.starts_with("otpauth://totp/Identivia:a%26secret%3Dx%3F%40example.com?secret="), "{uri}");
        assert_eq!(uri.matches("secret=").count(), 1);
    }
}
