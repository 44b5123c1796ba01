//! Points in time as the API writes them, and calendar dates.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, civil};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use utoipa::ToSchema;

/// Milliseconds since 1970-01-01 UTC. Shown as `2026-03-21 00:00:00.000Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, ToSchema)]
#[schema(as = RecordTime, value_type = String, pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2}\\.[0-9]{3}Z$", example = "2026-03-21 00:00:00.000Z")]
pub struct Millis(pub i64);

/// The API's own form, with a 0 for each digit.
const OWN_FORM: &[u8; 24] = b"0000-00-00 00:00:00.000Z";

impl Millis {
    /// The whole seconds since 1970, as JWTs count time (RFC 7519, `NumericDate`).
    #[must_use]
    pub fn seconds(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// This point in time, some seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds.saturating_mul(1_000)))
    }

    /// This point in time, some days of 24 hours later.
    #[must_use]
    pub fn plus_days(self, days: i64) -> Self {
        self.plus_seconds(days.saturating_mul(86_400))
    }

    /// RFC 3339 with a `T`: the form of the health report's `timestamp` and of a credential's `expiration`.
    #[must_use]
    pub fn rfc3339(self) -> String {
        self.to_text('T')
    }

    /// Reads RFC 3339, the API's own form with a space, or a bare date (its first millisecond, UTC).
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if let Some(time) = Self::parse_own_form(text) {
            return Some(time);
        }
        if let Some(date) = parse_date(text) {
            let midnight = date.to_zoned(TimeZone::UTC).ok()?;
            return Some(Self(midnight.timestamp().as_millisecond()));
        }
        let moment: Timestamp = text.parse().ok()?;
        Some(Self(moment.as_millisecond()))
    }

    /// Reads the API's own form alone: each write of a record reads several times, and a general parser takes several times as
    /// long.
    fn parse_own_form(text: &str) -> Option<Self> {
        let bytes: &[u8; OWN_FORM.len()] = text.as_bytes().try_into().ok()?;
        let mut numbers = [0_i16; 7];
        let mut place = 0;
        for (byte, shape) in bytes.iter().zip(OWN_FORM) {
            match shape {
                b'0' if byte.is_ascii_digit() => numbers[place] = numbers[place] * 10 + i16::from(byte - b'0'),
                _ if byte == shape => place += 1,
                _ => return None,
            }
        }
        let [year, month, day, hour, minute, second, millisecond] = numbers;
        let small = |number: i16| i8::try_from(number).ok();
        let nanoseconds = i32::from(millisecond) * 1_000_000;
        let at = civil::DateTime::new(
            year,
            small(month)?,
            small(day)?,
            small(hour)?,
            small(minute)?,
            small(second)?,
            nanoseconds,
        );
        Some(Self(TimeZone::UTC.to_timestamp(at.ok()?).ok()?.as_millisecond()))
    }

    /// Writes the digits itself: each read of a record writes several times, and `format!` costs several times as much.
    fn to_text(self, separator: char) -> String {
        let moment = Timestamp::from_millisecond(self.0).unwrap_or(Timestamp::UNIX_EPOCH);
        let at: civil::DateTime = TimeZone::UTC.to_datetime(moment);
        let mut text = String::with_capacity("2026-03-21 00:00:00.000Z".len());
        push_digits(&mut text, at.year(), 4);
        for (before, number) in [('-', at.month()), ('-', at.day()), (separator, at.hour())] {
            text.push(before);
            push_digits(&mut text, number.into(), 2);
        }
        for number in [at.minute(), at.second()] {
            text.push(':');
            push_digits(&mut text, number.into(), 2);
        }
        text.push('.');
        push_digits(&mut text, at.millisecond(), 3);
        text.push('Z');
        text
    }
}

/// Adds a number with leading zeros.
fn push_digits(text: &mut String, number: i16, digits: u32) {
    if number < 0 {
        text.push('-');
    }
    for place in (0..digits).rev() {
        let digit = number.unsigned_abs() / 10_u16.pow(place) % 10;
        text.push(char::from(b'0' + (digit as u8)));
    }
}

impl fmt::Display for Millis {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.to_text(' '))
    }
}

impl Serialize for Millis {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&self.to_text(' '))
    }
}

impl<'de> Deserialize<'de> for Millis {
    fn deserialize<D: Deserializer<'de>>(value: D) -> Result<Self, D::Error> {
        let text = String::deserialize(value)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("no time"))
    }
}

/// Reads a calendar date written `YYYY-MM-DD` (ISO 8601), which must exist.
#[must_use]
pub fn parse_date(text: &str) -> Option<Date> {
    let bytes = text.as_bytes();
    let shaped = bytes.len() == 10
        && bytes.iter().enumerate().all(|(at, byte)| match at {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    shaped.then(|| text.parse().ok()).flatten()
}

/// Reads a calendar date (ISO 8601), in the extended or the basic form, with or without a time and a zone. The date is the
/// written one: the zone does not move it.
#[must_use]
pub fn parse_iso_date(text: &str) -> Option<Date> {
    let (date, time) = match text.split_once(['T', 't', ' ']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    if time.is_some_and(|time| !is_time(time)) {
        return None;
    }
    let is_basic = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    let basic = is_basic.then(|| format!("{}-{}-{}", &date[..4], &date[4..6], &date[6..]));
    parse_date(basic.as_deref().unwrap_or(date))
}

/// Says whether a text is a time of day, with or without a zone as `Z` or a distance from UTC.
fn is_time(text: &str) -> bool {
    let zone = text.find(['Z', 'z', '+', '-']).unwrap_or(text.len());
    let (time, zone) = text.split_at(zone);
    let is_digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let is_zone = matches!(zone, "" | "Z" | "z") || (is_digits(&zone[1..]) && matches!(zone.len(), 3 | 5 | 6));
    is_zone && time.bytes().next().is_some_and(|byte| byte.is_ascii_digit()) && time.parse::<civil::Time>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_as_the_reference_writes_it() {
        let spring = Millis::parse("2026-03-21").unwrap();
        assert_eq!(spring.to_string(), "2026-03-21 00:00:00.000Z");
        assert_eq!(spring.rfc3339(), "2026-03-21T00:00:00.000Z");
    }

    #[test]
    fn reads_what_it_writes() {
        for millis in [0, 1, 999, 1_774_051_200_123, -1] {
            let written = Millis(millis).to_string();
            assert_eq!(Millis::parse(&written), Some(Millis(millis)), "{written}");
        }
    }

    #[test]
    fn own_form_is_read_as_any_reader_of_rfc_3339_reads_it() {
        for text in [
            "2026-03-21 00:00:00.000Z",
            "2024-02-29 23:59:59.999Z",
            "1969-12-31 23:59:59.001Z",
            "2026-02-30 00:00:00.000Z",
            "2026-13-01 00:00:00.000Z",
            "2026-03-21 24:00:00.000Z",
            "2026-03-21 00:60:00.000Z",
            "2026-03-21T00:00:00.000Z",
            "2026-03-21 00:00:00.00-Z",
            "2026 03 21 00 00 00 000Z",
        ] {
            let moment: Option<Timestamp> = text.parse().ok();
            let expected = moment.filter(|_| !text.contains('T')).map(|moment| Millis(moment.as_millisecond()));
            assert_eq!(Millis::parse_own_form(text), expected, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_no_date() {
        for text in ["", "2026-02-30", "2026-13-01", "26-01-01", "2026/01/01", "2026-1-1", "+026-01-01", "yesterday"] {
            assert!(parse_date(text).is_none(), "{text}");
        }
    }
}
