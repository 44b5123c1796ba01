//! A profile: one person that a team wants verified, and the rules for changing it.

use serde::Serialize;
use utoipa::ToSchema;

use super::flow::{Consent, Draft};
use super::liveness::{Claim, Confirmed};
use super::verification::Summary;
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The records that a caller can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Every,
    Team(String),
}

impl Reach {
    /// The team it is bounded by, if any.
    #[must_use]
    pub fn team(&self) -> Option<&str> {
        match self {
            Self::Every => None,
            Self::Team(team) => Some(team),
        }
    }
}

/// A closed list of words that a field may hold.
pub trait Word: Sized + Copy + 'static {
    /// Every word, for error texts and checks.
    const WORDS: &'static [(&'static str, Self)];

    /// The value that a word stands for.
    #[must_use]
    fn of(word: &str) -> Option<Self> {
        Self::WORDS.iter().find(|(name, _)| *name == word).map(|(_, value)| *value)
    }
}

/// A person's gender as a document states it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gender(pub &'static str);

impl Word for Gender {
    const WORDS: &'static [(&'static str, Self)] =
        &[("male", Self("male")), ("female", Self("female")), ("unknown", Self("unknown"))];
}

/// Where a profile's verification stands by its own field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerificationStatus {
    Unverified,
    Pending,
    Verified,
    Rejected,
}

impl Word for VerificationStatus {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("unverified", Self::Unverified),
        ("pending", Self::Pending),
        ("verified", Self::Verified),
        ("rejected", Self::Rejected),
    ];
}

impl VerificationStatus {
    /// The status's word in the API.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unverified => "unverified",
            Self::Pending => "pending",
            Self::Verified => "verified",
            Self::Rejected => "rejected",
        }
    }
}

/// Says whether a status word ends a verification: from then on a flow token only reads.
#[must_use]
pub fn is_decided(word: &str) -> bool {
    matches!(word, "verified" | "rejected")
}

/// What a new profile starts with. Empty text means unknown, here and in every record.
#[derive(Clone, Debug, Default)]
pub struct NewProfile {
    pub team: String,
    pub user_id: String,
    pub name: String,
    pub document_type: String,
    pub document_number: String,
    pub country: String,
    pub phone_number: String,
    pub email: String,
    pub security_level: String,
    pub gender: String,
    pub ip_address: String,
    pub language: String,
    /// Where the person's browser goes when all is done.
    pub redirect_url: String,
}

/// A stored profile, as far as changing it and copying its files need it.
#[derive(Clone, Debug)]
pub struct Profile {
    pub id: RecordId,
    pub team: String,
    pub verification_status: String,
    /// `new_status` of the newest status record; empty before the first.
    pub recorded_status: String,
    pub document_type: String,
    pub document_number: String,
    pub document_name: String,
    pub country: String,
    pub files: ProfileFiles,
    pub updated: Millis,
}

impl Profile {
    /// The status that `GET /api/profiles/:id` shows.
    #[must_use]
    pub fn status(&self) -> &str {
        if self.recorded_status.is_empty() { &self.verification_status } else { &self.recorded_status }
    }

    /// Says whether a reviewer or a rule has ended this verification, by either status.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        is_decided(&self.verification_status) || is_decided(&self.recorded_status)
    }
}

/// The stored names of a profile's files; empty where there is none.
#[derive(Clone, Debug, Default)]
pub struct ProfileFiles {
    pub document_front: String,
    pub document_back: String,
    pub facial_photo: String,
    pub facial_video: String,
}

impl ProfileFiles {
    /// The stored name in that field.
    #[must_use]
    pub fn get(&self, field: FileField) -> &str {
        match field {
            FileField::DocumentFront => &self.document_front,
            FileField::DocumentBack => &self.document_back,
            FileField::FacialPhoto => &self.facial_photo,
            FileField::FacialVideo => &self.facial_video,
        }
    }

    /// The place of that field's stored name.
    pub fn get_mut(&mut self, field: FileField) -> &mut String {
        match field {
            FileField::DocumentFront => &mut self.document_front,
            FileField::DocumentBack => &mut self.document_back,
            FileField::FacialPhoto => &mut self.facial_photo,
            FileField::FacialVideo => &mut self.facial_video,
        }
    }
}

