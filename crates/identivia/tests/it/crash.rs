//! Nothing acknowledged is lost, nothing unreferenced is kept, when the server dies by `kill -9`.
//!
//! Every cycle four clients write to one server until it is killed at a random moment; then it is started again on the
//! same data folder and asked for everything it had answered with a 2xx. That proves the order of steps inside the
//! server (commit before the answer, file before the record that names it) and the sweep of what a dead process left.
//! It does not prove that anything reached the disk: the kernel outlives the process and keeps its page cache, so a
//! missing `fsync` passes here and shows only in a power cut.
//!
//! `CRASH_CYCLES` sets the number of cycles (20).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Cursor;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use aws_lc_rs::{digest, rand};
use futures_util::{StreamExt, TryStreamExt, stream};
use reqwest::{Method, RequestBuilder, StatusCode, multipart};
use rusqlite::{Connection, OpenFlags};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::world::GIVEN_UP_WITHIN;

const CLIENTS: usize = 4;
const READY_WITHIN: Duration = GIVEN_UP_WITHIN;
/// A replaced file may go a moment after the answer, so the folder is given this long to match the database.
const SWEPT_WITHIN: Duration = GIVEN_UP_WITHIN;
/// Checking every older profile in every cycle would be quadratic; all of them are checked once, at the end.
const OLDER_CHECKED_PER_CYCLE: usize = 30;
/// The whole folder is walked after every kill or, in long runs, about this often: what is left behind stays.
const FOLDER_CHECKS: usize = 100;

/// The file fields that are written here; a passport needs no others.
const FIELDS: [&str; 2] = ["document_front", "facial_photo"];
/// Every field that names a file.
const FILE_FIELDS: [(&str, &[&str]); 2] = [
    ("profiles", &["document_front", "document_back", "facial_photo", "facial_video"]),
    ("verification_history", &["facial_photo", "document_front", "document_back"]),
];

#[test]
fn acknowledged_writes_survive_kill_9() -> anyhow::Result<()> {
    let cycles = match std::env::var("CRASH_CYCLES") {
        Ok(text) => text.parse().context("CRASH_CYCLES is not a number")?,
        Err(_) => 20,
    };
    let folder = tempfile::tempdir()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let outcome = runtime.block_on(survive_kills(cycles, folder.path()));
    if outcome.is_err() {
        eprintln!("the data folder and the server's log are kept in {}", folder.keep().display());
    }
    outcome
}

async fn survive_kills(cycles: usize, folder: &Path) -> anyhow::Result<()> {
    die_while_starting(folder).await?;
    let mut server = Server::start(folder).await?;
    let mut ledger: Vec<Profile> = Vec::new();
    for cycle in 1..=cycles {
        let mut fresh = write_until_the_kill(&mut server, cycle).await?;
        if random_below(4)? == 0 {
            die_while_starting(folder).await?;
        }
        server = Server::start(folder).await?;
        settle_updates(&mut fresh, folder)?;
        let older = pick_some(&ledger, OLDER_CHECKED_PER_CYCLE)?;
        check(&server.api, fresh.iter().chain(older)).await.with_context(|| format!("after kill {cycle}"))?;
        if cycle.is_multiple_of(cycles.div_ceil(FOLDER_CHECKS)) {
            check_folder(folder).await.with_context(|| format!("after kill {cycle}"))?;
        }
        ledger.extend(fresh);
        if cycle.is_multiple_of(cycles.div_ceil(10)) {
            eprintln!("kill {cycle} of {cycles}: {}", summarize(&ledger));
        }
    }
    check(&server.api, ledger.iter()).await.context("at the end")?;
    check_folder(folder).await.context("at the end")?;
    let proved_something = ledger.iter().any(|profile| !profile.verifications.is_empty());
    ensure!(proved_something || cycles == 0, "no cycle got as far as a verification record: nothing was proved");
    Ok(())
}

/// Lets the clients write, kills the server under them, and answers what it had acknowledged by then.
async fn write_until_the_kill(server: &mut Server, cycle: usize) -> anyhow::Result<Vec<Profile>> {
    let killed = Arc::new(AtomicBool::new(false));
    let mut clients = JoinSet::new();
    for client in 0..CLIENTS {
        let writer = Writer { api: server.api.clone(), killed: Arc::clone(&killed), name: format!("{cycle}-{client}") };
        clients.spawn(writer.write_until_killed());
    }
    sleep(Duration::from_millis(50 + random_below(551)?)).await;
    killed.store(true, Ordering::SeqCst);
    server.kill()?;
    let mut profiles = Vec::new();
    while let Some(written) = clients.join_next().await {
        profiles.extend(written??);
    }
    Ok(profiles)
}

