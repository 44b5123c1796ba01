//! Reads what the records say of one profile, and writes it as lines, oldest first.

use std::collections::HashMap;

use super::advice::Advice;
use super::event_advice::{
    advice_on_check, advice_on_event, advice_on_finished_session, advice_on_missing_record, advice_on_pending_checks,
};
use super::finding_advice::advice_on_finding;
use crate::domain::event::EventKind;
use crate::domain::reason::find_reason;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::checks::{Check, Outcome};
use crate::records::id::RecordId;
use crate::records::profile::Profile;
use crate::records::status_record::StatusRecord;
use crate::records::verification_record::{ChecksStatus, VerificationRecord};
use crate::store::{AuditFilter, PageRequest, Reach, Result, Store};

/// Entries that are read at once.
const PAGE: usize = 500;
/// The most events that are printed: the newest.
const MAX_EVENTS: usize = 10_000;
/// The most verification and status records that are explained.
const MAX_RECORDS: usize = 500;

/// What the records say of one profile.
pub(super) struct History {
    profile: Profile,
    /// Oldest first.
    events: Vec<AuditEvent>,
    /// Whether there are older events than these.
    is_cut: bool,
    records: HashMap<String, VerificationRecord>,
    statuses: HashMap<String, StatusRecord>,
}

impl History {
    /// Reads the history of a profile; `None` when there is no such profile.
    pub(super) async fn read(store: &dyn Store, id: RecordId) -> Result<Option<Self>> {
        let Some(profile) = store.profile(id, &Reach::Every).await? else { return Ok(None) };
        let (events, is_cut) = read_events(store, id).await?;
        let page = PageRequest { limit: MAX_RECORDS, cursor: None };
        let records = store.list_verification_records(id, &page).await?.items;
        let statuses = store.list_status_records(id, &page).await?.items;
        Ok(Some(Self {
            profile,
            events,
            is_cut,
            records: records.into_iter().map(|record| (record.id.to_string(), record)).collect(),
            statuses: statuses.into_iter().map(|record| (record.id.to_string(), record)).collect(),
        }))
    }

    /// The lines to print.
    pub(super) fn to_lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        if self.is_cut {
            lines.push(format!("(only the newest {MAX_EVENTS} events are shown)"));
        }
        for event in &self.events {
            lines.push(describe_event(event));
            self.explain_event(event, &mut lines);
        }
        self.describe_present(&mut lines);
        lines
    }

    fn explain_event(&self, event: &AuditEvent, lines: &mut Vec<String>) {
        let is = |kind: EventKind| event.kind == kind.word();
        if is(EventKind::ChecksEnded) {
            if let Some(record) = self.records.get(&event.object_id) {
                explain_checks(record, lines);
            }
        } else if is(EventKind::SessionFinished) {
            for advice in advice_on_finished_session(&event.detail) {
                add_advice(&advice, 4, lines);
            }
        } else if is(EventKind::StatusRecorded) {
            if let Some(status) = self.statuses.get(&event.object_id) {
                explain_reasons(status, lines);
            }
        } else if let Some(advice) = advice_on_event(event) {
            add_advice(&advice, 4, lines);
        }
    }

    /// Says how the profile stands now.
    fn describe_present(&self, lines: &mut Vec<String>) {
        let profile = &self.profile;
        lines.push(format!("now: profile {} has the status {}", profile.id, profile.shown_status()));
        if let Some(status) = profile.newest_status.and_then(|id| self.statuses.get(id.as_str())) {
            explain_reasons(status, lines);
        }
        let newest = profile.newest_verification.and_then(|id| self.records.get(id.as_str()));
        let Some(record) = newest else {
            return add_advice(&advice_on_missing_record(profile.started.is_some()), 4, lines);
        };
        let checks = record.checks_status.map_or("none", ChecksStatus::word);
        lines.push(format!("now: the newest verification record is {}, its checks: {checks}", record.id));
        if record.checks_status == Some(ChecksStatus::Pending) {
            add_advice(&advice_on_pending_checks(record.checks_attempts.unwrap_or_default()), 4, lines);
        }
    }
}

/// Reads the events about a profile, oldest first, and whether there are more.
async fn read_events(store: &dyn Store, id: RecordId) -> Result<(Vec<AuditEvent>, bool)> {
    let filter = AuditFilter {
        reach: Reach::Every,
        actor: None,
        kinds: Vec::new(),
        profile: Some(id),
        object: None,
        address: None,
        from: None,
        to: None,
    };
    let mut events = Vec::new();
    let mut cursor = None;
    loop {
        let page = store.list_audit_events(&filter, &PageRequest { limit: PAGE, cursor }).await?;
        events.extend(page.items);
        cursor = page.next;
        if cursor.is_none() || events.len() >= MAX_EVENTS {
            events.reverse();
            return Ok((events, cursor.is_some()));
        }
    }
}

/// When, who, what, and the detail. The address is left out: it is a person's.
fn describe_event(event: &AuditEvent) -> String {
    let kind = EventKind::ALL.iter().find(|kind| kind.word() == event.kind);
    let description = kind.map_or("", |kind| kind.description());
    let who = match event.actor_kind {
        ActorKind::Client => format!("client {}", event.actor),
        ActorKind::Link => "the person".to_owned(),
        ActorKind::User => format!("console user {}", event.actor),
        ActorKind::System => "this server".to_owned(),
    };
    // Its detail holds the address of the other device.
    let hides_detail = event.kind == EventKind::HandoffTaken.word();
    let detail = if hides_detail || event.detail.is_empty() { String::new() } else { format!(" [{}]", event.detail) };
    format!("{}  {who}  {}{detail}  {description}", event.at, event.kind)
}

fn explain_checks(record: &VerificationRecord, lines: &mut Vec<String>) {
    let checks = record.checks.as_deref().and_then(|json| serde_json::from_str::<Vec<Check>>(json.get()).ok());
    for check in checks.unwrap_or_default() {
        lines.push(format!("    check {}: {}", check.check.word(), check.outcome.word()));
        let Some(advice) = advice_on_check(check.check, check.outcome) else { continue };
        add_advice(&advice, 6, lines);
        let unclear = |outcome| matches!(outcome, Outcome::Fail | Outcome::Warn);
        for finding in check.findings.iter().filter(|finding| unclear(finding.outcome)) {
            if let Some(advice) = advice_on_finding(&finding.code) {
                lines.push(format!("      finding {}: {}", advice.0, finding.outcome.word()));
                add_advice(&advice.1, 8, lines);
            }
        }
    }
}

fn explain_reasons(status: &StatusRecord, lines: &mut Vec<String>) {
    for reason in status.reasons.iter().filter_map(|code| find_reason(code)) {
        lines.push(format!("    reason {}: {}", reason.code, reason.internal.en));
    }
}

fn add_advice(advice: &Advice, indent: usize, lines: &mut Vec<String>) {
    let spaces = " ".repeat(indent);
    lines.push(format!("{spaces}meaning: {}", advice.meaning));
    if !advice.next.is_empty() {
        lines.push(format!("{spaces}next: {}", advice.next));
    }
}
