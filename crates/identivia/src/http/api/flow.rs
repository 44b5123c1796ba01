//! The person's way through their page: where they are, what they agree to, what they have typed, and how another device
//! goes on. For the browser that holds the link, and nobody else.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::event::{Event, EventKind};
use crate::domain::flow::{
    self, Consent, Draft, FACE_LOOKS_BACK, FlowStep, Journey, LANGUAGE_BYTES, Outcome, VERSION_BYTES,
};
use crate::domain::handoff::{CODE_SECONDS, Code, Handoff};
use crate::domain::liveness::Session;
use crate::domain::profile::{FileField, Gender, ProfileChange, Word as _, null_if_empty};
use crate::domain::{LINE, PARAGRAPH};
use crate::http::body::json::{self, Checks, Raw};
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::access::{By, ProfilePath, RequestId, Whole};
use crate::http::guard::failed_guesses;
use crate::http::middleware::ClientIp;
use crate::http::openapi;
use crate::records::id::RecordId;
use crate::records::time::Millis;
use crate::store::{Attached, Refusal};

/// How often a code is drawn before it is given up: one that is another profile's is less likely than a broken disk.
const DRAWS: usize = 3;

/// Where the person is.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "id": "abc123def456ghi", "step": "details", "status": "unverified", "verification_status": "unverified",
    "language": "es", "expires": "2026-03-21T00:30:00.000Z",
    "consent": {"version": "2026-11", "language": "es", "accepted": "2026-03-21T00:00:00.000Z"},
    "document": {"country": "ES", "type": "national_id", "front": true, "back": true},
    "details": {"name": "Ana Ejemplo", "document_number": "", "country": "ES", "address": "", "gender": "female",
        "date_of_birth": "1990-01-15"},
    "face": {"session": "session-uuid-here"}, "liveness": {"provider": "local"}, "outcome": null,
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
    status: String,
    /// The profile's own.
    verification_status: String,
    /// The profile's.
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    language: String,
    /// When this token ends (RFC 3339).
    #[schema(format = DateTime)]
    expires: String,
    /// What the person has agreed to last.
    consent: Option<Consent>,
    document: Document,
    /// What they have typed so far; `null` when nothing.
    details: Option<Draft>,
    /// A session that shows a live face and can serve a record; `null` when one has to be made.
    face: Option<Face>,
    liveness: Provider,
    /// What has come of it; `null` until it has been sent, and again when it is asked for again.
    outcome: Option<Outcome>,
    /// Where to go when all is done, as `create` was given it.
    #[serde(serialize_with = "null_if_empty")]
    #[schema(value_type = Option<String>)]
    redirect_url: String,
}

/// What is there of the document. Empty text is unknown.
#[derive(Serialize, ToSchema)]
#[schema(as = FlowDocument)]
struct Document {
    country: String,
    #[serde(rename = "type")]
    document_type: String,
    /// Whether its picture is there.
    front: bool,
    back: bool,
}

#[derive(Serialize, ToSchema)]
#[schema(as = FlowFace)]
struct Face {
    session: String,
}

/// Who judges liveness.
#[derive(Serialize, ToSchema)]
#[schema(as = FlowLiveness)]
struct Provider {
    /// `local` (frames are sent here) or `aws`.
    #[schema(pattern = "^(local|aws)$")]
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

/// What a person agrees to.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"version": "2026-11", "language": "es"}))]
pub(crate) struct AcceptConsent {
    /// Of the text: 1 to 64 of A-Z, a-z, 0-9, `.`, `_` and `-`.
    #[serde(default)]
    #[schema(value_type = String, required = true, pattern = "^[A-Za-z0-9._-]{1,64}$")]
    version: Raw,
    /// In which it was read (RFC 5646).
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 35, pattern = "^[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*$")]
    language: Raw,
}

/// What was agreed to, at the server's time.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "version": "2026-11", "language": "es", "accepted": "2026-03-21T00:00:00.000Z",
}}))]
pub(crate) struct ConsentResponse {
    success: bool,
    data: Consent,
}

