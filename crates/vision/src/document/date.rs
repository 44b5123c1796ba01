//! Calendar dates: exact ones, those of machine-readable sources, and printed ones.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::calendar::days_in_month;

use super::letters::fold_to_ascii;

/// A day of the Gregorian calendar that exists, from 1800 to 2199; shown as `YYYY-MM-DD` (ISO 8601).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

impl Date {
    /// Takes a year from 1800 to 2199, a month from 1 and a day from 1; `None` for a day that does not exist.
    #[must_use]
    pub fn new(year: u16, month: u8, day: u8) -> Option<Self> {
        let exists = (1800..2200).contains(&year) && day >= 1 && day <= days_in_month(year, month);
        exists.then_some(Self { year, month, day })
    }

    /// The year, 1800 to 2199.
    #[must_use]
    pub fn year(self) -> u16 {
        self.year
    }

    /// The month, 1 to 12.
    #[must_use]
    pub fn month(self) -> u8 {
        self.month
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub fn day(self) -> u8 {
        self.day
    }

    /// The same day some years later; 1 March instead of 29 February in a common year.
    pub(super) fn add_years(self, years: u16) -> Self {
        let year = self.year.saturating_add(years).min(2199);
        Self::new(year, self.month, self.day).unwrap_or(Self { year, month: 3, day: 1 })
    }
}

impl fmt::Display for Date {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }
}

impl Serialize for Date {
    fn serialize<S: Serializer>(&self, out: S) -> Result<S::Ok, S::Error> {
        out.collect_str(self)
    }
}

/// A date of a zone or a barcode: month and day may be unknown, the century may be a guess, and the day may not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClaimedDate {
    pub(super) year: u16,
    pub(super) month: Option<u8>,
    pub(super) day: Option<u8>,
    /// Whether the year was written in four digits.
    pub(super) full_year: bool,
}

impl ClaimedDate {
    /// The exact day, if all of it is known and it exists.
    pub(super) fn to_exact_date(self) -> Option<Date> {
        Date::new(self.year, self.month?, self.day?)
    }

    /// The last day it may be: a document without a day is valid until then.
    pub(super) fn latest_day(self) -> Option<Date> {
        let month = self.month.unwrap_or(12);
        Date::new(self.year, month, self.day.unwrap_or_else(|| days_in_month(self.year, month)))
    }

    /// The first day it may be.
    pub(super) fn earliest_day(self) -> Option<Date> {
        Date::new(self.year, self.month.unwrap_or(1), self.day.unwrap_or(1))
    }

    /// Whether such a day exists, as far as it is known.
    pub(super) fn can_exist(self) -> bool {
        self.latest_day().is_some()
    }

    /// Whether a printed date may be this one. Unknown parts agree with anything.
    pub(super) fn agrees_with(self, printed: PrintedDate) -> bool {
        let centuries = self.full_year && printed.full_year;
        let years = if centuries { self.year == printed.year } else { self.year % 100 == printed.year % 100 };
        years && self.month.is_none_or(|month| month == printed.month) && self.day.is_none_or(|day| day == printed.day)
    }

    /// Whether digits without separators are this date: recognisers lose spaces and dots.
    pub(super) fn agrees_with_digits(self, digits: &str) -> bool {
        let (year, Some(month), Some(day)) = (self.year, self.month, self.day) else { return false };
        digits == format!("{day:02}{month:02}{year:04}")
            || digits == format!("{month:02}{day:02}{year:04}")
            || digits == format!("{year:04}{month:02}{day:02}")
    }
}

/// One interpretation of a printed date. The day may not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct PrintedDate {
    /// Two digits if only two were printed.
    pub(super) year: u16,
    pub(super) full_year: bool,
    pub(super) month: u8,
    pub(super) day: u8,
    /// Whether the month is before the day in this interpretation, as in North America.
    pub(super) month_first: bool,
}

impl PrintedDate {
    /// The day itself. A two-digit year gets the latest century that ends at most `ahead` years after today.
    pub(super) fn to_date(self, today: Date, ahead: u16) -> Option<Date> {
        let year = if self.full_year { self.year } else { add_century(self.year, today, ahead) };
        Date::new(year, self.month, self.day)
    }
}

/// Completes a two-digit year to the latest year that is at most `ahead` years after today.
pub(super) fn add_century(two_digits: u16, today: Date, ahead: u16) -> u16 {
    let latest = today.year() + ahead;
    let year = latest - latest % 100 + two_digits % 100;
    if year > latest { year - 100 } else { year }
}

