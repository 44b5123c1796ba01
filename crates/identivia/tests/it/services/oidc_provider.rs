//! An OpenID Connect provider on this machine, with keys of its own, that answers as a test says.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
};
use aws_lc_rs::{digest, hmac};
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use axum::{Json, Router, routing};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use identivia::clock::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub(crate) const CLIENT_ID: &str = "identivia";
pub(crate) const CLIENT_SECRET: &str = "provider-secret-CANARY";

/// A key that signs ID tokens.
pub(crate) enum TestKey {
    Rs(RsaKeyPair),
    Es(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl TestKey {
    pub(crate) fn rs() -> Self {
        Self::Rs(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    pub(crate) fn es() -> Self {
        Self::Es(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    pub(crate) fn ed() -> Self {
        Self::Ed(Ed25519KeyPair::generate().unwrap())
    }

    fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs(_) => "RS256",
            Self::Es(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    fn public(&self, kid: &str) -> Value {
        match self {
            Self::Rs(key) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                json!({"kty": "RSA", "kid": kid, "use": "sig", "alg": "RS256", "n": encode(n.big_endian_without_leading_zero()),
                    "e": encode(e.big_endian_without_leading_zero())})
            }
            Self::Es(key) => {
                let point = key.public_key().as_ref();
                json!({"kty": "EC", "kid": kid, "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..])})
            }
            Self::Ed(key) => {
                json!({"kty": "OKP", "kid": kid, "crv": "Ed25519", "x": encode(key.public_key().as_ref())})
            }
        }
    }

    fn sign(&self, text: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rs(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, text, &mut signature).unwrap();
                signature
            }
            Self::Es(key) => key.sign(&random, text).unwrap().as_ref().to_vec(),
            Self::Ed(key) => key.sign(text).as_ref().to_vec(),
        }
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// How an ID token is signed.
pub(crate) enum Signing {
    /// With the first key.
    Right,
    /// With the first key, and one byte of the claims is changed afterwards.
    Changed,
    /// Not at all.
    None,
    /// HS256 with the client's secret, or with the public key as text.
    Secret,
    PublicKey,
    /// With a key that is not published, under the `kid` of the first.
    OtherKey,
}

/// What answers instead of a document or a token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    Hangs,
    TooLarge,
    Status(u16, &'static str),
}

/// What the provider does.
pub(crate) struct Script {
    /// By `kid`; the first signs.
    pub(crate) keys: Vec<(String, TestKey)>,
    /// Replace claims; `null` removes one.
    pub(crate) claims: Value,
    pub(crate) discovery: Value,
    pub(crate) signing: Signing,
    pub(crate) at_path: HashMap<&'static str, Trouble>,
    pub(crate) access_token: Option<&'static str>,
    /// How often each path was asked for.
    pub(crate) asked: HashMap<String, usize>,
    codes: HashMap<String, (String, String)>,
}

/// A provider. It stops when it is dropped.
pub(crate) struct OidcProvider {
    pub(crate) url: String,
    shared: Shared,
    _stop: oneshot::Sender<()>,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<Script>>,
    clock: Clock,
    issuer: Arc<str>,
}

impl OidcProvider {
    pub(crate) async fn start(clock: Clock) -> Self {
        let script = Script {
            keys: vec![("key-1".to_owned(), TestKey::rs())],
            claims: json!({}),
            discovery: json!({}),
            signing: Signing::Right,
            at_path: HashMap::new(),
            access_token: Some("access-token"),
            asked: HashMap::new(),
            codes: HashMap::new(),
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let shared = Shared { script: Arc::new(Mutex::new(script)), clock, issuer: Arc::from(url.as_str()) };
        let router = Router::new()
            .route("/.well-known/openid-configuration", routing::get(answer_discovery))
            .route("/jwks", routing::get(answer_keys))
            .route("/token", routing::post(answer_token))
            .with_state(shared.clone());
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(async move {
            tokio::select! {
                served = axum::serve(listener, router) => served.unwrap(),
                _ = stopped => {}
            }
        });
        Self { url, shared, _stop: stop }
    }

    /// The flags of a server that people sign in to with it.
    pub(crate) fn flags(&self) -> Vec<String> {
        let values = [
            ("--oidc-issuer", self.url.as_str()),
            ("--oidc-client-id", CLIENT_ID),
            ("--oidc-client-secret", CLIENT_SECRET),
        ];
        values.into_iter().flat_map(|(name, value)| [name.to_owned(), value.to_owned()]).collect()
    }

    pub(crate) fn change<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.shared.script.lock().unwrap())
    }

    /// Says how often a path was asked for.
    pub(crate) fn count(&self, path: &str) -> usize {
        self.change(|script| script.asked.get(path).copied().unwrap_or_default())
    }

    /// What the person's browser comes back with from an authorization request: the query of the callback.
    pub(crate) fn authorize(&self, url: &str) -> String {
        let query = url.strip_prefix(&format!("{}/authorize?", self.url)).unwrap();
        let sent: HashMap<String, String> = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        assert_eq!((sent["response_type"].as_str(), sent["client_id"].as_str()), ("code", CLIENT_ID));
        assert_eq!(sent["code_challenge_method"], "S256");
        let code = format!("code {}", sent["nonce"]);
        let remembered = (sent["nonce"].clone(), sent["code_challenge"].clone());
        self.change(|script| script.codes.insert(code.clone(), remembered));
        let mut answer = form_urlencoded::Serializer::new(String::new());
        answer.append_pair("code", &code).append_pair("state", &sent["state"]).append_pair("iss", &self.url).finish()
    }
}

/// Counts the request, and plays the trouble of its path.
async fn meet_trouble(shared: &Shared, path: &'static str) -> Option<Response> {
    let trouble = {
        let mut script = shared.script.lock().unwrap();
        *script.asked.entry(path.to_owned()).or_default() += 1;
        script.at_path.get(path).copied()
    };
    match trouble? {
        Trouble::Hangs => {
            tokio::time::sleep(Duration::from_secs(3_600)).await;
            None
        }
        Trouble::TooLarge => Some(vec![b' '; 5 * 1024 * 1024].into_response()),
        Trouble::Status(status, text) => Some((StatusCode::from_u16(status).unwrap(), text).into_response()),
    }
}

async fn answer_discovery(State(shared): State<Shared>) -> Response {
    if let Some(trouble) = meet_trouble(&shared, "/discovery").await {
        return trouble;
    }
    let url = &shared.issuer;
    let mut document = json!({"issuer": **url, "authorization_endpoint": format!("{url}/authorize"),
        "token_endpoint": format!("{url}/token"), "jwks_uri": format!("{url}/jwks"),
        "authorization_response_iss_parameter_supported": true});
    replace_fields(&mut document, &shared.script.lock().unwrap().discovery);
    Json(document).into_response()
}

async fn answer_keys(State(shared): State<Shared>) -> Response {
    if let Some(trouble) = meet_trouble(&shared, "/jwks").await {
        return trouble;
    }
    let script = shared.script.lock().unwrap();
    let keys: Vec<Value> = script.keys.iter().map(|(kid, key)| key.public(kid)).collect();
    Json(json!({"keys": keys})).into_response()
}

async fn answer_token(State(shared): State<Shared>, _: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(trouble) = meet_trouble(&shared, "/token").await {
        return trouble;
    }
    let form: HashMap<String, String> = form_urlencoded::parse(&body).into_owned().collect();
    let mut script = shared.script.lock().unwrap();
    let basic = format!("Basic {}", STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    let is_basic = headers.get("authorization").is_some_and(|value| *value == basic);
    let is_post = form.get("client_secret").is_some_and(|secret| secret == CLIENT_SECRET);
    if is_basic == is_post {
        return (StatusCode::UNAUTHORIZED, Json(json!({"error": "invalid_client"}))).into_response();
    }
    let known = script.codes.remove(&form["code"]);
    let challenge = encode(digest::digest(&digest::SHA256, form["code_verifier"].as_bytes()).as_ref());
    let Some((nonce, _)) = known.filter(|(_, own)| *own == challenge) else {
        return (StatusCode::BAD_REQUEST, Json(json!({"error": "invalid_grant"}))).into_response();
    };
    let now = shared.clock.now().seconds();
    let mut claims =
        json!({"iss": *shared.issuer, "aud": CLIENT_ID, "sub": "ama", "nonce": nonce, "iat": now, "exp": now + 300});
    replace_fields(&mut claims, &script.claims);
    let mut answer = json!({"token_type": "Bearer", "id_token": sign_token(&script, &claims)});
    if let Some(token) = script.access_token {
        answer["access_token"] = json!(token);
    }
    Json(answer).into_response()
}

fn sign_token(script: &Script, claims: &Value) -> String {
    let (kid, key) = &script.keys[0];
    let algorithm = match script.signing {
        Signing::None => "none",
        Signing::Secret | Signing::PublicKey => "HS256",
        _ => key.algorithm(),
    };
    let header = json!({"alg": algorithm, "typ": "JWT", "kid": kid});
    let text = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = match script.signing {
        Signing::None => Vec::new(),
        Signing::Secret => sign_with_secret(CLIENT_SECRET.as_bytes(), &text),
        Signing::PublicKey => sign_with_secret(key.public(kid)["n"].as_str().unwrap().as_bytes(), &text),
        Signing::OtherKey => TestKey::rs().sign(text.as_bytes()),
        Signing::Right | Signing::Changed => key.sign(text.as_bytes()),
    };
    let text = match script.signing {
        Signing::Changed => {
            let mut changed = claims.clone();
            changed["sub"] = json!("root");
            format!("{}.{}", encode(header.to_string().as_bytes()), encode(changed.to_string().as_bytes()))
        }
        _ => text,
    };
    format!("{text}.{}", encode(&signature))
}

fn sign_with_secret(secret: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes()).as_ref().to_vec()
}

fn replace_fields(value: &mut Value, changes: &Value) {
    for (name, change) in changes.as_object().unwrap() {
        if change.is_null() {
            value.as_object_mut().unwrap().remove(name);
        } else {
            value[name] = change.clone();
        }
    }
}
