//! Answers with the files that the pages load: caching, entity tags and gzip.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::page_assets::Asset;

/// How long browsers may keep a file whose name changes with its content.
pub(super) const IMMUTABLE: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The answer to a request for a file.
pub(super) fn asset_response(asset: &'static Asset, caching: HeaderValue, request_headers: &HeaderMap) -> Response {
    let is_gzipped = asset.is_gzipped && accepts_gzip(request_headers);
    let suffix = if is_gzipped { "-gzip" } else { "" };
    let tag = format!("\"{}{suffix}\"", asset.hash);
    let mut headers = HeaderMap::new();
    headers.insert(header::CACHE_CONTROL, caching);
    headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding, Origin"));
    if let Ok(value) = HeaderValue::from_str(&tag) {
        headers.insert(header::ETAG, value);
    }
    if has_current_tag(request_headers, &tag) {
        return (StatusCode::NOT_MODIFIED, headers).into_response();
    }
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
    if !is_gzipped {
        return (headers, asset.plain_bytes()).into_response();
    }
    headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    (headers, asset.embedded_bytes()).into_response()
}

/// The entries of a header that is a list.
fn list_entries(headers: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).map(str::trim)
}

/// Says whether a browser accepts gzip (RFC 9110 §12.5.3).
fn accepts_gzip(headers: &HeaderMap) -> bool {
    list_entries(headers, header::ACCEPT_ENCODING).any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let is_gzip = parts.next().is_some_and(|coding| coding.eq_ignore_ascii_case("gzip"));
        let is_refused = parts.any(|part| part.strip_prefix("q=").and_then(|q| q.parse().ok()) == Some(0.0));
        is_gzip && !is_refused
    })
}

/// Says whether the browser's copy has that entity tag (RFC 9110 §13.1.2).
fn has_current_tag(headers: &HeaderMap, tag: &str) -> bool {
    list_entries(headers, header::IF_NONE_MATCH)
        .any(|entry| entry == "*" || entry.strip_prefix("W/").unwrap_or(entry) == tag)
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn request_headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, HeaderValue::from_static(value))])
    }

    #[test]
    fn gzip_is_sent_to_browsers_that_accept_it() {
        for (value, takes) in [
            ("gzip, deflate, br", true),
            ("br;q=1.0, GZIP;q=0.5", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("identity", false),
            ("x-gzipped", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(&request_headers(header::ACCEPT_ENCODING, value)), takes, "{value}");
        }
        assert!(!accepts_gzip(&HeaderMap::new()));
    }

    #[tokio::test]
    async fn file_is_sent_in_the_accepted_encoding_and_not_sent_again() {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(b"plain").unwrap();
        let small: &'static [u8] = Box::leak(encoder.finish().unwrap().into_boxed_slice());
        let asset: &'static Asset = Box::leak(Box::new(Asset::new("a.js", small, true)));
        let asset_response = |asset, headers: &HeaderMap| asset_response(asset, IMMUTABLE, headers);
        let body = async |response: Response| axum::body::to_bytes(response.into_body(), 100).await.unwrap();
        let plain = asset_response(asset, &HeaderMap::new());
        let gzipped = asset_response(asset, &request_headers(header::ACCEPT_ENCODING, "gzip"));
        let tag = |response: &Response| response.headers()[header::ETAG].to_str().unwrap().to_owned();
        assert_ne!(tag(&plain), tag(&gzipped), "two forms, two tags");
        for tag in [tag(&plain), format!("\"other\", W/{}", tag(&plain)), "*".to_owned()] {
            let again = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&tag).unwrap())]);
            let again = asset_response(asset, &again);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{tag}");
            assert_eq!(again.headers()[header::VARY], "Accept-Encoding, Origin");
            assert!(body(again).await.is_empty());
        }
        let other = HeaderMap::from_iter([(header::IF_NONE_MATCH, HeaderValue::from_str(&tag(&gzipped)).unwrap())]);
        assert_eq!(asset_response(asset, &other).status(), StatusCode::OK);
        assert_eq!(gzipped.headers()[header::CONTENT_ENCODING], "gzip");
        assert_eq!(plain.headers().get(header::CONTENT_ENCODING), None);
        assert_eq!((&body(plain).await[..], &body(gzipped).await[..]), (&b"plain"[..], small));
    }
}
