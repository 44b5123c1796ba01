//! The headers that tell a refused caller which limit it has reached (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderName, HeaderValue};

use super::error::ApiError;

const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

impl ApiError {
    /// Adds that the caller has used up a limit of that many requests in so many seconds, and when it may go on.
    pub(crate) fn with_rate_limit(self, name: &'static str, (limit, window): (u32, i64), seconds: u64) -> Self {
        let policy = HeaderValue::from_str(&format!("\"{name}\";q={limit};w={window}"));
        let state = HeaderValue::from_str(&format!("\"{name}\";r=0;t={seconds}"));
        match (policy, state) {
            (Ok(policy), Ok(state)) => {
                self.header(RATE_LIMIT_POLICY, policy).header(RATE_LIMIT, state).retry_after(seconds)
            }
            // The names are ours, and have no other letters.
            _ => self.retry_after(seconds),
        }
    }
}
