//! Stored liveness sessions: created, refreshed from the provider, judged by frames.
//!
//! A provider forgets its sessions. Their results are fetched and stored before, whether or not a browser asks for them.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::{Mutex, Notify};
use tokio::time::timeout;
use vision::liveness::{Imprint, is_replay};

use super::provider::{BrowserCredentials, DecodedFrames, FrameJudge, LivenessProvider, SessionReport};
use super::session_images::store_images;
use crate::clock::Clock;
use crate::domain::event::EventKind;
use crate::domain::liveness::{ChallengeKind, LivenessRule, SentFrame};
use crate::files::upload::Upload;
use crate::files::{Files, FilesError, StoredPath};
use crate::providers::http_call::{HealthCheck, ProviderError};
use crate::records::RecordKind;
use crate::records::audit_event::AuditEvent;
use crate::records::finding_code::code_of_feedback;
use crate::records::id::RecordId;
use crate::records::liveness_session::{Feedback, LivenessSession, SessionStatus, Task};
use crate::records::time::Millis;
use crate::store::{Collection, SessionStart, Store, StoreError, UploadedFiles};
use crate::work::holder::WorkHolder;

/// When an unfinished session is polled: this many seconds before its end. AWS allows few calls a second, so there are
/// few polls, and most of them are late.
pub const POLL_AT_SECONDS_LEFT: &[i64] = &[150, 120, 90, 60, 35, 20, 10, 5, 2];

/// How long a caller waits while another one fetches the same session.
const SAME_SESSION_TIMEOUT: Duration = Duration::from_secs(2);

/// The number of locks that the sessions share. Sessions with different locks do not wait for each other.
const SESSION_LOCKS: usize = 64;

/// The actor of this server's own audit records.
const THIS_SERVER: &str = "identivia";

/// Why a session could not be created, refreshed or judged.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// The outcome of sending a session's frames.
pub enum FrameOutcome {
    Judged(Box<LivenessSession>),
    /// The session has got its frames already, or has ended.
    AlreadyBegun,
    /// The frame with that number, from 1 on, is no picture. The session still accepts frames.
    UnreadableFrame(usize),
}

/// The provider's sessions, stored here.
pub struct LivenessSessions {
    provider: Arc<dyn LivenessProvider>,
    rule: LivenessRule,
    store: Arc<dyn Store>,
    files: Arc<Files>,
    clock: Clock,
    poll_at: &'static [i64],
    polling_wake: Notify,
    /// One call per session: the lock of its key is held while its report is fetched. Other callers wait and get the stored
    /// result.
    one_call_per_session: [Mutex<()>; SESSION_LOCKS],
    health: HealthCheck,
}

impl LivenessSessions {
    /// The sessions of a provider, stored in that store. `poll_at` is [`POLL_AT_SECONDS_LEFT`], except in tests.
    #[must_use]
    pub fn new(
        provider: Arc<dyn LivenessProvider>,
        rule: LivenessRule,
        store: Arc<dyn Store>,
        files: Arc<Files>,
        clock: Clock,
        poll_at: &'static [i64],
    ) -> Arc<Self> {
        Arc::new(Self {
            provider,
            rule,
            store,
            files,
            clock,
            poll_at,
            polling_wake: Notify::new(),
            one_call_per_session: std::array::from_fn(|_| Mutex::default()),
            health: HealthCheck::new("liveness"),
        })
    }

    /// Which results mean a live person.
    #[must_use]
    pub fn rule(&self) -> LivenessRule {
        self.rule
    }

    /// The provider itself.
    #[must_use]
    pub fn provider(&self) -> &dyn LivenessProvider {
        self.provider.as_ref()
    }

    /// The signal that a session with another time for its first poll exists.
    #[must_use]
    pub fn polling_wake(&self) -> &Notify {
        &self.polling_wake
    }

    /// The time of the next poll of a session that expires then; `None` when there is none before its end.
    #[must_use]
    pub fn next_poll_time(&self, expires: Millis) -> Option<Millis> {
        let now = self.clock.now();
        self.poll_at.iter().map(|seconds_left| expires.plus_seconds(-seconds_left)).find(|time| *time > now)
    }

    /// Says whether the provider works, from a check within the last half minute.
    pub async fn is_provider_healthy(&self) -> bool {
        let provider = self.provider.clone();
        self.health.is_healthy(async move { provider.check_health().await }).await
    }

    /// Issues temporary credentials for the browser of a profile; `None` where the provider has none.
    ///
    /// # Errors
    /// When the provider issues none now.
    pub async fn issue_credentials(
        &self,
        profile: Option<RecordId>,
    ) -> Result<Option<BrowserCredentials>, ProviderError> {
        self.health.observe_call(self.provider.issue_credentials(profile)).await
    }

