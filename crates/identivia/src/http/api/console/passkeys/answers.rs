//! What a browser sends of a passkey that was used: read, checked, and its failures counted.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use utoipa::ToSchema;

use super::super::console_call::ConsoleCall;
use super::challenges::{TakenChallenge, take_challenge};
use super::relying_party;
use crate::domain::console::webauthn::{Assertion, ClientData, MAX_CREDENTIAL_ID, PasskeyFault, verify_assertion};
use crate::domain::event::EventKind;
use crate::http::body::field_checks::{FieldChecks, RawField};
use crate::http::body::json;
use crate::http::error::ApiError;
use crate::http::guard::request_context::WholeRequest;
use crate::records::console_challenge::ChallengePurpose;
use crate::records::console_user::{ConsoleUser, ConsoleUserStatus};
use crate::records::id::RecordId;

/// The most letters of a part that a browser sends, in base64url.
pub(super) const PART_LETTERS: usize = 8 * 1_024;
/// The most letters of a credential's id in base64url.
const ID_LETTERS: usize = MAX_CREDENTIAL_ID.div_ceil(3) * 4;

/// What the browser gives of a passkey that was used. All parts are in base64url without padding.
#[derive(Deserialize, ToSchema)]
pub(crate) struct SentAssertion {
    /// `rawId` of the credential.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 1364, pattern = "^[A-Za-z0-9_-]+$")]
    credential_id: RawField,
    /// `response.clientDataJSON`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 8192, pattern = "^[A-Za-z0-9_-]+$")]
    client_data_json: RawField,
    /// `response.authenticatorData`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 8192, pattern = "^[A-Za-z0-9_-]+$")]
    authenticator_data: RawField,
    /// `response.signature`.
    #[serde(default)]
    #[schema(value_type = String, required = true, max_length = 8192, pattern = "^[A-Za-z0-9_-]+$")]
    signature: RawField,
    /// `response.userHandle`; left out where the authenticator gives none.
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 255, pattern = "^[A-Za-z0-9_-]*$")]
    user_handle: RawField,
}

/// The same, decoded.
pub(super) struct PasskeyAnswer {
    credential_id: Vec<u8>,
    client_data: Vec<u8>,
    authenticator_data: Vec<u8>,
    signature: Vec<u8>,
    /// The user whom the authenticator names; `Some(None)` when there is no such user.
    pub(super) named_user: Option<Option<RecordId>>,
}

/// Reads what a browser sends of a passkey that was used.
pub(super) async fn take_answer(request: WholeRequest) -> Result<PasskeyAnswer, ApiError> {
    let body: SentAssertion = json::read_public_json(request).await?;
    let mut checks = FieldChecks::default();
    let credential_id = take_part(&mut checks, "credential_id", body.credential_id, ID_LETTERS);
    let client_data = take_part(&mut checks, "client_data_json", body.client_data_json, PART_LETTERS);
    let authenticator_data = take_part(&mut checks, "authenticator_data", body.authenticator_data, PART_LETTERS);
    let signature = take_part(&mut checks, "signature", body.signature, PART_LETTERS);
    let handle = checks.known_line("user_handle", body.user_handle);
    checks.finish()?;
    let named_user = handle.map(|handle| {
        let bytes = URL_SAFE_NO_PAD.decode(handle).ok()?;
        RecordId::parse(std::str::from_utf8(&bytes).ok()?)
    });
    Ok(PasskeyAnswer { credential_id, client_data, authenticator_data, signature, named_user })
}

/// A part in base64url without padding.
pub(super) fn take_part(checks: &mut FieldChecks, name: &'static str, sent: RawField, letters: usize) -> Vec<u8> {
    let text = checks.required_text(name, sent, letters);
    URL_SAFE_NO_PAD.decode(text).unwrap_or_else(|_| {
        checks.add_problem(name, "must be base64url without padding");
        Vec::new()
    })
}

/// What a challenge must have been given for.
pub(super) struct ExpectedAnswer {
    pub(super) purpose: ChallengePurpose,
    /// The session that the request came with.
    pub(super) session: Option<RecordId>,
}

/// Checks the use of a passkey of a user, counts a failure, and gives the user as they are once it is used. Every fault gets
/// the answer of a wrong password.
pub(super) async fn use_passkey(
    call: &ConsoleCall,
    answer: PasskeyAnswer,
    user: Option<ConsoleUser>,
    expected: ExpectedAnswer,
) -> Result<ConsoleUser, ApiError> {
    let known = user.as_ref().map(|user| user.id);
    // Unknown passkeys belong to no account: those of an address count as one.
    let account =
        user.as_ref().map_or_else(|| format!("passkeys at {}", call.address_text()), |user| user.email.clone());
    let attempt = call.begin_attempt(&account)?;
    match check_answer(call, &answer, user, &expected).await {
        Ok(Some(used)) => {
            attempt.complete();
            Ok(used)
        }
        Ok(None) => Err(call.refuse_attempt(attempt, known, "passkey").await?),
        Err(error) => {
            attempt.pass();
            Err(error)
        }
    }
}

async fn check_answer(
    call: &ConsoleCall,
    answer: &PasskeyAnswer,
    user: Option<ConsoleUser>,
    expected: &ExpectedAnswer,
) -> Result<Option<ConsoleUser>, ApiError> {
    let party = relying_party(&call.app)?;
    let Ok(client_data) = ClientData::parse(answer.client_data.clone()) else { return Ok(None) };
    // The challenge is used up, also when the answer is wrong.
    let challenge = take_challenge(call, &client_data, expected.purpose, expected.session).await?;
    let (Some(challenge), Some(user)) = (challenge, user) else { return Ok(None) };
    if !is_of_user(answer, &challenge, &user) || user.status != ConsoleUserStatus::Active {
        return Ok(None);
    }
    let Some(passkey) = user.passkey_of_credential(&answer.credential_id) else { return Ok(None) };
    let assertion = Assertion {
        client_data: &client_data,
        authenticator_data: &answer.authenticator_data,
        signature: &answer.signature,
    };
    match verify_assertion(party, &assertion, &passkey.public_key_bytes(), passkey.sign_count) {
        Ok(sign_count) => {
            let id = passkey.id;
            Ok(Some(user.with_passkey_used(id, sign_count, call.now())))
        }
        Err(PasskeyFault::CounterWentBack) => {
            let event = call.audit(EventKind::PasskeyCounterWentBack, user.id, user.id, passkey.id.as_str());
            call.app.console.record_event(&event).await?;
            Ok(None)
        }
        Err(_) => Ok(None),
    }
}

/// Says whether challenge and authenticator name that user (§7.2 step 6). Where the challenge is for anybody, the
/// authenticator must name one.
fn is_of_user(answer: &PasskeyAnswer, challenge: &TakenChallenge, user: &ConsoleUser) -> bool {
    let is_named = answer.named_user.map(|named| named == Some(user.id));
    match challenge {
        TakenChallenge::OfUser(id) => *id == user.id && is_named != Some(false),
        TakenChallenge::OfAnybody => is_named == Some(true),
    }
}
