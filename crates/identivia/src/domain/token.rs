//! Bearer tokens (RFC 6750) as HS256 JWTs (RFC 7519, RFC 8725): issuing and verifying machine and flow tokens.
//!
//! A library checks the signature. This file checks header and claims itself, because the library's defaults accept
//! too much: a minute of leeway, `nbf` in the future, `crit`.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};

use super::managed_client::TokenBinding;
use super::scope::{self, Scope, ScopeSet};
use crate::records::id::{RecordId, random_text};
use crate::records::time::Millis;

/// How far clocks may disagree, in seconds.
pub const LEEWAY_SECONDS: i64 = 30;
/// The header `typ` of a flow token.
const FLOW_TYPE: &str = "flow+jwt";
const MACHINE_TYPES: [&str; 2] = ["JWT", "at+jwt"];

/// A token that has been verified.
#[derive(Clone, Debug)]
pub struct VerifiedToken {
    /// The token's `sub`.
    pub subject: String,
    /// The operations that the token permits.
    pub scopes: ScopeSet,
    pub holder: TokenHolder,
    /// When the token ends.
    pub expires: Millis,
}

/// Who holds a token. The two kinds differ in trust, so no code may treat one as the other by accident.
#[derive(Clone, Debug)]
pub enum TokenHolder {
    /// A company's server, bound to its team. Without a team it is an operator, who reaches every team.
    Machine {
        team: Option<String>,
        /// The client that we issued the token to; `None` for a token that another service has signed with our secret.
        issued_to: Option<IssuedTo>,
    },
    /// A person's browser, bound to one profile and to the epoch of its links.
    Flow { profile: RecordId, epoch: u64 },
}

/// The client of a token that we issued.
#[derive(Clone, Debug)]
pub struct IssuedTo {
    pub client: String,
    /// What the token is bound to; `None` for a client of the configuration.
    pub binding: Option<TokenBinding>,
    /// The token's own id.
    pub jti: Option<String>,
}

/// Issues and verifies tokens under one secret.
pub struct Tokens {
    signing: EncodingKey,
    /// The current secret, then the previous one.
    verifying: Vec<DecodingKey>,
    validation: Validation,
    issuer: String,
    audience: String,
    flow_audience: String,
    flow_scope: String,
    /// The lifetime of a machine token, in seconds.
    pub machine_ttl: i64,
    /// The lifetime of a flow token, in seconds.
    pub flow_ttl: i64,
}

#[derive(Serialize)]
struct IssuedClaims<'a> {
    iss: &'a str,
    aud: &'a str,
    sub: &'a str,
    scope: &'a str,
    iat: i64,
    exp: i64,
    jti: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    team: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_id: Option<RecordId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<RecordId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<u64>,
}

/// The claims that are read. A duplicate, missing or wrongly typed one fails the whole token; unknown ones are ignored.
#[derive(Deserialize)]
struct PresentedClaims {
    iss: String,
    aud: Audience,
    exp: NumericDate,
    #[serde(default)]
    iat: Option<NumericDate>,
    #[serde(default)]
    nbf: Option<NumericDate>,
    #[serde(default)]
    sub: Option<String>,
    /// Any JSON: a scope that is no string grants nothing (403), it does not make the token a forgery (401).
    #[serde(default)]
    scope: Option<Value>,
    #[serde(default)]
    team: Option<String>,
    #[serde(default)]
    client_id: Option<String>,
    /// Any JSON, as other services may use the names of these two: a client of ours has texts in them.
    #[serde(default)]
    jti: Option<Value>,
    #[serde(default)]
    secret_id: Option<Value>,
    #[serde(default)]
    profile: Option<String>,
    #[serde(default)]
    epoch: Option<u64>,
}

/// Seconds since 1970, whole or with a fraction (RFC 7519 §2); in milliseconds here.
#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "Number")]
struct NumericDate(i64);

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
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn includes(&self, wanted: &str) -> bool {
        match self {
            Self::One(name) => name == wanted,
            Self::Several(names) => names.iter().any(|name| name == wanted),
        }
    }
}

