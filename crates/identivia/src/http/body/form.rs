//! Multipart forms (RFC 7578), read part by part: texts capped, files told by their first bytes and streamed to storage.

use std::fs::File;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::body::{Body, BodyDataStream};
use axum::http::{Request, header};
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use serde::de::DeserializeOwned;
use serde::de::value::MapDeserializer;
use serde_json::{Number, Value};
use tokio::time::{Instant, Sleep};
use vision::intake;

use super::json::{self, Checks};
use super::multipart::{self, Fault, Multipart, PART_HEADER_BYTES, PartHead};
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Media, SNIFF_BYTES};
use crate::domain::profile::{FileField, ProfileFiles};
use crate::files::upload::Writing;
use crate::files::{Files, Upload};
use crate::http::error::ApiError;

/// The largest form, in bytes.
const FORM_BYTES: usize = 80 * 1024 * 1024;
/// The most parts of a form.
const MAX_PARTS: usize = 32;
/// The largest text part, in bytes.
const TEXT_BYTES: usize = 64 * 1024;
/// The longest pause between two pieces of a form.
const PATIENCE: Duration = Duration::from_secs(30);
/// The fewest bytes a second, on average, once the first [`PATIENCE`] is over: a trickle is no upload.
const LEAST_RATE: u64 = 1024;
/// The longest a whole form may take.
const WHOLE_PATIENCE: Duration = Duration::from_secs(600);

/// What the names of frames begin with; their number follows, from 1 on.
pub(crate) const FRAME_PREFIX: &str = "frame_";
/// The largest frame, in bytes.
const FRAME_BYTES: usize = 1024 * 1024;
/// The most pixels of a frame: a camera's video has no more, and a face needs far fewer.
const FRAME_PIXELS: u64 = 4_000_000;
/// The highest number of a frame. More than are taken: whoever sends too many is told how many came.
const MOST_FRAMES: usize = MAX_PARTS - 2;

/// Where a form's files go.
pub(crate) enum Destination<'a> {
    /// To a record, for good.
    Record(&'a mut Upload),
    /// To a nameless file that is looked at once.
    Scratch,
    /// To memory: frames of a camera, with their numbers.
    Frames(&'a mut Vec<(usize, Bytes)>),
}

/// A file that was received to be looked at once.
pub(crate) struct Scratch {
    pub(crate) file: File,
    pub(crate) client_name: String,
    pub(crate) media: Media,
    pub(crate) length: u64,
    /// Of a picture.
    pub(crate) pixels: u64,
}

/// A form, received.
#[derive(Default)]
pub(crate) struct Received {
    texts: Vec<(String, Value)>,
    /// The stored names of files, or just `"scratch"` where they were not stored.
    pub(crate) files: ProfileFiles,
    scratch: Vec<(FileField, Scratch)>,
    /// What was wrong with files and texts so far.
    pub(crate) checks: Checks,
}

impl Received {
    /// A file that was received to be looked at once.
    pub(crate) fn scratch(&mut self, field: FileField) -> Option<Scratch> {
        let place = self.scratch.iter().position(|(found, _)| *found == field)?;
        Some(self.scratch.swap_remove(place).1)
    }

    /// The texts as a request body; the named ones are numbers. Unknown ones are ignored, known ones come once.
    pub(crate) fn body<T: DeserializeOwned>(&mut self, numbers: &[&str]) -> Result<T, ApiError> {
        let mut texts = std::mem::take(&mut self.texts);
        for (name, value) in &mut texts {
            if numbers.contains(&name.as_str()) {
                *value = number(value);
            }
        }
        let fields = MapDeserializer::<_, serde_json::Error>::new(texts.into_iter());
        T::deserialize(fields).map_err(|_| ApiError::bad_request("Malformed form", "Send every field once"))
    }
}

/// A text as the number it writes. Empty, it is a field that was left out; anything else stays for the checks to refuse.
fn number(text: &Value) -> Value {
    match text.as_str().map(str::trim) {
        Some("") => Value::Null,
        Some(digits) => digits.parse().ok().and_then(Number::from_f64).map_or_else(|| text.clone(), Value::Number),
        None => text.clone(),
    }
}

/// Reads a multipart form. The files named in `accepted` go to the destination; others are read over.
pub(crate) async fn read(
    request: Request<Body>,
    files: &Arc<Files>,
    accepted: &'static [FileField],
    destination: Destination<'_>,
) -> Result<Received, ApiError> {
    let boundary = boundary(&request)?;
    json::refuse_announced(request.headers(), FORM_BYTES)?;
    let reader = FormReader {
        multipart: Multipart::new(Guarded::new(request.into_body()), &boundary),
        files,
        accepted,
        destination,
        received: Received::default(),
    };
    tokio::time::timeout(WHOLE_PATIENCE, reader.read()).await.unwrap_or_else(|_| Err(json::too_slow()))
}

/// Reads a form with frames of a camera. They come with their numbers, in the order of the form.
pub(crate) async fn read_frames(
    request: Request<Body>,
    files: &Arc<Files>,
) -> Result<(Received, Vec<(usize, Bytes)>), ApiError> {
    let mut frames = Vec::new();
    let received = read(request, files, &[], Destination::Frames(&mut frames)).await?;
    Ok((received, frames))
}

/// Says whether the request is a multipart form.
pub(crate) fn is_form(request: &Request<Body>) -> bool {
    json::media_type(request.headers()) == "multipart/form-data"
}

fn boundary(request: &Request<Body>) -> Result<String, ApiError> {
    if !is_form(request) {
        return Err(ApiError::unsupported_type("Send the body as Content-Type: multipart/form-data"));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    content_type.and_then(multipart::boundary).ok_or_else(malformed)
}

fn malformed() -> ApiError {
    ApiError::bad_request("Malformed form", "Send a well-formed multipart/form-data body with a boundary (RFC 7578)")
}

/// A body with limits on its size and its pauses.
struct Guarded {
    body: BodyDataStream,
    started: Instant,
    total: usize,
    pause: Pin<Box<Sleep>>,
}

impl Guarded {
    fn new(body: Body) -> Self {
        let pause = Box::pin(tokio::time::sleep(PATIENCE));
        Self { body: body.into_data_stream(), started: Instant::now(), total: 0, pause }
    }

    fn trickles(&self) -> bool {
        let took = self.started.elapsed();
        took > PATIENCE && (self.total as u64) < took.as_secs() * LEAST_RATE
    }
}

impl Stream for Guarded {
    type Item = Result<Bytes, Fault>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        match self.body.poll_next_unpin(context) {
            Poll::Ready(None) => Poll::Ready(None),
            Poll::Ready(Some(Err(_))) => Poll::Ready(Some(Err(Fault::Malformed))),
            Poll::Ready(Some(Ok(bytes))) => {
                self.total += bytes.len();
                let deadline = Instant::now() + PATIENCE;
                self.pause.as_mut().reset(deadline);
                Poll::Ready(Some(match bytes {
                    _ if self.total > FORM_BYTES => Err(Fault::TooLarge),
                    _ if self.trickles() => Err(Fault::TooSlow),
                    bytes => Ok(bytes),
                }))
            }
            Poll::Pending => {
                ready!(self.pause.as_mut().poll(context));
                Poll::Ready(Some(Err(Fault::TooSlow)))
            }
        }
    }
}

impl From<Fault> for ApiError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::TooLarge => Self::too_large("At most 80 MiB a request"),
            Fault::HeaderTooLarge => {
                Self::too_large(format!("At most {} KiB a part's header", PART_HEADER_BYTES / 1024))
            }
            Fault::TooSlow => json::too_slow(),
            Fault::Malformed => malformed(),
        }
    }
}

