//! The frame record: the hash of a judged camera frame, and an imprint that finds the frame again after re-encoding.

use super::id::RecordId;
use super::record;
use super::serde_forms::unknown_as_empty;
use super::time::Millis;

record! {
    /// A camera frame that was judged. Its id is the hash of its pixels: a frame that comes again is a replay.
    pub struct LivenessFrame in LivenessFrames {
        id: RecordId = Public Line [Column],
        session: String = Public Line [Column],
        /// 6 hexadecimal digits that similar frames mostly share; `None` where a frame shows no face.
        #[serde(default, with = "unknown_as_empty")]
        imprint_key: Option<String> = Biometric Line [Column],
        /// Base64.
        #[serde(default, with = "unknown_as_empty")]
        imprint: Option<String> = Biometric Paragraph [],
        created: Millis = Public Time [Column],
    }
}
