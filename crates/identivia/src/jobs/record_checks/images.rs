//! The pictures of a record, and what the engines find in them.

use vision::document::DocumentReading;
use vision::face::{Embedding, Face};
use vision::intake::{self, Photo};

use crate::domain::document_editors::DocumentEditors;
use crate::files::{Files, FilesError, StoredPath};
use crate::providers::documents::kept_readings::{PICTURE_SIDE, SideBytes};
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::LocalEngines;
use crate::records::checks::ImagePoint;
use crate::records::liveness_session::LivenessSession;
use crate::records::verification_record::VerificationRecord;
use crate::store::Collection;

/// The stored pictures of a record; `None` where the record names none.
pub(super) struct RecordImages {
    front: Option<Vec<u8>>,
    back: Option<Vec<u8>>,
    /// The editing programs that the two sides named when they were sent: the stored pictures name none.
    editors: DocumentEditors,
    selfie: Option<Vec<u8>>,
    /// The reference image of the liveness session.
    live: Option<Vec<u8>>,
}

/// A measured face.
pub(super) struct MeasuredFace {
    pub(super) embedding: Embedding,
    /// Pixels between the eyes.
    pub(super) eye_distance: f32,
    /// The person's right and left eye, in shares of the picture; `None` where the landmarks are no places in it.
    pub(super) eyes: Option<[ImagePoint; 2]>,
}

/// What the engines found in the pictures.
pub(super) struct ObservedImages {
    pub(super) document: Option<DocumentReading>,
    pub(super) portrait: Option<MeasuredFace>,
    /// Whether the portrait is in the picture of the back.
    pub(super) is_portrait_on_back: bool,
    pub(super) selfie: Option<MeasuredFace>,
    /// Of the liveness session's reference image.
    pub(super) live: Option<MeasuredFace>,
}

/// Reads the pictures of a record, and the reference image of its liveness session.
pub(super) async fn read_images(
    files: &Files,
    record: &VerificationRecord,
    session: Option<&LivenessSession>,
) -> Result<RecordImages, FilesError> {
    let own = async |field: &str, name: &str| {
        let (collection, record) = (Collection::VerificationHistory, record.id);
        read_if_named(files, StoredPath { collection, record, name: name.to_owned() }, field).await
    };
    let live = match session {
        Some(session) => {
            let name = session.reference_image.clone().unwrap_or_default();
            let collection = Collection::LivenessSessions;
            read_if_named(files, StoredPath { collection, record: session.files_id, name }, "reference_image").await?
        }
        None => None,
    };
    Ok(RecordImages {
        front: own("document_front", &record.document_front).await?,
        back: own("document_back", &record.document_back).await?,
        editors: DocumentEditors {
            front: record.document_front_editor.clone(),
            back: record.document_back_editor.clone(),
        },
        selfie: own("facial_photo", &record.facial_photo).await?,
        live,
    })
}

/// Reads the file of a field. A field that names none is skipped; a file that is missing is an error, because its record was
/// made with it.
async fn read_if_named(files: &Files, path: StoredPath, field: &str) -> Result<Option<Vec<u8>>, FilesError> {
    if path.name.is_empty() {
        return Ok(None);
    }
    match files.read_stored_file(&path).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FilesError::Gone) => {
            files.report_missing_file(&path, field);
            Err(FilesError::Gone)
        }
        Err(error) => Err(error),
    }
}

impl RecordImages {
    /// Takes the pictures of the document, if there is one of its front.
    pub(super) fn take_document(&mut self) -> Option<SideBytes> {
        let front = self.front.take()?;
        Some(SideBytes { front, back: self.back.take() })
    }

    /// The editing programs that the two sides named when they were sent.
    pub(super) fn editors(&self) -> &DocumentEditors {
        &self.editors
    }
}

/// Measures the faces, one picture after the other, and adds what was read on the document.
pub(super) fn observe_images(
    engines: &LocalEngines,
    images: &RecordImages,
    document: Option<DocumentReading>,
) -> Result<ObservedImages, ProviderError> {
    let found = document.as_ref().and_then(|document| document.portrait.as_ref());
    let portrait = found.map(|portrait| MeasuredFace {
        embedding: portrait.embedding.clone(),
        eye_distance: portrait.face.eye_distance,
        eyes: portrait.eyes.and_then(|eyes| to_shares(eyes, (1, 1))),
    });
    Ok(ObservedImages {
        is_portrait_on_back: found.is_some_and(|portrait| portrait.on_back),
        portrait,
        document,
        selfie: measure_largest_face(engines, images.selfie.as_deref())?,
        live: measure_largest_face(engines, images.live.as_deref())?,
    })
}

fn decode_photo(bytes: impl AsRef<[u8]>) -> Option<Photo> {
    intake::decode_photo(bytes.as_ref(), PICTURE_SIDE).ok()
}

/// Measures the largest face of a picture.
fn measure_largest_face(engines: &LocalEngines, bytes: Option<&[u8]>) -> Result<Option<MeasuredFace>, ProviderError> {
    let Some(photo) = bytes.and_then(decode_photo) else { return Ok(None) };
    match engines.faces.find_faces(&photo.image)?.first() {
        Some(face) => measure_face(engines, &photo, face).map(Some),
        None => Ok(None),
    }
}

fn measure_face(engines: &LocalEngines, photo: &Photo, face: &Face) -> Result<MeasuredFace, ProviderError> {
    let embedding = engines.faces.compute_embedding(&photo.image, face)?;
    let size = photo.image.dimensions();
    let eyes = face.eye_centres().and_then(|eyes| to_shares(eyes, size));
    Ok(MeasuredFace { embedding, eye_distance: face.eye_distance, eyes })
}

/// Places in shares of a picture of that size, with four digits; `None` where one of them is far outside.
fn to_shares(eyes: [[f32; 2]; 2], (width, height): (u32, u32)) -> Option<[ImagePoint; 2]> {
    let share = |place: f32, side: u32| {
        let share = f64::from(place) / f64::from(side.max(1));
        // A landmark may lie a little beyond the edge of a picture that cuts the face.
        (-0.05..=1.05).contains(&share).then(|| (share.clamp(0.0, 1.0) * 10_000.0).round() / 10_000.0)
    };
    let point = |[x, y]: [f32; 2]| Some(ImagePoint { x: share(x, width)?, y: share(y, height)? });
    let [right, left] = eyes;
    Some([point(right)?, point(left)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eyes_are_shares_of_the_picture_and_none_outside_of_it() {
        let point = |x, y| ImagePoint { x, y };
        let found = to_shares([[100.0, 50.0], [133.333, 100.0]], (400, 200));
        assert_eq!(found, Some([point(0.25, 0.25), point(0.3333, 0.5)]));
        assert_eq!(to_shares([[-4.0, 0.0], [404.0, 200.0]], (400, 200)), Some([point(0.0, 0.0), point(1.0, 1.0)]));
        for outside in [[-40.0, 0.0], [0.0, 300.0], [f32::NAN, 0.0], [f32::INFINITY, 0.0]] {
            assert_eq!(to_shares([[1.0, 1.0], outside], (400, 200)), None, "{outside:?}");
        }
        assert_eq!(to_shares([[1.0, 1.0], [2.0, 2.0]], (0, 0)), None);
    }
}
