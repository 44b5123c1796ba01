//! Converts errors of the S3 client. Texts of S3 itself are dropped.

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};

use super::error::FilesError;

/// The codes of a full bucket: AWS has none, MinIO and Ceph have these.
const FULL_CODES: [&str; 4] =
    ["InsufficientStorage", "XMinioStorageFull", "XMinioAdminBucketQuotaExceeded", "QuotaExceeded"];

/// Converts the SDK's error. Of S3's answer only the code is kept: its texts quote keys, which hold names that people chose.
pub(super) fn to_files_error<E: ProvideErrorMetadata>(error: SdkError<E, HttpResponse>) -> FilesError {
    let refusal = match error {
        SdkError::ServiceError(refusal) => refusal,
        SdkError::TimeoutError(_) => return unavailable("S3 does not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => return unavailable("S3 does not answer in time"),
        SdkError::DispatchFailure(failure) if failure.is_io() => return unavailable("S3 cannot be reached"),
        SdkError::DispatchFailure(_) => return unavailable("the request to S3 could not be sent"),
        _ => return unreadable_answer(),
    };
    let (status, code) = (refusal.raw().status().as_u16(), refusal.err().code().unwrap_or("nothing more"));
    match code {
        "NoSuchKey" => FilesError::Gone,
        _ if status == 507 || FULL_CODES.contains(&code) => FilesError::Full,
        _ => {
            FilesError::Unavailable(format!("S3 says {status}, {}", code.escape_default().take(64).collect::<String>()))
        }
    }
}

fn unavailable(why: &str) -> FilesError {
    FilesError::Unavailable(why.to_owned())
}

pub(super) fn unreadable_answer() -> FilesError {
    unavailable("the answer is not S3's, or the connection broke off")
}