    /// Creates a session for a profile, or without a profile for a team, and schedules its polls.
    ///
    /// # Errors
    /// When the provider creates none, or it cannot be stored.
    pub async fn create_session(
        self: &Arc<Self>,
        profile: Option<RecordId>,
        team: Option<&str>,
        challenge: ChallengeKind,
        event: AuditEvent,
    ) -> Result<LivenessSession, SessionError> {
        // The provider's lifetime starts when it creates the session, which is not before this.
        let now = self.clock.now();
        let created = self.health.observe_call(self.provider.create_session(challenge)).await?;
        let mut session = LivenessSession {
            team: team.unwrap_or_default().to_owned(),
            ..LivenessSession::new(created.id, profile, now)
        };
        session.details.task = created.task;
        session.poll_due = self.next_poll_time(session.expires).filter(|_| self.needs_polling());
        let added = self.store.add_session(&session, event).await?;
        added.map_err(|_| ProviderError::failed("the provider gave a session id twice"))?;
        self.polling_wake.notify_one();
        Ok(session)
    }

    /// Returns a finished session as it is stored, and any other as the provider reports it, after storing the report.
    /// `None` when the provider does not know the session.
    ///
    /// # Errors
    /// When the provider or the store does not answer.
    pub async fn refresh_session(&self, session: LivenessSession) -> Result<Option<LivenessSession>, SessionError> {
        if session.status.is_finished() || !self.needs_polling() {
            return Ok(Some(session));
        }
        let index = usize::try_from(session.files_id.number() % SESSION_LOCKS as u128).unwrap_or_default();
        let lock = &self.one_call_per_session[index];
        let _lock = match lock.try_lock() {
            Ok(lock) => lock,
            Err(_) => {
                let lock = timeout(SAME_SESSION_TIMEOUT, lock.lock()).await.map_err(|_| ProviderError::Busy)?;
                let stored = self.store.session(&session.id).await?;
                if let Some(finished) = stored.filter(|stored| stored.status.is_finished()) {
                    return Ok(Some(finished));
                }
                lock
            }
        };
        match self.health.observe_call(self.provider.fetch_report(&session.id)).await? {
            None => Ok(None),
            Some(report) => self.store_report(session, report).await.map(Some),
        }
    }

    /// Judges the frames of a session, once, and stores the result, also when the caller is gone. `held` is dropped when
    /// that is done.
    ///
    /// # Errors
    /// When the frames cannot be judged now, or the result cannot be stored.
    pub async fn judge_frames(
        self: &Arc<Self>,
        session: LivenessSession,
        frames: Vec<SentFrame>,
        event: AuditEvent,
        holder: WorkHolder,
        held: impl Send + 'static,
    ) -> Result<FrameOutcome, SessionError> {
        let sessions = self.clone();
        let judging = tokio::spawn(async move {
            let _held = held;
            sessions.begin_and_judge(session, frames, event, holder).await
        });
        let panicked = |_| Err(ProviderError::failed("the judging of frames panicked").into());
        judging.await.unwrap_or_else(panicked)
    }