struct FormReader<'a> {
    multipart: Multipart<Guarded>,
    files: &'a Arc<Files>,
    accepted: &'static [FileField],
    destination: Destination<'a>,
    received: Received,
}

impl FormReader<'_> {
    async fn read(mut self) -> Result<Received, ApiError> {
        let mut parts = 0;
        while let Some(part) = self.multipart.next_part().await? {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(ApiError::too_large(format!("At most {MAX_PARTS} parts a form")));
            }
            self.take(part).await?;
        }
        Ok(self.received)
    }

    /// Takes a part, or leaves it: what is left is read over on the way to the next.
    async fn take(&mut self, part: PartHead) -> Result<(), ApiError> {
        let field = self.accepted.iter().find(|field| field.name() == part.name);
        match (field, part.file_name) {
            (Some(field), Some(client_name)) => self.take_file(client_name, *field).await,
            (Some(field), None) => {
                self.received.checks.wrong(field.name(), "must be sent as a file, with a file name");
                Ok(())
            }
            (None, Some(_)) => self.take_frame(&part.name).await,
            (None, None) => self.take_text(part.name).await,
        }
    }

    async fn take_text(&mut self, name: String) -> Result<(), ApiError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.multipart.piece().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > TEXT_BYTES {
                return Err(ApiError::too_large("At most 64 KiB a text field"));
            }
        }
        let text = String::from_utf8(bytes)
            .map_err(|_| ApiError::bad_request("Malformed form", "Send every text field in UTF-8"))?;
        self.received.texts.push((name, Value::String(text)));
        Ok(())
    }

    /// Takes a frame where frames are taken; any other file is read over.
    async fn take_frame(&mut self, name: &str) -> Result<(), ApiError> {
        let number = name.strip_prefix(FRAME_PREFIX).and_then(|digits| digits.parse().ok());
        let (Destination::Frames(frames), Some(number)) = (&mut self.destination, number) else { return Ok(()) };
        if !(1..=MOST_FRAMES).contains(&number) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.multipart.piece().await? {
            bytes.extend_from_slice(&piece);
            if bytes.len() > FRAME_BYTES {
                return Err(ApiError::too_large("At most 1 MiB a frame"));
            }
        }
        let problem = match intake::read_size(&bytes) {
            Ok((intake::PictureKind::Jpeg, width, height)) if u64::from(width) * u64::from(height) <= FRAME_PIXELS => {
                frames.push((number, bytes.into()));
                return Ok(());
            }
            Ok((intake::PictureKind::Jpeg, ..)) => "has more than 4 megapixels".to_owned(),
            Ok(_) | Err(intake::PictureRefusal::Unknown) => "must be a JPEG picture".to_owned(),
            Err(refused) => refused.to_string(),
        };
        self.received.checks.wrong("frame_1", format!("{FRAME_PREFIX}{number} {problem}"));
        Ok(())
    }

    async fn take_file(&mut self, client_name: String, field: FileField) -> Result<(), ApiError> {
        let head = self.first_bytes().await?;
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
                return Ok(());
            }
        };
        let (mut writing, name) = self.begin(&client_name, media).await?;
        self.stream_into(&mut writing, head, field).await?;
        let length = writing.length;
        let (file, pixels) = self.checked(writing.finish().await?, media, field).await?;
        match &mut self.destination {
            Destination::Record(upload) => upload.keep(&name, file).await?,
            Destination::Scratch | Destination::Frames(_) => {
                self.received.scratch.push((field, Scratch { file, client_name, media, length, pixels }));
            }
        }
        *self.received.files.get_mut(field) = name;
        Ok(())
    }

    /// The first bytes of a part: enough to tell its kind, or all there are.
    async fn first_bytes(&mut self) -> Result<Vec<u8>, ApiError> {
        let mut bytes = Vec::new();
        while bytes.len() < SNIFF_BYTES
            && let Some(piece) = self.multipart.piece().await?
        {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn begin(&mut self, client_name: &str, media: Media) -> Result<(Writing, String), ApiError> {
        match &mut self.destination {
            Destination::Record(upload) => Ok(upload.create(client_name, media).await?),
            Destination::Scratch | Destination::Frames(_) => Ok((self.files.scratch().await?, "scratch".to_owned())),
        }
    }

    async fn stream_into(&mut self, writing: &mut Writing, head: Vec<u8>, field: FileField) -> Result<(), ApiError> {
        let limit = if field.is_video() { MAX_VIDEO_BYTES } else { MAX_IMAGE_BYTES };
        let mut next = Some(Bytes::from(head));
        while let Some(piece) = next {
            if writing.length + piece.len() as u64 > limit {
                let kind = if field.is_video() { "a video" } else { "a picture" };
                let message = format!("{}: at most {} MiB {kind}", field.name(), limit / (1024 * 1024));
                return Err(ApiError::too_large(message));
            }
            writing.write(&piece).await?;
            next = self.multipart.piece().await?;
        }
        Ok(())
    }

    /// Makes sure that a picture decodes, and counts its pixels; what is wrong with it is told with everything else that is
    /// wrong.
    async fn checked(&mut self, file: File, media: Media, field: FileField) -> Result<(File, u64), ApiError> {
        if media.is_video() {
            return Ok((file, 0));
        }
        let (file, found) = self.files.check_picture(file).await?;
        let pixels = found.unwrap_or_else(|fault| {
            self.received.checks.wrong(field.name(), fault);
            0
        });
        Ok((file, pixels))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    const PIECE: usize = 16 * 1024;

    fn guarded(pieces: usize, started: Instant) -> Guarded {
        let piece = Bytes::from(vec![0; PIECE]);
        let pieces = stream::iter((0..pieces).map(move |_| Ok::<_, std::io::Error>(piece.clone())));
        Guarded { started, ..Guarded::new(Body::from_stream(pieces)) }
    }

    #[tokio::test]
    async fn a_form_that_never_said_how_large_it_is_ends_at_its_limit() {
        let most = FORM_BYTES / PIECE;
        let pieces: Vec<_> = guarded(most + 1, Instant::now()).collect().await;
        assert!(pieces[..most].iter().all(Result::is_ok));
        assert!(matches!(pieces[most..], [Err(Fault::TooLarge)]));
    }

    #[tokio::test]
    async fn a_trickle_is_no_upload() {
        // 32 KiB in 40 seconds are less than 1 KiB a second, 48 KiB are more.
        let started = Instant::now().checked_sub(Duration::from_secs(40)).unwrap();
        let pieces: Vec<_> = guarded(3, started).collect().await;
        assert!(matches!(pieces[..], [Err(Fault::TooSlow), Err(Fault::TooSlow), Ok(_)]));
        let early = Instant::now().checked_sub(PATIENCE / 2).unwrap();
        assert!(!guarded(0, early).trickles(), "a first pause is forgiven");
    }
}
