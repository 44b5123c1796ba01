//! Challenges for passkeys: given to a session or an address, and taken once.

use axum::http::StatusCode;

use super::super::console_call::{ConsoleCall, Person};
use crate::domain::console::challenge::challenge_key;
use crate::domain::console::session::ConsoleToken;
use crate::domain::console::webauthn::ClientData;
use crate::http::error::{ApiError, RefusalKind};
use crate::records::console_challenge::{ChallengePurpose, ConsoleChallenge};
use crate::records::console_session::ConsoleSession;
use crate::records::id::RecordId;

/// When an address with too many waiting challenges may try again, in seconds.
const RETRY_SECONDS: u64 = 60;

/// Gives the session of a person a challenge, in the place of the one before.
pub(super) async fn give_to_person(person: &Person, purpose: ChallengePurpose) -> Result<ConsoleToken, ApiError> {
    give_to_session(&person.call, &person.session, purpose).await
}

/// Gives a session a challenge for a passkey of its user.
pub(super) async fn give_to_session(
    call: &ConsoleCall,
    session: &ConsoleSession,
    purpose: ChallengePurpose,
) -> Result<ConsoleToken, ApiError> {
    let (holder, now) = (session.id.to_string(), call.now());
    let (challenge, value) = ConsoleChallenge::draw(purpose, holder, Some(session.console_user), now);
    call.app.console.offer_challenge_to_session(&challenge, now).await?;
    Ok(value)
}

/// Gives a challenge to a caller before the sign-in, by the address.
pub(super) async fn give_to_address(call: &ConsoleCall) -> Result<ConsoleToken, ApiError> {
    let (holder, now) = (format!("address {}", call.address_text()), call.now());
    let (challenge, value) = ConsoleChallenge::draw(ChallengePurpose::SignIn, holder, None, now);
    if call.app.console.offer_challenge_to_address(&challenge, now).await? {
        return Ok(value);
    }
    Err(ApiError::new(StatusCode::TOO_MANY_REQUESTS, "Too many sign-ins at once")
        .with_message("Too many sign-ins with passkeys wait; try again when Retry-After has passed")
        .retry_after(RETRY_SECONDS)
        .with_kind(RefusalKind::Guesses))
}

/// The user whom a challenge that is taken is for.
pub(super) enum TakenChallenge {
    /// A user of whom a session is known.
    OfUser(RecordId),
    /// Of the user whom the passkey names.
    OfAnybody,
}

/// Takes the challenge that a browser answers; `None` when it is unknown, was answered before, is too old, or was given for
/// another purpose or to another session.
pub(super) async fn take_challenge(
    call: &ConsoleCall,
    client_data: &ClientData,
    purpose: ChallengePurpose,
    session: Option<RecordId>,
) -> Result<Option<TakenChallenge>, ApiError> {
    let Some(value) = client_data.challenge() else { return Ok(None) };
    let taken = call.app.console.take_challenge(challenge_key(&value)).await?;
    let taken = taken.filter(|challenge| challenge.is_answered_by(&value, purpose, call.now()));
    Ok(taken.and_then(|challenge| match challenge.console_user {
        None => Some(TakenChallenge::OfAnybody),
        Some(user) => {
            let is_of_session = session.is_some_and(|session| challenge.holder == session.as_str());
            is_of_session.then_some(TakenChallenge::OfUser(user))
        }
    }))
}