/// What a person has typed of their document so far. What is left out is unknown from then on.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"name": "Ana Ejemplo", "country": "ES", "gender": "female", "date_of_birth": "1990-01-15"}))]
pub(crate) struct PutDetails {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    name: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    document_number: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[^\\u0000]*$")]
    country: Raw,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 2000, pattern = "^[^\\u0000]*$")]
    address: Raw,
    /// `male`, `female`, `unknown` or empty.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^(male|female|unknown)?$")]
    gender: Raw,
    #[serde(default)]
    #[schema(schema_with = openapi::date_or_null)]
    date_of_birth: Raw,
}

/// The draft as it is kept.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "name": "Ana Ejemplo", "document_number": "", "country": "ES", "address": "", "gender": "female",
    "date_of_birth": "1990-01-15",
}}))]
pub(crate) struct DetailsResponse {
    success: bool,
    data: Draft,
}

/// A code for another device.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "code": "K7PM-4QXD", "url": "https://app.identivia.com/go#K7PM4QXD", "expires": "2026-03-21T00:10:00.000Z",
}}))]
pub(crate) struct HandoffResponse {
    success: bool,
    data: HandoffData,
}

#[derive(Serialize, ToSchema)]
struct HandoffData {
    /// As a person types it at `CLIENT_URL/go`.
    code: String,
    /// For a QR code: the code stands behind `#`, which no browser sends to a server.
    url: String,
    /// 10 minutes from now, or when the token ends (RFC 3339).
    #[schema(format = DateTime)]
    expires: String,
}

/// A code that somebody has read off another device.
#[derive(Deserialize, ToSchema)]
#[schema(example = json!({"code": "k7pm 4qxd"}))]
pub(crate) struct RedeemCode {
    /// In any case, with spaces and dashes anywhere.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 255, pattern = "^[^\\u0000]*[^\\s\\u0000][^\\u0000]*$")]
    code: Raw,
}

/// What the other device goes on with.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"success": true, "data": {
    "id": "abc123def456ghi", "flow_token": "FLOW_TOKEN", "expires": "2026-03-21T00:30:00.000Z",
}}))]
pub(crate) struct RedeemResponse {
    success: bool,
    data: RedeemedData,
}

#[derive(Serialize, ToSchema)]
struct RedeemedData {
    id: RecordId,
    /// Does what the token can that asked for the code, and ends when it does.
    flow_token: String,
    /// RFC 3339.
    #[schema(format = DateTime)]
    expires: String,
}

/// Get where the person is
///
/// All that a page needs to start or to go on, on whatever device.
#[utoipa::path(get, path = "/api/flow/{id}", tag = "Flow", security(("flow" = ["profiles:read"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 200, description = "Where they are", body = FlowResponse)))]
pub(crate) async fn get_flow(
    State(app): State<Arc<App>>,
    By { caller, .. }: By,
    ProfilePath(id): ProfilePath,
) -> Result<Json<FlowResponse>, ApiError> {
    let (reach, since) = (caller.reach(), app.clock.now().plus_seconds(-FACE_LOOKS_BACK));
    let (journey, sessions) = tokio::try_join!(app.store.journey(id, &reach), app.store.unused_sessions(id, since))?;
    let journey = journey.ok_or_else(ApiError::no_profile)?;
    let face = flow::face(&sessions, app.liveness_threshold);
    let data = flow_data(journey, face, provider(&app), caller.expires.rfc3339());
    Ok(Json(FlowResponse { success: true, data }))
}

fn flow_data(journey: Journey, face: Option<&Session>, liveness: Provider, expires: String) -> FlowData {
    let (step, outcome) = (journey.step(face), journey.outcome());
    let profile = journey.profile;
    FlowData {
        id: profile.id,
        step,
        status: profile.status().to_owned(),
        language: journey.language,
        expires,
        consent: journey.consent,
        document: Document {
            front: !profile.files.get(FileField::DocumentFront).is_empty(),
            back: !profile.files.get(FileField::DocumentBack).is_empty(),
            country: profile.country,
            document_type: profile.document_type,
        },
        details: journey.draft,
        face: face.map(|session| Face { session: session.id.clone() }),
        liveness,
        outcome,
        redirect_url: journey.redirect_url,
        verification_status: profile.verification_status,
    }
}

fn provider(app: &App) -> Provider {
    if !app.uses.aws {
        return Provider { provider: "local", region: None, stream: None };
    }
    let region = app.liveness.provider().region().map(str::to_owned);
    Provider { provider: "aws", region, stream: app.stream_url.clone() }
}

