//! Finds settings that are set but have no effect, because of other settings.

use super::aws::{
    AWS_ACCESS_KEY_ID, AWS_CREDENTIALS_ACTIONS, AWS_ENDPOINT_ALLOW_HTTP, AWS_ENDPOINT_URL,
    AWS_ENDPOINT_URL_REKOGNITION, AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_STS, AWS_LIVENESS_ROLE_ARN, AWS_REGION,
    AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN,
};
use super::documents::{
    OPENAI_ALLOW_HTTP, OPENAI_BASE_URL, OPENAI_IMAGE_SIDE, OPENAI_TIMEOUT_SECONDS, ReaderSource, read_reader_source,
};
use super::fingerprint::{FINGERPRINT_BASE_URL, FINGERPRINT_SECRET_KEY};
use super::liveness::{
    FACE_LIVENESS_AUDIT_IMAGES, FACE_LIVENESS_CHALLENGES, LIVENESS_STREAM_URL, LivenessSource, read_liveness_source,
};
use super::mail::{MAIL_FROM, SMTP_CA_FILE, has_smtp_url};
use super::oidc::{
    OIDC_CLIENT_ID, OIDC_CLIENT_SECRET, OIDC_NAME, OIDC_ROLE_CLAIM, OIDC_ROLES, OIDC_SCOPE, OIDC_TEAMS_CLAIM,
    has_oidc_issuer,
};
use super::setting::{AnySetting, Settings};
use super::storage::{PB_USER_EMAIL, PB_USER_PASSWORD, POCKETBASE_URL, has_bucket_url};

/// The variables of settings that are set but have no effect.
pub(super) fn list_unused_settings(settings: &Settings) -> Vec<&'static str> {
    let has_s3 = has_bucket_url(settings);
    let has_aws_liveness = matches!(read_liveness_source(settings), Ok(LivenessSource::Aws(_)));
    let dependents: [(bool, &[&dyn AnySetting]); 8] = [
        (POCKETBASE_URL.is_set(settings), &[&PB_USER_EMAIL, &PB_USER_PASSWORD]),
        (
            has_s3 || has_aws_liveness,
            &[
                &AWS_REGION,
                &AWS_ACCESS_KEY_ID,
                &AWS_SECRET_ACCESS_KEY,
                &AWS_SESSION_TOKEN,
                &AWS_ENDPOINT_ALLOW_HTTP,
                &AWS_ENDPOINT_URL,
            ],
        ),
        (has_s3, &[&AWS_ENDPOINT_URL_S3]),
        (
            has_aws_liveness,
            &[
                &AWS_ENDPOINT_URL_REKOGNITION,
                &AWS_ENDPOINT_URL_STS,
                &AWS_LIVENESS_ROLE_ARN,
                &AWS_CREDENTIALS_ACTIONS,
                &LIVENESS_STREAM_URL,
                &FACE_LIVENESS_CHALLENGES,
                &FACE_LIVENESS_AUDIT_IMAGES,
            ],
        ),
        (
            matches!(read_reader_source(settings), Ok(ReaderSource::OpenAi(_))),
            &[&OPENAI_BASE_URL, &OPENAI_ALLOW_HTTP, &OPENAI_TIMEOUT_SECONDS, &OPENAI_IMAGE_SIDE],
        ),
        (FINGERPRINT_SECRET_KEY.is_set(settings), &[&FINGERPRINT_BASE_URL]),
        (has_smtp_url(settings), &[&MAIL_FROM, &SMTP_CA_FILE]),
        (
            has_oidc_issuer(settings),
            &[
                &OIDC_CLIENT_ID,
                &OIDC_CLIENT_SECRET,
                &OIDC_NAME,
                &OIDC_SCOPE,
                &OIDC_ROLE_CLAIM,
                &OIDC_ROLES,
                &OIDC_TEAMS_CLAIM,
            ],
        ),
    ];
    let without_effect = dependents.into_iter().filter(|(has_effect, _)| !has_effect).flat_map(|(_, list)| list);
    without_effect.filter(|setting| setting.is_set(settings)).map(|setting| setting.variable()).collect()
}
