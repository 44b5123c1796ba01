//! `identivia check --live`: calls each provider once and explains in plain words what is wrong.

use std::time::{Duration, SystemTime};

use anyhow::bail;
use reqwest::{Method, header};

use super::{print_line, start_runtime};
use crate::aws_access::load_aws_config;
use crate::clock::Clock;
use crate::config::{AwsLiveness, Config, FingerprintApi, LivenessSource, OidcSettings, OpenAi, ReaderSource};
use crate::domain::media::Media;
use crate::domain::reading::ReaderHints;
use crate::providers::documents::openai::OpenAiReader;
use crate::providers::documents::{DocumentPicture, DocumentReader as _, DocumentSides};
use crate::providers::fingerprint::Fingerprint;
use crate::providers::http_call::{CallTimeouts, ProviderError, build_http_client};
use crate::providers::liveness::rekognition::Rekognition;
use crate::providers::liveness::{LivenessProvider as _, credentials, rekognition};
use crate::providers::oidc::OidcProvider;
use crate::work::holder::WorkHolder;

/// Regions that offer Face Liveness. Elsewhere AWS answers as if a permission were missing.
const LIVENESS_REGIONS: [&str; 5] = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-south-1"];
/// The clock error at which AWS and others begin to refuse signatures, in seconds.
const MAX_CLOCK_ERROR_SECONDS: u64 = 300;
const CLOCK_TIMEOUTS: CallTimeouts =
    CallTimeouts { connect: Duration::from_secs(3), attempt: Duration::from_secs(5), call: Duration::from_secs(5) };

/// The outcome of one check: its subject, and what works or what is wrong.
struct CheckResult {
    subject: &'static str,
    outcome: Result<String, String>,
}

impl CheckResult {
    fn new(subject: &'static str, outcome: Result<String, String>) -> Self {
        Self { subject, outcome }
    }
}

/// Calls every configured provider and prints the outcome.
///
/// # Errors
/// When a check fails.
pub fn run_check_live(config: &Config) -> anyhow::Result<()> {
    let results = start_runtime()?.block_on(check_providers(config));
    print_line("")?;
    for CheckResult { subject, outcome } in &results {
        match outcome {
            Ok(state) => print_line(&format!("{subject:<14} works: {state}"))?,
            Err(problem) => print_line(&format!("{subject:<14} FAILS: {problem}"))?,
        }
    }
    if results.is_empty() {
        return print_line("No external provider is configured, so there is none to call.");
    }
    match results.iter().filter(|result| result.outcome.is_err()).count() {
        0 => Ok(()),
        failed => bail!("{failed} of {} checks of providers failed", results.len()),
    }
}

async fn check_providers(config: &Config) -> Vec<CheckResult> {
    let mut results = Vec::new();
    if let LivenessSource::Aws(liveness) = &config.liveness {
        results.extend(check_aws(liveness).await);
    }
    if let ReaderSource::OpenAi(openai) = &config.reader {
        results.push(CheckResult::new("documents", check_document_reader(openai).await));
    }
    if let Some(api) = &config.fingerprint {
        results.push(CheckResult::new("fingerprint", check_fingerprint(api).await));
    }
    for settings in &config.oidc_providers {
        results.push(CheckResult::new("sign-in", check_oidc_provider(settings).await));
    }
    results
}

async fn check_aws(liveness: &AwsLiveness) -> Vec<CheckResult> {
    let region = match load_aws_config(&liveness.access, liveness.rekognition_endpoint.is_some()).await {
        Ok(chain) => chain.region().map(ToString::to_string).unwrap_or_default(),
        Err(why) => return vec![CheckResult::new("face liveness", Err(why))],
    };
    let endpoint =
        liveness.rekognition_endpoint.clone().unwrap_or_else(|| format!("https://rekognition.{region}.amazonaws.com"));
    let provider = match Rekognition::open(liveness).await {
        Ok(provider) => provider,
        Err(error) => return vec![CheckResult::new("face liveness", Err(error.to_string()))],
    };
    vec![
        CheckResult::new("clock", check_clock(&endpoint).await),
        CheckResult::new("face liveness", check_liveness_session(&provider, &region).await),
        CheckResult::new("credentials", check_credentials(&provider, liveness).await),
    ]
}

