//! Settings for events.

use super::checks::WholeNumber;
use super::setting::define_settings;

define_settings! {
    EVENT_SETTINGS, "Events";

    /// Days for which events are kept: how long a reader of GET /api/events may be away without missing one
    EVENTS_KEPT_DAYS: WholeNumber<i64> = WholeNumber { least: 1, most: 365 }, DefaultText("30");
}
