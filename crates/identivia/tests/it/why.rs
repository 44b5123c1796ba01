//! `identivia why`: one failed verification is explained from its output alone, and no personal value is in it.

use std::process::Output;
use std::sync::Arc;

use async_trait::async_trait;
use identivia::domain::reading::{DocumentAnalysis, ReaderHints};
use identivia::providers::documents::{DocumentReader, DocumentSides};
use identivia::providers::http_call::ProviderError;
use identivia::server::StartOptions;
use identivia::work::holder::WorkHolder;
use reqwest::Method;
use reqwest::multipart::Form;
use serde_json::json;

use crate::command::{self, text};
use crate::frames::{create_session, frame_of_shade, frames_form, send_frames};
use crate::local::stranger_picture;
use crate::world::{SECRET, World, file, picture, texts};

/// A reader that does not answer.
struct SilentReader;

#[async_trait]
impl DocumentReader for SilentReader {
    async fn read_document(
        &self,
        _: DocumentSides,
        _: &ReaderHints,
        _: WorkHolder,
    ) -> Result<DocumentAnalysis, ProviderError> {
        Err(ProviderError::Timeout)
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        Err(ProviderError::Timeout)
    }
}

fn run_why(world: &World, profile: &str) -> Output {
    command::run(world.folder.path(), |command| {
        command.arg("why").arg(profile).env("DATA_DIR", world.folder.path().join("data"));
        command.env("JWT_SECRET", SECRET).env("RUST_LOG", "error").envs(world.ground.variables());
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_verification_is_explained_without_personal_values() {
    let world =
        World::with_options(StartOptions { reader: Some(Arc::new(SilentReader)), ..StartOptions::default() }).await;
    let (id, browser) = world.person("CANARY-user").await;

    // The provider is unavailable.
    for _ in 0..3 {
        let page = Form::new().part("document_front", file(picture("passport.jpg"), "p.jpg"));
        browser.form(Method::POST, "/api/ollama/document-analysis", page).await.expect(502);
    }
    // Liveness is not passed.
    let session = create_session(&browser).await;
    let frames: Vec<_> = (0..8).map(|shade| frame_of_shade(shade * 9)).collect();
    send_frames(&browser, &session, frames_form(&session, &frames)).await.expect(200);
    // The details are of another document, and the selfie shows another person.
    let form = texts(&[
        ("liveness_session_id", session["sessionId"].as_str().unwrap()),
        ("liveness_confidence", "99"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("name", "John CANARY"),
        ("document_number", "CANARY99"),
        ("date_of_birth", "1981-02-03"),
    ])
    .part("facial_photo", file(stranger_picture(), "photo.jpg"))
    .part("document_front", file(picture("passport.jpg"), "front.jpg"));
    browser.form(Method::POST, &format!("/api/verification_history/{id}"), form).await.expect(201);
    let pending = text(&run_why(&world, &id).stdout);
    assert!(pending.contains("The checks wait for a free engine"), "{pending}");
    assert!(world.run_next_checks().await);
    let rejected = json!({"previous_status": "pending", "new_status": "rejected", "notes": "CANARY", "updated_by": "CANARY",
        "reasons": ["face_mismatch"]});
    world.operator().post(&format!("/api/status_history/{id}"), rejected).await.expect(201);

    let output = run_why(&world, &id);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    for expected in [
        "client tester  profile.created  A profile was created",
        "the person  provider.failed [document_reader: it does not answer in time]",
        "meaning: The provider was unavailable: the document was not read",
        "next: run identivia check --live",
        "liveness_session.finished [SUCCEEDED not_live",
        "meaning: Liveness was not passed: the score is below FACE_LIVENESS_THRESHOLD",
        "check data_agreement: fail\n      meaning: What the person typed differs from the document: a wrong document",
        "finding document_number: fail\n        meaning: The typed document number differs from the document's",
        "check face_match: fail\n      meaning: The face does not match",
        "check liveness: fail",
        "reason face_mismatch: The faces do not look like one person",
        "has the status rejected",
        "its checks: done",
    ] {
        assert!(said.contains(expected), "{expected}\n{said}");
    }
    assert_eq!(said.matches("provider.failed").count(), 1, "repeated failures are audited by their count: {said}");
    for personal in ["CANARY", "1981", "1990", "SPECIMEN", "127.0.0.1", "A12345678"] {
        assert!(!said.contains(personal), "{personal}\n{said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_profile_is_one_clear_line_and_exit_code_1() {
    let world = World::new().await;
    let (id, _) = world.person("one").await;
    let told = |output: &Output| (output.status.code(), text(&output.stdout), text(&output.stderr));
    let not_opened = text(&run_why(&world, &id).stdout);
    assert!(not_opened.contains("The person has not opened the link"), "{not_opened}");
    let unknown = run_why(&world, "abc123def456ghi");
    let line = "identivia: there is no profile abc123def456ghi\n".to_owned();
    assert_eq!(told(&unknown), (Some(1), String::new(), line));
    let (code, _, line) = told(&run_why(&world, "CANARY"));
    assert!(code == Some(1) && line.contains("15 characters") && !line.contains("CANARY"), "{line}");

    let empty = tempfile::tempdir().unwrap();
    let output = command::run(empty.path(), |command| {
        command.args(["why", "abc123def456ghi"]);
    });
    assert!(text(&output.stderr).contains("DATA_DIR: there is no database in"), "{}", text(&output.stderr));
    assert!(!empty.path().join("data").exists(), "the command creates nothing");
}
