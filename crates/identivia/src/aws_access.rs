//! Access to AWS: region, credentials, and a client without a proxy. Providers and the S3 bucket share it.

use std::time::Duration;

use aws_config::environment::EnvironmentVariableRegionProvider;
use aws_config::meta::region::RegionProviderChain;
use aws_config::profile::ProfileFileRegionProvider;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sts::config::{Credentials, ProvideCredentials as _, SharedHttpClient};
use aws_smithy_http_client::tls;
use tokio::time::timeout;

use crate::config::AwsAccess;

/// The region for a compatible server, which ignores it.
const ANY_REGION: &str = "us-east-1";
/// The timeout for credentials: a role's keys come from a service of AWS's, or from a command.
const CREDENTIALS_TIMEOUT: Duration = Duration::from_secs(10);

/// Loads region and credentials. Where the settings give none, they come from where every AWS tool takes them. With an
/// endpoint that is not AWS's any region will do.
///
/// # Errors
/// The name of the setting that is missing.
pub async fn load_aws_config(access: &AwsAccess, has_endpoint: bool) -> Result<SdkConfig, String> {
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(build_direct_client());
    let any_region = has_endpoint.then(|| ANY_REGION.to_owned());
    if let Some(region) = access.region.clone().or(any_region) {
        loader = loader.region(Region::new(region));
    } else if access.keys.is_some() {
        // With keys from the settings this need not be one of AWS's machines, which the SDK would ask for the region.
        let variables = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new());
        loader = loader.region(variables.or_else(ProfileFileRegionProvider::new()));
    }
    if let Some(keys) = access.keys.clone() {
        loader = loader.credentials_provider(Credentials::new(keys.id, keys.secret, keys.session, None, "settings"));
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err("AWS_REGION is not set, and nothing else says which region it is".to_owned());
    }
    if load_credentials(&config).await.is_none() {
        return Err("AWS_ACCESS_KEY_ID is not set, and there are no other credentials".to_owned());
    }
    Ok(config)
}

/// Builds a client that takes no proxy from the environment, unlike the SDK's own: data goes to the named host only.
fn build_direct_client() -> SharedHttpClient {
    let tls = tls::Provider::Rustls(tls::rustls_provider::CryptoMode::AwsLc);
    aws_smithy_http_client::Builder::new().tls_provider(tls).build_https()
}

/// Loads the current credentials: a role's keys change. `None` when there are none now.
pub async fn load_credentials(config: &SdkConfig) -> Option<Credentials> {
    let provider = config.credentials_provider()?;
    // The SDK's own timeout is for the calls that it signs, and this is none.
    timeout(CREDENTIALS_TIMEOUT, provider.provide_credentials()).await.ok()?.ok()
}
