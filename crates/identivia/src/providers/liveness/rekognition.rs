//! AWS Rekognition Face Liveness: <https://docs.aws.amazon.com/rekognition/latest/dg/face-liveness.html>.

use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_rekognition::Client;
use aws_sdk_rekognition::config::http::HttpResponse;
use aws_sdk_rekognition::config::{self, Builder};
use aws_sdk_rekognition::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_rekognition::operation::get_face_liveness_session_results::GetFaceLivenessSessionResultsOutput;
use aws_sdk_rekognition::types::{
    AuditImage, BoundingBox as Box_, ChallengePreference, ChallengeType, CreateFaceLivenessSessionRequestSettings,
};
use bytes::Bytes;

use super::credentials::CredentialsIssuer;
use super::provider::{
    BrowserCredentials, BrowserEndpoint, CreatedSession, LivenessProvider, SessionImage, SessionReport,
};
use crate::aws_access::load_aws_config;
use crate::config::AwsLiveness;
use crate::domain::liveness::ChallengeKind;
use crate::domain::shortest;
use crate::providers::aws::{self, BoundedAnswers, LIVENESS_TIMEOUTS};
use crate::providers::http_call::{CallPermits, CallTimeouts, ProviderError};
use crate::records::id::{RecordId, random_text};
use crate::records::liveness_session::{BoundingBox, Challenge, Feedback, SESSION_FILES, SessionStatus};

/// The IAM actions that this needs.
pub const CREATE_ACTION: &str = "rekognition:CreateFaceLivenessSession";
pub const RESULTS_ACTION: &str = "rekognition:GetFaceLivenessSessionResults";

/// The most concurrent calls. AWS's own quotas are a few a second.
const MAX_CALLS: usize = 16;
/// The timeout of a health check.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(3);
/// A session that does not exist: reading it costs nothing and needs the same permissions as a real one.
const UNKNOWN_SESSION: &str = "00000000-0000-4000-8000-000000000000";

/// Face Liveness in one region.
pub struct Rekognition {
    client: Client,
    region: String,
    stream_url: Option<String>,
    issuer: CredentialsIssuer,
    permits: CallPermits,
    challenges: Vec<ChallengeKind>,
    audit_images: i32,
}

impl Rekognition {
    /// Loads region and credentials. Only a role's credentials are fetched yet.
    ///
    /// # Errors
    /// When there is no region, or there are no credentials.
    pub async fn open(at: &AwsLiveness) -> anyhow::Result<Self> {
        let sdk = load_aws_config(&at.access, at.rekognition_endpoint.is_some()).await.map_err(anyhow::Error::msg)?;
        let mut config = config::Builder::from(&sdk)
            .timeout_config(aws::to_timeout_config(LIVENESS_TIMEOUTS))
            .retry_config(aws::retry_config())
            .interceptor(BoundedAnswers);
        // Set in either case: the SDK's own could come from a file that our checks have not seen.
        config.set_endpoint_url(at.rekognition_endpoint.clone());
        Ok(Self {
            client: Client::from_conf(config.build()),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
            stream_url: at.stream_url.clone(),
            issuer: CredentialsIssuer::new(&sdk, at),
            permits: CallPermits::new(MAX_CALLS),
            challenges: at.challenges.clone(),
            audit_images: at.audit_images,
        })
    }

    async fn fetch_results(
        &self,
        session: &str,
        overrides: Builder,
    ) -> Result<Option<GetFaceLivenessSessionResultsOutput>, ProviderError> {
        let _permit = self.permits.acquire_permit().await?;
        let get = self.client.get_face_liveness_session_results().session_id(session);
        match get.customize().config_override(overrides).send().await {
            Ok(results) => Ok(Some(results)),
            Err(error) if is_unknown_session(&error) => Ok(None),
            Err(error) => Err(aws::to_provider_error(RESULTS_ACTION, error)),
        }
    }
}

/// AWS's ids are UUIDs. The check matters because the id becomes part of paths.
fn is_session_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_unknown_session<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(refusal) if refusal.err().code() == Some("SessionNotFoundException"))
}

