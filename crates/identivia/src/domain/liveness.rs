//! Liveness: what a browser claims and what counts, kept apart by type.

use super::id::RecordId;
use super::time::Millis;

/// How long an unfinished session may be used, in seconds. AWS forgets a session 3 minutes after it was made.
pub const SESSION_SECONDS: i64 = 180;

/// What a caller said of a liveness check. Shown to reviewers as a claim, and trusted by nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claim {
    pub session_id: String,
    /// 0 to 100.
    pub confidence: Option<f64>,
    pub status: String,
}

/// What counts as the outcome of a liveness check.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirmed {
    /// 0 to 100; `None` when the provider gave no figure.
    pub confidence: Option<f64>,
    pub status: String,
    pub by: ConfirmedBy,
}

/// Whose word stands behind a confirmed outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConfirmedBy {
    /// The liveness provider reported it for that session.
    Provider,
    /// A trusted server said so with a machine token.
    MachineToken,
}

impl ConfirmedBy {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::MachineToken => "machine_token",
        }
    }
}

impl Claim {
    /// Takes a trusted server's claim at its word.
    #[must_use]
    pub fn taken_as_said(&self) -> Confirmed {
        Confirmed { confidence: self.confidence, status: self.status.clone(), by: ConfirmedBy::MachineToken }
    }
}

/// Where a session stands (AWS's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStatus {
    Created,
    InProgress,
    /// The analysis has finished. It does not mean that the person is live: the confidence says that.
    Succeeded,
    Failed,
    Expired,
}

impl SessionStatus {
    const ALL: [Self; 5] = [Self::Created, Self::InProgress, Self::Succeeded, Self::Failed, Self::Expired];

    /// Its word in the API and in AWS's.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::InProgress => "IN_PROGRESS",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Expired => "EXPIRED",
        }
    }

    /// The status of that word.
    #[must_use]
    pub fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Says whether the person has finished and a result stands.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// A session as we remember it: the provider's id, bound to one profile, good for one verification record.
#[derive(Clone, Debug)]
pub struct Session {
    pub id: String,
    /// `None` when a machine token made it without naming a profile.
    pub profile: Option<RecordId>,
    pub status: SessionStatus,
    pub confidence: Option<f64>,
    pub expires: Millis,
    pub used: bool,
}

impl Session {
    /// Says whether it can still come to a result, or has one.
    #[must_use]
    pub fn is_usable(&self, now: Millis) -> bool {
        self.status.is_finished() || (self.status != SessionStatus::Expired && now < self.expires)
    }

    /// What the provider's result amounts to, against the threshold (0 to 100).
    #[must_use]
    pub fn confirmed(&self, threshold: f64) -> Confirmed {
        let live = is_live(self.status, self.confidence, threshold);
        Confirmed {
            confidence: self.confidence,
            status: if live { "live" } else { "not_live" }.to_owned(),
            by: ConfirmedBy::Provider,
        }
    }
}

/// Says whether a result means a live person: analysed, and confident enough.
#[must_use]
pub fn is_live(status: SessionStatus, confidence: Option<f64>, threshold: f64) -> bool {
    status == SessionStatus::Succeeded && confidence.is_some_and(|confidence| confidence >= threshold)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn succeeded_alone_is_not_live() {
        assert!(is_live(SessionStatus::Succeeded, Some(75.0), 75.0));
        assert!(!is_live(SessionStatus::Succeeded, Some(74.9), 75.0));
        assert!(!is_live(SessionStatus::Succeeded, None, 75.0));
        assert!(!is_live(SessionStatus::Failed, Some(99.0), 75.0));
    }
}
