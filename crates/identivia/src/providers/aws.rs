//! The way to AWS that its services share: region, credentials, patience, and what refusals come to.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_s3::primitives::SdkBody;
use aws_sdk_sts::config::http::HttpResponse;
use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextMut;
use aws_sdk_sts::config::{
    ConfigBag, Credentials, Intercept, ProvideCredentials as _, RuntimeComponents, SharedHttpClient,
};
use aws_sdk_sts::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::tls;
use http_body_util::Limited;
use tokio::time::timeout;

use crate::config::AwsAccess;
use crate::providers::http_call::{ATTEMPTS, MAX_ANSWER, Patience, ProviderError, wait};

/// Where a compatible server does not care.
const ANY_REGION: &str = "us-east-1";
/// The pause before a second attempt at most; the SDK doubles it and draws from below it.
const PAUSE: Duration = Duration::from_millis(400);

/// How long it may take to find out who asks: a role's keys come from a service of AWS's, or from a command.
const CREDENTIALS: Duration = Duration::from_secs(10);

/// Region and credentials, where the settings do not give them: from where every AWS tool takes them. With an endpoint
/// that is not AWS's any region will do.
///
/// # Errors
/// The setting that is missing, and that nothing else makes up for.
pub async fn chain(access: &AwsAccess, has_endpoint: bool) -> Result<SdkConfig, String> {
    let mut chain = aws_config::defaults(BehaviorVersion::latest()).http_client(direct());
    let any_region = has_endpoint.then(|| ANY_REGION.to_owned());
    if let Some(region) = access.region.clone().or(any_region) {
        chain = chain.region(Region::new(region));
    } else if access.keys.is_some() {
        // Whoever gives keys need not be on one of AWS's machines, which would be asked for their region next.
        let told = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
        chain = chain.region(told.or_else(ProfileFileRegionProvider::new()));
    }
    if let Some(keys) = access.keys.clone() {
        chain = chain.credentials_provider(Credentials::new(keys.id, keys.secret, keys.session, None, "settings"));
    }
    let chain = chain.load().await;
    if chain.region().is_none() {
        return Err("AWS_REGION is not set, and nothing else says which region it is".to_owned());
    }
    if credentials(&chain).await.is_err() {
        return Err("AWS_ACCESS_KEY_ID is not set, and there are no other credentials".to_owned());
    }
    Ok(chain)
}

/// A client that takes no proxy from the environment, as the SDK's own would: what is sent stays with the host that the
/// settings name.
fn direct() -> SharedHttpClient {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Who asks, now: a role's keys change.
///
/// # Errors
/// When nobody does.
pub async fn credentials(chain: &SdkConfig) -> Result<Credentials, ProviderError> {
    let none = || ProviderError::failed("there are no AWS credentials now");
    let provider = chain.credentials_provider().ok_or_else(none)?;
    // The SDK's own deadline is for calls that it signs, which this is not.
    let found = timeout(CREDENTIALS, provider.provide_credentials()).await.map_err(|_| none())?;
    found.map_err(|_| none())
}

/// How long an AWS service may take, in its SDK's terms.
#[must_use]
pub fn timeouts(patience: Patience) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(patience.connect)
        .operation_attempt_timeout(patience.attempt)
        .operation_timeout(patience.call)
        .build()
}

/// How often, and how soon, a call is repeated. A clock that is off counts as one attempt: the SDK signs again by AWS's.
#[must_use]
pub fn retries() -> RetryConfig {
    RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(PAUSE)
}

/// Ends an answer that grows beyond [`MAX_ANSWER`].
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
        *body = SdkBody::from_body_1_x(Limited::new(whole, MAX_ANSWER));
        Ok(())
    }
}

/// AWS's codes for "not so fast".
const THROTTLING: [&str; 7] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "ProvisionedThroughputExceededException",
    "RequestLimitExceeded",
    "RequestThrottled",
    "TooManyRequestsException",
];
const DENIED: [&str; 2] = ["AccessDenied", "AccessDeniedException"];

/// What a refusal comes to, of a call of that IAM action. Only AWS's code is told: its texts name accounts and keys.
pub fn failure<E: ProvideErrorMetadata>(action: &'static str, error: SdkError<E, HttpResponse>) -> ProviderError {
    let refusal = match error {
        SdkError::ServiceError(refusal) => refusal,
        SdkError::TimeoutError(_) => return ProviderError::TooLate,
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return ProviderError::TooLate,
        SdkError::DispatchFailure(failure) if failure.is_io() => return ProviderError::failed("it cannot be reached"),
        SdkError::DispatchFailure(_) => return ProviderError::failed("nothing can be sent to it"),
        _ => return ProviderError::failed("what answers is not AWS, or broke off"),
    };
    let (status, code) = (refusal.raw().status().as_u16(), refusal.err().code().unwrap_or_default());
    if DENIED.contains(&code) {
        return ProviderError::Denied(action.to_owned());
    }
    if THROTTLING.contains(&code) || status == 429 {
        let asked = refusal.raw().headers().get("retry-after").and_then(|seconds| seconds.parse().ok());
        return ProviderError::Throttled(wait(asked));
    }
    if (200..300).contains(&status) {
        return ProviderError::failed("its answer cannot be read");
    }
    ProviderError::refused(status, code)
}
