//! Forms that several tests send: a photo, and the record of a passport.

use reqwest::multipart::Form;

use crate::world::{file, picture, small_picture, texts};

/// A photo of one colour for a profile.
pub(crate) fn photo_form(shade: u8) -> Form {
    Form::new().part("facial_photo", file(small_picture(shade), "a.png"))
}

/// A verification record of the passport in the test data, whose liveness was checked elsewhere.
pub(crate) fn passport_record_form() -> Form {
    texts(&[
        ("liveness_session_id", "elsewhere"),
        ("liveness_confidence", "90"),
        ("liveness_status", "live"),
        ("document_type", "passport"),
        ("name", "Jane Specimen"),
        ("document_number", "A12345678"),
    ])
    .part("document_front", file(picture("passport.jpg"), "front.jpg"))
}
