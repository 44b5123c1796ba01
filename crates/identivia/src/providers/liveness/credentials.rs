//! Issues temporary AWS credentials for a person's browser: 900 seconds, for its part of a liveness check and nothing else.
//!
//! Long-lived keys get a federation token. AWS gives none to keys that are themselves temporary, so these assume a role.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sts::types::Credentials as IssuedCredentials;
use aws_sdk_sts::{Client, config};
use tokio::sync::OnceCell;

use super::provider::BrowserCredentials;
use crate::aws_access::load_credentials;
use crate::config::{AwsLiveness, CredentialsActions};
use crate::providers::aws::{self, BoundedAnswers, LIVENESS_TIMEOUTS};
use crate::providers::http_call::{CallPermits, ProviderError};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The IAM actions that this needs, one or the other.
pub const FEDERATION_ACTION: &str = "sts:GetFederationToken";
pub const ASSUME_ROLE_ACTION: &str = "sts:AssumeRole";

/// The shortest lifetime that AWS allows, in seconds.
const LIFETIME_SECONDS: i32 = 900;
/// The most concurrent calls.
const MAX_CALLS: usize = 16;

/// AWS has no narrower resource for these actions than all.
const START_AND_RESULTS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rekognition:StartFaceLivenessSession","rekognition:GetFaceLivenessSessionResults"],"Resource":"*"}]}"#;
const START_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rekognition:StartFaceLivenessSession"],"Resource":"*"}]}"#;

const NO_ROLE: &str = "AWS_LIVENESS_ROLE_ARN is not set, and temporary keys must assume a role to get others";

/// Issues temporary credentials.
pub(super) struct CredentialsIssuer {
    client: Client,
    sdk: SdkConfig,
    /// The role to assume, once it is known; `None` when a federation token is possible.
    role: OnceCell<Option<String>>,
    policy: &'static str,
    permits: CallPermits,
}

impl CredentialsIssuer {
    pub(super) fn new(sdk: &SdkConfig, at: &AwsLiveness) -> Self {
        let mut config = config::Builder::from(sdk)
            .timeout_config(aws::to_timeout_config(LIVENESS_TIMEOUTS))
            .retry_config(aws::retry_config())
            .interceptor(BoundedAnswers);
        config.set_endpoint_url(at.sts_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            sdk: sdk.clone(),
            role: at.role.clone().map_or_else(OnceCell::new, |role| OnceCell::new_with(Some(Some(role)))),
            policy: match at.actions {
                CredentialsActions::StartAndResults => START_AND_RESULTS,
                CredentialsActions::StartOnly => START_ONLY,
            },
            permits: CallPermits::new(MAX_CALLS),
        }
    }

    /// Issues credentials that carry the profile's id in AWS's own logs.
    pub(super) async fn issue_credentials(
        &self,
        profile: Option<RecordId>,
    ) -> Result<BrowserCredentials, ProviderError> {
        let name = profile.map_or_else(|| "identivia".to_owned(), |profile| format!("identivia-{profile}"));
        let _permit = self.permits.acquire_permit().await?;
        let issued = match self.role.get_or_try_init(|| self.find_own_role()).await? {
            Some(role) => self.assume_role(role, name).await?,
            None => self.get_federation_token(name).await?,
        };
        to_browser_credentials(issued)
    }

    /// Finds the role whose temporary keys these are: a role may assume itself if it trusts itself. `None` when the keys are
    /// long-lived.
    async fn find_own_role(&self) -> Result<Option<String>, ProviderError> {
        let no_credentials = || ProviderError::failed("there are no AWS credentials now");
        let own = load_credentials(&self.sdk).await.ok_or_else(no_credentials)?;
        if own.session_token().is_none() && !own.access_key_id().starts_with("ASIA") {
            return Ok(None);
        }
        let once = config::Builder::default().retry_config(RetryConfig::disabled());
        let identity = self.client.get_caller_identity().customize().config_override(once).send().await;
        let identity = identity.map_err(|error| aws::to_provider_error("sts:GetCallerIdentity", error))?;
        identity.arn().and_then(parse_role_arn).map(Some).ok_or(ProviderError::MissingSetting(NO_ROLE))
    }

    async fn get_federation_token(&self, name: String) -> Result<Option<IssuedCredentials>, ProviderError> {
        let get = self.client.get_federation_token().name(name).policy(self.policy).duration_seconds(LIFETIME_SECONDS);
        let issued = get.send().await.map_err(|error| aws::to_provider_error(FEDERATION_ACTION, error))?;
        Ok(issued.credentials)
    }

    async fn assume_role(&self, role: &str, name: String) -> Result<Option<IssuedCredentials>, ProviderError> {
        let assume = self.client.assume_role().role_arn(role).role_session_name(name);
        let assume = assume.policy(self.policy).duration_seconds(LIFETIME_SECONDS);
        let issued = assume.send().await.map_err(|error| aws::to_provider_error(ASSUME_ROLE_ACTION, error))?;
        Ok(issued.credentials)
    }
}

/// The role's own ARN from `arn:aws:sts::<account>:assumed-role/<role>/<session>`. This ARN leaves a role's path out, so a
/// role with a path is not found.
fn parse_role_arn(caller: &str) -> Option<String> {
    let (place, session) = caller.split_once(":assumed-role/")?;
    let (role, _) = session.split_once('/')?;
    let mut parts = place.split(':');
    let (partition, account) = (parts.nth(1)?, parts.nth(2)?);
    (!role.is_empty() && !account.is_empty()).then(|| format!("arn:{partition}:iam::{account}:role/{role}"))
}

fn to_browser_credentials(issued: Option<IssuedCredentials>) -> Result<BrowserCredentials, ProviderError> {
    let incomplete = || ProviderError::failed("its credentials are incomplete");
    let issued = issued.ok_or_else(incomplete)?;
    if issued.access_key_id.is_empty() || issued.secret_access_key.is_empty() || issued.session_token.is_empty() {
        return Err(incomplete());
    }
    // A truncated answer has no expiration, which the SDK reads as 1970.
    let expiration = issued.expiration.to_millis().ok().filter(|millis| *millis > 0).ok_or_else(incomplete)?;
    Ok(BrowserCredentials {
        access_key_id: issued.access_key_id,
        secret_access_key: issued.secret_access_key,
        session_token: issued.session_token,
        expiration: Millis(expiration),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn role_arn_is_found_from_the_caller_identity() {
        let role = |caller| parse_role_arn(caller).unwrap_or_default();
        assert_eq!(role("arn:aws:sts::123456789012:assumed-role/web/i-0abc"), "arn:aws:iam::123456789012:role/web");
        assert_eq!(role("arn:aws-cn:sts::123456789012:assumed-role/web/x"), "arn:aws-cn:iam::123456789012:role/web");
        for caller in ["arn:aws:iam::123456789012:user/web", "arn:aws:sts::123456789012:federated-user/web", ""] {
            assert_eq!(role(caller), "", "{caller}");
        }
    }

    #[test]
    fn policies_name_exactly_what_a_browser_needs() {
        let actions = |policy: &str| {
            serde_json::from_str::<serde_json::Value>(policy).unwrap()["Statement"][0]["Action"].to_string()
        };
        assert_eq!(
            actions(START_AND_RESULTS),
            r#"["rekognition:StartFaceLivenessSession","rekognition:GetFaceLivenessSessionResults"]"#
        );
        assert_eq!(actions(START_ONLY), r#"["rekognition:StartFaceLivenessSession"]"#);
    }
}
