//! Progress of a verification: the step a person is at, and everything their page needs to resume on any device.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::resubmission::OpenResubmission;
use crate::app::App;
use crate::domain::event::EventKind;
use crate::domain::flow::{self, FACE_LOOKS_BACK, FlowOutcome, FlowStep};
use crate::domain::profile::FileField;
use crate::domain::resubmission::Resubmission;
use crate::http::error::ApiError;
use crate::http::guard::profile_access::ProfilePath;
use crate::http::guard::request_context::RequestContext;
use crate::records::id::RecordId;
use crate::records::liveness_session::LivenessSession;
use crate::records::profile::{Consent, Draft, Profile};
use crate::records::status_word::{StatusWord, VerificationStatus};
use crate::store::warn_unless_outage;

/// Where the person is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "id": "abc123def456ghi", "step": "details", "status": "unverified", "verification_status": "unverified",
    "language": "es", "expires": "2026-03-21T00:30:00.000Z",
    "consent": {"id": "abc123def456ghi", "version": "2026-11", "language": "es", "accepted": "2026-03-21T00:00:00.000Z"},
    "document": {"country": "ES", "type": "national_id", "front": true, "back": true},
    "details": {"name": "Ana Ejemplo", "document_number": "", "country": "ES", "address": "", "gender": "female",
        "date_of_birth": "1990-01-15"},
    "face": {"session": "session-uuid-here"}, "liveness": {"provider": "local"}, "outcome": null, "resubmission": null,
    "redirect_url": "https://shop.example/back",
}}))]
pub(crate) struct FlowResponse {
    success: bool,
    data: FlowData,
}

#[derive(Serialize, ToSchema)]
struct FlowData {
    id: RecordId,
    /// The first step that is not done. What a step before it has brought can still be changed.
    step: FlowStep,
    /// The status shown: the `previous_status` of a step that this browser records.
    #[schema(value_type = StatusWord)]
    status: String,
    /// The profile's own.
    verification_status: VerificationStatus,
    /// The profile's.
    #[schema(required = true)]
    language: Option<String>,
    /// When this token ends (RFC 3339).
    #[schema(format = DateTime)]
    expires: String,
    /// What the person has agreed to last.
    #[schema(required = true)]
    consent: Option<Consent>,
    document: FlowDocument,
    /// What they have typed so far; `null` when nothing.
    #[schema(required = true)]
    details: Option<Draft>,
    /// A session that shows a live face and can serve a record; `null` when one has to be made.
    #[schema(required = true)]
    face: Option<FlowFace>,
    liveness: FlowProvider,
    /// The result; `null` until the person has submitted, and again after another try is requested.
    #[schema(required = true)]
    outcome: Option<FlowOutcome>,
    /// What another try is asked for; `null` unless one is asked for now.
    #[schema(required = true)]
    resubmission: Option<Resubmission>,
    /// Where to go when all is done, as `create` was given it.
    #[schema(required = true)]
    redirect_url: Option<String>,
}

/// What is there of the document. Empty text is unknown.
#[derive(Serialize, ToSchema)]
#[schema(as = FlowDocument)]
struct FlowDocument {
    country: String,
    #[serde(rename = "type")]
    document_type: String,
    /// Whether its picture is there.
    front: bool,
    back: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlowFace)]
struct FlowFace {
    session: String,
}

/// Who judges liveness.
#[derive(Serialize, ToSchema)]
#[schema(as = FlowLiveness)]
struct FlowProvider {
    /// `local` (frames are sent here), `aws` or `off`.
    #[schema(pattern = "^(local|aws|off)$")]
    provider: &'static str,
    /// AWS's region.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    region: Option<String>,
    /// Where a browser streams to in the place of AWS's own; only where it is configured.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    stream: Option<String>,
}

/// Get where the person is
///
/// Everything that a page needs to start or to resume, on any device.
#[utoipa::path(get, path = "/api/flow/{id}", tag = "Flow", security(("flow" = ["profiles:read"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 200, description = "Where they are", body = FlowResponse)))]
pub(crate) async fn get_flow(
    State(app): State<Arc<App>>,
    context: RequestContext,
    ProfilePath(id): ProfilePath,
) -> Result<Json<FlowResponse>, ApiError> {
    let since = app.clock.now().plus_seconds(-FACE_LOOKS_BACK);
    let profile = app.store.profile(id, &context.authority.reach);
    let (profile, sessions) = tokio::try_join!(profile, app.store.unused_sessions(id, since))?;
    let mut profile = profile.ok_or_else(ApiError::profile_not_found)?;
    if profile.started.is_none() {
        note_start(&context, id).await;
    }
    profile.hide_reviewers_status();
    let asked = OpenResubmission::load(&app, &profile).await?;
    let face = flow::find_passed_session(&sessions, &profile, app.liveness.rule(), app.clock.now());
    let data =
        to_flow_data(profile, face, asked.as_ref(), describe_provider(&app), context.authority.expires.rfc3339());
    Ok(Json(FlowResponse { success: true, data }))
}

/// Notes that the link was opened. The person goes on even where that cannot be stored now: the next look notes it.
async fn note_start(context: &RequestContext, id: RecordId) {
    let event = context.audit_event(EventKind::ProfileStarted, Some(id), "");
    if let Err(error) = context.app.store.note_start(id, event).await {
        warn_unless_outage!(error, profile = %id, "could not note that a link was opened; the next look tries again");
    }
}

fn to_flow_data(
    profile: Profile,
    face: Option<&LivenessSession>,
    asked: Option<&OpenResubmission>,
    liveness: FlowProvider,
    expires: String,
) -> FlowData {
    let kept = asked.map(|asked| asked.kept.as_slice()).unwrap_or_default();
    let language = profile.language.as_deref().unwrap_or_default();
    FlowData {
        id: profile.id,
        step: profile.flow_step(face, kept),
        resubmission: asked.map(|asked| Resubmission::from_request(&asked.request, language)),
        status: profile.shown_status().to_owned(),
        outcome: profile.flow_outcome(),
        verification_status: profile.verification_status,
        expires,
        document: FlowDocument {
            front: profile.has_file(FileField::DocumentFront, kept),
            back: profile.has_file(FileField::DocumentBack, kept),
            country: profile.country.unwrap_or_default(),
            document_type: profile.document_type.unwrap_or_default(),
        },
        language: profile.language,
        consent: profile.consent,
        details: profile.details_draft,
        face: face.map(|session| FlowFace { session: session.id.clone() }),
        liveness,
        redirect_url: profile.redirect_url,
    }
}

fn describe_provider(app: &App) -> FlowProvider {
    let provider = app.liveness.provider();
    let endpoint = provider.browser_endpoint();
    FlowProvider {
        provider: provider.word(),
        region: endpoint.as_ref().and_then(|at| at.region.map(str::to_owned)),
        stream: endpoint.as_ref().and_then(|at| at.stream_url.map(str::to_owned)),
    }
}
