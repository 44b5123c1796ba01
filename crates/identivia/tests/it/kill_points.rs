//! A server that dies at a step of a write: the write is whole or absent, and whole if it was answered.
//!
//! `crash` kills at random moments under load; here one write at a time runs, and the process dies before its first step,
//! its second, and so on. Between two writes the server starts again on the same data folder, so every start also repairs
//! what the kill has left. By default some steps of each write are tried; `KILL_POINTS=all` tries every one.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};
use reqwest::{Method, RequestBuilder, multipart};
use serde_json::{Value, json};

use crate::crash::checks::{check_file, check_folder, open_database, read_current_files};
use crate::crash::server::{Api, Server};
use crate::crash::{FIELDS, Sha256, jpeg_part, random_image, sha256, text};
use crate::step_killer::{StepKiller, choose_steps};

/// The steps of a write that are tried by default.
const SAMPLED_STEPS: i64 = 8;
/// How long no step must come until the work behind an answer counts as done.
const QUIET_TIME: Duration = Duration::from_millis(100);

/// A kind of write.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Write {
    Profile,
    Files,
    Status,
    Verification,
    Setting,
    Frames,
    Decision,
}

impl Write {
    /// The event that the audit trail gets in the same commit.
    fn event(self) -> &'static str {
        match self {
            Self::Profile => "profile.created",
            Self::Files => "profile.changed",
            Self::Status => "status.recorded",
            Self::Verification => "verification.recorded",
            Self::Setting => "setting.changed",
            Self::Frames => "liveness_session.finished",
            Self::Decision => "review.decided",
        }
    }
}

/// One write, and what was there before it.
struct Attempt {
    write: Write,
    /// The userID of its profile and the value of its setting, of which no other attempt has the same.
    name: String,
    /// Its profile; empty for a write that creates one.
    profile: String,
    flow_token: String,
    session: Value,
    /// The review that it decides, as the one that claimed it got it.
    review: Value,
    /// The files of the profile before, by their content.
    files_before: BTreeMap<&'static str, Sha256>,
    /// The pictures that are sent.
    pictures: BTreeMap<&'static str, Vec<u8>>,
    events_before: i64,
}

impl Attempt {
    async fn prepare(api: &Api, folder: &Path, write: Write, name: String) -> anyhow::Result<Self> {
        let mut attempt = Self {
            write,
            name,
            profile: String::new(),
            flow_token: String::new(),
            session: Value::Null,
            review: Value::Null,
            files_before: BTreeMap::new(),
            pictures: BTreeMap::new(),
            events_before: 0,
        };
        if !matches!(write, Write::Profile | Write::Setting) {
            attempt.create_profile(api).await?;
        }
        match write {
            Write::Files => attempt.store_files(api, &FIELDS).await?,
            Write::Verification => attempt.store_files(api, &FIELDS[..1]).await?,
            Write::Frames => attempt.create_session(api).await?,
            Write::Decision => attempt.claim_review(api).await?,
            _ => {}
        }
        // A verification record gets one file from the request and one from the profile.
        let sent = if write == Write::Verification { &FIELDS[1..] } else { &FIELDS };
        attempt.pictures = sent.iter().map(|field| Ok((*field, random_image()?))).collect::<anyhow::Result<_>>()?;
        attempt.events_before = count_events(folder, write)?;
        Ok(attempt)
    }

    async fn create_profile(&mut self, api: &Api) -> anyhow::Result<()> {
        let create = api.request(Method::POST, "/api/profiles/create").json(&json!({"userID": self.name}));
        let made = send(api, create).await?;
        (self.profile, self.flow_token) = (text(&made, "/id")?, text(&made, "/flow_token")?);
        Ok(())
    }

