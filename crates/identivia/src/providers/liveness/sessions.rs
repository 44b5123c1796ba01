//! Liveness sessions: the provider makes and judges them; we remember whose each is and fetch what came of it before the
//! provider forgets, whether or not a browser asks.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};
use vision::liveness::{Imprint, is_replay};

use super::{Judge, Liveness, Opened, Picture, Report};
use crate::clock::Clock;
use crate::domain::event::{Event, EventKind};
use crate::domain::liveness::{
    ChallengeKind, Details, Feedback, SESSION_FILES, SentFrame, Session, SessionStatus, Task,
};
use crate::domain::media::Media;
use crate::files::{Files, FilesError, Spot, Upload};
use crate::providers::http_call::{Look, ProviderError};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Attached, Begun, Collection, Store, StoreError};

/// When a session is looked at that nobody asks for: this many seconds before its end. AWS allows few looks a second, so
/// there are few, and most of them late.
pub const LOOKS: &[i64] = &[150, 120, 90, 60, 35, 20, 10, 5, 2];

/// How long whoever comes meanwhile waits.
const ASKING_PATIENCE: Duration = Duration::from_secs(2);

/// How many sessions can be asked for at once that do not wait for each other.
const ASKING: usize = 64;

/// Who the audit trail names where nobody has asked.
const THIS_SERVER: &str = "identivia";

/// Why nothing can be said of a session now.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Provider(#[from] ProviderError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Files(#[from] FilesError),
}

/// What became of frames that were sent.
pub enum Judging {
    Judged(Box<Session>),
    /// The session has had its frames, or is over.
    Again,
    /// The frame of that number, from 1 on, is no picture. The session can still have others.
    Unreadable(usize),
}

/// The provider's sessions.
pub struct Sessions {
    provider: Arc<dyn Liveness>,
    store: Arc<dyn Store>,
    files: Arc<Files>,
    clock: Clock,
    looks: &'static [i64],
    /// Held while the provider is asked for a session, one of these by its key: who else asks for it waits, and is answered
    /// from what was kept.
    asking: [Mutex<()>; ASKING],
    standing: Look,
}

impl Sessions {
    /// The sessions of a provider, kept in that store. `looks` is [`LOOKS`], unless a test cannot wait.
    #[must_use]
    pub fn new(
        provider: Arc<dyn Liveness>,
        store: Arc<dyn Store>,
        files: Arc<Files>,
        clock: Clock,
        looks: &'static [i64],
    ) -> Arc<Self> {
        Arc::new(Self {
            provider,
            store,
            files,
            clock,
            looks,
            asking: std::array::from_fn(|_| Mutex::default()),
            standing: Look::default(),
        })
    }

    /// The provider itself.
    #[must_use]
    pub fn provider(&self) -> &dyn Liveness {
        self.provider.as_ref()
    }

    /// Says whether the provider would do its part now, as of half a minute ago at most.
    pub async fn is_well(&self) -> bool {
        let provider = self.provider.clone();
        self.standing.is_well("liveness", async move { provider.look().await }).await
    }

    /// Makes a session for a profile, or for whoever of a team names it, and sees to it that its result is kept.
    ///
    /// # Errors
    /// When the provider makes none, or it cannot be remembered.
    pub async fn create(
        self: &Arc<Self>,
        profile: Option<RecordId>,
        team: Option<&str>,
        challenge: ChallengeKind,
        event: Event,
    ) -> Result<Session, SessionError> {
        // The provider counts from when it made it, which is no sooner than this.
        let now = self.clock.now();
        let made = self.provider.create_session(challenge).await?;
        let mut session = Session { team: team.unwrap_or_default().to_owned(), ..Session::new(made.id, profile, now) };
        session.details.task = made.task;
        self.store.add_session(session.clone(), event).await?;
        self.watch(&session);
        Ok(session)
    }

    /// Watches the sessions that a server has left unfinished when it ended.
    pub async fn resume(self: &Arc<Self>) {
        if !self.provider_forgets() {
            return;
        }
        match self.store.open_sessions(self.clock.now()).await {
            Ok(sessions) => sessions.iter().for_each(|session| self.watch(session)),
            Err(error) => {
                tracing::warn!(%error, "liveness sessions of before the start are looked at only when somebody asks");
            }
        }
    }