/// Making the data folder and recovering it must be safe to interrupt as well.
async fn die_while_starting(folder: &Path) -> anyhow::Result<()> {
    let mut server = Server::spawn(folder)?;
    sleep(Duration::from_millis(random_below(100)?)).await;
    server.kill()
}

// What the server promised

/// One profile and everything under it that was answered with a 2xx.
struct Profile {
    id: String,
    /// The newest acknowledged file of each field.
    files: BTreeMap<&'static str, StoredFile>,
    /// What an unanswered PATCH was sending: the kill decides whether it has taken place.
    in_doubt: BTreeMap<&'static str, Sha256>,
    status_records: Vec<String>,
    verifications: Vec<Verification>,
}

struct Verification {
    id: String,
    files: Vec<StoredFile>,
}

#[derive(Clone)]
struct StoredFile {
    name: String,
    sha256: Sha256,
}

type Sha256 = Vec<u8>;

fn sha256(bytes: &[u8]) -> Sha256 {
    digest::digest(&digest::SHA256, bytes).as_ref().to_vec()
}

fn summarize(ledger: &[Profile]) -> String {
    let verifications: usize = ledger.iter().map(|profile| profile.verifications.len()).sum();
    let status_records: usize = ledger.iter().map(|profile| profile.status_records.len()).sum();
    let files: usize = ledger.iter().map(Profile::file_count).sum();
    format!(
        "{} profiles, {status_records} status and {verifications} verification records, {files} files kept",
        ledger.len()
    )
}

impl Profile {
    fn file_count(&self) -> usize {
        self.files.len() + self.verifications.iter().map(|verification| verification.files.len()).sum::<usize>()
    }
}

fn pick_some(ledger: &[Profile], count: usize) -> anyhow::Result<Vec<&Profile>> {
    if ledger.len() <= count {
        return Ok(ledger.iter().collect());
    }
    (0..count).map(|_| Ok(&ledger[random_index(ledger.len())?])).collect()
}

// The clients

/// Why a client stopped writing.
enum Stop {
    Killed,
    Fault(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}

/// One of the clients that write until the server is gone.
struct Writer {
    api: Api,
    killed: Arc<AtomicBool>,
    name: String,
}

impl Writer {
    async fn write_until_killed(self) -> anyhow::Result<Vec<Profile>> {
        let mut profiles = Vec::new();
        loop {
            match self.write_profile(&mut profiles).await {
                Ok(()) => {}
                Err(Stop::Killed) => return Ok(profiles),
                Err(Stop::Fault(error)) => return Err(error),
            }
        }
    }

    async fn write_profile(&self, profiles: &mut Vec<Profile>) -> Result<(), Stop> {
        let user = format!("crash-{}-{}", self.name, profiles.len());
        let create = self.api.request(Method::POST, "/api/profiles/create").json(&json!({ "userID": user }));
        let id = text(&self.send_acknowledged(create).await?, "/id")?;
        profiles.push(Profile {
            id,
            files: BTreeMap::new(),
            in_doubt: BTreeMap::new(),
            status_records: Vec::new(),
            verifications: Vec::new(),
        });
        let Some(profile) = profiles.last_mut() else { return Ok(()) };
        let both = random_below(2)? == 0;
        self.upload(profile, if both { &FIELDS } else { &FIELDS[..1] }).await?;
        self.upload(profile, &FIELDS[..1]).await?;
        self.record_status(profile).await?;
        self.record_verification(profile).await
    }

