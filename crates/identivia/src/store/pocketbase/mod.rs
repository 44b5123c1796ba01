//! PocketBase: the records of an instance that its operators already have, files in its own file fields.
//!
//! It gives less than a database of ours. It holds no transaction open between calls, so a condition of a write
//! ([`OnlyIf::Undecided`], a status that must follow from the last) is looked at just before the write and not within
//! it; unique indexes, which it does enforce, keep a userID to one profile, a liveness session to one record, and a
//! browser's steps in line. Records that change together go through its batch API; where that is off, one after the
//! other. It does not sync to disk before it answers.

mod archive;
mod client;
mod filter;
mod lists;
mod records;
mod schema;
mod writes;

use std::sync::Mutex;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::hmac;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::{OnceCell, Semaphore};
use tokio::time::Instant;
use vision::liveness::Imprint;

use super::{
    Attached, Begun, Collection, Created, OnlyIf, Page, PageRequest, Refusal, Result, Setting, Store, StoreError,
    Written,
};
use crate::clock::Clock;
use crate::domain::checks::{Checked, ChecksStatus, DueChecks};
use crate::domain::event::Event;
use crate::domain::flow::Journey;
use crate::domain::handoff::{Handed, Handoff};
use crate::domain::liveness::{
    FRAMES, FRAMES_OF_A_KEY, FrameImprint, SESSION_FILES, Session, SessionStatus, imprint_key, imprint_of,
    imprint_text, most_alike, session_key,
};
use crate::domain::profile::{
    FileField, NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach, is_decided,
};
use crate::domain::status::{self, StatusRecord};
use crate::domain::verification::{FILES, NewVerification, VerificationRecord};
use crate::records::id::{RecordId, letters_of};
use crate::records::time::Millis;
use client::{Answer, Client};
use filter::literal;
use lists::{items, profiles_filter};
use records::{STATUSES, VERIFICATIONS, is_cut_off, text};
use writes::{Change, SENDING, Unresolved, batch, by_field, single};

pub use client::{Account, Standing};

/// How long a look at how PocketBase does is good for.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Settings read at once: each may be 64 KiB, and an answer has its limit.
const SETTINGS_AT_ONCE: usize = 40;
/// Unfinished sessions read at once; there are no more in three minutes.
const OPEN_SESSIONS: usize = 500;
/// Unused sessions of one profile read at once.
const UNUSED_SESSIONS: usize = 50;
/// PocketBase's word for a value that another record has already.
const TAKEN: &str = "validation_not_unique";

/// What is read of a profile, and of its histories with it.
const PROFILE_FIELDS: &str = "id,team,status,recorded_status,name,document_type,document_number,document_name,country,\
    language,security_level,document_front,document_back,facial_photo,facial_video,created,updated,\
    consent,details_draft,redirect_url,\
    expand.status_history_via_profile.id,expand.status_history_via_profile.new_status,\
    expand.status_history_via_profile.created,\
    expand.verification_history_via_profile.id,expand.verification_history_via_profile.profile,\
    expand.verification_history_via_profile.status,expand.verification_history_via_profile.liveness_session_id,\
    expand.verification_history_via_profile.liveness_confidence,\
    expand.verification_history_via_profile.liveness_status,expand.verification_history_via_profile.document_type,\
    expand.verification_history_via_profile.name,expand.verification_history_via_profile.document_number,\
    expand.verification_history_via_profile.country,expand.verification_history_via_profile.created,\
    expand.verification_history_via_profile.updated,\
    expand.verification_history_via_profile.checks_status,expand.verification_history_via_profile.checks";

/// An instance of PocketBase.
pub struct PocketBase {
    client: Client,
    /// Keys the ids of new profiles.
    ids: hmac::Key,
    batch_is_off: AtomicBool,
    /// Whether it reads the literals of filters as we write them; asked before the first filter.
    reads_literals: OnceCell<bool>,
    /// Writes that may have been done: what they were, and the id that they gave.
    unresolved: Mutex<Unresolved>,
    /// Turns to send files.
    sending: Semaphore,
    looked: tokio::sync::Mutex<Option<(Instant, Standing)>>,
}

fn records_path(collection: &str) -> String {
    format!("/api/collections/{collection}/records")
}