/// Creates a session and reads it: AWS charges for neither.
async fn check_liveness_session(provider: &Rekognition, region: &str) -> Result<String, String> {
    let challenge = provider.challenges().first().copied().ok_or("no challenge is configured")?;
    let session = provider.create_session(challenge).await.map_err(|error| explain_aws_error(&error, region))?;
    match provider.fetch_report(&session.id).await {
        Ok(Some(_)) => Ok(format!("a session was made in {region} and can be read")),
        Ok(None) => Err(format!(
            "a session was made in {region}, but it is unknown there; check that all endpoints are one service"
        )),
        Err(error) => Err(explain_aws_error(&error, region)),
    }
}

async fn check_credentials(provider: &Rekognition, liveness: &AwsLiveness) -> Result<String, String> {
    match provider.issue_credentials(None).await {
        Ok(_) => Ok("temporary credentials were issued".to_owned()),
        Err(ProviderError::Denied(action)) if action == credentials::ASSUME_ROLE_ACTION => {
            let role = liveness.role.as_deref().unwrap_or("the role");
            Err(format!("AWS denies {action}: allow it for the user of the keys, and let {role} trust that user"))
        }
        Err(error) => Err(explain_aws_error(&error, "")),
    }
}

/// Explains an error of AWS. `region` is the region of the Face Liveness call.
fn explain_aws_error(error: &ProviderError, region: &str) -> String {
    match error {
        ProviderError::Denied(action) if is_liveness_action(action) && !LIVENESS_REGIONS.contains(&region) => format!(
            "AWS denies {action}: allow it in IAM for the user of the keys. If that is done, {region} may have no Face \
             Liveness; known to have it are {}",
            LIVENESS_REGIONS.join(", ")
        ),
        ProviderError::Denied(action) => format!("AWS denies {action}: allow it in IAM for the user of the keys"),
        ProviderError::Refused { code, .. } => match code.as_str() {
            "UnrecognizedClientException" | "InvalidClientTokenId" => "AWS does not know AWS_ACCESS_KEY_ID".to_owned(),
            "InvalidSignatureException" | "SignatureDoesNotMatch" => {
                "AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID, or the clock is off".to_owned()
            }
            "ExpiredTokenException" | "ExpiredToken" => "the temporary keys have expired: set new ones".to_owned(),
            "RegionDisabledException" => "STS is not activated in this region: see IAM, Account settings".to_owned(),
            "UnknownOperationException" => {
                format!("{region} has no Face Liveness; known to have it are {}", LIVENESS_REGIONS.join(", "))
            }
            _ => format!("AWS: {error}"),
        },
        ProviderError::Failed(_) if !region.is_empty() && !LIVENESS_REGIONS.contains(&region) => {
            format!(
                "AWS: {error}. {region} may have no Face Liveness; known to have it are {}",
                LIVENESS_REGIONS.join(", ")
            )
        }
        error => format!("AWS: {error}"),
    }
}

fn is_liveness_action(action: &str) -> bool {
    [rekognition::CREATE_ACTION, rekognition::RESULTS_ACTION].contains(&action)
}

/// Compares the clock with a server's, by the `Date` header of any answer.
async fn check_clock(url: &str) -> Result<String, String> {
    let client = build_http_client(CLOCK_TIMEOUTS).map_err(|error| error.to_string())?;
    let answer = client.request(Method::GET, url).send().await;
    let date = answer.ok().and_then(|answer| answer.headers().get(header::DATE)?.to_str().ok()?.parse().ok());
    let Some(server_time) = date.map(|date: httpdate::HttpDate| SystemTime::from(date)) else {
        return Ok("not compared: no answer has a Date header".to_owned());
    };
    compare_clocks(SystemTime::now(), server_time)
}

fn compare_clocks(now: SystemTime, server_time: SystemTime) -> Result<String, String> {
    let (off, side) = match now.duration_since(server_time) {
        Ok(ahead) => (ahead.as_secs(), "ahead of"),
        Err(behind) => (behind.duration().as_secs(), "behind"),
    };
    if off > MAX_CLOCK_ERROR_SECONDS {
        return Err(format!(
            "this machine's clock is {} minutes {side} AWS's: correct it, and keep it correct with NTP",
            off / 60
        ));
    }
    Ok(format!("within {} s of AWS's", off.max(1)))
}

