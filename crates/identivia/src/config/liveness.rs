//! Settings for face liveness: provider, threshold, challenges, audit images, stream URL.

use axum::http::Uri;

use super::aws::{
    AWS_ACCESS_KEY_ID, AWS_CREDENTIALS_ACTIONS, AWS_ENDPOINT_URL, AWS_ENDPOINT_URL_REKOGNITION, AWS_ENDPOINT_URL_S3,
    AWS_ENDPOINT_URL_STS, AWS_LIVENESS_ROLE_ARN, AwsAccess, CredentialsActions, read_access, read_endpoint,
};
use super::checks::{OneOf, Parsed, SettingCheck, WholeNumber};
use super::network::{is_unencrypted, parse_web_url};
use super::setting::{AnySetting as _, ConfigError, Settings, define_settings};
use super::storage::has_bucket_url;
use crate::domain::liveness::{ChallengeKind, LivenessRule};
use crate::domain::profile::Word as _;

/// The lowest threshold with the local engines: below it a failed session would count as live.
const MIN_LOCAL_THRESHOLD: f64 = 30.0;
const MAX_THRESHOLD: f64 = 100.0;

define_settings! {
    LIVENESS_SETTINGS, "Liveness and documents";

    /// Liveness provider; `auto` is AWS if AWS_ACCESS_KEY_ID is set, else the local engines; `off`: sessions get 501
    LIVENESS_PROVIDER: OneOf<LivenessChoice> = OneOf(&[
        ("auto", LivenessChoice::Auto), ("aws", LivenessChoice::Aws), ("local", LivenessChoice::Local),
        ("off", LivenessChoice::Off),
    ]), DefaultText("auto");
    /// Lowest confidence at which a face counts as live
    FACE_LIVENESS_THRESHOLD: LivenessThreshold = LivenessThreshold { is_local: false }, DefaultText("75");
    /// Whether results of the local engines confirm liveness. They test no photographs, screens, masks or injected pictures;
    /// with `false` they are kept, and `isLive` stays false
    LOCAL_LIVENESS_COUNTS: OneOf<bool> = OneOf(&[("true", true), ("false", false)]), DefaultText("true");
    /// Challenges that a session may use, the usual one first: `FaceMovementAndLightChallenge`, `FaceMovementChallenge`
    /// (without flashes), separated by a comma
    FACE_LIVENESS_CHALLENGES: Parsed<Vec<ChallengeKind>> = Parsed(parse_challenges),
        DefaultText("FaceMovementAndLightChallenge");
    /// Images that AWS adds to a session's reference image, for people who review it later
    FACE_LIVENESS_AUDIT_IMAGES: WholeNumber<i32> = WholeNumber { least: 0, most: 4 }, DefaultText("0");
    /// A server in place of AWS's, to which a person's browser streams their face, such as wss://streaming.example.com
    LIVENESS_STREAM_URL: Parsed<String> = Parsed(parse_stream_url),
        WhenUnset("wss://streaming-rekognition.AWS_REGION.amazonaws.com");
}

/// Accepts confidences, in percent.
pub(super) struct LivenessThreshold {
    is_local: bool,
}

impl SettingCheck for LivenessThreshold {
    type Value = f64;

    fn parse(&self, text: &str) -> Result<f64, String> {
        let (least, with) = if self.is_local { (MIN_LOCAL_THRESHOLD, " with the local engines") } else { (0.0, "") };
        match text.parse::<f64>() {
            Ok(number) if (least..=MAX_THRESHOLD).contains(&number) => Ok(number),
            _ => Err(format!("must be a number from {least} to {MAX_THRESHOLD}{with}, not {text:?}")),
        }
    }

    fn describe_accepted(&self) -> Option<String> {
        Some(format!("0 to {MAX_THRESHOLD} with AWS, {MIN_LOCAL_THRESHOLD} to {MAX_THRESHOLD} with the local engines"))
    }
}

/// A choice of liveness provider.
#[derive(Clone, Copy)]
pub(super) enum LivenessChoice {
    Auto,
    Aws,
    Local,
    Off,
}

/// What judges liveness.
#[derive(Clone)]
pub enum LivenessSource {
    Aws(Box<AwsLiveness>),
    /// The local engines.
    Local,
    Off,
}

/// Rekognition Face Liveness, and the temporary credentials that go with it.
#[derive(Clone)]
pub struct AwsLiveness {
    pub access: AwsAccess,
    /// `None`: AWS.
    pub rekognition_endpoint: Option<String>,
    pub sts_endpoint: Option<String>,
    /// The challenges that a session may use, the usual one first.
    pub challenges: Vec<ChallengeKind>,
    /// 0 to 4.
    pub audit_images: i32,
    /// The role of temporary credentials; `None`: a federation token of the keys' user.
    pub role: Option<String>,
    pub actions: CredentialsActions,
    /// The target of a browser's stream; `None`: AWS.
    pub stream_url: Option<String>,
}