/// The dates printed in a line, each with all its interpretations: `05/06/1974` has two.
pub(super) fn find_printed_dates(text: &str) -> Vec<Vec<PrintedDate>> {
    let atoms = split_tokens(text);
    let mut used = vec![false; atoms.len()];
    let mut dates = Vec::new();
    // Four digits are surely a year; the remaining tokens are searched for two-digit years.
    for full_year in [true, false] {
        for at in 0..atoms.len() {
            let Some((readings, length)) = parse_date_at(atoms.get(at..).unwrap_or_default(), full_year) else {
                continue;
            };
            let Some(taken) = used.get_mut(at..at + length) else { continue };
            if taken.contains(&true) {
                continue;
            }
            taken.fill(true);
            dates.push(readings);
        }
    }
    dates
}

/// A run of digits or of letters, with the characters before it.
#[derive(Debug, PartialEq)]
struct DateToken {
    before: String,
    text: String,
    number: Option<u16>,
}

fn split_tokens(text: &str) -> Vec<DateToken> {
    let text = restore_digits(text);
    let mut atoms: Vec<DateToken> = Vec::new();
    let mut before = String::new();
    let mut last = ' ';
    for letter in text.chars() {
        let same = letter.is_ascii_digit() == last.is_ascii_digit() && letter.is_alphabetic() == last.is_alphabetic();
        match atoms.last_mut() {
            _ if !letter.is_alphanumeric() => before.push(letter),
            Some(atom) if same && before.is_empty() => atom.text.push(letter),
            _ => atoms.push(DateToken { before: std::mem::take(&mut before), text: letter.to_string(), number: None }),
        }
        last = letter;
    }
    for atom in &mut atoms {
        atom.number = if atom.text.len() <= 4 { atom.text.parse().ok() } else { None };
    }
    atoms
}

/// Replaces `O`, `I` and `l` next to digits by 0 and 1: no month has such letters.
fn restore_digits(text: &str) -> String {
    let letters: Vec<char> = text.chars().collect();
    let digit = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(char::is_ascii_digit);
    let letter = |at: Option<usize>| at.and_then(|at| letters.get(at)).is_some_and(|letter| letter.is_alphabetic());
    let proven = |(at, letter_here): (usize, &char)| {
        let (previous, next) = (at.checked_sub(1), Some(at + 1));
        let alone = (digit(previous) || digit(next)) && !letter(previous) && !letter(next);
        match letter_here {
            'O' | 'o' if alone => '0',
            'I' | 'l' if alone => '1',
            other => *other,
        }
    };
    letters.iter().enumerate().map(proven).collect()
}

/// The date that begins with the first of these tokens: all its interpretations, and the number of tokens it takes.
fn parse_date_at(atoms: &[DateToken], full_year: bool) -> Option<(Vec<PrintedDate>, usize)> {
    parse_numeric_date(atoms, full_year).map(|readings| (readings, 3)).or_else(|| parse_named_date(atoms, full_year))
}

fn parse_numeric_date(atoms: &[DateToken], full_year: bool) -> Option<Vec<PrintedDate>> {
    let [first, second, third, ..] = atoms else { return None };
    let separator = second.before.trim();
    let separated = separator == third.before.trim() && matches!(separator, "." | "/" | "-" | "," | "");
    let lengths = [first.text.len(), second.text.len(), third.text.len()];
    let (a, b, c) = (first.number?, second.number?, third.number?);
    if !separated || second.before.is_empty() || third.before.is_empty() {
        return None;
    }
    let orders: &[(u16, u16, u16, bool)] = match lengths {
        [4, 1..=2, 1..=2] if full_year => &[(a, b, c, false)],
        [1..=2, 1..=2, 4] if full_year => &[(c, b, a, false), (c, a, b, true)],
        [2, 2, 2] if !full_year && !separator.is_empty() => &[(c, b, a, false), (c, a, b, true), (a, b, c, false)],
        _ => return None,
    };
    let mut readings: Vec<PrintedDate> = Vec::new();
    for (year, month, day, month_first) in orders {
        // A month that comes first is never followed by a dot.
        let written = !(*month_first && separator == ".");
        let Some(date) = to_plausible_date(*year, full_year, *month, *day).filter(|_| written) else { continue };
        if !readings.iter().any(|known| (known.year, known.month, known.day) == (date.year, date.month, date.day)) {
            readings.push(PrintedDate { month_first: *month_first, ..date });
        }
    }
    (!readings.is_empty()).then_some(readings)
}