    /// The session as it stands now: finished ones as they were kept, others as the provider reports them. `None` when the
    /// provider does not know it.
    ///
    /// # Errors
    /// When the provider or what keeps its word is out of reach.
    pub async fn looked_at(&self, session: Session) -> Result<Option<Session>, SessionError> {
        if session.status.is_finished() || !self.provider_forgets() {
            return Ok(Some(session));
        }
        let stripe = usize::try_from(session.key().number() % ASKING as u128).unwrap_or_default();
        let _asking = match self.asking[stripe].try_lock() {
            Ok(asking) => asking,
            Err(_) => {
                let asking = timeout(ASKING_PATIENCE, self.asking[stripe].lock()).await;
                let asking = asking.map_err(|_| ProviderError::Busy)?;
                let known = self.store.session(&session.id).await?;
                if let Some(finished) = known.filter(|known| known.status.is_finished()) {
                    return Ok(Some(finished));
                }
                asking
            }
        };
        match self.provider.report(&session.id).await? {
            None => Ok(None),
            Some(report) => self.kept(session, report).await.map(Some),
        }
    }

    /// Judges the frames of a session, once, and keeps what came of it: also when whoever sent them has gone. `held` is let
    /// go of when that is done.
    ///
    /// # Errors
    /// When the frames cannot be judged now, or the result cannot be kept.
    pub async fn judge(
        self: &Arc<Self>,
        session: Session,
        frames: Vec<SentFrame>,
        event: Event,
        held: impl Send + 'static,
    ) -> Result<Judging, SessionError> {
        let sessions = self.clone();
        let judging = tokio::spawn(async move {
            let _held = held;
            sessions.judged(session, frames, event).await
        });
        let broken = |_| Err(ProviderError::failed("the judging of frames broke off").into());
        judging.await.unwrap_or_else(broken)
    }

