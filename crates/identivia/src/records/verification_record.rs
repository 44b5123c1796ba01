//! The verification record: the evidence of one attempt. The API shows it in this form.

use serde::Serialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::id::RecordId;
use super::record;
use super::serde_forms::{raw_array_or_null, unknown_as_empty};
use super::status_word::StatusWord;
use super::time::Millis;

record! {
    /// A stored record as the API shows it. What counts stands in `liveness_*`, what was claimed in `claimed_*`.
    #[derive(ToSchema)]
    pub struct VerificationRecord in VerificationHistory {
        id: RecordId = Public Line [Column],
        profile: RecordId = Public ProfileLink [Column],
        // Another program may have left it empty: then no store returns it.
        #[serde(default)]
        #[schema(required = true)]
        status: StatusWord = Public Line [],
        #[serde(default)]
        #[schema(required = true)]
        liveness_session_id: String = Public Line [],
        #[serde(default)]
        #[schema(required = true)]
        liveness_confidence: Option<f64> = Public Number [],
        #[serde(default)]
        #[schema(required = true)]
        liveness_status: String = Public Line [],
        /// `provider` or `machine_token`.
        #[serde(default)]
        #[schema(required = true)]
        liveness_confirmed_by: String = Public Line [],
        #[serde(default)]
        #[schema(required = true)]
        claimed_liveness_confidence: Option<f64> = Public Number [] "claimed_confidence",
        #[serde(default)]
        #[schema(required = true)]
        claimed_liveness_status: String = Public Line [] "claimed_status",
        #[serde(default)]
        #[schema(required = true)]
        document_type: String = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        document_number: Option<String> = Fields Line [ShowsLastThree],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        country: Option<String> = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        name: Option<String> = Fields Line [ShowsInitials],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        address: Option<String> = Fields Paragraph [],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        gender: Option<String> = Fields Line [],
        /// `YYYY-MM-DD`.
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        date_of_birth: Option<String> = Fields Line [ShowsYear],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        place_of_birth: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        #[schema(value_type = String, required = true)]
        ip_address: Option<String> = Fields Line [],
        /// The address that this server saw, beside what the caller said. With a machine token only.
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<String>, nullable = false)]
        observed_ip: Option<String> = Fields Line [NotForFlow],
        #[serde(default)]
        #[schema(required = true)]
        facial_photo: String = Media Picture [],
        #[serde(default)]
        #[schema(required = true)]
        document_front: String = Media Picture [],
        #[serde(default)]
        #[schema(required = true)]
        document_back: String = Media Picture [],
        created: Millis = Public Time [Column],
        updated: Millis = Public Time [Column],
        /// What Fingerprint says of the visitor data that was sent: `confirmed`, `contradicted`, `stale`, `unknown`,
        /// `failed` or `unchecked`. With a machine token only.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        fingerprint_status: String = Public Line [NotForFlow],
        /// Its event, when it was fetched. With a machine token only.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(value_type = Option<Object>, nullable = false)]
        fingerprint_event: Option<Box<RawValue>> = Fields Document [NotForFlow],
        /// How far the checks on it are; `null` for a record made before there were checks.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize")]
        #[schema(required = true)]
        checks_status: Option<ChecksStatus> = Public Line [Column],
        /// What they found, once they are done. With a machine token only.
        #[serde(default, deserialize_with = "raw_array_or_null")]
        #[schema(value_type = Option<Vec<crate::records::checks::Check>>, required = true)]
        checks: Option<Box<RawValue>> = Fields Document [NotForFlow ShowsChecks],
        /// From when on the checks may be run. A claim moves it on, and counts in `checks_attempts`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        checks_due: Option<Millis> = Public Time [Column Hidden],
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        checks_attempts: Option<u32> = Public Number [Hidden],
        /// The editing program that the picture of the front named when it was sent: a word of a closed list.
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        document_front_editor: Option<String> = Fields Line [Hidden],
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        document_back_editor: Option<String> = Fields Line [Hidden],
        /// Visitor data as it was sent: a claim.
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        fingerprint: Option<String> = Fields SentDocument [Hidden],
        /// Templates of the faces, where the settings keep them.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        face_templates: Option<Box<RawValue>> = Biometric Document [Hidden],
        #[serde(default, with = "unknown_as_empty", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        created_by: Option<String> = Audit Line [Hidden],
        /// The key of the liveness session that this record uses up. Unique: a session serves one record.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize", skip_serializing_if = "Option::is_none")]
        #[schema(ignore)]
        session_claim: Option<RecordId> = Public Line [Column Hidden],
    }
}

/// How far the checks on a record are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChecksStatus {
    Pending,
    Done,
    /// They were tried several times and gave no result.
    Failed,
}

impl ChecksStatus {
    const ALL: [Self; 3] = [Self::Pending, Self::Done, Self::Failed];

    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }
}

impl TryFrom<String> for ChecksStatus {
    type Error = ();

    fn try_from(word: String) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|status| status.word() == word).ok_or(())
    }
}
