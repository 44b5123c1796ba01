//! The console credential record: whose a passkey is, so that it belongs to one user only.

use super::id::RecordId;
use super::record;

record! {
    /// Whose a passkey is. The passkey itself is in the user's record.
    pub struct ConsoleCredential in ConsoleCredentials {
        /// Follows from the credential's id.
        id: RecordId = Public Line [Column],
        console_user: RecordId = Public Line [Column],
    }
}
