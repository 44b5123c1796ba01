//! The URL of a receiver of webhooks, checked when an endpoint is made and again at each try.

use std::net::IpAddr;

use url::{Host, Url};

use super::public_address::AddressRule;

/// The longest URL, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Ports below this one belong to other services, but for those of HTTP.
const FIRST_FREE_PORT: u16 = 1_024;
const HTTPS_PORTS: [u16; 2] = [443, 8_443];
const HTTP_PORT: u16 = 80;

/// Which URLs may receive webhooks.
#[derive(Clone, Debug, Default)]
pub struct ReceiverRule {
    pub addresses: AddressRule,
    /// Whether `http` is allowed (`WEBHOOKS_ALLOW_HTTP`).
    pub allows_http: bool,
}

impl ReceiverRule {
    /// Reads the URL of a receiver.
    ///
    /// # Errors
    /// What the URL must be, to follow its field's name.
    pub fn check_url(&self, text: &str) -> Result<Url, &'static str> {
        if text.len() > MAX_URL_BYTES {
            return Err("must have at most 2048 bytes");
        }
        let url = Url::parse(text).map_err(|_| "must be a URL such as https://shop.example/webhooks")?;
        match url.scheme() {
            "https" => {}
            "http" if self.allows_http => {}
            "http" => return Err("must begin with https:// (the operator can allow http with WEBHOOKS_ALLOW_HTTP)"),
            _ => return Err("must begin with https://"),
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not have a user or a password: send them in headers");
        }
        if url.fragment().is_some() {
            return Err("must not have a fragment (#)");
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let is_http_port = HTTPS_PORTS.contains(&port) || (self.allows_http && port == HTTP_PORT);
        if port < FIRST_FREE_PORT && !is_http_port {
            return Err("must have the port 443, 8443 or one from 1024 on");
        }
        match literal_address(&url) {
            Some(address) if !self.addresses.admits(address) => Err(
                "must not point to a private or local address (the operator can allow networks with WEBHOOKS_ALLOW_NETS)",
            ),
            _ => Ok(url),
        }
    }
}

/// The address that a URL names in place of a host. The parser has brought every spelling of it into one form (WHATWG URL).
#[must_use]
pub fn literal_address(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(address) => Some(address.into()),
        Host::Ipv6(address) => Some(address.into()),
        Host::Domain(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::network::Network;

    #[test]
    fn url_of_a_public_receiver_is_accepted() {
        for url in [
            "https://shop.example/hook?key=1",
            "https://shop.example:8443/",
            "https://8.8.8.8:9000/x",
            "https://ex%61mple.org",
        ] {
            assert!(ReceiverRule::default().check_url(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn url_that_could_reach_something_else_is_refused() {
        let long = format!("https://shop.example/{}", "a".repeat(2_048));
        for url in [
            "",
            "shop.example",
            "//shop.example",
            "http://shop.example",
            "ftp://shop.example",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "https://user@shop.example",
            "https://user:pw@shop.example",
            "https://shop.example/#a",
            "https://shop.example:22/",
            "https://shop.example:80/",
            "https://127.0.0.1/",
            "https://0x7f.1/",
            "https://2130706433/",
            "https://0177.0.0.1/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:10.0.0.1]/",
            "https://169.254.169.254/latest/meta-data",
            "https://[fe80::1%25eth0]/",
            &long,
        ] {
            assert!(ReceiverRule::default().check_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn operator_opens_networks_and_http() {
        let rule = ReceiverRule {
            addresses: AddressRule { allowed: vec![Network::parse("127.0.0.0/8").unwrap()] },
            allows_http: true,
        };
        assert!(rule.check_url("http://127.0.0.1:3000/hook").is_ok());
        assert!(rule.check_url("http://shop.example/hook").is_ok());
        assert!(rule.check_url("http://10.0.0.1:3000/hook").is_err());
    }
}
