//! Record ids: 15 characters of `[a-z0-9]`, the form PocketBase uses, from a cryptographic random source.

use std::cell::RefCell;
use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::time::Millis;

const LENGTH: usize = 15;
const ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// How many characters of an id follow the clock, for ids of rows that are added together. They come again after 50 minutes.
const CLOCK_LETTERS: usize = 3;
/// For how long they stay the same: about as long as one commit of a busy server gathers rows.
const CLOCK_STEP_MILLIS: u64 = 64;

/// The id of a profile, a history record or any other row. Knowing it gives no access.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, ToSchema)]
#[schema(value_type = String, pattern = "^[a-z0-9]{15}$", example = "abc123def456ghi")]
pub struct RecordId([u8; LENGTH]);

impl RecordId {
    /// Draws a new id.
    #[must_use]
    pub fn random() -> Self {
        Self(random_letters())
    }

    /// Draws an id for what is made or happens at that time. Its first characters are those of all ids of this moment, so rows
    /// that are added together are neighbours in every index of ids, and a commit changes one page of each, not one for each
    /// row. The other 62 bits are random.
    #[must_use]
    pub fn random_at(time: Millis) -> Self {
        let mut letters = random_letters();
        let mut rest = u64::try_from(time.0).unwrap_or_default() / CLOCK_STEP_MILLIS;
        for letter in letters[..CLOCK_LETTERS].iter_mut().rev() {
            *letter = ALPHABET[(rest % 36) as usize];
            rest /= 36;
        }
        Self(letters)
    }

    /// Reads an id that a caller sent; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let letters: [u8; LENGTH] = text.as_bytes().try_into().ok()?;
        letters.iter().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit()).then_some(Self(letters))
    }

    /// The id as a number below 36^15, which orders nothing.
    #[must_use]
    pub fn number(&self) -> u128 {
        let digit = |letter: u8| ALPHABET.iter().position(|other| *other == letter).unwrap_or_default() as u128;
        self.0.iter().fold(0, |number, letter| number * 36 + digit(*letter))
    }

    /// The id of that number; `None` when it is too large.
    #[must_use]
    pub fn of_number(mut number: u128) -> Option<Self> {
        let mut letters = [ALPHABET[0]; LENGTH];
        for letter in letters.iter_mut().rev() {
            *letter = ALPHABET[(number % 36) as usize];
            number /= 36;
        }
        (number == 0).then_some(Self(letters))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// The id that a digest of at least 15 bytes gives: always the same for the same digest.
#[must_use]
pub fn letters_of(digest: &[u8]) -> RecordId {
    let mut letters = [ALPHABET[0]; LENGTH];
    for (letter, byte) in letters.iter_mut().zip(digest) {
        *letter = ALPHABET[usize::from(byte % 36)];
    }
    RecordId(letters)
}

/// Random bytes that this thread has drawn and not used: a system call gives many as fast as a few.
struct RandomPool {
    bytes: [u8; 1_024],
    used: usize,
}

impl RandomPool {
    /// The next byte, which no other caller gets.
    // The system's random source itself: the TLS library's takes tens of milliseconds to start, which a start need not wait for.
    fn draw_byte(&mut self) -> u8 {
        if self.used == self.bytes.len() {
            getrandom::fill(&mut self.bytes).expect("the system's random source answers once the process runs");
            self.used = 0;
        }
        self.used += 1;
        std::mem::take(&mut self.bytes[self.used - 1])
    }
}

thread_local! {
    static RANDOM_POOL: RefCell<RandomPool> = const { RefCell::new(RandomPool { bytes: [0; 1_024], used: 1_024 }) };
}

/// Draws `N` characters of `[a-z0-9]`, each equally likely.
#[must_use]
pub fn random_letters<const N: usize>() -> [u8; N] {
    std::array::from_fn(|_| ALPHABET[random_below(ALPHABET.len())])
}

/// Draws a number below that many, which is at most 256, each equally likely.
#[must_use]
pub fn random_below(count: usize) -> usize {
    // Bytes above the largest multiple would make the first numbers likelier.
    let fair = 256 - 256 % count;
    RANDOM_POOL.with_borrow_mut(|pool| {
        loop {
            let byte = usize::from(pool.draw_byte());
            if byte < fair {
                return byte % count;
            }
        }
    })
}

/// Draws `N` characters of `[a-z0-9]` as text.
#[must_use]
pub fn random_text<const N: usize>() -> String {
    String::from_utf8_lossy(&random_letters::<N>()).into_owned()
}

impl fmt::Display for RecordId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl Default for RecordId {
    /// The first id, where a value must stand before a record has its own.
    fn default() -> Self {
        Self([ALPHABET[0]; LENGTH])
    }
}

impl AsRef<str> for RecordId {
    fn as_ref(&self) -> &str {
        self.as_str()
    }
}

impl TryFrom<String> for RecordId {
    type Error = ();

    fn try_from(text: String) -> Result<Self, ()> {
        Self::parse(&text).ok_or(())
    }
}

impl<'de> Deserialize<'de> for RecordId {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let text = String::deserialize(value)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no record id"))
    }
}

impl Serialize for RecordId {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn ids_of_one_moment_share_their_first_characters_and_differ_in_all_others() {
        let noon = 1_790_000_000_000;
        let draw = |millis| RecordId::random_at(Millis(millis));
        let ids: BTreeSet<RecordId> = (0..2_000).map(|_| draw(noon)).collect();
        assert_eq!(ids.len(), 2_000);
        for position in 0..LENGTH {
            let letters: BTreeSet<u8> = ids.iter().map(|id| id.0[position]).collect();
            let expected = if position < CLOCK_LETTERS { 1 } else { ALPHABET.len() };
            assert_eq!(letters.len(), expected, "character {position}");
        }
        let moments: BTreeSet<_> = (0..6_400).map(|millis| draw(noon + millis).0[..CLOCK_LETTERS].to_vec()).collect();
        assert!((100..=101).contains(&moments.len()), "{}", moments.len());
        for odd in [-1, 0, i64::MAX] {
            assert!(RecordId::parse(draw(odd).as_str()).is_some());
        }
    }

    #[test]
    fn random_ids_are_fifteen_letters_and_parse_again() {
        for _ in 0..200 {
            let id = RecordId::random();
            assert_eq!(RecordId::parse(id.as_str()), Some(id));
            assert_eq!(RecordId::of_number(id.number()), Some(id));
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "abc123def456", "ABCDEFGHIJKLMNO", "abcdefghijklmn/", "abcdefghijklmnop", "äbcdefghijklmn"] {
            assert_eq!(RecordId::parse(text), None, "{text}");
        }
    }
}
