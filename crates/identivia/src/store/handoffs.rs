//! Handoff codes: offered to one device, taken by another, once.

use serde_json::{Value, json};

use super::liveness_sessions::derived_id;
use super::profiles::profile_conditions;
use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Query, Reach, Refusal, Result, Store, WriteCondition,
    WriteOutcome,
};
use crate::domain::handoff::{Handoff, TakenHandoff};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::{FieldMap, RecordKind};

impl dyn Store + '_ {
    /// Stores the one code with which a profile's other device may go on. It replaces any earlier code.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn offer_handoff(
        &self,
        id: RecordId,
        reach: &Reach,
        condition: WriteCondition,
        handoff: &Handoff,
        event: AuditEvent,
    ) -> Result<WriteOutcome<()>> {
        let fields = FieldMap::from([
            ("handoff_code", json!(handoff.code_hash)),
            ("handoff_ends", json!(handoff.ends)),
            ("handoff_token_ends", json!(handoff.token_ends)),
            ("handoff_scope", json!(handoff.scope)),
        ]);
        let mut commit = Commit::default();
        commit.update(RecordKind::Profiles, id.as_str(), profile_conditions(reach, condition), fields);
        commit.insert(&event, IfExists::Skip)?;
        let outcome = self.commit(commit).await?.into_result();
        // The only unique value that this changes is the code.
        Ok(outcome.map_err(|refusal| if refusal == Refusal::AlreadyExists { Refusal::CodeTaken } else { refusal }))
    }

    /// Ends every link and every code of a profile: their tokens are of an earlier epoch from then on.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn revoke_links(&self, id: RecordId, reach: &Reach, event: AuditEvent) -> Result<WriteOutcome<()>> {
        let Some(profile) = self.profile(id, reach).await? else { return Ok(Err(Refusal::Missing)) };
        // Later than any earlier epoch, also when two callers revoke in one millisecond.
        let epoch = profile.link_epoch().saturating_add(1).max(u64::try_from(event.at.0).unwrap_or_default());
        let fields =
            FieldMap::from([("flow_epoch", json!(epoch)), ("handoff_code", Value::Null), ("updated", json!(event.at))]);
        let mut commit = Commit::default();
        commit.update(RecordKind::Profiles, id.as_str(), profile_conditions(reach, WriteCondition::Always), fields);
        commit.insert(&event, IfExists::Skip)?;
        Ok(self.commit(commit).await?.into_result())
    }

    /// Takes a code that has not ended at the event's time. Of all concurrent callers one gets it, in every store.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn take_handoff(&self, code_hash: &str, event: AuditEvent) -> Result<Option<TakenHandoff>> {
        // An empty value is unknown, and would find a profile whose code has been taken.
        if code_hash.is_empty() {
            return Ok(None);
        }
        let query = Query::of_kind(RecordKind::Profiles)
            .filter("handoff_code", Comparison::Is(code_hash.into()))
            .filter("handoff_ends", Comparison::After(event.at));
        let found: Option<Profile> = self.read_one(query).await?;
        let Some(profile) = found else { return Ok(None) };
        let epoch = profile.link_epoch();
        let (Some(token_ends), Some(scope)) = (profile.handoff_token_ends, profile.handoff_scope) else {
            return Ok(None);
        };
        let mut commit = Commit::default();
        // An audit record with an id that is derived from the code can be added once, in every store.
        let event = AuditEvent { id: derived_id(&format!("the taking of {code_hash}")), ..event };
        commit.insert(&event.by_person(profile.id), IfExists::Refuse(Refusal::Changed))?;
        let untaken = Condition::new("handoff_code", Comparison::Is(code_hash.into()), Refusal::Changed);
        let taken = FieldMap::from([("handoff_code", Value::Null)]);
        commit.update(RecordKind::Profiles, profile.id.as_str(), vec![untaken], taken);
        Ok(match self.commit(commit).await? {
            CommitOutcome::Done(_) => Some(TakenHandoff { profile: profile.id, epoch, token_ends, scope }),
            CommitOutcome::Refused(_) => None,
        })
    }
}
