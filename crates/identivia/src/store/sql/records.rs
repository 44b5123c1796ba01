//! Records in an SQL database: every method of the store, one step or one query each.

use async_trait::async_trait;
use futures_util::FutureExt as _;
use vision::liveness::Imprint;

use super::lists::{one_more, place, profiles_query};
use super::steps::{
    add_event, add_verification, change_rows, change_session, clear_intent, doom_replaced, use_session, writable,
};
use super::{
    ADD_EVENT, ADD_FRAME, ADD_SESSION, ADD_STATUS, BEGIN_SESSION, CLAIM_CHECKS, CLAIM_DOOMED, CLAIMED, CLAIMED_CHECKS,
    CREATE_PROFILE, DELETE_SETTING, DOOM_INTENT, DOOM_INTENTS_BEFORE, Database, FORGET_FAILURES, FORGET_INTENT,
    IMPRINTS, IS_NOTED, IS_VERIFICATION_OF, JOURNEY, KEEP_CHECKS, KEEP_IMPRINT, OFFER_HANDOFF, OPEN_INTENT,
    OPEN_SESSIONS, POSTPONE_CHECKS, PROFILE, PROFILE_FILE_OWNER, PROFILE_OF_USER, PROFILE_VIEW, PUT_SETTING,
    REOPEN_INTENT, SESSION, SESSION_FILE_OWNER, SESSIONS_OF_KEYS, SESSIONS_OF_PROFILE, SETTINGS, SHOW_STATUS,
    STATUS_RECORDS, TAKE_HANDOFF, Tx, UNUSED_SESSIONS, VERIFICATION_FILE_OWNER, VERIFICATION_RECORDS, Value, first,
    owned, rows, values,
};
use crate::domain::checks::{Checked, DueChecks};
use crate::domain::event::Event;
use crate::domain::flow::Journey;
use crate::domain::handoff::{Handed, Handoff};
use crate::domain::liveness::{
    FRAMES_OF_A_KEY, FrameImprint, Session, imprint_key, imprint_of, imprint_text, most_alike,
};
use crate::domain::profile::{NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach};
use crate::domain::status::{self, StatusRecord};
use crate::domain::verification::{NewVerification, VerificationRecord};
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{
    Attached, Begun, Collection, Counted, Created, FileIntent, Intents, OnlyIf, Page, PageRequest, Refusal, Result,
    Setting, Store, StoreError, Written,
};

/// How long a claim of doomed files lasts, in seconds.
const CLAIM_SECONDS: i64 = 60;

/// The records of a database.
pub struct Records<D> {
    pub(in crate::store) database: D,
}

impl<D: Database> Records<D> {
    async fn one<T: Send>(
        &self,
        statement: &'static str,
        values: &[Value<'_>],
        read: super::Read<T>,
    ) -> Result<Option<T>> {
        Ok(self.database.rows(statement, values, read).await?.into_iter().next())
    }

    async fn execute(&self, statement: &str, values: Vec<Value<'static>>) -> Result<()> {
        self.database.write_one(statement.to_owned(), values, |_| Ok(())).await.map(drop)
    }

    /// The profile that a team's userID has by now.
    async fn existing(&self, new: &NewProfile) -> Result<Option<Created>> {
        let found = self.one(PROFILE_OF_USER, values![new.team, new.user_id], rows::the_id).await?;
        Ok(found.map(|id| Created { id, fresh: false }))
    }
}

/// The values of a new profile, and those of its event behind them.
fn creation(id: RecordId, new: &NewProfile, event: &Event) -> Vec<Value<'static>> {
    owned![
        id,
        new.team,
        new.user_id,
        new.name,
        new.document_type,
        new.document_number,
        new.country,
        new.phone_number,
        new.email,
        new.security_level,
        new.gender,
        new.ip_address,
        new.language,
        new.redirect_url,
        event.at,
        event.id,
        event.kind.word(),
        event.actor,
        event.request_id,
        event.detail,
    ]
}

/// How many of those are the profile's own.
const PROFILE_VALUES: usize = 15;

#[async_trait]
impl<D: Database> Store for Records<D> {
    async fn create_profile(&self, id: RecordId, new: NewProfile, event: Event) -> Result<Created> {
        let values = creation(id, &new, &event);
        let fresh = if let Some(statement) = D::DIALECT.create_and_note {
            !self.database.write_one(statement.to_owned(), values, rows::the_id).await?.is_empty()
        } else {
            self.database
                .write(Box::new(move |tx| {
                    async move {
                        let made = tx.execute(CREATE_PROFILE, &values[..PROFILE_VALUES]).await? == 1;
                        if made {
                            add_event(tx, &event).await?;
                        }
                        Ok(made)
                    }
                    .boxed()
                }))
                .await?
        };
        if fresh {
            return Ok(Created { id, fresh });
        }
        // Profiles are never removed, so what was in the way is there.
        self.existing(&new).await?.ok_or_else(|| StoreError::Failed("a profile was there and is gone".to_owned()))
    }

