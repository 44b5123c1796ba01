//! Passwords of the console: which are taken, how they are hashed, and checks that take the same work for every account.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use argon2::Block;
use argon2::password_hash::phc::PasswordHash;

use crate::domain::client::{hash_secret, matches_hash};
use crate::records::client::SecretHash;

/// The fewest and the most characters of a password.
pub const MIN_PASSWORD: usize = 12;
pub const MAX_PASSWORD: usize = 256;
/// The fewest different characters.
const MIN_DIFFERENT: usize = 5;
/// The work of Argon2id (OWASP's password cheat sheet): memory in KiB, passes and lanes.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Passwords that are tried first, and the words that they are made of, in lower case.
const COMMON: &str = include_str!("common_passwords.txt");
/// Rows of keys and alphabets, of which a password must not be a part.
const SEQUENCES: [&str; 5] = [
    "abcdefghijklmnopqrstuvwxyz",
    "01234567890123456789",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
];
/// The hash that is checked for unknown accounts, so that they take as long as known ones. No password is accepted for it.
const DECOY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiB0aGUgZGVjb3k$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WeakPassword {
    #[error("must have at least {MIN_PASSWORD} characters")]
    TooShort,
    #[error("must have at most {MAX_PASSWORD} characters")]
    TooLong,
    #[error("must not be the e-mail address or the name of this service")]
    OwnName,
    #[error("is among the first that attackers try; choose another one")]
    Common,
}

/// Says what is wrong with a new password, if anything.
///
/// # Errors
/// Why it is not taken.
pub fn check_new_password(password: &str, email: &str) -> Result<(), WeakPassword> {
    let length = password.chars().count();
    if length < MIN_PASSWORD {
        return Err(WeakPassword::TooShort);
    }
    if length > MAX_PASSWORD {
        return Err(WeakPassword::TooLong);
    }
    let lower = password.to_lowercase();
    let letters: String = lower.chars().filter(|letter| letter.is_alphanumeric()).collect();
    let only_letters =
        |text: &str| text.to_lowercase().chars().filter(|letter| letter.is_alphanumeric()).collect::<String>();
    let name = email.split('@').next().unwrap_or_default();
    let own = [only_letters(email), only_letters(name), "identivia".to_owned()];
    if own.iter().any(|own| !own.is_empty() && strip_ends(&letters) == strip_ends(own)) {
        return Err(WeakPassword::OwnName);
    }
    if is_common(&lower, &letters) { Err(WeakPassword::Common) } else { Ok(()) }
}

/// Says whether a password is on the list, with digits and signs around it or not, is one word several times, or a row of keys.
fn is_common(lower: &str, letters: &str) -> bool {
    let mut different: Vec<char> = lower.chars().collect();
    different.sort_unstable();
    different.dedup();
    let plain = undo_substitutions(strip_ends(letters));
    let is_listed = |text: &str| COMMON.lines().any(|word| word == text);
    let is_row = |text: &str| SEQUENCES.iter().any(|row| row.contains(text) || row.contains(&reverse(text)));
    different.len() < MIN_DIFFERENT
        || is_row(letters)
        || is_listed(letters)
        || is_listed(&plain)
        || shortest_period(&plain).is_some_and(|word| is_listed(word) || word.chars().count() <= 4)
}

/// The text without digits at both ends.
fn strip_ends(text: &str) -> &str {
    let stripped = text.trim_matches(|letter: char| letter.is_ascii_digit());
    if stripped.is_empty() { text } else { stripped }
}

/// The letters that digits and signs often stand for.
fn undo_substitutions(text: &str) -> String {
    let plain = |letter| match letter {
        '0' => 'o',
        '1' => 'i',
        '3' => 'e',
        '4' => 'a',
        '5' => 's',
        '7' => 't',
        other => other,
    };
    text.chars().map(plain).collect()
}

fn reverse(text: &str) -> String {
    text.chars().rev().collect()
}

/// The shortest text that the whole one repeats at least twice.
fn shortest_period(text: &str) -> Option<&str> {
    let ends = text.char_indices().map(|(at, _)| at).filter(|at| (1..=text.len() / 2).contains(at));
    ends.filter(|end| text.len().is_multiple_of(*end)).find_map(|end| {
        let word = text.get(..end)?;
        (word.repeat(text.len() / end) == text).then_some(word)
    })
}

