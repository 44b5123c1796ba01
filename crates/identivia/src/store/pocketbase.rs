//! PocketBase: the records of an instance that its operators already have, files in its own file fields.
//!
//! It gives less than a database of ours. It holds no transaction open between calls, so a condition of a write
//! ([`OnlyIf::Undecided`], a status that must follow from the last) is looked at just before the write and not within
//! it; unique indexes, which it does enforce, keep a userID to one profile, a liveness session to one record, and a browser's
//! steps in line. Records
//! that change together go through its batch API; where that is off, one after the other. It does not sync to disk
//! before it answers.

mod archive;
mod client;
mod filter;
mod records;
mod schema;

use std::collections::HashMap;
use std::os::unix::fs::FileExt as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_lc_rs::{digest, hmac};
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use tokio::time::Instant;

use super::{
    Attached, Collection, Created, OnlyIf, Page, PageRequest, Refusal, Result, Setting, Staged, Store, StoreError,
    Written,
};
use crate::clock::Clock;
use crate::domain::event::Event;
use crate::domain::id::{RecordId, letters_of};
use crate::domain::liveness::Session;
use crate::domain::media;
use crate::domain::profile::{
    FileField, NewProfile, Profile, ProfileChange, ProfileEntry, ProfileFilter, ProfileView, Reach,
};
use crate::domain::status::{self, StatusRecord};
use crate::domain::time::Millis;
use crate::domain::verification::{FILES, NewVerification, VerificationRecord};
use client::{Answer, Client};
use filter::{MAX_BYTES, containing, literal};
use records::{STATUSES, VERIFICATIONS, is_cut_off, text};

pub use client::{Account, Standing};

/// How long a look at how PocketBase does is good for.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(5);
/// How long a write whose answer was lost is remembered, and how many of them.
const UNRESOLVED_FOR: Duration = Duration::from_secs(600);
const MOST_UNRESOLVED: usize = 1_000;
/// Records asked for beyond a page, so that those of its cursor's millisecond seldom take another call.
const SPARE: usize = 9;
/// PocketBase's word for a value that another record has already.
const TAKEN: &str = "validation_not_unique";

/// What is read of a profile, and of its histories with it.
const PROFILE_FIELDS: &str = "id,team,status,recorded_status,name,document_type,document_number,document_name,country,\
    language,security_level,document_front,document_back,facial_photo,facial_video,created,updated,\
    expand.status_history_via_profile.id,expand.status_history_via_profile.new_status,\
    expand.status_history_via_profile.created,\
    expand.verification_history_via_profile.id,expand.verification_history_via_profile.profile,\
    expand.verification_history_via_profile.status,expand.verification_history_via_profile.liveness_session_id,\
    expand.verification_history_via_profile.liveness_confidence,\
    expand.verification_history_via_profile.liveness_status,expand.verification_history_via_profile.document_type,\
    expand.verification_history_via_profile.name,expand.verification_history_via_profile.document_number,\
    expand.verification_history_via_profile.country,expand.verification_history_via_profile.created,\
    expand.verification_history_via_profile.updated";

/// What lists read of any record: not the JSON documents beside them, of which a page could hold megabytes.
const LISTED_FIELDS: &str = "id,profile,userID,team,status,recorded_status,name,document_type,document_number,country,\
    liveness_session_id,liveness_confidence,liveness_status,liveness_confirmed_by,claimed_confidence,claimed_status,\
    address,gender,date_of_birth,ip_address,facial_photo,document_front,document_back,\
    updated_by,previous_status,new_status,notes,verification,created,updated";

/// An instance of PocketBase.
pub struct PocketBase {
    client: Client,
    /// Keys the ids of new profiles.
    ids: hmac::Key,
    batch_is_off: AtomicBool,
    /// Whether it reads the literals of filters as we write them; asked before the first filter.
    reads_literals: OnceCell<bool>,
    /// Writes that may have been done: what they were, and the id that they gave.
    unresolved: Mutex<HashMap<Fingerprint, (RecordId, Instant)>>,
    looked: tokio::sync::Mutex<Option<(Instant, Standing)>>,
}