    async fn profile_view(&self, id: RecordId, reach: &Reach) -> Result<Option<ProfileView>> {
        self.one(PROFILE_VIEW, values![id, reach.team()], rows::profile_view).await
    }

    async fn profile(&self, id: RecordId, reach: &Reach) -> Result<Option<Profile>> {
        self.one(PROFILE, values![id, reach.team()], rows::profile).await
    }

    async fn profiles(&self, reach: &Reach, filter: ProfileFilter, page: PageRequest) -> Result<Page<ProfileEntry>> {
        let (statement, values) = profiles_query(&D::DIALECT, reach, filter, place(&page)?, page.limit);
        let entries = self.database.search(statement, values, rows::profile_entry).await?;
        Ok(rows::page(entries, page.limit))
    }

    async fn change_profile(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        change: ProfileChange,
        attached: Attached,
        event: Event,
    ) -> Result<Written<Profile>> {
        let team = reach.team().map(str::to_owned);
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let before = match writable(tx, &D::DIALECT, id, team.as_deref(), only_if).await? {
                        Ok(profile) => profile,
                        Err(refusal) => return Ok(Err(refusal)),
                    };
                    clear_intent(tx, attached.mark.as_deref()).await?;
                    change_rows(tx, id, &change, event.at).await?;
                    doom_replaced(tx, &before, &change, event.at).await?;
                    add_event(tx, &event).await?;
                    let after = first(tx, PROFILE, values![id, team], rows::profile).await?;
                    Ok(after.ok_or(Refusal::Missing))
                }
                .boxed()
            }))
            .await
    }

    async fn journey(&self, id: RecordId, reach: &Reach) -> Result<Option<Journey>> {
        self.one(JOURNEY, values![id, reach.team()], rows::journey).await
    }

    async fn offer_handoff(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        handoff: Handoff,
        event: Event,
    ) -> Result<Written<()>> {
        let team = reach.team().map(str::to_owned);
        self.database
            .write(Box::new(move |tx| {
                async move {
                    if let Err(refusal) = writable(tx, &D::DIALECT, id, team.as_deref(), only_if).await? {
                        return Ok(Err(refusal));
                    }
                    let Handoff { code_hash, ends, token_ends, scope } = &handoff;
                    if tx.execute(OFFER_HANDOFF, values![code_hash, *ends, *token_ends, scope, id]).await? != 1 {
                        return Ok(Err(Refusal::CodeTaken));
                    }
                    add_event(tx, &event).await?;
                    Ok(Ok(()))
                }
                .boxed()
            }))
            .await
    }

    async fn take_handoff(&self, code_hash: &str, event: Event) -> Result<Option<Handed>> {
        let code_hash = code_hash.to_owned();
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let taken = first(tx, TAKE_HANDOFF, values![code_hash, event.at], rows::handed).await?;
                    if let Some(handed) = &taken {
                        add_event(tx, &event.by_person(handed.profile)).await?;
                    }
                    Ok(taken)
                }
                .boxed()
            }))
            .await
    }

    async fn record_status(
        &self,
        record: StatusRecord,
        reach: &Reach,
        only_if: OnlyIf,
        event: Event,
    ) -> Result<Written<StatusRecord>> {
        let team = reach.team().map(str::to_owned);
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let profile = match writable(tx, &D::DIALECT, record.profile, team.as_deref(), only_if).await? {
                        Ok(profile) => profile,
                        Err(refusal) => return Ok(Err(refusal)),
                    };
                    if only_if == OnlyIf::Undecided && !status::follows(&record.previous_status, &profile) {
                        return Ok(Err(Refusal::Stale));
                    }
                    if !record.verification.is_empty() && !is_verification_of(tx, &record).await? {
                        return Ok(Err(Refusal::UnknownVerification));
                    }
                    let values = values![
                        record.id,
                        record.profile,
                        record.updated_by,
                        record.previous_status,
                        record.new_status,
                        record.notes,
                        record.verification,
                        record.created,
                    ];
                    tx.execute(ADD_STATUS, values).await?;
                    tx.execute(SHOW_STATUS, values![record.new_status, record.profile]).await?;
                    add_event(tx, &event).await?;
                    Ok(Ok(record))
                }
                .boxed()
            }))
            .await
    }

    async fn status_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<StatusRecord>> {
        let (before, limit) = (place(&page)?, one_more(page.limit));
        let values = values![profile, before, limit];
        let placed = self.database.rows(STATUS_RECORDS, values, rows::status_record).await?;
        Ok(rows::page(placed, page.limit))
    }

    async fn record_verification(
        &self,
        record: NewVerification,
        reach: &Reach,
        only_if: OnlyIf,
        attached: Attached,
        event: Event,
    ) -> Result<Written<VerificationRecord>> {
        let team = reach.team().map(str::to_owned);
        self.database
            .write(Box::new(move |tx| {
                async move {
                    if let Err(refusal) = writable(tx, &D::DIALECT, record.profile, team.as_deref(), only_if).await? {
                        return Ok(Err(refusal));
                    }
                    if let Err(refusal) = use_session(tx, &record, team.as_deref()).await? {
                        return Ok(Err(refusal));
                    }
                    clear_intent(tx, attached.mark.as_deref()).await?;
                    add_verification(tx, &record).await?;
                    add_event(tx, &event).await?;
                    Ok(Ok(record.into_record()))
                }
                .boxed()
            }))
            .await
    }

    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>> {
        let (before, limit) = (place(&page)?, one_more(page.limit));
        let values = values![profile, before, limit];
        let placed = self.database.rows(VERIFICATION_RECORDS, values, rows::verification_record).await?;
        Ok(rows::page(placed, page.limit))
    }

    async fn claim_checks(&self, now: Millis, until: Millis) -> Result<Option<DueChecks>> {
        let statement = format!("{CLAIM_CHECKS}{}{CLAIMED_CHECKS}", D::DIALECT.skip_locked);
        let claimed = self.database.write_one(statement, owned![until, now], rows::due_checks).await?;
        Ok(claimed.into_iter().next())
    }

    async fn postpone_checks(&self, record: RecordId, until: Millis) -> Result<()> {
        self.execute(POSTPONE_CHECKS, owned![until, record]).await
    }

    async fn keep_checks(&self, record: RecordId, checked: Checked, event: Event) -> Result<bool> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let (status, checks) = (checked.status.word(), checked.to_json());
                    let values = values![status, checks, checked.face_templates, event.at, record];
                    let kept = tx.execute(KEEP_CHECKS, values).await? == 1;
                    if kept {
                        add_event(tx, &event).await?;
                    }
                    Ok(kept)
                }
                .boxed()
            }))
            .await
    }

    async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<RecordId>> {
        let statement = match collection {
            Collection::Profiles => PROFILE_FILE_OWNER,
            Collection::VerificationHistory => VERIFICATION_FILE_OWNER,
            Collection::LivenessSessions => SESSION_FILE_OWNER,
        };
        self.one(statement, values![record, reach.team(), name], rows::the_id).await
    }

    async fn add_session(&self, session: Session, event: Event) -> Result<()> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let (status, files_id, details) = (session.status.word(), session.key(), session.details.to_json());
                    let values = values![
                        session.id,
                        session.profile,
                        session.team,
                        status,
                        session.confidence,
                        session.expires,
                        files_id,
                        details,
                    ];
                    tx.execute(ADD_SESSION, values).await?;
                    add_event(tx, &event).await
                }
                .boxed()
            }))
            .await
    }

    async fn session(&self, id: &str) -> Result<Option<Session>> {
        self.one(SESSION, values![id], rows::session).await
    }

    async fn begin_session(&self, session: &str, frames: Vec<RecordId>, event: Event) -> Result<Begun> {
        let session = session.to_owned();
        self.database
            .write(Box::new(move |tx| {
                async move {
                    if tx.execute(BEGIN_SESSION, values![session, event.at]).await? != 1 {
                        return Ok(Begun::Again);
                    }
                    let mut known = 0;
                    for frame in &frames {
                        known += 1 - tx.execute(ADD_FRAME, values![frame, session, event.at]).await?;
                    }
                    add_event(tx, &event).await?;
                    Ok(Begun::First { has_known_frames: known > 0 })
                }
                .boxed()
            }))
            .await
    }

    async fn keep_imprints(&self, session: &str, imprints: Vec<FrameImprint>) -> Result<Vec<Imprint>> {
        let (own, kept) = (session.to_owned(), imprints.clone());
        self.database
            .write(Box::new(move |tx| {
                async move {
                    for FrameImprint { frame, imprint } in &kept {
                        let (key, text) = (imprint_key(imprint), imprint_text(imprint));
                        tx.execute(KEEP_IMPRINT, values![key, text, frame, own]).await?;
                    }
                    Ok(())
                }
                .boxed()
            }))
            .await?;
        let mut sessions = Vec::new();
        for seen in &imprints {
            let [key, mirrored] = seen.keys();
            let wanted = owned![key, mirrored, session, i64::from(FRAMES_OF_A_KEY)];
            sessions.extend(self.database.rows(SESSIONS_OF_KEYS, &wanted, rows::the_text).await?);
        }
        let mut alike = Vec::new();
        for session in most_alike(sessions) {
            let texts = self.database.rows(IMPRINTS, values![session], rows::the_text).await?;
            alike.extend(texts.iter().filter_map(|text| imprint_of(text)));
        }
        Ok(alike)
    }

    async fn sessions_of(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>> {
        self.database.rows(SESSIONS_OF_PROFILE, values![profile, expire_after], rows::session).await
    }

    async fn unused_sessions(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>> {
        self.database.rows(UNUSED_SESSIONS, values![profile, expire_after], rows::session).await
    }

    async fn open_sessions(&self, now: Millis) -> Result<Vec<Session>> {
        self.database.search(OPEN_SESSIONS.to_owned(), owned![now], rows::session).await
    }

    async fn update_session(
        &self,
        session: Session,
        attached: Attached,
        event: Option<Event>,
    ) -> Result<Written<Session>> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    if !change_session(tx, &session).await? {
                        return Ok(Err(Refusal::SessionFinished));
                    }
                    clear_intent(tx, attached.mark.as_deref()).await?;
                    if let Some(event) = &event {
                        add_event(tx, event).await?;
                    }
                    Ok(Ok(session))
                }
                .boxed()
            }))
            .await
    }

    async fn settings(&self) -> Result<Vec<Setting>> {
        self.database.rows(SETTINGS, &[], rows::setting).await
    }

    async fn put_setting(&self, setting: Setting, now: Millis, event: Event) -> Result<()> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    tx.execute(PUT_SETTING, values![setting.key, setting.value, setting.public, now]).await?;
                    add_event(tx, &event).await
                }
                .boxed()
            }))
            .await
    }

    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool> {
        let key = key.to_owned();
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let removed = tx.execute(DELETE_SETTING, values![key]).await? == 1;
                    if removed {
                        add_event(tx, &event).await?;
                    }
                    Ok(removed)
                }
                .boxed()
            }))
            .await
    }

    async fn note(&self, event: Event) -> Result<()> {
        let kind = event.kind.word();
        let values = owned![event.id, event.at, kind, event.actor, event.profile, event.request_id, event.detail];
        self.execute(ADD_EVENT, values).await
    }

    async fn count_within(&self, key: &str, now: Millis, seconds: i64) -> Result<Option<Counted>> {
        let Some(statement) = D::DIALECT.count_within else { return Ok(None) };
        let values = owned![key, now.plus_seconds(seconds), now];
        let counted = self.database.write_one(statement.to_owned(), values, rows::counted).await?;
        // Once for each window is often enough to keep the table small.
        if counted.first().is_some_and(|failures| failures.count == 1) {
            self.execute(FORGET_FAILURES, owned![now]).await?;
        }
        Ok(counted.into_iter().next())
    }

    async fn ready(&self) -> Result<()> {
        self.database.ready().await
    }
}

