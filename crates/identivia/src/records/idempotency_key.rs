//! The idempotency record: a key that a request was sent with, its lease and its answer, or the receipt of its work.

use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// A key that a request was sent with, or the receipt of its work. A receipt is inserted in the commit of that work, so
    /// of all attempts at one key one writes.
    pub struct IdempotencyKey in IdempotencyKeys {
        /// Derived from caller and key by a keyed hash; of a receipt, the `receipt` of its key.
        id: RecordId = Public Line [Column],
        /// A keyed hash of the caller, by which keys are counted; empty for a receipt.
        #[serde(default)]
        holder: String = Audit Line [Column],
        /// The attempt that holds the lease.
        #[serde(default)]
        attempt: String = Public Line [Column],
        /// Until then the attempt counts as running, unless it has an answer.
        #[serde(default)]
        lease_ends: Option<Millis> = Public Time [],
        /// The id of the receipt that the work leaves; unknown for a receipt.
        #[serde(default, with = "unknown_as_empty")]
        receipt: Option<RecordId> = Public Line [],
        /// A keyed hash of method, path and query.
        #[serde(default)]
        target_hash: String = Public Line [],
        /// A keyed hash of the body; unknown where the body was not read.
        #[serde(default, with = "unknown_as_empty")]
        body_hash: Option<String> = Public Line [],
        /// Of a receipt: the key of the record that was written.
        #[serde(default)]
        written: String = Public Line [],
        /// The first answer, encrypted with a key that follows from the idempotency key.
        #[serde(default, with = "unknown_as_empty")]
        answer: Option<String> = Secret SentDocument [],
        created: Millis = Public Time [Column],
        expires: Millis = Public Time [Column],
    }
}
