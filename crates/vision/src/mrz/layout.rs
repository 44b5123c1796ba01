//! Positions of the fields of a machine-readable zone (ICAO 9303 parts 4 to 7, and national ones), and the characters
//! allowed in each cell.

use super::ZoneFormat;

/// A run of cells in one row: the row, its first cell and the cell after its last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CellSpan {
    pub(crate) row: usize,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl CellSpan {
    pub(super) const fn new(row: usize, start: usize, end: usize) -> Self {
        Self { row, start, end }
    }

    pub(crate) fn cells(self) -> impl Iterator<Item = (usize, usize)> {
        (self.start..self.end).map(move |column| (self.row, column))
    }

    fn contains_cell(self, row: usize, column: usize) -> bool {
        self.row == row && (self.start..self.end).contains(&column)
    }
}

/// The positions of a format's fields. A date, the number and the optional data are each followed by their check digit.
#[derive(Debug)]
pub(crate) struct ZoneLayout {
    pub(crate) code: CellSpan,
    pub(crate) state: CellSpan,
    /// The whole name, or the surname if the given names have a field of their own.
    pub(crate) name: CellSpan,
    pub(crate) given_names: Option<CellSpan>,
    pub(crate) number: CellSpan,
    pub(crate) nationality: CellSpan,
    pub(crate) birth: CellSpan,
    pub(crate) sex: CellSpan,
    pub(crate) expiry: CellSpan,
    pub(crate) optional: &'static [CellSpan],
    /// Whether the optional data has a check digit of its own.
    pub(crate) optional_digit: bool,
    /// The cells that the composite check digit covers, and its own cell. Visas have none.
    pub(crate) composite: Option<(&'static [CellSpan], (usize, usize))>,
}

const TD1: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    number: CellSpan::new(0, 5, 14),
    birth: CellSpan::new(1, 0, 6),
    sex: CellSpan::new(1, 7, 8),
    expiry: CellSpan::new(1, 8, 14),
    nationality: CellSpan::new(1, 15, 18),
    name: CellSpan::new(2, 0, 30),
    given_names: None,
    optional: &[CellSpan::new(0, 15, 30), CellSpan::new(1, 18, 29)],
    optional_digit: false,
    composite: Some((
        &[CellSpan::new(0, 5, 30), CellSpan::new(1, 0, 7), CellSpan::new(1, 8, 15), CellSpan::new(1, 18, 29)],
        (1, 29),
    )),
};

const TD2: ZoneLayout = ZoneLayout {
    name: CellSpan::new(0, 5, 36),
    optional: &[CellSpan::new(1, 28, 35)],
    optional_digit: false,
    composite: Some((&[CellSpan::new(1, 0, 10), CellSpan::new(1, 13, 20), CellSpan::new(1, 21, 35)], (1, 35))),
    ..TD3
};

const TD3: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    name: CellSpan::new(0, 5, 44),
    given_names: None,
    number: CellSpan::new(1, 0, 9),
    nationality: CellSpan::new(1, 10, 13),
    birth: CellSpan::new(1, 13, 19),
    sex: CellSpan::new(1, 20, 21),
    expiry: CellSpan::new(1, 21, 27),
    optional: &[CellSpan::new(1, 28, 42)],
    optional_digit: true,
    composite: Some((&[CellSpan::new(1, 0, 10), CellSpan::new(1, 13, 20), CellSpan::new(1, 21, 43)], (1, 43))),
};

const MRV_A: ZoneLayout =
    ZoneLayout { optional: &[CellSpan::new(1, 28, 44)], optional_digit: false, composite: None, ..TD3 };

const MRV_B: ZoneLayout = ZoneLayout { optional: &[CellSpan::new(1, 28, 36)], composite: None, ..TD2 };

/// A field that a format does not have.
const NO_FIELD: CellSpan = CellSpan::new(0, 0, 0);

/// The first letters of the number are year and month of issue; the department and the office end the first line.
const FRENCH_CARD: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    name: CellSpan::new(0, 5, 30),
    given_names: Some(CellSpan::new(1, 13, 27)),
    number: CellSpan::new(1, 0, 12),
    nationality: NO_FIELD,
    birth: CellSpan::new(1, 27, 33),
    sex: CellSpan::new(1, 34, 35),
    expiry: NO_FIELD,
    optional: &[CellSpan::new(0, 30, 36)],
    optional_digit: false,
    composite: Some((&[CellSpan::new(0, 0, 36), CellSpan::new(1, 0, 35)], (1, 35))),
};

const FRENCH_LICENCE: ZoneLayout = ZoneLayout {
    code: CellSpan::new(0, 0, 2),
    state: CellSpan::new(0, 2, 5),
    name: CellSpan::new(0, 21, 29),
    given_names: None,
    number: CellSpan::new(0, 5, 14),
    nationality: NO_FIELD,
    birth: NO_FIELD,
    sex: NO_FIELD,
    expiry: CellSpan::new(0, 15, 21),
    optional: &[],
    optional_digit: false,
    composite: Some((&[CellSpan::new(0, 0, 29)], (0, 29))),
};

/// The characters that are allowed in a cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellAlphabet {
    /// One of these.
    OneOf(&'static [u8]),
    /// A to Z without V, the letter of visas.
    LetterButV,
    /// A to Z.
    Letter,
    /// A to Z and the filler.
    Letters,
    /// 0 to 9 and the filler.
    Digits,
    /// 0 to 9.
    Digit,
    /// All characters of a zone.
    Any,
}

