//! Which sites may embed the person's page: the origins of the setting `embed_origins`, for `frame-ancestors` and the page's messages.
//!
//! The origins become part of a header, so nothing is taken but scheme, host and port, written as browsers write them.

use serde_json::Value;
use url::{Host, Url};

/// The setting that holds the origins, a list of texts or one text with commas.
pub const EMBED_ORIGINS_KEY: &str = "embed_origins";

/// The most origins of a list, and the longest origin, in bytes.
pub const MAX_ORIGINS: usize = 20;
const ORIGIN_BYTES: usize = 255;
/// The most bytes of all origins of a list together. They are in one header of the page, and proxies limit a whole head
/// (nginx: 4 KiB).
const LIST_BYTES: usize = 2_000;

/// The origins of sites that may embed the person's page, as browsers write them in `Origin` (RFC 6454 §6.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EmbedOrigins(Vec<String>);

/// Why a list of origins cannot be used. It does not show the entry: that may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidOrigins {
    #[error("must be a list of origins such as [\"https://shop.example\"], or one text with commas between them")]
    NotAList,
    #[error(
        "must have at most {MAX_ORIGINS} origins, and {LIST_BYTES} bytes together; leave out those that do not embed"
    )]
    TooMany,
    /// The number of the first entry that is none, counted from 1.
    #[error(
        "entry {0} must be an origin such as https://shop.example or https://shop.example:8443, https unless it is localhost or \
         127.0.0.1, without path, slash at the end, user, wildcard or IPv6 address (browsers match none)"
    )]
    Entry(usize),
}

impl EmbedOrigins {
    /// Reads a list with commas between its entries.
    ///
    /// # Errors
    /// What is wrong with the list.
    pub fn parse(list: &str) -> Result<Self, InvalidOrigins> {
        Self::from_entries(list.split(',').map(str::trim))
    }

    /// Reads a setting's value. An empty list is one: then no site may embed the page.
    ///
    /// # Errors
    /// What is wrong with the value.
    pub fn from_setting(value: &Value) -> Result<Self, InvalidOrigins> {
        match value {
            Value::String(list) => Self::parse(list),
            Value::Array(entries) => {
                let entries: Option<Vec<&str>> = entries.iter().map(Value::as_str).collect();
                Self::from_entries(entries.ok_or(InvalidOrigins::NotAList)?.into_iter())
            }
            _ => Err(InvalidOrigins::NotAList),
        }
    }

    fn from_entries<'a>(entries: impl Iterator<Item = &'a str>) -> Result<Self, InvalidOrigins> {
        let mut origins = Vec::new();
        for (place, entry) in entries.enumerate() {
            let origin = to_origin(entry).ok_or(InvalidOrigins::Entry(place + 1))?;
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
        let bytes: usize = origins.iter().map(String::len).sum();
        if origins.len() > MAX_ORIGINS || bytes > LIST_BYTES {
            return Err(InvalidOrigins::TooMany);
        }
        Ok(Self(origins))
    }

    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The origins, each once.
    #[must_use]
    pub fn as_slice(&self) -> &[String] {
        &self.0
    }

    /// The value of `frame-ancestors` (CSP Level 3 §6.4.2).
    #[must_use]
    pub fn to_frame_ancestors(&self) -> String {
        if self.is_empty() { "'none'".to_owned() } else { self.0.join(" ") }
    }
}

/// The origin that an entry names, with its host in ASCII (punycode) and without a default port.
fn to_origin(entry: &str) -> Option<String> {
    let (_, authority) = entry.split_once("://")?;
    // A URL parser drops or rewrites these, so that the entry would name another place than it seems to.
    let is_plain = !entry.chars().any(|letter| letter.is_whitespace() || letter.is_control())
        && !authority.contains(['/', '\\', '?', '#', '@', '%', '*'])
        && !authority.ends_with(':');
    if !is_plain || entry.len() > ORIGIN_BYTES {
        return None;
    }
    let url = Url::parse(entry).ok()?;
    let is_safe = match (url.scheme(), url.host()?) {
        ("https", host) => has_matchable_host(&host),
        ("http", Host::Domain(name)) => name == "localhost",
        ("http", Host::Ipv4(address)) => address == std::net::Ipv4Addr::LOCALHOST,
        _ => false,
    };
    let origin = url.origin().ascii_serialization();
    (is_safe && origin.len() <= ORIGIN_BYTES).then_some(origin)
}

