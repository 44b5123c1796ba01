//! Liveness: what a browser claims and what counts, kept apart by type.

use aws_lc_rs::digest;
use serde::Serialize;
use utoipa::ToSchema;

use super::profile::{Reach, Word};
use crate::records::id::{RecordId, letters_of};
use crate::records::liveness_session::{LivenessSession, SessionDetails, SessionStatus, Step};
use crate::records::profile::Profile;
use crate::records::time::Millis;
use crate::records::word_schema::describe_words;

/// How long an unfinished session may be used, in seconds. AWS forgets a session 3 minutes after it was made.
pub const SESSION_SECONDS: i64 = 180;

/// How long a finished session may serve a link's verification record, in seconds.
pub const RESULT_SECONDS: i64 = 900;

/// So many failed sessions of one profile that were made within so many seconds make it pause, for so many seconds (as AWS
/// advises for its own).
const MOST_FAILED: usize = 5;
const FAILED_WITHIN: i64 = 180;
const PAUSE_SECONDS: i64 = 1_800;

/// How many frames of one key are compared, the newest first, to find the sessions that a new one looks like.
pub const FRAMES_OF_A_KEY: u16 = 200;

/// How many frames a person's browser sends to be judged.
pub const FRAMES: std::ops::RangeInclusive<usize> = 8..=16;

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
    /// The result does not count on this server.
    Unconfirmed,
}

impl ConfirmedBy {
    /// Its word in records and answers.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::MachineToken => "machine_token",
            Self::Unconfirmed => "none",
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

/// Against which attacks a result was tested (ISO/IEC 30107-3 for presentation attacks).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AttackTests {
    /// Photographs, screens and masks before the camera.
    pub presentation_attack: AttackTest,
    /// Pictures that no camera has taken.
    pub injection: AttackTest,
}

/// Whether a result was tested for an attack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttackTest {
    TestedByProvider,
    NotTested,
}

impl AttackTests {
    /// The attacks that a session's result was tested for.
    #[must_use]
    pub const fn of_session(session: &LivenessSession) -> Self {
        // This server measures whether the steps were done, not what was shown.
        if session.is_local() {
            Self { presentation_attack: AttackTest::NotTested, injection: AttackTest::NotTested }
        } else {
            Self { presentation_attack: AttackTest::TestedByProvider, injection: AttackTest::TestedByProvider }
        }
    }
}

/// What a person is asked to do before the camera (AWS's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChallengeKind {
    /// Move into the oval while the screen flashes colours: the most accurate.
    MovementAndLight,
    /// Move into the oval: without flashes, for those whom these harm.
    Movement,
}

impl Word for ChallengeKind {
    const WORDS: &'static [(&'static str, Self)] =
        &[("FaceMovementAndLightChallenge", Self::MovementAndLight), ("FaceMovementChallenge", Self::Movement)];
}

describe_words!(
    ChallengeKind,
    "ChallengeType",
    "What a person is asked to do before the camera; `FaceMovementChallenge` has no flashes.",
    ChallengeKind::WORDS.iter().map(|(word, _)| *word)
);

impl ChallengeKind {
    /// Its word in the API and in AWS's.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::MovementAndLight => "FaceMovementAndLightChallenge",
            Self::Movement => "FaceMovementChallenge",
        }
    }
}

/// One frame of a person's camera, as their browser sent it.
#[derive(Clone)]
pub struct SentFrame {
    /// During which step, by the browser's word.
    pub step: Step,
    /// Milliseconds since the first frame, by the browser's word.
    pub time: u64,
    pub jpeg: bytes::Bytes,
}

/// The id under which a session's files are kept: the session's own is the provider's, in any form.
#[must_use]
pub fn session_key(session: &str) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, session.as_bytes()).as_ref())
}

