//! What a camera's frame with a face is known again by, so that frames which were sent before are found.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use vision::liveness::Imprint;

use crate::records::id::RecordId;

/// With how many sessions a new one is compared frame by frame.
const MOST_ALIKE: usize = 8;

/// What a frame with a face is known again by, however its file is written anew.
#[derive(Clone, Debug, PartialEq)]
pub struct FrameImprint {
    /// The hash of the frame's pixels, which is its id.
    pub frame: RecordId,
    pub imprint: Imprint,
}

impl FrameImprint {
    /// By what it is looked for among all frames: its imprint's key and its mirror image's.
    #[must_use]
    pub fn keys(&self) -> [String; 2] {
        [imprint_key(&self.imprint), imprint_key(&self.imprint.to_mirrored())]
    }
}

/// An imprint's key in its stored form: 6 hexadecimal digits.
#[must_use]
pub fn imprint_key(imprint: &Imprint) -> String {
    format!("{:06x}", imprint.search_key())
}

/// An imprint in its stored form.
#[must_use]
pub fn imprint_text(imprint: &Imprint) -> String {
    STANDARD.encode(imprint.as_bytes())
}

/// The imprint of that text, or none where it is no such text.
#[must_use]
pub fn imprint_of(text: &str) -> Option<Imprint> {
    Imprint::from_bytes(&STANDARD.decode(text).ok()?)
}

/// The sessions that frames look most like: those with the most frames of the same keys, the first named first. More are
/// not compared.
#[must_use]
pub fn most_alike(sessions_by_frame: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut counted: Vec<(String, usize)> = Vec::new();
    for session in sessions_by_frame {
        match counted.iter_mut().find(|(known, _)| *known == session) {
            Some((_, count)) => *count += 1,
            None => counted.push((session, 1)),
        }
    }
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted.into_iter().take(MOST_ALIKE).map(|(session, _)| session).collect()
}