type Fingerprint = Vec<u8>;

/// A write under way. Until it is answered it, or an earlier attempt at it, may have been done: also when whoever asked
/// for it has gone, and when a later attempt finds no place.
struct Attempt<'a> {
    store: &'a PocketBase,
    write: Option<(Fingerprint, RecordId)>,
}

impl Attempt<'_> {
    fn is_resolved(&mut self) {
        if let Some((write, _)) = self.write.take() {
            self.store.unresolved().remove(&write);
        }
    }
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if let Some((write, id)) = self.write.take() {
            let mut unresolved = self.store.unresolved();
            if unresolved.len() < MOST_UNRESOLVED {
                unresolved.insert(write, (id, Instant::now()));
            }
        }
    }
}

/// One record that changes.
struct Change {
    method: Method,
    path: String,
    body: Value,
    files: Vec<(FileField, Staged)>,
}

impl Change {
    fn add(collection: &str, body: Value) -> Self {
        Self { method: Method::POST, path: records_path(collection), body, files: Vec::new() }
    }

    fn set(collection: &str, id: &str, body: Value) -> Self {
        Self { method: Method::PATCH, path: record_path(collection, id), body, files: Vec::new() }
    }
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
        match self.call(|client| Ok(client.request(Method::GET, path).query(query))).await? {
            Answer::Done(body) => Ok(Some(body)),
            Answer::Missing => Ok(None),
            Answer::Invalid(_) | Answer::BatchOff => Err(unexpected()),
        }
    }

    /// Records that a filter lets through, at most 1,000.
    async fn list(&self, collection: &str, filter: &str, sort: &str, limit: usize) -> Result<Vec<Value>> {
        self.list_page(collection, filter, sort, (limit, 1)).await
    }

    /// The page of that number, counted from 1.
    async fn list_page(
        &self,
        collection: &str,
        filter: &str,
        sort: &str,
        (limit, number): (usize, usize),
    ) -> Result<Vec<Value>> {
        if filter.len() > MAX_BYTES {
            return Err(StoreError::Refused("the search is longer than PocketBase takes; shorten it".to_owned()));
        }
        if !self.reads_literals(collection).await? {
            return Err(StoreError::Unavailable("PocketBase is older than 0.39.9: update it".to_owned()));
        }
        let (limit, number) = (limit.to_string(), number.to_string());
        let mut query =
            vec![("filter", filter), ("sort", sort), ("perPage", &limit), ("page", &number), ("skipTotal", "1")];
        // Where PocketBase picks fields, it rounds the numbers in them: a setting's value must stay what it is.
        if collection != "settings" {
            query.push(("fields", LISTED_FIELDS));
        }
        let body = self.get(&records_path(collection), &query).await?;
        match body.as_ref().and_then(|body| body.get("items")) {
            Some(Value::Array(items)) => Ok(items.clone()),
            _ => Err(unexpected()),
        }
    }

    /// A page of a list, newest first; of one millisecond the last made first. No filter can ask for that order, so the
    /// records of the cursor's own time are listed again, and passed over up to the one that it names.
    async fn page<T>(
        &self,
        collection: &str,
        mut filter: String,
        page: &PageRequest,
        read: fn(&Value) -> Result<T>,
    ) -> Result<Page<T>> {
        let mut wanted = place(page)?;
        if let Some((time, _)) = &wanted {
            filter.push_str(&format!(" && created <= {}", literal(time)));
        }
        let at_once = page.limit + 1 + SPARE;
        let mut found = Vec::new();
        for number in 1.. {
            let listed = self.list_page(collection, &filter, "-created,-@rowid", (at_once, number)).await?;
            let is_last = listed.len() < at_once;
            found.extend(listed);
            if let Some((time, id)) = &wanted {
                let place = found.iter().position(|record| text(record, "id") == id.as_str());
                found.drain(..place.map_or(0, |place| place + 1));
                let is_behind = found.last().is_some_and(|record| text(record, "created") != *time);
                wanted = wanted.filter(|_| place.is_none() && !is_behind);
            }
            if is_last || (wanted.is_none() && found.len() > page.limit) {
                break;
            }
        }
        page_of(found, page.limit, read)
    }

    async fn history<T>(
        &self,
        collection: &str,
        profile: RecordId,
        page: &PageRequest,
        read: fn(&Value) -> Result<T>,
    ) -> Result<Page<T>> {
        self.page(collection, format!("profile = {}", literal(profile.as_str())), page, read).await
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
        let is_closed = only_if == OnlyIf::Undecided && profile.is_decided();
        Ok(if is_closed { Err(Refusal::Decided) } else { Ok((profile, found)) })
    }

    /// Changes records together; answers the first as it is kept.
    async fn write(&self, changes: Vec<Change>) -> Result<Answer> {
        if changes.len() > 1 && !self.is_batch_off() {
            match self.call(|client| batch(client, &changes)).await? {
                Answer::Done(answers) => {
                    let first = answers.get(0).and_then(|answer| answer.get("body"));
                    return first.cloned().map(Answer::Done).ok_or_else(unexpected);
                }
                Answer::BatchOff => self.note_that_batch_is_off(),
                refused => return Ok(refused),
            }
        }
        self.write_one_by_one(&changes).await
    }

    fn is_batch_off(&self) -> bool {
        self.batch_is_off.load(Ordering::Relaxed)
    }

    fn note_that_batch_is_off(&self) {
        if !self.batch_is_off.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "PocketBase's batch API is off, so records that belong together are written one after the other: turn it \
                 on in its settings (Application, Batch API) and restart this server"
            );
        }
    }

    /// The first change is what was asked for. Once it is done, what goes with it can be late but not undo it.
    async fn write_one_by_one(&self, changes: &[Change]) -> Result<Answer> {
        let Some((first, rest)) = changes.split_first() else { return Err(unexpected()) };
        let outcome = self.call(|client| single(client, first)).await?;
        if matches!(outcome, Answer::Done(_)) {
            for change in rest {
                let done = self.call(|client| single(client, change)).await;
                if !matches!(done, Ok(Answer::Done(_))) {
                    tracing::error!(path = change.path, "a record was written, but what goes with it was not");
                }
            }
        }
        Ok(outcome)
    }

    /// Adds a record under an id of ours. If the answer is lost, the next attempt at the same finds it under that id
    /// instead of adding it twice.
    async fn add(&self, collection: &str, mut changes: Vec<Change>) -> Result<Answer> {
        let Some(first) = changes.first_mut() else { return Err(unexpected()) };
        let fingerprint = fingerprint(first).await?;
        let fresh = records::id_in(&first.body, "id")?;
        let id = self.unresolved().get(&fingerprint).map_or(fresh, |(id, _)| *id);
        rename(&mut changes, fresh, id);
        let mut attempt = Attempt { store: self, write: Some((fingerprint, id)) };
        let outcome = self.write(changes).await;
        if outcome.is_ok() {
            attempt.is_resolved();
        }
        drop(attempt);
        match outcome? {
            Answer::Invalid(faults) if id != fresh && is_taken(&faults, "id") => {
                let found = self.get(&record_path(collection, id.as_str()), &[]).await?;
                Ok(found.map_or(Answer::Missing, Answer::Done))
            }
            outcome => Ok(outcome),
        }
    }

    fn unresolved(&self) -> std::sync::MutexGuard<'_, HashMap<Fingerprint, (RecordId, Instant)>> {
        let mut unresolved = self.unresolved.lock().unwrap_or_else(PoisonError::into_inner);
        unresolved.retain(|_, (_, since)| since.elapsed() < UNRESOLVED_FOR);
        unresolved
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

    async fn setting_id(&self, key: &str) -> Result<Option<RecordId>> {
        let filter = format!("key = {}", literal(key));
        self.list("settings", &filter, "key", 1).await?.first().map(records::id).transpose()
    }
}

