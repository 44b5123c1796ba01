//! The order of syncs: what a power cut can take. A kill takes nothing that was written, so `crash` cannot see a missing sync.
//!
//! A write is safe when each step is on disk before the next one begins: the intent, the file, its name in its folder, the
//! commit that names it, the answer.

use std::collections::HashMap;

use reqwest::{Method, multipart};
use serde_json::Value;

use crate::crash::server::{Api, Server};
use crate::crash::{FIELDS, jpeg_part, random_image, text};
use crate::strace::{Strace, can_trace};

/// The system calls that are recorded.
const TRACED: &str = "trace=openat,mkdir,link,linkat,write,pwrite64,fsync,fdatasync,writev,sendto";

/// How SQLite opens a temporary file: without a name where the system can, else with a name that begins so.
const TEMPORARY_FILES: [&str; 2] = ["O_TMPFILE", "/etilqs_"];

/// A system call, and the lines of the record in which it began and ended.
#[derive(Debug)]
struct Call {
    text: String,
    began: usize,
    ended: usize,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.text.starts_with(&format!("{name}(")))
    }
}

/// Reads what strace has written. A call that others interrupt is on two lines.
fn parse_calls(record: &str) -> Vec<Call> {
    let mut calls = Vec::new();
    let mut unfinished: HashMap<&str, (String, usize)> = HashMap::new();
    for (number, line) in record.lines().enumerate() {
        let Some((thread, text)) = line.split_once(' ') else { continue };
        let text = text.trim_start();
        if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            unfinished.insert(thread, (begun.to_owned(), number));
        } else if text.starts_with("<... ") {
            let Some((begun, began)) = unfinished.remove(thread) else { continue };
            calls.push(Call { text: begun + text, began, ended: number });
        } else {
            calls.push(Call { text: text.to_owned(), began: number, ended: number });
        }
    }
    calls.sort_by_key(|call| call.began);
    calls
}

/// The calls of one write.
struct Calls(Vec<Call>);

impl Calls {
    /// The first of these calls that begins after a line and says all of this.
    #[track_caller]
    fn find_after(&self, line: usize, names: &[&str], words: &[&str]) -> &Call {
        let is_wanted =
            |call: &&Call| call.began > line && call.is(names) && words.iter().all(|word| call.text.contains(word));
        let shown = || self.0.iter().map(|call| call.text.chars().take(160).collect::<String>()).collect::<Vec<_>>();
        self.0
            .iter()
            .find(is_wanted)
            .unwrap_or_else(|| panic!("no {names:?} with {words:?} after line {line}:\n{}", shown().join("\n")))
    }

    /// Asserts that a file and its name are on disk before a commit names it, and that commit before the answer.
    #[track_caller]
    fn assert_file_is_durable(&self, folder: &str, name: &str) {
        let (_, tail) = name.rsplit_once('_').unwrap();
        let file = format!("{folder}/{name}");
        let made = self.find_after(0, &["openat", "link", "linkat"], &[&file]);
        let is_copy = !made.is(&["openat"]);

        let intent = self.find_after(0, &["pwrite64"], &["identivia.db-wal", &tail[..12]]);
        let intent_synced = self.find_after(intent.ended, &["fdatasync", "fsync"], &["identivia.db-wal"]);
        assert!(intent_synced.ended < made.began, "{name} was made before its intent was on disk");

        let commit = self.find_after(made.ended, &["pwrite64"], &["identivia.db-wal", name]);
        if !is_copy {
            let writes = self.0.iter().filter(|call| call.is(&["write"]) && call.text.contains(&file));
            let written = writes.map(|call| call.ended).max().unwrap();
            let synced = self.find_after(written, &["fsync"], &[&format!("/{file}>")]);
            assert!(synced.ended < commit.began, "{name} was named before its bytes were on disk");
        }
        let named = self.find_after(made.ended, &["fsync"], &[&format!("/{folder}>")]);
        assert!(named.ended < commit.began, "{name} was named before its folder was on disk");
        if let Some(mkdir) = self.0.iter().find(|call| call.is(&["mkdir"]) && call.text.contains(folder)) {
            let (parent, _) = folder.rsplit_once('/').unwrap();
            let named = self.find_after(mkdir.ended, &["fsync"], &[&format!("/{parent}>")]);
            assert!(named.ended < commit.began, "{name} was named before its new folder was on disk");
        }
        self.assert_commit_is_durable(name);
    }

