//! The secrets of idempotency keys: a key's record id, its hashes and the key of its answer, derived from the server's secret,
//! the caller and the key itself. Who reads the database has none of these.

use std::sync::Mutex;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::live_keys::LiveKeys;
use super::stored_answer::AnswerKey;
use crate::http::guard::authority::{Authority, CallerKind};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// How often expired keys are removed, in seconds.
const REMOVE_INTERVAL_SECONDS: i64 = 60;
/// Live keys of one client of a team, and of one link.
pub(crate) const CLIENT_KEYS: usize = 10_000;
pub(crate) const LINK_KEYS: usize = 100;

/// What all requests with idempotency keys share.
pub(crate) struct KeyRing {
    secret: hmac::Key,
    pub(super) live_keys: LiveKeys,
    last_removal: Mutex<Millis>,
}

/// The caller that keys are bound to: the same key of another caller is another key.
pub(crate) struct KeyHolder {
    name: String,
    /// The most live keys that it may have.
    pub(super) limit: usize,
}

/// What follows from one key of one caller.
pub(crate) struct KeySecrets {
    /// The id of the key's record.
    pub(super) id: RecordId,
    /// The hash by which the caller's keys are counted.
    pub(super) holder: String,
    pub(super) limit: usize,
    /// Hashes the request.
    pub(super) hash_key: hmac::Key,
    /// Encrypts the answer.
    pub(super) answer_key: AnswerKey,
}

impl KeyHolder {
    /// The holder of a caller's keys. A machine token's team is part of it: tokens of another service may share a subject.
    pub(crate) fn of_caller(authority: &Authority) -> Self {
        match authority.own_profile {
            Some(profile) => Self { name: format!("link {profile}"), limit: LINK_KEYS },
            None => {
                let team = authority.reach.only_team().unwrap_or_default();
                let kind = if authority.actor.kind == CallerKind::Console { "user" } else { "client" };
                let name = format!("{kind} {} {team} {}", team.len(), authority.actor.id);
                Self { name, limit: CLIENT_KEYS }
            }
        }
    }
}

impl KeyRing {
    /// Starts without keys. Servers that share records share the secret.
    pub(crate) fn new(secret: &[u8]) -> Self {
        let secret = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"identivia idempotency keys");
        Self {
            secret: hmac::Key::new(hmac::HMAC_SHA256, secret.as_ref()),
            live_keys: LiveKeys::default(),
            last_removal: Mutex::new(Millis(0)),
        }
    }

    /// Derives the secrets of a caller's key.
    pub(crate) fn derive_secrets(&self, holder: &KeyHolder, key: &str) -> KeySecrets {
        let mut root = hmac::Context::with_key(&self.secret);
        root.update(&(holder.name.len() as u64).to_be_bytes());
        root.update(holder.name.as_bytes());
        root.update(key.as_bytes());
        let root = hmac::Key::new(hmac::HMAC_SHA256, root.sign().as_ref());
        let holder_hash = hmac::sign(&self.secret, format!("holder {}", holder.name).as_bytes());
        KeySecrets {
            id: letters_of(hmac::sign(&root, b"id").as_ref()),
            holder: URL_SAFE_NO_PAD.encode(&holder_hash.as_ref()[..16]),
            limit: holder.limit,
            hash_key: hmac::Key::new(hmac::HMAC_SHA256, hmac::sign(&root, b"request").as_ref()),
            answer_key: AnswerKey::new(hmac::sign(&root, b"answer").as_ref()),
        }
    }

    /// Says whether it is time to remove expired keys, and if so starts the next interval.
    pub(super) fn begin_removal(&self, now: Millis) -> bool {
        let mut last = self.last_removal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_due = last.plus_seconds(REMOVE_INTERVAL_SECONDS) <= now;
        if is_due {
            *last = now;
        }
        is_due
    }
}

impl KeySecrets {
    /// A hash of a request's method, path and query.
    pub(super) fn hash_target(&self, method: &str, target: &str) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.hash_key, format!("target {method} {target}").as_bytes()))
    }
}