    async fn upload(&self, profile: &mut Profile, fields: &[&'static str]) -> Result<(), Stop> {
        let mut form = multipart::Form::new().text("document_type", "passport");
        for field in fields {
            let image = random_image()?;
            profile.in_doubt.insert(field, sha256(&image));
            form = form.part(*field, jpeg_part(image)?);
        }
        let update = self.api.request(Method::PATCH, &format!("/api/profiles/{}", profile.id)).multipart(form);
        let answer = self.send_acknowledged(update).await?;
        for (field, sha256) in std::mem::take(&mut profile.in_doubt) {
            profile.files.insert(field, StoredFile { name: text(&answer, &format!("/data/{field}"))?, sha256 });
        }
        Ok(())
    }

    async fn record_status(&self, profile: &mut Profile) -> Result<(), Stop> {
        let record = json!({ "previous_status": "unverified", "new_status": "pending", "notes": "crash test" });
        let create = self.api.request(Method::POST, &format!("/api/status_history/{}", profile.id)).json(&record);
        let answer = self.send_acknowledged(create).await?;
        profile.status_records.push(text(&answer, "/data/id")?);
        Ok(())
    }

    /// Records a verification whose images come from the request or, where the profile has them, from there.
    async fn record_verification(&self, profile: &mut Profile) -> Result<(), Stop> {
        let mut form = multipart::Form::new()
            .text("liveness_session_id", format!("session-{}", profile.id))
            .text("liveness_confidence", "95.5")
            .text("liveness_status", "live")
            .text("document_type", "passport");
        let mut sent = Vec::new();
        for field in FIELDS {
            match profile.files.get(field) {
                Some(file) if random_below(2)? == 0 => sent.push((field, file.sha256.clone())),
                _ => {
                    let image = random_image()?;
                    sent.push((field, sha256(&image)));
                    form = form.part(field, jpeg_part(image)?);
                }
            }
        }
        let create = self.api.request(Method::POST, &format!("/api/verification_history/{}", profile.id));
        let answer = self.send_acknowledged(create.multipart(form)).await?;
        let files = sent
            .into_iter()
            .map(|(field, sha256)| Ok(StoredFile { name: text(&answer, &format!("/data/{field}"))?, sha256 }));
        let files = files.collect::<anyhow::Result<_>>()?;
        profile.verifications.push(Verification { id: text(&answer, "/data/id")?, files });
        Ok(())
    }

    /// Sends a request and answers the body of a 2xx. A connection may break only once the kill is on its way.
    async fn send_acknowledged(&self, request: RequestBuilder) -> Result<Value, Stop> {
        match self.api.answer(request).await {
            Ok((status, body)) if status.is_success() => Ok(serde_json::from_slice(&body)?),
            Ok((status, body)) => Err(Stop::Fault(refusal_error(status, &body))),
            Err(_) if self.killed.load(Ordering::SeqCst) => Err(Stop::Killed),
            Err(error) => Err(error.into()),
        }
    }
}

fn refusal_error(status: StatusCode, body: &[u8]) -> anyhow::Error {
    anyhow::anyhow!("{status}: {}", String::from_utf8_lossy(body))
}

fn jpeg_part(image: Vec<u8>) -> reqwest::Result<multipart::Part> {
    multipart::Part::bytes(image).file_name("picture.jpg").mime_str("image/jpeg")
}

fn random_image() -> anyhow::Result<Vec<u8>> {
    let mut noise = vec![0; 64 * 64 * 3];
    rand::fill(&mut noise)?;
    let image = image::RgbImage::from_raw(64, 64, noise).context("64 x 64 pixels of 3 bytes")?;
    let mut jpeg = Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg)?;
    // Pictures are stored rebuilt: one that was rebuilt already comes back as it was sent.
    Ok(vision::intake::rebuild_picture(&jpeg.into_inner())?.bytes)
}

fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
    let value = answer.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
    Ok(value.with_context(|| format!("no {pointer} in {answer}"))?.to_owned())
}

fn random_below(bound: u64) -> anyhow::Result<u64> {
    let mut bytes = [0; 8];
    rand::fill(&mut bytes)?;
    Ok(u64::from_le_bytes(bytes) % bound)
}

fn random_index(len: usize) -> anyhow::Result<usize> {
    Ok(usize::try_from(random_below(u64::try_from(len)?)?)?)
}

// The checks

/// Decides what came of the PATCH that was under way: it holds wholly or not at all, and without one nothing changed.
fn settle_updates(profiles: &mut [Profile], folder: &Path) -> anyhow::Result<()> {
    let database = open_database(folder)?;
    for profile in profiles {
        let current = read_current_files(&database, &profile.id)?;
        let in_doubt = std::mem::take(&mut profile.in_doubt);
        let mut replaced = BTreeMap::new();
        for (field, name) in current {
            if name.as_ref() == profile.files.get(field).map(|file| &file.name) {
                continue;
            }
            let (Some(name), Some(sha256)) = (name, in_doubt.get(field)) else {
                bail!("profile {}: {field} is not the acknowledged one", profile.id);
            };
            replaced.insert(field, StoredFile { name, sha256: sha256.clone() });
        }
        let whole = replaced.is_empty() || replaced.len() == in_doubt.len();
        ensure!(whole, "profile {}: an unanswered update took place in part", profile.id);
        profile.files.extend(replaced);
    }
    Ok(())
}