impl CellAlphabet {
    pub(crate) fn allows(self, character: u8) -> bool {
        match self {
            Self::OneOf(characters) => characters.contains(&character),
            Self::LetterButV => character.is_ascii_uppercase() && character != b'V',
            Self::Letter => character.is_ascii_uppercase(),
            Self::Letters => character.is_ascii_uppercase() || character == b'<',
            Self::Digits => character.is_ascii_digit() || character == b'<',
            Self::Digit => character.is_ascii_digit(),
            Self::Any => character.is_ascii_uppercase() || character.is_ascii_digit() || character == b'<',
        }
    }
}

impl ZoneFormat {
    pub(crate) const ALL: [Self; 7] =
        [Self::Td3, Self::Td1, Self::Td2, Self::MrvA, Self::MrvB, Self::FrenchCard, Self::FrenchLicence];

    /// Its name, that of ICAO 9303 if it is one of its formats.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Td1 => "TD1",
            Self::Td2 => "TD2",
            Self::Td3 => "TD3",
            Self::MrvA => "MRV-A",
            Self::MrvB => "MRV-B",
            Self::FrenchCard => "french_identity_card",
            Self::FrenchLicence => "french_driving_licence",
        }
    }

    /// The number of its lines.
    #[must_use]
    pub fn row_count(self) -> usize {
        match self {
            Self::FrenchLicence => 1,
            Self::Td1 => 3,
            _ => 2,
        }
    }

    /// The number of characters in each line.
    #[must_use]
    pub fn column_count(self) -> usize {
        match self {
            Self::Td1 | Self::FrenchLicence => 30,
            Self::Td2 | Self::MrvB | Self::FrenchCard => 36,
            Self::Td3 | Self::MrvA => 44,
        }
    }

    pub(crate) fn layout(self) -> &'static ZoneLayout {
        match self {
            Self::Td1 => &TD1,
            Self::Td2 => &TD2,
            Self::Td3 => &TD3,
            Self::MrvA => &MRV_A,
            Self::MrvB => &MRV_B,
            Self::FrenchCard => &FRENCH_CARD,
            Self::FrenchLicence => &FRENCH_LICENCE,
        }
    }

    /// The cells that identify the holder's document: its number and both dates.
    pub(crate) fn identifying_cells(self) -> impl Iterator<Item = (usize, usize)> {
        let layout = self.layout();
        [layout.number, layout.birth, layout.expiry].into_iter().flat_map(CellSpan::cells)
    }

    /// The characters allowed in a cell. Part 5 names A, C and I for cards, but issuers use others: ME for people who
    /// seek asylum, RP and RR for residents, TA and L for travel documents, D for drivers. Only V is kept for visas:
    /// these have no composite digit. A document's second letter and its kind are the issuer's choice, and some issuers
    /// choose a digit (C1 and C2 on permanent residents' cards); passports have letters only. An issuer and a name begin
    /// with a letter: a filler before them means that the line was read with one character too many.
    pub(crate) fn alphabet_at(self, row: usize, column: usize) -> CellAlphabet {
        if matches!(self, Self::FrenchCard | Self::FrenchLicence) {
            return self.french_alphabet_at(row, column);
        }
        let layout = self.layout();
        let digit_after = |span: CellSpan| (row, column) == (span.row, span.end);
        let begins = |span: CellSpan| (row, column) == (span.row, span.start);
        match (row, column) {
            (0, 0) => match self {
                Self::MrvA | Self::MrvB => CellAlphabet::OneOf(b"V"),
                Self::Td1 => CellAlphabet::Letter,
                _ => CellAlphabet::LetterButV,
            },
            (0, 1) if self == Self::Td3 => CellAlphabet::Letters,
            _ if layout.composite.is_some_and(|(_, digit)| digit == (row, column)) => CellAlphabet::Digit,
            _ if begins(layout.state) || begins(layout.name) => CellAlphabet::Letter,
            _ if layout.sex.contains_cell(row, column) => CellAlphabet::OneOf(b"MFX<"),
            _ if [layout.state, layout.nationality, layout.name].iter().any(|span| span.contains_cell(row, column)) => {
                CellAlphabet::Letters
            }
            _ if digit_after(layout.birth) || digit_after(layout.expiry) => CellAlphabet::Digit,
            _ if digit_after(layout.number) => CellAlphabet::Digits,
            _ if layout.optional_digit && layout.optional.iter().any(|span| digit_after(*span)) => CellAlphabet::Digits,
            _ if layout.birth.contains_cell(row, column) || layout.expiry.contains_cell(row, column) => {
                CellAlphabet::Digits
            }
            _ => CellAlphabet::Any,
        }
    }

    /// The characters of a French zone's cell: its beginning is always the same.
    fn french_alphabet_at(self, row: usize, column: usize) -> CellAlphabet {
        let layout = self.layout();
        let start: [&'static [u8]; 5] =
            if self == Self::FrenchCard { [b"I", b"D", b"F", b"R", b"A"] } else { [b"D", b"1", b"F", b"R", b"A"] };
        let is_in = |span: CellSpan| span.contains_cell(row, column);
        let digit_after = |span: CellSpan| span.start < span.end && (row, column) == (span.row, span.end);
        match start.get(column).filter(|_| row == 0) {
            Some(letter) => CellAlphabet::OneOf(letter),
            None if is_in(layout.name) || layout.given_names.is_some_and(is_in) => {
                if (row, column) == (layout.name.row, layout.name.start) {
                    CellAlphabet::Letter
                } else {
                    CellAlphabet::Letters
                }
            }
            None if is_in(layout.sex) => CellAlphabet::OneOf(b"MF"),
            None if digit_after(layout.number) || digit_after(layout.birth) => CellAlphabet::Digit,
            None if layout.composite.is_some_and(|(_, digit)| digit == (row, column)) => CellAlphabet::Digit,
            None if is_in(layout.birth) || is_in(layout.expiry) => CellAlphabet::Digits,
            None => CellAlphabet::Any,
        }
    }
}
