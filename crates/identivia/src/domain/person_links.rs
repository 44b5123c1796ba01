//! Links to the person's page, and the URLs that it may send a browser to at the end.

use super::handoff::Code;
use super::redirect::Redirects;
use crate::records::id::RecordId;

/// The links that this server hands out and follows.
pub struct PersonLinks {
    /// The origin of the person's page, without a slash at the end.
    page_origin: String,
    redirects: Redirects,
}

impl PersonLinks {
    /// Links to the page at that origin.
    #[must_use]
    pub fn new(page_origin: String, redirects: Redirects) -> Self {
        Self { page_origin, redirects }
    }

    /// The link to a profile's page, with the flow token that opens it.
    #[must_use]
    pub fn profile_link(&self, profile: RecordId, flow_token: &str) -> String {
        format!("{}/{profile}?token={flow_token}", self.page_origin)
    }

    /// The link that another device opens with a code. The code follows `#`, so that it is in no server's log.
    #[must_use]
    pub fn handoff_link(&self, code: &Code) -> String {
        format!("{}/go#{}", self.page_origin, code.as_text())
    }

    /// Says whether the page may send a browser there at the end.
    #[must_use]
    pub fn may_redirect_to(&self, url: &str) -> bool {
        self.redirects.allow(url)
    }
}
