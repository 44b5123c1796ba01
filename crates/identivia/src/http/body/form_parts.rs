//! The parts of a multipart form as they arrive: with limits on the body, and hashed where the request has an idempotency key.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, header};
use bytes::Bytes;

use super::form_body::{FORM_BYTES, FormBody};
use super::json;
use super::multipart::{self, FormFault, MultipartParser, PART_HEADER_BYTES, PartHead};
use crate::http::error::ApiError;
use crate::http::idempotency::body_fingerprint::BodyFingerprint;

/// The longest a whole form may take.
pub(super) const FORM_TIMEOUT: Duration = Duration::from_secs(600);

/// A form whose parts are read one by one.
pub(super) struct FormParts {
    parser: MultipartParser<FormBody>,
    fingerprint: Option<BodyFingerprint>,
}

impl FormParts {
    /// Begins with a request's form, of which nothing has been read.
    pub(super) fn open(request: Request<Body>) -> Result<Self, ApiError> {
        let boundary = form_boundary(&request)?;
        json::refuse_large_body(request.headers(), FORM_BYTES)?;
        let fingerprint = BodyFingerprint::of_request(request.extensions());
        Ok(Self { parser: MultipartParser::new(FormBody::new(request.into_body()), &boundary), fingerprint })
    }

    /// The next part's head; `None` at the end of the form. The rest of the current part is skipped.
    pub(super) async fn next_part(&mut self) -> Result<Option<PartHead>, FormFault> {
        let Some(fingerprint) = self.fingerprint.clone() else { return self.parser.next_part().await };
        // What is skipped belongs to the form as well.
        while self.next_piece().await?.is_some() {}
        let part = self.parser.next_part().await?;
        match &part {
            Some(head) => fingerprint.begin_part(&head.name, head.file_name.as_deref()),
            None => fingerprint.finish_form(),
        }
        Ok(part)
    }

    /// The next piece of the part's body; `None` at its end.
    pub(super) async fn next_piece(&mut self) -> Result<Option<Bytes>, FormFault> {
        let piece = self.parser.next_piece().await?;
        if let (Some(fingerprint), Some(piece)) = (&self.fingerprint, &piece) {
            fingerprint.add_piece(piece);
        }
        Ok(piece)
    }
}

/// Reads a form for its fingerprint alone.
pub(crate) async fn skip_form(request: Request<Body>) -> Result<(), ApiError> {
    let mut parts = FormParts::open(request)?;
    let skipping = async {
        while parts.next_part().await?.is_some() {}
        Ok(())
    };
    tokio::time::timeout(FORM_TIMEOUT, skipping).await.unwrap_or_else(|_| Err(json::body_too_slow()))
}

/// Says whether the request is a multipart form.
pub(crate) fn is_form(request: &Request<Body>) -> bool {
    json::media_type(request.headers()) == "multipart/form-data"
}

fn form_boundary(request: &Request<Body>) -> Result<String, ApiError> {
    if !is_form(request) {
        return Err(ApiError::unsupported_type("Send the body as Content-Type: multipart/form-data"));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(multipart::parse_boundary).ok_or_else(malformed_form)
}

fn malformed_form() -> ApiError {
    ApiError::bad_request("Malformed form", "Send a well-formed multipart/form-data body with a boundary (RFC 7578)")
}

impl From<FormFault> for ApiError {
    fn from(fault: FormFault) -> Self {
        match fault {
            FormFault::TooLarge => Self::too_large("At most 80 MiB a request"),
            FormFault::HeaderTooLarge => {
                Self::too_large(format!("At most {} KiB a part's header", PART_HEADER_BYTES / 1024))
            }
            FormFault::TooSlow => json::body_too_slow(),
            FormFault::Malformed => malformed_form(),
        }
    }
}
