//! Origins of URLs, as browsers send them in `Origin` (RFC 6454).

/// Scheme and host of a URL: lower case, no default port.
pub(crate) fn to_origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let scheme = scheme.to_ascii_lowercase();
    let host = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
    let default_port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.strip_suffix(default_port).unwrap_or(&host);
    format!("{scheme}://{host}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_what_browsers_send() {
        assert_eq!(to_origin("HTTPS://App.example.com/verify/"), "https://app.example.com");
        assert_eq!(to_origin("https://app.example.com:443"), "https://app.example.com");
        assert_eq!(to_origin("http://127.0.0.1:8000"), "http://127.0.0.1:8000");
    }
}