impl Tokens {
    /// Takes the secret (at least 32 bytes, checked with the configuration), the previous one, which verifies and never signs,
    /// issuer, audience and lifetimes in seconds.
    #[must_use]
    pub fn new(
        secret: &[u8],
        previous: Option<&[u8]>,
        issuer: &str,
        audience: &str,
        machine_ttl: i64,
        flow_ttl: i64,
    ) -> Self {
        let mut validation = Validation::new(Algorithm::HS256);
        // `verify` checks time, issuer and audience against the server's own clock.
        validation.required_spec_claims.clear();
        validation.validate_exp = false;
        validation.validate_aud = false;
        Self {
            signing: EncodingKey::from_secret(secret),
            verifying: std::iter::once(secret).chain(previous).map(DecodingKey::from_secret).collect(),
            validation,
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            flow_audience: format!("{audience}/flow"),
            flow_scope: scope::to_scope_claim(&Scope::FLOW),
            machine_ttl,
            flow_ttl,
        }
    }

    /// Issues a machine token to a client that has proved its secret. A client that was made through the API has a binding.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_machine_token(
        &self,
        client: &str,
        scope: &str,
        team: Option<&str>,
        binding: Option<&TokenBinding>,
        now: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let claims = IssuedClaims {
            iss: &self.issuer,
            aud: &self.audience,
            sub: client,
            scope,
            iat: now.seconds(),
            exp: now.seconds() + self.machine_ttl,
            jti: random_text::<20>(),
            team,
            client_id: Some(client),
            secret_id: binding.map(|binding| binding.secret),
            profile: None,
            epoch: binding.map(|binding| binding.epoch),
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// Issues the flow token of a person's link, for one profile and the current epoch of its links.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_flow_token(
        &self,
        profile: RecordId,
        epoch: u64,
        now: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        self.issue_flow_token_until(profile, epoch, &self.flow_scope, now, now.plus_seconds(self.flow_ttl))
    }

    /// Issues a flow token with the scopes and the end of another one, for the same person's other device.
    ///
    /// # Errors
    /// When the claims cannot be signed. No input of a caller can cause that.
    pub fn issue_flow_token_until(
        &self,
        profile: RecordId,
        epoch: u64,
        scope: &str,
        now: Millis,
        ends: Millis,
    ) -> Result<String, jsonwebtoken::errors::Error> {
        let mut header = Header::new(Algorithm::HS256);
        header.typ = Some(FLOW_TYPE.to_owned());
        let claims = IssuedClaims {
            iss: &self.issuer,
            aud: &self.flow_audience,
            sub: profile.as_str(),
            scope,
            iat: now.seconds(),
            exp: ends.seconds(),
            jti: random_text::<20>(),
            team: None,
            client_id: None,
            secret_id: None,
            profile: Some(profile),
            epoch: Some(epoch),
        };
        jsonwebtoken::encode(&header, &claims, &self.signing)
    }

    /// Verifies a presented token. Every fault gives the same `None`, so that a caller learns nothing about it.
    #[must_use]
    pub fn verify(&self, token: &str, now: Millis) -> Option<VerifiedToken> {
        let decode = |key| jsonwebtoken::decode::<PresentedClaims>(token, key, &self.validation).ok();
        let verified = self.verifying.iter().find_map(decode)?;
        let claims = verified.claims;
        let is_valid = has_plain_header(&verified.header)
            && claims.iss == self.issuer
            && is_in_time(&claims, now)
            && claims.team.as_deref() != Some("");
        if !is_valid {
            return None;
        }
        let typ = verified.header.typ.as_deref();
        let holder = if typ == Some(FLOW_TYPE) && claims.aud.includes(&self.flow_audience) {
            TokenHolder::Flow { profile: RecordId::parse(&claims.profile?)?, epoch: claims.epoch.unwrap_or_default() }
        } else if typ.is_none_or(is_machine_type) && claims.aud.includes(&self.audience) {
            let issued_to = read_issued_to(&claims);
            TokenHolder::Machine { team: claims.team, issued_to }
        } else {
            return None;
        };
        let scopes = claims.scope.as_ref().map(read_scopes).unwrap_or_default();
        let expires = Millis(claims.exp.0);
        Some(VerifiedToken { subject: claims.sub.unwrap_or_default(), scopes, holder, expires })
    }
}