    async fn store_files(&mut self, api: &Api, fields: &[&'static str]) -> anyhow::Result<()> {
        let mut form = multipart::Form::new().text("document_type", "passport");
        for field in fields {
            let picture = random_image()?;
            self.files_before.insert(field, sha256(&picture));
            form = form.part(*field, jpeg_part(picture)?);
        }
        let update = api.request(Method::PATCH, &format!("/api/profiles/{}", self.profile)).multipart(form);
        send(api, update).await.map(|_| ())
    }

    async fn create_session(&mut self, api: &Api) -> anyhow::Result<()> {
        let create = api.with_token(&self.flow_token).request(Method::POST, "/api/face-liveness/session");
        self.session = send(api, create.json(&json!({}))).await?;
        Ok(())
    }

    /// Makes a record and claims its review. A decision takes effect at once.
    async fn claim_review(&mut self, api: &Api) -> anyhow::Result<()> {
        let at_once = api.request(Method::PUT, "/api/settings/review_undo_seconds").json(&json!({"value": 0}));
        send(api, at_once).await?;
        let form = multipart::Form::new()
            .text("liveness_session_id", "none")
            .text("liveness_confidence", "95")
            .text("liveness_status", "live")
            .text("document_type", "passport")
            .part("document_front", jpeg_part(random_image()?)?)
            .part("facial_photo", jpeg_part(random_image()?)?);
        let path = format!("/api/verification_history/{}", self.profile);
        let record = send(api, api.request(Method::POST, &path).multipart(form)).await?;
        let asked = json!({"verification": text(&record, "/data/id")?});
        let review = send(api, api.request(Method::POST, "/api/reviews").json(&asked)).await?;
        let claim = format!("/api/reviews/{}/claim", text(&review, "/data/id")?);
        let version = json!({"version": review["data"]["version"]});
        self.review = send(api, api.request(Method::POST, &claim).json(&version)).await?["data"].take();
        Ok(())
    }

    /// The request whose steps are counted.
    fn request(&self, api: &Api) -> anyhow::Result<RequestBuilder> {
        let Self { profile, name, .. } = self;
        Ok(match self.write {
            Write::Profile => api.request(Method::POST, "/api/profiles/create").json(&json!({"userID": name})),
            Write::Files => {
                let form = self.add_pictures(multipart::Form::new())?;
                api.request(Method::PATCH, &format!("/api/profiles/{profile}")).multipart(form)
            }
            Write::Status => {
                let body = json!({"previous_status": "unverified", "new_status": "pending", "notes": "n"});
                api.request(Method::POST, &format!("/api/status_history/{profile}")).json(&body)
            }
            Write::Verification => {
                let form = multipart::Form::new()
                    .text("liveness_session_id", format!("session-{profile}"))
                    .text("liveness_confidence", "95.5")
                    .text("liveness_status", "live")
                    .text("document_type", "passport");
                let create = api.request(Method::POST, &format!("/api/verification_history/{profile}"));
                create.multipart(self.add_pictures(form)?)
            }
            Write::Setting => api.request(Method::PUT, "/api/settings/kill-points").json(&json!({"value": name})),
            Write::Frames => {
                let frames: Vec<_> = (0..8).map(crate::frames::frame_of_shade).collect();
                let send = api.with_token(&self.flow_token);
                let send = send.request(Method::POST, &crate::frames::frames_path(&self.session));
                send.multipart(crate::frames::frames_form(&self.session, &frames))
            }
            Write::Decision => {
                let body = json!({"claim_id": self.review["claim_id"], "version": self.review["version"]});
                api.request(Method::POST, &format!("/api/reviews/{}/approve", text(&self.review, "/id")?)).json(&body)
            }
        })
    }

    fn add_pictures(&self, form: multipart::Form) -> anyhow::Result<multipart::Form> {
        self.pictures.iter().try_fold(form, |form, (field, picture)| Ok(form.part(*field, jpeg_part(picture.clone())?)))
    }

    /// Says whether the write has taken place. A part of it is an error.
    async fn has_taken_place(&self, api: &Api, folder: &Path) -> anyhow::Result<bool> {
        let Self { profile, name, .. } = self;
        match self.write {
            Write::Profile => {
                let found = "select count(*) from profiles where user_id = $1";
                Ok(open_database(folder)?.query_row(found, [name], |row| row.get::<_, i64>(0))? == 1)
            }
            Write::Files => self.have_files_changed(api, folder).await,
            Write::Status => {
                let recorded = api.listed_ids(&format!("/api/status_history/{profile}")).await?.len();
                let shown = api.get_json(&format!("/api/profiles/{profile}")).await?;
                let expected = if recorded == 1 { "pending" } else { "unverified" };
                ensure!(recorded <= 1 && shown["data"]["status"] == expected, "{recorded} records, but {shown}");
                Ok(recorded == 1)
            }
            Write::Verification => self.is_verification_complete(api).await,
            Write::Setting => Ok(api.get_json("/api/settings").await?["data"]["kill-points"] == **name),
            Write::Frames => {
                let session = text(&self.session, "/sessionId")?;
                let results = api.with_token(&self.flow_token);
                let results = results.get_json(&format!("/api/face-liveness/results/{session}")).await?;
                Ok(results["data"]["status"] == "SUCCEEDED")
            }
            Write::Decision => {
                let review = api.get_json(&format!("/api/reviews/{}", text(&self.review, "/id")?)).await?;
                let shown = api.get_json(&format!("/api/profiles/{profile}")).await?;
                let recorded = api.listed_ids(&format!("/api/status_history/{profile}")).await?.len();
                let parts = [
                    review["data"]["state"] == "decided",
                    shown["data"]["verification_status"] == "verified",
                    recorded == 1,
                ];
                ensure!(
                    parts == [parts[0]; 3],
                    "the decision took place in part: {review}, {shown}, {recorded} records"
                );
                if !parts[0] {
                    self.release_review(api).await?;
                }
                Ok(parts[0])
            }
        }
    }

    /// A client holds five reviews at most.
    async fn release_review(&self, api: &Api) -> anyhow::Result<()> {
        let body = json!({"claim_id": self.review["claim_id"], "version": self.review["version"]});
        let path = format!("/api/reviews/{}/release", text(&self.review, "/id")?);
        send(api, api.request(Method::POST, &path).json(&body)).await.map(|_| ())
    }

    async fn have_files_changed(&self, api: &Api, folder: &Path) -> anyhow::Result<bool> {
        let sent: BTreeMap<_, _> = self.pictures.iter().map(|(field, picture)| (*field, sha256(picture))).collect();
        let mut changed = Vec::new();
        for (field, name) in read_current_files(&open_database(folder)?, &self.profile)? {
            let path = format!("profiles/{}/{}", self.profile, name.context("a file is gone")?);
            let is_new = check_file(api, &path, &sent[field]).await.is_ok();
            if !is_new {
                check_file(api, &path, &self.files_before[field]).await?;
            }
            changed.push(is_new);
        }
        ensure!(changed[0] == changed[1], "the update took place in part");
        Ok(changed[0])
    }

    async fn is_verification_complete(&self, api: &Api) -> anyhow::Result<bool> {
        let path = format!("/api/verification_history/{}", self.profile);
        let listed = api.get_json(&path).await?;
        let Some(record) = listed["data"].get(0) else { return Ok(false) };
        let id = text(record, "/id")?;
        for field in FIELDS {
            let expected = self.pictures.get(field).map(|picture| sha256(picture));
            let expected = expected.unwrap_or_else(|| self.files_before[field].clone());
            let name = text(record, &format!("/{field}"))?;
            check_file(api, &format!("verification_history/{id}/{name}"), &expected).await?;
        }
        Ok(true)
    }
}

async fn send(api: &Api, request: RequestBuilder) -> anyhow::Result<Value> {
    let (status, body) = api.answer(request).await?;
    ensure!(status.is_success(), crate::crash::refusal_error(status, &body));
    Ok(serde_json::from_slice(&body)?)
}

fn count_events(folder: &Path, write: Write) -> anyhow::Result<i64> {
    let count = "select count(*) from audit_events where kind = $1";
    Ok(open_database(folder)?.query_row(count, [write.event()], |row| row.get(0))?)
}

/// What became of a write whose process was to die at a step.
struct KilledWrite {
    was_answered: bool,
    has_died: bool,
    /// The steps until the process died or had nothing left to do.
    steps: i64,
}

async fn send_until_killed(
    killer: &StepKiller,
    api: &Api,
    attempt: &Attempt,
    step: i64,
) -> anyhow::Result<KilledWrite> {
    let request = attempt.request(api)?;
    killer.kill_at(step);
    let answer = api.answer(request).await;
    if let Ok((status, body)) = &answer {
        ensure!(status.is_success(), crate::crash::refusal_error(*status, body));
    }
    let mut left = killer.steps_left();
    loop {
        tokio::time::sleep(QUIET_TIME).await;
        let now = killer.steps_left();
        if now == left || now < 1 {
            break;
        }
        left = now;
    }
    let left = killer.steps_left();
    killer.kill_at(0);
    ensure!(answer.is_ok() || left < 1, "the connection broke, and the process was not killed");
    Ok(KilledWrite { was_answered: answer.is_ok(), has_died: left < 1, steps: step - left })
}

/// Sends a write whose process dies at that step, starts the server again and checks what is there.
async fn survive_kill(killer: &StepKiller, folder: &Path, write: Write, step: i64) -> anyhow::Result<KilledWrite> {
    let mut server = Server::start_with(folder, |command| killer.watch(command)).await?;
    let attempt = Attempt::prepare(&server.api, folder, write, format!("{write:?}-{step}")).await?;
    let killed = send_until_killed(killer, &server.api, &attempt, step).await?;
    if killed.has_died {
        server.kill()?;
        server = Server::start(folder).await?;
    }
    let has_taken_place = attempt.has_taken_place(&server.api, folder).await?;
    ensure!(has_taken_place || !killed.was_answered, "it was answered, and is not there");
    let events = count_events(folder, write)? - attempt.events_before;
    ensure!(events == i64::from(has_taken_place), "{events} events, and the write is there: {has_taken_place}");
    check_folder(folder).await?;
    let intents: i64 = open_database(folder)?.query_row("select count(*) from file_intents", [], |row| row.get(0))?;
    ensure!(intents == 0, "the start has left {intents} intents of uploads");
    Ok(killed)
}

async fn survive_kills_at_steps(write: Write, test: &str) {
    let Some(killer) = StepKiller::build(test) else { return };
    let folder = tempfile::tempdir().unwrap();
    let whole = survive_kill(&killer, folder.path(), write, i64::MAX).await.unwrap();
    assert!(whole.was_answered && !whole.has_died && whole.steps > 3, "{} steps", whole.steps);
    let mut died = 0;
    let steps = choose_steps(whole.steps, SAMPLED_STEPS);
    for step in &steps {
        let killed = survive_kill(&killer, folder.path(), write, *step).await;
        let killed = killed.with_context(|| format!("{write:?}, killed at step {step} of {}", whole.steps)).unwrap();
        died += usize::from(killed.has_died);
    }
    eprintln!("{write:?}: {} steps, {} tried, {died} killed", whole.steps, steps.len());
    assert!(died * 2 > steps.len(), "only {died} of {} were killed", steps.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_profile_creation_killed_at_a_step_is_whole_or_absent() {
    survive_kills_at_steps(Write::Profile, "r2_profile_creation_killed_at_a_step_is_whole_or_absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_replaced_files_killed_at_a_step_are_all_old_or_all_new() {
    survive_kills_at_steps(Write::Files, "r2_replaced_files_killed_at_a_step_are_all_old_or_all_new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_status_record_killed_at_a_step_is_whole_or_absent() {
    survive_kills_at_steps(Write::Status, "r2_status_record_killed_at_a_step_is_whole_or_absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_verification_record_killed_at_a_step_is_whole_or_absent() {
    survive_kills_at_steps(Write::Verification, "r2_verification_record_killed_at_a_step_is_whole_or_absent").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_setting_killed_at_a_step_is_old_or_new() {
    survive_kills_at_steps(Write::Setting, "r2_setting_killed_at_a_step_is_old_or_new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_liveness_frames_killed_at_a_step_are_judged_whole_or_not() {
    survive_kills_at_steps(Write::Frames, "r2_liveness_frames_killed_at_a_step_are_judged_whole_or_not").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn r2_review_decision_killed_at_a_step_is_whole_or_absent() {
    survive_kills_at_steps(Write::Decision, "r2_review_decision_killed_at_a_step_is_whole_or_absent").await;
}
