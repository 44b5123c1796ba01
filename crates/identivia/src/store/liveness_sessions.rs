//! Liveness sessions: added, begun once, finished once.

use serde_json::{Value, json};

use super::{
    Change, Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Query, Refusal, Result, Store,
    UploadedFiles, WriteOutcome,
};
use crate::records::audit_event::AuditEvent;
use crate::records::id::{RecordId, letters_of};
use crate::records::liveness_frame::LivenessFrame;
use crate::records::liveness_session::{LivenessSession, SESSION_FILES, SessionStatus};
use crate::records::time::Millis;
use crate::records::{FieldMap, RecordKind, to_fields};

/// The most sessions of one profile that are read at once.
const MAX_OPEN_SESSIONS: usize = 500;
/// The most unused sessions of one profile that are read at once: more than an honest person makes.
const MAX_UNUSED_SESSIONS: usize = 50;

/// The outcome of beginning a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SessionStart {
    /// It has begun just now. Frames are known when they have been judged before, in any session.
    First { has_known_frames: bool },
    /// It had begun already, or has ended.
    Again,
}

fn status_words(statuses: &[SessionStatus]) -> Vec<Value> {
    statuses.iter().map(|status| status.word().into()).collect()
}

impl dyn Store + '_ {
    /// Adds a new session.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_session(&self, session: &LivenessSession, event: AuditEvent) -> Result<WriteOutcome<()>> {
        let mut commit = Commit::default();
        commit.insert(session, IfExists::Refuse(Refusal::AlreadyExists))?;
        commit.insert(&event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Reads a session by the provider's id.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn session(&self, id: &str) -> Result<Option<LivenessSession>> {
        self.read_record(id).await
    }

    /// Marks a session as begun and adds its frames. Of all concurrent callers one begins it.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn begin_session(&self, session: &str, frames: &[RecordId], event: AuditEvent) -> Result<SessionStart> {
        let mut commit = Commit::default();
        let now = event.at;
        // An audit record with an id that is derived from the session can be added once, in every store.
        let event = AuditEvent { id: derived_id(&format!("the beginning of {session}")), ..event };
        commit.insert(&event, IfExists::Refuse(Refusal::Stale))?;
        let conditions = vec![
            Condition::new("status", Comparison::Is(SessionStatus::Created.word().into()), Refusal::Stale),
            Condition::new("expires", Comparison::After(now), Refusal::Stale),
        ];
        let begun = FieldMap::from([("status", json!(SessionStatus::InProgress))]);
        commit.update(RecordKind::LivenessSessions, session, conditions, begun);
        for frame in frames {
            let frame = LivenessFrame {
                id: *frame,
                session: session.to_owned(),
                imprint_key: None,
                imprint: None,
                created: now,
            };
            commit.insert(&frame, IfExists::Skip)?;
        }
        let is_frame = |change: &Change| matches!(change, Change::Insert { kind: RecordKind::LivenessFrames, .. });
        let are_frames: Vec<bool> = commit.changes.iter().map(is_frame).collect();
        Ok(match self.commit(commit).await? {
            CommitOutcome::Refused(_) => SessionStart::Again,
            CommitOutcome::Done(stored) => {
                let mut frames = stored.iter().zip(are_frames).filter(|(_, is_frame)| *is_frame);
                SessionStart::First { has_known_frames: frames.any(|(stored, _)| stored.is_none()) }
            }
        })
    }

    /// Reads a profile's sessions that expire after that time.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn sessions_of_profile(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<LivenessSession>> {
        self.read_all(sessions_query(profile, expire_after).limited(MAX_OPEN_SESSIONS)).await
    }

    /// Reads the newest of a profile's sessions that have succeeded and served no record, of those that expire after that
    /// time.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn unused_sessions(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<LivenessSession>> {
        let query = sessions_query(profile, expire_after)
            .filter("status", Comparison::Is(SessionStatus::Succeeded.word().into()))
            .filter("used_by", Comparison::Is(Value::Null))
            .ordered(Order::Descending("expires"));
        self.read_all(query.limited(MAX_UNUSED_SESSIONS)).await
    }

    /// Stores what the provider reported of a session, with its images, and returns the session as it is stored. A
    /// finished result never changes again.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn update_session(
        &self,
        session: &LivenessSession,
        files: UploadedFiles,
        event: Option<AuditEvent>,
    ) -> Result<WriteOutcome<LivenessSession>> {
        let mut fields = to_fields(session).map_err(|error| super::StoreError::Failed(error.to_string()))?;
        let result = ["confidence", "details"];
        // A session without a result has no more to store than its status.
        let is_reported = |name: &str| match name {
            "status" => true,
            name => session.status.is_finished() && (result.contains(&name) || SESSION_FILES.contains(&name)),
        };
        fields.retain_names(is_reported);
        if let Some(event) = event.as_ref().filter(|_| session.status.is_finished()) {
            fields.insert("finished".to_owned(), json!(event.at));
        }
        let finished = status_words(&[SessionStatus::Succeeded, SessionStatus::Failed]);
        let unfinished = Condition::new("status", Comparison::NotIn(finished), Refusal::SessionFinished);
        let mut commit = Commit { files, ..Commit::default() };
        commit.update(RecordKind::LivenessSessions, &session.id, vec![unfinished], fields);
        if let Some(event) = &event {
            commit.insert(event, IfExists::Skip)?;
        }
        self.commit_and_read_first(commit).await
    }
}

fn sessions_query(profile: RecordId, expire_after: Millis) -> Query {
    Query::of_kind(RecordKind::LivenessSessions)
        .filter("profile", Comparison::Is(profile.as_str().into()))
        .filter("expires", Comparison::After(expire_after))
        .ordered(Order::Ascending("expires"))
}

/// The id that follows from a text: always the same for the same text.
pub(crate) fn derived_id(text: &str) -> RecordId {
    use aws_lc_rs::digest;
    letters_of(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}
