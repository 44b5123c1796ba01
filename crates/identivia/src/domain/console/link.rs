//! Links of the console that can be used once: how long they last, and the URL that a person opens.

use aws_lc_rs::{constant_time, digest};

use super::session::ConsoleToken;
use crate::records::console_link::{ConsoleLink, LinkPurpose};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;

/// How long the link lasts that makes the first user, and that of an invitation or a new password.
const SETUP_HOURS: u16 = 1;
const INVITATION_HOURS: u16 = 72;

impl LinkPurpose {
    /// How many hours a link lasts.
    #[must_use]
    pub const fn valid_hours(self) -> u16 {
        match self {
            Self::Setup => SETUP_HOURS,
            Self::Invitation => INVITATION_HOURS,
        }
    }
}

impl ConsoleLink {
    /// A new link, and the token that is in it.
    #[must_use]
    pub fn draw(purpose: LinkPurpose, user: Option<RecordId>, now: Millis) -> (Self, ConsoleToken) {
        let token = ConsoleToken::random();
        let link = Self {
            id: link_key(purpose, user),
            hash: token.hash(),
            purpose,
            console_user: user,
            expires: now.plus_seconds(i64::from(purpose.valid_hours()) * 3_600),
            created: now,
        };
        (link, token)
    }

    /// Says whether the link can be used with that token now.
    #[must_use]
    pub fn is_usable(&self, purpose: LinkPurpose, token: &ConsoleToken, now: Millis) -> bool {
        let is_same = constant_time::verify_slices_are_equal(self.hash.0.as_bytes(), token.hash().0.as_bytes()).is_ok();
        is_same && self.purpose == purpose && now < self.expires
    }
}

/// The key of a link: there is one of each purpose and user.
#[must_use]
pub fn link_key(purpose: LinkPurpose, user: Option<RecordId>) -> RecordId {
    let user = user.map(|user| user.to_string()).unwrap_or_default();
    letters_of(digest::digest(&digest::SHA256, format!("console link {purpose:?} {user}").as_bytes()).as_ref())
}

/// The URL of a link. The token stands behind `#`, so that it is in no log and no `Referer`.
#[must_use]
pub fn link_url(public_url: &str, purpose: LinkPurpose, token: &ConsoleToken) -> String {
    let page = match purpose {
        LinkPurpose::Setup => "setup",
        LinkPurpose::Invitation => "invitation",
    };
    format!("{public_url}/console/{page}#token={}", token.as_text())
}