fn read_current_files(database: &Connection, id: &str) -> anyhow::Result<Vec<(&'static str, Option<String>)>> {
    let fields = FIELDS.map(|field| format!("body ->> '{field}'"));
    let query = format!("select {} from profiles where id = $1", fields.join(", "));
    let names = database.query_row(&query, [id], |row| {
        FIELDS.iter().enumerate().map(|(column, field)| Ok((*field, file_name(row.get(column)?)))).collect()
    });
    names.with_context(|| format!("profile {id} was acknowledged and is gone"))
}

async fn check<'a>(api: &Api, profiles: impl Iterator<Item = &'a Profile>) -> anyhow::Result<()> {
    stream::iter(profiles).map(Ok).try_for_each_concurrent(CLIENTS, |profile| check_profile(api, profile)).await
}

async fn check_profile(api: &Api, profile: &Profile) -> anyhow::Result<()> {
    let id = &profile.id;
    api.get(&format!("/api/profiles/{id}")).await?;
    let status_records = api.listed_ids(&format!("/api/status_history/{id}")).await?;
    for record in &profile.status_records {
        ensure!(status_records.contains(record), "status record {record} of profile {id} was acknowledged and is gone");
    }
    let verifications = api.listed_ids(&format!("/api/verification_history/{id}")).await?;
    for record in &profile.verifications {
        ensure!(
            verifications.contains(&record.id),
            "verification {} of profile {id} was acknowledged and is gone",
            record.id
        );
        for file in &record.files {
            check_file(api, &format!("verification_history/{}/{}", record.id, file.name), &file.sha256).await?;
        }
    }
    for file in profile.files.values() {
        check_file(api, &format!("profiles/{id}/{}", file.name), &file.sha256).await?;
    }
    Ok(())
}

async fn check_file(api: &Api, path: &str, expected: &Sha256) -> anyhow::Result<()> {
    let bytes = api.get(&format!("/api/files/{path}")).await?;
    ensure!(sha256(&bytes) == *expected, "{path}: {} bytes, not the ones that were sent", bytes.len());
    Ok(())
}

/// Waits until the files on disk are those that records name: no more, no fewer.
async fn check_folder(folder: &Path) -> anyhow::Result<()> {
    let files = data_folder(folder).join("files");
    let deadline = Instant::now() + SWEPT_WITHIN;
    loop {
        let (on_disk, named) = (list_files_on_disk(&files)?, list_named_files(&open_database(folder)?)?);
        if on_disk == named {
            return Ok(());
        }
        ensure!(
            Instant::now() < deadline,
            "on disk but named by no record: {:?}; named by a record but not on disk: {:?}",
            on_disk.difference(&named).collect::<Vec<_>>(),
            named.difference(&on_disk).collect::<Vec<_>>()
        );
        sleep(Duration::from_millis(100)).await;
    }
}

fn list_files_on_disk(root: &Path) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        // A folder that the sweeper has just removed holds nothing.
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path().strip_prefix(root)?.to_owned());
            }
        }
    }
    Ok(found)
}

fn list_named_files(database: &Connection) -> anyhow::Result<BTreeSet<PathBuf>> {
    let mut named = BTreeSet::new();
    for (collection, fields) in FILE_FIELDS {
        for field in fields {
            let mut query = database.prepare(&format!("select id, body ->> '{field}' from {collection}"))?;
            let mut rows = query.query([])?;
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                named.extend(file_name(row.get(1)?).map(|name| Path::new(collection).join(id).join(name)));
            }
        }
    }
    Ok(named)
}

/// A field of files holds a bare name; null or empty means that there is none.
fn file_name(field: Option<String>) -> Option<String> {
    field.filter(|name| !name.is_empty())
}

/// The server's own database, beside it: no endpoint tells which files a profile has.
fn open_database(folder: &Path) -> rusqlite::Result<Connection> {
    Connection::open_with_flags(data_folder(folder).join("identivia.db"), OpenFlags::SQLITE_OPEN_READ_ONLY)
}

// The server and how to reach it

struct Server {
    process: Child,
    api: Api,
}