/// Record the person's consent
///
/// The newest one is kept with the profile; each is in the audit trail, at the server's time.
#[utoipa::path(post, path = "/api/flow/{id}/consent", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = AcceptConsent,
    responses((status = 200, description = "Recorded", body = ConsentResponse)))]
pub(crate) async fn accept_consent(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
    request: Whole,
) -> Result<Json<ConsentResponse>, ApiError> {
    by.writable(&app, id).await?;
    let consent = consent(json::json(request).await?, &app)?;
    let detail = format!("{} {}", consent.version, consent.language);
    let change = ProfileChange { consent: Some(consent.clone()), ..ProfileChange::default() };
    change_profile(&app, &by, id, change, EventKind::ConsentAccepted, detail).await?;
    Ok(Json(ConsentResponse { success: true, data: consent }))
}

fn consent(body: AcceptConsent, app: &App) -> Result<Consent, ApiError> {
    let mut checks = Checks::default();
    let version = checks.required_text("version", body.version, LINE);
    if !version.is_empty() && !flow::is_version(&version) {
        checks.wrong("version", format!("must be 1 to {VERSION_BYTES} of A-Z, a-z, 0-9, ., _ and -"));
    }
    let language = checks.required_text("language", body.language, LINE);
    if !language.is_empty() && !flow::is_language(&language) {
        checks.wrong("language", format!("must be a language tag such as es or pt-BR, at most {LANGUAGE_BYTES} long"));
    }
    checks.finish()?;
    Ok(Consent { version, language, accepted: app.clock.now() })
}

async fn change_profile(
    app: &App,
    by: &By,
    id: RecordId,
    change: ProfileChange,
    kind: EventKind,
    detail: String,
) -> Result<(), ApiError> {
    let event = by.event(app, kind, Some(id), detail);
    let (reach, only_if) = (by.caller.reach(), by.only_if());
    let written = app.store.change_profile(id, &reach, only_if, change, Attached::default(), event).await?;
    by.outcome(app, id, written).await.map(drop)
}

/// Keep what the person has typed so far
///
/// A draft, so that another device resumes with it. What counts is sent with the verification record.
#[utoipa::path(put, path = "/api/flow/{id}/details", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    request_body = PutDetails,
    responses((status = 200, description = "Kept", body = DetailsResponse)))]
pub(crate) async fn put_details(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
    request: Whole,
) -> Result<Json<DetailsResponse>, ApiError> {
    by.writable(&app, id).await?;
    let draft = draft(json::json(request).await?)?;
    let change = ProfileChange { draft: Some(draft.clone()), ..ProfileChange::default() };
    let detail = change.field_names().join(" ");
    change_profile(&app, &by, id, change, EventKind::ProfileChanged, detail).await?;
    Ok(Json(DetailsResponse { success: true, data: draft }))
}

fn draft(body: PutDetails) -> Result<Draft, ApiError> {
    let mut checks = Checks::default();
    let gender = checks.line("gender", body.gender);
    if !gender.is_empty() && Gender::of(&gender).is_none() {
        checks.wrong("gender", "must be one of: male, female, unknown");
    }
    let draft = Draft {
        name: checks.line("name", body.name),
        document_number: checks.line("document_number", body.document_number),
        country: checks.line("country", body.country),
        address: checks.text("address", body.address, PARAGRAPH).unwrap_or_default(),
        gender,
        date_of_birth: checks.date("date_of_birth", body.date_of_birth),
    };
    checks.finish()?;
    Ok(draft)
}

/// Get a code for another device
///
/// Good once, for 10 minutes or as long as the token; asking again ends the one before.
#[utoipa::path(post, path = "/api/flow/{id}/handoff", tag = "Flow", security(("flow" = ["profiles:write"])),
    params(("id" = RecordId, Path, description = "The profile's id")),
    responses((status = 201, description = "A code", body = HandoffResponse)))]
pub(crate) async fn offer_handoff(
    State(app): State<Arc<App>>,
    by: By,
    ProfilePath(id): ProfilePath,
) -> Result<(StatusCode, Json<HandoffResponse>), ApiError> {
    by.writable(&app, id).await?;
    let ends = app.clock.now().plus_seconds(CODE_SECONDS).min(by.caller.expires);
    let code = offered_code(&app, &by, id, ends).await?;
    let data = HandoffData {
        code: code.grouped(),
        url: format!("{}/go#{}", app.client_url, code.plain()),
        expires: ends.rfc3339(),
    };
    Ok((StatusCode::CREATED, Json(HandoffResponse { success: true, data })))
}

