//! The review: one verification record that a person looks at, from its claim to its decision; and its notes.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::RecordId;
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// A review. It holds ids, words and who has decided: what the person sent stays in the verification record.
    pub struct Review in Reviews {
        id: RecordId = Public Line [Column],
        /// Empty for a profile of no team.
        #[serde(default)]
        team: String = Public Line [Column],
        profile: RecordId = Public Line [Column],
        /// Unique: a verification record has one review.
        verification: RecordId = Public Line [Column],
        /// A claim that has ended is still `claimed` here, and reads as `open`.
        state: ReviewState = Public Line [Column],
        #[serde(default, deserialize_with = "null_if_malformed")]
        priority: ReviewPriority = Public Line [],
        due_at: Millis = Public Time [Column],
        /// Who holds it, or held it last: a user of the console or a client.
        #[serde(default, with = "unknown_as_empty")]
        assignee: Option<String> = Audit Line [Column],
        #[serde(default, with = "unknown_as_empty")]
        assignee_name: Option<String> = Audit Line [],
        #[serde(default, with = "unknown_as_empty")]
        claim_id: Option<String> = Secret Line [],
        /// Until when it is held; unknown in every other state than `claimed`.
        #[serde(default)]
        claim_until: Option<Millis> = Public Time [Column],
        /// When a decision takes effect that can still be undone: the queue of decisions.
        #[serde(default)]
        decide_due: Option<Millis> = Public Time [Column],
        #[serde(default)]
        decide_attempts: Option<u32> = Public Number [],
        /// Until when that decision can be undone.
        #[serde(default)]
        undo_until: Option<Millis> = Public Time [],
        /// What the holder has decided.
        #[serde(default, deserialize_with = "null_if_malformed")]
        proposal: Option<Proposal> = Audit Document [],
        /// What a second person has decided of it.
        #[serde(default, deserialize_with = "null_if_malformed")]
        second: Option<Proposal> = Audit Document [],
        /// The decision that has taken effect.
        #[serde(default, deserialize_with = "null_if_malformed")]
        decision: Option<Proposal> = Audit Document [],
        /// The outcome, once there is one.
        #[serde(default, deserialize_with = "null_if_malformed")]
        outcome: Option<ReviewOutcome> = Public Line [],
        #[serde(default)]
        decided_at: Option<Millis> = Public Time [Column],
        #[serde(default, with = "unknown_as_empty")]
        country: Option<String> = Public Line [Column],
        #[serde(default, with = "unknown_as_empty")]
        document_type: Option<String> = Public Line [Column],
        /// Codes of findings that are no pass, the worst first; the same as words without `_`, for the search.
        #[serde(default, deserialize_with = "null_if_malformed")]
        findings: Vec<String> = Public Document [],
        #[serde(default)]
        finding_words: String = Public Paragraph [Searched],
        /// The number of the verification record among those of its profile.
        #[serde(default)]
        tries: u64 = Public Count [],
        /// How often it was opened again after a decision.
        #[serde(default)]
        reopened: u64 = Public Count [],
        /// Raised by each change: of two that start from the same one is stored.
        #[serde(default)]
        version: u64 = Public Count [Column],
        created: Millis = Public Time [Column],
        updated: Millis = Public Time [Column],
    }
}

record! {
    /// A note of a review. It never leaves the console.
    pub struct ReviewNote in ReviewNotes {
        id: RecordId = Public Line [Column],
        review: RecordId = Public Line [Column],
        at: Millis = Public Time [Column],
        #[serde(default)]
        by: String = Audit Line [],
        #[serde(default)]
        by_name: String = Audit Line [],
        #[serde(default)]
        text: String = Fields Paragraph [],
    }
}

record! {
    /// A version of a review from which a change was made. Its id follows from both, so that of two changes of one version
    /// one is made. Only PocketBase needs such records: it checks no condition within a write.
    pub struct ReviewVersion in ReviewVersions {
        id: RecordId = Public Line [Column],
        review: RecordId = Public Line [Column],
    }
}

/// The state of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewState {
    /// It waits for a reviewer.
    Open,
    /// A reviewer holds it.
    Claimed,
    /// It is decided, and can still be undone.
    Deciding,
    /// Another person has to agree.
    SecondLook,
    /// The two did not agree.
    Escalated,
    /// The person was asked for another try.
    Waiting,
    Decided,
    /// It was decided elsewhere, or a newer record has taken its place.
    Withdrawn,
}

impl ReviewState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Claimed,
        Self::Deciding,
        Self::SecondLook,
        Self::Escalated,
        Self::Waiting,
        Self::Decided,
        Self::Withdrawn,
    ];

    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Claimed => "claimed",
            Self::Deciding => "deciding",
            Self::SecondLook => "second_look",
            Self::Escalated => "escalated",
            Self::Waiting => "waiting",
            Self::Decided => "decided",
            Self::Withdrawn => "withdrawn",
        }
    }

    /// The state of that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.word() == word)
    }

    /// Says whether the review has come to its end.
    #[must_use]
    pub const fn is_over(self) -> bool {
        matches!(self, Self::Decided | Self::Withdrawn)
    }
}

/// How urgent a review is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewPriority {
    #[default]
    Normal,
    High,
}

/// What a review has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReviewOutcome {
    Approve,
    Reject,
    RequestResubmission,
}

impl ReviewOutcome {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::RequestResubmission => "request_resubmission",
        }
    }
}

/// Who decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    pub kind: DeciderKind,
    /// A user of the console, or a client.
    pub id: String,
    pub name: String,
    /// Two accounts with the same address are taken for one person.
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub oidc_subject: Option<String>,
}

/// The kinds of decider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeciderKind {
    User,
    /// A company's server, which is never one of four eyes.
    Client,
}

/// A decision of a review by one person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub outcome: ReviewOutcome,
    #[serde(default)]
    pub reasons: Vec<String>,
    #[serde(default)]
    pub steps: Vec<String>,
    #[serde(default)]
    pub message: Option<String>,
    pub by: Decider,
    pub at: Millis,
}
