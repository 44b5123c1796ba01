//! Check digits (ICAO 9303 part 3, section 4.9): weights 7, 3, 1 over the characters' values, modulo 10.

use super::ZoneFormat;
use super::layout::CellSpan;

/// A check digit: the cells that it covers and its own cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CheckDigit {
    pub(crate) field: &'static str,
    pub(crate) covered: Vec<(usize, usize)>,
    pub(crate) digit: (usize, usize),
    /// Whether a field without data may have a filler as its digit.
    may_be_left_out: bool,
}

/// The name of the check digit over several fields.
pub(crate) const COMPOSITE: &str = "composite";

/// A character of the zone; the filler beyond its end.
pub(crate) fn character_at(rows: &[Vec<u8>], (row, column): (usize, usize)) -> u8 {
    rows.get(row).and_then(|row| row.get(column)).copied().unwrap_or(b'<')
}

/// A character's value: digits their own, A to Z 10 to 35, the filler 0.
fn character_value(character: u8) -> u32 {
    char::from(character).to_digit(36).unwrap_or(0)
}

impl CheckDigit {
    /// All cells on which it depends.
    pub(crate) fn depending_cells(&self) -> Vec<(usize, usize)> {
        self.covered.iter().copied().chain([self.digit]).collect()
    }

    pub(crate) fn is_right(&self, rows: &[Vec<u8>]) -> bool {
        let printed = character_at(rows, self.digit);
        if printed == b'<' {
            return self.may_be_left_out && self.covered.iter().all(|cell| character_at(rows, *cell) == b'<');
        }
        let weights = [7, 3, 1].into_iter().cycle();
        let sum: u32 = self
            .covered
            .iter()
            .zip(weights)
            .map(|(cell, weight)| character_value(character_at(rows, *cell)) * weight)
            .sum();
        printed.is_ascii_digit() && character_value(printed) == sum % 10
    }
}

/// A zone's check digits; the composite one, if the format has one, comes last.
pub(crate) fn list_check_digits(format: ZoneFormat, rows: &[Vec<u8>]) -> Vec<CheckDigit> {
    let layout = format.layout();
    let check = |field, span: CellSpan| CheckDigit {
        field,
        covered: span.cells().collect(),
        digit: (span.row, span.end),
        may_be_left_out: false,
    };
    let mut checks = match format {
        ZoneFormat::FrenchCard => vec![check("document_number", layout.number), check("date_of_birth", layout.birth)],
        // Its number's digit covers the line from its beginning.
        ZoneFormat::FrenchLicence => vec![CheckDigit {
            covered: CellSpan::new(0, 0, layout.number.end).cells().collect(),
            ..check("document_number", layout.number)
        }],
        _ => vec![
            find_long_number_check(format, rows).unwrap_or_else(|| check("document_number", layout.number)),
            check("date_of_birth", layout.birth),
            check("expiry", layout.expiry),
        ],
    };
    if layout.optional_digit {
        let optional =
            layout.optional.iter().map(|span| CheckDigit { may_be_left_out: true, ..check("optional", *span) });
        checks.extend(optional);
    }
    if let Some((spans, digit)) = layout.composite {
        let covered = spans.iter().flat_map(|span| span.cells()).collect();
        checks.push(CheckDigit { field: COMPOSITE, covered, digit, may_be_left_out: false });
    }
    checks
}

/// The check of a number longer than its field (TD1 and TD2: ICAO 9303 part 5, section 4.2.2, and part 6). A filler
/// replaces its digit; the rest of the number and its digit are in the optional data, up to the next filler.
fn find_long_number_check(format: ZoneFormat, rows: &[Vec<u8>]) -> Option<CheckDigit> {
    let layout = format.layout();
    let number = layout.number;
    let rest: Vec<(usize, usize)> = find_number_continuation(format, rows);
    let (digit, rest) = rest.split_last()?;
    let covered = number.cells().chain(rest.iter().copied()).collect();
    Some(CheckDigit { field: "document_number", covered, digit: *digit, may_be_left_out: false })
}

/// The cells of the optional data in which a long number continues, including its check digit; empty for other numbers.
pub(crate) fn find_number_continuation(format: ZoneFormat, rows: &[Vec<u8>]) -> Vec<(usize, usize)> {
    let layout = format.layout();
    let number = layout.number;
    let is_long = matches!(format, ZoneFormat::Td1 | ZoneFormat::Td2)
        && character_at(rows, (number.row, number.end)) == b'<'
        && character_at(rows, (number.row, number.end - 1)) != b'<';
    let optional = layout.optional.first().filter(|_| is_long);
    let cells = optional.into_iter().flat_map(|span| span.cells());
    let cells: Vec<_> = cells.take_while(|cell| character_at(rows, *cell) != b'<').collect();
    if cells.len() < 2 { Vec::new() } else { cells }
}
