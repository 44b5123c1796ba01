//! Dates of the machine-readable zone: two-digit years, parts that may be unknown, and the choice of the century.

use crate::calendar::days_in_month;

/// A date as the zone prints it (ICAO 9303 part 3, section 4.8). Fillers mean unknown: `None`. So do zeros, which some
/// issuers print for an unknown day, month or date. Digits that are not a date, such as a month 13, are kept as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MrzDate {
    /// The year's last two digits, 0..=99.
    pub year: Option<u8>,
    pub month: Option<u8>,
    pub day: Option<u8>,
}

/// A date of the Gregorian calendar whose month or day may be unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CalendarDate {
    pub year: u16,
    /// 1..=12.
    pub month: Option<u8>,
    /// 1..=31, and no more than the month has.
    pub day: Option<u8>,
}

impl MrzDate {
    pub(crate) fn parse(printed: &[u8]) -> Self {
        let part = |start: usize| {
            let digits = printed.get(start..start + 2)?;
            std::str::from_utf8(digits).ok()?.parse().ok()
        };
        let (year, month, day) = (part(0), part(2), part(4).filter(|day| *day != 0));
        // A month of zeros before a day is no date at all.
        let month = month.filter(|month| *month != 0 || day.is_some());
        let is_unknown = year == Some(0) && month.is_none() && day.is_none() && printed.starts_with(b"0000");
        Self { year: year.filter(|_| !is_unknown), month, day }
    }

    /// The birth date: the latest matching date that is not after `today`. `None` if the year is unknown or the
    /// calendar has no such date.
    #[must_use]
    pub fn to_birth_date(self, today: CalendarDate) -> Option<CalendarDate> {
        let year = u16::from(self.year?);
        let candidates = [today.year / 100 * 100 + year, (today.year / 100).checked_sub(1)? * 100 + year];
        let mut dates = candidates.into_iter().filter_map(|year| self.in_year_if_valid(year));
        dates.find(|date| date.can_be_by(today))
    }

    /// The expiry date: the matching date within 50 years of `today`, before or after (documents run at most some
    /// decades). `None` if the year is unknown or the calendar has no such date.
    #[must_use]
    pub fn to_expiry_date(self, today: CalendarDate) -> Option<CalendarDate> {
        let ahead = (100 + u16::from(self.year?) - today.year % 100) % 100;
        let year = today.year + ahead;
        self.in_year_if_valid(if ahead < 50 { year } else { year.checked_sub(100)? })
    }

    fn in_year_if_valid(self, year: u16) -> Option<CalendarDate> {
        if self.month.is_some_and(|month| !(1..=12).contains(&month)) {
            return None;
        }
        let most = self.month.map_or(31, |month| days_in_month(year, month));
        if self.day.is_some_and(|day| !(1..=most).contains(&day)) {
            return None;
        }
        Some(CalendarDate { year, month: self.month, day: self.day })
    }
}

impl CalendarDate {
    /// Whether it can lie on or before `today`, for any values of its unknown parts.
    fn can_be_by(self, today: Self) -> bool {
        let first = (self.year, self.month.unwrap_or(1), self.day.unwrap_or(1));
        first <= (today.year, today.month.unwrap_or(12), today.day.unwrap_or(31))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TODAY: CalendarDate = CalendarDate { year: 2025, month: Some(6), day: Some(15) };

    fn birth(printed: &str) -> Option<CalendarDate> {
        MrzDate::parse(printed.as_bytes()).to_birth_date(TODAY)
    }

    fn date(year: u16, month: u8, day: u8) -> Option<CalendarDate> {
        Some(CalendarDate { year, month: Some(month), day: Some(day) })
    }

    #[test]
    fn birth_date_is_not_after_today() {
        assert_eq!(birth("250615"), date(2025, 6, 15));
        assert_eq!(birth("250616"), date(1925, 6, 16));
        assert_eq!(birth("000229"), date(2000, 2, 29));
        assert_eq!(birth("740812"), date(1974, 8, 12));
    }

    #[test]
    fn unknown_parts_stay_unknown() {
        assert_eq!(birth("25<<<<"), Some(CalendarDate { year: 2025, month: None, day: None }));
        assert_eq!(birth("2507<<"), Some(CalendarDate { year: 1925, month: Some(7), day: None }));
        assert_eq!(birth("<<<<<<"), None);
        assert_eq!(birth("740400"), Some(CalendarDate { year: 1974, month: Some(4), day: None }));
        assert_eq!(birth("740000"), birth("74<<<<"));
        assert_eq!(birth("7400<<"), birth("74<<<<"));
        assert_eq!(birth("00<<<<"), Some(CalendarDate { year: 2000, month: None, day: None }));
        assert_eq!(birth("000000"), None);
    }

    #[test]
    fn days_outside_the_calendar_are_no_date() {
        for printed in ["741312", "740230", "740012", "250229"] {
            assert_eq!(birth(printed), None, "{printed}");
        }
    }

    #[test]
    fn expiry_is_within_fifty_years() {
        let expiry = |printed: &str| MrzDate::parse(printed.as_bytes()).to_expiry_date(TODAY);
        assert_eq!(expiry("350101"), date(2035, 1, 1));
        assert_eq!(expiry("740101"), date(2074, 1, 1));
        assert_eq!(expiry("750101"), date(1975, 1, 1));
        assert_eq!(expiry("940623"), date(1994, 6, 23));
    }
}