#[async_trait]
impl LivenessProvider for Rekognition {
    fn challenges(&self) -> &[ChallengeKind] {
        &self.challenges
    }

    fn browser_endpoint(&self) -> Option<BrowserEndpoint<'_>> {
        Some(BrowserEndpoint { region: Some(&self.region), stream_url: self.stream_url.as_deref() })
    }

    async fn create_session(&self, challenge: ChallengeKind) -> Result<CreatedSession, ProviderError> {
        let kind = ChallengeType::from(challenge.word());
        let preference = ChallengePreference::builder().r#type(kind).build();
        let preference = preference.map_err(|_| ProviderError::failed("the challenge has no kind"))?;
        let settings = CreateFaceLivenessSessionRequestSettings::builder()
            .audit_images_limit(self.audit_images)
            .challenge_preferences(preference)
            .build();
        let _permit = self.permits.acquire_permit().await?;
        // With the token, a retry gets the session that the first attempt created.
        let create = self.client.create_face_liveness_session().client_request_token(random_text::<32>());
        let created =
            create.settings(settings).send().await.map_err(|error| aws::to_provider_error(CREATE_ACTION, error))?;
        if !is_session_id(&created.session_id) {
            return Err(ProviderError::failed("its session has an id of an unknown form"));
        }
        Ok(CreatedSession { id: created.session_id, task: None })
    }

    async fn fetch_report(&self, session: &str) -> Result<Option<SessionReport>, ProviderError> {
        self.fetch_results(session, Builder::default()).await?.map(to_session_report).transpose()
    }

    async fn issue_credentials(&self, profile: Option<RecordId>) -> Result<Option<BrowserCredentials>, ProviderError> {
        self.issuer.issue_credentials(profile).await.map(Some)
    }

    async fn check_health(&self) -> Result<(), ProviderError> {
        let timeouts = CallTimeouts { attempt: HEALTH_TIMEOUT, call: HEALTH_TIMEOUT, ..LIVENESS_TIMEOUTS };
        let overrides = Builder::default().timeout_config(aws::to_timeout_config(timeouts));
        self.fetch_results(UNKNOWN_SESSION, overrides).await.map(drop)
    }
}

fn to_session_report(results: GetFaceLivenessSessionResultsOutput) -> Result<SessionReport, ProviderError> {
    let status = SessionStatus::from_word(results.status.as_str());
    let confidence = results.confidence.map(shortest);
    if confidence.is_some_and(|confidence| !(0.0..=100.0).contains(&confidence)) {
        return Err(ProviderError::failed("its confidence is not a number from 0 to 100"));
    }
    let audit_images = results.audit_images.unwrap_or_default().into_iter().filter_map(to_session_image);
    let feedback = results.feedback.unwrap_or_default().into_iter();
    Ok(SessionReport {
        status: status.ok_or_else(|| ProviderError::failed("its session has an unknown status"))?,
        confidence,
        reference_image: results.reference_image.and_then(to_session_image),
        audit_images: audit_images.take(SESSION_FILES.len() - 1).collect(),
        challenge: results
            .challenge
            .map(|challenge| Challenge { kind: challenge.r#type.as_str().to_owned(), version: challenge.version }),
        feedback: feedback
            .map(|item| Feedback { code: item.code.as_str().to_owned(), message: item.message })
            .collect(),
    })
}

/// An image with its bytes: AWS is never asked to put them into a bucket instead.
fn to_session_image(image: AuditImage) -> Option<SessionImage> {
    let bytes = Bytes::from(image.bytes?.into_inner());
    Some(SessionImage { bytes, bounding_box: image.bounding_box.and_then(|found| to_bounding_box(&found)) })
}

fn to_bounding_box(found: &Box_) -> Option<BoundingBox> {
    let found = BoundingBox {
        width: shortest(found.width?),
        height: shortest(found.height?),
        left: shortest(found.left?),
        top: shortest(found.top?),
    };
    [found.width, found.height, found.left, found.top].iter().all(|share| share.is_finite()).then_some(found)
}
