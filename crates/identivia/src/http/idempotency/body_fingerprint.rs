//! A keyed hash of a request's body, computed while the body is read: of the bytes, or of a form's parts.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_lc_rs::{digest, hmac};
use axum::http::Extensions;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Hashes the body of a request with an idempotency key. A form's hash is of its parts (names, file names and contents), so
/// that a repetition may choose another boundary.
#[derive(Clone)]
pub(crate) struct BodyFingerprint(Arc<FingerprintState>);

struct FingerprintState {
    /// `None` once the body has been read.
    hashing: Mutex<Option<BodyHashing>>,
    finished: Arc<OnceLock<String>>,
}

struct BodyHashing {
    body: hmac::Context,
    /// The content of the form's current part.
    part: Option<digest::Context>,
}

impl BodyHashing {
    /// Adds a text with its length before it, so that no two sequences of texts have the same bytes.
    fn add_text(&mut self, text: &str) {
        self.body.update(&(text.len() as u64).to_be_bytes());
        self.body.update(text.as_bytes());
    }

    fn end_part(&mut self) {
        if let Some(part) = self.part.take() {
            self.body.update(part.finish().as_ref());
        }
    }
}

impl BodyFingerprint {
    /// Begins with a body of which nothing has been read.
    pub(crate) fn new(key: &hmac::Key) -> Self {
        let hashing = BodyHashing { body: hmac::Context::with_key(key), part: None };
        Self(Arc::new(FingerprintState { hashing: Mutex::new(Some(hashing)), finished: Arc::default() }))
    }

    /// The fingerprint of a request; `None` without an idempotency key.
    pub(crate) fn of_request(extensions: &Extensions) -> Option<Self> {
        extensions.get::<Self>().cloned()
    }

    /// Where the hash is set once the body has been read whole.
    pub(crate) fn finished(&self) -> Arc<OnceLock<String>> {
        self.0.finished.clone()
    }

    /// Hashes a body that is no form.
    pub(crate) fn add_whole_body(&self, bytes: &[u8]) {
        self.update(|hashing| {
            hashing.body.update(b"bytes");
            hashing.body.update(bytes);
        });
        self.finish();
    }

    /// Begins the next part of a form.
    pub(crate) fn begin_part(&self, name: &str, file_name: Option<&str>) {
        self.update(|hashing| {
            hashing.end_part();
            hashing.body.update(if file_name.is_some() { b"file" } else { b"text" });
            hashing.add_text(name);
            hashing.add_text(file_name.unwrap_or_default());
            hashing.part = Some(digest::Context::new(&digest::SHA256));
        });
    }

    /// Adds a piece of the part's content.
    pub(crate) fn add_piece(&self, bytes: &[u8]) {
        self.update(|hashing| {
            if let Some(part) = &mut hashing.part {
                part.update(bytes);
            }
        });
    }

    /// Ends a form.
    pub(crate) fn finish_form(&self) {
        self.update(BodyHashing::end_part);
        self.finish();
    }

    fn update(&self, change: impl FnOnce(&mut BodyHashing)) {
        if let Some(hashing) = self.0.hashing.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            change(hashing);
        }
    }

    fn finish(&self) {
        let hashing = self.0.hashing.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(hashing) = hashing {
            // It is set once, because the hashing was taken.
            let _ = self.0.finished.set(URL_SAFE_NO_PAD.encode(hashing.body.sign()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A part's name, its file name and the pieces of its content.
    type SentPart<'a> = (&'a str, Option<&'a str>, &'a [&'a [u8]]);

    fn hash_form(parts: &[SentPart<'_>]) -> String {
        let fingerprint = BodyFingerprint::new(&hmac::Key::new(hmac::HMAC_SHA256, b"key"));
        for (name, file_name, pieces) in parts {
            fingerprint.begin_part(name, *file_name);
            pieces.iter().for_each(|piece| fingerprint.add_piece(piece));
        }
        fingerprint.finish_form();
        fingerprint.finished().get().unwrap().clone()
    }

    #[test]
    fn hash_of_a_form_depends_on_its_parts_and_not_on_the_pieces() {
        let whole = hash_form(&[("a", None, &[b"one"]), ("f", Some("x.png"), &[b"two"])]);
        assert_eq!(whole, hash_form(&[("a", None, &[b"o", b"ne"]), ("f", Some("x.png"), &[b"", b"two"])]));
        for other in [
            hash_form(&[("a", None, &[b"one"])]),
            hash_form(&[("f", Some("x.png"), &[b"two"]), ("a", None, &[b"one"])]),
            hash_form(&[("a", None, &[b"one"]), ("f", Some("y.png"), &[b"two"])]),
            hash_form(&[("a", None, &[b"one"]), ("f", None, &[b"two"])]),
            hash_form(&[("a", None, &[b"onetwo"]), ("f", Some("x.png"), &[])]),
        ] {
            assert_ne!(whole, other);
        }
    }
}
