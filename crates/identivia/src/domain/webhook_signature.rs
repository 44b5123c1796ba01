//! Signs webhooks as Standard Webhooks 1.0.0 says: `v1` (HMAC-SHA256 with a shared secret) and `v1a` (Ed25519 with a key pair).
//! <https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md>

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Scanners find secrets in source code by this beginning.
const SECRET_PREFIX: &str = "whsec_";
const PUBLIC_KEY_PREFIX: &str = "whpk_";
/// The lengths of a secret that the specification allows, in bytes.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The length of a secret that this server draws, in bytes: as long as the hash.
const DRAWN_BYTES: usize = 32;
/// The length of the seed of an Ed25519 key pair, in bytes (RFC 8032).
const SEED_BYTES: usize = 32;

/// A secret that an endpoint and its sender share: 24 to 64 random bytes. It has neither `Debug` nor `Display`.
pub struct WebhookSecret(Vec<u8>);

impl WebhookSecret {
    /// Draws a secret with 256 random bits.
    #[must_use]
    pub fn random() -> Self {
        Self(draw_bytes::<DRAWN_BYTES>().to_vec())
    }

    /// A secret of these bytes. `None` when their number is not from 24 to 64.
    #[must_use]
    pub fn from_bytes(bytes: Vec<u8>) -> Option<Self> {
        SECRET_BYTES.contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The key itself: these bytes sign, not the text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The secret as a receiver configures it: `whsec_` and base64.
    #[must_use]
    pub fn to_text(&self) -> String {
        format!("{SECRET_PREFIX}{}", STANDARD.encode(&self.0))
    }

    /// Reads the text that a receiver configures. `None` when it is no secret.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::from_bytes(STANDARD.decode(text.strip_prefix(SECRET_PREFIX)?).ok()?)
    }
}

/// A key pair whose public half anybody may have (Ed25519). It has neither `Debug` nor `Display`.
pub struct WebhookKeyPair {
    seed: [u8; SEED_BYTES],
    pair: Ed25519KeyPair,
}

impl WebhookKeyPair {
    /// Draws a key pair.
    #[must_use]
    pub fn random() -> Self {
        Self::from_seed(&draw_bytes::<SEED_BYTES>()).expect("any 32 bytes are the seed of a key pair")
    }

    /// The key pair of a seed. `None` when the seed is not 32 bytes long.
    #[must_use]
    pub fn from_seed(seed: &[u8]) -> Option<Self> {
        let seed: [u8; SEED_BYTES] = seed.try_into().ok()?;
        Some(Self { seed, pair: Ed25519KeyPair::from_seed_unchecked(&seed).ok()? })
    }

    /// The private half, to be stored encrypted.
    #[must_use]
    pub fn seed(&self) -> Vec<u8> {
        self.seed.to_vec()
    }

    /// The public half as receivers get it: `whpk_` and base64.
    #[must_use]
    pub fn public_text(&self) -> String {
        format!("{PUBLIC_KEY_PREFIX}{}", STANDARD.encode(self.pair.public_key()))
    }
}

/// Signs one try with a shared secret. The header `webhook-signature` is such signatures joined by spaces.
///
/// `timestamp_seconds` is the Unix time of this try, and `body` exactly what is sent.
#[must_use]
pub fn sign_v1(secret: &WebhookSecret, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, &secret.0);
    format!("v1,{}", STANDARD.encode(hmac::sign(&key, &signed_content(id, timestamp_seconds, body))))
}

/// Signs one try with a key pair. The header `webhook-signature` is such signatures joined by spaces.
///
/// `timestamp_seconds` is the Unix time of this try, and `body` exactly what is sent.
#[must_use]
pub fn sign_v1a(pair: &WebhookKeyPair, id: &str, timestamp_seconds: i64, body: &[u8]) -> String {
    format!("v1a,{}", STANDARD.encode(pair.pair.sign(&signed_content(id, timestamp_seconds, body))))
}

/// The bytes that are signed. The id contains no dot, so that no other id and timestamp give the same bytes.
fn signed_content(id: &str, timestamp_seconds: i64, body: &[u8]) -> Vec<u8> {
    debug_assert!(!id.contains('.'), "the id of an event has no dot");
    [format!("{id}.{timestamp_seconds}.").as_bytes(), body].concat()
}

