//! The claims of an ID token (OpenID Connect Core 1.0 §3.1.3.7): who signed it for whom, when, and for which sign-in.

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use email_address::EmailAddress;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};

use super::signature::SignedClaims;
use crate::domain::console::user::normalize_email;
use crate::domain::{LINE, console::session::STEP_UP_SECONDS};
use crate::records::time::Millis;

/// How far the provider's clock and ours may differ, in seconds.
pub const LEEWAY_SECONDS: i64 = 60;
/// The longest `sub`, in ASCII characters (OpenID Connect Core 1.0 §2).
const MAX_SUBJECT: usize = 255;
/// The most values of `amr` that are recorded, and the longest word.
const MAX_METHODS: usize = 5;
const MAX_WORD: usize = 64;

/// What an ID token must match.
pub struct ExpectedToken<'a> {
    pub issuer: &'a str,
    pub client_id: &'a str,
    pub nonce: &'a str,
    /// The access token that came with it.
    pub access_token: Option<&'a str>,
    /// When the sign-in began.
    pub begun: Millis,
    pub now: Millis,
}

/// Why an ID token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimProblem {
    /// Times that differ from ours: a clock may be wrong.
    Clock(&'static str),
    /// In our own words.
    Wrong(&'static str),
}

/// A person at a provider, whose ID token was accepted.
#[derive(Clone, Debug)]
pub struct ProviderPerson {
    pub issuer: String,
    pub subject: String,
    /// In lower case; `None` where the provider gives none, or says that it is not verified.
    pub email: Option<String>,
    pub name: Option<String>,
    /// When they showed the provider who they are, if it says so.
    pub authenticated_at: Option<Millis>,
    /// How they showed it: `acr` and `amr`, for the audit trail.
    pub methods: String,
    pub claims: Map<String, Value>,
}

impl ProviderPerson {
    /// Says whether the provider has asked them who they are since the sign-in began.
    #[must_use]
    pub fn has_authenticated_since(&self, begun: Millis) -> bool {
        self.authenticated_at.is_some_and(|at| at >= begun.plus_seconds(-LEEWAY_SECONDS))
    }

    /// When the second factor counts as shown: at the provider, if it has asked just now.
    #[must_use]
    pub fn factor_confirmed_at(&self, begun: Millis, now: Millis) -> Option<Millis> {
        let at = self.authenticated_at.filter(|_| self.has_authenticated_since(begun))?;
        Some(at.min(now)).filter(|at| now < at.plus_seconds(STEP_UP_SECONDS))
    }
}

/// Checks the claims of an ID token whose signature is right.
///
/// # Errors
/// The first check that fails.
pub fn check_claims(signed: SignedClaims, expected: &ExpectedToken<'_>) -> Result<ProviderPerson, ClaimProblem> {
    let SignedClaims { claims, algorithm } = signed;
    check_addressee(&claims, expected)?;
    check_times(&claims, expected)?;
    if claims.get("nonce").and_then(Value::as_str) != Some(expected.nonce) {
        return Err(ClaimProblem::Wrong("the ID token was made for another sign-in (nonce)"));
    }
    check_access_token_hash(&claims, expected.access_token, algorithm)?;
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    if !(1..=MAX_SUBJECT).contains(&subject.len()) || subject.bytes().any(|byte| !(b' '..=b'~').contains(&byte)) {
        return Err(ClaimProblem::Wrong("the ID token has no usable subject (sub)"));
    }
    Ok(ProviderPerson {
        issuer: expected.issuer.to_owned(),
        subject: subject.to_owned(),
        email: read_email(&claims),
        name: read_name(&claims),
        authenticated_at: read_time(&claims, "auth_time"),
        methods: describe_methods(&claims),
        claims,
    })
}

/// `iss`, `aud` and `azp`.
fn check_addressee(claims: &Map<String, Value>, expected: &ExpectedToken<'_>) -> Result<(), ClaimProblem> {
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(ClaimProblem::Wrong("the ID token is of another issuer (iss)"));
    }
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !audiences.contains(&expected.client_id) {
        return Err(ClaimProblem::Wrong("the ID token is for another client (aud)"));
    }
    match claims.get("azp") {
        None if audiences.len() > 1 => {
            Err(ClaimProblem::Wrong("the ID token is for several clients and does not say for which (azp)"))
        }
        Some(party) if party.as_str() != Some(expected.client_id) => {
            Err(ClaimProblem::Wrong("the ID token was issued to another client (azp)"))
        }
        _ => Ok(()),
    }
}

