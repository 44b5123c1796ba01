//! Writes an invented person as if they had gone that far: with the store's own steps, so that events, statistics and the audit
//! trail are those of a real one.

use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use serde_json::json;

use super::demo_checks::complete_checks;
use super::demo_person::{DemoPerson, DemoState, TEAM};
use super::drawn_pictures::{draw_document_back, draw_document_front, draw_portrait};
use super::review_writer::{DemoDecision, ReviewWriter};
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
use crate::records::review::ReviewOutcome;
use crate::records::status_record::StatusRecord;
use crate::records::time::Millis;
use crate::records::verification_record::VerificationRecord;
use crate::store::{Collection, Store, UploadedFiles, WriteCondition, WriteOutcome};
use crate::work::holder::WorkHolder;

/// Who does what a company's server would do.
pub(super) const ACTOR: &str = "demo-data";
const MINUTE: i64 = 60;

/// Writes people to a store.
pub(super) struct PersonWriter {
    pub(super) store: Arc<dyn Store>,
    pub(super) files: Arc<Files>,
    pub(super) reviews: ReviewWriter,
    pub(super) now: Millis,
}

impl PersonWriter {
    /// Writes a person. One whose profile exists already is left as it is; says whether it was written.
    pub(super) async fn write_person(&self, person: &DemoPerson) -> anyhow::Result<bool> {
        let created = person.creation_time(self.now);
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
            DemoState::Submitted => self.begin_review(person, id, at(30)).await,
            DemoState::Verified => self.settle(person, id, ReviewOutcome::Approve, at(minutes)).await,
            DemoState::Rejected => self.settle(person, id, ReviewOutcome::Reject, at(minutes)).await,
            DemoState::AskedAgain => self.settle(person, id, ReviewOutcome::RequestResubmission, at(minutes)).await,
            DemoState::VerifiedSecond => {
                self.settle(person, id, ReviewOutcome::RequestResubmission, at(minutes)).await?;
                self.send_record(person, id, at(minutes + 45), true).await?;
                self.settle(person, id, ReviewOutcome::Approve, at(minutes + 90)).await
            }
            _ => Ok(()),
        }
    }

    /// Decides a person's record: by a reviewer, now and then by two, and each third one by the company's server.
    async fn settle(
        &self,
        person: &DemoPerson,
        id: RecordId,
        outcome: ReviewOutcome,
        at: Millis,
    ) -> anyhow::Result<()> {
        let number = person.number;
        let (status, decision) = (status_of(outcome), demo_decision(number, outcome, at));
        let review = if number % 3 == 2 { None } else { self.reviews.find_review(id).await? };
        let Some(review) = review else { return self.set_status(person, id, ["pending", status], at).await };
        if outcome != ReviewOutcome::RequestResubmission && number.is_multiple_of(4) {
            let proposed = self.reviews.propose(review, number, decision).await?;
            return self.reviews.agree(proposed, number + 1).await.map(drop);
        }
        self.reviews.decide(review, number, decision).await.map(drop)
    }

    /// What reviewers have done with some of the reviews that are not decided: two wait for a second person, one for a third, and
    /// two were opened again.
    async fn begin_review(&self, person: &DemoPerson, id: RecordId, at: Millis) -> anyhow::Result<()> {
        let number = person.number;
        let Some(review) = self.reviews.find_review(id).await? else { return Ok(()) };
        match number % 14 {
            1 | 8 => {
                let outcome = if number % 14 == 1 { ReviewOutcome::Approve } else { ReviewOutcome::Reject };
                self.reviews.propose(review, 0, demo_decision(number, outcome, at)).await?;
            }
            4 => {
                let proposed =
                    self.reviews.propose(review, 0, demo_decision(number, ReviewOutcome::Approve, at)).await?;
                let reasons = reasons_of(number, ReviewOutcome::Reject);
                self.reviews.disagree(proposed, 1, reasons).await?;
            }
            6 | 11 => {
                let decided = self.reviews.decide(review, 1, demo_decision(number, ReviewOutcome::Reject, at)).await?;
                self.reviews.reopen(decided, 2, at.plus_seconds(20 * MINUTE)).await?;
            }
            _ => {}
        }
        Ok(())
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
    let outcome = match after {
        "rejected" => ReviewOutcome::Reject,
        "resubmission_requested" => ReviewOutcome::RequestResubmission,
        _ => ReviewOutcome::Approve,
    };
    let (reasons, steps) = (reasons_of(number, outcome), steps_of(outcome));
    serde_json::from_value(json!({
        "id": RecordId::random_at(at), "profile": profile, "updated_by": ACTOR, "previous_status": before, "new_status": after,
        "notes": "Demo data", "reasons": reasons, "steps": steps, "created": at,
    }))
    .context("a demo status record does not fit its description")
}

const fn status_of(outcome: ReviewOutcome) -> &'static str {
    match outcome {
        ReviewOutcome::Approve => "verified",
        ReviewOutcome::Reject => "rejected",
        ReviewOutcome::RequestResubmission => "resubmission_requested",
    }
}

fn demo_decision(number: usize, outcome: ReviewOutcome, at: Millis) -> DemoDecision {
    DemoDecision { outcome, reasons: reasons_of(number, outcome), steps: steps_of(outcome), at }
}

fn reasons_of(number: usize, outcome: ReviewOutcome) -> Vec<String> {
    match outcome {
        ReviewOutcome::Approve => Vec::new(),
        ReviewOutcome::Reject => choose_reason(number, |reason| reason.retry != Retry::Yes),
        ReviewOutcome::RequestResubmission => choose_reason(number, |reason| reason.retry == Retry::Yes),
    }
}

fn steps_of(outcome: ReviewOutcome) -> Vec<String> {
    let asks_again = outcome == ReviewOutcome::RequestResubmission;
    if asks_again { vec!["document_front".to_owned()] } else { Vec::new() }
}

/// A reason of the catalogue that fits.
fn choose_reason(number: usize, fits: impl Fn(&Reason) -> bool) -> Vec<String> {
    let fitting: Vec<&str> = REASONS.iter().filter(|reason| fits(reason)).map(|reason| reason.code).collect();
    fitting.iter().cycle().skip(number % fitting.len().max(1)).take(1).map(|code| (*code).to_owned()).collect()
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
