//! Requests that write to PocketBase: batches, one request after the other where the batch API is off, files, and a
//! ledger of unanswered writes that keeps a retry from adding a record twice.

use std::collections::HashMap;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use tokio::sync::SemaphorePermit;
use tokio::time::{Instant, timeout};

use super::answers::{CallAnswer, RefusalReason, unexpected_answer};
use super::client::ApiClient;
use super::field_mapping::{STATUS_UPDATED, fields_in_pocketbase, id_of};
use super::shape::possible_holders;
use super::{PocketBase, record_path, records_path};
use crate::domain::media;
use crate::records::id::RecordId;
use crate::records::{FieldType, RecordKind};
use crate::store::{Result, StagedFile, StoreError};

/// How long a write without an answer is remembered, and how many of them.
const REMEMBER_UNANSWERED: Duration = Duration::from_secs(600);
const MAX_UNANSWERED: usize = 1_000;
/// Writes with files that run at once, and how long one waits for its permit.
pub(super) const MAX_FILE_WRITES: usize = 16;
const FILE_PERMIT_TIMEOUT: Duration = Duration::from_secs(10);
/// The most requests in a batch, by PocketBase's default settings.
const MAX_BATCH: usize = 50;

/// Writes that may have been done: their fingerprints, the ids that they gave, and since when.
pub(super) type UnansweredWrites = HashMap<WriteFingerprint, (RecordId, Instant)>;

type WriteFingerprint = Vec<u8>;

/// A write in progress. Until PocketBase has answered it, it or an earlier attempt may have been done. That also holds
/// when the caller has gone, and when a later attempt gets no permit.
struct WriteAttempt<'a> {
    store: &'a PocketBase,
    write: Option<(WriteFingerprint, RecordId)>,
}

impl WriteAttempt<'_> {
    fn note_answer(&mut self) {
        if let Some((write, _)) = self.write.take() {
            self.store.unanswered_writes().remove(&write);
        }
    }
}

impl Drop for WriteAttempt<'_> {
    fn drop(&mut self) {
        if let Some((write, id)) = self.write.take() {
            let mut unanswered = self.store.unanswered_writes();
            if unanswered.len() >= MAX_UNANSWERED {
                let oldest = unanswered.iter().min_by_key(|(_, (_, since))| *since).map(|(write, _)| write.clone());
                oldest.and_then(|write| unanswered.remove(&write));
            }
            unanswered.insert(write, (id, Instant::now()));
        }
    }
}

/// One request that writes a record.
pub(super) struct WriteRequest {
    pub(super) kind: RecordKind,
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Value,
    /// The files of the record, each with the field that names it.
    pub(super) files: Vec<(&'static str, StagedFile)>,
    /// Whether the request may be left out when its record exists already, and when it does not exist.
    pub(super) may_exist: bool,
    pub(super) may_be_missing: bool,
    /// Whether the request makes the batch fail if another batch has written the same profile first.
    pub(super) is_lock: bool,
}

impl WriteRequest {
    pub(super) fn insert(kind: RecordKind, body: Value) -> Self {
        Self::new(kind, Method::POST, records_path(kind.name()), body)
    }

    pub(super) fn update(kind: RecordKind, id: RecordId, body: Value) -> Self {
        Self::new(kind, Method::PATCH, record_path(kind, id.as_str()), body)
    }

    pub(super) fn delete(kind: RecordKind, id: RecordId) -> Self {
        Self::new(kind, Method::DELETE, record_path(kind, id.as_str()), Value::Null)
    }

    fn new(kind: RecordKind, method: Method, path: String, body: Value) -> Self {
        Self { kind, method, path, body, files: Vec::new(), may_exist: false, may_be_missing: false, is_lock: false }
    }

    /// Says whether it may be left out for that reason.
    fn may_be_left_out(&self, reason: &RefusalReason) -> bool {
        match reason {
            RefusalReason::Missing => self.may_be_missing,
            RefusalReason::Invalid(_) => self.may_exist && reason.is_taken(),
        }
    }

