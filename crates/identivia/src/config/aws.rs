//! Settings for AWS: region, keys, endpoints, and the role and actions of a browser's temporary credentials.

use super::checks::{ExplicitConsent, OneOf, Parsed, SettingCheck, parse_any_text};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{ConfigError, DefinedSetting, Settings, WhenUnset, define_settings};

define_settings! {
    AWS_SETTINGS, "AWS";

    /// Region of Face Liveness and of the bucket
    AWS_REGION: Parsed<String> = Parsed(parse_any_text),
        WhenUnset("as the AWS tools have it; us-east-1 with an endpoint");
    /// Access key for AWS, with AWS_SECRET_ACCESS_KEY
    AWS_ACCESS_KEY_ID: Parsed<String> = Parsed(parse_any_text),
        WhenUnset("as the AWS tools have it, roles included");
    /// Secret of AWS_ACCESS_KEY_ID
    AWS_SECRET_ACCESS_KEY: Parsed<String> = Parsed(parse_any_text), WhenUnset("");
    /// Session token of a temporary AWS_ACCESS_KEY_ID
    AWS_SESSION_TOKEN: Parsed<String> = Parsed(parse_any_text), WhenUnset("");
    /// A server that is compatible with S3, such as https://minio.example.com
    AWS_ENDPOINT_URL_S3: Parsed<String> = Parsed(parse_web_url), WhenUnset("AWS_ENDPOINT_URL, else AWS");
    /// Role whose temporary credentials a browser gets. Required if AWS_ACCESS_KEY_ID is itself temporary
    AWS_LIVENESS_ROLE_ARN: Parsed<String> = Parsed(parse_role),
        WhenUnset("a federation token of AWS_ACCESS_KEY_ID's user");
    /// Actions that a browser's temporary credentials allow. AWS advises start-only
    AWS_CREDENTIALS_ACTIONS: OneOf<CredentialsActions> = OneOf(&[
        ("start-and-results", CredentialsActions::StartAndResults),
        ("start-only", CredentialsActions::StartOnly),
    ]), DefaultText("start-and-results");
    /// A server to call in place of Rekognition
    AWS_ENDPOINT_URL_REKOGNITION: Parsed<String> = Parsed(parse_web_url), WhenUnset("AWS_ENDPOINT_URL, else AWS");
    /// A server to call in place of STS
    AWS_ENDPOINT_URL_STS: Parsed<String> = Parsed(parse_web_url), WhenUnset("AWS_ENDPOINT_URL, else AWS");
    /// A server to call in place of AWS, for each service without an endpoint of its own
    AWS_ENDPOINT_URL: Parsed<String> = Parsed(parse_web_url), WhenUnset("AWS");
    /// Set to `true` to allow plain http to an endpoint on another machine: only within a network you trust
    AWS_ENDPOINT_ALLOW_HTTP: ExplicitConsent = ExplicitConsent, DefaultText("false");
}

/// Region and keys for calls to AWS.
#[derive(Clone, Default)]
pub struct AwsAccess {
    /// `None`: from the SDK's own chain of sources.
    pub region: Option<String>,
    /// `None`: from the SDK's own chain of sources.
    pub keys: Option<AwsKeys>,
}

/// An access key for AWS.
#[derive(Clone)]
pub struct AwsKeys {
    pub id: String,
    pub secret: String,
    /// The session token of temporary keys.
    pub session: Option<String>,
}

/// The actions that a browser's temporary credentials allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsActions {
    /// The reference's two actions.
    StartAndResults,
    /// Only what a browser needs, as AWS advises.
    StartOnly,
}

/// Reads region and keys.
pub(super) fn read_access(settings: &Settings) -> Result<AwsAccess, ConfigError> {
    Ok(AwsAccess { region: AWS_REGION.read_if_set(settings)?, keys: read_keys(settings)? })
}

fn read_keys(settings: &Settings) -> Result<Option<AwsKeys>, ConfigError> {
    match (AWS_ACCESS_KEY_ID.read_if_set(settings)?, AWS_SECRET_ACCESS_KEY.read_if_set(settings)?) {
        (Some(id), Some(secret)) => Ok(Some(AwsKeys { id, secret, session: AWS_SESSION_TOKEN.read_if_set(settings)? })),
        (None, None) => Ok(None),
        (Some(_), None) => Err(AWS_SECRET_ACCESS_KEY.to_error("must be set where AWS_ACCESS_KEY_ID is")),
        (None, Some(_)) => Err(AWS_ACCESS_KEY_ID.to_error("must be set where AWS_SECRET_ACCESS_KEY is")),
    }
}

/// Reads the endpoint of one of AWS's services: its own setting, or the one for all of them.
pub(super) fn read_endpoint(
    own: &DefinedSetting<impl SettingCheck<Value = String>, WhenUnset>,
    settings: &Settings,
) -> Result<Option<String>, ConfigError> {
    let (name, url) = match own.read_if_set(settings)? {
        Some(url) => (own.variable, Some(url)),
        None => (AWS_ENDPOINT_URL.variable, AWS_ENDPOINT_URL.read_if_set(settings)?),
    };
    if url.as_deref().is_some_and(is_unencrypted) && !AWS_ENDPOINT_ALLOW_HTTP.read(settings)? {
        let problem = "must be https://, or passports cross the network in the clear; within a network you trust set \
                       AWS_ENDPOINT_ALLOW_HTTP=true";
        return Err(ConfigError { name, problem: problem.to_owned() });
    }
    Ok(url)
}

/// Accepts the ARN of a role by AWS's rules: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
fn parse_role(arn: &str) -> Result<String, String> {
    let is_arn = (20..=2_048).contains(&arn.len())
        && arn.starts_with("arn:")
        && arn.contains(":role/")
        && arn.bytes().all(|byte| byte.is_ascii_graphic());
    if is_arn {
        return Ok(arn.to_owned());
    }
    Err("must be a role such as arn:aws:iam::123456789012:role/identivia-liveness".to_owned())
}