/// A field that holds a file, by the same name in requests, answers and tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileField {
    DocumentFront,
    DocumentBack,
    FacialPhoto,
    FacialVideo,
}

impl FileField {
    /// Every file field of a profile.
    pub const ALL: [Self; 4] = [Self::DocumentFront, Self::DocumentBack, Self::FacialPhoto, Self::FacialVideo];

    /// The field's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DocumentFront => "document_front",
            Self::DocumentBack => "document_back",
            Self::FacialPhoto => "facial_photo",
            Self::FacialVideo => "facial_video",
        }
    }

    /// Says whether the field holds a video rather than a still picture.
    #[must_use]
    pub const fn is_video(self) -> bool {
        matches!(self, Self::FacialVideo)
    }
}

/// The fields of a profile to change; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct ProfileChange {
    pub verification_status: Option<VerificationStatus>,
    pub document_type: Option<String>,
    pub document_number: Option<String>,
    pub document_name: Option<String>,
    pub country: Option<String>,
    /// Stored names of new files; empty where the file stays.
    pub files: ProfileFiles,
    /// What the caller said of liveness.
    pub claim: Option<Claim>,
    /// The whole result that came with the claim: JSON text, or empty.
    pub claimed_result: String,
    /// What counts: the provider's finding, or a trusted server's word.
    pub confirmed: Option<(String, Confirmed)>,
    /// What the person has agreed to.
    pub consent: Option<Consent>,
    /// What the person has typed of their document so far.
    pub draft: Option<Draft>,
}

impl ProfileChange {
    /// The names of the fields it changes, for the audit trail: never their values.
    #[must_use]
    pub fn field_names(&self) -> Vec<&'static str> {
        let texts = [
            ("verification_status", self.verification_status.is_some()),
            ("document_type", self.document_type.is_some()),
            ("document_number", self.document_number.is_some()),
            ("document_name", self.document_name.is_some()),
            ("country", self.country.is_some()),
            ("liveness_claim", self.claim.is_some()),
            ("liveness", self.confirmed.is_some()),
            ("consent", self.consent.is_some()),
            ("details", self.draft.is_some()),
        ];
        let files = FileField::ALL.map(|field| (field.name(), !self.files.get(field).is_empty()));
        texts.into_iter().chain(files).filter(|(_, given)| *given).map(|(name, _)| name).collect()
    }
}

/// What `GET /api/profiles/:id` answers under `data`. Unknown values are `null`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileView {
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub name: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_type: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_number: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub country: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub language: String,
    pub verification_status: String,
    pub status: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub security_level: String,
    #[serde(rename = "createdAt")]
    pub created_at: Millis,
    pub verification_history: Option<Summary>,
    /// What the person has agreed to on their page; `null` until then.
    pub consent: Option<Consent>,
}

impl ProfileView {
    /// The profile as the person's browser may see it: without scores that somebody could try to raise.
    #[must_use]
    pub fn for_browser(mut self) -> Self {
        if let Some(newest) = &mut self.verification_history {
            newest.checks = None;
        }
        self
    }
}

/// One entry of `GET /api/profiles`.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProfileEntry {
    pub id: RecordId,
    #[serde(rename = "userID")]
    pub user_id: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub team: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub name: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_type: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub document_number: String,
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    pub country: String,
    pub verification_status: String,
    pub status: String,
    #[serde(rename = "createdAt")]
    pub created_at: Millis,
    pub updated: Millis,
}

/// Which profiles a list shows. Empty text means any.
#[derive(Clone, Debug, Default)]
pub struct ProfileFilter {
    pub status: String,
    pub verification_status: String,
    pub country: String,
    pub user_id: String,
    /// Part of a name, userID, document number or e-mail address, in any case.
    pub q: String,
    pub created_after: Option<Millis>,
    pub created_before: Option<Millis>,
}

/// Writes empty text as `null`: the reference's form for unknown values.
pub fn null_if_empty<S: serde::Serializer>(text: &str, out: S) -> Result<S::Ok, S::Error> {
    if text.is_empty() { out.serialize_none() } else { out.serialize_str(text) }
}
