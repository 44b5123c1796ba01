//! A new passkey: the checks of WebAuthn §7.1.

use super::authenticator_data::AuthenticatorData;
use super::cbor::CborReader;
use super::client_data::{Ceremony, ClientData};
use super::cose_key::CredentialKey;
use super::{PasskeyFault, RelyingParty};

/// The parts of a new passkey that are stored.
#[derive(Debug)]
pub struct NewCredential {
    pub id: Vec<u8>,
    /// In COSE form.
    pub public_key: Vec<u8>,
    pub sign_count: u32,
}

/// The authenticator's answer (§6.5.4).
struct AttestationObject<'a> {
    format: &'a str,
    statement: Statement<'a>,
    authenticator_data: &'a [u8],
}

/// The entries of a statement that are checked.
#[derive(Default)]
struct Statement<'a> {
    entries: u64,
    algorithm: Option<i64>,
    signature: Option<&'a [u8]>,
}

/// Checks a new passkey. The caller has found the challenge among its own (step 8), and refuses a credential that is registered
/// already (step 22) when it stores this one (step 23).
///
/// # Errors
/// The first thing that is wrong with it.
pub fn verify_registration(
    party: &RelyingParty,
    client_data: &ClientData,
    attestation_object: &[u8],
) -> Result<NewCredential, PasskeyFault> {
    // Steps 7, 9 and 10.
    client_data.check(Ceremony::Registration, party)?;
    // Step 12: the authenticator's answer.
    let object = AttestationObject::parse(attestation_object).ok_or(PasskeyFault::AuthenticatorData)?;
    let data = AuthenticatorData::parse(object.authenticator_data)?;
    // Steps 13 to 15.
    data.check(party)?;
    let credential = data.credential.as_ref().ok_or(PasskeyFault::AuthenticatorData)?;
    // Step 16: one of the algorithms that were asked for. Step 17: no extension was asked for, so none is read.
    let key = CredentialKey::parse(credential.public_key).ok_or(PasskeyFault::Algorithm)?;
    // Steps 18 to 21: no attestation was asked for. What is left are none, and one by the new key itself.
    let signed = [object.authenticator_data, client_data.hash().as_ref()].concat();
    if !object.is_acceptable(&key, &signed) {
        return Err(PasskeyFault::Attestation);
    }
    let (id, public_key) = (credential.id.to_vec(), credential.public_key.to_vec());
    Ok(NewCredential { id, public_key, sign_count: data.sign_count })
}

impl<'a> AttestationObject<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let mut reader = CborReader::new(bytes);
        let entries = reader.map().filter(|entries| *entries == 3)?;
        let (mut format, mut statement, mut data) = (None, None, None);
        for _ in 0..entries {
            match reader.text()? {
                "fmt" => format = Some(reader.text()?),
                "attStmt" => statement = Some(Statement::parse(&mut reader)?),
                "authData" => data = Some(reader.bytes()?),
                _ => return None,
            }
        }
        let object = Self { format: format?, statement: statement?, authenticator_data: data? };
        reader.rest().is_empty().then_some(object)
    }

    /// Says whether the statement is none (§8.7), or a right one by the new key itself (§8.2, self attestation).
    fn is_acceptable(&self, key: &CredentialKey<'_>, signed: &[u8]) -> bool {
        match (self.format, &self.statement) {
            ("none", statement) => statement.entries == 0,
            ("packed", Statement { entries: 2, algorithm: Some(algorithm), signature: Some(signature) }) => {
                *algorithm == key.algorithm() && key.has_signed(signed, signature)
            }
            _ => false,
        }
    }
}

impl<'a> Statement<'a> {
    fn parse(reader: &mut CborReader<'a>) -> Option<Self> {
        let mut statement = Self { entries: reader.map()?, ..Self::default() };
        for _ in 0..statement.entries {
            match reader.text()? {
                "alg" => statement.algorithm = Some(reader.int()?),
                "sig" => statement.signature = Some(reader.bytes()?),
                _ => reader.skip()?,
            }
        }
        Some(statement)
    }
}
