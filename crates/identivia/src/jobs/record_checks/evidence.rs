//! What a record's checks look at: its pictures, and what the engines see in them.

use vision::document::{Date, DocumentReading};
use vision::face::{Embedding, Face};
use vision::intake::{Photo, decode_photo};

use crate::domain::liveness::Session;
use crate::domain::verification::VerificationRecord;
use crate::files::{Files, FilesError, Spot};
use crate::providers::documents::local::PICTURE_SIDE;
use crate::providers::http_call::ProviderError;
use crate::providers::local_engines::Engines;
use crate::store::Collection;

/// The stored pictures; `None` where there is none.
pub(super) struct Images {
    front: Option<Vec<u8>>,
    back: Option<Vec<u8>>,
    selfie: Option<Vec<u8>>,
    /// What the liveness provider itself saw.
    live: Option<Vec<u8>>,
}

/// A face, measured.
pub(super) struct Measured {
    pub(super) embedding: Embedding,
    /// Pixels between the eyes.
    pub(super) eye_distance: f32,
}

/// What the engines saw.
pub(super) struct Seen {
    pub(super) document: Option<DocumentReading>,
    pub(super) portrait: Option<Measured>,
    pub(super) selfie: Option<Measured>,
    /// Of the liveness provider's own image.
    pub(super) live: Option<Measured>,
}

/// Reads the pictures of a record, and the reference image of its liveness session.
pub(super) async fn gather(
    files: &Files,
    record: &VerificationRecord,
    session: Option<&Session>,
) -> Result<Images, FilesError> {
    let own = async |name: &str| {
        let (collection, record) = (Collection::VerificationHistory, record.id);
        read(files, Spot { collection, record, name: name.to_owned() }).await
    };
    let live = match session {
        Some(session) => {
            let (collection, name) = (Collection::LivenessSessions, session.files[0].clone());
            read(files, Spot { collection, record: session.key(), name }).await?
        }
        None => None,
    };
    Ok(Images {
        front: own(&record.document_front).await?,
        back: own(&record.document_back).await?,
        selfie: own(&record.facial_photo).await?,
        live,
    })
}

/// A file that is not there is nothing to look at; one that cannot be read now is.
async fn read(files: &Files, spot: Spot) -> Result<Option<Vec<u8>>, FilesError> {
    if spot.name.is_empty() {
        return Ok(None);
    }
    match files.read_whole(&spot).await {
        Ok(bytes) => Ok(Some(bytes)),
        Err(FilesError::Gone) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Looks at the pictures, one after the other: no more than the document's two sides are decoded at once.
pub(super) fn look_at(engines: &Engines, images: &Images, today: Date) -> Result<Seen, ProviderError> {
    let (document, portrait) = match images.front.as_deref().and_then(decoded) {
        Some(front) => {
            let back = images.back.as_deref().and_then(decoded);
            let by = vision::document::DocumentEngines { text: &engines.text, faces: &engines.faces };
            let document = vision::document::read_document(&by, &front, back.as_ref(), today)?;
            let portrait = match &document.portrait {
                Some(portrait) => {
                    let side = if portrait.on_back { back.as_ref().unwrap_or(&front) } else { &front };
                    Some(measured(engines, side, &portrait.face)?)
                }
                None => None,
            };
            (Some(document), portrait)
        }
        None => (None, None),
    };
    Ok(Seen {
        document,
        portrait,
        selfie: main_face(engines, images.selfie.as_deref())?,
        live: main_face(engines, images.live.as_deref())?,
    })
}

fn decoded(bytes: impl AsRef<[u8]>) -> Option<Photo> {
    decode_photo(bytes.as_ref(), PICTURE_SIDE).ok()
}

/// The largest face of a picture.
fn main_face(engines: &Engines, bytes: Option<&[u8]>) -> Result<Option<Measured>, ProviderError> {
    let Some(photo) = bytes.and_then(decoded) else { return Ok(None) };
    match engines.faces.find_faces(&photo.image)?.first() {
        Some(face) => measured(engines, &photo, face).map(Some),
        None => Ok(None),
    }
}

fn measured(engines: &Engines, photo: &Photo, face: &Face) -> Result<Measured, ProviderError> {
    let embedding = engines.faces.compute_embedding(&photo.image, face)?;
    Ok(Measured { embedding, eye_distance: face.eye_distance })
}
