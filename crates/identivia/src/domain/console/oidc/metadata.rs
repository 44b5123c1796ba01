//! The discovery document of a provider (OpenID Connect Discovery 1.0 §3): the endpoints that are used, and what must hold of it.

use std::net::IpAddr;

use serde::Deserialize;
use url::{Host, Url};

/// The algorithms of ID tokens that are accepted.
pub const ALGORITHMS: [&str; 3] = ["RS256", "ES256", "EdDSA"];

/// How this server shows the token endpoint who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientAuthMethod {
    /// `client_secret_basic`: in the `Authorization` header.
    Basic,
    /// `client_secret_post`: in the form.
    Post,
}

/// What a provider announces of itself.
#[derive(Clone, Debug)]
pub struct ProviderMetadata {
    pub issuer: String,
    pub authorization_endpoint: Url,
    pub token_endpoint: Url,
    pub jwks_uri: Url,
    pub authentication: ClientAuthMethod,
    /// Whether each answer to the browser names the issuer (RFC 9207).
    pub names_issuer: bool,
}

#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    response_types_supported: Option<Vec<String>>,
    #[serde(default)]
    code_challenge_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    id_token_signing_alg_values_supported: Option<Vec<String>>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: Option<bool>,
}

/// Reads a discovery document of that issuer.
///
/// # Errors
/// What is wrong with it, in our own words.
pub fn parse_metadata(body: &[u8], issuer: &str) -> Result<ProviderMetadata, &'static str> {
    let document: DiscoveryDocument =
        serde_json::from_slice(body).map_err(|_| "its discovery document lacks a field, or is no JSON")?;
    if document.issuer != issuer {
        return Err(
            "its discovery document is of another issuer than the configured one, which must match letter for letter",
        );
    }
    let announces = |list: &Option<Vec<String>>, wanted: &[&str]| {
        list.as_ref().is_none_or(|list| list.iter().any(|entry| wanted.contains(&entry.as_str())))
    };
    if !announces(&document.response_types_supported, &["code"]) {
        return Err("it does not offer the authorization code flow");
    }
    if !announces(&document.code_challenge_methods_supported, &["S256"]) {
        return Err("it does not offer PKCE with S256");
    }
    if !announces(&document.id_token_signing_alg_values_supported, &ALGORITHMS) {
        return Err("it signs ID tokens with none of RS256, ES256 and EdDSA");
    }
    let methods = &document.token_endpoint_auth_methods_supported;
    let authentication = if announces(methods, &["client_secret_basic"]) {
        ClientAuthMethod::Basic
    } else if announces(methods, &["client_secret_post"]) {
        ClientAuthMethod::Post
    } else {
        return Err("its token endpoint takes neither client_secret_basic nor client_secret_post");
    };
    let allows_http = issuer.starts_with("http://");
    let endpoint = |text: &str| parse_endpoint(text, allows_http);
    Ok(ProviderMetadata {
        authorization_endpoint: endpoint(&document.authorization_endpoint)?,
        token_endpoint: endpoint(&document.token_endpoint)?,
        jwks_uri: endpoint(&document.jwks_uri)?,
        authentication,
        names_issuer: document.authorization_response_iss_parameter_supported.unwrap_or(false),
        issuer: document.issuer,
    })
}

/// An endpoint is https. Of a provider on this machine it may be http on this machine.
fn parse_endpoint(text: &str, allows_http: bool) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "its discovery document has an endpoint that is no URL")?;
    let is_here = match url.host() {
        Some(Host::Ipv4(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::from(address).is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    };
    let is_bare = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    if is_bare && (url.scheme() == "https" || (allows_http && url.scheme() == "http" && is_here)) {
        Ok(url)
    } else {
        Err("its discovery document has an endpoint that is not https, or has a user, a password or a fragment")
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn document(issuer: &str) -> Value {
        json!({"issuer": issuer, "authorization_endpoint": format!("{issuer}/auth"), "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/jwks")})
    }

    fn parse(issuer: &str, changes: &Value) -> Result<ProviderMetadata, &'static str> {
        let mut document = document(issuer);
        for (name, value) in changes.as_object().unwrap() {
            document[name] = value.clone();
        }
        parse_metadata(document.to_string().as_bytes(), issuer)
    }

    #[test]
    fn document_must_be_of_the_issuer_and_offer_what_is_needed() {
        const ISSUER: &str = "https://login.example.com";
        let plain = parse(ISSUER, &json!({})).unwrap();
        assert_eq!((plain.authentication, plain.names_issuer), (ClientAuthMethod::Basic, false));
        let post = json!({"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]});
        assert_eq!(parse(ISSUER, &post).unwrap().authentication, ClientAuthMethod::Post);
        assert!(parse(ISSUER, &json!({"authorization_response_iss_parameter_supported": true})).unwrap().names_issuer);
        for refused in [
            json!({"issuer": "https://login.example.com/"}),
            json!({"issuer": null}),
            json!({"jwks_uri": 1}),
            json!({"response_types_supported": ["id_token"]}),
            json!({"code_challenge_methods_supported": ["plain"]}),
            json!({"id_token_signing_alg_values_supported": ["HS256", "none"]}),
            json!({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}),
            json!({"token_endpoint": "http://login.example.com/token"}),
            json!({"token_endpoint": "http://127.0.0.1/token"}),
            json!({"jwks_uri": "file:///etc/passwd"}),
            json!({"authorization_endpoint": "javascript:alert(1)"}),
            json!({"authorization_endpoint": "https://user:pass@login.example.com/"}),
        ] {
            assert!(parse(ISSUER, &refused).is_err(), "{refused}");
        }
        assert!(parse_metadata(b"<html>", ISSUER).is_err());
    }

    #[test]
    fn provider_on_this_machine_may_use_http_there_and_nowhere_else() {
        const HERE: &str = "http://127.0.0.1:9000";
        assert!(parse(HERE, &json!({})).is_ok());
        for url in ["http://192.0.2.1/token", "http://169.254.169.254/latest", "http://localhost.evil.example/"] {
            assert!(parse(HERE, &json!({"token_endpoint": url})).is_err(), "{url}");
        }
    }
}
