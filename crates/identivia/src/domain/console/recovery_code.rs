//! Recovery codes: what a person signs in with, once each, when their authenticator is lost.

use aws_lc_rs::constant_time;

use crate::domain::drawn_secret::hash_drawn_secret;
use crate::records::client::SecretHash;
use crate::records::id::random_below;

/// How many codes a person is given.
pub const CODES: usize = 10;
/// The letters of a code: 79 random bits, so that a fast hash of them cannot be tried out.
const LENGTH: usize = 16;
const GROUP: usize = 4;
/// Digits and letters without those that look alike: 0 and o, 1, i and l.
const ALPHABET: &[u8; 31] = b"23456789abcdefghjkmnpqrstuvwxyz";

/// Draws a set of codes: as the person is shown them, and as they are stored.
#[must_use]
pub fn draw_recovery_codes() -> (Vec<String>, Vec<SecretHash>) {
    let codes: Vec<String> = (0..CODES).map(|_| draw_code()).collect();
    let hashes = codes.iter().map(|code| hash_drawn_secret(code)).collect();
    (codes.iter().map(|code| to_groups(code)).collect(), hashes)
}

fn draw_code() -> String {
    (0..LENGTH).map(|_| char::from(ALPHABET[random_below(ALPHABET.len())])).collect()
}

fn to_groups(code: &str) -> String {
    let letters: Vec<char> = code.chars().collect();
    letters.chunks(GROUP).map(|group| group.iter().collect::<String>()).collect::<Vec<_>>().join("-")
}

/// Reads a code as people type it: in any case, with spaces and dashes anywhere. `None` for a text that cannot be a code.
#[must_use]
pub fn parse_recovery_code(text: &str) -> Option<SecretHash> {
    let is_between = |letter: &char| letter.is_whitespace() || matches!(letter, '-' | '\u{2010}'..='\u{2015}');
    let typed: String = text.chars().filter(|letter| !is_between(letter)).take(LENGTH + 1).collect();
    let code = typed.to_lowercase();
    let is_code = code.len() == LENGTH && code.bytes().all(|letter| ALPHABET.contains(&letter));
    is_code.then(|| hash_drawn_secret(&code))
}

/// The codes that are left once that one is used; `None` when it is not among them.
#[must_use]
pub fn without_code(left: &[SecretHash], used: &SecretHash) -> Option<Vec<SecretHash>> {
    let is_same =
        |hash: &SecretHash| constant_time::verify_slices_are_equal(hash.0.as_bytes(), used.0.as_bytes()).is_ok();
    let matches: Vec<bool> = left.iter().map(is_same).collect();
    if !matches.contains(&true) {
        return None;
    }
    Some(left.iter().zip(matches).filter(|(_, is_used)| !is_used).map(|(hash, _)| hash.clone()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_is_found_as_typed_and_only_once() {
        let (codes, hashes) = draw_recovery_codes();
        assert_eq!((codes.len(), hashes.len()), (CODES, CODES));
        for code in &codes {
            assert_eq!(code.len(), LENGTH + 3);
            let typed = format!(" {} ", code.to_uppercase().replace('-', " "));
            let used = parse_recovery_code(&typed).unwrap();
            let left = without_code(&hashes, &used).unwrap();
            assert_eq!(left.len(), CODES - 1);
            assert_eq!(without_code(&left, &used), None);
        }
        for wrong in ["", "123456", &codes[0][1..], &format!("{}a", codes[0]), "ä2345678abcdefgh"] {
            assert!(parse_recovery_code(wrong).is_none_or(|hash| without_code(&hashes, &hash).is_none()), "{wrong}");
        }
    }
}