/// Checks passwords, and counts the hashes that were computed.
#[derive(Default)]
pub struct PasswordChecks {
    /// Argon2id's memory: one workspace for each check that has run at once.
    workspaces: Mutex<Vec<Vec<Block>>>,
    computed: AtomicU64,
}

impl PasswordChecks {
    /// Says whether a password has that hash. Without a hash the same work is done, and the answer is no. Takes about 15 ms
    /// and 19 MiB: bound it, off the async threads.
    #[must_use]
    pub fn is_right(&self, password: &str, hash: Option<&SecretHash>) -> bool {
        let mut workspace = self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        let matches = matches_hash(password, hash.map_or(DECOY, |hash| &hash.0), &mut workspace);
        self.computed.fetch_add(1, Ordering::Relaxed);
        self.workspaces.lock().unwrap_or_else(PoisonError::into_inner).push(workspace);
        matches && hash.is_some()
    }

    /// How many hashes were computed. Tests compare the work of two answers by it, because times vary.
    #[must_use]
    pub fn computed(&self) -> u64 {
        self.computed.load(Ordering::Relaxed)
    }
}

/// Hashes a password. The same bounds hold as for [`PasswordChecks::is_right`].
///
/// # Errors
/// When the password is longer than Argon2 takes (4 GiB).
pub fn hash_password(password: &str) -> Result<SecretHash, argon2::password_hash::Error> {
    hash_secret(password).map(SecretHash)
}

/// Says whether a hash was made with less work than new ones are.
#[must_use]
pub fn is_outdated(hash: &SecretHash) -> bool {
    let Ok(parsed) = PasswordHash::new(&hash.0) else { return true };
    argon2::Params::try_from(&parsed).is_ok_and(|params| params.m_cost() < MEMORY_KIB || params.t_cost() < PASSES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weak_passwords_are_refused_and_others_taken() {
        let check = |password: &str| check_new_password(password, "ama.osei@example.com");
        assert_eq!(check("short"), Err(WeakPassword::TooShort));
        assert_eq!(check(&"äbcdef".repeat(43)), Err(WeakPassword::TooLong));
        for own in
            ["ama.osei@example.com", "AMA.OSEI@EXAMPLE.COM", "ama.osei2026!!!!", "Identivia2026", "identivia!!!!!"]
        {
            assert_eq!(check(own), Err(WeakPassword::OwnName), "{own}");
        }
        for common in [
            "passwordpassword",
            "Password12345",
            "P4ssw0rd!!!!1234",
            "qwertyuiopas",
            "123456789012",
            "aaaaaaaaaaaa",
            "abababababab",
            "abcdefghijkl",
            "lkjihgfedcba",
            "iloveyou123456",
            "administrator",
            "letmeinletmein",
            "1234567890123456",
            "correcthorsebatterystaple",
            "welcome123456",
            "changemechangeme",
        ] {
            assert_eq!(check(common), Err(WeakPassword::Common), "{common}");
        }
        for good in
            ["gravel-lantern-otter", "7 kettles sing at noon", "ünïcödé straße 東京タワー", &"xK9#pq".repeat(42)]
        {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn unknown_account_takes_one_hash_and_is_never_right() {
        let checks = PasswordChecks::default();
        let hash = hash_password("gravel-lantern-otter").unwrap();
        assert!(!is_outdated(&hash) && hash.0.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", hash.0);
        assert!(checks.is_right("gravel-lantern-otter", Some(&hash)));
        assert!(!checks.is_right("gravel-lantern-otters", Some(&hash)));
        assert!(!checks.is_right("gravel-lantern-otter", None));
        assert_eq!(checks.computed(), 3);
        let longest = checks.workspaces.lock().unwrap().iter().map(Vec::len).max();
        assert_eq!(longest, Some(19 * 1024), "the decoy takes the same memory");
        assert!(is_outdated(&SecretHash(hash.0.replace("m=19456", "m=9216"))));
    }
}
