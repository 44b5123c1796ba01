//! Events of a commit in PocketBase: completed with what the profile says just before the batch, and again with what it says
//! after another batch was made first.

use serde_json::Value;

use super::field_mapping::{to_changed_fields, to_new_record};
use super::record_reading::{RecordsBefore, from_pocketbase};
use super::shape::InstanceShape;
use super::writes::WriteRequest;
use crate::domain::outbox::{ProfileEvents, ReportedProfile};
use crate::records::{FieldMap, RecordKind};
use crate::store::{Change, Commit, IfExists, Result, fields_of};

/// Adds the events of a commit to its changes, and their counts to the change of the profile.
pub(super) fn add_events(shape: &InstanceShape, commit: &mut Commit, before: &RecordsBefore) -> Result<()> {
    let Some(events) = &commit.events else { return Ok(()) };
    let key = events.profile.to_string();
    let read = before.get(&(RecordKind::Profiles, key.clone()));
    let mut reported = None;
    for change in &mut commit.changes {
        match change {
            Change::Insert { kind: RecordKind::Profiles, fields, .. } => {
                let before = ReportedProfile::from_fields(fields);
                fields.extend(events.counts_after(&before));
                reported = Some(before);
            }
            Change::Update { kind: RecordKind::Profiles, key: changed, fields, .. } if *changed == key => {
                let Some(record) = read else { continue };
                let before = reported_profile(shape, record);
                fields.extend(events.counts_after(&before));
                reported = Some(before);
            }
            _ => {}
        }
    }
    for event in reported.map(|before| events.clone().complete(&before)).unwrap_or_default() {
        commit.insert(&event, IfExists::Skip)?;
    }
    Ok(())
}

/// Writes the events anew, into the requests that hold them.
pub(super) fn renew_events(
    shape: &InstanceShape,
    events: &ProfileEvents,
    record: &Value,
    requests: &mut [WriteRequest],
) -> Result<()> {
    let before = reported_profile(shape, record);
    let counts = to_changed_fields(shape, RecordKind::Profiles, &events.counts_after(&before))?;
    let is_update = |request: &&mut WriteRequest| request.kind == RecordKind::Profiles && !request.is_insert();
    if let Some(update) = requests.iter_mut().find(is_update) {
        for (name, value) in counts.as_object().into_iter().flatten() {
            update.body[name] = value.clone();
        }
    }
    let held = requests.iter_mut().filter(|request| request.kind == RecordKind::OutboxEvents);
    for (request, event) in held.zip(events.clone().complete(&before)) {
        request.body = to_new_record(shape, RecordKind::OutboxEvents, &fields_of(&event)?)?;
    }
    Ok(())
}

fn reported_profile(shape: &InstanceShape, record: &Value) -> ReportedProfile {
    let fields: FieldMap = from_pocketbase(shape, RecordKind::Profiles, record);
    ReportedProfile::from_fields(&fields)
}