    pub(super) fn is_insert(&self) -> bool {
        self.method == Method::POST
    }

    /// Says whether it must be one step with the requests beside it. A copied review may exist, and goes alone.
    fn is_step_of_review(&self) -> bool {
        let is_new_review = self.kind == RecordKind::Reviews && self.is_insert() && !self.may_exist;
        is_new_review || self.kind == RecordKind::ReviewVersions
    }
}

/// PocketBase's answer to requests that belong together.
pub(super) enum WriteAnswer {
    /// The record of each request as it is stored now; `None` where that is unknown or nothing was written.
    Done(Vec<Option<Value>>),
    /// The request of that number was refused.
    Refused { request: usize, reason: RefusalReason },
}

impl PocketBase {
    /// Writes records. Those of histories are written once, however often they are tried.
    pub(super) async fn write(&self, requests: &mut [WriteRequest]) -> Result<WriteAnswer> {
        let is_of_history = |kind| matches!(kind, RecordKind::VerificationHistory | RecordKind::StatusHistory);
        match requests.first() {
            Some(first) if first.is_insert() && !first.may_exist && is_of_history(first.kind) => {
                self.write_once(requests).await
            }
            _ => self.write_together(requests).await,
        }
    }

    /// Writes records together.
    async fn write_together(&self, requests: &[WriteRequest]) -> Result<WriteAnswer> {
        let _permit = self.acquire_file_permit(requests).await?;
        if requests.len() == 1 || self.is_batch_off() {
            return self.write_one_by_one(requests).await;
        }
        if requests.len() > MAX_BATCH {
            return Err(StoreError::Refused(format!("PocketBase makes at most {MAX_BATCH} changes at once")));
        }
        match self.call(|client| batch_request(client, requests)).await? {
            CallAnswer::Done(Value::Array(answers)) if answers.len() == requests.len() => {
                let records = answers.into_iter().map(|mut answer| answer.get_mut("body").map(Value::take));
                Ok(WriteAnswer::Done(records.collect()))
            }
            CallAnswer::Done(_) => Err(unexpected_answer()),
            CallAnswer::BatchOff => {
                self.note_that_batch_is_off();
                self.write_one_by_one(requests).await
            }
            CallAnswer::Refused { request, reason } => Ok(WriteAnswer::Refused { request, reason }),
        }
    }

    /// Transfers of files may take long. Fewer of them than calls run at once, so that other calls go on.
    async fn acquire_file_permit(&self, requests: &[WriteRequest]) -> Result<Option<SemaphorePermit<'_>>> {
        if requests.iter().all(|request| request.files.is_empty()) {
            return Ok(None);
        }
        match timeout(FILE_PERMIT_TIMEOUT, self.file_permits.acquire()).await {
            Ok(Ok(permit)) => Ok(Some(permit)),
            _ => Err(StoreError::Busy),
        }
    }

    pub(super) fn is_batch_off(&self) -> bool {
        self.batch_is_off.load(Ordering::Relaxed)
    }