    /// Asserts that the commit which names this is on disk before the answer names it.
    #[track_caller]
    fn assert_commit_is_durable(&self, word: &str) {
        let commit = self.find_after(0, &["pwrite64"], &["identivia.db-wal", word]);
        let answer = self.find_after(0, &["writev", "sendto"], &["HTTP/1.1 20", word]);
        let writes = self.0.iter().filter(|call| call.is(&["pwrite64"]) && call.text.contains("identivia.db-wal"));
        let written = writes.map(|call| call.ended).filter(|ended| *ended < answer.began).max().unwrap();
        let synced = self.find_after(written.max(commit.ended), &["fdatasync", "fsync"], &["identivia.db-wal"]);
        assert!(synced.ended < answer.began, "{word} was answered before its commit was on disk");
    }
}

/// Runs a write and returns its answer and its system calls.
async fn record_calls(server: &Server, write: impl AsyncFnOnce(&Api) -> Value) -> (Value, Calls) {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("record");
    let strace = Strace::attach(server.id(), &["-y", "-s", "6000", "-e", TRACED, "-o", record.to_str().unwrap()]);
    let answer = write(&server.api).await;
    drop(strace);
    let record = std::fs::read(&record).unwrap();
    (answer, Calls(parse_calls(&String::from_utf8_lossy(&record))))
}

async fn send(request: reqwest::RequestBuilder, api: &Api) -> Value {
    let (status, body) = api.answer(request).await.unwrap();
    assert!(status.is_success(), "{}", String::from_utf8_lossy(&body));
    serde_json::from_slice(&body).unwrap()
}

fn pictures_form(form: multipart::Form, fields: &[&'static str]) -> multipart::Form {
    fields.iter().fold(form, |form, field| form.part(*field, jpeg_part(random_image().unwrap()).unwrap()))
}

/// Forty words that are at forty places of an index.
fn scattered_words(number: u32) -> String {
    let word = |place: u32| format!("{:05x}", (number * 40 + place).wrapping_mul(2_654_435_761) >> 12);
    (0..40).map(word).collect::<Vec<_>>().join(" ")
}

/// The persons' data of a commit are in the database and its log, and in no third place.
#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_commit_are_in_no_temporary_file() {
    if !can_trace("pages_of_a_commit_are_in_no_temporary_file") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let (_, Calls(calls)) = record_calls(&server, async |api| {
        let creates = (0..200).map(|number| {
            let body = serde_json::json!({"userID": format!("user-{number}"), "name": scattered_words(number)});
            send(api.request(Method::POST, "/api/profiles/create").json(&body), api)
        });
        Value::Array(futures_util::future::join_all(creates).await)
    })
    .await;
    assert!(calls.iter().any(|call| call.is(&["pwrite64"]) && call.text.contains("identivia.db-wal")));
    let temporary: Vec<_> =
        calls.iter().filter(|call| TEMPORARY_FILES.iter().any(|word| call.text.contains(word))).collect();
    assert!(temporary.is_empty(), "{temporary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r3_file_folder_commit_and_answer_are_synced_in_this_order() {
    if !can_trace("r3_file_folder_commit_and_answer_are_synced_in_this_order") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path()).await.unwrap();
    let (made, calls) = record_calls(&server, async |api| {
        let create = api.request(Method::POST, "/api/profiles/create");
        send(create.json(&serde_json::json!({"userID": "one"})), api).await
    })
    .await;
    let id = text(&made, "/id").unwrap();
    calls.assert_commit_is_durable(&id);

    for _ in 0..2 {
        let (changed, calls) = record_calls(&server, async |api| {
            let form = pictures_form(multipart::Form::new().text("document_type", "passport"), &FIELDS);
            send(api.request(Method::PATCH, &format!("/api/profiles/{id}")).multipart(form), api).await
        })
        .await;
        for field in FIELDS {
            let name = text(&changed, &format!("/data/{field}")).unwrap();
            calls.assert_file_is_durable(&format!("profiles/{id}"), &name);
        }
    }

    let (recorded, calls) = record_calls(&server, async |api| {
        let form = multipart::Form::new()
            .text("liveness_session_id", "s")
            .text("liveness_confidence", "95.5")
            .text("liveness_status", "live")
            .text("document_type", "passport");
        // The other picture is copied from the profile.
        let form = pictures_form(form, &FIELDS[1..]);
        send(api.request(Method::POST, &format!("/api/verification_history/{id}")).multipart(form), api).await
    })
    .await;
    let record = text(&recorded, "/data/id").unwrap();
    for field in FIELDS {
        let name = text(&recorded, &format!("/data/{field}")).unwrap();
        calls.assert_file_is_durable(&format!("verification_history/{record}"), &name);
    }
}
