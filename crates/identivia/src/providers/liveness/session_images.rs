//! The images that a provider reports of a session: checked, rebuilt and stored like any other picture.

use std::sync::Arc;

use super::provider::{SessionImage, SessionReport};
use crate::domain::media::Media;
use crate::files::upload::Upload;
use crate::files::{Files, FilesError};
use crate::records::liveness_session::{LivenessSession, SESSION_FILES, SessionDetails};
use crate::work::holder::WorkHolder;

/// Stores a report's images and returns the session with the whole report.
pub(super) async fn store_images(
    before: LivenessSession,
    report: SessionReport,
    files: &Arc<Files>,
    upload: &mut Upload,
) -> Result<LivenessSession, FilesError> {
    let mut session = LivenessSession { status: report.status, confidence: report.confidence, ..before };
    session.details = SessionDetails {
        challenge: report.challenge,
        feedback: report.feedback,
        bounding_boxes: Vec::new(),
        task: session.details.task,
    };
    let mut stored: [Option<String>; SESSION_FILES.len()] = Default::default();
    let images = std::iter::once(report.reference_image).chain(report.audit_images.into_iter().map(Some));
    for (index, image) in images.enumerate().take(SESSION_FILES.len()) {
        session.details.bounding_boxes.push(image.as_ref().and_then(|image| image.bounding_box));
        if let Some(image) = image {
            stored[index] = store_image(files, upload, SESSION_FILES[index], &image).await?;
        }
    }
    session.set_files(stored);
    Ok(session)
}

/// Stores a provider's image, rebuilt like any other picture, and returns its stored name. AWS documents JPEG. What is no
/// picture is not stored: the result counts without it.
async fn store_image(
    files: &Arc<Files>,
    upload: &mut Upload,
    name: &str,
    image: &SessionImage,
) -> Result<Option<String>, FilesError> {
    let mut received = files.create_scratch_file().await?;
    received.write_bytes(&image.bytes).await?;
    // A file at its place cannot be taken back, so the image is checked before one is created.
    let (_, checked) = files.check_picture(received.finish_file().await?, &WorkHolder::Jobs).await?;
    let media = Media::sniff(&image.bytes).filter(|media| !media.is_video());
    let (Some(media), Ok(_)) = (media, checked) else {
        tracing::error!(image = name, "a provider's image does not decode and was not stored");
        return Ok(None);
    };
    let (mut writer, stored) = upload.create_file(name, media).await?;
    writer.write_bytes(&image.bytes).await?;
    let rebuilt = files
        .rebuild_picture(writer.finish_file().await?, &WorkHolder::Jobs)
        .await?
        .map_err(FilesError::UnfitPicture)?;
    upload.store_file(&stored, rebuilt.file).await?;
    Ok(Some(stored))
}