/// Reads what judges liveness.
pub(super) fn read_liveness_source(settings: &Settings) -> Result<LivenessSource, ConfigError> {
    match LIVENESS_PROVIDER.read(settings)? {
        LivenessChoice::Off => return Ok(LivenessSource::Off),
        LivenessChoice::Local => return Ok(LivenessSource::Local),
        LivenessChoice::Auto if !has_keys_for_aws(settings) => return Ok(LivenessSource::Local),
        LivenessChoice::Auto | LivenessChoice::Aws => {}
    }
    Ok(LivenessSource::Aws(Box::new(AwsLiveness {
        access: read_access(settings)?,
        rekognition_endpoint: read_endpoint(&AWS_ENDPOINT_URL_REKOGNITION, settings)?,
        sts_endpoint: read_endpoint(&AWS_ENDPOINT_URL_STS, settings)?,
        challenges: FACE_LIVENESS_CHALLENGES.read(settings)?,
        audit_images: FACE_LIVENESS_AUDIT_IMAGES.read(settings)?,
        role: AWS_LIVENESS_ROLE_ARN.read_if_set(settings)?,
        actions: AWS_CREDENTIALS_ACTIONS.read(settings)?,
        stream_url: LIVENESS_STREAM_URL.read_if_set(settings)?,
    })))
}

/// Says whether the keys are AWS's. Keys for another provider's S3 are not.
fn has_keys_for_aws(settings: &Settings) -> bool {
    let has_endpoint = AWS_ENDPOINT_URL_S3.is_set(settings) || AWS_ENDPOINT_URL.is_set(settings);
    let has_other_s3 = has_bucket_url(settings) && has_endpoint;
    AWS_ACCESS_KEY_ID.is_set(settings) && !has_other_s3
}

/// Reads which results mean a live person. The local engines need a higher minimum than AWS.
pub(super) fn read_liveness_rule(settings: &Settings, source: &LivenessSource) -> Result<LivenessRule, ConfigError> {
    let check = LivenessThreshold { is_local: !matches!(source, LivenessSource::Aws(_)) };
    let threshold = FACE_LIVENESS_THRESHOLD.read_with_check(&check, settings)?;
    Ok(LivenessRule { threshold, local_counts: LOCAL_LIVENESS_COUNTS.read(settings)? })
}

fn parse_challenges(list: &str) -> Result<Vec<ChallengeKind>, String> {
    let mut challenges = Vec::new();
    for word in list.split(',').map(str::trim) {
        match ChallengeKind::of(word) {
            Some(challenge) if !challenges.contains(&challenge) => challenges.push(challenge),
            Some(_) => {}
            None => {
                let words: Vec<&str> = ChallengeKind::WORDS.iter().map(|(word, _)| *word).collect();
                return Err(format!("must be one or both of {}, not {word:?}", words.join(" and ")));
            }
        }
    }
    Ok(challenges)
}

/// Accepts a URL to which a person's face may be streamed: encrypted, unless it stays on this machine.
fn parse_stream_url(url: &str) -> Result<String, String> {
    // ws and wss follow the rules of http and https.
    let web_url = if url.starts_with("ws") { url.replacen("ws", "http", 1) } else { url.to_owned() };
    let uri = Uri::try_from(&web_url).ok();
    let host = uri.as_ref().and_then(Uri::host).unwrap_or_default();
    // The page's Content-Security-Policy holds this URL, where a semicolon would begin another rule.
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_host || parse_web_url(&web_url).is_err() {
        return Err("must be a URL such as wss://streaming.example.com, without user, password or query".to_owned());
    }
    if is_unencrypted(&web_url) {
        return Err(
            "must be wss://, or faces cross the network in the clear; ws:// is for this machine alone".to_owned()
        );
    }
    Ok(url.trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_decide_whether_aws_judges_liveness() {
        let aws = |texts: &[(&'static str, &str)]| {
            read_liveness_source(&Settings::from_texts(texts))
                .map(|found| matches!(found, LivenessSource::Aws(_)))
                .map_err(|error| error.to_string())
        };
        let keys = [("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x")];
        let with_keys = |more: &[(&'static str, &'static str)]| aws(&[&keys, more].concat());
        assert_eq!(with_keys(&[]), Ok(true));
        assert_eq!(aws(&[("AWS_SECRET_ACCESS_KEY", "x")]), Ok(false));
        assert_eq!(aws(&[("LIVENESS_PROVIDER", "aws")]), Ok(true));
        let elsewhere = [("FILES_URL", "s3://bucket"), ("AWS_ENDPOINT_URL_S3", "https://minio.example.com")];
        assert_eq!(with_keys(&elsewhere), Ok(false), "the keys are another S3's");
        let all_elsewhere = [("FILES_URL", "s3://bucket"), ("AWS_ENDPOINT_URL", "https://minio.example.com")];
        assert_eq!(with_keys(&all_elsewhere), Ok(false), "the keys are another S3's");
        assert_eq!(with_keys(&[("LIVENESS_PROVIDER", "local")]), Ok(false), "even with keys");
    }

    #[test]
    fn stream_url_is_encrypted_or_on_this_machine() {
        for url in ["wss://stream.example.com/", "https://stream.example.com", "ws://[::1]:9000", "ws://localhost:9000"]
        {
            assert_eq!(parse_stream_url(url).unwrap(), url.trim_end_matches('/'));
        }
        for url in ["http://stream.example.com", "ws://localhost.example.com", "ftp://stream.example.com", "wss://"] {
            assert!(parse_stream_url(url).is_err(), "{url}");
        }
    }
}
