//! The Content-Security-Policy of the person's page: as narrow as the configured providers allow.

use axum::http::HeaderValue;

use crate::domain::embedding::EmbedOrigins;

/// Fingerprint's own agent: the host of its script, and the hosts it calls.
const AGENT_SCRIPT: &str = " https://fpjscdn.net";
const AGENT_API: &str = " https://fpjscdn.net https://api.fpjs.io https://*.api.fpjs.io";

/// What the page may do beyond the minimum.
#[derive(Clone, Debug, Default)]
pub struct PagePolicy {
    /// Whether AWS's component runs in the page.
    pub aws: bool,
    /// The origin that AWS's component streams to.
    pub stream: Option<String>,
}

impl PagePolicy {
    /// The policy of a page that talks to AWS's Face Liveness in that region, or to the stream URL that is configured
    /// in its place.
    #[must_use]
    pub fn with_aws(region: Option<&str>, stream_url: Option<&str>) -> Self {
        let is_plain = |region: &&str| region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        let region_origin = |region| format!("wss://streaming-rekognition.{region}.amazonaws.com");
        let stream = stream_url.map(to_stream_origin).or_else(|| region.filter(is_plain).map(region_origin));
        Self { aws: true, stream }
    }

    /// The policy as a `Content-Security-Policy` header (CSP Level 3). `has_agent`: Fingerprint's agent runs in the page.
    /// `embedders`: the sites that may frame it.
    pub(super) fn to_header(&self, has_agent: bool, embedders: &EmbedOrigins) -> HeaderValue {
        let when = |on: bool, more: &'static str| if on { more } else { "" };
        let wasm = when(self.aws, " 'wasm-unsafe-eval'");
        let (script, api) = (when(has_agent, AGENT_SCRIPT), when(has_agent, AGENT_API));
        let stream = self.stream.as_ref().map(|origin| format!(" {origin}")).unwrap_or_default();
        let ancestors = embedders.to_frame_ancestors();
        let policy = format!(
            "default-src 'none'; script-src 'self'{wasm}{script}; style-src 'self'; img-src 'self' data: blob:; \
            media-src 'self' blob:; font-src 'self'; connect-src 'self'{stream}{api}; manifest-src 'self'; \
            base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}"
        );
        HeaderValue::from_str(&policy).unwrap_or(HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"))
    }
}

/// Scheme and host of a URL that is streamed to. A rule that names https does not let a `wss:` connection through (CSP3
/// §6.7.2.8), so the scheme is always the socket's.
fn to_stream_origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("wss", url));
    let scheme = if scheme.eq_ignore_ascii_case("https") { "wss" } else { scheme };
    format!("{scheme}://{}", rest.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_allows_only_configured_origins() {
        let text = |policy: PagePolicy, has_agent| {
            policy.to_header(has_agent, &EmbedOrigins::default()).to_str().unwrap().to_owned()
        };
        let policies = [
            text(PagePolicy::default(), false),
            text(PagePolicy::default(), true),
            text(PagePolicy::with_aws(Some("eu-west-1"), None), false),
            text(PagePolicy::with_aws(Some("eu-west-1"), Some("wss://stream.example:8443/path")), false),
        ];
        insta::assert_snapshot!(policies.join("\n"), @r"
        default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' https://fpjscdn.net; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' https://fpjscdn.net https://api.fpjs.io https://*.api.fpjs.io; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' wss://streaming-rekognition.eu-west-1.amazonaws.com; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; font-src 'self'; connect-src 'self' wss://stream.example:8443; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'
        ");
        for (url, origin) in [
            ("https://stream.example", "wss://stream.example"),
            ("ws://[::1]:9000/x/y", "ws://[::1]:9000"),
            ("wss://stream.example", "wss://stream.example"),
        ] {
            assert_eq!(to_stream_origin(url), origin);
        }
        assert_eq!(PagePolicy::with_aws(Some("eu; script-src *"), None).stream, None);
        assert_eq!(PagePolicy::with_aws(None, None).stream, None);
    }
}
