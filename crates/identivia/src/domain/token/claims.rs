//! The claims of a token: those that are issued, and those of a presented token with the checks that need no clock.

use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::IssuedTo;
use crate::domain::managed_client::TokenBinding;
use crate::domain::scope::ScopeSet;
use crate::records::id::RecordId;

/// The header `typ` of a machine token.
const MACHINE_TYPES: [&str; 2] = ["JWT", "at+jwt"];

#[derive(Serialize)]
pub(super) struct IssuedClaims<'a> {
    pub(super) iss: &'a str,
    pub(super) aud: &'a str,
    pub(super) sub: &'a str,
    pub(super) scope: &'a str,
    pub(super) iat: i64,
    pub(super) exp: i64,
    pub(super) jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) team: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) secret_id: Option<RecordId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) profile: Option<RecordId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) epoch: Option<u64>,
}

/// The claims that are read. A duplicate, missing or wrongly typed one fails the whole token; unknown ones are ignored.
#[derive(Deserialize)]
pub(super) struct PresentedClaims {
    pub(super) iss: String,
    pub(super) aud: Audience,
    pub(super) exp: NumericDate,
    #[serde(default)]
    pub(super) iat: Option<NumericDate>,
    #[serde(default)]
    pub(super) nbf: Option<NumericDate>,
    #[serde(default)]
    pub(super) sub: Option<String>,
    /// Any JSON: a scope that is no string grants nothing (403), it does not make the token a forgery (401).
    #[serde(default)]
    pub(super) scope: Option<Value>,
    #[serde(default)]
    pub(super) team: Option<String>,
    #[serde(default)]
    pub(super) client_id: Option<String>,
    /// Any JSON, as other services may use the names of these two: a client of ours has texts in them.
    #[serde(default)]
    pub(super) jti: Option<Value>,
    #[serde(default)]
    pub(super) secret_id: Option<Value>,
    #[serde(default)]
    pub(super) profile: Option<String>,
    #[serde(default)]
    pub(super) epoch: Option<u64>,
}

/// Seconds since 1970, whole or with a fraction (RFC 7519 §2); in milliseconds here.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Number")]
pub(super) struct NumericDate(pub(super) i64);

impl TryFrom<Number> for NumericDate {
    type Error = &'static str;

    fn try_from(number: Number) -> Result<Self, Self::Error> {
        /// The largest whole number that a fraction's type holds exactly.
        const LARGEST: f64 = 9_007_199_254_740_991.0;
        if let Some(seconds) = number.as_u64() {
            let millis = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1_000));
            return millis.map(Self).ok_or("a time out of range");
        }
        let millis = number.as_f64().map(|seconds| seconds * 1_000.0);
        let millis = millis.filter(|millis| (0.0..=LARGEST).contains(millis)).ok_or("a time out of range")?;
        Ok(Self(millis as i64))
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
pub(super) enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub(super) fn includes(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|name| name == wanted),
        }
    }
}

/// The prefix `application/` of a media type may be left out (RFC 7515 §4.1.9).
pub(super) fn is_machine_type(typ: &str) -> bool {
    const PREFIX: &str = "application/";
    let has_prefix = typ.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
    let subtype = if has_prefix { &typ[PREFIX.len()..] } else { typ };
    MACHINE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(subtype))
}

/// The client that a token names.
pub(super) fn read_issued_to(claims: &PresentedClaims) -> Option<IssuedTo> {
    let secret = claims.secret_id.as_ref().and_then(Value::as_str).and_then(RecordId::parse);
    Some(IssuedTo {
        client: claims.client_id.clone()?,
        binding: secret.zip(claims.epoch).map(|(secret, epoch)| TokenBinding { secret, epoch }),
        jti: claims.jti.as_ref().and_then(Value::as_str).map(str::to_owned),
    })
}

/// The scopes of a `scope` claim: a text, or a list of texts. Anything else grants nothing.
pub(super) fn read_scopes(claim: &Value) -> ScopeSet {
    match claim {
        Value::String(text) => ScopeSet::parse(text),
        Value::Array(list) => {
            let words: Option<Vec<&str>> = list.iter().map(Value::as_str).collect();
            words.map(|words| ScopeSet::parse(&words.join(" "))).unwrap_or_default()
        }
        _ => ScopeSet::default(),
    }
}

/// Refuses headers that bring or point to a key, and extensions that must be understood (RFC 8725 §3.10, RFC 7515 §4.1.11).
/// `kid` is ignored: the key is ours, and no token chooses it.
pub(super) fn has_plain_header(header: &Header) -> bool {
    header.crit.is_none()
        && header.jku.is_none()
        && header.jwk.is_none()
        && header.x5u.is_none()
        && header.x5c.is_none()
        && header.enc.is_none()
        && header.zip.is_none()
}
