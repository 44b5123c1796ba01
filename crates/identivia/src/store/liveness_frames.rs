//! Imprints of judged frames, and the search for earlier sessions whose frames are similar.

use serde_json::{Value, json};
use vision::liveness::Imprint;

use super::{Commit, Comparison, Condition, Order, Query, Refusal, Result, Store};
use crate::domain::face_imprint::{FrameImprint, imprint_key, imprint_of, imprint_text, most_alike};
use crate::domain::liveness::{FRAMES, FRAMES_OF_A_KEY};
use crate::records::liveness_frame::LivenessFrame;
use crate::records::{FieldMap, RecordKind};

impl dyn Store + '_ {
    /// Stores the imprints of a begun session's frames, and returns the imprints of the earlier sessions that are most
    /// similar to it, of all of them together: frames may have been picked from several. Of two callers that store the
    /// same imprints at once at least one finds the other's.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn store_imprints(&self, session: &str, imprints: &[FrameImprint]) -> Result<Vec<Imprint>> {
        if imprints.is_empty() {
            return Ok(Vec::new());
        }
        let mut commit = Commit::default();
        for FrameImprint { frame, imprint } in imprints {
            // A frame that an earlier session sent keeps that session's imprint.
            let own = Condition::new("session", Comparison::Is(session.into()), Refusal::Changed);
            let fields = FieldMap::from([
                ("imprint_key", json!(imprint_key(imprint))),
                ("imprint", json!(imprint_text(imprint))),
            ]);
            let frame: Option<LivenessFrame> = self.read_record(frame.as_str()).await?;
            if let Some(frame) = frame.filter(|frame| frame.session == session) {
                commit.update(RecordKind::LivenessFrames, frame.id.as_str(), vec![own], fields);
            }
        }
        if !commit.changes.is_empty() {
            self.commit(commit).await?;
        }
        let mut sessions = Vec::new();
        for seen in imprints {
            let keys: Vec<Value> = seen.keys().into_iter().map(Value::from).collect();
            let query = Query::of_kind(RecordKind::LivenessFrames)
                .filter("imprint_key", Comparison::In(keys))
                .filter("session", Comparison::IsNot(session.into()))
                .ordered(Order::Newest)
                .limited(usize::from(FRAMES_OF_A_KEY));
            let frames: Vec<LivenessFrame> = self.read_all(query).await?;
            sessions.extend(frames.into_iter().map(|frame| frame.session));
        }
        let mut similar = Vec::new();
        for session in most_alike(sessions) {
            let query = Query::of_kind(RecordKind::LivenessFrames)
                .filter("session", Comparison::Is(session.into()))
                .limited(*FRAMES.end());
            let frames: Vec<LivenessFrame> = self.read_all(query).await?;
            similar.extend(frames.iter().filter_map(|frame| imprint_of(frame.imprint.as_deref()?)));
        }
        Ok(similar)
    }
}
