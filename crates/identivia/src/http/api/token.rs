//! `POST /api/auth/token`: machine tokens by client credentials (RFC 6749 §4.4), as JSON or as a form.

use std::net::IpAddr;
use std::sync::Arc;

use aws_lc_rs::digest;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::{Extension, Json};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use crate::app::App;
use crate::domain::LINE;
use crate::domain::client::Client;
use crate::domain::profile::FileField;
use crate::http::body::field_checks::RawField;
use crate::http::body::form_schema::{Form, FormFields};
use crate::http::body::json;
use crate::http::error::{ApiError, RefusalKind};
use crate::http::guard::client_secrets::SecretChecks;
use crate::http::guard::failed_guesses::{ClientAtAddress, FailedGuesses};
use crate::http::guard::rate_limiter::ReserveError;
use crate::http::guard::request_context::{ClientIp, WholeRequest};

/// Client credentials. With HTTP Basic authentication the first two are left out.
#[derive(Default, Deserialize, ToSchema)]
#[schema(example = json!({"client_id": "postman", "client_secret": "replace-me", "scope": "profiles:read health:read"}))]
pub(crate) struct TokenRequest {
    /// Configured client id.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_id: RawField,
    /// Its secret.
    #[serde(default)]
    #[schema(value_type = String, required = true, min_length = 1, max_length = 255)]
    client_secret: RawField,
    /// Some of the client's scopes, separated by spaces; all of them when left out.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    scope: RawField,
    /// `client_credentials`, which a form must name and JSON may.
    #[serde(default)]
    #[schema(value_type = Option<String>, pattern = "^client_credentials$")]
    grant_type: RawField,
}

/// As a form it must name its grant type (RFC 6749 §4.4.2).
impl FormFields for TokenRequest {
    const FORM_NAME: &'static str = "TokenForm";
    const REQUIRED_TEXTS: &'static [&'static str] = &["grant_type"];
    const FILES: &'static [FileField] = &[];
}

type TokenForm = Form<TokenRequest>;

/// A machine token.
#[derive(Serialize, ToSchema)]
#[schema(example = json!({"access_token": "eyJ...", "token_type": "Bearer", "expires_in": 3600, "scope": "profiles:read health:read"}))]
pub(crate) struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    /// Seconds.
    expires_in: i64,
    scope: String,
}

/// What a client presents, from wherever it stood.
struct ClientCredentials {
    id: String,
    secret: String,
    scope: Option<String>,
    basic: bool,
}

/// Issue a machine token
///
/// JSON as in the reference, or a form as in RFC 6749; the client's id and secret stand in the body or in an HTTP Basic
/// header, not in both. After 10 failures of one client from one address within 60 seconds the answer is 429 until they
/// have passed.
#[utoipa::path(
    post, path = "/api/auth/token", tag = "Tokens", security(()),
    request_body(content(
        (TokenRequest = "application/json"),
        (TokenForm = "application/x-www-form-urlencoded"),
    )),
    responses(
        (status = 200, description = "A machine token", body = TokenResponse),
        (status = 401, description = "`invalid_client`: one answer for an unknown client and a wrong secret", body = crate::http::error::ErrorBody),
        (status = 429, description = "Too many failures; see `Retry-After`", body = crate::http::error::ErrorBody),
    ),
)]
pub(crate) async fn issue_token(
    State(app): State<Arc<App>>,
    State(checks): State<Arc<SecretChecks>>,
    State(guesses): State<Arc<FailedGuesses>>,
    Extension(ClientIp(ip)): Extension<ClientIp>,
    request: WholeRequest,
) -> Result<Json<TokenResponse>, ApiError> {
    let presented = read_credentials(request).await?;
    let client = authenticate_client(&app, &checks, &guesses, &presented, ip).await?;
    let scope = grant_scopes(client, presented.scope.as_deref())?;
    let token = app
        .tokens
        .issue_machine_token(&client.id, &scope, client.team.as_deref(), app.clock.now())
        .map_err(ApiError::internal)?;
    Ok(Json(TokenResponse { access_token: token, token_type: "Bearer", expires_in: app.tokens.machine_ttl, scope }))
}

fn invalid_request(message: &'static str) -> ApiError {
    ApiError::oauth_error(StatusCode::BAD_REQUEST, "invalid_request", message)
}