impl LivenessSession {
    /// A session that has just been created.
    #[must_use]
    pub fn new(id: String, profile: Option<RecordId>, now: Millis) -> Self {
        Self {
            files_id: session_key(&id),
            id,
            profile,
            team: String::new(),
            status: SessionStatus::Created,
            confidence: None,
            expires: now.plus_seconds(SESSION_SECONDS),
            finished: None,
            poll_due: None,
            poll_attempts: None,
            used_by: None,
            details: SessionDetails::default(),
            reference_image: None,
            audit_image_1: None,
            audit_image_2: None,
            audit_image_3: None,
            audit_image_4: None,
        }
    }

    /// The stored names of its files, in the order of [`SESSION_FILES`].
    ///
    /// [`SESSION_FILES`]: crate::records::liveness_session::SESSION_FILES
    #[must_use]
    pub fn files(&self) -> [Option<&str>; 5] {
        let files =
            [&self.reference_image, &self.audit_image_1, &self.audit_image_2, &self.audit_image_3, &self.audit_image_4];
        files.map(Option::as_deref)
    }

    /// Sets the stored names of its files, in the same order.
    pub fn set_files(&mut self, files: [Option<String>; 5]) {
        [self.reference_image, self.audit_image_1, self.audit_image_2, self.audit_image_3, self.audit_image_4] = files;
    }

    /// Says whether a record of that profile, written by a caller of that team (`None`: an operator), may use it.
    #[must_use]
    pub fn may_serve(&self, profile: RecordId, reach: &Reach) -> bool {
        match self.profile {
            Some(own) => own == profile,
            None => reach.has_team(&self.team),
        }
    }

    /// Says whether it can still come to a result, or has one.
    #[must_use]
    pub fn is_usable(&self, now: Millis) -> bool {
        self.status.is_finished() || (self.status != SessionStatus::Expired && now < self.expires)
    }

    /// When it was made.
    #[must_use]
    pub fn made(&self) -> Millis {
        self.expires.plus_seconds(-SESSION_SECONDS)
    }

    /// Says whether a link may use its result now: within [`RESULT_SECONDS`], and only if no other try was asked for since
    /// the session was made.
    #[must_use]
    pub fn is_fresh(&self, profile: &Profile, now: Millis) -> bool {
        let finished = self.finished.unwrap_or(self.expires);
        now <= finished.plus_seconds(RESULT_SECONDS)
            && profile.reopened_at.is_none_or(|reopened| self.made() > reopened)
    }

    /// Says whether this server judged the session itself. Only then does it have a task.
    #[must_use]
    pub const fn is_local(&self) -> bool {
        self.details.task.is_some()
    }
}

/// Which results mean a live person.
#[derive(Clone, Copy, Debug)]
pub struct LivenessRule {
    /// The lowest confidence, 0 to 100.
    pub threshold: f64,
    /// Whether results of the local engines confirm anything.
    pub local_counts: bool,
}

impl LivenessRule {
    /// Says whether the person has passed the check: analysed, and confident enough. They need no further try.
    #[must_use]
    pub fn has_passed(&self, session: &LivenessSession) -> bool {
        let is_confident = session.confidence.is_some_and(|confidence| confidence >= self.threshold);
        session.status == SessionStatus::Succeeded && is_confident
    }

    /// Says whether the result counts on this server.
    #[must_use]
    pub const fn is_counted(&self, session: &LivenessSession) -> bool {
        self.local_counts || !session.is_local()
    }

    /// Says whether the session shows a live person.
    #[must_use]
    pub fn is_live(&self, session: &LivenessSession) -> bool {
        self.has_passed(session) && self.is_counted(session)
    }

    /// What a session's result confirms.
    #[must_use]
    pub fn confirm(&self, session: &LivenessSession) -> Confirmed {
        let (status, by) = match (self.is_counted(session), self.has_passed(session)) {
            (true, true) => ("live", ConfirmedBy::Provider),
            (true, false) => ("not_live", ConfirmedBy::Provider),
            (false, _) => ("unconfirmed", ConfirmedBy::Unconfirmed),
        };
        Confirmed { confidence: session.confidence, status: status.to_owned(), by }
    }
}

