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

use super::credentials::Issuer;
use super::{Credentials, Liveness, Made, Picture, Report};
use crate::config::AwsLiveness;
use crate::domain::liveness::{BoundingBox, Challenge, ChallengeKind, Feedback, SESSION_FILES, SessionStatus};
use crate::domain::shortest;
use crate::providers::aws::{self, BoundedAnswers};
use crate::providers::http_call::{Patience, ProviderError, Turns};
use crate::records::id::{RecordId, random_text};

/// The IAM actions that this needs.
pub const CREATE: &str = "rekognition:CreateFaceLivenessSession";
pub const RESULTS: &str = "rekognition:GetFaceLivenessSessionResults";

/// Calls at once. AWS's own quotas are a few a second.
const AT_ONCE: usize = 16;
pub(super) const PATIENCE: Patience =
    Patience { connect: Duration::from_secs(3), attempt: Duration::from_secs(5), call: Duration::from_secs(12) };
/// A session that nobody has: asking for it costs nothing and needs all that asking for a real one does.
const NOBODYS: &str = "00000000-0000-4000-8000-000000000000";

/// Face Liveness in one region.
pub struct Rekognition {
    client: Client,
    region: String,
    issuer: Issuer,
    turns: Turns,
    challenges: Vec<ChallengeKind>,
    audit_images: i32,
}

impl Rekognition {
    /// Finds out who asks and where. Nothing is called yet, but for the credentials where a role's are used.
    ///
    /// # Errors
    /// When there is no region, or nobody to ask.
    pub async fn open(at: &AwsLiveness) -> anyhow::Result<Self> {
        let chain = aws::chain(&at.access, at.rekognition_endpoint.is_some()).await.map_err(anyhow::Error::msg)?;
        let mut config = config::Builder::from(&chain)
            .timeout_config(aws::timeouts(PATIENCE))
            .retry_config(aws::retries())
            .interceptor(BoundedAnswers);
        // Set in either case: the chain's own could come from a file that nobody has checked.
        config.set_endpoint_url(at.rekognition_endpoint.clone());
        Ok(Self {
            client: Client::from_conf(config.build()),
            region: chain.region().map(ToString::to_string).unwrap_or_default(),
            issuer: Issuer::new(&chain, at),
            turns: Turns::new(AT_ONCE),
            challenges: at.challenges.clone(),
            audit_images: at.audit_images,
        })
    }

    async fn results(
        &self,
        session: &str,
        how: Builder,
    ) -> Result<Option<GetFaceLivenessSessionResultsOutput>, ProviderError> {
        let _turn = self.turns.take().await?;
        let get = self.client.get_face_liveness_session_results().session_id(session);
        match get.customize().config_override(how).send().await {
            Ok(results) => Ok(Some(results)),
            Err(error) if is_unknown_session(&error) => Ok(None),
            Err(error) => Err(aws::failure(RESULTS, error)),
        }
    }
}

/// AWS's are UUIDs. Whatever it is, it goes into paths.
fn is_session_id(id: &str) -> bool {
    (1..=64).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn is_unknown_session<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    matches!(error, SdkError::ServiceError(refusal) if refusal.err().code() == Some("SessionNotFoundException"))
}

#[async_trait]
impl Liveness for Rekognition {
    fn challenges(&self) -> &[ChallengeKind] {
        &self.challenges
    }

    fn region(&self) -> Option<&str> {
        Some(&self.region)
    }

    async fn create_session(&self, challenge: ChallengeKind) -> Result<Made, ProviderError> {
        let kind = ChallengeType::from(challenge.word());
        let preference = ChallengePreference::builder().r#type(kind).build();
        let preference = preference.map_err(|_| ProviderError::failed("a challenge without its kind"))?;
        let settings = CreateFaceLivenessSessionRequestSettings::builder()
            .audit_images_limit(self.audit_images)
            .challenge_preferences(preference)
            .build();
        let _turn = self.turns.take().await?;
        // With the token, an attempt that is made again gets the session that the first one has made.
        let create = self.client.create_face_liveness_session().client_request_token(random_text::<32>());
        let made = create.settings(settings).send().await.map_err(|error| aws::failure(CREATE, error))?;
        if !is_session_id(&made.session_id) {
            return Err(ProviderError::failed("its session has no id that could be one"));
        }
        Ok(Made { id: made.session_id, task: None })
    }

    async fn report(&self, session: &str) -> Result<Option<Report>, ProviderError> {
        self.results(session, Builder::default()).await?.map(report).transpose()
    }

    async fn credentials(&self, profile: Option<RecordId>) -> Result<Option<Credentials>, ProviderError> {
        self.issuer.issue(profile).await.map(Some)
    }

    async fn look(&self) -> Result<(), ProviderError> {
        let look = Patience { attempt: Duration::from_secs(3), call: Duration::from_secs(3), ..PATIENCE };
        self.results(NOBODYS, Builder::default().timeout_config(aws::timeouts(look))).await.map(drop)
    }
}

fn report(results: GetFaceLivenessSessionResultsOutput) -> Result<Report, ProviderError> {
    let status = SessionStatus::of(results.status.as_str());
    let confidence = results.confidence.map(shortest);
    if confidence.is_some_and(|confidence| !(0.0..=100.0).contains(&confidence)) {
        return Err(ProviderError::failed("its confidence is no number from 0 to 100"));
    }
    let audit_images = results.audit_images.unwrap_or_default().into_iter().filter_map(picture);
    let feedback = results.feedback.unwrap_or_default().into_iter();
    Ok(Report {
        status: status.ok_or_else(|| ProviderError::failed("its session has a status that is none we know"))?,
        confidence,
        reference_image: results.reference_image.and_then(picture),
        audit_images: audit_images.take(SESSION_FILES.len() - 1).collect(),
        challenge: results
            .challenge
            .map(|challenge| Challenge { kind: challenge.r#type.as_str().to_owned(), version: challenge.version }),
        feedback: feedback
            .map(|said| Feedback { code: said.code.as_str().to_owned(), message: said.message })
            .collect(),
    })
}

/// An image that came with its bytes: nowhere is AWS told to keep them in a bucket instead.
fn picture(image: AuditImage) -> Option<Picture> {
    let bytes = Bytes::from(image.bytes?.into_inner());
    Some(Picture { bytes, bounding_box: image.bounding_box.and_then(|found| bounding_box(&found)) })
}

fn bounding_box(found: &Box_) -> Option<BoundingBox> {
    let found = BoundingBox {
        width: shortest(found.width?),
        height: shortest(found.height?),
        left: shortest(found.left?),
        top: shortest(found.top?),
    };
    [found.width, found.height, found.left, found.top].iter().all(|share| share.is_finite()).then_some(found)
}
