//! Tests of issuing and verifying tokens.

use serde_json::{Value, json};

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
    let signature = jsonwebtoken::crypto::sign(message.as_bytes(), &EncodingKey::from_secret(SECRET), Algorithm::HS256);
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
fn remembered_token_still_ends_and_still_begins() {
    let (tokens, now) = (tokens(), NOW.seconds());
    let mut claims = good();
    claims["nbf"] = json!(now - 5);
    let token = signed(&jwt(), &claims);
    for (seconds, is_valid) in [(0, true), (60 + 29, true), (60 + 31, false), (-29, true), (-31, false), (0, true)] {
        assert_eq!(tokens.verify(&token, NOW.plus_seconds(seconds)).is_some(), is_valid, "after {seconds} s");
    }
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
    assert!(!accepted(&jwt(), as_flow) && !accepted(&json!({"alg": "HS256"}), as_flow), "typ alone tells them apart");
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
    let tokens = tokens();
    let token = tokens.issue_machine_token("postman", "profiles:read", None, None, NOW).unwrap();
    assert!(tokens.verify(&token, NOW).is_some());
    for at in 0..token.len() {
        for bit in 0..7 {
            let mut flipped = token.clone().into_bytes();
            flipped[at] ^= 1 << bit;
            let flipped = String::from_utf8_lossy(&flipped).into_owned();
            assert!(tokens.verify(&flipped, NOW).is_none(), "byte {at}, bit {bit}");
        }
    }
}