impl Server {
    /// Starts the server on the data folder and waits until it is ready.
    async fn start(folder: &Path) -> anyhow::Result<Self> {
        let mut server = Self::spawn(folder)?;
        match timeout(READY_WITHIN, server.become_ready()).await {
            Ok(ready) => ready.with_context(|| last_lines_of_log(folder))?,
            Err(_) => bail!("not ready within {READY_WITHIN:?}; {}", last_lines_of_log(folder)),
        }
        Ok(server)
    }

    fn spawn(folder: &Path) -> anyhow::Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let log = fs::OpenOptions::new().create(true).append(true).open(log_file(folder))?;
        let clients = json!([{ "client_id": "crash", "client_secret": "a secret for this test", "scopes": SCOPES }]);
        // A clean environment and a folder of its own: neither a developer's variables nor a `.env` may reach it.
        let process = Command::new(env!("CARGO_BIN_EXE_identivia"))
            .env_clear()
            .current_dir(folder)
            .env("DATA_DIR", data_folder(folder))
            .env("HOST", "127.0.0.1")
            .env("PORT", port.to_string())
            .env("JWT_SECRET", "the same in every start of this crash test")
            .env("JWT_ISSUER", "crash-test")
            .env("JWT_AUDIENCE", "crash-test")
            .env("JWT_CLIENTS_JSON", clients.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("the server does not start")?;
        let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(30)).build()?;
        Ok(Self { process, api: Api { client, base: format!("http://127.0.0.1:{port}"), token: None } })
    }

    async fn become_ready(&mut self) -> anyhow::Result<()> {
        loop {
            if let Some(status) = self.process.try_wait()? {
                bail!("the server ended while starting: {status}");
            }
            let asked = self.api.answer(self.api.request(Method::GET, "/readyz")).await;
            if asked.is_ok_and(|(status, _)| status.is_success()) {
                break;
            }
            sleep(Duration::from_millis(10)).await;
        }
        self.api.sign_in().await
    }

    /// `SIGKILL`, and the end of the process.
    fn kill(&mut self) -> anyhow::Result<()> {
        self.process.kill()?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nothing to be done about a process that is gone already.
        let _ = self.kill();
    }
}

const SCOPES: [&str; 7] = [
    "profiles:read",
    "profiles:write",
    "status_history:read",
    "status_history:write",
    "verification_history:read",
    "verification_history:write",
    "files:read",
];

fn data_folder(folder: &Path) -> PathBuf {
    folder.join("data")
}

fn log_file(folder: &Path) -> PathBuf {
    folder.join("server.log")
}

fn last_lines_of_log(folder: &Path) -> String {
    let log = fs::read_to_string(log_file(folder)).unwrap_or_default();
    let lines: Vec<&str> = log.lines().collect();
    format!("the server's log ends with:\n{}", lines[lines.len().saturating_sub(30)..].join("\n"))
}

#[derive(Clone)]
struct Api {
    client: reqwest::Client,
    base: String,
    token: Option<String>,
}

impl Api {
    async fn sign_in(&mut self) -> anyhow::Result<()> {
        let credentials = json!({ "client_id": "crash", "client_secret": "a secret for this test" });
        let (status, body) = self.answer(self.request(Method::POST, "/api/auth/token").json(&credentials)).await?;
        ensure!(status.is_success(), "no token: {}", refusal_error(status, &body));
        self.token = Some(text(&serde_json::from_slice(&body)?, "/access_token")?);
        Ok(())
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.base));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    async fn answer(&self, request: RequestBuilder) -> reqwest::Result<(StatusCode, Vec<u8>)> {
        let response = request.send().await?;
        let status = response.status();
        Ok((status, response.bytes().await?.to_vec()))
    }

    async fn get(&self, path: &str) -> anyhow::Result<Vec<u8>> {
        let (status, body) = self.answer(self.request(Method::GET, path)).await?;
        ensure!(status == StatusCode::OK, "GET {path}: {}", refusal_error(status, &body));
        Ok(body)
    }

    /// The ids of a whole list, page after page.
    async fn listed_ids(&self, path: &str) -> anyhow::Result<BTreeSet<String>> {
        let mut ids = BTreeSet::new();
        let mut cursor = String::new();
        loop {
            let page: Value = serde_json::from_slice(&self.get(&format!("{path}?limit=100{cursor}")).await?)?;
            let records = page["data"].as_array().with_context(|| format!("no list in {page}"))?;
            for record in records {
                ensure!(ids.insert(text(record, "/id")?), "{path} lists {record} twice");
            }
            if page["has_more"] != true {
                return Ok(ids);
            }
            cursor = format!("&cursor={}", text(&page, "/next_cursor")?);
        }
    }
}