fn record_path(collection: &str, id: &str) -> String {
    format!("/api/collections/{collection}/records/{id}")
}

impl PocketBase {
    /// An instance that need not answer yet. `secret` keys the ids of new profiles; servers that share the instance
    /// share it.
    ///
    /// # Errors
    /// When this machine's certificates cannot be read.
    pub fn new(account: Account, secret: &[u8], clock: Clock) -> anyhow::Result<Self> {
        let ids = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), b"identivia profile ids");
        Ok(Self {
            client: Client::new(account, clock)?,
            ids: hmac::Key::new(hmac::HMAC_SHA256, ids.as_ref()),
            batch_is_off: AtomicBool::new(false),
            reads_literals: OnceCell::new(),
            unresolved: Mutex::default(),
            sending: Semaphore::new(SENDING),
            looked: tokio::sync::Mutex::default(),
        })
    }

    /// Where it is, and who we are there.
    #[must_use]
    pub fn account(&self) -> &Account {
        &self.client.account
    }

    /// Says how we stand with it, as of a few seconds ago at most.
    pub async fn standing(&self) -> Standing {
        let mut looked = self.looked.lock().await;
        if let Some((at, standing)) = *looked
            && at.elapsed() < LOOK_AGAIN_AFTER
        {
            return standing;
        }
        let standing = self.client.standing().await;
        *looked = Some((Instant::now(), standing));
        standing
    }

    /// Opens a stored file; `None` when it is not there.
    pub(crate) async fn download(&self, path: &str) -> Result<Option<reqwest::Response>> {
        self.client.download(&format!("/api/files/{path}")).await
    }

    /// The id that a new profile of that userID gets: a request that comes twice meets itself.
    fn profile_id(&self, team: &str, user_id: &str) -> RecordId {
        let mut context = hmac::Context::with_key(&self.ids);
        context.update(&(team.len() as u64).to_be_bytes());
        context.update(team.as_bytes());
        context.update(user_id.as_bytes());
        letters_of(context.sign().as_ref())
    }

    async fn call(&self, make: impl Fn(&Client) -> Result<RequestBuilder> + Send + Sync) -> Result<Answer> {
        let outcome = self.client.call(make).await;
        if let (Err(StoreError::Unavailable(_)), Ok(mut looked)) = (&outcome, self.looked.try_lock()) {
            // What was seen before this is no longer how it is.
            *looked = None;
        }
        outcome
    }

    async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Option<Value>> {
        self.call(|client| Ok(client.request(Method::GET, path).query(query))).await?.kept()
    }

    /// A profile within reach, with its newest history records.
    async fn profile_with_histories(&self, id: RecordId, reach: &Reach) -> Result<Option<Value>> {
        let expand = format!("{STATUSES},{VERIFICATIONS}");
        let query = [("expand", expand.as_str()), ("fields", PROFILE_FIELDS)];
        let found = self.get(&record_path("profiles", id.as_str()), &query).await?;
        let Some(mut profile) = found else { return Ok(None) };
        if profile["id"] != id.as_str() {
            return Err(unexpected());
        }
        if !is_within(reach, &profile) {
            return Ok(None);
        }
        self.complete_histories(&mut profile).await?;
        Ok(Some(profile))
    }

    /// Puts the newest history records in the place of the first, where these are all that came with a profile.
    async fn complete_histories(&self, profile: &mut Value) -> Result<()> {
        if is_cut_off(profile) {
            let filter = format!("profile = {}", literal(&text(profile, "id")));
            for (history, collection) in [(STATUSES, "status_history"), (VERIFICATIONS, "verification_history")] {
                profile["expand"][history] = self.list(collection, &filter, "-created,-@rowid", 1).await?.into();
            }
        }
        Ok(())
    }

    /// A profile that may be written now, and as PocketBase has it.
    async fn writable(&self, id: RecordId, reach: &Reach, only_if: OnlyIf) -> Result<Written<(Profile, Value)>> {
        let Some(found) = self.profile_with_histories(id, reach).await? else { return Ok(Err(Refusal::Missing)) };
        let profile = records::profile(&found)?;
        // Histories go by time, and servers' clocks differ. What was noted last counts as well: better closed too long.
        let is_decided = profile.is_decided() || is_decided(&text(&found, "recorded_status"));
        let is_closed = only_if == OnlyIf::Undecided && is_decided;
        Ok(if is_closed { Err(Refusal::Decided) } else { Ok((profile, found)) })
    }

    /// The profile that a team's userID has: by the id that we would have given it, or by its fields.
    async fn existing(&self, id: RecordId, new: &NewProfile) -> Result<Option<RecordId>> {
        let query = [("fields", "id,team,userID")];
        if let Some(found) = self.get(&record_path("profiles", id.as_str()), &query).await?
            && text(&found, "team") == new.team
            && text(&found, "userID") == new.user_id
        {
            return Ok(Some(id));
        }
        let filter = format!("team = {} && userID = {}", literal(&new.team), literal(&new.user_id));
        self.list("profiles", &filter, "created", 1).await?.first().map(records::id).transpose()
    }

    async fn is_verification_of(&self, id: &str, profile: RecordId) -> Result<bool> {
        let Some(id) = RecordId::parse(id) else { return Ok(false) };
        let found = self.get(&record_path("verification_history", id.as_str()), &[("fields", "profile")]).await?;
        Ok(found.is_some_and(|found| text(&found, "profile") == profile.as_str()))
    }

    /// Writes what nothing can be in the way of.
    async fn written(&self, changes: Vec<Change>) -> Result<()> {
        self.write(changes).await?.kept()?.map(drop).ok_or_else(unexpected)
    }

    async fn session_file_owner(&self, session: &Value, name: &str, reach: &Reach) -> Result<Option<RecordId>> {
        let names_it = SESSION_FILES.iter().any(|field| text(session, field) == name);
        match RecordId::parse(&text(session, "profile")) {
            Some(owner) if names_it => Ok(self.profile(owner, reach).await?.map(|owner| owner.id)),
            _ => Ok(None),
        }
    }

    async fn setting_id(&self, key: &str) -> Result<Option<RecordId>> {
        let filter = format!("key = {}", literal(key));
        self.list("settings", &filter, "key", 1).await?.first().map(records::id).transpose()
    }
}

