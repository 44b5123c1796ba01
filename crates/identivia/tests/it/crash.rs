//! Nothing acknowledged is lost, nothing unreferenced is kept, when the server dies by `kill -9`.
//!
//! Every cycle four clients write to one server until it is killed at a random moment; then it is started again on the
//! same data folder and asked for everything it had answered with a 2xx. That proves the order of steps inside the
//! server (commit before the answer, file before the record that names it) and the sweep of what a dead process left.
//! It does not prove that anything reached the disk: the kernel outlives the process and keeps its page cache, so a
//! missing `fsync` passes here and shows only in a power cut.
//!
//! `CRASH_CYCLES` sets the number of cycles (20).

pub(crate) mod checks;
pub(crate) mod server;

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use aws_lc_rs::{digest, rand};
use reqwest::{Method, RequestBuilder, StatusCode, multipart};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use tokio::time::sleep;

use checks::{check, check_folder, settle_updates};
use server::{Api, Server};

const CLIENTS: usize = 4;
/// Checking every older profile in every cycle would be quadratic; all of them are checked once, at the end.
const OLDER_CHECKED_PER_CYCLE: usize = 30;
/// The whole folder is walked after every kill or, in long runs, about this often: what is left behind stays.
const FOLDER_CHECKS: usize = 100;

/// The file fields that are written here; a passport needs no others.
pub(crate) const FIELDS: [&str; 2] = ["document_front", "facial_photo"];

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
    let mut server = Server::spawn(folder, |_| ())?;
    sleep(Duration::from_millis(random_below(100)?)).await;
    server.kill()
}

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

pub(crate) type Sha256 = Vec<u8>;

pub(crate) fn sha256(bytes: &[u8]) -> Sha256 {
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

pub(crate) fn refusal_error(status: StatusCode, body: &[u8]) -> anyhow::Error {
    anyhow::anyhow!("{status}: {}", String::from_utf8_lossy(body))
}

pub(crate) fn jpeg_part(image: Vec<u8>) -> reqwest::Result<multipart::Part> {
    multipart::Part::bytes(image).file_name("picture.jpg").mime_str("image/jpeg")
}

pub(crate) fn random_image() -> anyhow::Result<Vec<u8>> {
    let mut noise = vec![0; 64 * 64 * 3];
    rand::fill(&mut noise)?;
    let image = image::RgbImage::from_raw(64, 64, noise).context("64 x 64 pixels of 3 bytes")?;
    let mut jpeg = Cursor::new(Vec::new());
    image.write_to(&mut jpeg, image::ImageFormat::Jpeg)?;
    // Pictures are stored rebuilt: one that was rebuilt already comes back as it was sent.
    Ok(vision::intake::rebuild_picture(&jpeg.into_inner())?.bytes)
}

pub(crate) fn text(answer: &Value, pointer: &str) -> anyhow::Result<String> {
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
