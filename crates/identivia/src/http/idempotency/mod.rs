//! `Idempotency-Key`: a repeated request gets its first answer and does its work once (docs/decisions/0020).

mod answer_rebuild;
pub mod body_fingerprint;
pub mod key_claim;
pub mod key_header;
pub mod key_ring;
pub mod keyed_request;
mod live_keys;
mod stored_answer;
