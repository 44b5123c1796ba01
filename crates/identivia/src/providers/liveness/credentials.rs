//! Temporary credentials of AWS for a person's browser: 900 seconds, for its part of a liveness check and nothing else.
//!
//! Long-lived keys get a federation token; AWS gives none to keys that are themselves temporary, so these assume a role.

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_sts::{Client, config};
use tokio::sync::OnceCell;

use super::Credentials;
use super::rekognition::PATIENCE;
use crate::config::{AwsLiveness, CredentialsActions};
use crate::providers::aws::{self, BoundedAnswers};
use crate::providers::http_call::{ProviderError, Turns};
use crate::records::id::RecordId;
use crate::records::time::Millis;

/// The IAM actions that this needs, one or the other.
pub const FEDERATE: &str = "sts:GetFederationToken";
pub const ASSUME: &str = "sts:AssumeRole";

/// The shortest that AWS gives, in seconds.
const SECONDS: i32 = 900;
/// Calls at once.
const AT_ONCE: usize = 16;

/// AWS has no narrower resource for these actions than all.
const START_AND_RESULTS: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rekognition:StartFaceLivenessSession","rekognition:GetFaceLivenessSessionResults"],"Resource":"*"}]}"#;
const START_ONLY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["rekognition:StartFaceLivenessSession"],"Resource":"*"}]}"#;

const NO_ROLE: &str = "AWS_LIVENESS_ROLE_ARN is not set, and temporary keys must assume a role to get others";

/// Issues credentials.
pub(super) struct Issuer {
    client: Client,
    chain: SdkConfig,
    /// The role to be assumed, once it is known; `None` when a federation token is to be had.
    role: OnceCell<Option<String>>,
    policy: &'static str,
    turns: Turns,
}

impl Issuer {
    pub(super) fn new(chain: &SdkConfig, at: &AwsLiveness) -> Self {
        let mut config = config::Builder::from(chain)
            .timeout_config(aws::timeouts(PATIENCE))
            .retry_config(aws::retries())
            .interceptor(BoundedAnswers);
        config.set_endpoint_url(at.sts_endpoint.clone());
        Self {
            client: Client::from_conf(config.build()),
            chain: chain.clone(),
            role: at.role.clone().map_or_else(OnceCell::new, |role| OnceCell::new_with(Some(Some(role)))),
            policy: match at.actions {
                CredentialsActions::StartAndResults => START_AND_RESULTS,
                CredentialsActions::StartOnly => START_ONLY,
            },
            turns: Turns::new(AT_ONCE),
        }
    }

    /// Credentials that go by the profile's name in AWS's own records.
    pub(super) async fn issue(&self, profile: Option<RecordId>) -> Result<Credentials, ProviderError> {
        let name = profile.map_or_else(|| "identivia".to_owned(), |profile| format!("identivia-{profile}"));
        let _turn = self.turns.take().await?;
        let made = match self.role.get_or_try_init(|| self.own_role()).await? {
            Some(role) => self.assume(role, name).await?,
            None => self.federate(name).await?,
        };
        credentials(made)
    }

    /// The role whose temporary keys these are, if its name tells it: a role may assume itself if it is trusted to. `None`
    /// when they are long-lived.
    async fn own_role(&self) -> Result<Option<String>, ProviderError> {
        let asking = aws::credentials(&self.chain).await?;
        if asking.session_token().is_none() && !asking.access_key_id().starts_with("ASIA") {
            return Ok(None);
        }
        let once = config::Builder::default().retry_config(RetryConfig::disabled());
        let identity = self.client.get_caller_identity().customize().config_override(once).send().await;
        let identity = identity.map_err(|error| aws::failure("sts:GetCallerIdentity", error))?;
        identity.arn().and_then(role_of).map(Some).ok_or(ProviderError::Unset(NO_ROLE))
    }

    async fn federate(&self, name: String) -> Result<Option<aws_sdk_sts::types::Credentials>, ProviderError> {
        let get = self.client.get_federation_token().name(name).policy(self.policy).duration_seconds(SECONDS);
        let made = get.send().await.map_err(|error| aws::failure(FEDERATE, error))?;
        Ok(made.credentials)
    }

    async fn assume(&self, role: &str, name: String) -> Result<Option<aws_sdk_sts::types::Credentials>, ProviderError> {
        let assume = self.client.assume_role().role_arn(role).role_session_name(name);
        let assume = assume.policy(self.policy).duration_seconds(SECONDS);
        let made = assume.send().await.map_err(|error| aws::failure(ASSUME, error))?;
        Ok(made.credentials)
    }
}

/// `arn:aws:sts::<account>:assumed-role/<role>/<session>` as the role's own ARN. It does not tell a role's path, so that of
/// a role that has one is not found.
fn role_of(caller: &str) -> Option<String> {
    let (place, session) = caller.split_once(":assumed-role/")?;
    let (role, _) = session.split_once('/')?;
    let mut parts = place.split(':');
    let (partition, account) = (parts.nth(1)?, parts.nth(2)?);
    (!role.is_empty() && !account.is_empty()).then(|| format!("arn:{partition}:iam::{account}:role/{role}"))
}

fn credentials(made: Option<aws_sdk_sts::types::Credentials>) -> Result<Credentials, ProviderError> {
    let incomplete = || ProviderError::failed("its credentials are incomplete");
    let made = made.ok_or_else(incomplete)?;
    if made.access_key_id.is_empty() || made.secret_access_key.is_empty() || made.session_token.is_empty() {
        return Err(incomplete());
    }
    // An answer that was cut off reads as one without the end, and an expiration that is not there as 1970.
    let expiration = made.expiration.to_millis().ok().filter(|millis| *millis > 0).ok_or_else(incomplete)?;
    Ok(Credentials {
        access_key_id: made.access_key_id,
        secret_access_key: made.secret_access_key,
        session_token: made.session_token,
        expiration: Millis(expiration),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_told_by_who_asks() {
        let role = |caller| role_of(caller).unwrap_or_default();
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
