//! `identivia check --live`: calls each provider once and says in plain words what is wrong.

use std::time::{Duration, SystemTime};

use reqwest::{Method, header};

use crate::clock::Clock;
use crate::config::{AwsLiveness, Config, FingerprintAt, OpenAi};
use crate::domain::media::Media;
use crate::domain::reading::Hints;
use crate::providers::aws;
use crate::providers::documents::openai::Reader;
use crate::providers::documents::{DocumentReader as _, Picture, Sides};
use crate::providers::fingerprint::Fingerprint;
use crate::providers::http_call::{self, Patience, ProviderError};
use crate::providers::liveness::rekognition::Rekognition;
use crate::providers::liveness::{Liveness, credentials, rekognition};

/// Regions in which Face Liveness is known to be. Elsewhere AWS answers as if a permission were missing.
const REGIONS: [&str; 5] = ["us-east-1", "us-west-2", "eu-west-1", "ap-northeast-1", "ap-south-1"];
/// How far the clock may be off before AWS and others refuse what is signed by it, in seconds.
const CLOCK_SECONDS: u64 = 300;
const CLOCK_PATIENCE: Patience =
    Patience { connect: Duration::from_secs(3), attempt: Duration::from_secs(5), call: Duration::from_secs(5) };

/// What one look has found: what was looked at, and how it is.
pub struct Finding {
    pub of: &'static str,
    pub outcome: Result<String, String>,
}

fn finding(of: &'static str, outcome: Result<String, String>) -> Finding {
    Finding { of, outcome }
}

/// Calls every provider that is configured.
pub async fn look(config: &Config) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(at) = &config.liveness {
        findings.extend(look_at_aws(at).await);
    }
    if let Some(at) = &config.openai {
        findings.push(finding("documents", look_at_reader(at).await));
    }
    if let Some(at) = &config.fingerprint {
        findings.push(finding("fingerprint", look_at_fingerprint(at).await));
    }
    findings
}

async fn look_at_aws(at: &AwsLiveness) -> Vec<Finding> {
    let region = match aws::chain(&at.access, at.rekognition_endpoint.is_some()).await {
        Ok(chain) => chain.region().map(ToString::to_string).unwrap_or_default(),
        Err(why) => return vec![finding("face liveness", Err(why))],
    };
    let endpoint =
        at.rekognition_endpoint.clone().unwrap_or_else(|| format!("https://rekognition.{region}.amazonaws.com"));
    let provider = match Rekognition::open(at).await {
        Ok(provider) => provider,
        Err(error) => return vec![finding("face liveness", Err(error.to_string()))],
    };
    vec![
        finding("clock", look_at_clock(&endpoint).await),
        finding("face liveness", look_at_liveness(&provider, &region).await),
        finding("credentials", look_at_credentials(&provider, at).await),
    ]
}

/// Makes a session and asks for it: AWS charges for neither.
async fn look_at_liveness(provider: &Rekognition, region: &str) -> Result<String, String> {
    let challenge = provider.challenges().first().copied().ok_or("no challenge may be given")?;
    let made = provider.create_session(challenge).await.map_err(|error| of_aws(&error, region))?;
    match provider.report(&made.id).await {
        Ok(Some(_)) => Ok(format!("a session was made in {region} and can be read")),
        Ok(None) => Err(format!("a session was made in {region}, but it is unknown there: do two endpoints differ?")),
        Err(error) => Err(of_aws(&error, region)),
    }
}

async fn look_at_credentials(provider: &Rekognition, at: &AwsLiveness) -> Result<String, String> {
    match provider.credentials(None).await {
        Ok(_) => Ok("temporary credentials were issued".to_owned()),
        Err(ProviderError::Denied(action)) if action == credentials::ASSUME => {
            let role = at.role.as_deref().unwrap_or("the role");
            Err(format!("AWS denies {action}: allow it for whoever asks, and let {role} trust them"))
        }
        Err(error) => Err(of_aws(&error, "")),
    }
}

/// What is wrong with AWS. `region` is where Face Liveness was asked for.
fn of_aws(error: &ProviderError, region: &str) -> String {
    match error {
        ProviderError::Denied(action) if is_of_liveness(action) && !REGIONS.contains(&region) => format!(
            "AWS denies {action}: allow it in IAM for whoever asks. If that is done, {region} may have no Face Liveness; \
             known to have it are {}",
            REGIONS.join(", ")
        ),
        ProviderError::Denied(action) => format!("AWS denies {action}: allow it in IAM for whoever asks"),
        ProviderError::Refused { code, .. } => match code.as_str() {
            "UnrecognizedClientException" | "InvalidClientTokenId" => "AWS does not know AWS_ACCESS_KEY_ID".to_owned(),
            "InvalidSignatureException" | "SignatureDoesNotMatch" => {
                "AWS_SECRET_ACCESS_KEY is not the secret of AWS_ACCESS_KEY_ID, or the clock is off".to_owned()
            }
            "ExpiredTokenException" | "ExpiredToken" => "the temporary keys have ended: set new ones".to_owned(),
            "RegionDisabledException" => "STS is not activated in this region: see IAM, Account settings".to_owned(),
            "UnknownOperationException" => {
                format!("{region} has no Face Liveness; known to have it are {}", REGIONS.join(", "))
            }
            _ => format!("AWS: {error}"),
        },
        ProviderError::Failed(_) if !region.is_empty() && !REGIONS.contains(&region) => {
            format!("AWS: {error}. {region} may have no Face Liveness; known to have it are {}", REGIONS.join(", "))
        }
        error => format!("AWS: {error}"),
    }
}

