//! Multipart forms (RFC 7578), read part by part: texts capped, files told by their first bytes and streamed to storage.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use multer::{Field, Multipart};
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};
use tokio::time::{Instant, Sleep};

use super::input::{self, Checks};
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Media, SNIFF_BYTES};
use crate::domain::profile::{FileField, ProfileFiles};
use crate::error::ApiError;
use crate::files::upload::Writing;
use crate::files::{Files, Upload};

/// The largest form, in bytes.
const FORM_BYTES: usize = 80 * 1024 * 1024;
/// The most parts of a form.
const MAX_PARTS: usize = 32;
/// The largest text part, in bytes.
const TEXT_BYTES: usize = 64 * 1024;
/// The largest part header, in bytes.
const PART_HEADER_BYTES: usize = 8 * 1024;
/// The longest pause between two pieces of a form.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest a whole form may take.
const WHOLE_PATIENCE: Duration = Duration::from_secs(600);

/// Where a form's files go.
pub(super) enum Destination<'a> {
    /// To a record, for good.
    Record(&'a mut Upload),
    /// To a nameless file that is looked at once.
    Scratch,
}

/// A file that was received to be looked at once.
pub(super) struct Scratch {
    pub(super) file: std::fs::File,
    pub(super) client_name: String,
    pub(super) media: Media,
    pub(super) length: u64,
}

/// A form, received.
#[derive(Default)]
pub(super) struct Received {
    pub(super) texts: Map<String, Value>,
    /// The stored names of files, or just `"scratch"` where they were not stored.
    pub(super) files: ProfileFiles,
    pub(super) scratch: Option<Scratch>,
    /// What was wrong with files and texts so far.
    pub(super) checks: Checks,
}

impl Received {
    /// The texts as a request body; the named ones are numbers.
    pub(super) fn body<T: DeserializeOwned>(&mut self, numbers: &[&str]) -> Result<T, ApiError> {
        for name in numbers {
            if let Some(value) = self.texts.get_mut(*name) {
                let number = value.as_str().and_then(|text| text.trim().parse().ok()).and_then(Number::from_f64);
                match number {
                    Some(number) => *value = Value::Number(number),
                    // An empty form field is one that was left out.
                    None if value.as_str() == Some("") => *value = Value::Null,
                    None => {}
                }
            }
        }
        serde_json::from_value(Value::Object(std::mem::take(&mut self.texts))).map_err(ApiError::internal)
    }
}

/// Reads a multipart form. The files named in `accepted` go to the destination; others are read over.
pub(super) async fn read(
    request: Request<Body>,
    files: &Arc<Files>,
    accepted: &'static [FileField],
    destination: Destination<'_>,
) -> Result<Received, ApiError> {
    let boundary = boundary(&request)?;
    input::refuse_announced(request.headers(), FORM_BYTES)?;
    let gate = Gate::default();
    let stream = Guarded::new(request.into_body(), gate.clone());
    let reader = FormReader {
        multipart: Multipart::new(stream, boundary),
        gate,
        files,
        accepted,
        destination,
        received: Received::default(),
    };
    tokio::time::timeout(WHOLE_PATIENCE, reader.read()).await.unwrap_or_else(|_| Err(input::too_slow()))
}

/// Says whether the request is a multipart form.
pub(super) fn is_form(request: &Request<Body>) -> bool {
    input::media_type(request.headers()) == "multipart/form-data"
}

