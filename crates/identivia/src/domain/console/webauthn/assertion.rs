//! A sign-in with a passkey: the checks of WebAuthn §7.2.

use super::authenticator_data::AuthenticatorData;
use super::client_data::{Ceremony, ClientData};
use super::cose_key::CredentialKey;
use super::{PasskeyFault, RelyingParty};

/// What a browser sends of a sign-in.
pub struct Assertion<'a> {
    pub client_data: &'a ClientData,
    pub authenticator_data: &'a [u8],
    pub signature: &'a [u8],
}

/// Checks a sign-in with a passkey of that public key and counter; gives the new counter. The caller has found the challenge
/// among its own (step 12), and the passkey and its user (steps 5 to 7).
///
/// # Errors
/// The first thing that is wrong with it. The counter is checked last, when the signature is known to be right.
pub fn verify_assertion(
    party: &RelyingParty,
    assertion: &Assertion<'_>,
    public_key: &[u8],
    last_count: u32,
) -> Result<u32, PasskeyFault> {
    // Steps 11, 13 and 14.
    assertion.client_data.check(Ceremony::Assertion, party)?;
    let data = AuthenticatorData::parse(assertion.authenticator_data)?;
    // Steps 15 to 17. Step 18: no extension was asked for, so none is read.
    data.check(party)?;
    // Steps 19 and 20: the signature of the authenticator's data and the hash of the browser's.
    let key = CredentialKey::parse(public_key).ok_or(PasskeyFault::Algorithm)?;
    let signed = [assertion.authenticator_data, assertion.client_data.hash().as_ref()].concat();
    if !key.has_signed(&signed, assertion.signature) {
        return Err(PasskeyFault::Signature);
    }
    // Step 21: the counter, which authenticators without one leave at zero.
    let has_counter = data.sign_count != 0 || last_count != 0;
    if has_counter && data.sign_count <= last_count {
        return Err(PasskeyFault::CounterWentBack);
    }
    Ok(data.sign_count)
}
