//! The rules: what a profile, a status, a verification record and a token are, and what may be done to them.
//! Nothing here reads a clock, a file, a socket or the environment.

pub mod checks;
pub mod client;
pub mod country;
pub mod event;
pub mod fingerprint;
pub mod id;
pub mod liveness;
pub mod media;
pub mod profile;
pub mod reading;
pub mod scope;
pub mod status;
pub mod time;
pub mod token;
pub mod verification;

/// The longest ordinary text field, in characters (Unicode scalar values).
pub const LINE: usize = 255;
/// The longest `notes` or `address`, in characters.
pub const PARAGRAPH: usize = 2_000;
/// The longest JSON document kept beside a record (`fingerprint`, `face_liveness_result`), in bytes.
pub const JSON_BYTES: usize = 64 * 1024;
/// The deepest nesting accepted in a JSON document that is kept beside a record.
pub const JSON_DEPTH: usize = 16;
