//! Writes an invented person as if they had gone that far: with the store's own steps, so that events, statistics and the audit
//! trail are those of a real one.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use serde_json::json;

use super::demo_checks::complete_checks;
use super::demo_person::{DemoPerson, DemoState, TEAM};
use super::drawn_pictures::{draw_document_back, draw_document_front, draw_portrait};
use crate::domain::event::EventKind;
use crate::domain::media::Media;
use crate::domain::profile::{NewProfile, ProfileChange, Reach};
use crate::domain::reason::{REASONS, Reason, Retry};
use crate::files::Files;
use crate::files::upload::Upload;
use crate::records::RecordKind;
use crate::records::audit_event::{ActorKind, AuditEvent};
use crate::records::id::RecordId;
use crate::records::profile::Consent;
use crate::records::status_record::StatusRecord;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::store::{Collection, Store, UploadedFiles, WriteCondition, WriteOutcome};
use crate::work::holder::WorkHolder;

/// Who does what a company's server would do.
const ACTOR: &str = "demo-data";
const MINUTE: i64 = 60;

/// Writes people to a store.
pub(super) struct PersonWriter {
    pub(super) store: Arc<dyn Store>,
    pub(super) files: Arc<Files>,
    pub(super) now: Millis,
}

impl PersonWriter {
    /// Writes a person. One whose profile exists already is left as it is; says whether it was written.
    pub(super) async fn write_person(&self, person: &DemoPerson) -> anyhow::Result<bool> {
        let created = person.created(self.now);
        let at = |minutes: i64| created.plus_seconds(minutes * MINUTE);
        let new = self.store.create_profile(new_profile(person), by_client(EventKind::ProfileCreated, created)).await?;
        if !new.is_new {
            return Ok(false);
        }
        let id = new.id;
        if person.state == DemoState::Created {
            return Ok(true);
        }
        self.store.note_start(id, by_person(EventKind::ProfileStarted, at(1), id)).await?;
        if person.state == DemoState::Opened {
            return Ok(true);
        }
        self.accept_consent(id, at(2)).await?;
        if person.state == DemoState::Consented {
            return Ok(true);
        }
        self.photograph_document(person, id, at(3)).await?;
        if person.state == DemoState::Photographed {
            return Ok(true);
        }
        self.send_record(person, id, at(6), false).await?;
        self.decide(person, id, created).await.map(|()| true)
    }

    /// What becomes of a person who has sent a record.
    async fn decide(&self, person: &DemoPerson, id: RecordId, created: Millis) -> anyhow::Result<()> {
        let at = |minutes: i64| created.plus_seconds(minutes * MINUTE);
        let minutes = 30 + i64::try_from(person.number).unwrap_or(0) * 7;
        match person.state {
            DemoState::InReview => self.set_status(person, id, ["pending", "in_review"], at(20)).await,
            DemoState::OnHold => self.set_status(person, id, ["pending", "on_hold"], at(20)).await,
            DemoState::Verified => self.set_status(person, id, ["pending", "verified"], at(minutes)).await,
            DemoState::Rejected => self.set_status(person, id, ["pending", "rejected"], at(minutes)).await,
            DemoState::AskedAgain => {
                self.set_status(person, id, ["pending", "resubmission_requested"], at(minutes)).await
            }
            DemoState::VerifiedSecond => {
                self.set_status(person, id, ["pending", "resubmission_requested"], at(minutes)).await?;
                self.send_record(person, id, at(minutes + 45), true).await?;
                self.set_status(person, id, ["pending", "verified"], at(minutes + 90)).await
            }
            _ => Ok(()),
        }
    }

    async fn accept_consent(&self, id: RecordId, at: Millis) -> anyhow::Result<()> {
        let consent = Consent { id: RecordId::random(), version: "demo".into(), language: "en".into(), accepted: at };
        let change = ProfileChange { consent: Some(consent), ..ProfileChange::default() };
        let event = by_person(EventKind::ConsentAccepted, at, id).with_detail("demo en");
        let always = WriteCondition::Always;
        let written =
            self.store.change_profile(id, &Reach::Every, always, &change, UploadedFiles::default(), event).await?;
        expect_written(written)
    }

    async fn photograph_document(&self, person: &DemoPerson, id: RecordId, at: Millis) -> anyhow::Result<()> {
        let mut upload = Upload::new(self.files.clone(), Collection::Profiles, id);
        let mut change = ProfileChange::default();
        change.files.document_front =
            self.store_picture(&mut upload, "front.png", &draw_document_front(person)?).await?;
        let event = by_person(EventKind::ProfileChanged, at, id).with_detail("document_front");
        let (reach, always) = (Reach::Every, WriteCondition::Always);
        let commit = |files| self.store.change_profile(id, &reach, always, &change, files, event);
        expect_written(upload.commit_with(commit).await?)
    }