/// `exp` and `iat`, and `nbf` where it is there.
fn check_times(claims: &Map<String, Value>, expected: &ExpectedToken<'_>) -> Result<(), ClaimProblem> {
    let now = expected.now;
    let Some(expires) = read_time(claims, "exp") else {
        return Err(ClaimProblem::Wrong("the ID token has no end (exp)"));
    };
    let Some(issued) = read_time(claims, "iat") else {
        return Err(ClaimProblem::Wrong("the ID token does not say when it was made (iat)"));
    };
    if expires.plus_seconds(LEEWAY_SECONDS) <= now {
        return Err(ClaimProblem::Clock("the ID token has expired (exp)"));
    }
    if issued > now.plus_seconds(LEEWAY_SECONDS) {
        return Err(ClaimProblem::Clock("the ID token was made in the future (iat)"));
    }
    if issued < expected.begun.plus_seconds(-LEEWAY_SECONDS) {
        return Err(ClaimProblem::Clock("the ID token was made before the sign-in began (iat)"));
    }
    if read_time(claims, "nbf").is_some_and(|from| from > now.plus_seconds(LEEWAY_SECONDS)) {
        return Err(ClaimProblem::Clock("the ID token is not valid yet (nbf)"));
    }
    Ok(())
}

/// `at_hash`, where it is there: the left half of the access token's hash (OpenID Connect Core 1.0 §3.1.3.6).
fn check_access_token_hash(
    claims: &Map<String, Value>,
    access_token: Option<&str>,
    algorithm: Algorithm,
) -> Result<(), ClaimProblem> {
    let Some(claimed) = claims.get("at_hash") else { return Ok(()) };
    let hash = if algorithm == Algorithm::EdDSA { &digest::SHA512 } else { &digest::SHA256 };
    let expected = access_token.map(|token| {
        let whole = digest::digest(hash, token.as_bytes());
        URL_SAFE_NO_PAD.encode(&whole.as_ref()[..whole.as_ref().len() / 2])
    });
    if expected.is_some() && claimed.as_str() == expected.as_deref() {
        Ok(())
    } else {
        Err(ClaimProblem::Wrong("the access token is not the one of the ID token (at_hash)"))
    }
}

/// Seconds since 1970, whole or with a fraction (RFC 7519 §2).
fn read_time(claims: &Map<String, Value>, name: &str) -> Option<Millis> {
    /// The year 9999: later times are none.
    const LARGEST: f64 = 253_402_300_799.0;
    let seconds = claims.get(name)?.as_f64().filter(|seconds| (0.0..=LARGEST).contains(seconds))?;
    Some(Millis((seconds * 1_000.0) as i64))
}

fn read_email(claims: &Map<String, Value>) -> Option<String> {
    let is_unverified = claims.get("email_verified").is_some_and(|verified| *verified != Value::Bool(true));
    let email = normalize_email(claims.get("email")?.as_str()?);
    let is_usable = email.len() <= LINE && EmailAddress::is_valid(&email) && !email.chars().any(char::is_control);
    (is_usable && !is_unverified).then_some(email)
}

fn read_name(claims: &Map<String, Value>) -> Option<String> {
    let name: String = claims.get("name")?.as_str()?.chars().filter(|letter| !letter.is_control()).take(LINE).collect();
    let name = name.trim();
    (!name.is_empty()).then(|| name.to_owned())
}