fn unexpected() -> StoreError {
    StoreError::Unavailable("PocketBase's answer is none that we know: is its schema ours?".to_owned())
}

/// Refuses to go on where what is kept of a person's way has no place: PocketBase would leave it out without a word, and
/// what somebody has agreed to must be kept.
fn must_have_flow_fields(profile: &Value) -> Result<()> {
    if profile.get("consent").is_some() && profile.get("details_draft").is_some() {
        return Ok(());
    }
    Err(StoreError::Unavailable("PocketBase's profiles lack fields; run: identivia pocketbase init".to_owned()))
}

fn refused(faults: &[(String, String)]) -> StoreError {
    let faults: Vec<String> = faults.iter().map(|(field, code)| format!("{field}: {code}")).collect();
    StoreError::Refused(format!("PocketBase's own rules refuse it ({})", faults.join(", ")))
}

fn is_taken(faults: &[(String, String)], field: &str) -> bool {
    faults.iter().any(|(name, code)| name == field && code == TAKEN)
}

fn is_within(reach: &Reach, profile: &Value) -> bool {
    reach.team().is_none_or(|team| profile["team"].as_str() == Some(team))
}

fn audit(event: &Event) -> Change {
    Change::add("audit_events", records::new_event(event))
}

#[async_trait]
impl Store for PocketBase {
    async fn create_profile(&self, spare: RecordId, mut new: NewProfile, event: Event) -> Result<Created> {
        if new.team.is_empty() {
            new.team.clone_from(&self.client.session().await?.team);
        }
        let id = self.profile_id(&new.team, &new.user_id);
        // Where the id is taken by a profile that an administrator has given another userID since, any other will do.
        for try_id in [id, spare] {
            let made = Change::add("profiles", records::new_profile(try_id, &new, event.at));
            let event = Event { profile: Some(try_id), ..event.clone() };
            match self.write(vec![made, audit(&event)]).await? {
                Answer::Done(kept) => {
                    if !new.redirect_url.is_empty() && kept.get("redirect_url").is_none() {
                        tracing::error!("PocketBase's profiles lack fields; run: identivia pocketbase init");
                    }
                    return Ok(Created { id: try_id, fresh: true });
                }
                Answer::Invalid(faults) if is_taken(&faults, "id") || is_taken(&faults, "userID") => {
                    if let Some(id) = self.existing(id, &new).await? {
                        return Ok(Created { id, fresh: false });
                    }
                }
                answer => drop(answer.kept()?.ok_or_else(unexpected)?),
            }
        }
        Err(unexpected())
    }

