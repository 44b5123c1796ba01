//! Frames of a local liveness check: receives the camera pictures of the steps and judges them once.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::session_access::{reachable_session, session_not_found};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::liveness::{FRAMES, SentFrame};
use crate::domain::profile::{FileField, Word as _};
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::form::{self, FRAME_PREFIX};
use crate::http::body::form_schema::{Form, FormFields};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::profile_access::WritableProfile;
use crate::http::guard::provider_quotas::{self, ProviderOperation, ProviderQuotas};
use crate::http::guard::request_context::{RequestContext, WholeRequest};
use crate::providers::liveness::FrameOutcome;
use crate::records::liveness_session::{SessionStatus, Step, Task};

/// When a frame was taken, and for which step.
#[derive(Deserialize, ToSchema)]
struct FrameNote {
    step: Step,
    /// Milliseconds since the first frame.
    time: u64,
}

/// 8 to 16 frames of a camera, at least one for each step, in the order in which they were taken. Each is a JPEG of at most
/// 1 MiB and 4 megapixels.
#[derive(Deserialize, ToSchema)]
pub(crate) struct FrameFields {
    /// The challenge's.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    nonce: RawField,
    /// JSON: an entry a frame, such as `[{"step": "look_straight", "time": 0}]`; `time` is in milliseconds since the first.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 4096, pattern = "^\\[")]
    frames: RawField,
}

impl FormFields for FrameFields {
    const FORM_NAME: &'static str = "FramesForm";
    const FILES: &'static [FileField] = &[];

    fn file_parts() -> Vec<(String, bool)> {
        (1..=*FRAMES.end()).map(|number| (format!("{FRAME_PREFIX}{number}"), number <= *FRAMES.start())).collect()
    }
}

type FramesForm = Form<FrameFields>;

/// Where the session stands.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({
    "success": true, "sessionId": "session-uuid-here", "status": "SUCCEEDED",
    "message": "Frames judged; fetch the results",
}))]
#[serde(rename_all = "camelCase")]
pub(crate) struct FramesResponse {
    success: bool,
    session_id: String,
    /// `SUCCEEDED` means judged, not live.
    status: SessionStatus,
    message: &'static str,
}

/// Send the frames of a local face liveness check
///
/// For sessions with a `challenge`. Frames are taken once; the results say what came of them.
#[utoipa::path(post, path = "/api/face-liveness/session/{sessionId}/frames", tag = "Face liveness",
    security(("flow" = ["liveness:write"])),
    params(("sessionId" = String, Path, description = "The session's id")),
    request_body(content = FramesForm, content_type = "multipart/form-data"),
    responses(
        (status = 200, description = "Judged", body = FramesResponse),
        (status = 404, description = "Unknown, expired or another person's", body = ErrorBody),
        (status = 409, description = "The session has had its frames, or takes none", body = ErrorBody),
        (status = 429, description = "A link has frames judged or documents read one at a time, or pauses after five failed checks; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "The frames could not be judged", body = ErrorBody),
        (status = 503, description = "The engines are busy; the session can still get its frames; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn send_liveness_frames(
    State(app): State<Arc<App>>,
    State(quotas): State<Arc<ProviderQuotas>>,
    context: RequestContext,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: WholeRequest,
) -> Result<Json<FramesResponse>, ApiError> {
    let Path(id) = path.map_err(|_| session_not_found())?;
    let session = reachable_session(&context, &id).await?.ok_or_else(session_not_found)?;
    if let Some(profile) = session.profile {
        WritableProfile::load(&context, profile).await?;
    }
    let Some(task) = session.details.task.clone() else { return Err(frames_refused("This session takes no frames")) };
    if session.status != SessionStatus::Created {
        return Err(frames_refused("This session has had its frames; make a new one"));
    }
    if let Some(profile) = session.profile {
        provider_quotas::refuse_during_pause(&context, profile).await?;
    }
    quotas.charge(&context, ProviderOperation::JudgeFrames).await?;
    let permit = quotas.acquire_engine_work(&context)?;
    let (received, pictures) = form::read_frames::<FrameFields>(request, &app.files).await?;
    let frames = check_frames(received.fields, received.checks, pictures, &task)?;
    let event = context.audit_event(EventKind::SessionBegun, session.profile, format!("{} frames", frames.len()));
    let profile = session.profile;
    let holder = context.authority.work_holder();
    let judged = match app.liveness.judge_frames(session, frames, event, holder, permit).await {
        Ok(FrameOutcome::Judged(session)) => *session,
        Ok(FrameOutcome::AlreadyBegun) => {
            return Err(frames_refused("This session has had its frames; make a new one"));
        }
        Ok(FrameOutcome::UnreadableFrame(number)) => {
            let problem = format!("{FRAME_PREFIX}{number} is damaged or cut off: it does not decode");
            return Err(ApiError::invalid_fields([("frame_1", problem)].into()));
        }
        Err(error) => return Err(context.session_error(profile, error).await),
    };
    Ok(Json(FramesResponse {
        success: true,
        session_id: judged.id,
        status: judged.status,
        message: "Frames judged; fetch the results",
    }))
}

fn frames_refused(why: &'static str) -> ApiError {
    ApiError::conflict("No frames are taken", why)
}

/// Pairs pictures with their notes. One error names everything that is wrong with them.
fn check_frames(
    fields: FrameFields,
    mut checks: FieldChecks,
    pictures: Vec<(usize, Bytes)>,
    task: &Task,
) -> Result<Vec<SentFrame>, ApiError> {
    let nonce = checks.required_text("nonce", fields.nonce, crate::domain::LINE);
    if !nonce.is_empty() && nonce != task.nonce {
        checks.add_problem("nonce", "must be the one of this session's challenge");
    }
    let notes = parse_notes(&checks.json_or_empty("frames", fields.frames));
    if notes.is_none() && !checks.has_problem("frames") {
        checks.add_problem(
            "frames",
            format!("must be a JSON array of a step and a time for each frame; steps are {}", list_steps()),
        );
    }
    let notes = notes.unwrap_or_default();
    if !FRAMES.contains(&pictures.len()) {
        let (least, most) = (FRAMES.start(), FRAMES.end());
        checks
            .add_problem("frame_1", format!("{} frames came; send {least} to {most}, from frame_1 on", pictures.len()));
    } else if notes.len() != pictures.len() && !checks.has_problem("frames") {
        checks.add_problem("frames", format!("names {} frames, and {} came", notes.len(), pictures.len()));
    }
    if let Some((_, (number, _))) = pictures.iter().enumerate().find(|(place, (number, _))| place + 1 != *number) {
        checks.add_problem("frame_1", format!("{FRAME_PREFIX}{number} does not follow the one before it"));
    }
    checks.finish()?;
    let pairs = pictures.into_iter().zip(notes);
    Ok(pairs.map(|((_, jpeg), note)| SentFrame { step: note.step, time: note.time, jpeg }).collect())
}

fn parse_notes(text: &str) -> Option<Vec<FrameNote>> {
    serde_json::from_str(text).ok()
}

fn list_steps() -> String {
    Step::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}
