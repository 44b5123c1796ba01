//! `POST /api/console/me/passkeys/start` and `…/finish`: adds a passkey, as the first second factor or beside others.

use axum::Json;
use axum::response::Response;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::super::console_call::{Person, user_refusal};
use super::super::second_factor::refuse_enrolment;
use super::answers::{PART_LETTERS, take_part};
use super::challenges::{TakenChallenge, give_to_person, take_challenge};
use super::request_options::PasskeyCreationResponse;
use super::{PasskeyView, relying_party};
use crate::domain::console::passkey::MAX_PASSKEYS;
use crate::domain::console::recovery_code::draw_recovery_codes;
use crate::domain::console::webauthn::{ClientData, NewCredential, PasskeyFault, verify_registration};
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::{ApiError, ErrorBody};
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_challenge::ChallengePurpose;
use crate::records::console_session::SessionStage;
use crate::records::console_user::{ConsoleUser, PasskeyFactor};
use crate::store::Refusal;
use crate::store::console::UserWrite;

/// The most letters of a passkey's name, and the name of one without.
pub(super) const NAME_LETTERS: usize = 60;
const DEFAULT_NAME: &str = "Passkey";

/// What the browser gives of a new passkey.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SentCredential {
    /// What the person calls it; left out, it is `Passkey`.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 60, pattern = "^[^\\u0000]*$")]
    name: RawField,
    /// `response.clientDataJSON` in base64url.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 8192, pattern = "^[A-Za-z0-9_-]+$")]
    client_data_json: RawField,
    /// `response.attestationObject` in base64url.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 8192, pattern = "^[A-Za-z0-9_-]+$")]
    attestation_object: RawField,
}

/// A new passkey.
#[derive(Serialize, ToSchema)]
pub(crate) struct NewPasskeyResponse {
    success: bool,
    data: NewPasskeyData,
}

#[derive(Serialize, ToSchema)]
struct NewPasskeyData {
    passkey: PasskeyView,
    /// Shown once; empty where the user has some already.
    recovery_codes: Vec<String>,
    stage: SessionStage,
}

/// Start to add a passkey
///
/// Gives what `navigator.credentials.create` needs. Beside another factor only with a fresh second factor.
#[utoipa::path(post, path = "/api/console/me/passkeys/start", tag = "Console",
    security(("consoleSession" = ["console:sign_in"])),
    responses(
        (status = 200, description = "What the browser is asked for", body = PasskeyCreationResponse),
        (status = 409, description = "The user has as many as there may be, the session must show the present second factor \
            first, or the server's URL has no name for passkeys", body = ErrorBody),
    ))]
pub(crate) async fn start_passkey(person: Person) -> Result<Json<PasskeyCreationResponse>, ApiError> {
    refuse_enrolment(&person)?;
    let party = relying_party(&person.call.app)?;
    refuse_surplus(&person)?;
    let challenge = give_to_person(&person, ChallengePurpose::Registration).await?;
    Ok(Json(PasskeyCreationResponse::new(party, &challenge, &person.user)))
}

fn refuse_surplus(person: &Person) -> Result<(), ApiError> {
    if person.user.passkeys.len() < MAX_PASSKEYS {
        return Ok(());
    }
    Err(ApiError::conflict("Too many passkeys", "There may be 10; remove one first"))
}

/// Add a passkey
///
/// Other sessions end. A user without recovery codes is given some, which are shown once. The answer sets another cookie.
#[utoipa::path(post, path = "/api/console/me/passkeys/finish", tag = "Console",
    security(("consoleSession" = ["console:sign_in"])),
    request_body = SentCredential,
    responses(
        (status = 200, description = "Added; the user is signed in", body = NewPasskeyResponse),
        (status = 409, description = "The passkey is registered already, or one of the conflicts at the start",
            body = ErrorBody),
    ))]
pub(crate) async fn finish_passkey(person: Person, request: WholeRequest) -> Result<Response, ApiError> {
    refuse_enrolment(&person)?;
    relying_party(&person.call.app)?;
    let body: SentCredential = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let name = checks.optional_text("name", body.name, NAME_LETTERS).unwrap_or_default().trim().to_owned();
    let client_data = take_part(&mut checks, "client_data_json", body.client_data_json, PART_LETTERS);
    let object = take_part(&mut checks, "attestation_object", body.attestation_object, PART_LETTERS);
    checks.finish()?;
    refuse_surplus(&person)?;
    let credential = check_credential(&person, client_data, &object).await?;
    let name = if name.is_empty() { DEFAULT_NAME.to_owned() } else { name };
    add_passkey(&person, PasskeyFactor::new(&credential, name, person.call.now())).await
}

async fn check_credential(person: &Person, client_data: Vec<u8>, object: &[u8]) -> Result<NewCredential, ApiError> {
    let party = relying_party(&person.call.app)?;
    let client_data = ClientData::parse(client_data).map_err(passkey_not_accepted)?;
    let (purpose, session) = (ChallengePurpose::Registration, Some(person.session.id));
    match take_challenge(&person.call, &client_data, purpose, session).await? {
        Some(TakenChallenge::OfUser(user)) if user == person.user.id => {}
        _ => {
            return Err(ApiError::bad_request(
                "Passkey was not accepted",
                "It was asked for too long ago, or by another session: start again",
            ));
        }
    }
    verify_registration(party, &client_data, object).map_err(passkey_not_accepted)
}

fn passkey_not_accepted(fault: PasskeyFault) -> ApiError {
    ApiError::bad_request("Passkey was not accepted", fault.to_string())
}

fn registered_already() -> ApiError {
    ApiError::conflict("Passkey is registered already", "Use another authenticator")
}

async fn add_passkey(person: &Person, passkey: PasskeyFactor) -> Result<Response, ApiError> {
    if person.user.passkeys.iter().any(|own| own.id == passkey.id) {
        return Err(registered_already());
    }
    let now = person.call.now();
    let view = PasskeyView::from(&passkey);
    let mut after = ConsoleUser { last_sign_in: Some(now), ..person.user.clone() }.with_sessions_ended();
    after.passkeys.push(passkey);
    let mut recovery_codes = Vec::new();
    if after.recovery_codes.is_empty() {
        (recovery_codes, after.recovery_codes) = draw_recovery_codes();
    }
    let (mut session, token) = person.session.renew(&after, SessionStage::Full, now);
    (session.factor_confirmed_at, session.password_only) = (Some(now), false);
    let with = UserWrite { closes: Some(person.session.id), opens: Some(&session), ..UserWrite::default() };
    let mut audit = vec![person.audit_own(EventKind::FactorAdded, "passkey")];
    if person.session.stage == SessionStage::EnrolFactor {
        audit.push(person.audit_own(EventKind::SessionStarted, ""));
    }
    let console = &person.call.app.console;
    let written = console.replace_user(&person.user, after, &with, now, &audit).await?;
    written.map_err(|refusal| match refusal {
        Refusal::AlreadyExists => registered_already(),
        other => user_refusal(other),
    })?;
    let data = NewPasskeyData { passkey: view, recovery_codes, stage: SessionStage::Full };
    person.call.with_cookie(&token, NewPasskeyResponse { success: true, data })
}
