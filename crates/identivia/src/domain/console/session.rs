//! Sessions of the console: the value of the cookie, how long a session lasts, and what ends it.

use aws_lc_rs::{constant_time, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::domain::drawn_secret::hash_drawn_secret;
use crate::records::client::SecretHash;
use crate::records::console_session::{ConsoleSession, SessionStage};
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// How long a session lasts without a request, and in all, in seconds.
pub const IDLE_SECONDS: i64 = 30 * 60;
pub const SESSION_SECONDS: i64 = 12 * 60 * 60;
/// How long a person may take to show the second factor after the password, in seconds.
pub const SIGN_IN_SECONDS: i64 = 10 * 60;
/// How long a second factor that was shown counts for changes that need one, in seconds.
pub const STEP_UP_SECONDS: i64 = 5 * 60;
/// How often a session's last request is stored, in seconds.
pub const TOUCH_SECONDS: i64 = 60;
/// The most sessions of a person. Another one ends the oldest.
pub const MAX_SESSIONS: usize = 10;

/// The randomness of a token, in bytes, and its length as text.
const TOKEN_BYTES: usize = 32;
const TOKEN_LETTERS: usize = 43;

/// A random token that was just drawn or presented: a session's cookie or a link's. It has neither `Debug` nor `Display`.
#[derive(Clone)]
pub struct ConsoleToken(String);

impl ConsoleToken {
    /// Draws a token with 256 random bits.
    #[must_use]
    pub fn random() -> Self {
        let mut bytes = [0_u8; TOKEN_BYTES];
        getrandom::fill(&mut bytes).expect("the system's random source answers once the process runs");
        Self(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads a token that a caller sent; `None` when it cannot be one of ours.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        (text.len() == TOKEN_LETTERS && text.bytes().all(is_letter)).then(|| Self(text.to_owned()))
    }

    /// The token as its holder gets it.
    #[must_use]
    pub fn as_text(&self) -> &str {
        &self.0
    }

    /// What is stored of it.
    #[must_use]
    pub fn hash(&self) -> SecretHash {
        hash_drawn_secret(&self.0)
    }

    /// The id of the session of this cookie. It tells nothing of the token.
    #[must_use]
    pub fn session_id(&self) -> RecordId {
        letters_of(digest::digest(&digest::SHA256, format!("console session {}", self.0).as_bytes()).as_ref())
    }
}

impl ConsoleSession {
    /// A new session of a person, and the token of its cookie.
    #[must_use]
    pub fn begin(
        user: &ConsoleUser,
        stage: SessionStage,
        address: String,
        browser: String,
        now: Millis,
    ) -> (Self, ConsoleToken) {
        let token = ConsoleToken::random();
        let session = Self {
            id: token.session_id(),
            hash: token.hash(),
            console_user: user.id,
            stage,
            epoch: user.epoch,
            factor_confirmed_at: None,
            password_only: false,
            address,
            browser,
            began: now,
            last_seen: now,
        };
        (session, token)
    }

    /// The same session under a new cookie, in that stage and in the user's present epoch.
    #[must_use]
    pub fn renew(&self, user: &ConsoleUser, stage: SessionStage, now: Millis) -> (Self, ConsoleToken) {
        let token = ConsoleToken::random();
        let renewed = Self {
            id: token.session_id(),
            hash: token.hash(),
            stage,
            epoch: user.epoch,
            last_seen: now,
            ..self.clone()
        };
        (renewed, token)
    }

    /// Says whether that token is the one of this session.
    #[must_use]
    pub fn has_token(&self, token: &ConsoleToken) -> bool {
        constant_time::verify_slices_are_equal(self.hash.0.as_bytes(), token.hash().0.as_bytes()).is_ok()
    }

    /// When it ends without another request.
    #[must_use]
    pub fn idle_until(&self) -> Millis {
        self.last_seen.plus_seconds(IDLE_SECONDS).min(self.ends_at())
    }

    /// When it ends in any case.
    #[must_use]
    pub fn ends_at(&self) -> Millis {
        let seconds = if self.stage == SessionStage::Full { SESSION_SECONDS } else { SIGN_IN_SECONDS };
        self.began.plus_seconds(seconds)
    }

    /// Until when the second factor that was shown counts for changes that need one.
    #[must_use]
    pub fn step_up_until(&self, now: Millis) -> Option<Millis> {
        self.factor_confirmed_at.map(|at| at.plus_seconds(STEP_UP_SECONDS)).filter(|until| *until > now)
    }

    /// Says whether it is a session of that person that has not ended.
    #[must_use]
    pub fn is_alive(&self, user: &ConsoleUser, now: Millis) -> bool {
        let is_theirs = self.console_user == user.id && self.epoch == user.epoch;
        is_theirs && user.status == ConsoleUserStatus::Active && now < self.idle_until()
    }

    /// Says whether its last request should be stored again.
    #[must_use]
    pub fn needs_touch(&self, now: Millis) -> bool {
        self.last_seen.plus_seconds(TOUCH_SECONDS) <= now
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_has_256_bits_and_its_hash_and_id_tell_nothing_of_it() {
        let (one, other) = (ConsoleToken::random(), ConsoleToken::random());
        assert_eq!(URL_SAFE_NO_PAD.decode(one.as_text()).unwrap().len() * 8, 256);
        assert!(one.as_text() != other.as_text() && one.session_id() != other.session_id());
        assert_ne!(one.hash().0, one.as_text());
        assert_eq!(ConsoleToken::parse(one.as_text()).unwrap().session_id(), one.session_id());
        for text in ["", "a", &one.as_text()[1..], &format!("{}a", one.as_text()), &"ä".repeat(43), &"=".repeat(43)] {
            assert!(ConsoleToken::parse(text).is_none(), "{text}");
        }
    }
}