fn unexpected() -> StoreError {
    StoreError::Unavailable("PocketBase's answer is none that we know: is its schema ours?".to_owned())
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

/// What a liveness session is kept under, and what a record that has used it carries.
fn session_key(session: &str) -> RecordId {
    letters_of(digest::digest(&digest::SHA256, session.as_bytes()).as_ref())
}

/// Gives a new record another id, wherever the changes that go with it name it.
fn rename(changes: &mut [Change], from: RecordId, to: RecordId) {
    let fields = changes.iter_mut().filter_map(|change| change.body.as_object_mut());
    for value in fields.flat_map(serde_json::Map::values_mut).filter(|value| *value == from.as_str()) {
        *value = json!(to);
    }
}

/// What a write is, whatever its id and time.
async fn fingerprint(change: &Change) -> Result<Fingerprint> {
    let mut body = change.body.clone();
    for varying in ["id", "created", "updated"] {
        body[varying] = Value::Null;
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(change.path.as_bytes());
    context.update(body.to_string().as_bytes());
    let mut files = Vec::new();
    for (field, staged) in &change.files {
        files.push((field.name(), staged.file.try_clone().map_err(|error| StoreError::Failed(error.to_string()))?));
    }
    let digested = tokio::task::spawn_blocking(move || {
        for (field, file) in files {
            context.update(field.as_bytes());
            digest_file(&mut context, &file)?;
        }
        Ok::<_, std::io::Error>(context.finish().as_ref().to_vec())
    });
    let failed = |error: String| StoreError::Failed(error);
    digested.await.map_err(|error| failed(error.to_string()))?.map_err(|error| failed(error.to_string()))
}

/// Two files can be of one length, so a file is what is in it.
fn digest_file(context: &mut digest::Context, file: &std::fs::File) -> std::io::Result<()> {
    let (mut piece, mut at) = (vec![0; 64 * 1024], 0);
    context.update(&file.metadata()?.len().to_be_bytes());
    loop {
        let length = file.read_at(&mut piece, at)?;
        if length == 0 {
            return Ok(());
        }
        context.update(&piece[..length]);
        at += length as u64;
    }
}

/// The bits of a cursor that hold an id; the time stands above them.
const ID_BITS: u32 = 80;
/// Stands for the time of a record that has none, which another program may have made: the largest there is room for.
const NO_TIME: u64 = (1 << (u128::BITS - ID_BITS)) - 1;

/// A cursor is the time and id of the last record before it, as one number.
fn cursor(time: Millis, id: RecordId) -> String {
    let time = if time.0 == 0 { NO_TIME } else { time.0.unsigned_abs() };
    ((u128::from(time) << ID_BITS) | id.number()).to_string()
}

/// The time and id that a cursor names.
fn place(page: &PageRequest) -> Result<Option<(String, RecordId)>> {
    let Some(cursor) = &page.cursor else { return Ok(None) };
    let number: u128 = cursor.parse().map_err(|_| StoreError::BadCursor)?;
    let time = match number >> ID_BITS {
        time if time == u128::from(NO_TIME) => String::new(),
        time => Millis(i64::try_from(time).ok().filter(|time| *time > 0).ok_or(StoreError::BadCursor)?).to_string(),
    };
    let id = RecordId::of_number(number & ((1 << ID_BITS) - 1)).ok_or(StoreError::BadCursor)?;
    Ok(Some((time, id)))
}

/// Makes a page of `limit` out of a list that holds what follows it too.
fn page_of<T>(mut records: Vec<Value>, limit: usize, read: fn(&Value) -> Result<T>) -> Result<Page<T>> {
    let more = records.len() > limit;
    records.truncate(limit);
    let last = records.last().filter(|_| more);
    let next = last.map(|record| records::id(record).map(|id| cursor(records::millis(record, "created"), id)));
    let next = next.transpose()?;
    Ok(Page { items: records.iter().map(read).collect::<Result<_>>()?, next })
}

fn profiles_filter(reach: &Reach, filter: &ProfileFilter) -> String {
    let mut conditions = vec!["id != \"\"".to_owned()];
    let mut equal = |field: &str, value: &str| conditions.push(format!("{field} = {}", literal(value)));
    if let Some(team) = reach.team() {
        equal("team", team);
    }
    let words = [("status", &filter.verification_status), ("country", &filter.country), ("userID", &filter.user_id)];
    for (field, word) in words.into_iter().filter(|(_, word)| !word.is_empty()) {
        equal(field, word);
    }
    if !filter.status.is_empty() {
        let word = literal(&filter.status);
        conditions.push(format!("(recorded_status = {word} || (recorded_status = \"\" && status = {word}))"));
    }
    if let Some(after) = filter.created_after {
        conditions.push(format!("created > {}", literal(&after.to_string())));
    }
    if let Some(before) = filter.created_before {
        conditions.push(format!("created < {}", literal(&before.to_string())));
    }
    if !filter.q.is_empty() {
        let pattern = containing(&filter.q);
        conditions.push(format!(
            "(name ~ {pattern} || userID ~ {pattern} || document_number ~ {pattern} || email ~ {pattern})"
        ));
    }
    conditions.join(" && ")
}

/// One change as a request of its own.
fn single(client: &Client, change: &Change) -> Result<RequestBuilder> {
    if change.files.is_empty() {
        return Ok(client.request(change.method.clone(), &change.path).json(&change.body));
    }
    let form = Form::new().text("@jsonPayload", change.body.to_string());
    let form = with_files(form, "", &change.files)?;
    Ok(client.files_request(change.method.clone(), &change.path).multipart(form))
}

/// Changes as one batch.
fn batch(client: &Client, changes: &[Change]) -> Result<RequestBuilder> {
    let requests =
        changes.iter().map(|change| json!({"method": change.method.as_str(), "url": change.path, "body": change.body}));
    let payload = json!({"requests": requests.collect::<Vec<_>>()});
    if changes.iter().all(|change| change.files.is_empty()) {
        return Ok(client.request(Method::POST, "/api/batch").json(&payload));
    }
    let mut form = Form::new().text("@jsonPayload", payload.to_string());
    for (number, change) in changes.iter().enumerate() {
        form = with_files(form, &format!("requests.{number}."), &change.files)?;
    }
    Ok(client.files_request(Method::POST, "/api/batch").multipart(form))
}

fn with_files(mut form: Form, prefix: &str, files: &[(FileField, Staged)]) -> Result<Form> {
    for (field, staged) in files {
        let failed = |error: std::io::Error| StoreError::Failed(error.to_string());
        let mut file = staged.file.try_clone().map_err(failed)?;
        std::io::Seek::rewind(&mut file).map_err(failed)?;
        let length = file.metadata().map_err(failed)?.len();
        let part = Part::stream_with_length(tokio::fs::File::from_std(file), length);
        form = form.part(format!("{prefix}{}", field.name()), part.file_name(media::sent_name(&staged.name)));
    }
    Ok(form)
}

/// The staged files of a record, each with the field that names it.
fn by_field(attached: Attached, fields: &[FileField], name: impl Fn(FileField) -> String) -> Vec<(FileField, Staged)> {
    let named = |staged: &Staged| fields.iter().copied().find(|field| name(*field) == staged.name);
    attached.staged.into_iter().filter_map(|staged| Some((named(&staged)?, staged))).collect()
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
                Answer::Done(_) => return Ok(Created { id: try_id, fresh: true }),
                Answer::Invalid(faults) if is_taken(&faults, "id") || is_taken(&faults, "userID") => {
                    if let Some(id) = self.existing(id, &new).await? {
                        return Ok(Created { id, fresh: false });
                    }
                }
                Answer::Invalid(faults) => return Err(refused(&faults)),
                Answer::Missing | Answer::BatchOff => return Err(unexpected()),
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
        if let Err(refusal) = self.writable(id, reach, only_if).await? {
            return Ok(Err(refusal));
        }
        let mut changed = Change::set("profiles", id.as_str(), records::profile_change(&change, event.at));
        changed.path.push_str(&format!("?expand={STATUSES}"));
        changed.files = by_field(attached, &FileField::ALL, |field| change.files.get(field).to_owned());
        match self.write(vec![changed, audit(&event)]).await? {
            Answer::Done(kept) => Ok(Ok(records::profile(&kept)?)),
            Answer::Missing => Ok(Err(Refusal::Missing)),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::BatchOff => Err(unexpected()),
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
            added.body["follows"] = records::newest_step(&found).clone();
        }
        if only_if == OnlyIf::Undecided && !status::follows(&record.previous_status, &profile) {
            return Ok(Err(Refusal::Stale));
        }
        if !record.verification.is_empty() && !self.is_verification_of(&record.verification, profile.id).await? {
            return Ok(Err(Refusal::UnknownVerification));
        }
        let shown = json!({"recorded_status": record.new_status});
        let changes = vec![added, Change::set("profiles", profile.id.as_str(), shown), audit(&event)];
        match self.add("status_history", changes).await? {
            Answer::Done(kept) => Ok(Ok(records::status_record(&kept)?)),
            Answer::Missing => Ok(Err(Refusal::Missing)),
            // Somebody else's step was first.
            Answer::Invalid(faults) if is_taken(&faults, "follows") => Ok(Err(Refusal::Stale)),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::BatchOff => Err(unexpected()),
        }
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
        if known.as_ref().and_then(|session| session.profile).is_some_and(|profile| profile != record.profile) {
            return Ok(Err(Refusal::ForeignSession));
        }
        let key = known.map(|_| session_key(claimed));
        let mut added = Change::add(
            "verification_history",
            records::new_verification(&record, key.as_ref().map_or("", RecordId::as_str)),
        );
        added.files = by_field(attached, &FILES, |field| record.file(field).to_owned());
        let mut changes = vec![added];
        if let Some(key) = &key {
            changes.push(Change::set("liveness_sessions", key.as_str(), json!({"used_by": record.id})));
        }
        changes.push(audit(&event));
        match self.add("verification_history", changes).await? {
            Answer::Done(kept) => Ok(Ok(records::verification_record(&kept)?)),
            Answer::Missing => Ok(Err(Refusal::Missing)),
            Answer::Invalid(faults) if is_taken(&faults, "session_claim") => Ok(Err(Refusal::SessionUsed)),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::BatchOff => Err(unexpected()),
        }
    }

    async fn verification_records(&self, profile: RecordId, page: PageRequest) -> Result<Page<VerificationRecord>> {
        self.history("verification_history", profile, &page, records::verification_record).await
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
            Collection::Profiles => (&found, FileField::ALL.as_slice()),
            Collection::VerificationHistory => (&found["expand"]["profile"], FILES.as_slice()),
        };
        let names_it = fields.iter().any(|field| text(&found, field.name()) == name);
        // Another program may have taken the record from its profile.
        let is_theirs = names_it && owner.is_object() && is_within(reach, owner);
        if is_theirs { records::id(owner).map(Some) } else { Ok(None) }
    }

    async fn add_session(&self, session: Session, event: Event) -> Result<()> {
        let mut fields = records::session_fields(&session);
        fields["id"] = json!(session_key(&session.id));
        match self.write(vec![Change::add("liveness_sessions", fields), audit(&event)]).await? {
            Answer::Done(_) => Ok(()),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::Missing | Answer::BatchOff => Err(unexpected()),
        }
    }

    async fn session(&self, id: &str) -> Result<Option<Session>> {
        let found = self.get(&record_path("liveness_sessions", session_key(id).as_str()), &[]).await?;
        found.as_ref().map(records::session).transpose()
    }

    async fn update_session(&self, session: Session) -> Result<()> {
        let known = self.session(&session.id).await?;
        if known.is_none_or(|known| known.status.is_finished()) {
            return Ok(());
        }
        let body = json!({"status": session.status.word(), "confidence": session.confidence});
        let change = Change::set("liveness_sessions", session_key(&session.id).as_str(), body);
        match self.write(vec![change]).await? {
            Answer::Done(_) | Answer::Missing => Ok(()),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::BatchOff => Err(unexpected()),
        }
    }

    async fn settings(&self) -> Result<Vec<Setting>> {
        Ok(self.list("settings", "key != \"\"", "key", 1_000).await?.iter().map(records::setting).collect())
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
                Answer::Done(_) => return Ok(()),
                // Somebody else was first.
                Answer::Invalid(faults) if known.is_none() && is_taken(&faults, "key") => {
                    known = Some(self.setting_id(&setting.key).await?.ok_or_else(unexpected)?);
                }
                Answer::Invalid(faults) => return Err(refused(&faults)),
                Answer::Missing | Answer::BatchOff => return Err(unexpected()),
            }
        }
    }

    async fn delete_setting(&self, key: &str, event: Event) -> Result<bool> {
        let Some(id) = self.setting_id(key).await? else { return Ok(false) };
        let path = record_path("settings", id.as_str());
        let removed = Change { method: Method::DELETE, path, body: Value::Null, files: Vec::new() };
        match self.write(vec![removed, audit(&event)]).await? {
            Answer::Done(_) => Ok(true),
            Answer::Missing => Ok(false),
            Answer::Invalid(_) | Answer::BatchOff => Err(unexpected()),
        }
    }

    async fn note(&self, event: Event) -> Result<()> {
        match self.write(vec![audit(&event)]).await? {
            Answer::Done(_) => Ok(()),
            Answer::Invalid(faults) => Err(refused(&faults)),
            Answer::Missing | Answer::BatchOff => Err(unexpected()),
        }
    }

    async fn ready(&self) -> Result<()> {
        match self.standing().await {
            // That we may read there at all, and that there is something to read.
            Standing::Authenticated => self.setting_id("identivia").await.map(drop),
            standing => Err(StoreError::Unavailable(format!("PocketBase is {}", standing.word()))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &[u8]) -> Change {
        let mut kept = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut kept, file).unwrap();
        let mut change = Change::add("verification_history", json!({"id": RecordId::random(), "name": "n"}));
        change.files.push((FileField::DocumentFront, Staged { name: "a_b1.png".to_owned(), file: kept }));
        change
    }

    #[tokio::test]
    async fn a_write_is_the_same_only_with_the_same_files() {
        let (one, again, other) = (change(b"one"), change(b"one"), change(b"two"));
        let one = fingerprint(&one).await.unwrap();
        assert_eq!(one, fingerprint(&again).await.unwrap());
        assert_ne!(one, fingerprint(&other).await.unwrap(), "of the same length");
    }

    #[test]
    fn a_record_that_gets_another_id_is_named_by_it_everywhere() {
        let (from, to) = (RecordId::random(), RecordId::random());
        let mut changes = [
            Change::add("verification_history", json!({"id": from})),
            Change::set("liveness_sessions", "s", json!({"used_by": from})),
            Change::add("audit_events", json!({"id": "other", "detail": from})),
        ];
        rename(&mut changes, from, to);
        assert_eq!(changes[0].body["id"], json!(to));
        assert_eq!(changes[1].body["used_by"], json!(to));
        assert_eq!(changes[2].body, json!({"id": "other", "detail": to}));
    }
}