    async fn profile_view(&self, id: RecordId, reach: &Reach) -> Result<Option<ProfileView>> {
        self.profile_with_histories(id, reach).await?.as_ref().map(records::profile_view).transpose()
    }

    async fn profile(&self, id: RecordId, reach: &Reach) -> Result<Option<Profile>> {
        self.profile_with_histories(id, reach).await?.as_ref().map(records::profile).transpose()
    }

    async fn profiles(&self, reach: &Reach, filter: ProfileFilter, page: PageRequest) -> Result<Page<ProfileEntry>> {
        self.page("profiles", profiles_filter(reach, &filter), &page, records::profile_entry).await
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
        let found = match self.writable(id, reach, only_if).await? {
            Ok((_, found)) => found,
            Err(refusal) => return Ok(Err(refusal)),
        };
        if change.consent.is_some() || change.draft.is_some() {
            must_have_flow_fields(&found)?;
        }
        let mut changed = Change::set("profiles", id.as_str(), records::profile_change(&change, event.at));
        changed.path.push_str(&format!("?expand={STATUSES}"));
        changed.files = by_field(attached, FileField::ALL.map(|field| (field.name(), change.files.get(field))));
        let kept = self.write(vec![changed, audit(&event)]).await?.kept()?;
        kept.map_or(Ok(Err(Refusal::Missing)), |kept| records::profile(&kept).map(Ok))
    }

    async fn journey(&self, id: RecordId, reach: &Reach) -> Result<Option<Journey>> {
        self.profile_with_histories(id, reach).await?.as_ref().map(records::journey).transpose()
    }

    async fn offer_handoff(
        &self,
        id: RecordId,
        reach: &Reach,
        only_if: OnlyIf,
        handoff: Handoff,
        event: Event,
    ) -> Result<Written<()>> {
        match self.writable(id, reach, only_if).await? {
            Ok((_, found)) => must_have_flow_fields(&found)?,
            Err(refusal) => return Ok(Err(refusal)),
        }
        let offered = Change::set("profiles", id.as_str(), records::handoff_fields(&handoff));
        let kept = match self.write(vec![offered, audit(&event)]).await? {
            Answer::Invalid(faults) if is_taken(&faults, "handoff_code") => return Ok(Err(Refusal::CodeTaken)),
            answer => answer.kept()?,
        };
        Ok(kept.map(drop).ok_or(Refusal::Missing))
    }

    /// The event that notes the taking has an id of its own for each code, so that it can be noted once: whoever comes
    /// second is refused by that id.
    async fn take_handoff(&self, code_hash: &str, event: Event) -> Result<Option<Handed>> {
        let filter = format!(
            "handoff_code != '' && handoff_code = {} && handoff_ends > {}",
            literal(code_hash),
            literal(&event.at.to_string())
        );
        let found = self.list("profiles", &filter, "id", 1).await?;
        let Some(handed) = found.first().map(records::handed).transpose()? else { return Ok(None) };
        let id = session_key(&format!("the taking of {code_hash}"));
        let taking = audit(&Event { id, ..event }.by_person(handed.profile));
        let taken = Change::set("profiles", handed.profile.as_str(), json!({"handoff_code": ""}));
        match self.write(vec![taking, taken]).await? {
            Answer::Invalid(faults) if is_taken(&faults, "id") => Ok(None),
            answer => Ok(answer.kept()?.map(|_| handed)),
        }
    }