    pub(super) fn note_that_batch_is_off(&self) {
        if !self.batch_is_off.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "PocketBase's batch API is off, so records that belong together are written one after the other: turn it \
                 on in its settings (Application, Batch API) and restart this server"
            );
        }
    }

    /// Writes one record after the other. The first is what was asked for: once it is written, a failure of those that go
    /// with it is logged and does not undo it. Several new records of which none may exist cannot be written so.
    async fn write_one_by_one(&self, requests: &[WriteRequest]) -> Result<WriteAnswer> {
        let is_receipt = |request: &WriteRequest| request.is_insert() && request.kind == RecordKind::IdempotencyKeys;
        if requests.len() > 1 && requests.iter().any(is_receipt) {
            let text = "PocketBase's batch API is off, which Idempotency-Key needs: send the request without the key, or \
                        have the operator turn the batch API on";
            return Err(StoreError::Refused(text.to_owned()));
        }
        // The batch API has just been found off. The next attempt knows that: it leaves the review out, or answers 501.
        if requests.len() > 1 && requests.iter().any(WriteRequest::is_step_of_review) {
            return Err(StoreError::Busy);
        }
        let must_be_new = |request: &&WriteRequest| request.is_insert() && !request.may_exist && !request.is_lock;
        if requests.iter().filter(must_be_new).count() > 1 {
            return Err(StoreError::Refused("PocketBase's batch API is off: it adds one record at a time".to_owned()));
        }
        let mut written = Vec::new();
        for (number, request) in requests.iter().enumerate() {
            let answer = self.call(|client| single_request(client, request)).await;
            match answer {
                Ok(CallAnswer::Done(record)) => written.push(Some(record)),
                Ok(CallAnswer::Refused { reason, .. }) if request.may_be_left_out(&reason) => written.push(None),
                Ok(CallAnswer::Refused { reason, .. }) if number == 0 => {
                    return Ok(WriteAnswer::Refused { request: number, reason });
                }
                Err(error) if number == 0 => return Err(error),
                _ => {
                    tracing::error!(path = request.path, "a record was written, but what goes with it was not");
                    written.push(None);
                }
            }
        }
        Ok(WriteAnswer::Done(written))
    }

    /// Adds a record under an id of this program. If the answer is lost, the next attempt at the same finds the record
    /// under that id instead of adding it twice.
    async fn write_once(&self, requests: &mut [WriteRequest]) -> Result<WriteAnswer> {
        let Some(first) = requests.first() else { return Err(unexpected_answer()) };
        let (kind, fingerprint, fresh) = (first.kind, fingerprint_of(first).await?, id_of(&first.body)?);
        let id = self.unanswered_writes().get(&fingerprint).map_or(fresh, |(id, _)| *id);
        replace_id(requests, fresh, id);
        let mut attempt = WriteAttempt { store: self, write: Some((fingerprint, id)) };
        let outcome = self.write_together(requests).await;
        if outcome.is_ok() {
            attempt.note_answer();
        }
        drop(attempt);
        match outcome? {
            WriteAnswer::Refused { request: 0, reason } if id != fresh && reason.is_taken() => {
                let Some(found) = self.get(&record_path(kind, id.as_str()), &[]).await? else {
                    return Ok(WriteAnswer::Refused { request: 0, reason });
                };
                let others = requests.iter().skip(1).map(|_| None);
                Ok(WriteAnswer::Done(std::iter::once(Some(found)).chain(others).collect()))
            }
            outcome => Ok(outcome),
        }
    }

    fn unanswered_writes(&self) -> MutexGuard<'_, UnansweredWrites> {
        let mut unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        unanswered.retain(|_, (_, since)| since.elapsed() < REMEMBER_UNANSWERED);
        unanswered
    }
}

/// Gives a new record another id, wherever the requests that go with it name it.
fn replace_id(requests: &mut [WriteRequest], from: RecordId, to: RecordId) {
    let fields = requests.iter_mut().filter_map(|request| request.body.as_object_mut());
    for value in fields.flat_map(serde_json::Map::values_mut).filter(|value| *value == from.as_str()) {
        *value = json!(to);
    }
}

/// A digest of what a write does, without its id and its times.
async fn fingerprint_of(request: &WriteRequest) -> Result<WriteFingerprint> {
    let mut body = request.body.clone();
    if let Some(fields) = body.as_object_mut() {
        let times = fields_in_pocketbase(request.kind).filter(|field| field.holds == FieldType::Time);
        let times = times.flat_map(|field| possible_holders(request.kind, field));
        for varying in times.chain(["id", STATUS_UPDATED]) {
            fields.remove(varying);
        }
    }
    let mut context = digest::Context::new(&digest::SHA256);
    context.update(request.path.as_bytes());
    context.update(body.to_string().as_bytes());
    let mut files = Vec::new();
    for (field, staged) in &request.files {
        files.push((*field, staged.file.try_clone().map_err(|error| unreadable_file(&error))?));
    }
    let digested = tokio::task::spawn_blocking(move || {
        for (field, file) in files {
            context.update(field.as_bytes());
            digest_file(&mut context, &file)?;
        }
        Ok::<_, std::io::Error>(context.finish().as_ref().to_vec())
    });
    digested.await.map_err(|error| StoreError::Failed(error.to_string()))?.map_err(|error| unreadable_file(&error))
}

