//! The profile record: one person that a team wants verified.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::status_word::{StatusWord, VerificationStatus};
use super::time::Millis;

record! {
    /// A profile. Unknown texts are `None`.
    #[derive(Default)]
    pub struct Profile in Profiles {
        id: RecordId = Public Line [Column],
        /// Empty for a profile of no team, which only operators reach.
        #[serde(default)]
        team: String = Public Line [Column UniqueTogether],
        #[serde(default)]
        user_id: String = Fields Line [Column Searched UniqueTogether] "userID",
        #[serde(default, with = "unknown_as_empty")]
        name: Option<String> = Fields Line [Column Searched ShowsInitials],
        #[serde(default, with = "unknown_as_empty")]
        document_type: Option<String> = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        document_number: Option<String> = Fields Line [Column Searched ShowsLastThree],
        #[serde(default, with = "unknown_as_empty")]
        document_name: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        country: Option<String> = Public Line [Column],
        #[serde(default, with = "unknown_as_empty")]
        phone_number: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        email: Option<String> = Fields Line [Column Searched],
        #[serde(default, with = "unknown_as_empty")]
        security_level: Option<String> = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        gender: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        ip_address: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        language: Option<String> = Public Line [],
        #[serde(default)]
        verification_status: VerificationStatus = Public Line [Column] "status",
        /// `new_status` of the newest status record.
        #[serde(default, with = "unknown_as_empty")]
        recorded_status: Option<StatusWord> = Public Line [Column Derived],
        /// The newest status record, and when it was made.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize")]
        newest_status: Option<RecordId> = Public Line [Column Derived] "",
        #[serde(default)]
        status_recorded_at: Option<Millis> = Public Time [Column Derived] "",
        /// The newest verification record, and when it was made.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize")]
        newest_verification: Option<RecordId> = Public Line [Column Derived] "",
        #[serde(default)]
        submitted_at: Option<Millis> = Public Time [Column Derived] "",
        /// The verification record with which the link has closed for writes; unknown while it is open.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize")]
        closed_by: Option<RecordId> = Public Line [Column],
        /// When the link was last opened again for another try.
        #[serde(default)]
        reopened_at: Option<Millis> = Public Time [],
        /// The verification record that the profile's decision is about.
        #[serde(default, deserialize_with = "unknown_as_empty::deserialize")]
        decided_verification: Option<RecordId> = Public Line [],
        /// The epoch of the profile's links: a flow token of another epoch is no longer good.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        flow_epoch: Option<u64> = Public Number [],
        /// What counts of liveness: the provider's finding, or a trusted server's word.
        #[serde(default, with = "unknown_as_empty")]
        liveness_session_id: Option<String> = Public Line [] "face_liveness_session_id",
        #[serde(default)]
        liveness_confidence: Option<f64> = Public Number [] "face_liveness_confidence",
        #[serde(default, with = "unknown_as_empty")]
        liveness_status: Option<String> = Public Line [] "face_liveness_status",
        #[serde(default, with = "unknown_as_empty")]
        liveness_confirmed_by: Option<String> = Public Line [],
        /// What a caller claimed of liveness.
        #[serde(default, with = "unknown_as_empty")]
        claimed_session_id: Option<String> = Public Line [],
        #[serde(default)]
        claimed_confidence: Option<f64> = Public Number [],
        #[serde(default, with = "unknown_as_empty")]
        claimed_status: Option<String> = Public Line [],
        #[serde(default, with = "unknown_as_empty")]
        claimed_result: Option<String> = Fields SentDocument [] "face_liveness_result",
        #[serde(default, with = "unknown_as_empty")]
        document_front: Option<String> = Media Picture [],
        #[serde(default, with = "unknown_as_empty")]
        document_back: Option<String> = Media Picture [],
        #[serde(default, with = "unknown_as_empty")]
        facial_photo: Option<String> = Media Picture [],
        #[serde(default, with = "unknown_as_empty")]
        facial_video: Option<String> = Media Video [],
        /// The editing program that the picture of the front named when it was sent: a word of a closed list. It goes
        /// with the picture's findings, so it is erased like them.
        #[serde(default, with = "unknown_as_empty")]
        document_front_editor: Option<String> = Fields Line [],
        #[serde(default, with = "unknown_as_empty")]
        document_back_editor: Option<String> = Fields Line [],
        /// What the person has agreed to.
        #[serde(default, deserialize_with = "null_if_malformed")]
        consent: Option<Consent> = Fields Document [],
        /// What the person has typed of their document so far.
        #[serde(default, deserialize_with = "null_if_malformed")]
        details_draft: Option<Draft> = Fields Document [],
        /// Where the person's browser goes when all is done.
        #[serde(default, with = "unknown_as_empty")]
        redirect_url: Option<String> = Public Paragraph [],
        /// The keyed hash of the one code with which another device may go on. Such a code can be taken until
        /// `handoff_ends`; the token given for it has `handoff_scope` and ends at `handoff_token_ends`.
        #[serde(default, with = "unknown_as_empty")]
        handoff_code: Option<String> = Secret Line [Column NotCopied],
        #[serde(default)]
        handoff_ends: Option<Millis> = Public Time [Column NotCopied],
        #[serde(default)]
        handoff_token_ends: Option<Millis> = Public Time [NotCopied],
        #[serde(default, with = "unknown_as_empty")]
        handoff_scope: Option<String> = Public Paragraph [NotCopied],
        /// How many events have reported it: the `version` of the newest.
        #[serde(default)]
        event_version: Option<u64> = Public Count [Column],
        /// How many verification records it has.
        #[serde(default)]
        attempts: Option<u64> = Public Count [Column],
        /// When the person first opened their link.
        #[serde(default)]
        started: Option<Millis> = Public Time [Column],
        created: Millis = Public Time [Column],
        updated: Millis = Public Time [Column],
    }
}

/// What a person has agreed to: its id, the version of the text, the language in which they read it, and when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Consent {
    pub id: RecordId,
    pub version: String,
    pub language: String,
    /// RFC 3339.
    #[serde(serialize_with = "write_rfc3339", deserialize_with = "read_rfc3339")]
    #[schema(value_type = String, format = DateTime)]
    pub accepted: Millis,
}

/// What a person has typed of their document so far, kept so that another device resumes: a claim. Empty text means
/// unknown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = DetailsDraft)]
#[serde(default)]
pub struct Draft {
    #[schema(required = true)]
    pub name: String,
    #[schema(required = true)]
    pub document_number: String,
    #[schema(required = true)]
    pub country: String,
    #[schema(required = true)]
    pub address: String,
    #[schema(required = true)]
    pub gender: String,
    /// `YYYY-MM-DD`.
    #[schema(required = true)]
    pub date_of_birth: String,
}

fn write_rfc3339<S: Serializer>(time: &Millis, out: S) -> Result<S::Ok, S::Error> {
    out.serialize_str(&time.rfc3339())
}

fn read_rfc3339<'de, D: Deserializer<'de>>(value: D) -> Result<Millis, D::Error> {
    let text = String::deserialize(value)?;
    Millis::parse(&text).ok_or_else(|| serde::de::Error::custom("no RFC 3339 time"))
}