/// Says whether `frame-ancestors` can name a host: labels of letters, digits and hyphens (CSP Level 3 §2.3.1). Nothing else can
/// end the directive or the header. Browsers match no IPv6 address.
fn has_matchable_host(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name
            .split('.')
            .all(|label| !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')),
        Host::Ipv4(_) => true,
        Host::Ipv6(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn origin_is_stored_as_browsers_write_it() {
        for (entry, origin) in [
            ("https://shop.example", "https://shop.example"),
            ("HTTPS://Shop.EXAMPLE", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("https://shop.example:8443", "https://shop.example:8443"),
            ("https://b\u{fc}cher.example", "https://xn--bcher-kva.example"),
            ("https://192.0.2.7", "https://192.0.2.7"),
            ("https://localhost", "https://localhost"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:3000", "http://127.0.0.1:3000"),
        ] {
            assert_eq!(EmbedOrigins::parse(entry).unwrap().as_slice(), [origin], "{entry}");
        }
    }

    #[test]
    fn entry_that_is_more_or_less_than_an_origin_is_refused() {
        for entry in [
            "",
            "*",
            "null",
            "self",
            "'self'",
            "shop.example",
            "//shop.example",
            "https:",
            "https://",
            "https:shop.example",
            "https:/shop.example",
            "https:///shop.example",
            "https://*",
            "https://*.shop.example",
            "https://shop.example/",
            "https://shop.example/path",
            "https://shop.example?x",
            "https://shop.example#x",
            "https://shop.example\\x",
            "https://user@shop.example",
            "https://user:secret@shop.example",
            "https://@shop.example",
            "https://shop.example:",
            "https://shop.example:port",
            "https://shop.example:99999",
            "https://shop.example:*",
            "https://shop.example.",
            "https://.shop.example",
            "https://shop..example",
            "https://shop_one.example",
            "https://shop.example;script-src",
            "https://shop.example'",
            "https://shop.example\"",
            "https://shop.example https://evil.example",
            "https://shop.example\r\nX-Injected: 1",
            "https://shop.example\n",
            "https://sh\top.example",
            "https://shop%2eexample",
            "https://shop\u{0}.example",
            "https://shop\u{a0}.example",
            "http://shop.example",
            "http://127.0.0.2",
            "http://192.0.2.7",
            "http://[::1]:3000",
            "https://[::1]",
            "http://localhost.shop.example",
            "ftp://shop.example",
            "wss://shop.example",
            "javascript://shop.example",
            "data:text/html,x",
            "blob:https://shop.example",
            "file:///x",
            &format!("https://{}.example", "a".repeat(250)),
        ] {
            let list = json!(["https://first.example", entry]);
            assert_eq!(EmbedOrigins::from_setting(&list), Err(InvalidOrigins::Entry(2)), "{entry:?}");
        }
    }

    #[test]
    fn list_is_texts_or_a_text_with_commas() {
        let both = ["https://a.example", "https://b.example"];
        assert_eq!(EmbedOrigins::from_setting(&json!(both)).unwrap().as_slice(), both);
        let text = json!("https://a.example, https://b.example,https://A.example:443");
        assert_eq!(EmbedOrigins::from_setting(&text).unwrap().as_slice(), both, "each once");
        assert_eq!(EmbedOrigins::from_setting(&json!([])), Ok(EmbedOrigins::default()));
        for value in [json!(null), json!(7), json!({"origin": "https://a.example"}), json!([["https://a.example"]])] {
            assert_eq!(EmbedOrigins::from_setting(&value), Err(InvalidOrigins::NotAList), "{value}");
        }
    }

    #[test]
    fn list_is_limited_in_number_and_bytes() {
        let list = |count: usize, letters: usize| -> Value {
            (0..count).map(|number| format!("https://{}.{number}.example", "a".repeat(letters))).collect()
        };
        assert_eq!(EmbedOrigins::from_setting(&list(MAX_ORIGINS, 10)).unwrap().as_slice().len(), MAX_ORIGINS);
        assert_eq!(EmbedOrigins::from_setting(&list(MAX_ORIGINS + 1, 10)), Err(InvalidOrigins::TooMany));
        assert!(
            EmbedOrigins::from_setting(&list(MAX_ORIGINS, 60))
                .is_ok_and(|origins| { origins.to_frame_ancestors().len() < LIST_BYTES + MAX_ORIGINS })
        );
        let long: Value = (0..MAX_ORIGINS)
            .map(|number| format!("https://{}.{}.{number}.example", "a".repeat(60), "b".repeat(60)))
            .collect();
        assert_eq!(EmbedOrigins::from_setting(&long), Err(InvalidOrigins::TooMany));
    }

    #[test]
    fn no_origin_lets_nobody_frame_the_page() {
        assert_eq!(EmbedOrigins::default().to_frame_ancestors(), "'none'");
        let two = EmbedOrigins::parse("https://a.example,https://b.example:8443").unwrap();
        assert_eq!(two.to_frame_ancestors(), "https://a.example https://b.example:8443");
    }
}
