//! The frames of a local liveness check: what a browser's camera saw during the steps, judged here, once.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::liveness::{no_session, reachable_session};
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::liveness::{FRAMES, SentFrame, SessionStatus, Step, Task};
use crate::domain::profile::Word as _;
use crate::http::body::form::{self, FRAME_PREFIX};
use crate::http::body::json::{Checks, Raw};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, Whole};
use crate::http::guard::provider_quotas;
use crate::providers::liveness::Judging;

/// What goes with the pictures.
#[derive(Deserialize)]
struct FrameFields {
    #[serde(default)]
    nonce: Raw,
    #[serde(default)]
    frames: Raw,
}

/// When a frame was taken, and for which step.
#[derive(Deserialize, ToSchema)]
struct FrameNote {
    step: Step,
    /// Milliseconds since the first frame.
    time: u64,
}

/// 8 to 16 frames of a camera, at least one for each step, in the order in which they were taken.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form in the API's description; `form` reads it part by part")]
pub(crate) struct FramesForm {
    /// The challenge's.
    #[schema(value_type = String, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    nonce: Raw,
    /// JSON: an entry a frame, such as `[{"step": "look_straight", "time": 0}]`; `time` is in milliseconds since the first.
    #[schema(value_type = String, max_length = 4096, pattern = "^\\[")]
    frames: Raw,
    /// JPEG of at most 1 MiB and 4 megapixels.
    #[schema(value_type = String, format = Binary)]
    frame_1: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_2: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_3: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_4: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_5: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_6: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_7: Raw,
    #[schema(value_type = String, format = Binary)]
    frame_8: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_9: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_10: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_11: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_12: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_13: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_14: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_15: Raw,
    #[schema(value_type = Option<String>, nullable = false, format = Binary)]
    frame_16: Raw,
}

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
    status: &'static str,
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
        (status = 404, description = "Unknown, expired or somebody else's", body = ErrorBody),
        (status = 409, description = "The session has had its frames, or takes none", body = ErrorBody),
        (status = 429, description = "A link has frames judged or documents read one at a time, or pauses after five failed checks; see `Retry-After`", body = ErrorBody),
        (status = 502, description = "The frames could not be judged", body = ErrorBody),
        (status = 503, description = "Too much is going on; the session can still have its frames; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn send_frames(
    State(app): State<Arc<App>>,
    by: By,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    request: Whole,
) -> Result<Json<FramesResponse>, ApiError> {
    let Path(id) = path.map_err(|_| no_session())?;
    let session = reachable_session(&app, &by, &id).await?.ok_or_else(no_session)?;
    if let Some(profile) = session.profile {
        by.writable(&app, profile).await?;
    }
    let Some(task) = session.details.task.clone() else { return Err(taken("This session takes no frames")) };
    if session.status != SessionStatus::Created {
        return Err(taken("This session has had its frames; make a new one"));
    }
    if let Some(profile) = session.profile {
        provider_quotas::refuse_while_pausing(&app, profile).await?;
    }
    let held = app.quotas.engines(&by)?;
    let (mut received, pictures) = form::read_frames(request, &app.files).await?;
    let fields: FrameFields = received.body(&[])?;
    let frames = frames(fields, received.checks, pictures, &task)?;
    let event = by.event(&app, EventKind::SessionBegun, session.profile, format!("{} frames", frames.len()));
    let judged = match app.liveness.judge(session, frames, event, held).await? {
        Judging::Judged(session) => *session,
        Judging::Again => return Err(taken("This session has had its frames; make a new one")),
        Judging::Unreadable(number) => {
            let problem = format!("{FRAME_PREFIX}{number} is damaged or cut off: it does not decode");
            return Err(ApiError::invalid([("frame_1", problem)].into()));
        }
    };
    Ok(Json(FramesResponse {
        success: true,
        session_id: judged.id,
        status: judged.status.word(),
        message: "Frames judged; fetch the results",
    }))
}

fn taken(why: &'static str) -> ApiError {
    ApiError::conflict("No frames are taken", why)
}

/// Puts pictures and notes together, and says everything that is wrong with them at once.
fn frames(
    fields: FrameFields,
    mut checks: Checks,
    pictures: Vec<(usize, Bytes)>,
    task: &Task,
) -> Result<Vec<SentFrame>, ApiError> {
    let nonce = checks.required_text("nonce", fields.nonce, crate::domain::LINE);
    if !nonce.is_empty() && nonce != task.nonce {
        checks.wrong("nonce", "must be the one of this session's challenge");
    }
    let notes = notes(&checks.document("frames", fields.frames));
    if notes.is_none() && !checks.is_wrong("frames") {
        checks.wrong(
            "frames",
            format!("must be a JSON array of a step and a time for each frame; steps are {}", steps()),
        );
    }
    let notes = notes.unwrap_or_default();
    if !FRAMES.contains(&pictures.len()) {
        let (least, most) = (FRAMES.start(), FRAMES.end());
        checks.wrong("frame_1", format!("{} frames came; send {least} to {most}, from frame_1 on", pictures.len()));
    } else if notes.len() != pictures.len() && !checks.is_wrong("frames") {
        checks.wrong("frames", format!("names {} frames, and {} came", notes.len(), pictures.len()));
    }
    if let Some((_, (number, _))) = pictures.iter().enumerate().find(|(place, (number, _))| place + 1 != *number) {
        checks.wrong("frame_1", format!("{FRAME_PREFIX}{number} does not follow the one before it"));
    }
    checks.finish()?;
    let pairs = pictures.into_iter().zip(notes);
    Ok(pairs.map(|((_, jpeg), note)| SentFrame { step: note.step, time: note.time, jpeg }).collect())
}

fn notes(text: &str) -> Option<Vec<FrameNote>> {
    serde_json::from_str(text).ok()
}

fn steps() -> String {
    Step::WORDS.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", ")
}
