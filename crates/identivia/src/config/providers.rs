//! The settings that say who judges liveness, who reads documents and who checks visitor data.

use std::path::PathBuf;
use std::time::Duration;

use axum::http::Uri;

use super::storage::{aws_endpoint, aws_keys, is_clear, is_true};
use super::{ConfigError, Settings, given, number, text, web_url, wrong};
use crate::domain::liveness::ChallengeKind;
use crate::domain::profile::Word as _;
use crate::providers::aws::Access;

/// Rekognition Face Liveness, and the temporary credentials that go with it.
#[derive(Clone)]
pub struct AwsLiveness {
    pub access: Access,
    /// `None`: AWS.
    pub rekognition_endpoint: Option<String>,
    pub sts_endpoint: Option<String>,
    /// The challenges that may be given, the usual one first.
    pub challenges: Vec<ChallengeKind>,
    /// 0 to 4.
    pub audit_images: i32,
    /// The role that temporary credentials are for; `None`: whoever asks.
    pub role: Option<String>,
    pub actions: CredentialsActions,
    /// Where browsers stream to; `None`: AWS.
    pub stream_url: Option<String>,
}

/// What a browser's temporary credentials allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialsActions {
    /// The reference's two actions.
    StartAndResults,
    /// Only what a browser needs, as AWS advises.
    StartOnly,
}

/// A document reader that speaks OpenAI's chat completions.
#[derive(Clone)]
pub struct OpenAi {
    pub key: String,
    /// Without a slash at the end; a query, as Azure has it, stands apart.
    pub base_url: String,
    pub query: Option<String>,
    pub model: String,
    pub timeout: Duration,
    /// The longest side of a picture that is sent, in pixels.
    pub image_side: u32,
}

/// Fingerprint's Server API.
#[derive(Clone)]
pub struct FingerprintAt {
    pub key: String,
    /// Without a slash at the end.
    pub base_url: String,
}

/// The local engines.
#[derive(Clone, Debug)]
pub struct EnginesAt {
    /// A folder whose manifest names weights that replace embedded ones.
    pub models: Option<PathBuf>,
    pub threads: usize,
    /// Whether biometric templates are kept with a record.
    pub keeps_templates: bool,
}

impl Settings {
    /// The liveness provider that is asked for; `None` for the local one.
    pub(super) fn liveness(&self) -> Result<Option<AwsLiveness>, ConfigError> {
        match given(self.liveness_provider.clone()).as_deref() {
            None | Some("auto") if self.has_keys_for_aws() => self.aws_liveness().map(Some),
            None | Some("auto" | "local") => Ok(None),
            Some("aws") => self.aws_liveness().map(Some),
            Some(other) => wrong("LIVENESS_PROVIDER", format!("must be auto, aws or local, not {other:?}")),
        }
    }

    /// Says whether there are keys that are AWS's: those that go with an S3 of somebody else's are not.
    fn has_keys_for_aws(&self) -> bool {
        let has_endpoint = [&self.aws_endpoint_url_s3, &self.aws_endpoint_url].map(|url| given(url.clone()).is_some());
        let s3_is_elsewhere = self.keeps_files_in_s3() && has_endpoint.contains(&true);
        given(self.aws_access_key_id.clone()).is_some() && !s3_is_elsewhere
    }

    pub(super) fn has_aws_liveness(&self) -> bool {
        matches!(self.liveness(), Ok(Some(_)))
    }

    fn aws_liveness(&self) -> Result<AwsLiveness, ConfigError> {
        Ok(AwsLiveness {
            access: Access { region: given(self.aws_region.clone()), keys: aws_keys(self)? },
            rekognition_endpoint: aws_endpoint(
                self,
                "AWS_ENDPOINT_URL_REKOGNITION",
                self.aws_endpoint_url_rekognition.as_ref(),
            )?,
            sts_endpoint: aws_endpoint(self, "AWS_ENDPOINT_URL_STS", self.aws_endpoint_url_sts.as_ref())?,
            challenges: challenges(self.face_liveness_challenges.clone())?,
            audit_images: i32::try_from(number(
                "FACE_LIVENESS_AUDIT_IMAGES",
                self.face_liveness_audit_images.clone(),
                0,
                0,
                4,
            )?)
            .unwrap_or(0),
            role: given(self.aws_liveness_role_arn.clone()).map(role).transpose()?,
            actions: actions(self.aws_credentials_actions.clone())?,
            stream_url: given(self.liveness_stream_url.clone()).as_deref().map(stream_url).transpose()?,
        })
    }