async fn is_verification_of(tx: &mut dyn Tx, record: &StatusRecord) -> Result<bool> {
    let values = values![record.verification, record.profile];
    Ok(first(tx, IS_VERIFICATION_OF, values, |_| Ok(())).await?.is_some())
}

#[async_trait]
impl<D: Database> Intents for Records<D> {
    async fn open_intent(&self, intent: FileIntent, now: Millis) -> Result<()> {
        let values = owned![intent.mark, intent.collection.name(), intent.record, intent.name, 0, now];
        self.execute(OPEN_INTENT, values).await
    }

    async fn reopen_intent(&self, mark: &str, now: Millis) -> Result<Option<FileIntent>> {
        let mark = mark.to_owned();
        self.database
            .write(Box::new(move |tx| {
                async move {
                    let left = first(tx, REOPEN_INTENT, values![now, mark], rows::intent).await?;
                    let is_noted = first(tx, IS_NOTED, values![mark], |_| Ok(())).await?.is_some();
                    if left.is_none() && is_noted { Err(StoreError::Busy) } else { Ok(left) }
                }
                .boxed()
            }))
            .await
    }

    async fn doom_intent(&self, mark: &str) -> Result<()> {
        self.execute(DOOM_INTENT, owned![mark]).await
    }

    async fn doom_intents_before(&self, before: Millis) -> Result<()> {
        self.execute(DOOM_INTENTS_BEFORE, owned![before]).await
    }

    async fn claim_doomed(&self, now: Millis) -> Result<Vec<FileIntent>> {
        let statement = format!("{CLAIM_DOOMED}{}{CLAIMED}", D::DIALECT.skip_locked);
        self.database.write_one(statement, owned![now.plus_seconds(CLAIM_SECONDS), now], rows::intent).await
    }

    async fn forget_intents(&self, marks: Vec<String>) -> Result<()> {
        self.database
            .write(Box::new(move |tx| {
                async move {
                    for mark in &marks {
                        tx.execute(FORGET_INTENT, values![mark]).await?;
                    }
                    Ok(())
                }
                .boxed()
            }))
            .await
    }
}
