//! Where a person's browser may be sent when all is done: an operator's list, against what a company's server asks for.
//!
//! A browser follows what it is given, so nothing is taken that two parsers could read in two ways.

use url::{Host, Url};

/// The longest target, in characters.
pub const TARGET_CHARACTERS: usize = crate::domain::PARAGRAPH;

/// The origins, and the prefixes of URLs, that browsers may be sent to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirects(Vec<Url>);

impl Redirects {
    /// Reads a list with commas between its entries.
    ///
    /// # Errors
    /// The number of the first entry that is none, counted from 1.
    pub fn parse(list: &str) -> Result<Self, usize> {
        let entries = list.split(',').map(str::trim).enumerate();
        let parsed = entries.map(|(place, entry)| {
            let parsed = parse_target(entry).filter(|url| url.query().is_none());
            parsed.ok_or(place + 1)
        });
        parsed.collect::<Result<_, _>>().map(Self)
    }

    /// Says whether a browser may be sent there: to an entry itself, or to what lies below it by whole path segments.
    #[must_use]
    pub fn allow(&self, text: &str) -> bool {
        parse_target(text).is_some_and(|url| self.0.iter().any(|entry| is_within(entry, &url)))
    }
}

/// A URL as a browser may be sent to it: https, or http on this machine; with neither user nor fragment; and written in
/// the one way in which every parser reads it the same.
fn parse_target(text: &str) -> Option<Url> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\' && byte != b'#');
    let (_, rest) = text.split_once("://")?;
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = path.split('?').next().unwrap_or_default();
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => authority,
    };
    let url = Url::parse(text).ok()?;
    // A parser decodes hosts, reads numbers as addresses and walks up from dots: what comes out must be what went in.
    let is_as_written = url.host_str().is_some_and(|read| read.eq_ignore_ascii_case(host))
        && (url.path() == path || path.is_empty())
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte))
        && !has_hidden_segments(path);
    let is_safe = url.scheme() == "https" || (url.scheme() == "http" && is_loopback(&url));
    (is_plain && is_as_written && is_safe && !authority.contains('@')).then_some(url)
}

/// Says whether a path holds slashes or dots that only some parsers see.
fn has_hidden_segments(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    ["%2f", "%5c", "%2e"].iter().any(|hidden| path.contains(hidden))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn is_within(entry: &Url, url: &Url) -> bool {
    let is_same_place = entry.scheme() == url.scheme()
        && entry.host() == url.host()
        && entry.port_or_known_default() == url.port_or_known_default();
    let prefix = entry.path().trim_end_matches('/');
    let below = url.path().strip_prefix(prefix);
    is_same_place && below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "https://shop.example/back, https://pay.example, http://localhost:3000, http://[::1]:3000/a/b/";

    const WITHIN: &[&str] = &[
        "https://shop.example/back",
        "https://shop.example/back/",
        "https://shop.example/back/here?order=7&a=b",
        "https://shop.example/back?to=https://evil.example/../x",
        "https://shop.example:443/back",
        "HTTPS://SHOP.example/back",
        "https://pay.example",
        "https://pay.example/",
        "https://pay.example?x=1",
        "https://pay.example/@user/anything",
        "http://localhost:3000/done",
        "http://[::1]:3000/a/b",
        "http://[::1]:3000/a/b/c",
    ];
    const OUTSIDE: &[&str] = &[
        "",
        "/back",
        "//shop.example/back",
        "shop.example/back",
        "https:shop.example/back",
        "https:/shop.example/back",
        "https:///shop.example/back",
        "https://shop.example.evil.com/back",
        "https://shop.example@evil.com/back",
        "https://shop.example:x@evil.com/back",
        "https://@shop.example/back",
        "https://user@shop.example/back",
        "https://user:secret@shop.example/back",
        "https://evil.com?https://shop.example/back",
        "https://evil.com/https://shop.example/back",
        "https://evilshop.example/back",
        "https://shop.example:8443/back",
        "https://shop.example:/back:443",
        "https://shop.example./back",
        "https://shop.example/",
        "https://shop.example",
        "https://shop.example/backdoor",
        "https://shop.example/back.html",
        "https://shop.example/Back",
        "https://shop.example//back",
        "https://shop.example/back/../admin",
        "https://shop.example/back/..",
        "https://shop.example/back/./x",
        "https://shop.example/x/../back",
        "https://shop.example/back/%2e%2e/admin",
        "https://shop.example/back/.%2E/admin",
        "https://shop.example/back%2f..%2fadmin",
        "https://shop.example/back/%2F",
        "https://shop.example/back%5Cx",
        "https://shop.example\\back",
        "https://shop.example/back\\..\\admin",
        "https:\\\\shop.example/back",
        "https://evil.com\\@shop.example/back",
        "https://shop.example/back#fragment",
        "https://shop.example/back#",
        "https://shop.example/back\n",
        " https://shop.example/back",
        "https://shop.ex\tample/back",
        "https://shop.example/back/\u{e9}",
        "https://sh\u{f6}p.example/back",
        "https://\u{ff53}hop.example/back",
        "https://%73hop.example/back",
        "https://shop.example%2f@evil.com/back",
        "http://shop.example/back",
        "http://pay.example/",
        "ftp://pay.example/",
        "javascript:alert(1)",
        "javascript://pay.example/%0aalert(1)",
        "data:text/html,x",
        "http://localhost:3001/done",
        "https://localhost:3000/done",
        "http://localhost.evil.com:3000/done",
        "http://127.0.0.1:3000/done",
        "http://[::1]:3000/a",
        "http://[0:0:0:0:0:0:0:1]:3000/a/b",
        "http://[::1]:3000/a/bc",
    ];

    #[test]
    fn a_target_is_within_an_entry_by_scheme_host_port_and_whole_segments() {
        let redirects = Redirects::parse(LIST).unwrap();
        for target in WITHIN {
            assert!(redirects.allow(target), "{target}");
        }
        for target in OUTSIDE {
            assert!(!redirects.allow(target), "{target}");
        }
        assert!(!Redirects::default().allow("https://shop.example/back"), "nothing is allowed that is not listed");
    }

    #[test]
    fn entries_are_origins_or_prefixes() {
        for (list, wrong) in [
            ("https://shop.example/back,", 2),
            ("https://shop.example, http://shop.example", 2),
            ("https://shop.example?x", 1),
            ("https://shop.example#x", 1),
            ("https://user@shop.example", 1),
            ("shop.example", 1),
            ("https://*.shop.example", 1),
            ("https://shop.example/../x", 1),
            ("javascript:alert(1)", 1),
            ("*", 1),
        ] {
            assert_eq!(Redirects::parse(list), Err(wrong), "{list}");
        }
    }
}