    /// The document reader that is asked for; `None` for the local one.
    pub(super) fn openai(&self) -> Result<Option<OpenAi>, ConfigError> {
        let key = given(self.openai_api_key.clone());
        match (given(self.document_reader.clone()).as_deref(), key) {
            (None | Some("auto"), None) | (Some("local"), _) => Ok(None),
            (None | Some("auto" | "openai"), Some(key)) => self.openai_with(key).map(Some),
            (Some("openai"), None) => wrong(
                "OPENAI_API_KEY",
                "must be set with DOCUMENT_READER=openai; for a server that asks for no key any word will do",
            ),
            (Some(other), _) => wrong("DOCUMENT_READER", format!("must be auto, openai or local, not {other:?}")),
        }
    }

    fn openai_with(&self, key: String) -> Result<OpenAi, ConfigError> {
        let url = given(self.openai_base_url.clone()).unwrap_or_else(|| "https://api.openai.com/v1".to_owned());
        let (url, query) = match url.split_once('?') {
            Some((url, query)) => (url.to_owned(), Some(query.to_owned())),
            None => (url, None),
        };
        let base_url = private_url("OPENAI_BASE_URL", &url, is_true(&self.openai_allow_http), "OPENAI_ALLOW_HTTP")?;
        if query.as_deref().is_some_and(|query| query.bytes().any(|byte| !byte.is_ascii_graphic() || byte == b'#')) {
            return wrong("OPENAI_BASE_URL", "has a query that cannot stand in a URL");
        }
        let seconds = number("OPENAI_TIMEOUT_SECONDS", self.openai_timeout_seconds.clone(), 45, 1, 600)?;
        let side = number("OPENAI_IMAGE_SIDE", self.openai_image_side.clone(), 2_048, 512, 8_192)?;
        Ok(OpenAi {
            key: header_word("OPENAI_API_KEY", key)?,
            base_url,
            query,
            model: text("OPENAI_MODEL", self.openai_model.clone(), super::OPENAI_MODEL)?,
            timeout: Duration::from_secs(seconds.unsigned_abs()),
            image_side: u32::try_from(side).unwrap_or(2_048),
        })
    }

    /// The local engines.
    pub(super) fn engines(&self) -> Result<EnginesAt, ConfigError> {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let default = i64::try_from(cores).unwrap_or(1);
        let threads = number("ENGINE_THREADS", self.engine_threads.clone(), default, 1, 256)?;
        let keeps_templates = match given(self.face_templates.clone()).as_deref() {
            None | Some("none") => false,
            Some("keep") => true,
            Some(other) => return wrong("FACE_TEMPLATES", format!("must be none or keep, not {other:?}")),
        };
        Ok(EnginesAt {
            models: given(self.models_dir.clone()).map(PathBuf::from),
            threads: usize::try_from(threads).unwrap_or(cores),
            keeps_templates,
        })
    }

    /// Who checks visitor data.
    pub(super) fn fingerprint(&self) -> Result<Option<FingerprintAt>, ConfigError> {
        let Some(key) = given(self.fingerprint_secret_key.clone()) else { return Ok(None) };
        let url = given(self.fingerprint_base_url.clone()).unwrap_or_else(|| "https://api.fpjs.io".to_owned());
        let base_url = private_url("FINGERPRINT_BASE_URL", &url, false, "")?;
        Ok(Some(FingerprintAt { key: header_word("FINGERPRINT_SECRET_KEY", key)?, base_url }))
    }
}

/// A URL to which people's data and a key may be sent.
fn private_url(name: &'static str, url: &str, clear_is_fine: bool, unless: &str) -> Result<String, ConfigError> {
    let url = web_url(name, url)?;
    if is_clear(&url) && !clear_is_fine {
        let unless =
            if unless.is_empty() { String::new() } else { format!("; within a network you trust set {unless}=true") };
        return wrong(name, format!("must be https://, or what people send crosses the network in the clear{unless}"));
    }
    Ok(url)
}

/// A key as it can stand in a header.
fn header_word(name: &'static str, key: String) -> Result<String, ConfigError> {
    if key.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(key)
    } else {
        wrong(name, "must be one word without spaces")
    }
}