    async fn send_record(&self, person: &DemoPerson, id: RecordId, at: Millis, is_second: bool) -> anyhow::Result<()> {
        let record_id = RecordId::random();
        let mut upload = Upload::new(self.files.clone(), Collection::VerificationHistory, record_id);
        let photo = self.store_picture(&mut upload, "photo.png", &draw_portrait(person)?).await?;
        let front = self.store_picture(&mut upload, "front.png", &draw_document_front(person)?).await?;
        let back = if person.has_back() {
            self.store_picture(&mut upload, "back.png", &draw_document_back(person)?).await?
        } else {
            String::new()
        };
        let record: VerificationRecord = serde_json::from_value(json!({
            "id": record_id, "profile": id, "status": "pending", "liveness_session_id": format!("demo-{record_id}"),
            "liveness_confidence": 96.0, "liveness_status": "live", "liveness_confirmed_by": "machine_token",
            "document_type": person.document_type(), "document_number": person.document_number(),
            "country": person.country(), "name": person.name(), "gender": person.gender(),
            "date_of_birth": person.date_of_birth(), "ip_address": "192.0.2.7", "facial_photo": photo,
            "document_front": front, "document_back": back, "created": at, "updated": at, "checks_status": "pending",
            "created_by": ACTOR,
        }))
        .context("a demo record does not fit its description")?;
        let event = by_person(EventKind::VerificationRecorded, at, id)
            .on(RecordKind::VerificationHistory, record_id.as_str())
            .with_detail(record_id.as_str());
        let (reach, condition) = (Reach::Every, WriteCondition::Unsubmitted);
        let commit = |files| self.store.record_verification(record, &reach, condition, files, event);
        expect_written(upload.commit_with(commit).await?)?;
        self.set_status(person, id, ["unverified", "pending"], at.plus_seconds(1)).await?;
        let checked = at.plus_seconds(8);
        let event = AuditEvent::new(EventKind::ChecksEnded, checked, ACTOR).about(Some(id));
        let event = event.on(RecordKind::VerificationHistory, record_id.as_str()).with_detail(record_id.as_str());
        self.store.complete_checks(id, record_id, &complete_checks(person, is_second), event).await?;
        Ok(())
    }

    async fn store_picture(&self, upload: &mut Upload, name: &str, bytes: &[u8]) -> anyhow::Result<String> {
        let (mut writer, stored) = upload.create_file(name, Media::Png).await?;
        writer.write_bytes(bytes).await?;
        let rebuilt = self.files.rebuild_picture(writer.finish_file().await?, &WorkHolder::Jobs).await?;
        let picture = rebuilt.map_err(|fault| anyhow!("a drawn picture {fault}"))?;
        upload.store_file(&stored, picture.file).await?;
        Ok(stored)
    }

    async fn set_status(
        &self,
        person: &DemoPerson,
        id: RecordId,
        statuses: [&str; 2],
        at: Millis,
    ) -> anyhow::Result<()> {
        let record = status_record(id, person.number, statuses, at)?;
        let by_link = statuses[1] == "pending";
        let event = if by_link {
            by_person(EventKind::StatusRecorded, at, id)
        } else {
            by_client(EventKind::StatusRecorded, at).about(Some(id))
        };
        self.record_status(record, event.with_detail(statuses[1])).await
    }

    async fn record_status(&self, record: StatusRecord, event: AuditEvent) -> anyhow::Result<()> {
        let event = event.on(RecordKind::StatusHistory, record.id.as_str());
        expect_written(self.store.record_status(record, &Reach::Every, WriteCondition::Always, event).await?)
    }
}

fn new_profile(person: &DemoPerson) -> NewProfile {
    NewProfile {
        team: TEAM.to_owned(),
        user_id: person.user_id(),
        name: Some(person.name()),
        document_type: Some(person.document_type().to_owned()),
        document_number: Some(person.document_number()),
        country: Some(person.country().to_owned()),
        email: Some(person.email()),
        gender: Some(person.gender().to_owned()),
        language: Some("en".to_owned()),
        ..NewProfile::default()
    }
}

fn status_record(
    profile: RecordId,
    number: usize,
    [before, after]: [&str; 2],
    at: Millis,
) -> anyhow::Result<StatusRecord> {
    let (reasons, steps) = match after {
        "rejected" => (choose_reason(number, |reason| reason.retry != Retry::Yes), Vec::new()),
        "resubmission_requested" => {
            (choose_reason(number, |reason| reason.retry == Retry::Yes), vec!["document_front"])
        }
        _ => (Vec::new(), Vec::new()),
    };
    serde_json::from_value(json!({
        "id": RecordId::random(), "profile": profile, "updated_by": ACTOR, "previous_status": before, "new_status": after,
        "notes": "Demo data", "reasons": reasons, "steps": steps, "created": at,
    }))
    .context("a demo status record does not fit its description")
}

/// A reason of the catalogue that fits.
fn choose_reason(number: usize, fits: impl Fn(&Reason) -> bool) -> Vec<&'static str> {
    let fitting: Vec<&str> = REASONS.iter().filter(|reason| fits(reason)).map(|reason| reason.code).collect();
    fitting.iter().cycle().skip(number % fitting.len().max(1)).take(1).copied().collect()
}

fn by_client(kind: EventKind, at: Millis) -> AuditEvent {
    AuditEvent::new(kind, at, ACTOR).by(ActorKind::Client)
}

fn by_person(kind: EventKind, at: Millis, id: RecordId) -> AuditEvent {
    AuditEvent::new(kind, at, "").by_person(id)
}

/// An error when another program writes the same profile.
fn expect_written<T>(written: WriteOutcome<T>) -> anyhow::Result<()> {
    written.map(drop).map_err(|refusal| anyhow!("another program writes the same profile ({refusal:?}); stop it"))
}
