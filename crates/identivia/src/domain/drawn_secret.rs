//! Client secrets that the server draws: their form, their hash, and the search for the one that a caller presents.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::managed_client::MAX_SECRETS;
use crate::records::client::{SecretHash, StoredSecret};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// Scanners find secrets in source code by this beginning.
const SECRET_PREFIX: &str = "idv_";
/// The randomness of a secret, in bytes.
const SECRET_BYTES: usize = 32;
/// Compared with where there is no secret, so that an unknown client takes as long as a known one.
const NO_SECRET: &str = "no-secret-has-this-hash-which-is-not-one---";

/// A secret that was just drawn. It has neither `Debug` nor `Display`: its client is shown it once.
pub struct DrawnSecret(String);

impl DrawnSecret {
    /// Draws a secret with 256 random bits.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; SECRET_BYTES];
        getrandom::fill(&mut bytes).expect("the system's random source answers once the process runs");
        Self(format!("{SECRET_PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The record of the secret, without the secret itself.
    #[must_use]
    pub fn to_stored(&self, now: Millis) -> StoredSecret {
        StoredSecret { id: RecordId::random(), hash: hash_drawn_secret(&self.0), created: now }
    }

    /// The secret as its client is shown it.
    #[must_use]
    pub fn into_text(self) -> String {
        self.0
    }
}

/// Hashes a secret that this server has drawn, with SHA-256. 256 random bits cannot be tried out, so a slow hash would protect
/// nothing and cost 15 ms and 19 MiB at each token. Secrets that people chose are guessable: they have Argon2id hashes.
#[must_use]
pub fn hash_drawn_secret(secret: &str) -> SecretHash {
    SecretHash(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, secret.as_bytes())))
}

/// Finds the secret with that hash. However many secrets there are, it makes the same comparisons, so that an unknown client
/// takes as long as a known one.
#[must_use]
pub fn find_secret(secrets: &[StoredSecret], presented: &SecretHash) -> Option<RecordId> {
    let mut found = None;
    for number in 0..MAX_SECRETS {
        let secret = secrets.get(number);
        let expected = secret.map_or(NO_SECRET, |secret| &secret.hash.0);
        let is_same = constant_time::verify_slices_are_equal(presented.0.as_bytes(), expected.as_bytes()).is_ok();
        found = secret.filter(|_| is_same).map(|secret| secret.id).or(found);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = Millis(1_774_051_200_000);

    #[test]
    fn drawn_secret_has_256_bits_and_only_its_hash_is_stored() {
        let (one, other) = (DrawnSecret::random(), DrawnSecret::random());
        let stored = serde_json::to_string(&one.to_stored(NOW)).unwrap();
        assert!(!format!("{:?}", one.to_stored(NOW)).contains(&hash_drawn_secret(&one.0).0), "logs show no hash");
        let (one, other) = (one.into_text(), other.into_text());
        assert_ne!(one, other);
        let random = one.strip_prefix(SECRET_PREFIX).unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(random).unwrap().len() * 8, 256);
        assert!(!stored.contains(random));
    }

    #[test]
    fn each_of_two_secrets_is_found_and_nothing_that_resembles_one() {
        let secrets = [DrawnSecret::random(), DrawnSecret::random()];
        let stored = secrets.each_ref().map(|secret| secret.to_stored(NOW));
        for (secret, record) in secrets.into_iter().zip(&stored) {
            let secret = secret.into_text();
            let hash = hash_drawn_secret(&secret);
            assert_eq!(find_secret(&stored, &hash), Some(record.id));
            assert_eq!(find_secret(&[], &hash), None);
            for wrong in ["", &secret[1..], &secret.to_lowercase(), &hash.0] {
                assert_eq!(find_secret(&stored, &hash_drawn_secret(wrong)), None, "{wrong}");
            }
        }
    }

    #[test]
    fn text_that_stands_for_no_secret_is_no_secret() {
        assert_eq!(find_secret(&[], &SecretHash(NO_SECRET.to_owned())), None);
        assert_eq!(NO_SECRET.len(), hash_drawn_secret("").0.len(), "texts of one length are compared byte by byte");
    }
}