    async fn record_status(
        &self,
        record: StatusRecord,
        reach: &Reach,
        only_if: OnlyIf,
        event: Event,
    ) -> Result<Written<StatusRecord>> {
        let (profile, found) = match self.writable(record.profile, reach, only_if).await? {
            Ok(profile) => profile,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let mut added = Change::add("status_history", records::new_status(&record));
        if only_if == OnlyIf::Undecided {
            if !status::follows(&record.previous_status, &profile) {
                return Ok(Err(Refusal::Stale));
            }
            added.body["follows"] = records::newest_step(&found).clone();
        }
        if !record.verification.is_empty() && !self.is_verification_of(&record.verification, profile.id).await? {
            return Ok(Err(Refusal::UnknownVerification));
        }
        let shown = json!({"recorded_status": record.new_status});
        let changes = vec![added, Change::set("profiles", profile.id.as_str(), shown), audit(&event)];
        let kept = match self.add("status_history", changes).await? {
            // Somebody else's step was first.
            Answer::Invalid(faults) if is_taken(&faults, "follows") => return Ok(Err(Refusal::Stale)),
            answer => answer.kept()?,
        };
        kept.map_or(Ok(Err(Refusal::Missing)), |kept| records::status_record(&kept).map(Ok))
    }

    async fn status_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<StatusRecord>> {
        self.history("status_history", profile, &page, records::status_record).await
    }

    async fn record_verification(
        &self,
        record: NewVerification,
        reach: &Reach,
        only_if: OnlyIf,
        attached: Attached,
        event: Event,
    ) -> Result<Written<VerificationRecord>> {
        if let Err(refusal) = self.writable(record.profile, reach, only_if).await? {
            return Ok(Err(refusal));
        }
        let claimed = &record.evidence.claim.session_id;
        let known = self.session(claimed).await?;
        if known.as_ref().is_some_and(|session| !session.may_serve(record.profile, reach.team())) {
            return Ok(Err(Refusal::ForeignSession));
        }
        let key = known.map(|_| session_key(claimed));
        let mut added = Change::add(
            "verification_history",
            records::new_verification(&record, key.as_ref().map_or("", RecordId::as_str)),
        );
        added.files = by_field(attached, FILES.map(|field| (field.name(), record.file(field))));
        let mut changes = vec![added];
        if let Some(key) = &key {
            changes.push(Change::set("liveness_sessions", key.as_str(), json!({"used_by": record.id})));
        }
        changes.push(audit(&event));
        let kept = match self.add("verification_history", changes).await? {
            Answer::Invalid(faults) if is_taken(&faults, "session_claim") => return Ok(Err(Refusal::SessionUsed)),
            answer => answer.kept()?,
        };
        if kept.as_ref().is_some_and(|kept| kept.get("fingerprint_status").is_none()) {
            tracing::error!("PocketBase's verification_history lacks fields; run: identivia pocketbase init");
        }
        kept.map_or(Ok(Err(Refusal::Missing)), |kept| records::verification_record(&kept).map(Ok))
    }

    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>> {
        self.history("verification_history", profile, &page, records::verification_record).await
    }

    async fn claim_checks(&self, now: Millis, until: Millis) -> Result<Option<DueChecks>> {
        let filter = format!("checks_status = 'pending' && checks_due <= {}", literal(&now.to_string()));
        let due = self.list("verification_history", &filter, "checks_due", 1).await?;
        let Some(mut due) = due.first().map(records::due_checks).transpose()? else { return Ok(None) };
        due.attempt += 1;
        let claim = json!({"checks_due": until, "checks_attempts": due.attempt});
        let claimed = Change::set("verification_history", due.record.id.as_str(), claim);
        Ok(self.write(vec![claimed]).await?.kept()?.map(|_| due))
    }

    async fn postpone_checks(&self, record: RecordId, until: Millis) -> Result<()> {
        let path = record_path("verification_history", record.as_str());
        let query = [("fields", "checks_attempts")];
        let Some(found) = self.get(&path, &query).await? else { return Ok(()) };
        let attempts = records::real(&found, "checks_attempts").unwrap_or_default() - 1.0;
        let fields = json!({"checks_due": until, "checks_attempts": attempts.max(0.0)});
        self.written(vec![Change::set("verification_history", record.as_str(), fields)]).await
    }

    async fn keep_checks(&self, record: RecordId, checked: Checked, event: Event) -> Result<bool> {
        let path = record_path("verification_history", record.as_str());
        let found = self.get(&path, &[("fields", "checks_status")]).await?;
        if found.is_none_or(|found| text(&found, "checks_status") != ChecksStatus::Pending.word()) {
            return Ok(false);
        }
        let change = Change::set("verification_history", record.as_str(), records::checked(&checked, event.at));
        Ok(self.write(vec![change, audit(&event)]).await?.kept()?.is_some())
    }

    async fn file_owner(
        &self,
        collection: Collection,
        record: RecordId,
        name: &str,
        reach: &Reach,
    ) -> Result<Option<RecordId>> {
        let path = record_path(collection.name(), record.as_str());
        let Some(found) = self.get(&path, &[("expand", "profile")]).await? else { return Ok(None) };
        let (owner, fields) = match collection {
            Collection::Profiles => (&found, FileField::ALL.map(FileField::name).to_vec()),
            Collection::VerificationHistory => (&found["expand"]["profile"], FILES.map(FileField::name).to_vec()),
            Collection::LivenessSessions => return self.session_file_owner(&found, name, reach).await,
        };
        let names_it = fields.iter().any(|field| text(&found, field) == name);
        // Another program may have taken the record from its profile.
        let is_theirs = names_it && owner.is_object() && is_within(reach, owner);
        if is_theirs { records::id(owner).map(Some) } else { Ok(None) }
    }

    async fn add_session(&self, session: Session, event: Event) -> Result<()> {
        let mut fields = records::session_fields(&session);
        fields["id"] = json!(session.key());
        self.written(vec![Change::add("liveness_sessions", fields), audit(&event)]).await
    }

    async fn session(&self, id: &str) -> Result<Option<Session>> {
        let found = self.get(&record_path("liveness_sessions", session_key(id).as_str()), &[]).await?;
        found.as_ref().map(records::session).transpose()
    }

    /// The event that notes the beginning has an id of its own for each session, so that it can be noted once.
    async fn begin_session(&self, session: &str, frames: Vec<RecordId>, event: Event) -> Result<Begun> {
        let is_new = self
            .session(session)
            .await?
            .is_some_and(|known| known.status == SessionStatus::Created && known.expires > event.at);
        if !is_new {
            return Ok(Begun::Again);
        }
        let names = frames.iter().map(|frame| format!("id = {}", literal(frame.as_str()))).collect::<Vec<_>>();
        let known = self.list("liveness_frames", &names.join(" || "), "id", frames.len()).await?;
        let key = session_key(session);
        let id = session_key(&format!("the beginning of {session}"));
        let mut changes = vec![audit(&Event { id, ..event.clone() })];
        changes.push(Change::set(
            "liveness_sessions",
            key.as_str(),
            json!({"status": SessionStatus::InProgress.word()}),
        ));
        for frame in frames.iter().filter(|frame| !known.iter().any(|known| text(known, "id") == frame.as_str())) {
            let fields = json!({"id": frame, "session": session, "created": event.at});
            changes.push(Change::add("liveness_frames", fields));
        }
        match self.write(changes).await? {
            Answer::Invalid(faults) if is_taken(&faults, "id") => Ok(Begun::Again),
            answer => {
                answer.kept()?.ok_or_else(unexpected)?;
                Ok(Begun::First { has_known_frames: !known.is_empty() })
            }
        }
    }

    async fn keep_imprints(&self, session: &str, imprints: Vec<FrameImprint>) -> Result<Vec<Imprint>> {
        if imprints.is_empty() {
            return Ok(Vec::new());
        }
        let kept = |FrameImprint { frame, imprint }: &FrameImprint| {
            let fields = json!({"imprint_key": imprint_key(imprint), "imprint": imprint_text(imprint)});
            Change::set("liveness_frames", frame.as_str(), fields)
        };
        self.written(imprints.iter().map(kept).collect()).await?;
        let keys = imprints.iter().flat_map(FrameImprint::keys);
        let keys = keys.map(|key| format!("imprint_key = {}", literal(&key))).collect::<Vec<_>>().join(" || ");
        let filter = format!("session != {} && ({keys})", literal(session));
        let found = self.list("liveness_frames", &filter, "-created", usize::from(FRAMES_OF_A_KEY)).await?;
        let mut alike = Vec::new();
        for session in most_alike(found.iter().map(|frame| text(frame, "session"))) {
            let filter = format!("session = {}", literal(&session));
            let frames = self.list("liveness_frames", &filter, "created", *FRAMES.end()).await?;
            alike.extend(frames.iter().filter_map(|frame| imprint_of(&text(frame, "imprint"))));
        }
        Ok(alike)
    }

    async fn sessions_of(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>> {
        let (profile, after) = (literal(profile.as_str()), literal(&expire_after.to_string()));
        let filter = format!("profile = {profile} && expires > {after}");
        self.list("liveness_sessions", &filter, "expires", OPEN_SESSIONS).await?.iter().map(records::session).collect()
    }

    async fn unused_sessions(&self, profile: RecordId, expire_after: Millis) -> Result<Vec<Session>> {
        let (profile, after) = (literal(profile.as_str()), literal(&expire_after.to_string()));
        let filter = format!("profile = {profile} && expires > {after} && status = 'SUCCEEDED' && used_by = ''");
        let found = self.list("liveness_sessions", &filter, "-expires", UNUSED_SESSIONS).await?;
        found.iter().map(records::session).collect()
    }

    async fn open_sessions(&self, now: Millis) -> Result<Vec<Session>> {
        let filter =
            format!("(status = 'CREATED' || status = 'IN_PROGRESS') && expires > {}", literal(&now.to_string()));
        self.list("liveness_sessions", &filter, "expires", OPEN_SESSIONS).await?.iter().map(records::session).collect()
    }

    async fn update_session(
        &self,
        session: Session,
        attached: Attached,
        event: Option<Event>,
    ) -> Result<Written<Session>> {
        let Some(found) = self.get(&record_path("liveness_sessions", session.key().as_str()), &[]).await? else {
            return Ok(Err(Refusal::SessionFinished));
        };
        if records::session(&found)?.status.is_finished() {
            return Ok(Err(Refusal::SessionFinished));
        }
        // A field that is not there would be left out without a word, and the provider forgets.
        if session.status.is_finished() && SESSION_FILES.iter().any(|field| found.get(field).is_none()) {
            return Err(StoreError::Unavailable(
                "PocketBase's liveness_sessions lacks fields for images; run: identivia pocketbase init".to_owned(),
            ));
        }
        let mut change = Change::set("liveness_sessions", session.key().as_str(), records::session_result(&session));
        let named = SESSION_FILES.into_iter().zip(session.files.iter().map(String::as_str));
        change.files = by_field(attached, named);
        let changes = std::iter::once(change).chain(event.as_ref().map(audit)).collect();
        let kept = self.write(changes).await?.kept()?;
        kept.map_or(Ok(Err(Refusal::Missing)), |kept| records::session(&kept).map(Ok))
    }

    async fn settings(&self) -> Result<Vec<Setting>> {
        Ok(self.list_all("settings", "key", SETTINGS_AT_ONCE).await?.iter().map(records::setting).collect())
    }

    async fn put_setting(&self, setting: Setting, now: Millis, event: Event) -> Result<()> {
        let fields = records::setting_fields(&setting, now);
        let mut known = self.setting_id(&setting.key).await?;
        loop {
            let change = match &known {
                Some(id) => Change::set("settings", id.as_str(), fields.clone()),
                None => Change::add("settings", fields.clone()),
            };
            match self.write(vec![change, audit(&event)]).await? {
                // Somebody else was first.
                Answer::Invalid(faults) if known.is_none() && is_taken(&faults, "key") => {
                    known = Some(self.setting_id(&setting.key).await?.ok_or_else(unexpected)?);
                }
                answer => return answer.kept()?.map(drop).ok_or_else(unexpected),
            }
        }
    }

    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool> {
        let Some(id) = self.setting_id(key).await? else { return Ok(false) };
        let path = record_path("settings", id.as_str());
        let removed = Change { method: Method::DELETE, path, body: Value::Null, files: Vec::new() };
        Ok(self.write(vec![removed, audit(&event)]).await?.kept()?.is_some())
    }

    async fn note(&self, event: Event) -> Result<()> {
        self.written(vec![audit(&event)]).await
    }

    async fn ready(&self) -> Result<()> {
        match self.standing().await {
            // That we may read there at all, and that there is something to read.
            Standing::Authenticated => self.setting_id("identivia").await.map(drop),
            standing => Err(StoreError::Unavailable(format!("PocketBase is {}", standing.word()))),
        }
    }
}