/// The prefix `application/` of a media type may be left out (RFC 7515 §4.1.9).
fn is_machine_type(typ: &str) -> bool {
    const PREFIX: &str = "application/";
    let has_prefix = typ.get(..PREFIX.len()).is_some_and(|prefix| prefix.eq_ignore_ascii_case(PREFIX));
    let subtype = if has_prefix { &typ[PREFIX.len()..] } else { typ };
    MACHINE_TYPES.iter().any(|known| known.eq_ignore_ascii_case(subtype))
}

/// The client that a token names.
fn read_issued_to(claims: &PresentedClaims) -> Option<IssuedTo> {
    let secret = claims.secret_id.as_ref().and_then(Value::as_str).and_then(RecordId::parse);
    Some(IssuedTo {
        client: claims.client_id.clone()?,
        binding: secret.zip(claims.epoch).map(|(secret, epoch)| TokenBinding { secret, epoch }),
        jti: claims.jti.as_ref().and_then(Value::as_str).map(str::to_owned),
    })
}

/// The scopes of a `scope` claim: a text, or a list of texts. Anything else grants nothing.
fn read_scopes(claim: &Value) -> ScopeSet {
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
fn has_plain_header(header: &Header) -> bool {
    header.crit.is_none()
        && header.jku.is_none()
        && header.jwk.is_none()
        && header.x5u.is_none()
        && header.x5c.is_none()
        && header.enc.is_none()
        && header.zip.is_none()
}

fn is_in_time(claims: &PresentedClaims, now: Millis) -> bool {
    const LEEWAY: i64 = LEEWAY_SECONDS * 1_000;
    let is_past = |time: Option<NumericDate>| time.is_none_or(|time| time.0.saturating_sub(now.0) < LEEWAY);
    now.0 < claims.exp.0.saturating_add(LEEWAY) && is_past(claims.iat) && is_past(claims.nbf)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Millis = Millis(1_774_051_200_000);
    const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";

    fn tokens() -> Tokens {
        Tokens::new(SECRET, None, "identivia", "identivia-api", 3_600, 1_800)
    }

    fn signed(header: &Value, claims: &Value) -> String {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
        signed_text(&B64.encode(header.to_string()), &B64.encode(claims.to_string()))
    }

    fn signed_text(header: &str, claims: &str) -> String {
        let message = format!("{header}.{claims}");
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256);
        format!("{message}.{}", signature.unwrap())
    }

    fn good() -> Value {
        let now = NOW.seconds();
        json!({"iss": "identivia", "aud": "identivia-api", "sub": "postman", "scope": "profiles:read",
               "iat": now, "exp": now + 60, "jti": "1"})
    }

    fn accepted(header: &Value, change: impl FnOnce(&mut Value)) -> bool {
        let mut claims = good();
        change(&mut claims);
        tokens().verify(&signed(header, &claims), NOW).is_some()
    }

    fn jwt() -> Value {
        json!({"alg": "HS256", "typ": "JWT"})
    }

    #[test]
    fn our_own_tokens_come_back_as_what_they_were() {
        let tokens = tokens();
        let binding = TokenBinding { secret: RecordId::random(), epoch: 9 };
        let machine = tokens.issue_machine_token("postman", "profiles:read", Some("red"), Some(&binding), NOW).unwrap();
        let caller = tokens.verify(&machine, NOW).unwrap();
        assert_eq!(caller.subject, "postman");
        assert!(caller.scopes.has(Scope::ProfilesRead) && !caller.scopes.has(Scope::ProfilesWrite));
        let TokenHolder::Machine { team: Some(team), issued_to: Some(issued) } = caller.holder else {
            panic!("no machine token with a team and a client")
        };
        assert_eq!((team.as_str(), issued.client.as_str(), issued.binding), ("red", "postman", Some(binding)));
        assert_eq!(issued.jti.map(|jti| jti.len()), Some(20));

        let id = RecordId::random();
        let flow = tokens.verify(&tokens.issue_flow_token(id, 7, NOW).unwrap(), NOW).unwrap();
        assert!(matches!(flow.holder, TokenHolder::Flow { profile, epoch: 7 } if profile == id));
        assert_eq!(flow.expires, NOW.plus_seconds(1_800));

        let ends = NOW.plus_seconds(7);
        let twin = tokens.issue_flow_token_until(id, 8, "profiles:read", NOW, ends).unwrap();
        let twin = tokens.verify(&twin, NOW).unwrap();
        assert_eq!((twin.expires, twin.scopes), (ends, ScopeSet::parse("profiles:read")));
        assert!(matches!(twin.holder, TokenHolder::Flow { profile, epoch: 8 } if profile == id));
    }

    #[test]
    fn another_service_may_sign_without_typ_and_with_several_audiences() {
        assert!(accepted(&json!({"alg": "HS256"}), |claims| claims["aud"] = json!(["else", "identivia-api"])));
    }

    #[test]
    fn times_are_judged_with_thirty_seconds_of_leeway() {
        let now = NOW.seconds();
        assert!(accepted(&jwt(), |claims| claims["exp"] = json!(now - 29)));
        assert!(!accepted(&jwt(), |claims| claims["exp"] = json!(now - 31)));
        assert!(!accepted(&jwt(), |claims| claims["nbf"] = json!(now + 31)));
        assert!(!accepted(&jwt(), |claims| claims["iat"] = json!(now + 31)));
        assert!(!accepted(&jwt(), |claims| claims["nbf"] = json!("now")));
    }

    #[test]
    fn a_bad_exp_is_refused() {
        for exp in [json!(null), json!("9999999999"), json!(true), json!(-1), json!(1e300), json!([])] {
            assert!(!accepted(&jwt(), |claims| claims["exp"] = exp.clone()), "{exp}");
        }
        assert!(!accepted(&jwt(), |claims| drop(claims.as_object_mut().unwrap().remove("exp"))));
    }

    #[test]
    fn a_duplicate_exp_is_refused() {
        use base64::Engine as _;
        use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
        let twice = good().to_string().replacen('{', "{\"exp\":1,", 1);
        let token = signed_text(&B64.encode(jwt().to_string()), &B64.encode(twice));
        assert!(tokens().verify(&token, NOW).is_none());
    }

    #[test]
    fn wrong_issuer_audience_or_an_empty_team_is_refused() {
        assert!(!accepted(&jwt(), |claims| claims["iss"] = json!("else")));
        assert!(!accepted(&jwt(), |claims| claims["aud"] = json!("identivia-api2")));
        assert!(!accepted(&jwt(), |claims| claims["team"] = json!("")));
        assert!(!accepted(&jwt(), |claims| claims["team"] = json!(7)));
    }

    #[test]
    fn the_two_kinds_do_not_pass_for_each_other() {
        let flow = json!({"alg": "HS256", "typ": "flow+jwt"});
        assert!(!accepted(&flow, |claims| claims["profile"] = json!("abcdefghijklmno")));
        assert!(!accepted(&jwt(), |claims| claims["aud"] = json!("identivia-api/flow")));
        assert!(!accepted(&flow, |claims| claims["aud"] = json!("identivia-api/flow")), "no profile named");
        let as_flow = |claims: &mut Value| {
            claims["aud"] = json!("identivia-api/flow");
            claims["profile"] = json!("abcdefghijklmno");
        };
        assert!(accepted(&flow, as_flow));
        assert!(
            !accepted(&jwt(), as_flow) && !accepted(&json!({"alg": "HS256"}), as_flow),
            "typ alone tells them apart"
        );
    }

    #[test]
    fn other_algorithms_and_key_headers_are_refused() {
        for alg in ["none", "None", "HS384", "HS512", "RS256", "ES256", "hs256"] {
            assert!(!accepted(&json!({"alg": alg, "typ": "JWT"}), |_| ()), "{alg}");
        }
        assert!(!accepted(&json!({"typ": "JWT"}), |_| ()));
        for name in ["jku", "x5u"] {
            assert!(!accepted(&json!({"alg": "HS256", name: "https://evil.example"}), |_| ()), "{name}");
        }
        for (name, value) in [
            ("crit", json!(["exp"])),
            ("jwk", json!({"kty": "oct", "k": "AAAA"})),
            ("x5c", json!(["MIIB"])),
            ("enc", json!("A256GCM")),
            ("zip", json!("DEF")),
        ] {
            assert!(!accepted(&json!({"alg": "HS256", "typ": "JWT", name: value}), |_| ()), "{name}");
        }
    }

    #[test]
    fn tokens_of_other_libraries_are_read() {
        let now = NOW.seconds();
        for fraction in [json!(now as f64 + 60.123), json!(now as f64 + 60.0)] {
            let times = |claims: &mut Value| {
                claims["exp"] = fraction.clone();
                claims["iat"] = json!(now as f64 - 0.5);
                claims["nbf"] = json!(now as f64 - 0.5);
            };
            assert!(accepted(&jwt(), times), "{fraction}");
        }
        assert!(!accepted(&jwt(), |claims| claims["exp"] = json!(now as f64 - 30.5)));
        for typ in ["application/at+jwt", "Application/AT+JWT", "at+jwt", "jwt", "application/jwt"] {
            assert!(accepted(&json!({"alg": "HS256", "typ": typ}), |_| ()), "{typ}");
        }
        assert!(!accepted(&json!({"alg": "HS256", "typ": "application/other"}), |_| ()));
        assert!(accepted(&json!({"alg": "HS256", "typ": "JWT", "kid": "key-1"}), |_| ()), "kid is ignored");
        let mut claims = good();
        claims["scope"] = json!(["profiles:read", "health:read"]);
        let scopes = tokens().verify(&signed(&jwt(), &claims), NOW).unwrap().scopes;
        assert!(scopes.has(Scope::ProfilesRead) && scopes.has(Scope::HealthRead));
        claims["scope"] = json!(["profiles:read", 7]);
        assert!(!tokens().verify(&signed(&jwt(), &claims), NOW).unwrap().scopes.has(Scope::ProfilesRead));
    }

    #[test]
    fn s23_previous_secret_verifies_and_never_signs() {
        let old = tokens();
        let token = old.issue_machine_token("postman", "profiles:read", None, None, NOW).unwrap();
        let other = b"another secret of at least 32 bytes";
        let rotated = Tokens::new(other, Some(SECRET), "identivia", "identivia-api", 3_600, 1_800);
        assert!(rotated.verify(&token, NOW).is_some());
        let new = rotated.issue_machine_token("postman", "profiles:read", None, None, NOW).unwrap();
        assert!(rotated.verify(&new, NOW).is_some() && old.verify(&new, NOW).is_none());
        let ended = Tokens::new(other, None, "identivia", "identivia-api", 3_600, 1_800);
        assert!(ended.verify(&token, NOW).is_none());
    }

    #[test]
    fn every_flipped_bit_is_noticed() {
        let token = tokens().issue_machine_token("postman", "profiles:read", None, None, NOW).unwrap();
        for at in 0..token.len() {
            for bit in 0..7 {
                let mut flipped = token.clone().into_bytes();
                flipped[at] ^= 1 << bit;
                let flipped = String::from_utf8_lossy(&flipped).into_owned();
                assert!(tokens().verify(&flipped, NOW).is_none(), "byte {at}, bit {bit}");
            }
        }
    }
}