fn unreadable_file(error: &std::io::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// Adds a file's content to a digest: two files can have one length.
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

/// One write as a request of its own.
fn single_request(client: &ApiClient, request: &WriteRequest) -> Result<RequestBuilder> {
    if request.files.is_empty() {
        return Ok(client.request(request.method.clone(), &request.path).json(&request.body));
    }
    let form = Form::new().text("@jsonPayload", request.body.to_string());
    let form = add_files(form, "", &request.files)?;
    Ok(client.files_request(request.method.clone(), &request.path).multipart(form))
}

/// Writes as one batch.
fn batch_request(client: &ApiClient, requests: &[WriteRequest]) -> Result<RequestBuilder> {
    let items = requests
        .iter()
        .map(|request| json!({"method": request.method.as_str(), "url": request.path, "body": request.body}));
    let payload = json!({"requests": items.collect::<Vec<_>>()});
    if requests.iter().all(|request| request.files.is_empty()) {
        return Ok(client.request(Method::POST, "/api/batch").json(&payload));
    }
    let mut form = Form::new().text("@jsonPayload", payload.to_string());
    for (number, request) in requests.iter().enumerate() {
        form = add_files(form, &format!("requests.{number}."), &request.files)?;
    }
    Ok(client.files_request(Method::POST, "/api/batch").multipart(form))
}

fn add_files(mut form: Form, prefix: &str, files: &[(&'static str, StagedFile)]) -> Result<Form> {
    for (field, staged) in files {
        let mut file = staged.file.try_clone().map_err(|error| unreadable_file(&error))?;
        std::io::Seek::rewind(&mut file).map_err(|error| unreadable_file(&error))?;
        let length = file.metadata().map_err(|error| unreadable_file(&error))?.len();
        let part = Part::stream_with_length(tokio::fs::File::from_std(file), length);
        form = form.part(format!("{prefix}{field}"), part.file_name(media::sent_name(&staged.name)));
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn insert_with_file(file: &[u8]) -> WriteRequest {
        let mut kept = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut kept, file).unwrap();
        let body = json!({"id": RecordId::random(), "name": "n", "checks_due": RecordId::random()});
        let mut request = WriteRequest::insert(RecordKind::VerificationHistory, body);
        request.files.push(("document_front", StagedFile { name: "a_b1.png".to_owned(), file: kept }));
        request
    }

    #[tokio::test]
    async fn write_is_the_same_only_with_the_same_files() {
        let (one, again, other) = (insert_with_file(b"one"), insert_with_file(b"one"), insert_with_file(b"two"));
        let one = fingerprint_of(&one).await.unwrap();
        assert_eq!(one, fingerprint_of(&again).await.unwrap());
        assert_ne!(one, fingerprint_of(&other).await.unwrap(), "of the same length");
    }

    #[test]
    fn replaced_id_is_replaced_in_every_request() {
        let (from, to) = (RecordId::random(), RecordId::random());
        let mut requests = [
            WriteRequest::insert(RecordKind::VerificationHistory, json!({"id": from})),
            WriteRequest::update(RecordKind::LivenessSessions, RecordId::random(), json!({"used_by": from})),
            WriteRequest::insert(RecordKind::AuditEvents, json!({"id": "other", "detail": from})),
        ];
        replace_id(&mut requests, from, to);
        assert_eq!(requests[0].body["id"], json!(to));
        assert_eq!(requests[1].body["used_by"], json!(to));
        assert_eq!(requests[2].body, json!({"id": "other", "detail": to}));
    }
}