async fn read_credentials(request: WholeRequest) -> Result<ClientCredentials, ApiError> {
    let basic = parse_basic_credentials(request.headers())?;
    let fields = read_fields(request, basic.is_some()).await?;
    let text = |raw: RawField| match raw {
        None | Some(serde_json::Value::Null) => Ok(None),
        // A parameter without a value counts as not sent (RFC 6749 §3.2).
        Some(serde_json::Value::String(text)) if text.is_empty() => Ok(None),
        Some(serde_json::Value::String(text)) if text.chars().count() <= LINE * 16 => Ok(Some(text)),
        Some(_) => Err(invalid_request("client_id, client_secret, scope and grant_type must be text")),
    };
    let scope = text(join_scopes(fields.scope))?;
    let (id, secret) = (text(fields.client_id)?, text(fields.client_secret)?);
    let grant_type = text(fields.grant_type)?;
    let missing = |present: bool, name| (!present).then_some(name);
    let required: Vec<_> = [
        missing(id.is_some() || basic.is_some(), "client_id"),
        missing(secret.is_some() || basic.is_some(), "client_secret"),
    ]
    .into_iter()
    .flatten()
    .collect();
    if basic.is_some() && (id.is_some() || secret.is_some()) {
        return Err(invalid_request("Send the credentials in the body or in the Authorization header, not in both"));
    }
    if !required.is_empty() {
        return Err(invalid_request("Name the client and its secret").with_required(required));
    }
    if grant_type.as_deref().is_some_and(|grant| grant != "client_credentials") {
        return Err(ApiError::oauth_error(
            StatusCode::BAD_REQUEST,
            "unsupported_grant_type",
            "Only client_credentials is supported",
        ));
    }
    let (id, secret, basic) = match basic {
        Some((id, secret)) => (id, secret, true),
        None => (id.unwrap_or_default(), secret.unwrap_or_default(), false),
    };
    Ok(ClientCredentials { id, secret, scope, basic })
}

/// Scopes may also come as a list of texts.
fn join_scopes(raw: RawField) -> RawField {
    let Some(serde_json::Value::Array(list)) = &raw else { return raw };
    let words: Option<Vec<&str>> = list.iter().map(serde_json::Value::as_str).collect();
    words.map(|words| json!(words.join(" "))).or(raw)
}

/// The body's fields, from JSON or a form. With HTTP Basic the body may be left out.
async fn read_fields(request: axum::http::Request<Body>, basic: bool) -> Result<TokenRequest, ApiError> {
    let media_type = json::media_type(request.headers());
    let bytes = match media_type.as_str() {
        "application/json" | "application/x-www-form-urlencoded" => json::read_public_body(request).await?,
        "" if basic => return Ok(TokenRequest::default()),
        _ => {
            return Err(ApiError::unsupported_type(
                "Send the credentials as application/json or application/x-www-form-urlencoded",
            ));
        }
    };
    if media_type == "application/json" {
        return json::parse_json(&bytes)
            .map_err(|_| invalid_request("Send one well-formed JSON object that names every field once"));
    }
    parse_form_fields(&bytes)
}

fn parse_form_fields(bytes: &[u8]) -> Result<TokenRequest, ApiError> {
    let mut fields = TokenRequest::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let place = match name.as_ref() {
            "client_id" => &mut fields.client_id,
            "client_secret" => &mut fields.client_secret,
            "scope" => &mut fields.scope,
            "grant_type" => &mut fields.grant_type,
            _ => continue,
        };
        if place.replace(json!(value)).is_some() {
            return Err(invalid_request("Send every parameter once"));
        }
    }
    if fields.grant_type.as_ref().is_none_or(|grant| *grant == "") {
        return Err(invalid_request("Send grant_type=client_credentials").with_required(vec!["grant_type"]));
    }
    Ok(fields)
}

/// HTTP Basic credentials, each percent-decoded (RFC 6749 §2.3.1). Another scheme here is no concern of this endpoint.
fn parse_basic_credentials(headers: &HeaderMap) -> Result<Option<(String, String)>, ApiError> {
    let Some(value) = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()) else { return Ok(None) };
    let Some((scheme, encoded)) = value.split_once(' ') else { return Ok(None) };
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let decoded = STANDARD.decode(encoded.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    let pair = decoded.as_deref().and_then(|text| text.split_once(':'));
    let (id, secret) = pair.ok_or_else(|| invalid_request("Send HTTP Basic credentials as base64 of id:secret"))?;
    let plain = |text: &str| {
        let spaced = text.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    Ok(Some((plain(id), plain(secret))))
}

async fn authenticate_client<'a>(
    app: &'a Arc<App>,
    checks: &SecretChecks,
    guesses: &FailedGuesses,
    presented: &ClientCredentials,
    ip: IpAddr,
) -> Result<&'a Client, ApiError> {
    let now = app.clock.now();
    let key = failure_key(ip, &presented.id);
    // Count the attempt before checking the secret: simultaneous guesses then stop at the limit too.
    let attempt = guesses.secrets.reserve(key, now).map_err(refuse_attempt)?;
    let found = checks.find_client(app, guesses, ip, &presented.id, &presented.secret).await;
    if !matches!(found, Ok(None)) {
        attempt.release();
        return found?.ok_or_else(|| invalid_client(presented));
    }
    let name = failure_name(&key);
    match guesses.count_failure(&*app.store, &guesses.secrets, key, attempt, &name, now).await {
        Some(seconds) => Err(too_many_failures(seconds)),
        None => Err(invalid_client(presented)),
    }
}

fn refuse_attempt(error: ReserveError) -> ApiError {
    match error {
        ReserveError::Blocked(seconds) => too_many_failures(seconds),
        ReserveError::Busy => ApiError::unavailable("Too many secrets are being checked; try again"),
    }
}