fn challenges(value: Option<String>) -> Result<Vec<ChallengeKind>, ConfigError> {
    const NAME: &str = "FACE_LIVENESS_CHALLENGES";
    let Some(list) = given(value) else { return Ok(vec![ChallengeKind::MovementAndLight]) };
    let mut challenges = Vec::new();
    for word in list.split(',').map(str::trim) {
        match ChallengeKind::of(word) {
            Some(challenge) if !challenges.contains(&challenge) => challenges.push(challenge),
            Some(_) => {}
            None => {
                let words: Vec<&str> = ChallengeKind::WORDS.iter().map(|(word, _)| *word).collect();
                return wrong(NAME, format!("must be one or both of {}, not {word:?}", words.join(" and ")));
            }
        }
    }
    Ok(challenges)
}

/// Where a person's face may be streamed: encrypted, unless it stays on this machine.
fn stream_url(url: &str) -> Result<String, ConfigError> {
    const NAME: &str = "LIVENESS_STREAM_URL";
    // The rules are those of the web's own schemes.
    let as_web = if url.starts_with("ws") { url.replacen("ws", "http", 1) } else { url.to_owned() };
    let at = Uri::try_from(&as_web).ok();
    let host = at.as_ref().and_then(Uri::host).unwrap_or_default();
    // It stands in the page's policy, where a semicolon would begin a rule of its own.
    let is_host = host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-:[]".contains(&byte));
    if !is_host || web_url(NAME, &as_web).is_err() {
        return wrong(NAME, "must be a URL such as wss://streaming.example.com, without user, password or query");
    }
    if is_clear(&as_web) {
        return wrong(NAME, "must be wss://, or faces cross the network in the clear; ws:// is for this machine alone");
    }
    Ok(url.trim_end_matches('/').to_owned())
}

/// A role's name by AWS's rules: <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>.
fn role(arn: String) -> Result<String, ConfigError> {
    let is_arn = (20..=2_048).contains(&arn.len())
        && arn.starts_with("arn:")
        && arn.contains(":role/")
        && arn.bytes().all(|byte| byte.is_ascii_graphic());
    if is_arn {
        return Ok(arn);
    }
    wrong("AWS_LIVENESS_ROLE_ARN", "must be a role such as arn:aws:iam::123456789012:role/identivia-liveness")
}