/// `12 AUG 1974`, `12 AUG/AOUT 74`, `12. August 1974`, `AUG 12, 1974`, `12 de agosto de 1974`.
fn parse_named_date(atoms: &[DateToken], full_year: bool) -> Option<(Vec<PrintedDate>, usize)> {
    let (first, rest) = atoms.split_first()?;
    // `2031-SEP-14`, as in Canada.
    if let (true, Some(year), [month, day, ..]) = (full_year, to_year_number(first, true), rest)
        && let Some(month) = month_from_name(&month.text)
    {
        return Some((vec![to_plausible_date(year, true, month, to_day_number(day)?)?], 3));
    }
    if let Some(month) = month_from_name(&first.text) {
        let [day, year, ..] = rest else { return None };
        let reading = to_plausible_date(to_year_number(year, full_year)?, full_year, month, to_day_number(day)?)?;
        return Some((vec![reading], 3));
    }
    let day = to_day_number(first)?;
    // `12 08/AUG 1974`: the month also in digits, as in East Asian passports.
    let twice = rest.first().and_then(|atom| atom.number);
    let rest = if twice.is_some() { rest.get(1..)? } else { rest };
    let words = rest.iter().take_while(|atom| atom.number.is_none()).count();
    let mut months: Vec<u16> = rest.iter().take(words).filter_map(|atom| month_from_name(&atom.text)).collect();
    months.dedup();
    let ([month], Some(year)) = (months.as_slice(), rest.get(words)) else { return None };
    // A month in two languages with `de` on either side makes four words.
    if words > 4 || twice.is_some_and(|twice| twice != *month) {
        return None;
    }
    let reading = to_plausible_date(to_year_number(year, full_year)?, full_year, *month, day)?;
    Some((vec![reading], words + 2 + usize::from(twice.is_some())))
}

fn to_day_number(atom: &DateToken) -> Option<u16> {
    atom.number.filter(|_| atom.text.len() <= 2)
}

fn to_year_number(atom: &DateToken, full_year: bool) -> Option<u16> {
    atom.number.filter(|_| atom.text.len() == if full_year { 4 } else { 2 })
}

/// The year that issuers print where a document does not expire.
pub(super) const NO_END_YEAR: u16 = 9999;

/// Whether a text names the month and the year of a date whose day is unknown: `XX.08.1974`, `00/08/1974`, `AUG 1974`,
/// `1974-08`.
pub(super) fn has_month_of(claimed: ClaimedDate, text: &str) -> bool {
    let Some(claimed_month) = claimed.month else { return false };
    let tokens = split_tokens(text);
    let month = |token: &DateToken| match token.number {
        Some(number) => (token.text.len() <= 2).then_some(number),
        None => month_from_name(&token.text),
    };
    let is_month = |token: &DateToken| month(token) == Some(u16::from(claimed_month));
    let is_year = |token: &DateToken| token.text.len() == 4 && token.number == Some(claimed.year);
    tokens.windows(2).any(|pair| match pair {
        [one, other] => is_month(one) && is_year(other) || is_year(one) && is_month(other),
        _ => false,
    })
}

/// Years of other calendars (Hijri 14xx, Buddhist 25xx) are not accepted, so they cannot contradict anything.
fn to_plausible_date(year: u16, full_year: bool, month: u16, day: u16) -> Option<PrintedDate> {
    let is_year = !full_year || (1880..=2120).contains(&year) || year == NO_END_YEAR;
    let known = is_year && (1..=12).contains(&month) && (1..=31).contains(&day);
    let (month, day) = (u8::try_from(month).ok()?, u8::try_from(day).ok()?);
    known.then_some(PrintedDate { year, full_year, month, day, month_first: false })
}

/// The beginnings of month names in the languages of documents, without marks.
const MONTHS: [&[&str]; 12] = [
    &["JAN", "JANV", "ENE", "GEN", "STY", "SIJ", "OCA", "TAMMI", "IAN"],
    &["FEB", "FEV", "FEVR", "LUT", "VELJ", "SUB", "HELMI"],
    &["MAR", "MARS", "MRT", "MRZ", "MAC", "MAERZ", "OZU", "MAAL", "MAART", "MARZO", "MARZEC", "MARCO"],
    &["APR", "AVR", "ABR", "KWI", "TRA", "NIS", "HUHTI"],
    &["MAY", "MAI", "MAJ", "MEI", "MAG", "SVI", "TOUKO"],
    &["JUN", "JUIN", "GIU", "CZE", "LIPANJ", "HAZ", "KESA", "IUN"],
    &["JUL", "JUIL", "LUG", "LIP", "SRP", "TEM", "HEINA", "IUL"],
    &["AUG", "AOU", "AGO", "SIE", "KOL", "ELO"],
    &["SEP", "SET", "WRZ", "RUJ", "EYL", "SYYS"],
    &["OCT", "OKT", "OTT", "OUT", "PAZ", "LISTOPADA", "EKI", "LOKA"],
    &["NOV", "LISTOPAD", "LIS", "STU", "KAS", "MARRAS"],
    &["DEC", "DEZ", "DIC", "DES", "GRU", "PRO", "ARA", "JOULU", "ARALIK"],
];

