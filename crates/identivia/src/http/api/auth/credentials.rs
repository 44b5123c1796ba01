//! What a client presents to an OAuth endpoint: parameters as JSON or as a form, and its id and secret among them or in an
//! HTTP Basic header.

use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::http::body::field_checks::RawField;
use crate::http::body::json;
use crate::http::error::ApiError;

/// A client's id and secret.
pub(super) struct ClientCredentials {
    pub(super) id: String,
    pub(super) secret: String,
    /// Whether they were in an HTTP Basic header.
    pub(super) is_basic: bool,
}

/// The parameters of an OAuth endpoint.
pub(super) trait Parameters: Default + DeserializeOwned {
    /// The field of a parameter. Unknown parameters are ignored (RFC 6749 §3.2).
    fn field(&mut self, name: &str) -> Option<&mut RawField>;
}

/// The parameters of a request, and what they were sent with.
pub(super) struct SentParameters<P> {
    pub(super) parameters: P,
    pub(super) is_form: bool,
    /// Id and secret of an HTTP Basic header.
    basic: Option<(String, String)>,
}

/// The error of a request that is not understood.
pub(super) fn invalid_request(message: &'static str) -> ApiError {
    ApiError::oauth_error(StatusCode::BAD_REQUEST, "invalid_request", message)
}

/// Reads the parameters, from JSON or a form. With HTTP Basic the body may be left out.
pub(super) async fn read_parameters<P: Parameters>(request: Request<Body>) -> Result<SentParameters<P>, ApiError> {
    let basic = parse_basic_credentials(request.headers())?;
    let media_type = json::media_type(request.headers());
    let bytes = match media_type.as_str() {
        "application/json" | "application/x-www-form-urlencoded" => json::read_public_body(request).await?,
        "" if basic.is_some() => {
            return Ok(SentParameters { parameters: P::default(), is_form: false, basic });
        }
        _ => {
            return Err(ApiError::unsupported_type(
                "Send the credentials as application/json or application/x-www-form-urlencoded",
            ));
        }
    };
    let is_form = media_type != "application/json";
    let parameters = if is_form {
        parse_form_parameters(&bytes)?
    } else {
        json::parse_json(&bytes)
            .map_err(|_| invalid_request("Send one well-formed JSON object that names every field once"))?
    };
    Ok(SentParameters { parameters, is_form, basic })
}

impl<P> SentParameters<P> {
    /// The credentials, from the header or from these two parameters. `others` are the parameters that are missing beside
    /// them: one answer names all.
    pub(super) fn choose_credentials(
        self,
        id: Option<String>,
        secret: Option<String>,
        others: Vec<&'static str>,
    ) -> Result<ClientCredentials, ApiError> {
        if self.basic.is_some() && (id.is_some() || secret.is_some()) {
            return Err(invalid_request(
                "Send the credentials in the body or in the Authorization header, not in both",
            ));
        }
        let is_missing = |parameter: &Option<String>| self.basic.is_none() && parameter.is_none();
        let missing = [("client_id", is_missing(&id)), ("client_secret", is_missing(&secret))];
        let missing = missing.into_iter().filter(|(_, is_missing)| *is_missing).map(|(name, _)| name);
        let required: Vec<_> = missing.chain(others).collect();
        if !required.is_empty() {
            let message = "Name the client and its secret, and every other parameter in `required`";
            return Err(invalid_request(message).with_required(required));
        }
        Ok(match self.basic {
            Some((id, secret)) => ClientCredentials { id, secret, is_basic: true },
            None => {
                ClientCredentials { id: id.unwrap_or_default(), secret: secret.unwrap_or_default(), is_basic: false }
            }
        })
    }
}

/// A parameter's text of at most `max` characters. One without a value counts as not sent (RFC 6749 §3.2).
pub(super) fn read_text(raw: RawField, max: usize) -> Result<Option<String>, ApiError> {
    match raw {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= max => Ok(Some(text)),
        Some(Value::String(_)) => Err(invalid_request("A parameter is longer than this endpoint takes")),
        Some(_) => Err(invalid_request("Every parameter must be text")),
    }
}

fn parse_form_parameters<P: Parameters>(bytes: &[u8]) -> Result<P, ApiError> {
    let mut parameters = P::default();
    for (name, value) in form_urlencoded::parse(bytes) {
        let Some(field) = parameters.field(&name) else { continue };
        if field.replace(json!(value)).is_some() {
            return Err(invalid_request("Send every parameter once"));
        }
    }
    Ok(parameters)
}

/// HTTP Basic credentials, each percent-decoded (RFC 6749 §2.3.1). Another scheme is no concern of these endpoints.
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
