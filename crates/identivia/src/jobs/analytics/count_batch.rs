//! A batch of events that are counted in one commit: the profiles and days that they change.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::analytics::event_counting::Increment;
use crate::records::analytics::{AnalyticsDay, AnalyticsProfile};
use crate::records::audit_event::AuditEvent;
use crate::records::id::RecordId;
use crate::records::outbox_event::OutboxEvent;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::store::{CountedChanges, Store, StoreError, derived_id};

/// The most names that are counted of one day and team. A word beyond that is not counted by itself.
const MAX_NAMES: usize = 4_000;

/// A profile as it is counted.
struct CountedProfile {
    profile: AnalyticsProfile,
    is_new: bool,
    is_changed: bool,
}

/// What some events change.
pub(super) struct CountBatch {
    profiles: BTreeMap<RecordId, CountedProfile>,
    /// By day and team: how much is added to each name.
    added: BTreeMap<(Millis, Option<String>), BTreeMap<String, u64>>,
}

impl CountBatch {
    /// Loads the profiles that a batch is about.
    pub(super) async fn load(totals: &dyn Store, profiles: impl Iterator<Item = RecordId>) -> Result<Self, StoreError> {
        let ids: Vec<RecordId> = profiles.collect::<BTreeSet<_>>().into_iter().collect();
        let known = if ids.is_empty() { Vec::new() } else { totals.analytics_profiles(&ids).await? };
        let mut profiles: BTreeMap<RecordId, CountedProfile> = BTreeMap::new();
        for profile in known {
            profiles.insert(profile.id, CountedProfile { profile, is_new: false, is_changed: false });
        }
        for id in ids {
            let uncounted =
                || CountedProfile { profile: AnalyticsProfile::uncounted(id), is_new: true, is_changed: false };
            profiles.entry(id).or_insert_with(uncounted);
        }
        Ok(Self { profiles, added: BTreeMap::new() })
    }

    pub(super) fn count_event(&mut self, event: &OutboxEvent, record: Option<&VerificationRecord>) {
        let Some(counted) = event.profile.and_then(|id| self.profiles.get_mut(&id)) else { return };
        counted.is_changed = true;
        let increments = counted.profile.count_event(event, record);
        let team = counted.profile.team.clone();
        self.add(increments, &team);
    }

    pub(super) fn count_step(&mut self, event: &AuditEvent) {
        let Some(counted) = event.profile.and_then(|id| self.profiles.get_mut(&id)) else { return };
        let (active_at, steps) = (counted.profile.active_at, counted.profile.steps.len());
        let increments = counted.profile.count_step_of_person(event);
        counted.is_changed |= counted.profile.active_at != active_at || counted.profile.steps.len() != steps;
        let team = counted.profile.team.clone();
        self.add(increments, &team);
    }

    /// Says whether anything was counted.
    pub(super) fn has_changes(&self) -> bool {
        !self.added.is_empty() || self.profiles.values().any(|counted| counted.is_changed)
    }

    /// Adds to the totals of a team and of all.
    pub(super) fn add(&mut self, increments: Vec<Increment>, team: &str) {
        for Increment { day, name } in increments {
            let of_team = Some(team.to_owned()).filter(|team| !team.is_empty());
            for team in [Some(None), of_team.map(Some)].into_iter().flatten() {
                *self.added.entry((day, team)).or_default().entry(name.clone()).or_insert(0) += 1;
            }
        }
    }

    /// The changed records, with the totals as they are then.
    pub(super) async fn into_changes(self, totals: &dyn Store, now: Millis) -> Result<CountedChanges, StoreError> {
        let changed = self.profiles.into_values().filter(|counted| counted.is_changed);
        let profiles = changed.map(|counted| (counted.profile, counted.is_new)).collect();
        let ids: Vec<RecordId> = self.added.keys().map(|(day, team)| day_id(*day, team.as_deref())).collect();
        let known = if ids.is_empty() { Vec::new() } else { totals.analytics_days_with_ids(&ids).await? };
        let mut known: BTreeMap<RecordId, AnalyticsDay> = known.into_iter().map(|day| (day.id, day)).collect();
        let mut days = Vec::new();
        for ((day, team), added) in self.added {
            let id = day_id(day, team.as_deref());
            let found = known.remove(&id);
            let is_new = found.is_none();
            let mut total =
                found.unwrap_or_else(|| AnalyticsDay { id, day, team, counts: BTreeMap::new(), updated: now });
            add_counts(&mut total.counts, added);
            total.updated = now;
            days.push((total, is_new));
        }
        Ok(CountedChanges { profiles, days })
    }
}

fn add_counts(counts: &mut BTreeMap<String, u64>, added: BTreeMap<String, u64>) {
    for (name, count) in added {
        if counts.len() >= MAX_NAMES && !counts.contains_key(&name) && name.contains('/') {
            continue;
        }
        *counts.entry(name).or_insert(0) += count;
    }
}

fn day_id(day: Millis, team: Option<&str>) -> RecordId {
    match team {
        None => derived_id(&format!("analytics of {}", day.0)),
        Some(team) => derived_id(&format!("analytics of {} and team {team}", day.0)),
    }
}