    async fn begin_and_judge(
        &self,
        session: LivenessSession,
        frames: Vec<SentFrame>,
        event: AuditEvent,
        holder: WorkHolder,
    ) -> Result<FrameOutcome, SessionError> {
        let no_judge = || ProviderError::failed("the provider judges no frames");
        let judge = self.provider.frame_judge().ok_or_else(no_judge)?;
        let task = session.details.task.clone().ok_or_else(no_judge)?;
        // Decoding comes first: frames that cannot be decoded now must not use the session up.
        let decoded = match judge.decode_frames(frames, holder).await? {
            Ok(decoded) => decoded,
            Err(number) => return Ok(FrameOutcome::UnreadableFrame(number)),
        };
        let mut hashes = decoded.hashes.clone();
        hashes.sort();
        hashes.dedup();
        let is_repeated = hashes.len() < decoded.hashes.len();
        let are_known = match self.store.begin_session(&session.id, &hashes, event).await? {
            SessionStart::Again => return Ok(FrameOutcome::AlreadyBegun),
            SessionStart::First { has_known_frames } => has_known_frames || is_repeated,
        };
        let report = match self.judge_decoded(judge, &session, &task, decoded, are_known).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(cause = %error, "frames of a liveness session could not be judged");
                failed_judgement_report()
            }
        };
        Ok(FrameOutcome::Judged(Box::new(self.store_report(session, report).await?)))
    }

    /// Judges decoded frames. Their imprints are stored before the search for similar ones: of two callers that send the
    /// same frames at once at least one finds the other's.
    async fn judge_decoded(
        &self,
        judge: &dyn FrameJudge,
        session: &LivenessSession,
        task: &Task,
        decoded: DecodedFrames,
        are_known: bool,
    ) -> Result<SessionReport, SessionError> {
        let observed = judge.observe_frames(decoded).await?;
        let earlier = self.store.store_imprints(&session.id, &observed.imprints).await?;
        let imprints: Vec<Imprint> = observed.imprints.iter().map(|frame| frame.imprint.clone()).collect();
        let is_replay = is_replay(&imprints, &earlier);
        Ok(judge.judge_frames(task, observed, are_known || is_replay).await?)
    }

    /// Reads a session's images, as base64, in the order of `SESSION_FILES`.
    ///
    /// # Errors
    /// When an image cannot be read.
    pub async fn read_with_images(
        &self,
        session: LivenessSession,
    ) -> Result<(LivenessSession, Vec<Option<String>>), SessionError> {
        match self.read_images(&session).await {
            Ok(images) => Ok((session, images)),
            // In PocketBase a second server may have replaced the images of the first one.
            Err(FilesError::Gone) => {
                let session = self.store.session(&session.id).await?.unwrap_or(session);
                match self.read_images(&session).await {
                    // A restored backup may have records whose files it lacks.
                    Err(FilesError::Gone) => {
                        let (collection, record) = (Collection::LivenessSessions, session.files_id);
                        let path = StoredPath { collection, record, name: String::new() };
                        self.files.report_missing_file(&path, "images");
                        Ok((session, Vec::new()))
                    }
                    images => Ok((session, images?)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn read_images(&self, session: &LivenessSession) -> Result<Vec<Option<String>>, FilesError> {
        let mut images = Vec::new();
        for name in session.files() {
            images.push(match name {
                Some(name) => Some(self.read_image(session, name).await?),
                None => None,
            });
        }
        Ok(images)
    }

    async fn read_image(&self, session: &LivenessSession, name: &str) -> Result<String, FilesError> {
        let path =
            StoredPath { collection: Collection::LivenessSessions, record: session.files_id, name: name.to_owned() };
        Ok(STANDARD.encode(self.files.read_stored_file(&path).await?))
    }

    /// Stores a provider's report and returns the session as it is stored then.
    async fn store_report(
        &self,
        before: LivenessSession,
        report: SessionReport,
    ) -> Result<LivenessSession, SessionError> {
        let status = report.status;
        if !status.is_finished() {
            let now = LivenessSession { status, ..before.clone() };
            if status != before.status {
                let _ = self.store.update_session(&now, UploadedFiles::default(), None).await?;
            }
            return Ok(now);
        }
        let mut upload = Upload::new(self.files.clone(), Collection::LivenessSessions, before.files_id);
        let finished = store_images(before, report, &self.files, &mut upload).await?;
        let event = self.build_event(&finished);
        let written = upload.commit_with(|files| self.store.update_session(&finished, files, Some(event))).await?;
        match written {
            Ok(session) => {
                let outcome = self.rule.confirm(&session).status;
                metrics::counter!("identivia_liveness_sessions_total", "outcome" => outcome).increment(1);
                Ok(session)
            }
            // Another caller has stored the same result first.
            Err(_) => Ok(self.store.session(&finished.id).await?.ok_or(StoreError::Busy)?),
        }
    }

    fn build_event(&self, session: &LivenessSession) -> AuditEvent {
        AuditEvent::new(EventKind::SessionFinished, self.clock.now(), THIS_SERVER)
            .about(session.profile)
            .on(RecordKind::LivenessSessions, session.id.as_str())
            .with_detail(describe_outcome(session, self.rule))
    }

    /// Says whether results come from the provider, which forgets them. Frames that this server judges need no polling.
    #[must_use]
    pub fn needs_polling(&self) -> bool {
        self.provider.frame_judge().is_none()
    }
}

/// The status of a finished session, whether it shows a live person, and the codes of the provider's feedback.
fn describe_outcome(session: &LivenessSession, rule: LivenessRule) -> String {
    let mut words = vec![session.status.word().to_owned(), rule.confirm(session).status];
    words.extend(session.details.feedback.iter().map(|feedback| code_of_feedback(&feedback.code).to_owned()));
    words.join(" ")
}

/// The report of a session whose frames could not be judged: the person needs another session.
fn failed_judgement_report() -> SessionReport {
    let message = "The frames could not be judged; make a new session".to_owned();
    SessionReport {
        status: SessionStatus::Failed,
        confidence: None,
        reference_image: None,
        audit_images: Vec::new(),
        challenge: None,
        feedback: vec![Feedback { code: "NOT_JUDGED".to_owned(), message }],
    }
}
