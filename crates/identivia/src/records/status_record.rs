//! The status record: one recorded change of a profile's status. The API shows it in this form.

use utoipa::ToSchema;

use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::status_word::StatusWord;
use super::time::Millis;

record! {
    /// A recorded change of status.
    #[derive(ToSchema)]
    #[schema(example = json!({
        "id": "sh23def456ghi78", "profile": "abc123def456ghi", "updated_by": "user_record_id",
        "previous_status": "unverified", "new_status": "pending", "notes": "Verification submitted",
        "created": "2026-03-21 00:00:00.000Z",
    }))]
    pub struct StatusRecord in StatusHistory {
        id: RecordId = Public Line [Column],
        profile: RecordId = Public ProfileLink [Column],
        #[serde(default)]
        #[schema(required = true)]
        updated_by: String = Audit Line [],
        // Another program may have left it empty: then no store returns it.
        #[serde(default)]
        #[schema(required = true)]
        previous_status: StatusWord = Public Line [],
        #[serde(default)]
        #[schema(required = true)]
        new_status: StatusWord = Public Line [Column],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        notes: Option<String> = Fields Paragraph [],
        /// The verification record it is about, if one was named.
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        verification: Option<RecordId> = Public Line [],
        /// Codes of the catalogue: why it was rejected, or another try is asked for. With a machine token only.
        #[serde(default, deserialize_with = "null_if_malformed", skip_serializing_if = "Vec::is_empty")]
        #[schema(value_type = Option<Vec<String>>, nullable = false)]
        reasons: Vec<String> = Audit Document [NotForFlow],
        /// The steps that another try is asked of; none means all.
        #[serde(default, deserialize_with = "null_if_malformed", skip_serializing_if = "Vec::is_empty")]
        #[schema(value_type = Option<Vec<String>>, nullable = false)]
        steps: Vec<String> = Public Document [],
        /// A text for the person, beside the reasons.
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(nullable = false)]
        message: Option<String> = Fields Paragraph [],
        created: Millis = Public Time [Column],
        /// The step before it: the newest status record, or the profile before the first. A flow token's step names it.
        /// Unique within a profile: of two steps that start from the same record one is kept.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        follows: Option<RecordId> = Public Line [Column Hidden],
    }
}
