//! The signature of an ID token: the provider's keys (RFC 7517), which of them has signed, and the claims once that is verified.

use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode_header};
use serde_json::{Map, Value};

/// The most keys of a provider that are read.
const MAX_KEYS: usize = 100;
/// The longest ID token, in bytes.
const MAX_TOKEN: usize = 64 * 1024;

/// The claims of an ID token whose signature is right, and the algorithm that it is signed with.
#[derive(Debug)]
pub struct SignedClaims {
    pub claims: Map<String, Value>,
    pub algorithm: Algorithm,
}

/// Why a signature is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignatureProblem {
    /// No key has the token's `kid`: the keys may have changed.
    UnknownKey,
    /// In our own words.
    Wrong(&'static str),
}

/// The public keys of a provider.
#[derive(Clone, Debug, Default)]
pub struct ProviderKeys(Vec<Jwk>);

impl ProviderKeys {
    /// Reads a key set. Keys of a form that is not known are left out.
    ///
    /// # Errors
    /// When it is no key set.
    pub fn parse(body: &[u8]) -> Result<Self, &'static str> {
        let set: Value = serde_json::from_slice(body).map_err(|_| "its key set is no JSON")?;
        let keys = set["keys"].as_array().ok_or("its key set has no keys")?;
        let read = |key: &Value| serde_json::from_value::<Jwk>(key.clone()).ok();
        let is_for_signatures =
            |key: &Jwk| key.common.public_key_use.as_ref().is_none_or(|purpose| *purpose == PublicKeyUse::Signature);
        Ok(Self(keys.iter().take(MAX_KEYS).filter_map(read).filter(is_for_signatures).collect()))
    }

    /// Verifies the signature of a token, and gives its claims. Its times, audience and issuer are not checked here.
    ///
    /// # Errors
    /// When no key has signed it.
    pub fn verify(&self, token: &str) -> Result<SignedClaims, SignatureProblem> {
        if token.len() > MAX_TOKEN {
            return Err(SignatureProblem::Wrong("the ID token is larger than 64 KiB"));
        }
        // `none` and other unknown algorithms are no header of this type.
        let header = decode_header(token)
            .map_err(|_| SignatureProblem::Wrong("the ID token is no JWT, or is signed with an unknown algorithm"))?;
        if !matches!(header.alg, Algorithm::RS256 | Algorithm::ES256 | Algorithm::EdDSA) {
            return Err(SignatureProblem::Wrong("the ID token is not signed with RS256, ES256 or EdDSA"));
        }
        if header.crit.is_some() {
            return Err(SignatureProblem::Wrong("the ID token has an extension that must be understood"));
        }
        let key = self.find_key(header.kid.as_deref(), header.alg)?;
        let key =
            DecodingKey::from_jwk(key).map_err(|_| SignatureProblem::Wrong("a key of the provider is damaged"))?;
        let mut validation = Validation::new(header.alg);
        // `claims` checks these against the server's own clock.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        let verified = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation)
            .map_err(|_| SignatureProblem::Wrong("the signature of the ID token is wrong"))?;
        Ok(SignedClaims { claims: verified.claims, algorithm: header.alg })
    }

    /// The key with the token's `kid`. A token without one is of the only key that fits.
    fn find_key(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&Jwk, SignatureProblem> {
        let mut fitting = self.0.iter().filter(|key| {
            fits_algorithm(key, algorithm) && kid.is_none_or(|kid| key.common.key_id.as_deref() == Some(kid))
        });
        let key = fitting.next().ok_or(SignatureProblem::UnknownKey)?;
        if kid.is_none() && fitting.next().is_some() {
            return Err(SignatureProblem::Wrong("the ID token does not say which key has signed it"));
        }
        Ok(key)
    }
}

fn fits_algorithm(key: &Jwk, algorithm: Algorithm) -> bool {
    let is_of_family = match &key.algorithm {
        AlgorithmParameters::RSA(_) => algorithm == Algorithm::RS256,
        AlgorithmParameters::EllipticCurve(key) => algorithm == Algorithm::ES256 && key.curve == EllipticCurve::P256,
        AlgorithmParameters::OctetKeyPair(key) => algorithm == Algorithm::EdDSA && key.curve == EllipticCurve::Ed25519,
        _ => false,
    };
    let named = key.common.key_algorithm.as_ref().map(ToString::to_string);
    is_of_family && named.is_none_or(|own| own == format!("{algorithm:?}"))
}