/// `acr` and `amr` as words: anything else could be a text about a person.
fn describe_methods(claims: &Map<String, Value>) -> String {
    let is_word = |text: &&str| {
        (1..=MAX_WORD).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
    };
    let level = claims.get("acr").and_then(Value::as_str).filter(is_word).map(|level| format!("acr {level}"));
    let methods: Vec<&str> = claims
        .get("amr")
        .and_then(Value::as_array)
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
        .filter_map(Value::as_str)
        .filter(is_word)
        .take(MAX_METHODS)
        .collect();
    let methods = (!methods.is_empty()).then(|| format!("amr {}", methods.join(" ")));
    level.into_iter().chain(methods).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const NOW: Millis = Millis(1_774_051_200_000);

    fn check(
        changes: &Value,
        access_token: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<ProviderPerson, ClaimProblem> {
        let mut claims = json!({"iss": "https://a.example", "aud": "us", "nonce": "n", "sub": "s-1",
            "iat": NOW.seconds(), "exp": NOW.seconds() + 300});
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let mut claims = claims.as_object().unwrap().clone();
        claims.retain(|_, value| !value.is_null());
        let expected = ExpectedToken {
            issuer: "https://a.example",
            client_id: "us",
            nonce: "n",
            access_token,
            begun: NOW.plus_seconds(-90),
            now: NOW,
        };
        check_claims(SignedClaims { claims, algorithm }, &expected)
    }

    #[test]
    fn each_claim_that_does_not_match_is_refused() {
        let now = NOW.seconds();
        let accepted = [
            json!({}),
            json!({"aud": ["us"]}),
            json!({"aud": ["us", "them"], "azp": "us"}),
            json!({"azp": "us", "exp": now - 59, "iat": now + 60, "extra": {"a": 1}}),
            json!({"iat": now - 150, "exp": now as f64 + 0.5}),
        ];
        for changes in accepted {
            check(&changes, None, Algorithm::RS256).unwrap_or_else(|problem| panic!("{changes}: {problem:?}"));
        }
        let refused = [
            (json!({"iss": "https://a.example/"}), "iss"),
            (json!({"iss": null}), "iss"),
            (json!({"aud": "them"}), "aud"),
            (json!({"aud": ["them"]}), "aud"),
            (json!({"aud": null}), "aud"),
            (json!({"aud": {"us": 1}}), "aud"),
            (json!({"aud": ["us", "them"]}), "azp"),
            (json!({"azp": "them"}), "azp"),
            (json!({"azp": ["us"]}), "azp"),
            (json!({"nonce": "m"}), "nonce"),
            (json!({"nonce": null}), "nonce"),
            (json!({"exp": now - 60}), "exp"),
            (json!({"exp": null}), "exp"),
            (json!({"exp": "9999999999"}), "exp"),
            (json!({"iat": now + 61}), "iat"),
            (json!({"iat": now - 151}), "iat"),
            (json!({"iat": null}), "iat"),
            (json!({"nbf": now + 61}), "nbf"),
            (json!({"sub": ""}), "sub"),
            (json!({"sub": null}), "sub"),
            (json!({"sub": 7}), "sub"),
            (json!({"sub": "a\nb"}), "sub"),
            (json!({"sub": "a".repeat(256)}), "sub"),
            (json!({"at_hash": "x"}), "at_hash"),
        ];
        for (changes, claim) in refused {
            let problem = check(&changes, None, Algorithm::RS256).map(drop).unwrap_err();
            let (ClaimProblem::Wrong(text) | ClaimProblem::Clock(text)) = problem;
            assert!(text.ends_with(&format!("({claim})")), "{changes}: {text}");
        }
    }

    /// The example of OpenID Connect Core 1.0 A.3, and the same rule with SHA-512.
    #[test]
    fn hash_of_the_access_token_is_checked_where_it_is_there() {
        const TOKEN: &str = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        let token = Some(TOKEN);
        let hash = json!({"at_hash": "77QmUPtjPfzWtF2AnpK9RQ"});
        assert!(check(&hash, token, Algorithm::RS256).is_ok());
        assert!(check(&hash, token, Algorithm::EdDSA).is_err());
        assert!(
            check(&hash, Some("another"), Algorithm::RS256).is_err() && check(&hash, None, Algorithm::RS256).is_err()
        );
        let whole = digest::digest(&digest::SHA512, TOKEN.as_bytes());
        let hash = json!({"at_hash": URL_SAFE_NO_PAD.encode(&whole.as_ref()[..32])});
        assert!(check(&hash, token, Algorithm::EdDSA).is_ok());
    }

    #[test]
    fn person_has_only_what_the_provider_stands_for() {
        let person = |changes: &Value| check(changes, None, Algorithm::ES256).unwrap();
        let whole = person(&json!({"email": " Ama@Example.com", "email_verified": true, "name": " Ama\n O. ",
            "acr": "urn:level:2", "amr": ["pwd", "otp", "Ama Osei"], "auth_time": NOW.seconds() - 100}));
        assert_eq!((whole.email.as_deref(), whole.name.as_deref()), (Some("ama@example.com"), Some("Ama O.")));
        assert_eq!(whole.methods, "acr urn:level:2, amr pwd otp");
        assert_eq!(whole.factor_confirmed_at(NOW.plus_seconds(-90), NOW), Some(NOW.plus_seconds(-100)));
        assert_eq!(whole.factor_confirmed_at(NOW.plus_seconds(-20), NOW), None, "before the sign-in began");
        for unusable in [
            json!({"email": "a@b.example", "email_verified": false}),
            json!({"email": "none"}),
            json!({"email": "a@b.example", "email_verified": "true"}),
            json!({}),
        ] {
            assert_eq!(person(&unusable).email, None, "{unusable}");
        }
        assert!(!person(&json!({})).has_authenticated_since(NOW));
    }
}
