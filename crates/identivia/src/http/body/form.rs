//! Multipart forms (RFC 7578), read part by part: limits on texts, file types by first bytes, files streamed to storage.

use std::fs::File;
use std::sync::Arc;

use axum::body::Body;
use axum::http::Request;
use bytes::Bytes;
use serde::de::value::MapDeserializer;
use serde_json::{Number, Value};
use vision::intake;

use super::field_checks::FieldChecks;
use super::form_parts::{FORM_TIMEOUT, FormParts};
use super::form_schema::FormFields;
use super::json;
use super::liveness_result::{LIVENESS_RESULT_BYTES, SentResult};
use super::multipart::PartHead;
use crate::domain::document_editors::DocumentEditors;
use crate::domain::media::{MAX_IMAGE_BYTES, MAX_VIDEO_BYTES, Media, SNIFF_BYTES};
use crate::domain::profile::{FileField, ProfileFiles};
use crate::files::Files;
use crate::files::file_writer::FileWriter;
use crate::files::picture::{CheckedPicture, StorableFile};
use crate::files::upload::Upload;
use crate::http::error::ApiError;
use crate::http::guard::body_limits::{BodyPermit, BodyPlace};
use crate::work::holder::WorkHolder;

/// The most parts of a form.
const MAX_PARTS: usize = 32;
/// The largest text part, in bytes.
const TEXT_BYTES: usize = 64 * 1024;

/// The prefix of the names of frames; their number follows, from 1 on.
pub(crate) const FRAME_PREFIX: &str = "frame_";
/// The largest frame, in bytes.
const FRAME_BYTES: usize = 1024 * 1024;
/// The most pixels of a frame: a camera's video has no more, and a face needs far fewer.
const FRAME_PIXELS: u64 = 4_000_000;
/// The highest number of a frame. It exceeds the limit of a session, so that the answer can say how many were sent.
const MAX_FRAME_NUMBER: usize = MAX_PARTS - 2;

/// Where a form's files go.
pub(crate) enum FileDestination<'a> {
    /// To a record, for good.
    Record(&'a mut Upload),
    /// To a nameless file that is read once.
    Scratch,
    /// To memory: frames of a camera, with their numbers.
    Frames(&'a mut Vec<(usize, Bytes)>),
}

/// A file that was received to be read once.
pub(crate) struct ScratchFile {
    pub(crate) file: File,
    pub(crate) client_name: String,
    pub(crate) media: Media,
    pub(crate) length: u64,
    /// Of a picture, which was rebuilt: what it said as it was sent.
    pub(crate) picture: CheckedPicture,
}

/// A form that has been read.
pub(crate) struct ReceivedForm<F> {
    /// The texts.
    pub(crate) fields: F,
    /// The stored names of files, or `"scratch"` where they were not stored.
    pub(crate) files: ProfileFiles,
    /// The editing programs that the pictures as sent named.
    pub(crate) editors: DocumentEditors,
    scratch: Vec<(FileField, ScratchFile)>,
    /// The problems of files so far.
    pub(crate) checks: FieldChecks,
}

impl<F> ReceivedForm<F> {
    /// Takes a file that was received to be read once.
    pub(crate) fn take_scratch_file(&mut self, field: FileField) -> Option<ScratchFile> {
        let place = self.scratch.iter().position(|(found, _)| *found == field)?;
        Some(self.scratch.swap_remove(place).1)
    }
}

/// The parts of a form that have been read so far.
#[derive(Default)]
struct ReceivedParts {
    texts: Vec<(String, Value)>,
    files: ProfileFiles,
    editors: DocumentEditors,
    scratch: Vec<(FileField, ScratchFile)>,
    checks: FieldChecks,
}

impl ReceivedParts {
    /// Makes a form of the parts. Unknown texts are ignored, a repeated one is an error.
    fn into_form<F: FormFields>(self) -> Result<ReceivedForm<F>, ApiError> {
        let Self { mut texts, files, editors, scratch, checks } = self;
        for (name, value) in &mut texts {
            if F::NUMBERS.contains(&name.as_str()) {
                *value = parse_number(value);
            }
        }
        let fields = MapDeserializer::<_, serde_json::Error>::new(texts.into_iter());
        let fields =
            F::deserialize(fields).map_err(|_| ApiError::bad_request("Malformed form", "Send every field once"))?;
        Ok(ReceivedForm { fields, files, editors, scratch, checks })
    }
}

/// Text as a number. Empty text is a missing field; other text stays as it is, for the checks to refuse.
fn parse_number(text: &Value) -> Value {
    match text.as_str().map(str::trim) {
        Some("") => Value::Null,
        Some(digits) => digits.parse().ok().and_then(Number::from_f64).map_or_else(|| text.clone(), Value::Number),
        None => text.clone(),
    }
}

/// Reads a multipart form. The files that it may contain go to the destination; others are skipped.
pub(crate) async fn read_form<F: FormFields>(
    request: Request<Body>,
    files: &Arc<Files>,
    destination: FileDestination<'_>,
) -> Result<ReceivedForm<F>, ApiError> {
    let holder = request.extensions().get::<WorkHolder>().cloned().ok_or_else(ApiError::missing_token);
    let permit = BodyPermit::of_request(request.extensions());
    let parts = FormParts::open(request)?;
    let reader = FormReader {
        permit,
        holder: holder?,
        liveness_result: F::LIVENESS_RESULT,
        parts,
        files,
        accepted: F::FILES,
        destination,
        received: ReceivedParts::default(),
    };
    let parts = tokio::time::timeout(FORM_TIMEOUT, reader.read_parts()).await;
    parts.unwrap_or_else(|_| Err(json::body_too_slow()))?.into_form()
}

/// Reads a form with frames of a camera. They come with their numbers, in the order of the form.
pub(crate) async fn read_frames<F: FormFields>(
    request: Request<Body>,
    files: &Arc<Files>,
) -> Result<(ReceivedForm<F>, Vec<(usize, Bytes)>), ApiError> {
    let mut frames = Vec::new();
    let received = read_form(request, files, FileDestination::Frames(&mut frames)).await?;
    Ok((received, frames))
}

/// Counts bytes that a form holds.
fn hold_bytes(permit: Option<&BodyPermit>, place: BodyPlace, piece: &Bytes) -> Result<(), ApiError> {
    permit.map_or(Ok(()), |permit| permit.hold_bytes(place, piece.len()))
}

struct FormReader<'a> {
    /// Counts what is held of the form.
    permit: Option<Arc<BodyPermit>>,
    /// For whom pictures are checked.
    holder: WorkHolder,
    parts: FormParts,
    files: &'a Arc<Files>,
    accepted: &'static [FileField],
    destination: FileDestination<'a>,
    /// The text that may be a whole liveness result.
    liveness_result: Option<&'static str>,
    received: ReceivedParts,
}

