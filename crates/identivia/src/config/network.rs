//! Settings for the network: addresses to listen on, public URLs, redirects, trusted proxies, connections.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::http::Uri;

use super::checks::{Parsed, WholeNumber};
use super::setting::define_settings;
use crate::domain::embedding::EmbedOrigins;
use crate::domain::network::Network;
use crate::domain::redirect::Redirects;

define_settings! {
    NETWORK_SETTINGS, "Server";

    /// Address to listen on
    HOST: Parsed<IpAddr> = Parsed(parse_host), DefaultText("127.0.0.1");
    /// Port to listen on; 0 picks a free one
    PORT: WholeNumber<u16> = WholeNumber { least: 0, most: 65_535 }, DefaultText("8000");
    /// URL at which clients and people reach this server
    PUBLIC_URL: Parsed<String> = Parsed(parse_web_url), WhenUnset("http://HOST:PORT");
    /// URL of the verification page, and the one allowed CORS origin. Set it only if you host your own copy of the page
    CLIENT_URL: Parsed<String> = Parsed(parse_web_url), WhenUnset("PUBLIC_URL");
    /// Targets for a person's browser after the verification (`redirect_url` in create): origins or prefixes of URLs such
    /// as https://shop.example/back, separated by commas
    REDIRECT_URLS: Parsed<Redirects> = Parsed(parse_redirects), WhenUnset("none");
    /// Sites that may show the verification page in a frame or a popup: origins such as https://shop.example, separated by
    /// commas. A team's setting embed_origins replaces them
    EMBED_ORIGINS: Parsed<EmbedOrigins> = Parsed(parse_embed_origins), WhenUnset("none");
    /// Proxies whose X-Forwarded-For is believed: addresses or networks, separated by commas
    TRUSTED_PROXIES: Parsed<Vec<Network>> = Parsed(parse_networks), WhenUnset("none");
    /// Connections that are open at once; more wait to be accepted
    MAX_CONNECTIONS: WholeNumber<usize> = WholeNumber { least: 1, most: 100_000 }, DefaultText("4096");
    /// Second address, for Prometheus metrics at /metrics, e.g. 127.0.0.1:9100
    METRICS_ADDR: Parsed<SocketAddr> = Parsed(parse_socket_address), WhenUnset("off");
}

fn parse_host(text: &str) -> Result<IpAddr, String> {
    if text == "localhost" {
        return Ok(IpAddr::V4(Ipv4Addr::LOCALHOST));
    }
    text.parse().map_err(|_| format!("must be an IP address to listen on, not {text:?}"))
}

/// Accepts an http or https URL without user, password or query. The value has no slash at its end.
///
/// # Errors
/// What the URL must be. The text does not hold the URL.
pub fn parse_web_url(text: &str) -> Result<String, String> {
    let url: Option<Uri> = text.parse().ok();
    let is_usable = url.is_some_and(|url| {
        matches!(url.scheme_str(), Some("http" | "https"))
            && url.authority().is_some_and(|authority| !authority.as_str().contains('@'))
            && url.query().is_none()
    });
    if !is_usable {
        // The error does not show the value: it may hold a password.
        return Err("must be a URL such as https://verify.example.com, without user, password or query".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}

/// Says whether requests to a web URL leave this machine unencrypted.
#[must_use]
pub fn is_unencrypted(url: &str) -> bool {
    let url: Uri = url.parse().unwrap_or_default();
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    let is_here = host == "localhost" || address.is_ok_and(|address| address.is_loopback());
    // The parser gives schemes in lower case (RFC 3986 §3.1).
    !is_here && url.scheme_str() != Some("https")
}

/// Says whether a web URL's host is the address that means every address of a machine.
#[must_use]
pub fn has_unspecified_host(url: &str) -> bool {
    let url: Uri = url.parse().unwrap_or_default();
    let host = url.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified())
}

fn parse_redirects(list: &str) -> Result<Redirects, String> {
    // The error does not show the value: it may hold a password.
    Redirects::parse(list).map_err(|number| {
        format!(
            "entry {number} must be an origin or a prefix such as https://shop.example/back, https unless it is on this \
             machine, without user, query or fragment"
        )
    })
}

fn parse_embed_origins(list: &str) -> Result<EmbedOrigins, String> {
    EmbedOrigins::parse(list).map_err(|error| error.to_string())
}

fn parse_socket_address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| format!("must be an address and a port such as 127.0.0.1:9100, not {text:?}"))
}

pub(super) fn parse_networks(list: &str) -> Result<Vec<Network>, String> {
    let entries = list.split(',').map(str::trim);
    let networks = entries.map(|entry| {
        Network::parse(entry).ok_or_else(|| format!("{entry:?} is no address or network such as 10.0.0.0/8"))
    });
    networks.collect()
}
