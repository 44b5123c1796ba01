//! Tokens that were presented before, so that a server that calls all day has its token's signature checked once.
//!
//! What may change is asked on each use: whether the token is in time here, whether it or its client is revoked in the guard.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};

use super::{LEEWAY_SECONDS, VerifiedToken};
use crate::records::time::Millis;

/// The most tokens that are remembered in each of the two halves.
const MOST_REMEMBERED: usize = 1_024;

/// A token whose signature and claims are good.
pub(super) struct CheckedToken {
    pub(super) token: VerifiedToken,
    /// The later of `iat` and `nbf`, if it has one.
    pub(super) begins: Option<Millis>,
}

impl CheckedToken {
    /// Says whether the token has begun and not ended, with the leeway for clocks that disagree.
    pub(super) fn is_in_time(&self, now: Millis) -> bool {
        const LEEWAY: i64 = LEEWAY_SECONDS * 1_000;
        let has_begun = self.begins.is_none_or(|begins| begins.0.saturating_sub(now.0) < LEEWAY);
        has_begun && now.0 < self.token.expires.0.saturating_add(LEEWAY)
    }
}

/// Tokens by the SHA-256 of their text: how long a look-up takes says nothing about the tokens that are remembered.
#[derive(Default)]
pub(super) struct CheckedTokens(Mutex<Halves>);

/// When the new half is full it becomes the old one, and what was not used meanwhile is forgotten.
#[derive(Default)]
struct Halves {
    new: HashMap<[u8; 32], Arc<CheckedToken>>,
    old: HashMap<[u8; 32], Arc<CheckedToken>>,
}

impl CheckedTokens {
    /// The token of that text, if it was presented before.
    pub(super) fn find(&self, token: &str) -> Option<Arc<CheckedToken>> {
        let key = to_key(token);
        let mut halves = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(checked) = halves.new.get(&key) {
            return Some(checked.clone());
        }
        let checked = halves.old.remove(&key)?;
        halves.add(key, checked.clone());
        Some(checked)
    }

    /// Remembers a token whose signature was checked.
    pub(super) fn remember(&self, token: &str, checked: Arc<CheckedToken>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).add(to_key(token), checked);
    }
}

impl Halves {
    fn add(&mut self, key: [u8; 32], checked: Arc<CheckedToken>) {
        if self.new.len() >= MOST_REMEMBERED {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(key, checked);
    }
}

fn to_key(token: &str) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::scope::ScopeSet;
    use crate::domain::token::TokenHolder;

    fn checked() -> Arc<CheckedToken> {
        let holder = TokenHolder::Machine { team: None, issued_to: None };
        let token = VerifiedToken { subject: String::new(), scopes: ScopeSet::default(), holder, expires: Millis(1) };
        Arc::new(CheckedToken { token, begins: None })
    }

    #[test]
    fn used_tokens_are_remembered_and_the_number_is_limited() {
        let tokens = CheckedTokens::default();
        tokens.remember("used", checked());
        for number in 0..5 * MOST_REMEMBERED {
            tokens.remember(&number.to_string(), checked());
            assert!(tokens.find("used").is_some(), "{number}");
        }
        assert!(tokens.find("0").is_none() && tokens.find("another").is_none());
        let halves = tokens.0.lock().unwrap();
        assert!(halves.new.len() <= MOST_REMEMBERED && halves.old.len() <= MOST_REMEMBERED);
    }
}