    async fn judged(&self, session: Session, frames: Vec<SentFrame>, event: Event) -> Result<Judging, SessionError> {
        let unjudged = || ProviderError::failed("frames for a provider that judges none");
        let judge = self.provider.judge().ok_or_else(unjudged)?;
        let task = session.details.task.clone().ok_or_else(unjudged)?;
        // First of all, so that a session is not used up for what cannot be looked at now.
        let opened = match judge.opened(frames).await? {
            Ok(opened) => opened,
            Err(number) => return Ok(Judging::Unreadable(number)),
        };
        let mut prints = opened.prints.clone();
        prints.sort();
        prints.dedup();
        let is_repeated = prints.len() < opened.prints.len();
        let are_known = match self.store.begin_session(&session.id, prints, event).await? {
            Begun::Again => return Ok(Judging::Again),
            Begun::First { has_known_frames } => has_known_frames || is_repeated,
        };
        let report = match self.report(judge, &session, &task, opened, are_known).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(cause = %error, "frames of a liveness session could not be judged");
                not_judged()
            }
        };
        Ok(Judging::Judged(Box::new(self.kept(session, report).await?)))
    }

    /// What the frames come to. Their imprints are kept before others are asked for: of two who send the same frames at
    /// one moment at least one meets the other's.
    async fn report(
        &self,
        judge: &dyn Judge,
        session: &Session,
        task: &Task,
        opened: Opened,
        are_known: bool,
    ) -> Result<Report, SessionError> {
        let seen = judge.seen(opened).await?;
        let earlier = self.store.keep_imprints(&session.id, seen.imprints.clone()).await?;
        let frames: Vec<Imprint> = seen.imprints.iter().map(|seen| seen.imprint.clone()).collect();
        let is_replay = is_replay(&frames, &earlier);
        Ok(judge.judged(task, seen, are_known || is_replay).await?)
    }

    /// A session with its images, as base64, in the order of [`SESSION_FILES`].
    ///
    /// # Errors
    /// When one cannot be read.
    pub async fn with_images(&self, session: Session) -> Result<(Session, Vec<Option<String>>), SessionError> {
        match self.images(&session).await {
            Ok(images) => Ok((session, images)),
            // Where a store takes two servers' word for it, the second has replaced the first one's images.
            Err(FilesError::Gone) => {
                let session = self.store.session(&session.id).await?.unwrap_or(session);
                match self.images(&session).await {
                    // Records of a backup may name files that it did not have.
                    Err(FilesError::Gone) => {
                        tracing::error!("an image of a liveness session is not there any more");
                        Ok((session, Vec::new()))
                    }
                    images => Ok((session, images?)),
                }
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn images(&self, session: &Session) -> Result<Vec<Option<String>>, FilesError> {
        let mut images = Vec::new();
        for name in &session.files {
            images.push(if name.is_empty() { None } else { Some(self.image(session, name).await?) });
        }
        Ok(images)
    }

    async fn image(&self, session: &Session, name: &str) -> Result<String, FilesError> {
        let spot = Spot { collection: Collection::LivenessSessions, record: session.key(), name: name.to_owned() };
        Ok(STANDARD.encode(self.files.read_whole(&spot).await?))
    }

    /// Keeps what the provider reports: it forgets, we do not.
    async fn kept(&self, before: Session, report: Report) -> Result<Session, SessionError> {
        let status = report.status;
        if !status.is_finished() {
            let now = Session { status, ..before.clone() };
            if status != before.status {
                let _ = self.store.update_session(now.clone(), Attached::default(), None).await?;
            }
            return Ok(now);
        }
        let mut upload = self.files.upload(Collection::LivenessSessions, before.key());
        let finished = self.finished(before, report, &mut upload).await?;
        let event = self.event(&finished);
        let id = finished.id.clone();
        let written = upload.record(|attached| self.store.update_session(finished, attached, Some(event))).await?;
        match written {
            Ok(session) => Ok(session),
            // Somebody else has looked at the same moment; what they kept stands.
            Err(_) => Ok(self.store.session(&id).await?.ok_or(StoreError::Busy)?),
        }
    }

    async fn finished(&self, before: Session, report: Report, upload: &mut Upload) -> Result<Session, FilesError> {
        let mut session = Session { status: report.status, confidence: report.confidence, ..before };
        session.details = Details {
            challenge: report.challenge,
            feedback: report.feedback,
            bounding_boxes: Vec::new(),
            task: session.details.task,
        };
        let images = std::iter::once(report.reference_image).chain(report.audit_images.into_iter().map(Some));
        for (place, image) in images.enumerate().take(SESSION_FILES.len()) {
            session.details.bounding_boxes.push(image.as_ref().and_then(|image| image.bounding_box));
            if let Some(image) = image {
                session.files[place] = keep_image(upload, SESSION_FILES[place], &image).await?;
            }
        }
        Ok(session)
    }

    fn event(&self, session: &Session) -> Event {
        Event {
            id: RecordId::random(),
            at: self.clock.now(),
            kind: EventKind::SessionFinished,
            actor: THIS_SERVER.to_owned(),
            profile: session.profile,
            request_id: String::new(),
            detail: session.status.word().to_owned(),
        }
    }

    /// Says whether the provider has something to forget: one that judges frames sent here has not.
    fn provider_forgets(&self) -> bool {
        self.provider.judge().is_none()
    }

    fn watch(self: &Arc<Self>, session: &Session) {
        if !self.provider_forgets() {
            return;
        }
        let (sessions, id, expires) = (self.clone(), session.id.clone(), session.expires);
        tokio::spawn(async move { sessions.watched(&id, expires).await });
    }

    /// Looks at a session now and then until it has finished or its time is over.
    async fn watched(&self, id: &str, expires: Millis) {
        let last = self.looks.last();
        for before_end in self.looks {
            let wait = expires.plus_seconds(-before_end).0 - self.clock.now().0;
            let Ok(wait) = u64::try_from(wait) else { continue };
            sleep(Duration::from_millis(wait)).await;
            match self.look_again(id).await {
                Ok(Some(session)) if !session.status.is_finished() && session.status != SessionStatus::Expired => {}
                Ok(_) => return,
                // An outage would fill the log with every session's looks.
                Err(error) if Some(before_end) == last => {
                    tracing::warn!(cause = %error, "a liveness session ends, and what came of it could not be fetched");
                }
                Err(_) => {}
            }
        }
    }

    async fn look_again(&self, id: &str) -> Result<Option<Session>, SessionError> {
        match self.store.session(id).await? {
            Some(session) => self.looked_at(session).await,
            None => Ok(None),
        }
    }
}

/// What is kept of a session whose frames were taken and could not be judged: the person makes another.
fn not_judged() -> Report {
    let message = "The frames could not be judged; make a new session".to_owned();
    Report {
        status: SessionStatus::Failed,
        confidence: None,
        reference_image: None,
        audit_images: Vec::new(),
        challenge: None,
        feedback: vec![Feedback { code: "NOT_JUDGED".to_owned(), message }],
    }
}

/// Keeps an image as the provider gave it. AWS documents JPEG; whatever comes, it is never shown but as a download.
async fn keep_image(upload: &mut Upload, name: &str, image: &Picture) -> Result<String, FilesError> {
    let media = Media::sniff(&image.bytes).filter(|media| !media.is_video()).unwrap_or(Media::Jpeg);
    let (mut writing, stored) = upload.create(name, media).await?;
    writing.write(&image.bytes).await?;
    let file = writing.finish().await?;
    upload.keep(&stored, file).await?;
    Ok(stored)
}
