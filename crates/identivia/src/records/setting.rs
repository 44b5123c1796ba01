//! The setting record: a value that operators set at run time.

use serde_json::value::RawValue;

use super::record;
use super::time::Millis;

record! {
    /// A stored setting.
    pub struct Setting in Settings {
        key: String = Public Line [Column],
        /// Any JSON.
        value: Box<RawValue> = Public Json [],
        /// Whether flow tokens see it.
        #[serde(default)]
        public: bool = Public Flag [],
        updated: Millis = Public Time [Column],
    }
}