/// The month, 1 to 12, that a printed word names; the longest matching beginning wins.
fn month_from_name(word: &str) -> Option<u16> {
    let word = fold_to_ascii(word);
    let mut best: Option<(usize, u16)> = None;
    for (number, beginnings) in (1_u16..).zip(MONTHS) {
        for beginning in beginnings.iter().filter(|beginning| word.starts_with(**beginning)) {
            if best.is_none_or(|(length, _)| beginning.len() > length) {
                best = Some((beginning.len(), number));
            }
        }
    }
    // In words far longer than a month's name the beginning means nothing.
    best.filter(|_| word.len() <= 12).map(|(_, month)| month)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn readings(text: &str) -> Vec<String> {
        let shown = |date: &PrintedDate| format!("{:02}-{:02}-{:02}", date.year, date.month, date.day);
        find_printed_dates(text).iter().flatten().map(shown).collect()
    }

    #[test]
    fn printed_date_forms_are_parsed() {
        for text in [
            "12 AUG 1974",
            "12 AUG/AOUT 1974",
            "12AUG1974",
            "12. August 1974",
            "12 de agosto de 1974",
            "12 SIE/AUG 1974",
            "1974-08-12",
            "Aug 12, 1974",
            "12 aout 1974",
            "3. 12 AUG 1974 UTOPIA",
            "12 08/AUG 1974",
            "1974-AUG-12",
            "1974 AUG 12",
        ] {
            assert_eq!(readings(text), ["1974-08-12"], "{text}");
        }
        assert_eq!(readings("12/08/1974"), ["1974-08-12", "1974-12-08"]);
        assert_eq!(readings("3. 25.08.1974 Utopia"), ["1974-08-25"]);
        assert_eq!(readings("25.O8.1974"), ["1974-08-25"]);
        assert_eq!(readings("25 08 1974"), ["1974-08-25"]);
        assert_eq!(readings("12 AUG/AOUT 74"), ["74-08-12"]);
        assert_eq!(readings("31.12.99"), ["99-12-31"]);
        assert_eq!(readings("74/08/31"), ["74-08-31"]);
        assert_eq!(readings("4a. 01.02.2020 4b. 13.02.2030"), ["2020-02-01", "2030-02-13"]);
        assert_eq!(readings("12 JUIL/JUL 1974"), ["1974-07-12"]);
        assert_eq!(readings("12 JUIN/JUN 1974"), ["1974-06-12"]);
    }

    #[test]
    fn other_text_is_not_parsed_as_a_date() {
        for text in
            ["L898902C3", "1395/05/12", "12/08/2517", "4711 UTOPIA 12", "40.40.1974", "12 AUG/SEP 1974", "10.5.3"]
        {
            assert_eq!(readings(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn month_of_an_unknown_day_is_found() {
        let claimed = ClaimedDate { year: 1974, month: Some(8), day: None, full_year: false };
        for text in ["XX.08.1974", "00/08/1974", "08.1974", "AUG 1974", "-- AOUT/AUG 1974", "1974-08", "1974-08-00"] {
            assert!(has_month_of(claimed, text), "{text}");
        }
        for text in ["XX.09.1974", "08.1975", "1974", "8", ""] {
            assert!(!has_month_of(claimed, text), "{text}");
        }
    }

    #[test]
    fn only_existing_days_are_dates() {
        assert!(Date::new(2024, 2, 29).is_some());
        for (year, month, day) in
            [(2023, 2, 29), (1900, 2, 29), (2024, 13, 1), (2024, 0, 1), (2024, 4, 31), (1799, 1, 1)]
        {
            assert_eq!(Date::new(year, month, day), None, "{year}-{month}-{day}");
        }
        assert!(Date::new(2024, 2, 29) < Date::new(2024, 3, 1));
        assert_eq!(Date::new(2024, 2, 9).map(|date| date.to_string()).as_deref(), Some("2024-02-09"));
    }

    #[test]
    fn century_is_the_latest_allowed() {
        let today = Date::new(2026, 3, 1).unwrap();
        assert_eq!(add_century(26, today, 0), 2026);
        assert_eq!(add_century(27, today, 0), 1927);
        assert_eq!(add_century(36, today, 50), 2036);
        assert_eq!(add_century(90, today, 50), 1990);
    }

    #[test]
    fn unknown_day_agrees_with_any_and_lasts_to_the_end_of_the_month() {
        let claimed = ClaimedDate { year: 2028, month: Some(2), day: None, full_year: false };
        assert_eq!(claimed.latest_day(), Date::new(2028, 2, 29));
        assert_eq!(claimed.to_exact_date(), None);
        assert!(claimed.agrees_with(PrintedDate { year: 28, full_year: false, month: 2, day: 7, month_first: false }));
        assert!(!claimed.agrees_with(PrintedDate { year: 28, full_year: false, month: 3, day: 7, month_first: false }));
    }
}