/// Reads a small white picture. It costs some tokens, and proves that the server accepts key, model, images and schema.
async fn check_document_reader(openai: &OpenAi) -> Result<String, String> {
    let reader = OpenAiReader::new(openai.clone(), Clock::default()).map_err(|error| error.to_string())?;
    let picture = create_white_picture().map_err(|error| format!("cannot create a test picture: {error}"))?;
    match reader
        .read_document(
            DocumentSides { front: picture, back: None, profile: None },
            &ReaderHints::default(),
            WorkHolder::Jobs,
        )
        .await
    {
        Ok(reading) => Ok(format!("{} has read a picture, for {} tokens", reading.model, reading.usage.total_tokens)),
        Err(error) => Err(explain_reader_error(&error, openai)),
    }
}

fn create_white_picture() -> image::ImageResult<DocumentPicture> {
    let mut file = tempfile::tempfile()?;
    let white = image::RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
    white.write_to(&mut file, image::ImageFormat::Png)?;
    Ok(DocumentPicture { file, media: Media::Png, pixels: 64 * 64, editor: None })
}

fn explain_reader_error(error: &ProviderError, openai: &OpenAi) -> String {
    let (status, code) = match error {
        ProviderError::Refused { status, code } => (*status, code.as_str()),
        ProviderError::Timeout => {
            return format!(
                "no answer within {} s: raise OPENAI_TIMEOUT_SECONDS, or use a faster model",
                openai.timeout.as_secs()
            );
        }
        error => return format!("{}: {error}", openai.base_url),
    };
    match (status, code) {
        (_, "insufficient_quota") => "the account has no quota left: see its plan and billing".to_owned(),
        (_, "unsupported_country_region_territory") => "OpenAI does not serve the country of this machine".to_owned(),
        (401 | 403, _) => "OPENAI_API_KEY is refused".to_owned(),
        // Servers use different codes for an unknown model. A server without chat completions sends no code.
        (404, "") => {
            format!("OPENAI_BASE_URL: nothing answers chat completions at {} (is /v1 missing?)", openai.base_url)
        }
        (404, _) | (_, "model_not_found") => format!("OPENAI_MODEL: there is no model {:?} for this key", openai.model),
        (400 | 422, _) => {
            format!("{:?} does not accept the request, which has a picture and a JSON schema ({error})", openai.model)
        }
        _ => format!("{}: {error}", openai.base_url),
    }
}

/// Reads the discovery document of a provider that people sign in with, within its own deadline and size limit.
async fn check_oidc_provider(settings: &OidcSettings) -> Result<String, String> {
    let provider = OidcProvider::new(settings.clone()).map_err(|error| error.to_string())?;
    let (id, issuer) = (&settings.id, &settings.issuer);
    match provider.metadata(Clock::default().now()).await {
        Ok(_) => Ok(format!("the discovery document of {id} at {issuer} can be used")),
        Err(ProviderError::Refused { status: 404, .. }) => Err(format!(
            "OIDC_ISSUER: {issuer} has no discovery document; it must be the issuer's URL, letter for letter ({id})"
        )),
        Err(error) => Err(format!("OIDC_ISSUER: {issuer}: {error} ({id})")),
    }
}

async fn check_fingerprint(api: &FingerprintApi) -> Result<String, String> {
    let fingerprint = Fingerprint::new(api.clone()).map_err(|error| error.to_string())?;
    match fingerprint.check_health().await {
        Ok(()) => Ok("the key is accepted".to_owned()),
        Err(ProviderError::Denied(code)) if code == "wrong_region" => {
            Err(format!("FINGERPRINT_BASE_URL: the key is of another region than {}", api.base_url))
        }
        Err(ProviderError::Denied(code)) => Err(format!("FINGERPRINT_SECRET_KEY is refused ({code})")),
        Err(error) => Err(format!("{}: {error}", api.base_url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_error_above_five_minutes_is_reported_with_direction() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_774_051_200);
        assert!(compare_clocks(now, now + Duration::from_secs(299)).is_ok());
        let behind = compare_clocks(now, now + Duration::from_secs(660)).unwrap_err();
        assert!(behind.contains("11 minutes behind"), "{behind}");
        let ahead = compare_clocks(now, now - Duration::from_secs(660)).unwrap_err();
        assert!(ahead.contains("11 minutes ahead of"), "{ahead}");
    }
}