fn actions(value: Option<String>) -> Result<CredentialsActions, ConfigError> {
    match given(value).as_deref() {
        None | Some("start-and-results") => Ok(CredentialsActions::StartAndResults),
        Some("start-only") => Ok(CredentialsActions::StartOnly),
        Some(other) => {
            wrong("AWS_CREDENTIALS_ACTIONS", format!("must be start-and-results or start-only, not {other:?}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{problem, set};
    use super::*;

    #[test]
    fn what_is_set_decides_who_does_the_work() {
        let aws = |change: fn(&mut Settings)| {
            let mut settings =
                Settings { aws_access_key_id: set("AKIA"), aws_secret_access_key: set("x"), ..Settings::default() };
            change(&mut settings);
            settings.liveness().map(|found| found.is_some()).map_err(|error| error.to_string())
        };
        assert_eq!(aws(|_| ()), Ok(true));
        assert_eq!(aws(|s| s.aws_access_key_id = None), Ok(false));
        assert_eq!(
            aws(|s| (s.aws_access_key_id, s.aws_secret_access_key, s.liveness_provider) = (None, None, set("aws"))),
            Ok(true)
        );
        let elsewhere: fn(&mut Settings) =
            |s| (s.files_url, s.aws_endpoint_url_s3) = (set("s3://bucket"), set("https://minio.example.com"));
        assert_eq!(aws(elsewhere), Ok(false), "the keys are another S3's");
        let all_elsewhere: fn(&mut Settings) =
            |s| (s.files_url, s.aws_endpoint_url) = (set("s3://bucket"), set("https://minio.example.com"));
        assert_eq!(aws(all_elsewhere), Ok(false), "the keys are another S3's");
        assert_eq!(aws(|s| s.liveness_provider = set("local")), Ok(false), "whatever keys there are");
        let local = Settings { openai_api_key: set("sk-x"), document_reader: set("local"), ..Settings::default() };
        assert!(local.openai().unwrap().is_none());
        assert!(Settings::default().openai().unwrap().is_none());
        assert!(Settings { openai_api_key: set("sk-x"), ..Settings::default() }.openai().unwrap().is_some());
    }

    #[test]
    fn every_bad_value_is_one_line_that_names_the_variable() {
        let keys = |s: &mut Settings| (s.aws_access_key_id, s.aws_secret_access_key) = (set("AKIA"), set("CANARY"));
        let lines = [
            problem(|s| s.liveness_provider = set("azure")),
            problem(|s| (keys(s), s.face_liveness_challenges = set("Smile")).1),
            problem(|s| (keys(s), s.face_liveness_audit_images = set("5")).1),
            problem(|s| (keys(s), s.aws_liveness_role_arn = set("identivia")).1),
            problem(|s| (keys(s), s.aws_credentials_actions = set("all")).1),
            problem(|s| (keys(s), s.liveness_stream_url = set("ws://192.0.2.1")).1),
            problem(|s| (keys(s), s.liveness_stream_url = set("wss://user:CANARY@x")).1),
            problem(|s| (keys(s), s.liveness_stream_url = set("CANARY")).1),
            problem(|s| (keys(s), s.liveness_stream_url = set("wss://x;script-src")).1),
            problem(|s| (keys(s), s.aws_endpoint_url_sts = set("http://192.0.2.1")).1),
            problem(|s| s.document_reader = set("openai")),
            problem(|s| s.document_reader = set("tesseract")),
            problem(|s| s.engine_threads = set("0")),
            problem(|s| s.face_templates = set("yes")),
            problem(|s| (s.openai_api_key, s.openai_base_url) = (set("CANARY"), set("http://192.0.2.1:11434/v1"))),
            problem(|s| s.openai_api_key = set("CANARY two")),
            problem(|s| (s.openai_api_key, s.openai_image_side) = (set("CANARY"), set("20"))),
            problem(|s| (s.fingerprint_secret_key, s.fingerprint_base_url) = (set("CANARY"), set("ftp://x"))),
        ];
        assert!(!lines.concat().contains("CANARY"), "{lines:?}");
        insta::assert_snapshot!(lines.join("\n"), @r#"
        LIVENESS_PROVIDER: must be auto, aws or local, not "azure"
        FACE_LIVENESS_CHALLENGES: must be one or both of FaceMovementAndLightChallenge and FaceMovementChallenge, not "Smile"
        FACE_LIVENESS_AUDIT_IMAGES: must be a whole number from 0 to 4, not "5"
        AWS_LIVENESS_ROLE_ARN: must be a role such as arn:aws:iam::123456789012:role/identivia-liveness
        AWS_CREDENTIALS_ACTIONS: must be start-and-results or start-only, not "all"
        LIVENESS_STREAM_URL: must be wss://, or faces cross the network in the clear; ws:// is for this machine alone
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        LIVENESS_STREAM_URL: must be a URL such as wss://streaming.example.com, without user, password or query
        AWS_ENDPOINT_URL_STS: must be https://, or passports cross the network in the clear; within a network you trust set AWS_ENDPOINT_ALLOW_HTTP=true
        OPENAI_API_KEY: must be set with DOCUMENT_READER=openai; for a server that asks for no key any word will do
        DOCUMENT_READER: must be auto, openai or local, not "tesseract"
        ENGINE_THREADS: must be a whole number from 1 to 256, not "0"
        FACE_TEMPLATES: must be none or keep, not "yes"
        OPENAI_BASE_URL: must be https://, or what people send crosses the network in the clear; within a network you trust set OPENAI_ALLOW_HTTP=true
        OPENAI_API_KEY: must be one word without spaces
        OPENAI_IMAGE_SIDE: must be a whole number from 512 to 8192, not "20"
        FINGERPRINT_BASE_URL: must be a URL such as https://verify.example.com, without user, password or query
        "#);
    }

    #[test]
    fn a_face_is_streamed_encrypted_or_on_this_machine() {
        for url in ["wss://stream.example.com/", "https://stream.example.com", "ws://[::1]:9000", "ws://localhost:9000"]
        {
            assert_eq!(stream_url(url).unwrap(), url.trim_end_matches('/'));
        }
        for url in ["http://stream.example.com", "ws://localhost.example.com", "ftp://stream.example.com", "wss://"] {
            assert!(stream_url(url).is_err(), "{url}");
        }
    }

    #[test]
    fn azures_query_stands_behind_the_path() {
        let settings = Settings {
            openai_api_key: set("x"),
            openai_base_url: set("https://a.openai.azure.com/openai/deployments/b/?api-version=2024-10-21"),
            ..Settings::default()
        };
        let at = settings.openai().unwrap().unwrap();
        assert_eq!(at.base_url, "https://a.openai.azure.com/openai/deployments/b");
        assert_eq!(at.query.as_deref(), Some("api-version=2024-10-21"));
    }
}