/// The same answer for an unknown client and a wrong secret.
fn invalid_client(presented: &ClientCredentials) -> ApiError {
    let refusal = ApiError::oauth_error(StatusCode::UNAUTHORIZED, "invalid_client", "Unknown client or wrong secret");
    let basic = HeaderValue::from_static("Basic realm=\"identivia\"");
    if presented.basic { refusal.header(header::WWW_AUTHENTICATE, basic) } else { refusal }
}

fn too_many_failures(seconds: u64) -> ApiError {
    ApiError::oauth_error(
        StatusCode::TOO_MANY_REQUESTS,
        "too_many_requests",
        "Too many failures; try again when Retry-After has passed",
    )
    .retry_after(seconds)
    .with_kind(RefusalKind::Guesses)
}

/// The name of the counter that servers share. It holds one byte of the client's digest: made-up ids fill at most 256 rows
/// from an address, and failures of other clients with the same byte affect only callers that fail themselves.
fn failure_name((ip, client): &ClientAtAddress) -> String {
    format!("failures of {} at {ip}", client[0])
}

fn failure_key(ip: IpAddr, id: &str) -> ClientAtAddress {
    let mut short = [0; 16];
    short.copy_from_slice(&digest::digest(&digest::SHA256, id.as_bytes()).as_ref()[..16]);
    (ip, short)
}

/// The scopes to grant: what was asked for if the client has all of it, else everything it has.
fn grant_scopes(client: &Client, asked: Option<&str>) -> Result<String, ApiError> {
    let Some(asked) = asked else { return Ok(client.scopes.join(" ")) };
    let mut scopes: Vec<&str> = Vec::new();
    for scope in asked.split(' ').filter(|scope| !scope.is_empty()) {
        if !client.scopes.iter().any(|own| own == scope) {
            return Err(invalid_scope("The client does not have all the scopes it asks for"));
        }
        if !scopes.contains(&scope) {
            scopes.push(scope);
        }
    }
    if scopes.is_empty() {
        return Err(invalid_scope("Name at least one scope, or leave scope out for all the client has"));
    }
    Ok(scopes.join(" "))
}

fn invalid_scope(message: &'static str) -> ApiError {
    ApiError::oauth_error(StatusCode::BAD_REQUEST, "invalid_scope", message)
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::atomic::Ordering;

    use super::*;
    use crate::config::{Config, Settings};
    use crate::domain::client::hash_secret;
    use crate::server::{Server, StartOptions};

    /// An application with these clients, and the folder that it uses.
    async fn start_app(clients: &serde_json::Value) -> (Arc<App>, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let (data, clients) = (folder.path().to_str().unwrap().to_owned(), clients.to_string());
        let texts = [("DATA_DIR", data.as_str()), ("PORT", "0"), ("JWT_CLIENTS_JSON", clients.as_str())];
        let config = Config::new(&Settings::from_texts(&texts)).unwrap();
        let server = Server::start(config, StartOptions::default()).await.unwrap();
        (server.app, folder)
    }

    /// Asks for a token and returns the status with the numbers of HMACs and Argon2id hashes that the answer took.
    async fn count_hashes(app: &Arc<App>, id: &str, secret: &str) -> (u16, usize, usize) {
        let count = || {
            let computed = &app.clients.computed;
            (computed.hmac.load(Ordering::Relaxed), computed.argon2id.load(Ordering::Relaxed))
        };
        let before = count();
        let body = Body::from(json!({"client_id": id, "client_secret": secret}).to_string());
        let request = axum::http::Request::post("/").header("content-type", "application/json").body(body).unwrap();
        let address = Extension(ClientIp(Ipv4Addr::LOCALHOST.into()));
        let (checks, guesses) = (Arc::default(), Arc::new(FailedGuesses::new(b"secret")));
        let answer = issue_token(State(app.clone()), State(checks), State(guesses), address, request).await;
        let status = answer.map_or_else(|error| error.status().as_u16(), |_| 200);
        let after = count();
        (status, after.0 - before.0, after.1 - before.1)
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn s05_unknown_client_and_wrong_secret_take_the_same_hashes() {
        let plain = json!({"client_id": "plain", "client_secret": "right", "scopes": ["profiles:read"]});
        let hash = hash_secret("chosen by a person").unwrap();
        let hashed = json!({"client_id": "hashed", "client_secret_hash": hash, "scopes": ["profiles:read"]});
        let (app, _folder) = start_app(&json!([plain])).await;
        for (id, secret) in [("plain", "wrong"), ("unknown", "wrong"), ("unknown", "right")] {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 0), "{id} {secret}");
        }
        let (app, _folder) = start_app(&json!([plain, hashed])).await;
        let wrong = [("plain", "wrong"), ("hashed", "wrong"), ("unknown", "wrong"), ("unknown", "chosen by a person")];
        for (id, secret) in wrong {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 1), "{id} {secret}");
        }
        // A right secret is remembered; wrong ones cost the same from then on too.
        assert_eq!(count_hashes(&app, "hashed", "chosen by a person").await, (200, 1, 1));
        assert_eq!(count_hashes(&app, "hashed", "chosen by a person").await, (200, 1, 0));
        for (id, secret) in wrong {
            assert_eq!(count_hashes(&app, id, secret).await, (401, 1, 1), "{id} {secret}");
        }
    }
}