fn boundary(request: &Request<Body>) -> Result<String, ApiError> {
    if !is_form(request) {
        return Err(ApiError::unsupported_type("Send the body as Content-Type: multipart/form-data"));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(|value| multer::parse_boundary(value).ok()).ok_or_else(malformed)
}

fn malformed() -> ApiError {
    ApiError::bad_request("Malformed form", "Send a well-formed multipart/form-data body with a boundary (RFC 7578)")
}

/// How many bytes may still come before the next part's header must be complete. The parser would gather a header
/// without end; the gate stops it.
#[derive(Clone, Default)]
struct Gate(Arc<GateState>);

#[derive(Default)]
struct GateState {
    left: AtomicI64,
    /// The parser has been made to look at what it has; if it asks for more, the header is too large.
    looked: AtomicBool,
}

impl Gate {
    fn expect_header(&self) {
        self.0.left.store(PART_HEADER_BYTES as i64, Ordering::Relaxed);
        self.0.looked.store(false, Ordering::Relaxed);
    }

    fn open(&self) {
        self.0.left.store(i64::MAX, Ordering::Relaxed);
    }

    fn count(&self, bytes: usize) {
        self.0.left.fetch_sub(bytes as i64, Ordering::Relaxed);
    }

    fn is_shut(&self) -> bool {
        self.0.left.load(Ordering::Relaxed) <= 0
    }
}

#[derive(Debug, thiserror::Error)]
enum StreamFault {
    #[error("the form is too large")]
    TooLarge,
    #[error("a part's header is too large")]
    HeaderTooLarge,
    #[error("the form came too slowly")]
    TooSlow,
    #[error("the form broke off")]
    Broken,
}

/// A body with limits on its size, its pauses and the headers of its parts.
struct Guarded {
    body: BodyDataStream,
    total: usize,
    gate: Gate,
    pause: Pin<Box<Sleep>>,
}

impl Guarded {
    fn new(body: Body, gate: Gate) -> Self {
        Self { body: body.into_data_stream(), total: 0, gate, pause: Box::pin(tokio::time::sleep(PATIENCE)) }
    }
}

impl Stream for Guarded {
    type Item = Result<Bytes, StreamFault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.gate.is_shut() {
            // The parser takes all there is before it looks, so it is made to look once before it is refused.
            if self.gate.0.looked.swap(true, Ordering::Relaxed) {
                return Poll::Ready(Some(Err(StreamFault::HeaderTooLarge)));
            }
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        match self.body.poll_next_unpin(context) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(StreamFault::Broken))),
            Poll::Ready(Some(Ok(bytes))) => {
                self.total += bytes.len();
                self.gate.count(bytes.len());
                let deadline = Instant::now() + PATIENCE;
                self.pause.as_mut().reset(deadline);
                let fits = self.total <= FORM_BYTES;
                Poll::Ready(Some(if fits { Ok(bytes) } else { Err(StreamFault::TooLarge) }))
            }
            Poll::Pending => {
                ready!(self.pause.as_mut().poll(context));
                Poll::Ready(Some(Err(StreamFault::TooSlow)))
            }
        }
    }
}

fn form_error(error: &multer::Error) -> ApiError {
    let multer::Error::StreamReadFailed(source) = error else { return malformed() };
    match source.downcast_ref::<StreamFault>() {
        Some(StreamFault::TooLarge) => ApiError::too_large("At most 80 MiB a request"),
        Some(StreamFault::HeaderTooLarge) => ApiError::too_large("At most 8 KiB a part's header"),
        Some(StreamFault::TooSlow) => input::too_slow(),
        Some(StreamFault::Broken) | None => malformed(),
    }
}

struct FormReader<'a> {
    multipart: Multipart<'static>,
    gate: Gate,
    files: &'a Arc<Files>,
    accepted: &'static [FileField],
    destination: Destination<'a>,
    received: Received,
}

