//! The revoked token record: a machine token that its client has ended before its time (RFC 7009).

use super::id::RecordId;
use super::record;
use super::time::Millis;

record! {
    /// A machine token that is no longer accepted. It is deleted once the token would have ended by itself.
    pub struct RevokedToken in RevokedTokens {
        /// Follows from the token's `jti`, so that a token is revoked once in every store.
        id: RecordId = Public Line [Column],
        /// The client that the token was issued to.
        client: String = Public Line [Column],
        /// When the token would have ended.
        expires: Millis = Public Time [Column],
        created: Millis = Public Time [Column],
    }
}