fn draw_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).expect("the system's random source answers once the process runs");
    bytes
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;

    #[test]
    fn v1_is_the_published_example() {
        // The example that the official libraries test themselves with.
        let secret = WebhookSecret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign_v1(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, br#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn v1_depends_on_each_part() {
        let (secret, other) = (WebhookSecret::random(), WebhookSecret::random());
        let signature = sign_v1(&secret, "evt_a", 1, b"{}");
        assert_eq!(signature, sign_v1(&secret, "evt_a", 1, b"{}"));
        for changed in [
            sign_v1(&other, "evt_a", 1, b"{}"),
            sign_v1(&secret, "evt_b", 1, b"{}"),
            sign_v1(&secret, "evt_a", 2, b"{}"),
            sign_v1(&secret, "evt_a", 1, b"{ }"),
        ] {
            assert_ne!(changed, signature);
        }
    }

    #[test]
    fn v1a_verifies_with_the_public_text_and_nothing_else_does() {
        let (pair, other) = (WebhookKeyPair::random(), WebhookKeyPair::random());
        let verify = |public_text: &str, signature: &str, content: &[u8]| {
            let public = STANDARD.decode(public_text.strip_prefix("whpk_").unwrap()).unwrap();
            let signature = STANDARD.decode(signature.strip_prefix("v1a,").unwrap()).unwrap();
            UnparsedPublicKey::new(&ED25519, public).verify(content, &signature).is_ok()
        };
        let signature = sign_v1a(&pair, "evt_a", 17, "{\"a\":\"🪪\"}".as_bytes());
        let content = "evt_a.17.{\"a\":\"🪪\"}".as_bytes();
        assert!(verify(&pair.public_text(), &signature, content));
        assert!(!verify(&other.public_text(), &signature, content));
        assert!(!verify(&pair.public_text(), &signature, b"evt_a.18.{\"a\":\"\"}"));
    }

    #[test]
    fn key_pair_comes_back_from_its_seed() {
        let pair = WebhookKeyPair::random();
        let again = WebhookKeyPair::from_seed(&pair.seed()).unwrap();
        assert_eq!(again.public_text(), pair.public_text());
        assert_eq!(sign_v1a(&again, "evt_a", 1, b"{}"), sign_v1a(&pair, "evt_a", 1, b"{}"));
        // RFC 8032, section 7.1, test 1: the public key of this seed.
        let seed = 0x9d61_b19d_effd_5a60_ba84_4af4_92ec_2cc4_u128.to_be_bytes();
        let seed = [seed, 0x4449_c569_7b32_6919_703b_ac03_1cae_7f60_u128.to_be_bytes()].concat();
        let public = 0xd75a_9801_82b1_0ab7_d54b_fed3_c964_073a_u128.to_be_bytes();
        let public = [public, 0x0ee1_72f3_daa6_2325_af02_1a68_f707_511a_u128.to_be_bytes()].concat();
        let expected = format!("whpk_{}", STANDARD.encode(public));
        assert_eq!(WebhookKeyPair::from_seed(&seed).unwrap().public_text(), expected);
        assert!(WebhookKeyPair::from_seed(&seed[1..]).is_none());
    }

    #[test]
    fn secret_comes_back_from_its_text_and_wrong_texts_are_refused() {
        let secret = WebhookSecret::random();
        assert_eq!(secret.as_bytes().len(), 32);
        assert_ne!(secret.as_bytes(), WebhookSecret::random().as_bytes());
        assert_eq!(WebhookSecret::parse(&secret.to_text()).unwrap().as_bytes(), secret.as_bytes());
        for length in [24, 64] {
            assert!(WebhookSecret::from_bytes(vec![7; length]).is_some());
        }
        for length in [0, 23, 65] {
            assert!(WebhookSecret::from_bytes(vec![7; length]).is_none());
            assert!(WebhookSecret::parse(&format!("whsec_{}", STANDARD.encode(vec![7; length]))).is_none());
        }
        let text = secret.to_text();
        for wrong in ["", "whsec_", &text[6..], &text.replace("whsec_", "whpk_"), &format!("{text} "), "whsec_ä"] {
            assert!(WebhookSecret::parse(wrong).is_none(), "{wrong}");
        }
    }
}
