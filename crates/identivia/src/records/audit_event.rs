//! The audit record: who did what to which record, without personal data.

use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// One line of the audit trail, written in the same commit as what it reports.
    pub struct AuditEvent in AuditEvents {
        id: RecordId = Public Line [Column],
        at: Millis = Public Time [Column],
        /// Such as `profile.created`.
        kind: String = Audit Line [Column],
        /// The token's `sub`.
        #[serde(default)]
        actor: String = Audit Line [],
        #[serde(default, with = "unknown_as_empty")]
        profile: Option<RecordId> = Audit Line [Column],
        #[serde(default)]
        request_id: String = Audit Line [],
        /// Names of fields, keys or statuses: never what a person sent.
        #[serde(default)]
        detail: String = Audit Paragraph [],
    }
}
