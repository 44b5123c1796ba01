//! The liveness session record: a provider's session, the profile it belongs to, and its result.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::id::{RecordId, random_below, random_text};
use super::record;
use super::serde_forms::{null_if_malformed, unknown_as_empty};
use super::time::Millis;

record! {
    /// A session: the provider's id, bound to one profile, good for one verification record.
    pub struct LivenessSession in LivenessSessions {
        id: String = Public Line [Column] "session_id",
        /// `None` when a machine token made it without naming a profile.
        #[serde(default, with = "unknown_as_empty")]
        profile: Option<RecordId> = Public Line [Column],
        /// The team of the caller that made it. It decides who reaches a session without a profile.
        #[serde(default)]
        team: String = Public Line [],
        status: SessionStatus = Public Line [Column],
        #[serde(default)]
        confidence: Option<f64> = Public Number [],
        expires: Millis = Public Time [Column],
        /// When its result was stored; unknown while there is none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finished: Option<Millis> = Public Time [],
        /// From when on the session may be polled; `None` when it needs no poll. A claim moves it on, and counts in
        /// `poll_attempts`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        poll_due: Option<Millis> = Public Time [Column],
        #[serde(default, skip_serializing_if = "Option::is_none")]
        poll_attempts: Option<u32> = Public Number [],
        /// The verification record that it has served.
        #[serde(default, with = "unknown_as_empty")]
        used_by: Option<RecordId> = Public Line [Column],
        #[serde(default, deserialize_with = "null_if_malformed")]
        details: SessionDetails = Fields Document [],
        /// The id under which its files are kept: its own id is the provider's, of any form.
        files_id: RecordId = Public Line [Column] "id",
        #[serde(default, with = "unknown_as_empty")]
        reference_image: Option<String> = Media Evidence [],
        #[serde(default, with = "unknown_as_empty")]
        audit_image_1: Option<String> = Media Evidence [],
        #[serde(default, with = "unknown_as_empty")]
        audit_image_2: Option<String> = Media Evidence [],
        #[serde(default, with = "unknown_as_empty")]
        audit_image_3: Option<String> = Media Evidence [],
        #[serde(default, with = "unknown_as_empty")]
        audit_image_4: Option<String> = Media Evidence [],
    }
}

/// The file fields of a session: the reference image, which shows the face best, and images for an auditor.
pub const SESSION_FILES: [&str; 5] =
    ["reference_image", "audit_image_1", "audit_image_2", "audit_image_3", "audit_image_4"];

/// The state of a session (AWS's words).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LivenessSessionStatus)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
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
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.word() == word)
    }

    /// Says whether the person has finished and there is a result.
    #[must_use]
    pub const fn is_finished(self) -> bool {
        matches!(self, Self::Succeeded | Self::Failed)
    }
}

/// One thing that a person is asked to do in front of the camera, where this server judges liveness.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = LivenessStep)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    LookStraight,
    /// To the person's own left.
    TurnLeft,
    TurnRight,
    MoveCloser,
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 4] = [Self::LookStraight, Self::TurnLeft, Self::TurnRight, Self::MoveCloser];
}

/// What a person is asked to do in one session, and the mark that ties their frames to it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// In this order.
    pub steps: Vec<Step>,
    pub nonce: String,
}

impl Task {
    /// All steps, in an unpredictable order.
    #[must_use]
    pub fn random() -> Self {
        let mut steps = Step::ALL.to_vec();
        for last in (1..steps.len()).rev() {
            steps.swap(last, random_below(last + 1));
        }
        Self { steps, nonce: random_text::<24>() }
    }
}

/// Where a face is in an image, in shares of the image's width and height: below 0 or above 1 where it is cut off.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "PascalCase")]
pub struct BoundingBox {
    pub width: f64,
    pub height: f64,
    pub left: f64,
    pub top: f64,
}

/// The challenge that a person was given, as the provider reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LivenessChallenge)]
#[serde(rename_all = "PascalCase")]
pub struct Challenge {
    /// `FaceMovementAndLightChallenge` or `FaceMovementChallenge`.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Such as `2.0.0`.
    pub version: String,
}

/// What prevented a good picture, as the provider reports it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[schema(as = LivenessFeedback)]
#[serde(rename_all = "PascalCase")]
pub struct Feedback {
    /// Such as `LOW_LIGHTING_DETECTED`.
    pub code: String,
    pub message: String,
}

/// What a provider reports beside a result and its images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SessionDetails {
    pub challenge: Option<Challenge>,
    pub feedback: Vec<Feedback>,
    /// Of the images, in the order of [`SESSION_FILES`].
    pub bounding_boxes: Vec<Option<BoundingBox>>,
    /// What was asked for, where this server judges liveness.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<Task>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_of_the_steps_comes_up() {
        let mut orders: Vec<String> = (0..1_000).map(|_| format!("{:?}", Task::random().steps)).collect();
        orders.sort();
        orders.dedup();
        assert_eq!(orders.len(), 24);
    }

    #[test]
    fn status_words_are_their_json_form() {
        for status in SessionStatus::ALL {
            assert_eq!(serde_json::to_value(status).unwrap(), status.word());
        }
    }
}