fn is_of_liveness(action: &str) -> bool {
    [rekognition::CREATE, rekognition::RESULTS].contains(&action)
}

/// Compares the clock with that of a server, by the head of whatever it answers.
async fn look_at_clock(url: &str) -> Result<String, String> {
    let client = http_call::http_client(CLOCK_PATIENCE).map_err(|error| error.to_string())?;
    let answer = client.request(Method::GET, url).send().await;
    let told = answer.ok().and_then(|answer| answer.headers().get(header::DATE)?.to_str().ok()?.parse().ok());
    let Some(told) = told.map(|date: httpdate::HttpDate| SystemTime::from(date)) else {
        return Ok("not compared: nothing that answers tells the time".to_owned());
    };
    of_clock(SystemTime::now(), told)
}

fn of_clock(now: SystemTime, told: SystemTime) -> Result<String, String> {
    let (off, side) = match now.duration_since(told) {
        Ok(ahead) => (ahead.as_secs(), "ahead of"),
        Err(behind) => (behind.duration().as_secs(), "behind"),
    };
    if off > CLOCK_SECONDS {
        return Err(format!(
            "this machine's clock is {} minutes {side} AWS's: set it, and keep it set (NTP)",
            off / 60
        ));
    }
    Ok(format!("within {} s of AWS's", off.max(1)))
}

/// Has a small white picture read: it costs some tokens, and shows that key, model, images and schema are taken.
async fn look_at_reader(at: &OpenAi) -> Result<String, String> {
    let reader = Reader::new(at.clone(), Clock::default()).map_err(|error| error.to_string())?;
    let picture = white_picture().map_err(|error| format!("no picture can be made: {error}"))?;
    match reader.read(Sides { front: picture, back: None }, &Hints::default()).await {
        Ok(reading) => Ok(format!("{} has read a picture, for {} tokens", reading.model, reading.usage.total_tokens)),
        Err(error) => Err(of_reader(&error, at)),
    }
}

fn white_picture() -> image::ImageResult<Picture> {
    let mut file = tempfile::tempfile()?;
    let white = image::RgbImage::from_pixel(64, 64, image::Rgb([255; 3]));
    white.write_to(&mut file, image::ImageFormat::Png)?;
    Ok(Picture { file, media: Media::Png, pixels: 64 * 64 })
}

fn of_reader(error: &ProviderError, at: &OpenAi) -> String {
    let (status, code) = match error {
        ProviderError::Refused { status, code } => (*status, code.as_str()),
        ProviderError::TooLate => {
            return format!(
                "no answer within {} s: raise OPENAI_TIMEOUT_SECONDS, or take a faster model",
                at.timeout.as_secs()
            );
        }
        error => return format!("{}: {error}", at.base_url),
    };
    match (status, code) {
        (_, "insufficient_quota") => "the account has no quota left: see its plan and billing".to_owned(),
        (_, "unsupported_country_region_territory") => "OpenAI is not served from where this machine is".to_owned(),
        (401 | 403, _) => "OPENAI_API_KEY is refused".to_owned(),
        // Each server has its own word for it. What knows no chat completions at all has none.
        (404, "") => format!("OPENAI_BASE_URL: nothing answers chat completions at {} (is /v1 missing?)", at.base_url),
        (404, _) | (_, "model_not_found") => format!("OPENAI_MODEL: there is no model {:?} for this key", at.model),
        (400 | 422, _) => format!("{:?} does not take what is sent: a picture and a JSON schema ({error})", at.model),
        _ => format!("{}: {error}", at.base_url),
    }
}

async fn look_at_fingerprint(at: &FingerprintAt) -> Result<String, String> {
    let fingerprint = Fingerprint::new(at.clone()).map_err(|error| error.to_string())?;
    match fingerprint.look().await {
        Ok(()) => Ok("the key is taken".to_owned()),
        Err(ProviderError::Denied(code)) if code == "wrong_region" => {
            Err(format!("FINGERPRINT_BASE_URL: the key is of another region than {}", at.base_url))
        }
        Err(ProviderError::Denied(code)) => Err(format!("FINGERPRINT_SECRET_KEY is refused ({code})")),
        Err(error) => Err(format!("{}: {error}", at.base_url)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_by_more_than_five_minutes_is_told_which_way() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_774_051_200);
        assert!(of_clock(now, now + Duration::from_secs(299)).is_ok());
        let behind = of_clock(now, now + Duration::from_secs(660)).unwrap_err();
        assert!(behind.contains("11 minutes behind"), "{behind}");
        let ahead = of_clock(now, now - Duration::from_secs(660)).unwrap_err();
        assert!(ahead.contains("11 minutes ahead of"), "{ahead}");
    }
}
