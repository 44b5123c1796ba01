//! The document reading: what the local engines read on the pictures of a profile's document, so that they are not read again.

use super::id::RecordId;
use super::record;
use super::time::Millis;

record! {
    /// What was read on the pictures of one document. No answer shows it: it is judged anew whenever a verdict is needed.
    pub struct StoredReading in DocumentReadings {
        id: RecordId = Public Line [Column],
        /// A reading serves no other profile, even one with the same pictures.
        profile: RecordId = Public Line [Column],
        /// The SHA-256 of the picture of the front, and after a space that of the back. Who has a picture recognises it by
        /// that.
        pictures: String = Fields Paragraph [],
        /// The program and the weights that made it: [`vision::document::DocumentEngines::describe_version`].
        version: String = Public Line [],
        /// Base64 of the stored form: printed text, zone, barcode and the template of the portrait.
        reading: String = Biometric SentDocument [],
        created: Millis = Public Time [Column],
        /// From then on it is not used, and the next round of the clean-up removes it.
        expires: Millis = Public Time [Column],
    }
}