/// How long a profile whose sessions these are must pause, in seconds; `None` when it need not. Those made before
/// [`pauses_look_back`] do not matter.
#[must_use]
pub fn pause(sessions: &[LivenessSession], rule: LivenessRule, now: Millis) -> Option<i64> {
    let failed = sessions.iter().filter(|session| session.status.is_finished() && !rule.has_passed(session));
    let mut made: Vec<Millis> = failed.map(LivenessSession::made).collect();
    made.sort();
    let mut runs = made.windows(MOST_FAILED).filter(|run| run[MOST_FAILED - 1] < run[0].plus_seconds(FAILED_WITHIN));
    let end = runs.next_back()?[MOST_FAILED - 1].plus_seconds(PAUSE_SECONDS);
    let left = end.0 - now.0;
    (left > 0).then(|| (left + 999) / 1_000)
}

/// Sessions that would have expired by then have no bearing on a pause now.
#[must_use]
pub fn pauses_look_back(now: Millis) -> Millis {
    now.plus_seconds(SESSION_SECONDS - PAUSE_SECONDS - FAILED_WITHIN)
}

impl Word for Step {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("look_straight", Self::LookStraight),
        ("turn_left", Self::TurnLeft),
        ("turn_right", Self::TurnRight),
        ("move_closer", Self::MoveCloser),
    ];
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: LivenessRule = LivenessRule { threshold: 75.0, local_counts: true };

    fn failed_at(seconds: i64) -> LivenessSession {
        let made = LivenessSession::new(String::new(), None, Millis(seconds * 1_000));
        LivenessSession { status: SessionStatus::Succeeded, confidence: Some(20.0), ..made }
    }

    #[test]
    fn five_failed_sessions_within_three_minutes_make_a_pause_of_half_an_hour() {
        let five = [0, 30, 60, 90, 179].map(failed_at);
        assert_eq!(pause(&five, RULE, Millis(180_000)), Some(1_799));
        assert_eq!(pause(&five, RULE, Millis(1_979_000)), None, "it ends");
        assert_eq!(pause(&five[1..], RULE, Millis(180_000)), None, "four are no reason");
        assert_eq!(pause(&[0, 30, 60, 90, 180].map(failed_at), RULE, Millis(180_000)), None, "in more time");
        let mut with_success = five.clone();
        with_success[2].confidence = Some(90.0);
        assert_eq!(pause(&with_success, RULE, Millis(180_000)), None, "four failed");
        let mut with_unfinished = five;
        with_unfinished[2].status = SessionStatus::InProgress;
        assert_eq!(pause(&with_unfinished, RULE, Millis(180_000)), None, "what has not finished has not failed");
    }

    #[test]
    fn succeeded_alone_is_not_live() {
        let session = |status, confidence| LivenessSession { status, confidence, ..failed_at(0) };
        assert!(RULE.is_live(&session(SessionStatus::Succeeded, Some(75.0))));
        assert!(!RULE.is_live(&session(SessionStatus::Succeeded, Some(74.9))));
        assert!(!RULE.is_live(&session(SessionStatus::Succeeded, None)));
        assert!(!RULE.is_live(&session(SessionStatus::Failed, Some(99.0))));
    }

    #[test]
    fn local_result_that_does_not_count_confirms_nothing() {
        let mut session = LivenessSession { status: SessionStatus::Succeeded, confidence: Some(100.0), ..failed_at(0) };
        let rule = LivenessRule { local_counts: false, ..RULE };
        assert_eq!(rule.confirm(&session).status, "live", "a provider's result");
        session.details.task = Some(crate::records::liveness_session::Task::random());
        let confirmed = rule.confirm(&session);
        assert_eq!((confirmed.status.as_str(), confirmed.by), ("unconfirmed", ConfirmedBy::Unconfirmed));
        assert!(rule.has_passed(&session) && !rule.is_live(&session), "the person needs no further try");
        assert!(RULE.is_live(&session));
    }
}