impl FormReader<'_> {
    async fn read_parts(mut self) -> Result<ReceivedParts, ApiError> {
        let mut parts = 0;
        while let Some(part) = self.parts.next_part().await? {
            parts += 1;
            if parts > MAX_PARTS {
                return Err(ApiError::too_large(format!("At most {MAX_PARTS} parts a form")));
            }
            self.read_part(part).await?;
        }
        Ok(self.received)
    }

    /// Reads a part, or leaves it: the parser skips it on the way to the next one.
    async fn read_part(&mut self, part: PartHead) -> Result<(), ApiError> {
        let field = self.accepted.iter().find(|field| field.name() == part.name);
        match (field, part.file_name) {
            (Some(field), Some(client_name)) => self.read_file(client_name, *field).await,
            (Some(field), None) => {
                self.received.checks.add_problem(field.name(), "must be sent as a file, with a file name");
                Ok(())
            }
            (None, Some(_)) => self.read_frame(&part.name).await,
            (None, None) => self.read_text(part.name).await,
        }
    }

    async fn read_text(&mut self, name: String) -> Result<(), ApiError> {
        if let Some(field) = self.liveness_result.filter(|field| *field == name) {
            return self.read_liveness_result(field).await;
        }
        let text = self.read_text_of(TEXT_BYTES, "At most 64 KiB a text field").await?;
        self.received.texts.push((name, Value::String(text)));
        Ok(())
    }

    /// Reads a liveness result, and drops its images at once: the rest of the form may take minutes.
    async fn read_liveness_result(&mut self, field: &'static str) -> Result<(), ApiError> {
        let text = self.read_text_of(LIVENESS_RESULT_BYTES, "At most 2 MiB a liveness result").await?;
        match SentResult::parse_text(&text) {
            SentResult::Kept(value) => self.received.texts.push((field.to_owned(), value)),
            fault => drop(self.received.checks.liveness_result_or_empty(field, Some(fault))),
        }
        Ok(())
    }

    async fn read_text_of(&mut self, limit: usize, refusal: &'static str) -> Result<String, ApiError> {
        let mut bytes = Vec::new();
        while let Some(piece) = self.parts.next_piece().await? {
            if bytes.len() + piece.len() > limit {
                return Err(ApiError::too_large(refusal));
            }
            hold_bytes(self.permit.as_deref(), BodyPlace::Memory, &piece)?;
            bytes.extend_from_slice(&piece);
        }
        String::from_utf8(bytes).map_err(|_| ApiError::bad_request("Malformed form", "Send every text field in UTF-8"))
    }

    /// Reads a frame where the form may have frames; any other file is skipped.
    async fn read_frame(&mut self, name: &str) -> Result<(), ApiError> {
        let number = name.strip_prefix(FRAME_PREFIX).and_then(|digits| digits.parse().ok());
        let (FileDestination::Frames(frames), Some(number)) = (&mut self.destination, number) else { return Ok(()) };
        if !(1..=MAX_FRAME_NUMBER).contains(&number) {
            return Ok(());
        }
        let mut bytes = Vec::new();
        while let Some(piece) = self.parts.next_piece().await? {
            hold_bytes(self.permit.as_deref(), BodyPlace::Memory, &piece)?;
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
        self.received.checks.add_problem("frame_1", format!("{FRAME_PREFIX}{number} {problem}"));
        Ok(())
    }

    async fn read_file(&mut self, client_name: String, field: FileField) -> Result<(), ApiError> {
        let head = self.read_first_bytes().await?;
        if head.is_empty() && client_name.is_empty() {
            // A browser sends this for an unused file input.
            return Ok(());
        }
        if !self.received.files.get(field).is_empty() {
            return Err(ApiError::bad_request("Malformed form", "Send every file once"));
        }
        let media = match Media::sniff(&head) {
            Some(media) if media.is_video() == field.is_video() => media,
            _ => {
                let kinds = if field.is_video() {
                    "a WebM, MP4 or QuickTime video (Matroska is not taken)"
                } else {
                    "a JPEG, PNG or WebP picture"
                };
                self.received.checks.add_problem(field.name(), format!("must be {kinds}"));
                return Ok(());
            }
        };
        let (mut writing, name) = self.open_file(&client_name, media).await?;
        self.stream_into(&mut writing, head, field).await?;
        let length = writing.length;
        let file = writing.finish_file().await?;
        match self.destination {
            FileDestination::Record(_) => self.store_file(&name, file, media, field).await?,
            FileDestination::Scratch | FileDestination::Frames(_) => {
                let (file, picture) = self.rebuild_scratch_file(file, media, field).await?;
                self.received.scratch.push((field, ScratchFile { file, client_name, media, length, picture }));
            }
        }
        *self.received.files.get_mut(field) = name;
        Ok(())
    }

    /// Stores a file of the record, a picture after it was rebuilt. A fault is reported with all other wrong fields.
    async fn store_file(&mut self, name: &str, file: File, media: Media, field: FileField) -> Result<(), ApiError> {
        let FileDestination::Record(upload) = &mut self.destination else { return Ok(()) };
        if media.is_video() {
            return Ok(upload.store_file(name, StorableFile::from_video(file)).await?);
        }
        match self.files.rebuild_picture(file, &self.holder).await? {
            Ok(rebuilt) => {
                self.received.editors.set(field, rebuilt.editor);
                upload.store_file(name, rebuilt.file).await?;
            }
            Err(fault) => self.received.checks.add_problem(field.name(), fault),
        }
        Ok(())
    }

    /// The first bytes of a part: enough to recognise its type, or all of them.
    async fn read_first_bytes(&mut self) -> Result<Vec<u8>, ApiError> {
        let mut bytes = Vec::new();
        while bytes.len() < SNIFF_BYTES
            && let Some(piece) = self.parts.next_piece().await?
        {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    }

    async fn open_file(&mut self, client_name: &str, media: Media) -> Result<(FileWriter, String), ApiError> {
        match &mut self.destination {
            FileDestination::Record(upload) => Ok(upload.create_file(client_name, media).await?),
            FileDestination::Scratch | FileDestination::Frames(_) => {
                Ok((self.files.create_scratch_file().await?, "scratch".to_owned()))
            }
        }
    }

    async fn stream_into(&mut self, writing: &mut FileWriter, head: Vec<u8>, field: FileField) -> Result<(), ApiError> {
        let limit = if field.is_video() { MAX_VIDEO_BYTES } else { MAX_IMAGE_BYTES };
        let mut next = Some(Bytes::from(head));
        while let Some(piece) = next {
            if writing.length + piece.len() as u64 > limit {
                let kind = if field.is_video() { "a video" } else { "a picture" };
                let message = format!("{}: at most {} MiB {kind}", field.name(), limit / (1024 * 1024));
                return Err(ApiError::too_large(message));
            }
            hold_bytes(self.permit.as_deref(), BodyPlace::Disk, &piece)?;
            writing.write_bytes(&piece).await?;
            next = self.parts.next_piece().await?;
        }
        Ok(())
    }

    /// Rebuilds a picture that is not stored, as if it were. A fault is reported with all other wrong fields.
    async fn rebuild_scratch_file(
        &mut self,
        file: File,
        media: Media,
        field: FileField,
    ) -> Result<(File, CheckedPicture), ApiError> {
        if media.is_video() {
            return Ok((file, CheckedPicture::default()));
        }
        let (file, found) = self.files.rebuild_scratch_picture(file, &self.holder).await?;
        let picture = found.unwrap_or_else(|fault| {
            self.received.checks.add_problem(field.name(), fault);
            CheckedPicture::default()
        });
        Ok((file, picture))
    }
}