impl FormReader<'_> {
    async fn read(mut self) -> Result<Received, ApiError> {
        let mut parts = 0;
        while let Some(part) = self.next_part().await? {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(ApiError::too_large(format!("At most {MAX_PARTS} parts a form")));
            }
            self.take(part).await?;
        }
        Ok(self.received)
    }

    async fn next_part(&mut self) -> Result<Option<Field<'static>>, ApiError> {
        self.gate.expect_header();
        let part = self.multipart.next_field().await.map_err(|error| form_error(&error))?;
        self.gate.open();
        let bytes = part.as_ref().map_or(0, |part| {
            part.headers().iter().map(|(name, value)| name.as_str().len() + value.len()).sum::<usize>()
        });
        if bytes > PART_HEADER_BYTES {
            return Err(ApiError::too_large("At most 8 KiB a part's header"));
        }
        Ok(part)
    }

    async fn take(&mut self, part: Field<'static>) -> Result<(), ApiError> {
        let name = part.name().unwrap_or_default();
        let field = FileField::ALL.into_iter().find(|field| field.name() == name);
        match (field, part.file_name().is_some()) {
            (Some(field), true) if self.accepted.contains(&field) => self.take_file(part, field).await,
            (Some(field), false) if self.accepted.contains(&field) => {
                self.received.checks.wrong(field.name(), "must be sent as a file, with a file name");
                read_over(part).await
            }
            (_, true) => read_over(part).await,
            (_, false) => self.take_text(part).await,
        }
    }

    async fn take_text(&mut self, mut part: Field<'static>) -> Result<(), ApiError> {
        let name = part.name().unwrap_or_default().to_owned();
        let mut bytes = Vec::new();
        while let Some(chunk) = part.chunk().await.map_err(|error| form_error(&error))? {
            bytes.extend_from_slice(&chunk);
            if bytes.len() > TEXT_BYTES {
                return Err(ApiError::too_large("At most 64 KiB a text field"));
            }
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| ApiError::bad_request("Malformed form", "Send every text field in UTF-8"))?;
        if self.received.texts.insert(name, Value::String(text)).is_some() {
            return Err(ApiError::bad_request("Malformed form", "Send every field once"));
        }
        Ok(())
    }

    async fn take_file(&mut self, mut part: Field<'static>, field: FileField) -> Result<(), ApiError> {
        let head = head(&mut part).await?;
        let client_name = part.file_name().unwrap_or_default().to_owned();
        if head.is_empty() && client_name.is_empty() {
            // What a browser sends for a file input that was left alone.
            return Ok(());
        }
        if !self.received.files.get(field).is_empty() {
            return Err(ApiError::bad_request("Malformed form", "Send every file once"));
        }
        let media = match Media::sniff(&head) {
            Some(media) if media.is_video() == field.is_video() => media,
            _ => {
                let kinds =
                    if field.is_video() { "a WebM, MP4 or QuickTime video" } else { "a JPEG, PNG or WebP picture" };
                self.received.checks.wrong(field.name(), format!("must be {kinds}"));
                return read_over(part).await;
            }
        };
        let (mut writing, name) = self.begin(&client_name, media).await?;
        stream_into(&mut writing, head, part, field).await?;
        let length = writing.length;
        let file = writing.finish().await?;
        let file = if media.is_video() {
            file
        } else {
            let (file, fault) = self.files.check_picture(file, media).await?;
            if let Some(fault) = fault {
                self.received.checks.wrong(field.name(), fault);
            }
            file
        };
        *self.received.files.get_mut(field) = name;
        match &self.destination {
            Destination::Record(upload) => upload.sync(file).await?,
            Destination::Scratch => self.received.scratch = Some(Scratch { file, client_name, media, length }),
        }
        Ok(())
    }

    async fn begin(&mut self, client_name: &str, media: Media) -> Result<(Writing, String), ApiError> {
        match &mut self.destination {
            Destination::Record(upload) => Ok(upload.create(client_name, media).await?),
            Destination::Scratch => Ok((self.files.scratch().await?, "scratch".to_owned())),
        }
    }
}

/// The first bytes of a part: enough to tell its kind, or all there are.
async fn head(part: &mut Field<'static>) -> Result<Vec<u8>, ApiError> {
    let mut head = Vec::new();
    while head.len() < SNIFF_BYTES {
        match part.chunk().await.map_err(|error| form_error(&error))? {
            Some(chunk) => head.extend_from_slice(&chunk),
            None => break,
        }
    }
    Ok(head)
}

async fn stream_into(
    writing: &mut Writing,
    head: Vec<u8>,
    mut part: Field<'static>,
    field: FileField,
) -> Result<(), ApiError> {
    let limit = if field.is_video() { MAX_VIDEO_BYTES } else { MAX_IMAGE_BYTES };
    let mut next = Some(Bytes::from(head));
    while let Some(chunk) = next {
        if writing.length + chunk.len() as u64 > limit {
            let kind = if field.is_video() { "a video" } else { "a picture" };
            return Err(ApiError::too_large(format!("{}: at most {} MiB {kind}", field.name(), limit / (1024 * 1024))));
        }
        writing.write(&chunk).await?;
        next = part.chunk().await.map_err(|error| form_error(&error))?;
    }
    Ok(())
}

/// Reads a part to its end without keeping it, so that the parts behind it are heard too.
async fn read_over(mut part: Field<'static>) -> Result<(), ApiError> {
    while part.chunk().await.map_err(|error| form_error(&error))?.is_some() {}
    Ok(())
}
