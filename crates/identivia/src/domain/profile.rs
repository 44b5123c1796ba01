//! A profile: one person that a team wants verified, and the rules for changing it.

use super::document_editors::DocumentEditors;
use super::liveness::{Claim, Confirmed};
use crate::records::id::RecordId;
use crate::records::profile::{Consent, Draft, Profile};
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::records::word_schema::describe_words;

/// The records that a caller can reach.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Every,
    Team(String),
    /// Those of several teams, or of none: what a person at the console is given.
    Teams(Vec<String>),
}

impl Reach {
    /// The teams it is bounded by; `None` where it has no bounds.
    #[must_use]
    pub fn teams(&self) -> Option<&[String]> {
        match self {
            Self::Every => None,
            Self::Team(team) => Some(std::slice::from_ref(team)),
            Self::Teams(teams) => Some(teams),
        }
    }

    /// Says whether records of that team are within it.
    #[must_use]
    pub fn has_team(&self, team: &str) -> bool {
        self.teams().is_none_or(|teams| teams.iter().any(|own| own == team))
    }

    /// The one team it is bounded by, where there is exactly one.
    #[must_use]
    pub fn only_team(&self) -> Option<&str> {
        match self.teams() {
            Some([team]) => Some(team),
            _ => None,
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

describe_words!(Gender, "Gender", "A gender.", Gender::WORDS.iter().map(|(word, _)| *word));

/// What a new profile starts with. Unknown texts are `None`.
#[derive(Clone, Debug, Default)]
pub struct NewProfile {
    /// Empty for no team.
    pub team: String,
    pub user_id: String,
    pub name: Option<String>,
    pub document_type: Option<String>,
    pub document_number: Option<String>,
    pub country: Option<String>,
    pub phone_number: Option<String>,
    pub email: Option<String>,
    pub security_level: Option<String>,
    pub gender: Option<String>,
    pub ip_address: Option<String>,
    pub language: Option<String>,
    /// Where the person's browser goes when all is done.
    pub redirect_url: Option<String>,
}

impl NewProfile {
    /// The record of this profile, unverified.
    #[must_use]
    pub fn to_record(&self, id: RecordId, now: Millis) -> Profile {
        Profile {
            id,
            team: self.team.clone(),
            user_id: self.user_id.clone(),
            name: self.name.clone(),
            document_type: self.document_type.clone(),
            document_number: self.document_number.clone(),
            country: self.country.clone(),
            phone_number: self.phone_number.clone(),
            email: self.email.clone(),
            security_level: self.security_level.clone(),
            gender: self.gender.clone(),
            ip_address: self.ip_address.clone(),
            language: self.language.clone(),
            redirect_url: self.redirect_url.clone(),
            created: now,
            updated: now,
            ..Profile::default()
        }
    }
}

impl Profile {
    /// The status that `GET /api/profiles/:id` shows: the newest status record's, else the profile's own.
    #[must_use]
    pub fn shown_status(&self) -> &str {
        self.recorded_status.as_ref().map_or(self.verification_status.word(), StatusWord::as_str)
    }

    /// Says whether a reviewer or a rule has ended this verification, by either status.
    #[must_use]
    pub fn is_decided(&self) -> bool {
        self.verification_status.is_decided() || self.recorded_status.as_ref().is_some_and(StatusWord::is_decided)
    }

    /// The epoch that a flow token must name to be good.
    #[must_use]
    pub fn link_epoch(&self) -> u64 {
        self.flow_epoch.unwrap_or_default()
    }

    /// The verification record that the decision is about, while the profile is decided.
    #[must_use]
    pub fn shown_decision(&self) -> Option<RecordId> {
        self.decided_verification.filter(|_| self.is_decided())
    }

    /// Replaces the document's data by those of a verification record, where it has any.
    pub(super) fn take_data_of(&mut self, record: &VerificationRecord) {
        let document_type = Some(record.document_type.clone()).filter(|text| !text.is_empty());
        let replaced = [
            (&mut self.name, record.name.clone()),
            (&mut self.document_type, document_type),
            (&mut self.document_number, record.document_number.clone()),
            (&mut self.country, record.country.clone()),
        ];
        for (own, recorded) in replaced {
            if recorded.is_some() {
                *own = recorded;
            }
        }
    }

    /// The stored name in a file field.
    #[must_use]
    pub fn file(&self, field: FileField) -> Option<&str> {
        match field {
            FileField::DocumentFront => self.document_front.as_deref(),
            FileField::DocumentBack => self.document_back.as_deref(),
            FileField::FacialPhoto => self.facial_photo.as_deref(),
            FileField::FacialVideo => self.facial_video.as_deref(),
        }
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
    /// Every field with its stored name.
    pub fn iter(&self) -> impl Iterator<Item = (FileField, &str)> {
        FileField::ALL.into_iter().map(|field| (field, self.get(field)))
    }

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
    /// The verification record that a decision is about.
    pub verification: Option<RecordId>,
    pub document_type: Option<String>,
    pub document_number: Option<String>,
    pub document_name: Option<String>,
    pub country: Option<String>,
    /// Stored names of new files; empty where the file stays.
    pub files: ProfileFiles,
    /// Of the new pictures.
    pub editors: DocumentEditors,
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
    /// Leaves out what a profile has already, so that a link's request that changes nothing writes nothing.
    #[must_use]
    pub fn without_standing_values(mut self, profile: &Profile) -> Self {
        let stands = |new: &Option<String>, old: &Option<String>| {
            new.as_deref().unwrap_or_default() == old.as_deref().unwrap_or_default()
        };
        self.verification_status = self.verification_status.filter(|status| *status != profile.verification_status);
        let texts = [
            (&mut self.document_type, &profile.document_type),
            (&mut self.document_number, &profile.document_number),
            (&mut self.document_name, &profile.document_name),
            (&mut self.country, &profile.country),
        ];
        for (new, old) in texts {
            if new.is_some() && stands(new, old) {
                *new = None;
            }
        }
        let has_claim = self.claim.as_ref().is_some_and(|claim| {
            // A claim whose result is not known yet may have one by now.
            stands(&Some(claim.session_id.clone()), &profile.liveness_session_id)
                && stands(&Some(claim.session_id.clone()), &profile.claimed_session_id)
                && claim.confidence == profile.claimed_confidence
                && stands(&Some(claim.status.clone()), &profile.claimed_status)
                && stands(&Some(self.claimed_result.clone()), &profile.claimed_result)
        });
        if has_claim {
            (self.claim, self.claimed_result) = (None, String::new());
        }
        self
    }

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

/// Which profiles a list shows. `None` means any.
#[derive(Clone, Debug, Default)]
pub struct ProfileFilter {
    pub status: Option<StatusWord>,
    pub verification_status: Option<VerificationStatus>,
    pub country: Option<String>,
    pub user_id: Option<String>,
    /// Part of a name, userID, document number or e-mail address, in any case.
    pub q: Option<String>,
    pub created_after: Option<Millis>,
    pub created_before: Option<Millis>,
    pub updated_after: Option<Millis>,
}

impl Word for VerificationStatus {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("unverified", Self::Unverified),
        ("pending", Self::Pending),
        ("verified", Self::Verified),
        ("rejected", Self::Rejected),
    ];
}
