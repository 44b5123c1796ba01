//! Parses the machine-readable zone of travel documents (ICAO 9303 parts 3 to 7): from lines of text to fields and
//! check digits.

mod date;
mod digits;
mod layout;
mod settle;

use serde::{Deserialize, Serialize};

pub use date::{CalendarDate, MrzDate};
use digits::{character_at, find_number_continuation};
pub(crate) use layout::CellAlphabet;
use layout::CellSpan;
pub(crate) use settle::{ReadCell, settle_zone};

/// The kinds of zones: those of ICAO 9303, and national ones with check digits of the same formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ZoneFormat {
    /// Cards: three lines of 30 characters (part 5).
    Td1,
    /// Larger cards: two lines of 36 characters (part 6).
    Td2,
    /// Passports: two lines of 44 characters (part 4).
    Td3,
    /// Full-size visas: two lines of 44 characters (part 7).
    MrvA,
    /// Small visas: two lines of 36 characters (part 7).
    MrvB,
    /// French identity cards from 1988 to 2021: two lines of 36 characters, with the given names in the second.
    FrenchCard,
    /// French driving licences from 2013 on: one line of 30 characters.
    FrenchLicence,
}

/// The holder's sex as printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Sex {
    Male,
    Female,
    /// A filler, or the X that some issuers print.
    Unspecified,
}

/// One check digit and whether it is right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DigitCheck {
    /// The covered field: `document_number`, `date_of_birth`, `expiry`, `optional` or `composite`.
    pub field: &'static str,
    pub passed: bool,
}

/// A machine-readable zone with its fields, without fillers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Zone {
    pub format: ZoneFormat,
    /// As printed, top to bottom.
    pub lines: Vec<String>,
    /// One or two characters, such as `P`, `ID` or `V`.
    pub document_code: String,
    /// One to three letters (ICAO 9303 part 3, section 5).
    pub issuing_state: String,
    /// Words separated by single spaces, as in the given names. No check digit covers either.
    pub surname: String,
    pub given_names: String,
    /// The whole number, including a part in the optional data.
    pub document_number: String,
    /// One to three letters (ICAO 9303 part 3, section 5).
    pub nationality: String,
    pub date_of_birth: MrzDate,
    pub sex: Sex,
    pub expiry: MrzDate,
    /// The issuer's own data, one entry per field: two on cards of three lines, else one; including empty ones.
    pub optional: Vec<String>,
    /// All check digits of the format; the composite one, if any, comes last.
    pub checks: Vec<DigitCheck>,
}

impl Zone {
    /// Whether its last name fills its field, so that its end may be missing.
    #[must_use]
    pub fn is_name_cut(&self) -> bool {
        let layout = self.format.layout();
        let last = layout.given_names.unwrap_or(layout.name);
        let line = self.lines.get(last.row).map(String::as_bytes).unwrap_or_default();
        last.end.checked_sub(1).and_then(|end| line.get(end)).is_some_and(|character| *character != b'<')
    }

    /// Whether every check digit is right.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        self.checks.iter().all(|check| check.passed)
    }
}

/// Parses a zone's lines: `None` if they have no format's size or a character is not allowed in its cell. Check digits
/// may be wrong; the zone says which.
#[must_use]
pub fn parse_zone(lines: &[&str]) -> Option<Zone> {
    let rows: Vec<Vec<u8>> = lines.iter().map(|line| line.trim().as_bytes().to_vec()).collect();
    ZoneFormat::ALL.into_iter().find(|format| fits_format(*format, &rows)).map(|format| build_zone(format, &rows))
}

/// The zone of a known format with these lines; `None` if they have not the format's size.
pub(crate) fn rebuild_zone(format: ZoneFormat, lines: &[String]) -> Option<Zone> {
    let rows: Vec<Vec<u8>> = lines.iter().map(|line| line.as_bytes().to_vec()).collect();
    let is_row = |row: &Vec<u8>| row.is_ascii() && row.len() == format.column_count();
    (rows.len() == format.row_count() && rows.iter().all(is_row)).then(|| build_zone(format, &rows))
}

/// Whether the rows have a format's size and each character is allowed in its cell.
fn fits_format(format: ZoneFormat, rows: &[Vec<u8>]) -> bool {
    rows.len() == format.row_count()
        && rows.iter().enumerate().all(|(row, characters)| {
            let mut cells = characters.iter().enumerate();
            characters.len() == format.column_count()
                && cells.all(|(column, character)| format.alphabet_at(row, column).allows(*character))
        })
}

fn build_zone(format: ZoneFormat, rows: &[Vec<u8>]) -> Zone {
    let layout = format.layout();
    let raw = |span: CellSpan| span.cells().map(|cell| character_at(rows, cell)).collect::<Vec<u8>>();
    let (surname, given_names) = match layout.given_names {
        Some(span) => (join_words(&raw(layout.name)), join_words(&raw(span))),
        None => split_names(&raw(layout.name)),
    };
    let goes_on = find_number_continuation(format, rows);
    let number = layout.number.cells().chain(goes_on.iter().rev().skip(1).rev().copied());
    let number: Vec<u8> = number.map(|cell| character_at(rows, cell)).collect();
    let optional = layout.optional.iter().map(|span| {
        let own = span.cells().filter(|cell| !goes_on.contains(cell));
        join_words(&own.map(|cell| character_at(rows, cell)).collect::<Vec<u8>>())
    });
    let checks = digits::list_check_digits(format, rows);
    let checks = checks.iter().map(|check| DigitCheck { field: check.field, passed: check.is_right(rows) });
    Zone {
        format,
        lines: rows.iter().map(|row| String::from_utf8_lossy(row).into_owned()).collect(),
        document_code: join_words(&raw(layout.code)),
        issuing_state: join_words(&raw(layout.state)),
        surname,
        given_names,
        document_number: join_words(&number),
        nationality: join_words(&raw(layout.nationality)),
        date_of_birth: MrzDate::parse(&raw(layout.birth)),
        sex: match raw(layout.sex).first() {
            Some(b'M') => Sex::Male,
            Some(b'F') => Sex::Female,
            _ => Sex::Unspecified,
        },
        expiry: MrzDate::parse(&raw(layout.expiry)),
        optional: optional.collect(),
        checks: checks.collect(),
    }
}

/// Surname and given names: two fillers separate them (ICAO 9303 part 3, section 4.6).
fn split_names(field: &[u8]) -> (String, String) {
    let gap = field.windows(2).position(|pair| pair == b"<<").unwrap_or(field.len());
    (join_words(field.get(..gap).unwrap_or_default()), join_words(field.get(gap..).unwrap_or_default()))
}

/// A field's words, with a space for the fillers between them.
fn join_words(field: &[u8]) -> String {
    let words = field.split(|character| *character == b'<').filter(|word| !word.is_empty());
    words.map(|word| String::from_utf8_lossy(word)).collect::<Vec<_>>().join(" ")
}
