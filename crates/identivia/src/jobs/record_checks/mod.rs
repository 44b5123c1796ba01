//! Record checks: document, faces, liveness and data agreement, run after the answer.

mod agreement;
mod document;
mod faces;
mod images;
mod liveness;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::claim::{ClaimedJob, JobColumns};
use super::queue::{JobError, JobKind, JobLimits, JobOutcome};
use crate::clock::Clock;
use crate::config::Config;
use crate::domain::event::EventKind;
use crate::domain::liveness::LivenessRule;
use crate::files::{Files, FilesError};
use crate::providers::documents::kept_readings::{KeptReadings, ReadingPurpose};
use crate::providers::local_engines::LocalEngines;
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::verification_record::{ChecksStatus, VerificationRecord};
use crate::store::{CompletedChecks, Store};
use crate::work::holder::WorkHolder;

/// The delays after the attempts at which a picture was missing, in seconds.
const MISSING_FILE_DELAYS: [i64; 5] = [120, 300, 900, 1_800, 3_600];

/// The actor of this server's own audit records.
const THIS_SERVER: &str = "identivia";

/// Checks verification records, one after the other.
pub struct RecordChecks {
    readings: Arc<KeptReadings>,
    engines: Arc<LocalEngines>,
    store: Arc<dyn Store>,
    files: Arc<Files>,
    clock: Clock,
    liveness_rule: LivenessRule,
    keeps_templates: bool,
    wake: Notify,
}

impl RecordChecks {
    /// Checks the records of that store.
    #[must_use]
    pub fn new(
        readings: Arc<KeptReadings>,
        engines: &Arc<LocalEngines>,
        store: &Arc<dyn Store>,
        files: &Arc<Files>,
        clock: &Clock,
        config: &Config,
    ) -> Self {
        Self {
            readings,
            engines: engines.clone(),
            store: store.clone(),
            files: files.clone(),
            clock: clock.clone(),
            liveness_rule: config.liveness_rule,
            keeps_templates: config.engines.keeps_templates,
            wake: Notify::new(),
        }
    }

    async fn check_record(&self, job: &ClaimedJob<VerificationRecord>) -> Result<CompletedChecks, JobError> {
        let record = &job.record;
        let session = self.store.session(&record.liveness_session_id).await?;
        let mut images = match images::read_images(&self.files, record, session.as_ref()).await {
            Ok(images) => images,
            Err(FilesError::Gone) => return Err(self.postpone_for_missing_file(job.attempt)),
            Err(error) => return Err(error.into()),
        };
        let document = match images.take_document() {
            Some(sides) => {
                let (editors, purpose) = (images.editors(), ReadingPurpose::Record);
                let profile = Some(record.profile);
                self.readings.read_document(profile, sides, editors, purpose, WorkHolder::Jobs).await?
            }
            None => None,
        };
        let observing = move |engines: &LocalEngines| images::observe_images(engines, &images, document);
        let observed = self.engines.run_work(WorkHolder::Jobs, observing).await?;
        let has_session = session.is_some();
        let (face_match, templates) = faces::check_faces(&self.engines, &observed, has_session);
        let checks = vec![
            document::check_document(&self.engines, &observed),
            face_match,
            liveness::check_liveness(&self.engines, record, session.as_ref(), self.liveness_rule),
            agreement::check_agreement(&self.engines, record, observed.document.as_ref()),
        ];
        let face_templates = Some(templates).filter(|_| self.keeps_templates);
        Ok(CompletedChecks { status: ChecksStatus::Done, checks, face_templates })
    }

    /// A picture of the record is missing in the file store. An operator may restore it until the last attempt.
    fn postpone_for_missing_file(&self, attempt: u32) -> JobError {
        let index = (attempt as usize).saturating_sub(1).min(MISSING_FILE_DELAYS.len() - 1);
        let retry_at = self.clock.now().plus_seconds(MISSING_FILE_DELAYS[index]);
        JobError::FailedUntil { cause: "a file that the record names is missing".to_owned(), retry_at }
    }

    async fn complete_checks(
        &self,
        record: &VerificationRecord,
        completed: &CompletedChecks,
    ) -> Result<JobOutcome, JobError> {
        let event = AuditEvent::new(EventKind::ChecksEnded, self.clock.now(), THIS_SERVER)
            .about(Some(record.profile))
            .on(RecordKind::VerificationHistory, record.id.as_str())
            .with_detail(format!("{} {}", record.id, completed.status.word()));
        if self.store.complete_checks(record.profile, record.id, completed, event).await? {
            count_outcomes(completed);
        }
        Ok(JobOutcome::Settled)
    }
}

/// Counts what came of the checks on a record.
fn count_outcomes(completed: &CompletedChecks) {
    metrics::counter!("identivia_checks_total", "status" => completed.status.word()).increment(1);
    for check in &completed.checks {
        let (kind, outcome) = (check.check.word(), check.outcome.word());
        metrics::counter!("identivia_check_outcomes_total", "check" => kind, "outcome" => outcome).increment(1);
    }
}

#[async_trait]
impl JobKind for RecordChecks {
    type JobRecord = VerificationRecord;

    const NAME: &'static str = "record_checks";
    const COLUMNS: JobColumns = JobColumns {
        kind: RecordKind::VerificationHistory,
        due: "checks_due",
        attempts: Some("checks_attempts"),
        open_word: Some(("checks_status", ChecksStatus::Pending.word())),
    };

    fn limits(&self) -> JobLimits {
        JobLimits {
            workers: 1,
            // Several times what the checks take.
            lease_seconds: 120,
            max_attempts: 5,
            postpone_seconds: 10,
            poll_interval: Duration::from_secs(15),
            pause_after_failure: Duration::from_secs(15),
        }
    }

    fn wake_signal(&self) -> &Notify {
        &self.wake
    }

    async fn run_job(&self, job: &ClaimedJob<VerificationRecord>) -> Result<JobOutcome, JobError> {
        let completed = self.check_record(job).await?;
        self.complete_checks(&job.record, &completed).await
    }

    async fn give_up(&self, job: &ClaimedJob<VerificationRecord>) -> Result<JobOutcome, JobError> {
        tracing::error!(record.id = %job.record.id, "the checks on a record gave no result in all attempts");
        let failed = CompletedChecks { status: ChecksStatus::Failed, checks: Vec::new(), face_templates: None };
        self.complete_checks(&job.record, &failed).await
    }
}
