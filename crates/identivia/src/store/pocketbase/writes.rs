//! Writes to PocketBase: together where they belong together, and never twice.

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

use super::client::{Answer, Client};
use super::{PocketBase, is_taken, record_path, records, records_path, unexpected};
use crate::domain::media;
use crate::records::id::RecordId;
use crate::store::{Attached, Result, Staged, StoreError};

/// How long a write whose answer was lost is remembered, and how many of them.
const UNRESOLVED_FOR: Duration = Duration::from_secs(600);
const MOST_UNRESOLVED: usize = 1_000;
/// Writes with files under way at once, and how long one waits for its turn.
pub(super) const SENDING: usize = 16;
const TURN: Duration = Duration::from_secs(10);

/// Writes that may have been done: what they were, the id that they gave, and since when.
pub(super) type Unresolved = HashMap<Fingerprint, (RecordId, Instant)>;

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
            if unresolved.len() >= MOST_UNRESOLVED {
                let oldest = unresolved.iter().min_by_key(|(_, (_, since))| *since).map(|(write, _)| write.clone());
                oldest.and_then(|write| unresolved.remove(&write));
            }
            unresolved.insert(write, (id, Instant::now()));
        }
    }
}

/// One record that changes.
pub(super) struct Change {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Value,
    /// The field that names each.
    pub(super) files: Vec<(&'static str, Staged)>,
}

impl Change {
    pub(super) fn add(collection: &str, body: Value) -> Self {
        Self { method: Method::POST, path: records_path(collection), body, files: Vec::new() }
    }

    pub(super) fn set(collection: &str, id: &str, body: Value) -> Self {
        Self { method: Method::PATCH, path: record_path(collection, id), body, files: Vec::new() }
    }
}

impl PocketBase {
    /// Changes records together; answers the first as it is kept.
    pub(super) async fn write(&self, changes: Vec<Change>) -> Result<Answer> {
        let _turn = self.turn_to_send(&changes).await?;
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

    /// Files may be long on their way: fewer are sent at once than there are calls, so that these go on.
    async fn turn_to_send(&self, changes: &[Change]) -> Result<Option<SemaphorePermit<'_>>> {
        if changes.iter().all(|change| change.files.is_empty()) {
            return Ok(None);
        }
        match timeout(TURN, self.sending.acquire()).await {
            Ok(Ok(turn)) => Ok(Some(turn)),
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
    pub(super) async fn add(&self, collection: &str, mut changes: Vec<Change>) -> Result<Answer> {
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

    fn unresolved(&self) -> MutexGuard<'_, Unresolved> {
        let mut unresolved = self.unresolved.lock().unwrap_or_else(PoisonError::into_inner);
        unresolved.retain(|_, (_, since)| since.elapsed() < UNRESOLVED_FOR);
        unresolved
    }
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
        files.push((*field, staged.file.try_clone().map_err(|error| unreadable(&error))?));
    }
    let digested = tokio::task::spawn_blocking(move || {
        for (field, file) in files {
            context.update(field.as_bytes());
            digest_file(&mut context, &file)?;
        }
        Ok::<_, std::io::Error>(context.finish().as_ref().to_vec())
    });
    digested.await.map_err(|error| StoreError::Failed(error.to_string()))?.map_err(|error| unreadable(&error))
}

fn unreadable(error: &std::io::Error) -> StoreError {
    StoreError::Failed(error.to_string())
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

/// One change as a request of its own.
pub(super) fn single(client: &Client, change: &Change) -> Result<RequestBuilder> {
    if change.files.is_empty() {
        return Ok(client.request(change.method.clone(), &change.path).json(&change.body));
    }
    let form = Form::new().text("@jsonPayload", change.body.to_string());
    let form = with_files(form, "", &change.files)?;
    Ok(client.files_request(change.method.clone(), &change.path).multipart(form))
}

/// Changes as one batch.
pub(super) fn batch(client: &Client, changes: &[Change]) -> Result<RequestBuilder> {
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

fn with_files(mut form: Form, prefix: &str, files: &[(&'static str, Staged)]) -> Result<Form> {
    for (field, staged) in files {
        let mut file = staged.file.try_clone().map_err(|error| unreadable(&error))?;
        std::io::Seek::rewind(&mut file).map_err(|error| unreadable(&error))?;
        let length = file.metadata().map_err(|error| unreadable(&error))?.len();
        let part = Part::stream_with_length(tokio::fs::File::from_std(file), length);
        form = form.part(format!("{prefix}{field}"), part.file_name(media::sent_name(&staged.name)));
    }
    Ok(form)
}

/// The staged files of a record, each with the field that names it: fields, and the names in them.
pub(super) fn by_field<'a>(
    attached: Attached,
    fields: impl IntoIterator<Item = (&'static str, &'a str)>,
) -> Vec<(&'static str, Staged)> {
    let fields: Vec<_> = fields.into_iter().collect();
    let named = |staged: &Staged| fields.iter().find(|(_, name)| *name == staged.name).map(|(field, _)| *field);
    attached.staged.into_iter().filter_map(|staged| Some((named(&staged)?, staged))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &[u8]) -> Change {
        let mut kept = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut kept, file).unwrap();
        let mut change = Change::add("verification_history", json!({"id": RecordId::random(), "name": "n"}));
        change.files.push(("document_front", Staged { name: "a_b1.png".to_owned(), file: kept }));
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
