//! The pictures of a record, and what the engines find in them.

use vision::document::{Date, DocumentReading};
use vision::face::{Embedding, Face};
use vision::intake::{self, Photo};

use crate::domain::document_editors::DocumentEditors;
use crate::files::{Files, FilesError, StoredPath};
use crate::providers::documents::local::PICTURE_SIDE;
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::LocalEngines;
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
}

/// What the engines found in the pictures.
pub(super) struct ObservedImages {
    pub(super) document: Option<DocumentReading>,
    pub(super) portrait: Option<MeasuredFace>,
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

/// Reads the document and measures the faces, one picture after the other: at most the document's two sides are decoded at
/// once.
pub(super) fn observe_images(
    engines: &LocalEngines,
    images: &RecordImages,
    today: Date,
) -> Result<ObservedImages, ProviderError> {
    let (document, portrait) = match decode_side(images.front.as_deref(), images.editors.front.as_deref()) {
        Some(front) => {
            let back = decode_side(images.back.as_deref(), images.editors.back.as_deref());
            let by = vision::document::DocumentEngines { text: &engines.text, faces: &engines.faces };
            let document = vision::document::read_document(&by, &front, back.as_ref(), today)?;
            let portrait = document.portrait.as_ref().map(|portrait| MeasuredFace {
                embedding: portrait.embedding.clone(),
                eye_distance: portrait.face.eye_distance,
            });
            (Some(document), portrait)
        }
        None => (None, None),
    };
    Ok(ObservedImages {
        document,
        portrait,
        selfie: measure_largest_face(engines, images.selfie.as_deref())?,
        live: measure_largest_face(engines, images.live.as_deref())?,
    })
}

fn decode_photo(bytes: impl AsRef<[u8]>) -> Option<Photo> {
    intake::decode_photo(bytes.as_ref(), PICTURE_SIDE).ok()
}

/// Decodes a side of the document, with the editing program that it named when it was sent.
fn decode_side(bytes: Option<&[u8]>, editor: Option<&str>) -> Option<Photo> {
    let mut photo = bytes.and_then(decode_photo)?;
    if let Some(editor) = editor {
        photo.tags.software = Some(editor.to_owned());
    }
    Some(photo)
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
    Ok(MeasuredFace { embedding, eye_distance: face.eye_distance })
}