async fn offered_code(app: &App, by: &By, id: RecordId, ends: Millis) -> Result<Code, ApiError> {
    let (reach, only_if) = (by.caller.reach(), by.only_if());
    let mut written = Err(Refusal::CodeTaken);
    let mut code = Code::random();
    for _ in 0..DRAWS {
        let handoff = Handoff {
            code_hash: app.code_key.hash(&code),
            ends,
            token_ends: by.caller.expires,
            scope: by.caller.scopes.claim(),
        };
        let event = by.event(app, EventKind::HandoffOffered, Some(id), "");
        written = app.store.offer_handoff(id, &reach, only_if, handoff, event).await?;
        if written != Err(Refusal::CodeTaken) {
            break;
        }
        code = Code::random();
    }
    by.outcome(app, id, written).await?;
    Ok(code)
}

/// Take a code that another device shows
///
/// Needs no token: the code is one, and good once. After 10 wrong ones from one address within 60 seconds the answer is
/// 429 until they have passed.
#[utoipa::path(post, path = "/api/flow/redeem", tag = "Flow", security(()),
    request_body = RedeemCode,
    responses(
        (status = 200, description = "A flow token", body = RedeemResponse),
        (status = 404, description = "Wrong, used or old, told apart by nothing", body = ErrorBody, example = json!({
            "error": "Code not valid", "message": "Ask for a new code on the other device, and enter it within 10 minutes",
        })),
        (status = 429, description = "Too many failures; see `Retry-After`", body = ErrorBody),
    ))]
pub(crate) async fn redeem_code(
    State(app): State<Arc<App>>,
    Extension(ClientIp(ip)): Extension<ClientIp>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    request: Whole,
) -> Result<Json<RedeemResponse>, ApiError> {
    let now = app.clock.now();
    let source = network(ip);
    if let Some(seconds) = app.guesses.codes.blocked(&source, now) {
        return Err(too_many(seconds));
    }
    let body: RedeemCode = json::json(request).await?;
    let mut checks = Checks::default();
    let typed = checks.required_text("code", body.code, LINE);
    checks.finish()?;
    let event = Event {
        id: RecordId::random(),
        at: now,
        kind: EventKind::HandoffTaken,
        actor: String::new(),
        profile: None,
        request_id: request_id.as_ref().to_owned(),
        detail: String::new(),
    };
    let handed = match Code::parse(&typed) {
        Some(code) => app.store.take_handoff(&app.code_key.hash(&code), event).await?,
        None => None,
    };
    let Some(handed) = handed else {
        let name = format!("codes tried at {source}");
        let blocked = failed_guesses::count(&app, &app.guesses.codes, source, &name, now).await;
        return Err(blocked.map_or_else(no_code, too_many));
    };
    let token = app.tokens.issue_flow_until(handed.profile, &handed.scope, now, handed.token_ends);
    let flow_token = token.map_err(ApiError::internal)?;
    let data = RedeemedData { id: handed.profile, flow_token, expires: handed.token_ends.rfc3339() };
    Ok(Json(RedeemResponse { success: true, data }))
}

/// The network that guesses are counted for: who has one IPv6 address mostly has all 2^64 of its subnet.
fn network(ip: IpAddr) -> IpAddr {
    match ip {
        IpAddr::V4(_) => ip,
        IpAddr::V6(address) => IpAddr::V6((u128::from(address) & !u128::from(u64::MAX)).into()),
    }
}

/// The refusal of a code that is wrong, used or old: the same bytes for all.
fn no_code() -> ApiError {
    ApiError::not_found("Code not valid", "Ask for a new code on the other device, and enter it within 10 minutes")
}

fn too_many(seconds: u64) -> ApiError {
    ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many wrong codes")
        .advice("Try again when Retry-After has passed")
        .retry_after(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guesses_count_by_ipv4_address_and_by_ipv6_subnet() {
        let of = |ip: &str| network(ip.parse().unwrap()).to_string();
        assert_eq!(of("192.0.2.7"), "192.0.2.7");
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), "2001:db8:1:2::");
        assert_eq!(of("2001:db8:1:2:ffff::1"), of("2001:db8:1:2::2"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
    }
}
