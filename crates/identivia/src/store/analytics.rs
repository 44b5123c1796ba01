//! Statistics: the totals of days, how far each profile has come, and how far the events are counted.

use serde_json::json;

use super::{
    Commit, CommitOutcome, Comparison, Condition, IfExists, Order, Page, PageRequest, Query, Refusal, Result, Store,
    fields_of,
};
use crate::domain::event::EventKind;
use crate::records::analytics::{AnalyticsDay, AnalyticsProfile, AnalyticsProgress};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::records::{Record, RecordKind};

/// What the counting of some events changes: each record, and whether it is new.
#[derive(Default)]
pub struct CountedChanges {
    pub profiles: Vec<(AnalyticsProfile, bool)>,
    pub days: Vec<(AnalyticsDay, bool)>,
}

impl dyn Store + '_ {
    /// The totals of the days from one to before another, oldest first. Without a team those of all.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn analytics_days(&self, from: Millis, to: Millis, team: Option<&str>) -> Result<Vec<AnalyticsDay>> {
        self.read_all(days_query(from, to, team)).await
    }

    /// The totals with those ids.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn analytics_days_with_ids(&self, ids: &[RecordId]) -> Result<Vec<AnalyticsDay>> {
        self.read_all(with_ids(RecordKind::AnalyticsDays, ids)).await
    }

    /// How far those profiles have come.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn analytics_profiles(&self, ids: &[RecordId]) -> Result<Vec<AnalyticsProfile>> {
        self.read_all(with_ids(RecordKind::AnalyticsProfiles, ids)).await
    }

    /// How many profiles have had a person at work since that time: that many at most.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn count_active_profiles(&self, since: Millis, team: Option<&str>, at_most: usize) -> Result<usize> {
        Ok(self.read(active_query(since, team, at_most)).await?.len())
    }

    /// How far the events are counted.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn analytics_progress(&self, id: RecordId) -> Result<Option<AnalyticsProgress>> {
        self.read_record(id.as_str()).await
    }

    /// Adds a progress, unless there is one.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn add_analytics_progress(&self, progress: &AnalyticsProgress) -> Result<()> {
        let mut commit = Commit::default();
        commit.insert(progress, IfExists::Skip)?;
        self.commit(commit).await.map(drop)
    }

    /// Stores what was counted and moves on, in one commit; says whether no other server did so first.
    ///
    /// # Errors
    /// When the store cannot do it now.
    pub async fn store_counts(
        &self,
        changes: &CountedChanges,
        before: &AnalyticsProgress,
        after: &AnalyticsProgress,
    ) -> Result<bool> {
        let mut commit = Commit::default();
        let unchanged = Condition::new("updated", Comparison::Is(json!(before.updated)), Refusal::Changed);
        let updated = after.updated.max(Millis(before.updated.0.saturating_add(1)));
        let after = AnalyticsProgress { updated, ..after.clone() };
        let mut fields = fields_of(&after)?;
        fields.remove("id");
        commit.update(RecordKind::AnalyticsProgress, before.id.as_str(), vec![unchanged], fields);
        for (profile, is_new) in &changes.profiles {
            put_record(&mut commit, profile, profile.id, *is_new)?;
        }
        for (day, is_new) in &changes.days {
            put_record(&mut commit, day, day.id, *is_new)?;
        }
        Ok(matches!(self.commit(commit).await?, CommitOutcome::Done(_)))
    }

    /// A page of audit events of some kinds after a time, in the order of their times.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn audit_events_since(
        &self,
        since: Option<Millis>,
        kinds: &[EventKind],
        page: &PageRequest,
    ) -> Result<Page<AuditEvent>> {
        let words = kinds.iter().map(|kind| kind.word().into()).collect();
        let mut query = Query::of_kind(RecordKind::AuditEvents).ordered(Order::Ascending("at"));
        if let Some(since) = since {
            query = query.filter("at", Comparison::After(since));
        }
        self.read_page(query.filter("kind", Comparison::In(words)), page).await
    }

    /// The verification records with those ids.
    ///
    /// # Errors
    /// When the store cannot be read now.
    pub async fn verification_records_with_ids(&self, ids: &[RecordId]) -> Result<Vec<VerificationRecord>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.read_all(with_ids(RecordKind::VerificationHistory, ids)).await
    }
}

/// The query of a report: only rows of totals.
pub(super) fn days_query(from: Millis, to: Millis, team: Option<&str>) -> Query {
    Query::of_kind(RecordKind::AnalyticsDays)
        .filter("team", Comparison::Is(json!(team)))
        .filter("day", Comparison::After(Millis(from.0.saturating_sub(1))))
        .filter("day", Comparison::Before(to))
        .ordered(Order::Ascending("day"))
}

/// The query for persons at work.
pub(super) fn active_query(since: Millis, team: Option<&str>, at_most: usize) -> Query {
    let query = Query::of_kind(RecordKind::AnalyticsProfiles).filter("active_at", Comparison::After(since));
    let query = match team {
        Some(team) => query.filter("team", Comparison::Is(team.into())),
        None => query,
    };
    Query { keys_only: true, ..query.ordered(Order::Ascending("active_at")).limited(at_most) }
}

fn with_ids(kind: RecordKind, ids: &[RecordId]) -> Query {
    Query::of_kind(kind).filter("id", Comparison::In(ids.iter().map(|id| id.as_str().into()).collect()))
}

fn put_record<R: Record>(commit: &mut Commit, record: &R, id: RecordId, is_new: bool) -> Result<()> {
    if is_new {
        return commit.insert(record, IfExists::Refuse(Refusal::Changed));
    }
    let mut fields = fields_of(record)?;
    fields.remove("id");
    commit.update(R::KIND, id.as_str(), vec![Condition::exists(R::KIND, Refusal::Changed)], fields);
    Ok(())
}
