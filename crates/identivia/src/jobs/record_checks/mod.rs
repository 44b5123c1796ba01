//! Checks on verification records: run behind the answer, from a queue that is the records themselves. What a server had
//! begun when it ended comes up again.

mod agreement;
mod evidence;
mod faces;
mod liveness;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};

use crate::clock::Clock;
use crate::config::Config;
use crate::domain::checks::{Assurance, Check, Checked, ChecksStatus, DueChecks, Finding, Outcome};
use crate::domain::event::{Event, EventKind};
use crate::files::{Files, FilesError};
use crate::providers::documents::local;
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::{self, Engines};
use crate::records::id::RecordId;
use crate::store::{Store, StoreError};

/// How long a claim lasts, in seconds: several times what the checks take.
const CLAIM_SECONDS: i64 = 120;
/// For how long checks are put off that could not be run for want of a turn, the store or the files, in seconds.
const POSTPONED_SECONDS: i64 = 10;
/// How often checks are begun before they count as failed: what ends a server every time must not do so for ever.
const MOST_ATTEMPTS: u32 = 5;
/// How often it is looked for checks that another server has left.
const LOOK_AGAIN: Duration = Duration::from_secs(15);
/// Who the audit trail names.
const THIS_SERVER: &str = "identivia";

/// Why the checks on a record came to nothing this time.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    #[error(transparent)]
    Engine(#[from] ProviderError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// Runs the checks.
pub struct Checker {
    engines: Arc<Engines>,
    store: Arc<dyn Store>,
    files: Arc<Files>,
    clock: Clock,
    /// Of liveness, 0 to 100.
    threshold: f64,
    keeps_templates: bool,
    waiting: Notify,
}

impl Checker {
    /// Runs checks on the records of that store.
    #[must_use]
    pub fn new(
        engines: Arc<Engines>,
        store: Arc<dyn Store>,
        files: Arc<Files>,
        clock: Clock,
        config: &Config,
    ) -> Arc<Self> {
        let (threshold, keeps_templates) = (config.face_liveness_threshold, config.engines.keeps_templates);
        Arc::new(Self { engines, store, files, clock, threshold, keeps_templates, waiting: Notify::new() })
    }

    /// Says that a record has been made.
    pub fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Runs what is due, one record after the other, until `stop` becomes true.
    pub fn start(self: &Arc<Self>, mut stop: watch::Receiver<bool>) {
        let checker = self.clone();
        tokio::spawn(async move {
            tokio::select! {
                () = checker.run_on() => {}
                _ = stop.wait_for(|stop| *stop) => {}
            }
        });
    }

    async fn run_on(self: Arc<Self>) {
        loop {
            let checker = self.clone();
            // In a task of its own: a panic ends that run, and not the queue.
            match tokio::spawn(async move { checker.run_next().await }).await {
                Ok(Ok(true)) => continue,
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::warn!(cause = %error, "checks on a record are tried again later"),
                Err(_) => tracing::error!("the checks on a record broke off; they are tried again later"),
            }
            tokio::select! {
                () = self.waiting.notified() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }

    /// Runs the checks on the record that has waited longest; says whether there was one.
    ///
    /// # Errors
    /// When they cannot be run now. They come up again when their claim has ended.
    pub async fn run_next(&self) -> Result<bool, CheckError> {
        let now = self.clock.now();
        let Some(due) = self.store.claim_checks(now, now.plus_seconds(CLAIM_SECONDS)).await? else { return Ok(false) };
        let (record, profile) = (due.record.id, due.record.profile);
        let checked = if due.attempt > MOST_ATTEMPTS {
            tracing::error!(record.id = %record, "checks were begun {MOST_ATTEMPTS} times and never came to an end");
            Checked { status: ChecksStatus::Failed, checks: Vec::new(), face_templates: String::new() }
        } else {
            match self.checked(&due).await {
                Ok(checked) => checked,
                Err(error) => {
                    if !matches!(error, CheckError::Engine(ProviderError::Failed(_))) {
                        self.store.postpone_checks(record, now.plus_seconds(POSTPONED_SECONDS)).await?;
                    }
                    return Err(error);
                }
            }
        };
        let event = Event {
            id: RecordId::random(),
            at: self.clock.now(),
            kind: EventKind::ChecksEnded,
            actor: THIS_SERVER.to_owned(),
            profile: Some(profile),
            request_id: String::new(),
            detail: format!("{record} {}", checked.status.word()),
        };
        self.store.keep_checks(record, checked, event).await?;
        Ok(true)
    }

    async fn checked(&self, due: &DueChecks) -> Result<Checked, CheckError> {
        let record = &due.record;
        let session = self.store.session(&record.liveness_session_id).await?;
        let images = evidence::gather(&self.files, record, session.as_ref()).await?;
        let today = local::today(self.clock.now());
        let seen = self.engines.run(move |engines| evidence::look_at(engines, &images, today)).await?;
        let has_session = session.is_some();
        let (face_match, templates) = faces::check(&self.engines, &seen, has_session);
        let checks = vec![
            document(&self.engines, &seen),
            face_match,
            liveness::check(&self.engines, record, session.as_ref(), self.threshold),
            agreement::check(&self.engines, record, seen.document.as_ref()),
        ];
        let face_templates = if self.keeps_templates { templates } else { String::new() };
        Ok(Checked { status: ChecksStatus::Done, checks, face_templates })
    }
}

/// What the local reader makes of the document, whoever has read it for the person.
fn document(engines: &Engines, seen: &evidence::Seen) -> Check {
    let check = |outcome, assurance, message: &str, findings| Check {
        check: "document".to_owned(),
        outcome,
        score: None,
        threshold: None,
        engine: local_engines::NAME.to_owned(),
        weights: engines.text_weights(),
        assurance,
        message: message.to_owned(),
        findings,
    };
    let Some(document) = &seen.document else {
        return check(
            Outcome::Warn,
            Assurance::Model,
            "There is no picture of the document that can be read",
            Vec::new(),
        );
    };
    let is_specimen = document
        .findings
        .iter()
        .any(|found| found.code == "specimen" && found.outcome == vision::finding::Outcome::Warn);
    let (outcome, message) = match document.authenticity {
        vision::document::Authenticity::Authentic if is_specimen => {
            (Outcome::Warn, "It agrees with itself, and says that it is a specimen: no real document")
        }
        vision::document::Authenticity::Authentic => {
            (Outcome::Pass, "The machine-readable part holds and agrees with what is printed")
        }
        vision::document::Authenticity::Suspicious => (Outcome::Fail, "Something contradicts itself; see the findings"),
        vision::document::Authenticity::Unknown => {
            (Outcome::Warn, "Nothing contradicts itself; what keeps it from being called authentic is in the findings")
        }
    };
    let assurance = if document.is_proven { Assurance::Optical } else { Assurance::Model };
    check(outcome, assurance, message, document.findings.iter().map(local::finding).collect())
}

/// A finding of a check's own.
fn finding<const N: usize>(
    code: &str,
    outcome: Outcome,
    message: &str,
    evidence: [(&str, serde_json::Value); N],
) -> Finding {
    let evidence = evidence.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Finding { code: code.to_owned(), outcome, message: message.to_owned(), evidence }
}
