//! Calls to AWS services: timeouts, retries, bounded answers, and how their errors become ours.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sts::error::{BoxError, ProvideErrorMetadata, SdkError};
use http_body_util::Limited;

use super::http_call::{CallTimeouts, MAX_ANSWER_BYTES, MAX_ATTEMPTS, ProviderError, bound_retry_after};

/// The longest delay before a second attempt. The SDK doubles it with each attempt and draws a shorter one at random.
const MAX_FIRST_RETRY_DELAY: Duration = Duration::from_millis(400);

/// The timeouts of Face Liveness and of the service that issues credentials for it.
pub const LIVENESS_TIMEOUTS: CallTimeouts =
    CallTimeouts { connect: Duration::from_secs(3), attempt: Duration::from_secs(5), call: Duration::from_secs(12) };

/// The SDK's form of our timeouts.
#[must_use]
pub fn to_timeout_config(timeouts: CallTimeouts) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(timeouts.connect)
        .operation_attempt_timeout(timeouts.attempt)
        .operation_timeout(timeouts.call)
        .build()
}

/// How often and how soon the SDK retries. A wrong clock costs one attempt: the SDK signs again by AWS's clock.
#[must_use]
pub fn retry_config() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS).with_initial_backoff(MAX_FIRST_RETRY_DELAY)
}

/// Cuts off an answer that grows beyond [`MAX_ANSWER_BYTES`].
#[derive(Debug)]
pub struct BoundedAnswers;

impl Intercept for BoundedAnswers {
    fn name(&self) -> &'static str {
        "BoundedAnswers"
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let whole = std::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Limited::new(whole, MAX_ANSWER_BYTES));
        Ok(())
    }
}

/// AWS's codes for rate limits.
const RATE_LIMIT_CODES: [&str; 7] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TooManyRequestsException",
];
const ACCESS_DENIED_CODES: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

/// Converts the SDK's error of a call that needs that IAM action. Of AWS's answer only the code is kept: its texts name
/// accounts and keys.
pub fn to_provider_error<E: ProvideErrorMetadata>(
    action: &'static str,
    error: SdkError<E, HttpResponse>,
) -> ProviderError {
    let refusal = match error {
        SdkError::ServiceError(refusal) => refusal,
        SdkError::TimeoutError(_) => return ProviderError::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return ProviderError::Timeout,
        SdkError::DispatchFailure(failure) if failure.is_io() => return ProviderError::failed("it cannot be reached"),
        SdkError::DispatchFailure(_) => return ProviderError::failed("the request cannot be sent"),
        _ => return ProviderError::failed("the answer is not AWS's, or the connection broke off"),
    };
    let (status, code) = (refusal.raw().status().as_u16(), refusal.err().code().unwrap_or_default());
    if ACCESS_DENIED_CODES.contains(&code) {
        return ProviderError::Denied(action.to_owned());
    }
    if RATE_LIMIT_CODES.contains(&code) || status == 429 {
        let requested = refusal.raw().headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
        return ProviderError::RateLimited(bound_retry_after(requested));
    }
    if (200..300).contains(&status) {
        return ProviderError::failed("its answer cannot be read");
    }
    ProviderError::refused(status, code)
}
