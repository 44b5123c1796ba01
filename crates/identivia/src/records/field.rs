//! What is known of each field of a record: its data class, what it holds, and what is special about it.

/// Which rules protect a field: log redaction, encryption, erasure and masking follow from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataClass {
    /// Ids, times, closed lists of words: nothing about a person.
    Public,
    /// What identifies a person, in text.
    Fields,
    /// Templates and imprints of a face or of a camera's pictures.
    Biometric,
    /// The stored name of a picture or a video.
    Media,
    /// Who did what.
    Audit,
    /// What gives access to something.
    Secret,
}

/// What a field holds, which decides how each store keeps it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldType {
    /// At most 255 characters.
    Line,
    /// At most 2,000 characters.
    Paragraph,
    /// JSON of at most 64 KiB; PocketBase keeps it as text.
    Document,
    /// The same, kept letter for letter as it was sent.
    SentDocument,
    /// A setting's value: any JSON.
    Json,
    /// A number or nothing.
    Number,
    /// A whole number or nothing, which may be a column.
    Count,
    /// The API's form of a time; milliseconds in a column.
    Time,
    Flag,
    /// The id of a profile, by which PocketBase reads histories with their profile.
    ProfileLink,
    /// The stored name of a picture that was uploaded.
    Picture,
    /// The stored name of a video.
    Video,
    /// The stored name of a picture that a provider gave, of any image type.
    Evidence,
}

impl FieldType {
    /// Says whether the field holds the stored name of a file.
    #[must_use]
    pub const fn is_file(self) -> bool {
        matches!(self, Self::Picture | Self::Video | Self::Evidence)
    }
}

/// What is special about a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FieldFlag {
    /// SQL databases keep it in a column of its own, for search, order or uniqueness. All others are in `body`.
    Column,
    /// It is unique together with others. SQL stores an unknown text as `''` in such a column, because a unique index does
    /// not compare nulls.
    UniqueTogether,
    /// `q` of `GET /api/profiles` searches it.
    Searched,
    /// No answer of the API shows it.
    Hidden,
    /// Answers to flow tokens leave it out: findings and scores that a fraudster could try to raise.
    NotForFlow,
    /// A masked view shows the initials of it, its last three characters, its year, or checks without their evidence. Of every other
    /// field that identifies a person it shows nothing.
    ShowsInitials,
    ShowsLastThree,
    ShowsYear,
    ShowsChecks,
    /// It repeats what the newest record of a history says. PocketBase derives it when it reads a profile.
    Derived,
    /// It means nothing in another store: `copy` leaves it out.
    NotCopied,
    /// It repeats what the record's profile says. SQL stores look it up at the moment of writing where it is not given.
    OfProfile,
}

/// One field of a record kind.
#[derive(Debug)]
pub struct Field {
    pub name: &'static str,
    /// The field's name in PocketBase.
    pub in_pocketbase: &'static str,
    pub class: DataClass,
    pub holds: FieldType,
    pub flags: &'static [FieldFlag],
}

impl Field {
    /// Says whether the field carries a flag.
    #[must_use]
    pub fn has_flag(&self, flag: FieldFlag) -> bool {
        self.flags.contains(&flag)
    }

    /// Says whether SQL databases keep it in a column of its own.
    #[must_use]
    pub fn is_column(&self) -> bool {
        self.has_flag(FieldFlag::Column)
    }
}
