//! The pictures of a case: of the document, of the face, and of the liveness check.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::breakdown::KnownChecks;
use crate::http::error::ApiError;
use crate::http::guard::request_context::RequestContext;
use crate::records::Collection;
use crate::records::checks::ImagePoint;
use crate::records::id::RecordId;
use crate::records::liveness_session::LivenessSession;
use crate::records::verification_record::VerificationRecord;

/// A picture of a case.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewImage)]
#[schema(example = json!({"name": "document_front",
    "url": "/api/files/verification_history/vh23def456ghi78/front_a1b2c3d4e5.jpg", "boxes": [],
    "eyes": {"right": {"x": 0.1432, "y": 0.3511}, "left": {"x": 0.2107, "y": 0.3498}}}))]
pub(super) struct CaseImage {
    /// `document_front`, `document_back`, `facial_photo`, `liveness_reference`, `frame_1`, …
    name: String,
    url: String,
    /// Where findings point to.
    boxes: Vec<ImageBox>,
    /// Where the eyes of the face are; `null` where none was found.
    #[schema(required = true)]
    eyes: Option<ImageEyes>,
}

/// The places of two eyes.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[schema(as = ReviewImageEyes)]
struct ImageEyes {
    right: ImagePoint,
    left: ImagePoint,
}

/// A part of a picture, in shares of its width and height.
#[derive(Serialize, ToSchema)]
#[schema(as = ReviewImageBox)]
struct ImageBox {
    /// What is there, such as `face`.
    finding: String,
    x: f64,
    y: f64,
    width: f64,
    height: f64,
}

/// The pictures of a record.
pub(super) async fn list_images(
    context: &RequestContext,
    record: &VerificationRecord,
    checks: &KnownChecks,
) -> Result<Vec<CaseImage>, ApiError> {
    let files = [
        ("document_front", &record.document_front),
        ("document_back", &record.document_back),
        ("facial_photo", &record.facial_photo),
    ];
    let sent = files.into_iter().filter(|(_, name)| !name.is_empty());
    let mut images: Vec<CaseImage> = sent
        .map(|(name, stored)| to_case_image(name.to_owned(), Collection::VerificationHistory, record.id, stored))
        .collect();
    let session = context.app.store.session(&record.liveness_session_id).await?;
    // A session that a server only names may be another profile's.
    if let Some(session) = session.filter(|session| session.profile == Some(record.profile)) {
        images.extend(session_images(&session));
    }
    add_eyes(&mut images, checks);
    Ok(images)
}

/// Adds where the checks have found the eyes.
fn add_eyes(images: &mut [CaseImage], checks: &KnownChecks) {
    let KnownChecks::Done(checks) = checks else { return };
    for found in checks.iter().flat_map(|check| &check.eyes) {
        for image in images.iter_mut().filter(|image| image.name == found.image) {
            image.eyes = Some(ImageEyes { right: found.right, left: found.left });
        }
    }
}

fn to_case_image(name: String, collection: Collection, record: RecordId, stored: &str) -> CaseImage {
    CaseImage {
        name,
        url: format!("/api/files/{}/{record}/{stored}", collection.name()),
        boxes: Vec::new(),
        eyes: None,
    }
}

fn session_images(session: &LivenessSession) -> Vec<CaseImage> {
    let stored = session.files();
    let names = (0..stored.len())
        .map(|number| if number == 0 { "liveness_reference".to_owned() } else { format!("frame_{number}") });
    let boxes = session.details.bounding_boxes.iter().copied().chain(std::iter::repeat(None));
    let images = names.zip(stored).zip(boxes).filter_map(|((name, stored), face)| Some((name, stored?, face)));
    images
        .map(|(name, stored, face)| {
            let face = face.map(|face| ImageBox {
                finding: "face".to_owned(),
                x: face.left,
                y: face.top,
                width: face.width,
                height: face.height,
            });
            let boxes = face.into_iter().collect();
            CaseImage { boxes, ..to_case_image(name, Collection::LivenessSessions, session.files_id, stored) }
        })
        .collect()
}
